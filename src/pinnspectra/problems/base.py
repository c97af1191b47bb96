"""The interface of a boundary-value problem."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from pinnspectra.differentiation.base import AbstractDifferentiation, Field
from pinnspectra.differentiation.points import Points
from pinnspectra.problems.domains import Box


class AbstractPDE(ABC):
    """L u = f in a box, B_1 u = ... = B_m u = 0 on its boundary, with a known solution.

    The sign of L is the one of the paper's Appendix B (Delta u = f, not -Delta u = f). A problem is
    one file and one YAML file; it says what is differentiated, never how.
    """

    @property
    @abstractmethod
    def domain(self) -> Box:
        """The box that the equation holds in."""

    @abstractmethod
    def operator(self, u: Field, x: Points, D: AbstractDifferentiation) -> Tensor:
        """L u at the points x, (..., N), with the derivatives taken by D."""

    @abstractmethod
    def boundary_operators(
        self,
        u: Field,
        y: Points,
        D: AbstractDifferentiation,
    ) -> tuple[Tensor, ...]:
        """B_1 u, ..., B_m u at the boundary points y, (..., N_b) each; the solution has zero."""

    @abstractmethod
    def forcing(self, x: Tensor) -> Tensor:
        """f at the points x (N, d), (N,)."""

    @abstractmethod
    def exact_solution(self, x: Tensor) -> Tensor:
        """The solution u at the points x (N, d), (N,)."""
