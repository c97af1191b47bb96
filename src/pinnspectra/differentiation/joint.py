"""Joint evaluation of a field at all points at which a calculation asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor

from pinnspectra.differentiation.base import Field
from pinnspectra.differentiation.jet import Jet, variable

VECTOR_LENGTH = 16
"""Points in a vector register: rows of whole vectors leave no remainder."""


def _padded_length(count: int) -> int:
    """Round up to an odd number of whole vectors.

    Rows that are a high power of two apart would compete for a few cache lines.
    """
    vectors = -(-count // VECTOR_LENGTH)
    return VECTOR_LENGTH * (vectors + 1 - vectors % 2)


def _calls(calculation: Callable[[Field], object], u: Field) -> list[tuple[Tensor, bool]]:
    """Record the points of every call to u, (n, d), and whether it is for derivatives."""
    calls: list[tuple[Tensor, bool]] = []

    def recorded(x: Any) -> Any:
        jet = isinstance(x, Jet)
        calls.append((x.value.mT if jet else x, jet))
        return u(x)

    calculation(recorded)
    return calls


@dataclass(frozen=True, eq=False)
class JointNodes:
    """The points of all calls to a field, in order, as one point set.

    A residual and its boundary conditions ask for u at different points. A small network is
    evaluated faster at all of them at once: the activations, which dominate, run over longer rows,
    in fewer operations.

    coordinates: (n, d), the points of one call after another, then padding.
    parts: the slice of each call.
    jets: whether derivatives are asked for (Taylor mode) or values.
    """

    coordinates: Tensor
    parts: tuple[slice, ...]
    jets: bool

    @staticmethod
    def of(calculation: Callable[[Field], object], u: Field) -> JointNodes | None:
        """Record the calls of a calculation by running it twice on u.

        None where they cannot be joined: both values and derivatives, a method that differentiates
        through u itself, or points that change from run to run.
        """
        calls, again = _calls(calculation, u), _calls(calculation, u)
        same = len(calls) == len(again) and all(
            torch.equal(x, y) for (x, _), (y, _) in zip(calls, again, strict=True)
        )
        one_kind = len({jet for _, jet in calls}) == 1
        if not (same and one_kind) or any(x.requires_grad for x, _ in calls):
            return None
        ends = accumulate((len(x) for x, _ in calls), initial=0)
        parts = tuple(slice(a, b) for a, b in pairwise(ends))
        nodes = torch.cat([x.mT for x, _ in calls], dim=1)
        count = nodes.shape[1]
        padding = nodes[:, -1:].expand(-1, _padded_length(count) - count)
        return JointNodes(torch.cat([nodes, padding], dim=1).mT, parts, calls[0][1])

    def evaluated(self, u: Field) -> Field:
        """Evaluate u once; return a field that answers the recorded calls, in their order."""
        whole = u(variable(self.coordinates) if self.jets else self.coordinates)
        parts = iter(self.parts)

        def part(x: Any) -> Any:
            here = next(parts)
            count = x.value.shape[-1] if isinstance(x, Jet) else len(x)
            assert count == here.stop - here.start
            return whole.at(here) if self.jets else whole[..., here]

        return part
