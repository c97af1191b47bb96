"""The objective: what is minimised, and what is measured of the networks on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Field
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.training.data import PART_VALUES
from pinnspectra.training.distributed import Share, processes, summed

Losses = Callable[[Parameters], Tensor]
"""Parameters (S, ...) -> loss of every member, (S,)."""
Measure = Callable[[Parameters], Tensor]
"""Parameters (S, ...) -> n numbers of every member, (n, S), float64."""


@dataclass(frozen=True, eq=False)
class Objective:
    """A loss, and what is measured of the parameters.

    Attributes:
        summands: the loss is their sum, over all processes. They are taken one after another, so
            that memory and the cache hold the arrays of one.
        measure: the metrics of a row.
    """

    summands: Sequence[Losses]
    measure: Measure


def interior_parts(share: Collocation, network: AbstractNetwork) -> list[Collocation]:
    """Return the interior points in parts whose (M, n) arrays stay in a shared cache."""
    return list(share.parts(max(1, PART_VALUES // network.width)))


@dataclass(frozen=True, eq=False)
class CollocationLoss:
    """interior + lambda boundary of networks at collocation points, and the metrics of a row.

    Attributes:
        working: the collocation that is trained on, in the working precision.
        references: this process's interior points by AD in float64, in the same parts.
        network: the network.
        boundary_weight: lambda.
    """

    working: Collocation
    references: Sequence[Collocation]
    network: AbstractNetwork
    boundary_weight: float

    @cached_property
    def share(self) -> Share:
        """This process's share of the points."""
        return Share.of(self.working)

    @cached_property
    def parts(self) -> list[Collocation]:
        """The interior points of this process, in parts."""
        return interior_parts(self.share.collocation, self.network)

    @property
    def objective(self) -> Objective:
        """The loss as one summand, or a summand for every part and one for the boundary."""
        if len(self.parts) == 1 and processes() == 1:
            return Objective((self.losses,), self.measure)
        interior = (partial(self._of_part, part) for part in self.parts)
        return Objective((*interior, self._of_boundary), self.measure)

    def losses(self, parameters: Parameters) -> Tensor:
        """Return interior + lambda boundary of every member, (S,)."""
        losses = self.working.losses(self.network.field(parameters))
        return losses["interior"] + self.boundary_weight * losses["boundary"]

    def measure(self, parameters: Parameters) -> Tensor:
        """Return the values of the metrics, (n, S), float64."""
        return torch.stack([*self.metrics(parameters).values()])

    @torch.no_grad()
    def metrics(self, parameters: Parameters) -> dict[str, Tensor]:
        """Return the metrics that a row has of every member, (S,) each, float64."""
        u = self.network.field(parameters)
        u64 = self.network.field({name: value.double() for name, value in parameters.items()})
        pairs = zip(self.parts, self.references, strict=True)
        sums = torch.stack([part.sums_of_squares(reference, u, u64) for part, reference in pairs])
        (totals,) = summed(torch.stack([*sums.sum(dim=0), self._boundary(u).double()]))
        r, r64, f, error, exact, boundary = totals
        interior = r / self._points
        return {
            "loss": interior + self.boundary_weight * boundary,
            "loss/interior": interior,
            "loss/boundary": boundary,
            "loss/interior_ad64": r64 / self._points,
            "relative_training_error": (r / f).sqrt(),
            "relative_l2_error": (error / exact).sqrt(),
        }

    @property
    def _points(self) -> int:
        """The number of interior points, N."""
        return len(self.working.interior.coordinates)

    def _of_part(self, part: Collocation, parameters: Parameters) -> Tensor:
        residual = part.residual(self.network.field(parameters))
        return residual.square().sum(dim=-1) / self._points

    def _of_boundary(self, parameters: Parameters) -> Tensor:
        return self.boundary_weight * self._boundary(self.network.field(parameters))

    def _boundary(self, u: Field) -> Tensor:
        """Return the share of this process of the boundary loss, (S,)."""
        return self.share.boundary * self.share.collocation.boundary_loss(u)
