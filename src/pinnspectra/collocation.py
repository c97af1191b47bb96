"""Collocation: a problem discretised by a differentiation method at points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from pinnspectra.differentiation import (
    AbstractDifferentiation,
    Automatic,
    DifferentialOperator,
    Field,
)
from pinnspectra.differentiation.jet import linear
from pinnspectra.differentiation.joint import JointNodes
from pinnspectra.differentiation.points import Points
from pinnspectra.problems import AbstractPDE


class FitError(ValueError):
    """The method cannot be fitted to a field."""


class _OperatorRecorder(AbstractDifferentiation):
    """AD that records the operators it is asked for."""

    def __init__(self) -> None:
        self.operators: dict[DifferentialOperator, None] = {}

    def derivatives(
        self, u: Field, x: Points, *operators: DifferentialOperator
    ) -> tuple[Tensor, ...]:
        self.operators |= dict.fromkeys(operators)
        return Automatic().derivatives(u, x, *operators)


@dataclass(frozen=True, eq=False)
class Collocation:
    """Residuals, losses and system matrix of a problem at interior and boundary points.

    All of them apply the same operator by the same method, in the dtype of the points and of the
    field. Built from float64 points; `to` makes the working copy.

    Raises:
        ValueError: the method cannot take the problem's derivatives at these points.
    """

    pde: AbstractPDE
    method: AbstractDifferentiation
    interior: Points
    boundary: Points

    def __post_init__(self) -> None:
        """Evaluate the losses once, so that an unsuitable method is refused at once."""
        _ = self._joint

    @cached_property
    def _joint(self) -> JointNodes | None:
        """The points at which the losses evaluate u, found with u = x_1 + ... + x_d."""
        return JointNodes.of(self._losses, self._coordinate_sum)

    def _coordinate_sum(self, x: Any) -> Any:
        """Evaluate u = x_1 + ... + x_d."""
        weight = torch.ones_like(self.interior.coordinates[:1])
        return linear(x.mT, weight)[0, :]

    @cached_property
    def operators(self) -> tuple[DifferentialOperator, ...]:
        """The operators of the problem, in the interior and at the boundary."""
        recorder = _OperatorRecorder()
        self.pde.operator(self._coordinate_sum, Points(self.interior.coordinates[:1]), recorder)
        self.pde.boundary_operators(
            self._coordinate_sum, Points(self.boundary.coordinates[:1]), recorder
        )
        return tuple(recorder.operators)

    @property
    def leading_operators(self) -> tuple[DifferentialOperator, ...]:
        """The operators of the highest order, whose errors are the largest."""
        order = max(operator.order for operator in self.operators)
        return tuple(operator for operator in self.operators if operator.order == order)

    def fitted(self, u: Field) -> Collocation:
        """Adapt the method to a field u, (..., N), in the dtype of the points.

        Returns the collocation itself where the method has nothing to adapt.

        Raises:
            FitError: the method cannot take the derivatives of this field.
        """
        try:
            method = self.method.fitted(u, self.interior, self.operators)
        except ValueError as error:
            raise FitError(str(error)) from error
        return self if method == self.method else replace(self, method=method)

    def to(self, dtype: torch.dtype, device: torch.device | str = "cpu") -> Collocation:
        """Cast the points to a dtype and move them to a device."""
        interior, boundary = self.interior.to(dtype, device), self.boundary.to(dtype, device)
        return replace(self, interior=interior, boundary=boundary)

    def parts(self, points: int) -> Iterator[Collocation]:
        """Split into consecutive parts of at most `points` interior points (Points.parts).

        Parts of a grid are differentiated as the whole grid is, at the same nodes.
        """
        for part in self.interior.parts(points):
            yield self if part is self.interior else replace(self, interior=part)

    def by_ad(self) -> Collocation:
        """Replace the method by AD, which is exact up to rounding."""
        return replace(self, method=Automatic())

    @property
    def nodes(self) -> int:
        """The number of points at which the losses evaluate u."""
        if self._joint is not None:
            return len(self._joint.coordinates)
        return len(self.interior.coordinates) + len(self.boundary.coordinates)

    @cached_property
    def forcing(self) -> Tensor:
        """f at the interior points, (N,), evaluated in their dtype."""
        return self.pde.forcing(self.interior.coordinates)

    def residual(self, u: Field) -> Tensor:
        """Evaluate r = L u - f at the interior points, (..., N)."""
        return self.pde.operator(u, self.interior, self.method) - self.forcing

    def boundary_residuals(self, u: Field) -> tuple[Tensor, ...]:
        """Evaluate B_1 u, ..., B_m u at the boundary points, (..., N_b) each."""
        return self.pde.boundary_operators(u, self.boundary, self.method)

    def system_matrix(self, features: Field) -> Tensor:
        """Apply the operator to the features phi_j, one column each: A, (S, N, M) (Eq. 7-8)."""
        return self.pde.operator(features, self.interior, self.method).mT

    def boundary_matrix(self, features: Field) -> Tensor:
        """Apply the boundary operators to the features, stacked, (S, m N_b, M)."""
        return torch.cat(self.boundary_residuals(features), dim=-1).mT

    def losses(self, u: Field) -> dict[str, Tensor]:
        """Evaluate the mean squares of the residuals, (S,) each (Appendix B.2.2, B.4.2).

        interior = mean_i r_i^2; boundary = sum over the boundary operators of the mean squares.
        """
        return self._losses(u if self._joint is None else self._joint.evaluated(u))

    def _losses(self, u: Field) -> dict[str, Tensor]:
        interior = self.residual(u).square().mean(dim=-1)
        return {"interior": interior, "boundary": self.boundary_loss(u)}

    def boundary_loss(self, u: Field) -> Tensor:
        """Sum the mean squares of the boundary residuals, (S,)."""
        boundary = [r.square().mean(dim=-1) for r in self.boundary_residuals(u)]
        return sum(boundary[1:], boundary[0])

    def sums_of_squares(self, reference: Collocation, u: Field, u64: Field) -> Tensor:
        """Sum squares over the interior points, (5, S), float64.

        Of the residual, the residual by AD in float64, f, u - u* and u*, with u* the solution.

        Args:
            reference: this collocation by AD in float64.
            u: the field in the working precision, (S, N).
            u64: the field of the same parameters in float64.
        """
        r, r64 = self.residual(u), reference.residual(u64)
        x = reference.interior.coordinates
        exact = reference.pde.exact_solution(x).expand_as(r64)
        parts = (r, r64, reference.forcing.expand_as(r64), u64(x) - exact, exact)
        return torch.stack([value.double().square().sum(dim=-1) for value in parts])
