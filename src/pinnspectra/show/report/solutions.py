"""Solutions beside the exact one: small pictures, one for each run."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Normalize, to_hex
from PIL import Image

from pinnspectra.runs.record import Run, Solution
from pinnspectra.show.charts import solution_over_x
from pinnspectra.show.figures.solution import grid_of
from pinnspectra.show.report.charts import Picture, address, picture
from pinnspectra.show.report.curves import evenly, median, short
from pinnspectra.show.report.words import number

MOST = 50
"""Runs whose solution is shown; of more, as many that are evenly spread."""

MAP_LEVELS = 64
"""Colours of a map."""

MAP_PIXELS = 64
"""Pixels of a map along its longer side, at most twice as many."""

MOST_POINTS = 200
"""Points of a curve, at most twice as many."""

SCALES = {
    name: [to_hex(colour) for colour in colormaps[name](np.linspace(0, 1, 9))]
    for name in ("viridis", "RdBu_r")
}
"""Nine colours along the scale of u and that of the error."""


@dataclass(frozen=True)
class Card:
    """A run's pictures: u and u - u* as maps, or both in one; the largest error."""

    run: int | None
    title: str
    pictures: Sequence[Picture]
    error: str


@dataclass(frozen=True)
class Problem:
    """The cards of runs of one problem; maps have the range of their colours, (low, high)."""

    pde: str
    cards: Sequence[Card]
    range: Sequence[str] | None


def problems(
    runs: Sequence[Run], names: Sequence[str], colours: Mapping[int, str]
) -> list[Problem]:
    """Return the runs' solutions by their problem, at most MOST, with their colours."""
    found = solved(runs)
    some = [[*found][k] for k in evenly(len(found), MOST)] if found else []
    return [
        _problem(pde, {i: found[i] for i in some if runs[i].pde == pde}, names, colours)
        for pde in dict.fromkeys(runs[i].pde for i in some)
    ]


def solved(runs: Sequence[Run]) -> dict[int, Solution]:
    """Return the solutions that can be shown beside the exact one, by the index of the run."""
    found = {i: run.solution for i, run in enumerate(runs) if run.solution}
    return {
        i: one
        for i, one in found.items()
        if one.exact.size and np.isfinite(one.exact).all() and np.isfinite(one.values).any()
    }


def _problem(
    pde: str, solutions: Mapping[int, Solution], names: Sequence[str], colours: Mapping[int, str]
) -> Problem:
    exact = next(iter(solutions.values())).exact
    limits = float(exact.min()), float(exact.max())
    cards = [_card(i, names[i], one, limits, colours[i]) for i, one in solutions.items()]
    if not any(len(card.pictures) > 1 for card in cards):
        return Problem(pde, cards, None)
    known = _map(next(iter(solutions.values())), exact, limits, "viridis", "Exact u* as a map")
    return Problem(pde, [Card(None, "exact u*", known, ""), *cards], _range(*limits))


def _card(i: int, name: str, one: Solution, limits: tuple[float, float], colour: str) -> Card:
    u = median(one.values.T)
    worst = float(np.nanmax(np.abs(u - one.exact)))
    told = f"max |u - u*| = {number(worst)}"
    words = f"{name or 'the run'}: {told}"
    maps = [
        *_map(one, u, limits, "viridis", f"u as a map, {words}"),
        *_map(one, u - one.exact, (-worst, worst), "RdBu_r", f"u - u* as a map, {words}"),
    ]
    return Card(i, name, maps or _curve(one, u, colour, words), told)


def _range(*limits: float) -> tuple[str, ...]:
    """Return the ends of a range, of which one that is rounding of the other is 0."""
    small = 1e-9 * max(map(abs, limits))
    return tuple(number(0 if abs(end) < small else end) for end in limits)


def _map(
    one: Solution, values: np.ndarray, limits: tuple[float, float], colours: str, words: str
) -> list[Picture]:
    """Return values on the grid of the points, a pixel each; none where they are on no grid."""
    if one.points.shape[1] != 2 or (grid := grid_of(one.points)) is None:
        return []
    x, y, order = grid
    apart = max(1, -(-max(x.size, y.size) // MAP_PIXELS))
    kept = values[order].reshape(y.size, x.size)[::apart, ::apart]
    return [Picture(address(_png(kept, limits, colours), "png"), words)]


def _png(values: np.ndarray, limits: tuple[float, float], colours: str) -> bytes:
    """Draw values on a grid, (m, n), rows upwards, a pixel each; grey where not finite."""
    scale = colormaps[colours].resampled(MAP_LEVELS).with_extremes(bad="0.8")
    part = Normalize(*limits)(np.ma.masked_invalid(values[::-1]))
    file = io.BytesIO()
    Image.fromarray(scale(part, bytes=True)[..., :3]).quantize().save(file, "png", optimize=True)
    return file.getvalue()


def _curve(one: Solution, u: np.ndarray, colour: str, words: str) -> list[Picture]:
    """Draw u over the exact u* and the error below, in one dimension."""
    if one.points.shape[1] != 1:
        return []
    x = one.points[:, 0]
    order = np.argsort(x)[:: max(1, x.size // MOST_POINTS)]
    columns = {"x": x, "u": u, "exact": one.exact, "error": u - one.exact}
    values = {name: short(column[order], 5) for name, column in columns.items()}
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    return [picture(solution_over_x(colour), rows, f"u, the exact u* and u - u* over x, {words}")]
