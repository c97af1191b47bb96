"""Automatic differentiation in Taylor mode."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pinnspectra.differentiation.base import AbstractDifferentiation, Field, check_dimension
from pinnspectra.differentiation.jet import variable
from pinnspectra.differentiation.operators import DifferentialOperator
from pinnspectra.differentiation.points import Points


@dataclass(frozen=True)
class Automatic(AbstractDifferentiation):
    """The chain rule in forward mode (jet.py): exact up to rounding, of any order.

    For two layers it collapses to the closed form a_j w_j^k sigma^(k)(w_j x + b_j). The field must
    be built from `linear` and `activate`, as networks are.
    """

    def derivatives(
        self, u: Field, x: Points, *operators: DifferentialOperator
    ) -> tuple[Tensor, ...]:
        """Apply all operators by one lazy jet of u, (..., N) each."""
        check_dimension(operators, x)
        jet = u(variable(x.coordinates))
        return tuple(jet.derivative(operator) for operator in operators)
