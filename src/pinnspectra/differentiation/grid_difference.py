"""Finite differences on the grid alone: the paper's matrices C_k, with truncated end rows."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import pad

from pinnspectra.differentiation.base import AbstractDifferentiation, Field, check_dimension
from pinnspectra.differentiation.finite_difference import (
    FiniteDifference,
    apply_stencils,
    check_difference,
    grid_values,
)
from pinnspectra.differentiation.operators import DifferentialOperator
from pinnspectra.differentiation.points import Axis, Points
from pinnspectra.differentiation.stencil import check_step, stencils


def _padded(u: Field, x: Points, reach: int) -> Tensor:
    """Evaluate u on the grid extended by `reach` nodes at all ends, (..., nodes).

    Zero outside the whole grid; a part of a grid has its true neighbours.
    """
    wider = x.widened(reach)
    assert x.axes is not None
    assert wider.axes is not None
    margins = []
    for axis, larger in zip(reversed(x.axes), reversed(wider.axes), strict=True):
        lower = axis.start - larger.start
        upper = larger.count - axis.count - lower
        margins += [reach - lower, reach - upper]
    on_grid = u(wider.coordinates).unflatten(-1, tuple(axis.count for axis in wider.axes))
    return pad(on_grid, margins).flatten(-len(x.axes))


@dataclass(frozen=True)
class GridDifference(AbstractDifferentiation):
    """The matrix C_k A_0 as the paper prints it (Eq. 11-12, B.3, B.4), accuracy order 2.

    Rows at the ends of the grid truncate the central stencil, as if u were zero outside; they do
    not approximate the derivative and dominate the spectrum. The sign is such that C_k A_0
    approximates the operator, and B.4's rows follow the pattern 1, -4, 6, -4, 1. At scattered
    points (a derivative on the boundary) the stencil is complete. `step` is the grid spacing.
    """

    step: float

    def __post_init__(self) -> None:
        """Check the step."""
        check_difference(self.step, accuracy_order=2)

    def derivatives(
        self, u: Field, x: Points, *operators: DifferentialOperator
    ) -> tuple[Tensor, ...]:
        """Apply stencils to u on the grid, zero outside, (..., N) each.

        Raises:
            ValueError: the step is not the grid spacing, or an axis is shorter than the stencil.
        """
        check_dimension(operators, x)
        if x.axes is None:
            return FiniteDifference(self.step).derivatives(u, x, *operators)
        order = max(operator.order for operator in operators)
        check_step(self.step, order, x)
        chosen = tuple(stencils(operator, 2) for operator in operators)
        reach = max(stencil.reach for group in chosen for stencil in group)
        self._check_grid(x.axes, reach, order)
        offsets = {o for group in chosen for stencil in group for o, _ in stencil.weights}
        values = grid_values(_padded(u, x, reach), x.axes, offsets, reach, stride=1)
        return apply_stencils(chosen, values, self.step, x)

    def _check_grid(self, axes: tuple[Axis, ...], reach: int, order: int) -> None:
        for axis in axes:
            if abs(axis.spacing - self.step) > 1e-9 * axis.spacing:
                raise ValueError(
                    f"step={self.step}: fd_grid takes the grid spacing, {axis.spacing:g}; "
                    f"leave the step out, or use fd"
                )
            if axis.whole_count < 2 * reach + 1:
                raise ValueError(
                    f"per_axis={axis.whole_count}: fd_grid needs at least {2 * reach + 1} points "
                    f"per axis for derivatives of order {order}"
                )
