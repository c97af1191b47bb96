"""The Poisson equation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnspectra.differentiation import AbstractDifferentiation, Field, identity, laplacian
from pinnspectra.differentiation.points import Points
from pinnspectra.problems.base import AbstractPDE
from pinnspectra.problems.domains import Box


@dataclass(frozen=True)
class Poisson(AbstractPDE):
    """Delta u = f in a box with whole-number ends, u = 0 on the boundary.

    Exact solution u = sin(pi x_1) ... sin(pi x_d), so f = -d pi^2 u. Appendix B.2 is the box
    [-1, 1], B.3 is [0, 1]^2; for d = 2 the paper prints f = -pi^2 u, which u does not solve.
    """

    lower: Sequence[float]
    upper: Sequence[float]

    def __post_init__(self) -> None:
        """Check that the solution vanishes on the boundary."""
        if len(self.lower) != len(self.upper) or not self.lower:
            raise ValueError(f"lower={list(self.lower)}: as many ends as in upper are needed")
        for name, ends in (("lower", self.lower), ("upper", self.upper)):
            if not all(float(end).is_integer() for end in ends):
                raise ValueError(f"{name}={list(ends)}: whole numbers are needed for u = 0 there")

    @property
    def domain(self) -> Box:
        """The box lower <= x <= upper."""
        return Box(tuple(self.lower), tuple(self.upper))

    def operator(self, u: Field, x: Points, D: AbstractDifferentiation) -> Tensor:
        """Take Delta u."""
        return D(u, x, laplacian(len(self.lower)))

    def boundary_operators(
        self, u: Field, y: Points, D: AbstractDifferentiation
    ) -> tuple[Tensor, ...]:
        """Take u."""
        return (D(u, y, identity(len(self.lower))),)

    def forcing(self, x: Tensor) -> Tensor:
        """Evaluate -d pi^2 sin(pi x_1) ... sin(pi x_d)."""
        return -len(self.lower) * math.pi**2 * self.exact_solution(x)

    def exact_solution(self, x: Tensor) -> Tensor:
        """Evaluate sin(pi x_1) ... sin(pi x_d)."""
        return torch.sin(math.pi * x).prod(dim=-1)
