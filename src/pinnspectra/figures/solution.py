"""The figure of a solution beside the exact one: curves, maps, or one over the other."""

from __future__ import annotations

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnspectra.figures.panels import draw_curve, finished, new_figure, note_empty, ticks
from pinnspectra.figures.style import STYLE, method_colour


@rc_context(STYLE)
def solution_figure(
    points: np.ndarray, solution: np.ndarray, exact: np.ndarray, method: str
) -> Figure:
    """The solution u and the exact u*, (N,) each, at points (N, d), and the error u - u*.

    Curves for d = 1, maps for a grid of d = 2, u against u* for anything else.
    """
    if points.shape[1] == 1:
        return _curves(points[:, 0], solution, exact, method)
    if points.shape[1] == 2 and (grid := _grid(points)) is not None:
        return _maps(*grid, solution, exact, method)
    return _scatter(solution, exact, method)


def _curves(x: np.ndarray, u: np.ndarray, exact: np.ndarray, method: str) -> Figure:
    figure, (left, right) = new_figure(f"Solution, method {method}", 11, 4.4, columns=2)
    order = np.argsort(x)
    x, u, exact = x[order], u[order], exact[order]
    for axes in (left, right):
        axes.xaxis.set_major_locator(ticks(6))
    left.set(xlabel="coordinate $x$", ylabel="solution $u$")
    right.set(xlabel="coordinate $x$", ylabel="error $u - u^*$")
    colour = method_colour(method)
    draw_curve(left, x, u, color=colour, linewidth=2.5, label=f"$u$, method {method}")
    draw_curve(left, x, exact, color="black", linestyle="--", linewidth=1.2, label="exact $u^*$")
    draw_curve(right, x, u - exact, color=colour)
    return finished(figure)


def _grid(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The axes x (n,), y (m,) and the order (n m,) that sorts points into rows of y, if a grid."""
    x, y = np.unique(points[:, 0]), np.unique(points[:, 1])
    if x.size * y.size != len(points) or min(x.size, y.size) < 2:
        return None
    order = np.lexsort((points[:, 0], points[:, 1]))
    nodes = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return (x, y, order) if np.array_equal(points[order], nodes) else None


def _maps(
    x: np.ndarray, y: np.ndarray, order: np.ndarray, u: np.ndarray, exact: np.ndarray, method: str
) -> Figure:
    height = 1.2 + 2.9 * min(max(_stretch(x, y), 0.4), 1.5)
    figure, (left, middle, right) = new_figure(f"Solution, method {method}", 13, height, columns=3)
    shape = (y.size, x.size)
    maps = [np.ma.masked_invalid(v[order].reshape(shape)) for v in (u, exact, u - exact)]
    both = np.ma.concatenate(maps[:2]).compressed()
    low, high = (both.min(), both.max()) if both.size else (0, 1)
    largest = np.abs(maps[2].compressed()).max(initial=0) or 1
    _map(left, x, y, maps[0], (low, high), "viridis", "solution $u$")
    _map(middle, x, y, maps[1], (low, high), "viridis", "exact solution $u^*$")
    _map(right, x, y, maps[2], (-largest, largest), "RdBu_r", "error $u - u^*$")
    return figure


def _map(
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
    mesh = axes.pcolormesh(x, y, values, vmin=low, vmax=high, cmap=colours, shading="nearest")
    axes.figure.colorbar(mesh, cax=axes.inset_axes((1.04, 0, 0.05, 1)))
    axes.set(xlabel="coordinate $x_1$", ylabel="coordinate $x_2$", title=title)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticks(5))
    axes.set_aspect("equal" if 1 / 3 < _stretch(x, y) < 3 else "auto")


def _stretch(x: np.ndarray, y: np.ndarray) -> float:
    """How much longer the box is along y than along x."""
    return float(np.ptp(y) / np.ptp(x))


def _scatter(u: np.ndarray, exact: np.ndarray, method: str) -> Figure:
    figure, (axes,) = new_figure(f"Solution, method {method}", 5.6, 5.2)
    axes.xaxis.set_major_locator(ticks(6))
    axes.set(xlabel="exact solution $u^*$", ylabel="solution $u$")
    axes.axline((0, 0), slope=1, color="black", linewidth=1, label="$u = u^*$", zorder=1)
    style = {"color": method_colour(method), "linestyle": "", "marker": ".", "alpha": 0.6}
    draw_curve(axes, exact, u, label=f"method {method}", **style)
    return finished(figure)
