"""Nested reverse-mode differentiation, as written by hand: an oracle and a baseline."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pinnspectra.differentiation.base import AbstractDifferentiation, Field, check_dimension
from pinnspectra.differentiation.operators import DifferentialOperator
from pinnspectra.differentiation.points import Points


def _derivative(u: Tensor, x: Tensor, axis: int) -> Tensor:
    """Return du/dx_axis of one function at all points, (N,); zero where u does not depend on x."""
    if not u.requires_grad:
        return torch.zeros_like(u)
    (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True, materialize_grads=True)
    return slope[:, axis]


@dataclass(frozen=True)
class NestedAutograd(AbstractDifferentiation):
    """torch.autograd.grad with create_graph=True, once per order.

    Exact up to rounding, as Taylor mode is, but at a cost that grows exponentially with the order.
    Functions are differentiated one by one.
    """

    def derivatives(
        self, u: Field, x: Points, *operators: DifferentialOperator
    ) -> tuple[Tensor, ...]:
        """Apply the operators term by term by repeated backward passes, (..., N) each.

        Without a graph where the caller has switched gradients off.
        """
        check_dimension(operators, x)
        coordinates = x.coordinates.detach().requires_grad_()
        with torch.enable_grad():
            values = u(coordinates)
            functions = values.reshape(-1, values.shape[-1]).unbind(0)
            derivatives = [
                torch.stack([self._apply(f, coordinates, operator) for f in functions])
                for operator in operators
            ]
        wanted = torch.is_grad_enabled()
        return tuple((d if wanted else d.detach()).reshape(values.shape) for d in derivatives)

    def _apply(self, u: Tensor, x: Tensor, operator: DifferentialOperator) -> Tensor:
        total = torch.zeros_like(u)
        for index, coefficient in operator.terms:
            term = u
            for axis, order in enumerate(index):
                for _ in range(order):
                    term = _derivative(term, x, axis)
            total = total + coefficient * term
        return total
