"""The cause of the gap between AD and FD in one picture: spectra with their rounding floors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnspectra.show.figures.curves import hold_arrays
from pinnspectra.show.figures.panels import LARGEST, draw_curve, finished, new_figure
from pinnspectra.show.figures.style import STYLE, method_colour

LOOKS = {
    ("fd", "float32"): {
        "color": method_colour("fd"),
        "linewidth": 2.6,
        "alpha": 0.45,
        "label": "FD, float32",
    },
    ("fd", "float64"): {"color": method_colour("fd"), "linewidth": 1.6, "label": "FD, float64"},
    ("ad", "float64"): {"color": method_colour("ad"), "linewidth": 3.2, "label": "AD, float64"},
    ("fd_exact", "float64"): {
        "color": method_colour("fd_exact"),
        "linewidth": 1.4,
        "linestyle": "--",
        "label": "FD in exact arithmetic",
    },
}
"""How a method in a precision is drawn, in this order."""

FLOOR = {"color": "black", "linestyle": ":", "linewidth": 1.2, "zorder": 3}


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The values of one matrix by a method in a precision, and the floor that is predicted.

    `values`, (K,), are descending; `floor`, (L,), is empty where none is predicted.
    """

    method: str
    precision: str
    values: np.ndarray
    floor: np.ndarray

    def __post_init__(self) -> None:
        hold_arrays(self)


@dataclass(frozen=True)
class Panel:
    """The spectra of one matrix of one problem, their name for the axis and the title."""

    title: str
    label: str
    spectra: Sequence[Spectrum]


@rc_context(STYLE)
def cause_figure(panels: Sequence[Panel], columns: int) -> Figure:
    """Spectra relative to their largest value, a panel a matrix and problem, row by row.

    Those by AD and by FD in exact arithmetic lie on each other; those by FD in float32 and float64
    leave them at the dotted floors, which are predicted from the precision, the stencil and h.
    """
    rows = -(-len(panels) // columns)
    title = (
        "Finite differences leave AD's spectrum where their rounding begins: "
        "in exact arithmetic the two are one"
    )
    width, height = 1.2 + 3.9 * columns, 1.3 + 3.1 * rows
    title = fill(title, int(11 * width))
    figure, axes = new_figure(title, width, height, rows=rows, columns=columns, apart=True)
    for one, panel in zip(axes, panels, strict=False):
        one.set_title(panel.title)
        one.set(yscale="log", xlabel="index $k$", ylabel=panel.label)
        _draw(one, panel)
    return finished(figure)


def _draw(axes: Axes, panel: Panel) -> None:
    by_look = {(s.method, s.precision): s for s in panel.spectra}
    for key, look in LOOKS.items():
        if key not in by_look:
            continue
        values, floor = by_look[key].values, by_look[key].floor
        largest = values[0]
        draw_curve(axes, np.arange(1, values.size + 1), values / largest, **look)
        if floor.size and key[0] == "fd" and floor[0] > 1 / LARGEST:
            at = np.arange(1, floor.size + 1)
            label = "predicted rounding floor of FD"
            draw_curve(axes, at, floor / largest, label=label, **FLOOR)
