"""The figure of a solution beside the exact one: curves, maps, or one over the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from pinnspectra.show.figures.arrays import array, members
from pinnspectra.show.figures.members import (
    BAND,
    across,
    by_learning_rate,
    draw_band,
    group_looks,
    labelled,
    of_groups,
    titled,
)
from pinnspectra.show.figures.panels import (
    MOST_MARKS,
    draw_colour_bar,
    draw_curve,
    finished,
    new_figure,
    note_empty,
    ticks,
)
from pinnspectra.show.figures.style import STYLE, method_colour


@rc_context(STYLE)
def solution_figure(
    points: ArrayLike,
    solution: ArrayLike,
    exact: ArrayLike,
    method: str,
    learning_rates: Sequence[float] = (),
) -> Figure:
    """The solutions u, (S, N) or (N,), the exact u*, (N,), and the errors u - u*, at points (N, d).

    Curves for d = 1, maps for a grid of d = 2, u against u* for anything else: of the median over
    members, for each of their learning rates, (S,).
    """
    x, u, exact = array(points), members(solution), array(exact)
    groups = by_learning_rate(learning_rates, len(u))
    if x.shape[1] == 1:
        return _curves(x[:, 0], u, exact, method, groups)
    if x.shape[1] == 2 and (grid := grid_of(x)) is not None:
        return _maps(*grid, u, exact, method, groups)
    return _scatter(u, exact, method, groups)


def _title(solution: np.ndarray, method: str, drawn: str) -> str:
    diverged = int((~np.isfinite(solution).any(axis=1)).sum())
    left_out = f"{diverged} diverged" if diverged else ""
    return titled(f"Solution, method {method}", len(solution), left_out, drawn)


def _curves(
    x: np.ndarray, u: np.ndarray, exact: np.ndarray, method: str, groups: dict[str, np.ndarray]
) -> Figure:
    drawn = of_groups(groups)
    figure, (left, right) = new_figure(_title(u, method, drawn), 11, 4.4, columns=2)
    order = np.argsort(x)
    x, u, exact = x[order], u[:, order], exact[order]
    for axes in (left, right):
        axes.xaxis.set_major_locator(ticks(6))
    left.set(xlabel="coordinate $x$", ylabel="solution $u$")
    right.set(xlabel="coordinate $x$", ylabel="error $u - u^*$")
    colour = method_colour(method)
    looks = group_looks(groups)
    for (rate, which), look in zip(groups.items(), looks, strict=True):
        look["band"] = drawn == BAND
        style = look | {"linewidth": 2.5, "label": labelled(f"$u$, method {method}", rate)}
        draw_band(left, x, u[which].T, colour, **style)
        draw_band(right, x, (u[which] - exact).T, colour, **look)
    draw_curve(left, x, exact, color="black", linestyle="--", linewidth=1.2, label="exact $u^*$")
    return finished(figure)


def grid_of(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The axes x (n,), y (m,) and the order (n m,) that sorts points into rows of y, if a grid."""
    x, y = np.unique(points[:, 0]), np.unique(points[:, 1])
    if x.size * y.size != len(points) or min(x.size, y.size) < 2:
        return None
    order = np.lexsort((points[:, 0], points[:, 1]))
    nodes = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return (x, y, order) if np.array_equal(points[order], nodes) else None


def _maps(
    x: np.ndarray,
    y: np.ndarray,
    order: np.ndarray,
    u: np.ndarray,
    exact: np.ndarray,
    method: str,
    groups: dict[str, np.ndarray],
) -> Figure:
    """One row of maps for each learning rate, all by the same colours."""
    height = 1.2 + 2.9 * min(max(_stretch(x, y), 0.4), 1.5) * len(groups)
    title = _title(u, method, "pointwise median")
    figure, panels = new_figure(title, 13, height, rows=len(groups), columns=3)
    shape = (y.size, x.size)
    solutions = [across(u[which].T)[1] for which in groups.values()]
    maps = [[_masked(v, order, shape) for v in (m, exact, m - exact)] for m in solutions]
    both = np.concatenate([row[i].compressed() for row in maps for i in (0, 1)])
    largest = max(np.abs(row[2].compressed()).max(initial=0) for row in maps) or 1
    limits = (both.min(), both.max()) if both.size else (0, 1)
    for i, (rate, row) in enumerate(zip(groups, maps, strict=True)):
        left, middle, right = panels[3 * i : 3 * i + 3]
        _map(figure, left, x, y, row[0], limits, "viridis", labelled("solution $u$", rate))
        _map(figure, middle, x, y, row[1], limits, "viridis", "exact solution $u^*$")
        error = labelled("error $u - u^*$", rate)
        _map(figure, right, x, y, row[2], (-largest, largest), "RdBu_r", error)
    return figure


def _masked(values: np.ndarray, order: np.ndarray, shape: tuple[int, int]) -> np.ma.MaskedArray:
    """Values at the points, (N,), as rows of y, without those that are not finite."""
    return np.ma.masked_invalid(values[order].reshape(shape))


def _map(
    figure: Figure,
    axes: Axes,
    x: np.ndarray,
    y: np.ndarray,
    values: np.ndarray,
    limits: tuple[float, float],
    colours: str,
    title: str,
) -> None:
    """Draw values (m, n) over x (n,) to the right and y (m,) upwards."""
    if np.ma.getmaskarray(values).all():
        note_empty(axes)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    low, high = limits
    look: dict[str, Any] = {"vmin": low, "vmax": high, "cmap": colours}
    if _is_even(x) and _is_even(y):
        box = (*_edges(x), *_edges(y))
        mesh = axes.imshow(values, origin="lower", extent=box, interpolation="none", **look)
    else:
        mesh = axes.pcolormesh(x, y, values, shading="nearest", rasterized=True, **look)
    draw_colour_bar(figure, mesh, cax=axes.inset_axes((1.04, 0, 0.05, 1)))
    axes.set(xlabel="coordinate $x_1$", ylabel="coordinate $x_2$", title=title)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticks(5))
    axes.set_aspect("equal" if 1 / 3 < _stretch(x, y) < 3 else "auto")


def _is_even(x: np.ndarray) -> bool:
    """Whether points, ascending, are evenly spaced."""
    return bool(np.allclose(np.diff(x), np.ptp(x) / (x.size - 1), rtol=1e-6, atol=0))


def _edges(x: np.ndarray) -> tuple[float, float]:
    """Half a distance beyond the first and the last of even points: where their cells end."""
    half = (x[1] - x[0]) / 2
    return float(x[0] - half), float(x[-1] + half)


def _stretch(x: np.ndarray, y: np.ndarray) -> float:
    """How much longer the box is along y than along x."""
    return float(np.ptp(y) / np.ptp(x))


def _scatter(
    u: np.ndarray, exact: np.ndarray, method: str, groups: dict[str, np.ndarray]
) -> Figure:
    title = _title(u, method, "median, min-max bars")
    figure, (axes,) = new_figure(title, 5.6, 5.2)
    axes.xaxis.set_major_locator(ticks(6))
    axes.set(xlabel="exact solution $u^*$", ylabel="solution $u$")
    axes.axline((0, 0), slope=1, color="black", linewidth=1, label="$u = u^*$", zorder=1)
    colour = method_colour(method)
    for (rate, which), marker in zip(groups.items(), cycle(".+x1"), strict=False):
        low, middle, high = across(u[which].T)
        if which.size > 1:
            bars = {"alpha": 0.3, "linewidth": 1, "zorder": 1}
            axes.vlines(exact, low, high, colour, rasterized=exact.size > MOST_MARKS, **bars)
        style = {"color": colour, "linestyle": "", "marker": marker, "alpha": 0.6}
        style["rasterized"] = exact.size > MOST_MARKS
        draw_curve(axes, exact, middle, label=labelled(f"method {method}", rate), **style)
    return finished(figure)
