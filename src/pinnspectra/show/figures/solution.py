"""A solution beside the exact one: curves, maps, or one over the other."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from pinnspectra.show.figures.curves import array, looks
from pinnspectra.show.figures.members import BAND, MEDIAN, across, draw_band, labelled, titled
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
from pinnspectra.show.figures.training import FEW_RATES

Solutions = Mapping[str, np.ndarray]
"""Solutions of members, (S, N), by their label."""


@rc_context(STYLE)
def solution_figure(
    points: ArrayLike, solutions: Mapping[str, ArrayLike], exact: ArrayLike, method: str
) -> Figure:
    """Draw solutions u and their errors u - u*, at points (N, d), with the exact u*, (N,).

    Curves for d = 1, maps for a grid of d = 2, u over u* for anything else.

    Args:
        points: the points.
        solutions: u, (N,) or of S members (S, N), by what tells it from the others, such as a
            learning rate; of members the median is drawn.
        exact: u*.
        method: decides the colour.
    """
    x, exact = array(points), array(exact)
    u = {label: np.atleast_2d(array(values)) for label, values in solutions.items()}
    if x.shape[1] == 1:
        return _curves(x[:, 0], u, exact, method)
    if x.shape[1] == 2 and (grid := grid_of(x)) is not None:
        return _maps(*grid, u, exact, method)
    return _scatter(u, exact, method)


def _title(u: Solutions, method: str, drawn: str) -> str:
    every = np.concatenate([*u.values()])
    lost = int((~np.isfinite(every).any(axis=1)).sum())
    return titled(f"Solution, method {method}", len(every), drawn, lost, "diverged")


def _curves(x: np.ndarray, u: Solutions, exact: np.ndarray, method: str) -> Figure:
    drawn = BAND if len(u) <= FEW_RATES else MEDIAN
    figure, (left, right) = new_figure(_title(u, method, drawn), 11, 4.4, columns=2)
    left.set(xlabel="coordinate $x$", ylabel="solution $u$")
    right.set(xlabel="coordinate $x$", ylabel="error $u - u^*$")
    order = np.argsort(x)
    for axes in (left, right):
        axes.xaxis.set_major_locator(ticks(6))
    for (label, values), look in zip(u.items(), looks([method] * len(u)), strict=True):
        look |= {"label": labelled(f"$u$, method {method}", label), "band": drawn == BAND}
        draw_band(right, x[order], (values - exact)[:, order].T, **look)
        look["linewidth"] = 2.5
        draw_band(left, x[order], values[:, order].T, **look)
    black = {"color": "black", "linestyle": "--", "linewidth": 1.2, "label": "exact $u^*$"}
    draw_curve(left, x[order], exact[order], **black)
    return finished(figure)


def grid_of(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return the axes x (n,), y (m,) of a grid and the order (n m,) that sorts its points by rows.

    None where the points are no grid.
    """
    x, y = np.unique(points[:, 0]), np.unique(points[:, 1])
    if x.size * y.size != len(points) or min(x.size, y.size) < 2:
        return None
    order = np.lexsort((points[:, 0], points[:, 1]))
    nodes = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return (x, y, order) if np.array_equal(points[order], nodes) else None


def _maps(
    x: np.ndarray, y: np.ndarray, order: np.ndarray, u: Solutions, exact: np.ndarray, method: str
) -> Figure:
    """Draw a row of maps for each of the solutions, all by the same colours."""
    stretch = float(np.ptp(y) / np.ptp(x))
    height = 1.2 + 2.9 * min(max(stretch, 0.4), 1.5) * len(u)
    title = _title(u, method, "pointwise median")
    figure, panels = new_figure(title, 13, height, rows=len(u), columns=3)
    medians = [across(values.T)[1] for values in u.values()]
    errors = np.concatenate([median - exact for median in medians])
    largest = np.abs(errors[np.isfinite(errors)]).max(initial=0) or 1
    values = np.concatenate([*medians, exact])
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if values.size else (0, 1)
    of_u = {"vmin": low, "vmax": high, "cmap": "viridis"}
    of_error = {"vmin": -largest, "vmax": largest, "cmap": "RdBu_r"}
    for i, (label, median) in enumerate(zip(u, medians, strict=True)):
        row = [
            (labelled("solution $u$", label), median, of_u),
            ("exact solution $u^*$", exact, of_u),
            (labelled("error $u - u^*$", label), median - exact, of_error),
        ]
        for axes, (name, shown, look) in zip(panels[3 * i : 3 * i + 3], row, strict=True):
            _map(figure, axes, x, y, shown[order].reshape(y.size, x.size), look)
            axes.set(xlabel="coordinate $x_1$", ylabel="coordinate $x_2$", title=name)
            axes.set_aspect("equal" if 1 / 3 < stretch < 3 else "auto")
    return figure


def _map(
    figure: Figure,
    axes: Axes,
    x: np.ndarray,
    y: np.ndarray,
    values: np.ndarray,
    look: dict[str, Any],
) -> None:
    """Draw values (m, n) over x (n,) to the right and y (m,) upwards."""
    if not np.isfinite(values).any():
        note_empty(axes)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    values = np.ma.masked_invalid(values)
    mesh = axes.pcolormesh(x, y, values, shading="nearest", rasterized=True, **look)
    draw_colour_bar(figure, mesh, cax=axes.inset_axes((1.04, 0, 0.05, 1)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticks(5))


def _scatter(u: Solutions, exact: np.ndarray, method: str) -> Figure:
    figure, (axes,) = new_figure(_title(u, method, "median, min-max bars"), 5.6, 5.2)
    axes.xaxis.set_major_locator(ticks(6))
    axes.set(xlabel="exact solution $u^*$", ylabel="solution $u$")
    axes.axline((0, 0), slope=1, color="black", linewidth=1, label="$u = u^*$", zorder=1)
    colour = method_colour(method)
    many: dict[str, Any] = {"rasterized": exact.size > MOST_MARKS}
    for (label, values), marker in zip(u.items(), cycle(".+x1"), strict=False):
        low, middle, high = across(values.T)
        if len(values) > 1:
            axes.vlines(exact, low, high, colour, alpha=0.3, linewidth=1, zorder=1, **many)
        style = {"color": colour, "linestyle": "", "marker": marker, "alpha": 0.6}
        draw_curve(axes, exact, middle, label=labelled(f"method {method}", label), **style, **many)
    return finished(figure)
