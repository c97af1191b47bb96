"""Collocation points: the nodes of uniform grids, and scattered points."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

Offsets = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Axis:
    """One axis of a uniform grid: origin + extent i / divisions, i = start, ..., start + count - 1.

    A node's coordinate depends on its index alone, so that a grid, its parts and its extension
    agree bitwise where they overlap; node i = divisions is exactly the upper end. A part of a grid
    records how many nodes of the whole grid lie `before` and `after` it.
    """

    origin: float
    extent: float
    divisions: int
    start: int
    count: int
    before: int = 0
    after: int = 0

    @property
    def spacing(self) -> float:
        """The distance between neighbouring nodes."""
        return self.extent / self.divisions

    @property
    def whole_count(self) -> int:
        """The number of nodes of the whole grid along this axis."""
        return self.before + self.count + self.after

    def coordinates(self) -> Tensor:
        """Return the coordinates of the nodes, (count,), float64."""
        index = torch.arange(self.start, self.start + self.count, dtype=torch.float64)
        return self.origin + self.extent * index / self.divisions

    def extended(self, lower: int, upper: int) -> Axis:
        """Add nodes at the lower and the upper end; negative numbers remove nodes."""
        return replace(
            self,
            start=self.start - lower,
            count=lower + self.count + upper,
            before=max(self.before - lower, 0),
            after=max(self.after - upper, 0),
        )

    def widened(self, reach: int) -> Axis:
        """Add up to `reach` nodes at both ends, within the whole grid."""
        return self.extended(min(reach, self.before), min(reach, self.after))


@dataclass(frozen=True, eq=False)
class Points:
    """Collocation points, coordinates (N, d); `axes` where they form a grid (last axis fastest)."""

    coordinates: Tensor
    axes: tuple[Axis, ...] | None = None
    _derived: dict[object, Points] = field(default_factory=dict, repr=False)
    _scalars: dict[float, Tensor] = field(default_factory=dict, repr=False)

    @cached_property
    def largest_coordinate(self) -> float:
        """The largest absolute coordinate."""
        return float(self.coordinates.abs().max())

    @staticmethod
    def on_grid(axes: tuple[Axis, ...]) -> Points:
        """Build the nodes of a grid, N = product of the counts, float64."""
        mesh = torch.meshgrid(*(axis.coordinates() for axis in axes), indexing="ij")
        return Points(torch.stack([m.flatten() for m in mesh], dim=-1), axes)

    def to(self, dtype: torch.dtype, device: torch.device | str = "cpu") -> Points:
        """Cast the points to a dtype and move them to a device.

        Cast from float64 down: float32 coordinates do not regain their digits.
        """
        x = self.coordinates.to(device=device, dtype=dtype)
        return Points(x.mT.contiguous().mT, self.axes)

    def extended(self, reach: int) -> Points:
        """Extend the grid by `reach` nodes at both ends of every axis; cached.

        Raises:
            ValueError: the points do not form a grid.
        """
        return self._on(tuple(axis.extended(reach, reach) for axis in self._grid_axes()))

    def widened(self, reach: int) -> Points:
        """Extend a part of a grid by up to `reach` nodes, within the whole grid; cached.

        Raises:
            ValueError: the points do not form a grid.
        """
        return self._on(tuple(axis.widened(reach) for axis in self._grid_axes()))

    def _grid_axes(self) -> tuple[Axis, ...]:
        if self.axes is None:
            raise ValueError("scattered points cannot be extended: a grid is needed")
        return self.axes

    def _on(self, axes: tuple[Axis, ...]) -> Points:
        if axes not in self._derived:
            x = self.coordinates
            self._derived[axes] = Points.on_grid(axes).to(x.dtype, x.device)
        return self._derived[axes]

    def parts(self, points: int) -> Iterator[Points]:
        """Split into consecutive parts of at most `points` points, or one layer of a grid.

        A part of a grid is a slab along the first axis, itself a grid.
        """
        if len(self.coordinates) <= points:
            yield self
            return
        layers = max(1, points // self._layer_size)
        for first in range(0, self.layers, layers):
            yield self._slab(first, min(first + layers, self.layers))

    def share(self, index: int, count: int) -> Points:
        """Return part `index` of `count` consecutive parts, equal up to one point or grid layer.

        Raises:
            ValueError: there are fewer points, or layers, than parts.
        """
        if self.layers < count:
            what = "points" if self._layer_size == 1 else "layers of points"
            raise ValueError(f"{self.layers} {what} cannot be divided among {count}")
        return self._slab(self.layers * index // count, self.layers * (index + 1) // count)

    @property
    def layers(self) -> int:
        """The number of layers along a grid's first axis; of points, where they are scattered."""
        return len(self.coordinates) // self._layer_size

    @property
    def _layer_size(self) -> int:
        """The number of points in a layer of a grid; 1 where points are scattered."""
        return 1 if self.axes is None else math.prod([axis.count for axis in self.axes[1:]])

    def _slab(self, first: int, last: int) -> Points:
        """Return the layers first, ..., last - 1; a grid where this is one."""
        rows = self.coordinates[first * self._layer_size : last * self._layer_size]
        if self.axes is None:
            return Points(rows)
        first_axis, *others = self.axes
        cropped = first_axis.extended(-first, last - first_axis.count)
        return Points(rows, (cropped, *others))

    def shifted(self, offsets: Offsets, step: float) -> Points:
        """Return x + step * offset for every offset, (K * N, d), offset by offset; cached.

        The sum is taken in the dtype of the points, as finite differences take it.
        """
        key = (offsets, step)
        if key not in self._derived:
            x = self.coordinates
            shifts = step * torch.tensor(offsets, dtype=x.dtype, device=x.device)
            self._derived[key] = Points((x + shifts[:, None, :]).flatten(0, 1))
        return self._derived[key]

    def scalar(self, value: float) -> Tensor:
        """Return a number in the dtype and on the device of the points, (); cached."""
        if value not in self._scalars:
            x = self.coordinates
            self._scalars[value] = torch.tensor(value, dtype=x.dtype, device=x.device)
        return self._scalars[value]
