"""Collocation: a problem, a differentiation method and the points they meet at."""

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


class _Noted(AbstractDifferentiation):
    """AD that notes which operators it is asked for."""

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

    Every quantity comes from the same operator by the same method, in the dtype of the points and
    of the field. Built from float64 points; `to` makes the working copy.

    Raises:
        ValueError: the method cannot take the problem's derivatives at these points.
    """

    pde: AbstractPDE
    method: AbstractDifferentiation
    interior: Points
    boundary: Points

    def __post_init__(self) -> None:
        """Run once: misfits show before any work, grids are built."""
        _ = self._joint

    @cached_property
    def _joint(self) -> JointNodes | None:
        """Where the losses ask for u, found on u = x_1 + ... + x_d."""
        return JointNodes.of(self._losses, self._plain)

    def _plain(self, x: Any) -> Any:
        """u = x_1 + ... + x_d."""
        weight = torch.ones_like(self.interior.coordinates[:1])
        return linear(x.mT, weight)[0, :]

    @cached_property
    def operators(self) -> tuple[DifferentialOperator, ...]:
        """All that the problem asks the method for, inside and at the boundary."""
        noted = _Noted()
        self.pde.operator(self._plain, Points(self.interior.coordinates[:1]), noted)
        self.pde.boundary_operators(self._plain, Points(self.boundary.coordinates[:1]), noted)
        return tuple(noted.operators)

    @property
    def leading_operators(self) -> tuple[DifferentialOperator, ...]:
        """Those of the highest order, whose errors are the largest."""
        order = max(operator.order for operator in self.operators)
        return tuple(operator for operator in self.operators if operator.order == order)

    def fitted(self, u: Field) -> Collocation:
        """The collocation with its method adapted to a field u, (..., N), in the points' dtype.

        Itself, where the method has nothing to adapt.

        Raises:
            FitError: the method cannot take the derivatives of this field.
        """
        try:
            method = self.method.fitted(u, self.interior, self.operators)
        except ValueError as error:
            raise FitError(str(error)) from error
        return self if method == self.method else replace(self, method=method)

    def to(self, dtype: torch.dtype, device: torch.device | str = "cpu") -> Collocation:
        """The same collocation at points of another dtype or on another device."""
        interior, boundary = self.interior.to(dtype, device), self.boundary.to(dtype, device)
        return replace(self, interior=interior, boundary=boundary)

    def parts(self, points: int) -> Iterator[Collocation]:
        """The collocation at consecutive parts of at most so many interior points (Points.parts).

        A grid's parts are differentiated as the whole grid is, at the same nodes.
        """
        for part in self.interior.parts(points):
            yield self if part is self.interior else replace(self, interior=part)

    def by_ad(self) -> Collocation:
        """The same problem at the same points, differentiated by AD: what is true."""
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
        """r = L u - f at the interior points, (..., N)."""
        return self.pde.operator(u, self.interior, self.method) - self.forcing

    def boundary_residuals(self, u: Field) -> tuple[Tensor, ...]:
        """B_1 u, ..., B_m u at the boundary points, (..., N_b) each."""
        return self.pde.boundary_operators(u, self.boundary, self.method)

    def system_matrix(self, features: Field) -> Tensor:
        """A, (S, N, M): the operator on the features phi_j, one column each (Eq. 7-8)."""
        return self.pde.operator(features, self.interior, self.method).mT

    def boundary_matrix(self, features: Field) -> Tensor:
        """The boundary operators on the features, stacked, (S, m N_b, M)."""
        return torch.cat(self.boundary_residuals(features), dim=-1).mT

    def losses(self, u: Field) -> dict[str, Tensor]:
        """Mean squares of the residuals, (S,) each (Appendix B.2.2, B.4.2).

        interior = mean_i r_i^2; boundary = sum over the boundary operators of the mean square.
        """
        return self._losses(u if self._joint is None else self._joint.share(u))

    def _losses(self, u: Field) -> dict[str, Tensor]:
        interior = self.residual(u).square().mean(dim=-1)
        return {"interior": interior, "boundary": self.boundary_loss(u)}

    def boundary_loss(self, u: Field) -> Tensor:
        """The mean squares of the boundary residuals, added up, (S,)."""
        boundary = [r.square().mean(dim=-1) for r in self.boundary_residuals(u)]
        return sum(boundary[1:], boundary[0])

    def sums_of_squares(self, reference: Collocation, u: Field, u64: Field) -> Tensor:
        """What errors are made of, summed over the interior points, (5, S), float64.

        The squares of the residual, of the residual by AD in float64, of f, of u - u* and of u*.

        Args:
            reference: the same points by AD in float64.
            u: the field in the working precision, (S, N).
            u64: the same parameters' field in float64.
        """
        r, r64 = self.residual(u), reference.residual(u64)
        x = reference.interior.coordinates
        exact = reference.pde.exact_solution(x).expand_as(r64)
        parts = (r, r64, reference.forcing.expand_as(r64), u64(x) - exact, exact)
        return torch.stack([value.double().square().sum(dim=-1) for value in parts])
