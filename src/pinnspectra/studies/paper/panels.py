"""The figures of the paper, panel by panel, from plain arrays.

Arrays by method: (S, n) for spectra, over their index, and (K, S) for curves; S seeds, of which the
median and the band from minimum to maximum are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnspectra.show.figures.curves import Arrays, Curves, hold_arrays
from pinnspectra.show.figures.members import across, draw_histories
from pinnspectra.show.figures.panels import draw_mark, finished, new_figure
from pinnspectra.show.figures.spectra import draw_spectra, draw_truncation
from pinnspectra.show.figures.style import STYLE, method_colour

LABELS = {
    "ad": "AD",
    "fd": "FD, stencil at shifted points",
    "fd_grid": "FD, printed matrix",
}
"""What the legend calls a method; any other by its name."""

STAGES = ("I", "II", "III", "IV")

WIDTH = 8.0
"""Inches that a title needs."""


def _look(method: str, i: int) -> dict[str, Any]:
    """How the i-th method is drawn: the earlier wider, so that curves that coincide both show."""
    width = max(2.8 - i, 1.2)
    return {
        "color": method_colour(method),
        "label": LABELS.get(method, method),
        "linewidth": width,
    }


@dataclass(frozen=True, eq=False)
class SpectrumPanel:
    """Spectra of each method, (S, n), with cutoff * the largest dashed and e marked (Fig. 3a).

    `floors`, (S, m), are what of them is rounding, as predicted: dotted, and values near it hollow;
    `squares` says that both are eigenvalues, squares of singular values.
    `alike` is the paper's K, the last value that the methods share; `note` stands above.
    """

    title: str
    label: str
    spectra: Arrays
    cutoff: float | None = None
    floors: Arrays = field(default_factory=dict)
    squares: bool = False
    alike: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        hold_arrays(self)

    def draw(self, axes: Axes) -> None:
        """Draw it on axes."""
        axes.set_ylabel(self.label)
        cutoff = float("nan") if self.cutoff is None else self.cutoff
        curves = [
            Curves(method=m, spectrum=values, floor=self.floors.get(m, []), cutoff=cutoff)
            for m, values in self.spectra.items()
        ]
        styles = [_look(method, i) for i, method in enumerate(self.spectra)]
        draw_spectra(axes, curves, styles, eigenvalues=self.squares)
        if self.alike and self.spectra:
            first = next(iter(self.spectra.values()))
            middle = across(first.T)[1][self.alike - 1]
            ring = {"markersize": 13, "markeredgecolor": "#D00000", "markeredgewidth": 1.5}
            label = "$K$, the last value that AD and FD have alike"
            draw_mark(axes, self.alike, middle, "none", label=label, **ring)
        axes.text(0.5, 1.02, self.note, transform=axes.transAxes, ha="center", fontsize=9)


@dataclass(frozen=True, eq=False)
class TruncationPanel:
    """Training errors of each method, (P, S), over truncation positions 1, 2, ..., P (Fig. 3b).

    `used` are the positions e of the cut-off, by method; `stages` are the ends of Stages I to III.
    """

    title: str
    errors: Arrays
    used: Mapping[str, int] = field(default_factory=dict)
    stages: Sequence[int] = ()

    def __post_init__(self) -> None:
        hold_arrays(self)

    def draw(self, axes: Axes) -> None:
        """Draw it on axes."""
        curves = [
            Curves(
                method=method,
                truncation_position=np.arange(1, len(values) + 1),
                relative_training_error=values,
                used=self.used.get(method, 0),
            )
            for method, values in self.errors.items()
        ]
        styles = [_look(method, i) for i, method in enumerate(self.errors)]
        draw_truncation(axes, curves, styles)
        if self.stages:
            self._draw_stages(axes)

    def _draw_stages(self, axes: Axes) -> None:
        last = max(len(values) for values in self.errors.values())
        for end in self.stages:
            axes.axvline(end, color="#777777", linestyle=":", linewidth=1, zorder=1)
        edges = [1, *self.stages, last]
        for name, left, right in zip(STAGES, edges[:-1], edges[1:], strict=True):
            at = {"transform": axes.get_xaxis_transform(), "ha": "center", "color": "#555555"}
            axes.text(np.sqrt(left * right), 1.01, name, fontsize=9, **at)


@dataclass(frozen=True, eq=False)
class CurvePanel:
    """Curves of each method, (K, S), over x, (K,) each; `dashed` are others of the same methods.

    Members that end early are left out.
    """

    title: str
    xlabel: str
    ylabel: str
    x: Arrays
    y: Arrays
    dashed: Arrays = field(default_factory=dict)
    dashed_label: str = ""
    log_x: bool = False
    log_y: bool = True

    def __post_init__(self) -> None:
        hold_arrays(self)

    def draw(self, axes: Axes) -> None:
        """Draw it on axes."""
        axes.set(xlabel=self.xlabel, ylabel=self.ylabel)
        if self.log_x:
            axes.set_xscale("log")
        axes.set_yscale("log" if self.log_y else "linear")
        for i, (method, y) in enumerate(self.y.items()):
            draw_histories(axes, self.x[method], y, **_look(method, i))
        for method, y in self.dashed.items():
            label = f"{LABELS.get(method, method)}, {self.dashed_label}"
            style = {"linestyle": "--", "label": label, "band": False}
            draw_histories(axes, self.x[method], y, method_colour(method), **style)


Panel = SpectrumPanel | TruncationPanel | CurvePanel
"""What a figure is made of."""


@rc_context(STYLE)
def paper_figure(title: str, panels: Sequence[Panel], columns: int) -> Figure:
    """The panels, named (a), (b), ... where there are several, row by row in so many columns."""
    rows = -(-len(panels) // columns)
    lines = title.count("\n")
    size = max(0.6 + 4.3 * columns, WIDTH), 0.9 + 0.2 * lines + 3.5 * rows
    figure, axes = new_figure(title, *size, rows=rows, columns=columns, apart=True)
    for one in axes[len(panels) :]:
        one.remove()
    for letter, one, panel in zip("abcdefghijkl", axes, panels, strict=False):
        panel.draw(one)
        name = f"({letter}) " if len(panels) > 1 else ""
        above = panel.stages if isinstance(panel, TruncationPanel) else getattr(panel, "note", "")
        one.set_title(f"{name}{panel.title}", pad=18 if above else None)
    return finished(figure)
