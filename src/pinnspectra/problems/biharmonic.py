"""The biharmonic equation in one dimension."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnspectra.differentiation import AbstractDifferentiation, Field, identity, partials
from pinnspectra.differentiation.points import Points
from pinnspectra.problems.base import AbstractPDE
from pinnspectra.problems.domains import Box


@dataclass(frozen=True)
class Biharmonic(AbstractPDE):
    """u_xxxx = exp(x) on [-1, 1], u = u_x = 0 at both ends (Sec. 4, Appendix B.4).

    Exact solution u = c_0 + c_1 x + c_2 x^2 + c_3 x^3 + exp(x). The coefficients satisfy the
    four boundary conditions; those printed in the paper do not (Sec. 4's give u(-1) = 0.245).
    """

    @property
    def domain(self) -> Box:
        """The interval [-1, 1]."""
        return Box((-1.0,), (1.0,))

    def operator(self, u: Field, x: Points, D: AbstractDifferentiation) -> Tensor:
        """Take u_xxxx."""
        (dx,) = partials(1)
        return D(u, x, dx**4)

    def boundary_operators(
        self, u: Field, y: Points, D: AbstractDifferentiation
    ) -> tuple[Tensor, ...]:
        """Take u and u_x."""
        (dx,) = partials(1)
        return D.derivatives(u, y, identity(1), dx)

    def forcing(self, x: Tensor) -> Tensor:
        """Evaluate exp(x)."""
        return torch.exp(x[:, 0])

    def exact_solution(self, x: Tensor) -> Tensor:
        """Evaluate c_0 + c_1 x + c_2 x^2 + c_3 x^3 + exp(x)."""
        e = math.e
        c0, c1 = -e / 4 - 3 / (4 * e), 1 / e - e / 2
        c2, c3 = 1 / (4 * e) - e / 4, -1 / (2 * e)
        x = x[:, 0]
        return c0 + x * (c1 + x * (c2 + x * c3)) + torch.exp(x)
