"""One evaluation of a field for all the points at which a calculation asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor

from pinnspectra.differentiation.base import Field
from pinnspectra.differentiation.jet import Jet, variable

VECTOR = 16
"""Points in a vector register: rows of whole vectors have no rest."""


def _filled(count: int) -> int:
    """So many points and a few more: a row of whole vectors, and of an odd number of them.

    Rows that are a high power of two apart would share a few lines of the cache.
    """
    vectors = -(-count // VECTOR)
    return VECTOR * (vectors + 1 - vectors % 2)


def _calls(calculation: Callable[[Field], object], u: Field) -> list[tuple[Tensor, bool]]:
    """The points of every call to u, (n, d), and whether they are for derivatives."""
    calls: list[tuple[Tensor, bool]] = []

    def noted(x: Any) -> Any:
        jet = isinstance(x, Jet)
        calls.append((x.value.mT if jet else x, jet))
        return u(x)

    calculation(noted)
    return calls


@dataclass(frozen=True, eq=False)
class JointNodes:
    """The points of the calls to a field, in their order, as one point set.

    A residual and the boundary conditions ask for u at different points. A small network is
    evaluated faster at all of them at once: the activations, which are most of the work, run over
    longer rows, and there are fewer operations.

    coordinates: (n, d), the points of one call after another, and a few of no use.
    parts: where each call's are.
    jets: whether derivatives are asked for (Taylor mode) or values.
    """

    coordinates: Tensor
    parts: tuple[slice, ...]
    jets: bool

    @staticmethod
    def of(calculation: Callable[[Field], object], u: Field) -> JointNodes | None:
        """What the calculation asks for, found by running it on u, twice.

        None where its calls cannot be one: values and derivatives, a method that differentiates
        through u itself, or points that are not the same every time.
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
        more = nodes[:, -1:].expand(-1, _filled(count) - count)
        return JointNodes(torch.cat([nodes, more], dim=1).mT, parts, calls[0][1])

    def share(self, u: Field) -> Field:
        """A field for the same calls in the same order, which evaluates u once."""
        whole = u(variable(self.coordinates) if self.jets else self.coordinates)
        parts = iter(self.parts)

        def part(x: Any) -> Any:
            here = next(parts)
            count = x.value.shape[-1] if isinstance(x, Jet) else len(x)
            assert count == here.stop - here.start
            return whole.at(here) if self.jets else whole[..., here]

        return part
