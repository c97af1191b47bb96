"""The error of differences over their step: what is expected and what is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from pinnspectra.show.figures.curves import hold_arrays
from pinnspectra.show.figures.panels import draw_curve, draw_mark, finished, new_figure
from pinnspectra.show.figures.style import STYLE, method_colour

ORDER_LOOKS = {2: ("-", "o"), 4: ("--", "^"), 6: (":", "s")}
"""The line and the marks of each accuracy order, in the colour of the method."""


@dataclass(frozen=True, eq=False)
class StepCurve:
    """The error of a difference of one accuracy order: at steps, (K,), expected and measured.

    `best` is the step at which the least error is expected, (h, error).
    """

    accuracy_order: int
    steps: np.ndarray
    expected: np.ndarray
    measured: np.ndarray
    best: tuple[float, float]

    def __post_init__(self) -> None:
        hold_arrays(self)


@dataclass(frozen=True, eq=False)
class StepPanel:
    """The curves of one precision, and the rounding error of AD there."""

    precision: str
    curves: Sequence[StepCurve]
    by_ad: float


@rc_context(STYLE)
def step_error_figure(
    panels: Sequence[StepPanel], title: str, marked: Mapping[str, float]
) -> Figure:
    """Error of the residual over the step h, expected (lines) and measured, a panel a precision.

    Rounding, falling with h, meets truncation, rising with it, at the black-edged marks.

    Args:
        panels: the precisions.
        title: the problem and the network.
        marked: steps to mark with a vertical line, by label.
    """
    width = 1.2 + 4.4 * len(panels)
    figure, axes = new_figure(title, width, 5.4, columns=len(panels), apart=True)
    for one, panel in zip(axes, panels, strict=True):
        one.set(xscale="log", yscale="log", xlabel="step $h$", title=panel.precision)
        one.xaxis.set_major_locator(LogLocator(numticks=10))
        for curve in panel.curves:
            _draw(one, curve)
        one.axhline(panel.by_ad, color=method_colour("ad"), linewidth=1.2, label="AD: rounding")
        for label, step in marked.items():
            one.axvline(step, color="black", linestyle=":", linewidth=1, zorder=1, label=label)
    axes[0].set_ylabel("rms error of the residual / rms of $f$")
    return finished(figure, columns=2 * len(panels))


def _draw(axes: Axes, curve: StepCurve) -> None:
    p = curve.accuracy_order
    colour = method_colour("fd")
    line, mark = ORDER_LOOKS[p]
    expected = {"color": colour, "linestyle": line, "label": f"FD, order {p}: expected"}
    draw_curve(axes, curve.steps, curve.expected, **expected)
    dots = {"linestyle": "", "marker": mark, "markersize": 3.5, "color": colour, "alpha": 0.6}
    draw_curve(axes, curve.steps, curve.measured, label=f"FD, order {p}: measured", **dots)
    best = {"marker": mark, "markersize": 8, "label": f"FD, order {p}: best step"}
    draw_mark(axes, *curve.best, colour, **best)
