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
    agree to the last bit where they overlap; node i = divisions is the upper end itself. Of the
    whole grid that a part was cut from, `before` and `after` nodes lie on its two sides.
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
        """The distance of neighbouring nodes."""
        return self.extent / self.divisions

    @property
    def whole_count(self) -> int:
        """The number of nodes of the whole grid along this axis."""
        return self.before + self.count + self.after

    def coordinates(self) -> Tensor:
        """Coordinates of the nodes, (count,), float64."""
        index = torch.arange(self.start, self.start + self.count, dtype=torch.float64)
        return self.origin + self.extent * index / self.divisions

    def moved(self, lower: int, upper: int) -> Axis:
        """The axis with so many more nodes at its lower and its upper end; negative for fewer."""
        return replace(
            self,
            start=self.start - lower,
            count=lower + self.count + upper,
            before=max(self.before - lower, 0),
            after=max(self.after - upper, 0),
        )

    def widened(self, reach: int) -> Axis:
        """The axis with up to `reach` more nodes at both ends, as far as the whole grid goes."""
        return self.moved(min(reach, self.before), min(reach, self.after))


@dataclass(frozen=True, eq=False)
class Points:
    """Collocation points, coordinates (N, d); `axes` where they form a grid (last axis fastest)."""

    coordinates: Tensor
    axes: tuple[Axis, ...] | None = None
    _built: dict[object, Points] = field(default_factory=dict, repr=False)
    _scalars: dict[float, Tensor] = field(default_factory=dict, repr=False)

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
        return self._grid(tuple(axis.moved(reach, reach) for axis in self.axes))

    def widened(self, reach: int) -> Points:
        """The part of a grid with up to `reach` more nodes at both ends of every axis; built once.

        As far as the whole grid goes: the whole grid itself stays as it is.

        Raises:
            ValueError: the points do not form a grid.
        """
        if self.axes is None:
            raise ValueError("scattered points cannot be widened: a grid is needed")
        return self._grid(tuple(axis.widened(reach) for axis in self.axes))

    def _grid(self, axes: tuple[Axis, ...]) -> Points:
        if axes not in self._built:
            x = self.coordinates
            self._built[axes] = Points.on_grid(axes).to(x.dtype, x.device)
        return self._built[axes]

    def parts(self, points: int) -> Iterator[Points]:
        """Consecutive parts of at most so many points, or of one layer of a grid.

        A part of a grid is a slab along the first axis, a grid again.
        """
        if len(self.coordinates) <= points:
            yield self
            return
        layers = max(1, points // self._layer)
        for first in range(0, self.layers, layers):
            yield self._slab(first, min(first + layers, self.layers))

    def share(self, index: int, count: int) -> Points:
        """The part `index` of `count` consecutive parts of as many points, or layers of a grid.

        Raises:
            ValueError: there are fewer points, or layers, than parts.
        """
        if self.layers < count:
            what = "points" if self._layer == 1 else "layers of points"
            raise ValueError(f"{self.layers} {what} cannot be divided among {count}")
        return self._slab(self.layers * index // count, self.layers * (index + 1) // count)

    @property
    def layers(self) -> int:
        """Into how many parts the points can be cut: a grid's nodes along its first axis."""
        return len(self.coordinates) // self._layer

    @property
    def _layer(self) -> int:
        """Points that are not cut apart: those of a grid with one node of its first axis."""
        return 1 if self.axes is None else math.prod([axis.count for axis in self.axes[1:]])

    def _slab(self, first: int, last: int) -> Points:
        """The layers first, ..., last - 1, a grid again where this is one."""
        rows = self.coordinates[first * self._layer : last * self._layer]
        if self.axes is None:
            return Points(rows)
        first_axis, *others = self.axes
        moved = first_axis.moved(-first, last - first_axis.count)
        return Points(rows, (moved, *others))

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

    def scalar(self, value: float) -> Tensor:
        """A number in the dtype and on the device of the points, (); built once."""
        if value not in self._scalars:
            x = self.coordinates
            self._scalars[value] = torch.tensor(value, dtype=x.dtype, device=x.device)
        return self._scalars[value]
