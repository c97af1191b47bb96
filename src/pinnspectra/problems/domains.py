"""Domains and their collocation points."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from pinnspectra.differentiation.points import Axis, Points


@dataclass(frozen=True)
class Box:
    """The box [lower_1, upper_1] x ... x [lower_d, upper_d]."""

    lower: tuple[float, ...]
    upper: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check that every axis has a positive, finite extent."""
        for a, b in zip(self.lower, self.upper, strict=True):
            if not (math.isfinite(a) and math.isfinite(b) and a < b):
                raise ValueError(f"box [{a}, {b}]: finite ends with lower < upper are needed")

    @property
    def dimension(self) -> int:
        """The dimension d."""
        return len(self.lower)

    def _axes(self, per_axis: int, start: int) -> tuple[Axis, ...]:
        if per_axis < 2:
            raise ValueError(f"per_axis={per_axis}: a whole number of at least 2 is needed")
        ends = zip(self.lower, self.upper, strict=True)
        count = per_axis + 1 - start
        return tuple(Axis(a, b - a, per_axis, start, count) for a, b in ends)

    def grid(self, per_axis: int) -> Points:
        """Return the interior points lower + i h, i = 1..per_axis, h = extent / per_axis.

        (N, d) with N = per_axis^d, float64 (Sec. 3.1). The last point of an axis is the upper end,
        as in the paper.

        Raises:
            ValueError: fewer than 2 points per axis.
        """
        return Points.on_grid(self._axes(per_axis, start=1))

    def boundary(self, per_axis: int) -> Points:
        """Return the boundary points on the lines of the grid, corners once, float64.

        The two ends (2, 1) in one dimension; 4 * per_axis points (4 * per_axis, 2) in two.

        Raises:
            ValueError: fewer than 2 points per axis.
        """
        axes = self._axes(per_axis, start=0)
        outer = torch.zeros([axis.count for axis in axes], dtype=torch.bool)
        for i in range(self.dimension):
            outer.select(i, 0).fill_(True)
            outer.select(i, -1).fill_(True)
        return Points(Points.on_grid(axes).coordinates[outer.flatten()])
