"""Finite differences: central stencils at shifted points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from pinnspectra.differentiation.base import AbstractDifferentiation, Field, check_dimension
from pinnspectra.differentiation.operators import DifferentialOperator
from pinnspectra.differentiation.stencil import Offset, Stencil, check_step, stencils
from pinnspectra.domain import Axis, Points


def check_difference(step: float, accuracy_order: int) -> None:
    """Check the settings of a difference.

    Raises:
        ValueError: the step is not a finite number above 0, or there is no such stencil.
    """
    if not (math.isfinite(step) and step > 0):
        raise ValueError(f"step={step}: a finite number above 0 is needed")
    if accuracy_order not in (2, 4, 6):
        raise ValueError(f"accuracy_order={accuracy_order}: allowed are 2, 4, 6")


def grid_values(
    u: Tensor, axes: tuple[Axis, ...], offsets: Iterable[Offset], reach: int, stride: int
) -> dict[Offset, Tensor]:
    """Slices of u on a grid extended by `reach` nodes: u(x + s h) for every offset s, (..., N).

    `stride` is the step h in grid spacings.
    """
    on_grid = u.unflatten(-1, tuple(axis.count + 2 * reach for axis in axes))

    def shifted(offset: Offset) -> Tensor:
        values = on_grid
        for i, (s, axis) in enumerate(zip(offset, axes, strict=True)):
            values = values.narrow(i - len(axes), reach + s * stride, axis.count)
        return values.flatten(-len(axes))

    return {offset: shifted(offset) for offset in offsets}


def apply_stencils(
    chosen: tuple[tuple[Stencil, ...], ...], values: Mapping[Offset, Tensor], step: float
) -> tuple[Tensor, ...]:
    """Every operator's stencils applied to the shifted values and added up."""
    totals = []
    for group in chosen:
        parts = [stencil.apply(values, step) for stencil in group]
        totals.append(sum(parts[1:], parts[0]))
    return tuple(totals)


def _pays(axes: tuple[Axis, ...], reach: int, offsets: int) -> bool:
    """Whether the enlarged grid has no more nodes than the shifted points of all offsets.

    Asked of the whole grid, so that its parts are rounded as it is.
    """
    nodes = math.prod([axis.whole_count + 2 * reach for axis in axes])
    return nodes <= offsets * math.prod([axis.whole_count for axis in axes])


@dataclass(frozen=True)
class FiniteDifference(AbstractDifferentiation):
    """Central differences of a given accuracy, also beyond the ends of the domain.

    The paper's FD as its numbers require it (Eq. 8, B.2.3, B.3.3, B.4.3): u is evaluated at
    x + s h in the dtype of the points, at points outside the domain too. Where h is a whole
    number of grid spacings u is evaluated once on the enlarged grid (unless h is so long that
    this grid has more nodes than there are shifted points). The error is O(h^p), with
    p = accuracy_order, plus rounding of O(eps / h^k).
    """

    step: float
    accuracy_order: int = 2

    def __post_init__(self) -> None:
        """Check the step and the accuracy order."""
        check_difference(self.step, self.accuracy_order)

    def derivatives(
        self, u: Field, x: Points, *operators: DifferentialOperator
    ) -> tuple[Tensor, ...]:
        """Stencils on values of u that all operators share, (..., N) each.

        Raises:
            ValueError: the step leaves the range or the resolution of the dtype.
        """
        check_dimension(operators, x)
        check_step(self.step, max(operator.order for operator in operators), x)
        chosen = tuple(stencils(operator, self.accuracy_order) for operator in operators)
        offsets = tuple(sorted({o for group in chosen for s in group for o, _ in s.weights}))
        return apply_stencils(chosen, self._values(u, x, offsets), self.step)

    def _values(self, u: Field, x: Points, offsets: tuple[Offset, ...]) -> dict[Offset, Tensor]:
        farthest = max(abs(s) for offset in offsets for s in offset)
        if farthest == 0:
            return {offsets[0]: u(x.coordinates)}
        stride = self._stride(x)
        reach = farthest * (stride or 0)
        if x.axes is not None and stride and _pays(x.axes, reach, len(offsets)):
            on_grid = u(x.extended(reach).coordinates)
            return grid_values(on_grid, x.axes, offsets, reach, stride)
        values = u(x.shifted(offsets, self.step).coordinates)
        parts = values.unflatten(-1, (len(offsets), len(x.coordinates))).unbind(-2)
        return dict(zip(offsets, parts, strict=True))

    def _stride(self, x: Points) -> int | None:
        """The step in grid spacings where that is one whole number along every axis."""
        ratios = {self.step / axis.spacing for axis in x.axes or ()}
        strides = {round(ratio) for ratio in ratios}
        whole = all(r >= 0.5 and abs(r - round(r)) < 1e-9 * r for r in ratios)
        return strides.pop() if whole and len(strides) == 1 else None
