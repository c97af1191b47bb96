"""The panels of a figure, the curves and marks on them, and the legend below."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

LARGEST = 1e200  # far beyond, the margins and ticks of a log axis overflow (a run that diverges)


def new_figure(
    title: str, width: float, height: float, rows: int = 1, columns: int = 1, apart: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure of so many inches and its panels, row by row, with whole numbers along x.

    Panels of a column have one range along x, unless they are to stand apart.
    """
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06, wspace=0.03)
    figure = Figure(figsize=(width, height), layout=layout)
    figure.suptitle(title)
    axes = figure.subplots(rows, columns, sharex=not apart and "col", squeeze=False)
    for one in axes.flat:
        one.xaxis.set_major_locator(ticks(6, integer=True))
    return figure, list(axes.flat)


def ticks(number: int, integer: bool = False) -> MaxNLocator:
    """At most so many intervals between ticks at round numbers."""
    return MaxNLocator(nbins=number, steps=[1, 2, 2.5, 5, 10], integer=integer)


def shown(axes: Axes, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which points (x, y), (K,), the axes can show: finite, and positive where they are log."""
    which = np.ones(y.shape, dtype=bool)
    for values, scale in ((x, axes.get_xscale()), (y, axes.get_yscale())):
        lowest = 1 / LARGEST if scale == "log" else -LARGEST
        which &= (lowest <= values.astype(float)) & (values.astype(float) <= LARGEST)
    return which


def draw_curve(axes: Axes, x: np.ndarray, y: np.ndarray, **style: Any) -> None:
    """Draw y over x, (K,) each, through the points that the axes can show, if there are any.

    A value missing between two others (a loss that is logged less often) leaves no gap.
    """
    if y.size == 0 or not (which := shown(axes, x, y)).any():
        return
    style = {"marker": "o" if which.sum() == 1 else None} | style
    axes.plot(x[which], y[which], **style)


def draw_marks(axes: Axes, x: np.ndarray, y: np.ndarray, color: str, **style: Any) -> None:
    """Draw black-edged dots at (x, y), (K,) each, where the axes can show them."""
    dot = {"linestyle": "", "marker": "o", "markersize": 7, "markeredgecolor": "black", "zorder": 3}
    style = dot | {"markerfacecolor": color} | style
    draw_curve(axes, x, y, **style)


def draw_mark(axes: Axes, x: float, y: float, color: str, **style: Any) -> None:
    """Draw a black-edged dot at (x, y), if the axes can show it."""
    draw_marks(axes, np.array([x]), np.array([y]), color, **style)


def note_empty(axes: Axes) -> None:
    """Say that a panel has nothing to show."""
    axes.text(0.5, 0.5, "nothing to show", transform=axes.transAxes, ha="center")


def noted(figure: Figure) -> Figure:
    """The figure with a word in every panel that has nothing to show."""
    for axes in figure.axes:
        if not axes.has_data():
            note_empty(axes)
    return figure


def finished(figure: Figure) -> Figure:
    """The figure with one legend below its panels, where it covers no data; a label once."""
    listed = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in figure.axes]
    handles = {label: handle for axes in listed for handle, label in axes}
    if handles:
        figure.legend(handles=[*handles.values()], loc="outside lower center", ncols=2)
    return noted(figure)
