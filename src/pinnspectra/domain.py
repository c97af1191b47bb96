"""Boxes and the collocation points on them: uniform grids and boundary points."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

Offsets = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Axis:
    """One axis of a uniform grid: origin + extent i / divisions, i = start, ..., start + count - 1.

    A node's coordinate depends on its index alone, so that a grid and its extension agree to the
    last bit where they overlap; node i = divisions is the upper end itself.
    """

    origin: float
    extent: float
    divisions: int
    start: int
    count: int

    @property
    def spacing(self) -> float:
        """The distance of neighbouring nodes."""
        return self.extent / self.divisions

    def coordinates(self) -> Tensor:
        """Coordinates of the nodes, (count,), float64."""
        index = torch.arange(self.start, self.start + self.count, dtype=torch.float64)
        return self.origin + self.extent * index / self.divisions

    def extended(self, reach: int) -> Axis:
        """The axis with `reach` more nodes at both ends."""
        return replace(self, start=self.start - reach, count=self.count + 2 * reach)


@dataclass(frozen=True, eq=False)
class Points:
    """Collocation points, coordinates (N, d); `axes` where they form a grid (last axis fastest)."""

    coordinates: Tensor
    axes: tuple[Axis, ...] | None = None
    _built: dict[object, Points] = field(default_factory=dict, repr=False)

    @cached_property
    def extent(self) -> float:
        """The largest absolute coordinate."""
        return float(self.coordinates.abs().max())

    @staticmethod
    def on_grid(axes: tuple[Axis, ...]) -> Points:
        """All nodes of a grid, N = product of the counts, float64."""
        mesh = torch.meshgrid(*(axis.coordinates() for axis in axes), indexing="ij")
        return Points(torch.stack([m.flatten() for m in mesh], dim=-1), axes)

    def to(self, dtype: torch.dtype, device: torch.device | str = "cpu") -> Points:
        """The same points in another dtype or on another device.

        Cast from the float64 points, not to them: float32 coordinates do not regain their digits.
        """
        x = self.coordinates.to(device=device, dtype=dtype)
        return Points(x.mT.contiguous().mT, self.axes)

    def extended(self, reach: int) -> Points:
        """The grid with `reach` more nodes at both ends of every axis; built once.

        Raises:
            ValueError: the points do not form a grid.
        """
        if self.axes is None:
            raise ValueError("scattered points cannot be extended: a grid is needed")
        if reach not in self._built:
            larger = Points.on_grid(tuple(axis.extended(reach) for axis in self.axes))
            self._built[reach] = larger.to(self.coordinates.dtype, self.coordinates.device)
        return self._built[reach]

    def shifted(self, offsets: Offsets, step: float) -> Points:
        """The points x + step * offset for every offset, (K * N, d), offset by offset; built once.

        The sum is taken in the dtype of the points, as finite differences take it.
        """
        key = (offsets, step)
        if key not in self._built:
            x = self.coordinates
            shifts = step * torch.tensor(offsets, dtype=x.dtype, device=x.device)
            self._built[key] = Points((x + shifts[:, None, :]).flatten(0, 1))
        return self._built[key]


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
        """The number d of axes."""
        return len(self.lower)

    def _axes(self, per_axis: int, start: int) -> tuple[Axis, ...]:
        if per_axis < 2:
            raise ValueError(f"per_axis={per_axis}: a whole number of at least 2 is needed")
        ends = zip(self.lower, self.upper, strict=True)
        count = per_axis + 1 - start
        return tuple(Axis(a, b - a, per_axis, start, count) for a, b in ends)

    def grid(self, per_axis: int) -> Points:
        """Interior points of Sec. 3.1: lower + i h, i = 1..per_axis, h = extent / per_axis.

        (N, d) with N = per_axis^d, float64. The last point of an axis is its upper end, as in the
        paper.

        Raises:
            ValueError: fewer than 2 points per axis.
        """
        return Points.on_grid(self._axes(per_axis, start=1))

    def boundary(self, per_axis: int) -> Points:
        """Boundary points on the lines of the grid, corners once, float64.

        The two ends (2, 1) in one dimension; 4 * per_axis points (4 * per_axis, 2) in two.

        Raises:
            ValueError: fewer than 2 points per axis.
        """
        axes = self._axes(per_axis, start=0)
        coordinates = [axis.coordinates().tolist() for axis in axes]
        indices = itertools.product(range(per_axis + 1), repeat=self.dimension)
        outer = [index for index in indices if not all(0 < i < per_axis for i in index)]
        rows = [[c[i] for c, i in zip(coordinates, index, strict=True)] for index in outer]
        return Points(torch.tensor(rows, dtype=torch.float64))
