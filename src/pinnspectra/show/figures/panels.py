"""The panels of a figure, the curves and marks on them, and the legend below."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, ScalarFormatter
from numpy.typing import ArrayLike

LARGEST = 1e200  # far beyond, the margins and ticks of a log axis overflow (a run that diverges)

MOST_MARKS = 60
"""Points of one line whose marks can be told apart."""


def new_figure(
    title: str, width: float, height: float, rows: int = 1, columns: int = 1, apart: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return a figure, its size in inches, and its panels, row by row, with whole numbers along x.

    Panels of a column share their range along x, unless they stand apart.
    """
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06, wspace=0.03)
    figure = Figure(figsize=(width, height), layout=layout)
    figure.suptitle(title)
    axes = figure.subplots(rows, columns, sharex=not apart and "col", squeeze=False)
    for one in axes.flat:
        one.xaxis.set_major_locator(ticks(6, integer=True))
        one.xaxis.set_major_formatter(Numbers())
        one.yaxis.set_major_formatter(Numbers())
    return figure, list(axes.flat)


class Numbers(ScalarFormatter):
    """Numbers on an axis as text that can be searched; a power of ten beside them is a formula."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The number at a tick."""
        return super().__call__(x, pos).removeprefix(r"$\mathdefault{").removesuffix("}$")


def ticks(number: int, integer: bool = False) -> MaxNLocator:
    """Place ticks at round numbers, with at most that number of intervals."""
    fewest = 1 if integer else 2
    return MaxNLocator(number, steps=[1, 2, 2.5, 5, 10], integer=integer, min_n_ticks=fewest)


def shown(axes: Axes, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Tell which points (x, y), (K,), axes can show: finite, and positive where they are log."""
    which = np.ones(y.shape, dtype=bool)
    for values, scale in ((x, axes.get_xscale()), (y, axes.get_yscale())):
        lowest = 1 / LARGEST if scale == "log" else -LARGEST
        which &= (lowest <= values.astype(float)) & (values.astype(float) <= LARGEST)
    return which


def draw_curve(axes: Axes, x: np.ndarray, y: np.ndarray, **style: Any) -> None:
    """Draw y over x, (K,) each, through the points that the axes can show, if there are any.

    A value missing between two others (a loss that is logged less often) leaves no gap. The points
    of a long line have no marks.
    """
    if y.size == 0 or not (which := shown(axes, x, y)).any():
        return
    x, y = x[which], y[which]
    style = {"marker": "o" if x.size == 1 else None} | style
    if x.size > MOST_MARKS and style.get("linestyle") != "":
        style |= {"marker": None}
    axes.plot(x, y, **style)


def draw_mark(axes: Axes, x: ArrayLike, y: ArrayLike, color: str, **style: Any) -> None:
    """Draw black-edged dots at (x, y), where the axes can show them."""
    dot = {"linestyle": "", "marker": "o", "markersize": 7, "markeredgecolor": "black", "zorder": 3}
    style = dot | {"markerfacecolor": color} | style
    draw_curve(axes, np.atleast_1d(x), np.atleast_1d(y), **style)


def draw_colour_bar(figure: Figure, colours: ScalarMappable, **place: Any) -> None:
    """Draw the scale of colours, as a picture where the rest of the figure is lines."""
    bar = figure.colorbar(colours, format=Numbers(), **place)
    for part in bar.ax.collections:
        part.set_rasterized(True)


def note_empty(axes: Axes) -> None:
    """Say that a panel has nothing to show."""
    axes.text(0.5, 0.5, "nothing to show", transform=axes.transAxes, ha="center")


def finished(figure: Figure, columns: int = 2) -> Figure:
    """Add a legend below the panels, each label once, and note the panels that are empty."""
    handles: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles[label] = _of_both(handles.get(label, handle), handle)
        if not axes.has_data():
            note_empty(axes)
    if handles:
        figure.legend([*handles.values()], [*handles], loc="outside lower center", ncols=columns)
    return figure


def _of_both(first: Artist, second: Artist) -> Artist:
    """Return what stands in a legend for two of one label: grey and black for two colours."""
    if not (isinstance(first, Line2D) and isinstance(second, Line2D)):
        return first
    either = Line2D([], [])
    either.update_from(first)
    if first.get_markerfacecolor() != second.get_markerfacecolor():
        either.set_markerfacecolor("#BBBBBB")
    if first.get_color() != second.get_color():
        either.set_color("black")
    return either


def plain_text(text: str, length: int) -> str:
    """Shorten a text, and let none of it be a formula."""
    if len(text) > length:
        text = f"{text[: length // 2]}…{text[-(length // 2) :]}"
    return text.replace("$", r"\$")
