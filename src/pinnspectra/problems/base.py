"""The interface of a boundary-value problem."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from pinnspectra.differentiation.base import AbstractDifferentiation, Field
from pinnspectra.differentiation.points import Points
from pinnspectra.problems.domains import Box


class AbstractPDE(ABC):
    """L u = f in a box, B_1 u = ... = B_m u = 0 on its boundary, with a known solution.

    The sign of L is that of the paper's Appendix B (Delta u = f, not -Delta u = f). A problem is
    one Python file and one YAML file; it states which derivatives are needed, not how to take them.
    """

    @property
    @abstractmethod
    def domain(self) -> Box:
        """The domain of the equation."""

    @abstractmethod
    def operator(self, u: Field, x: Points, D: AbstractDifferentiation) -> Tensor:
        """Apply L to u at the points x by the method D, (..., N)."""

    @abstractmethod
    def boundary_operators(
        self, u: Field, y: Points, D: AbstractDifferentiation
    ) -> tuple[Tensor, ...]:
        """Apply B_1, ..., B_m to u at the boundary points y by D, (..., N_b) each."""

    @abstractmethod
    def forcing(self, x: Tensor) -> Tensor:
        """Evaluate f at the points x (N, d), (N,)."""

    @abstractmethod
    def exact_solution(self, x: Tensor) -> Tensor:
        """Evaluate the solution at the points x (N, d), (N,)."""
