"""The error of differences over their step: what is expected and what is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from pinnspectra.show.figures.panels import draw_curve, draw_mark, finished, new_figure
from pinnspectra.show.figures.style import STYLE, method_colour

ORDER_LOOKS = {2: ("-", "o"), 4: ("--", "^"), 6: (":", "s")}
"""The line and the marks of each accuracy order, in the colour of the method."""


@dataclass(frozen=True, eq=False)
class StepCurve:
    """The errors of differences of one accuracy order over their step.

    Attributes:
        accuracy_order: p.
        steps: h, (K,).
        expected: rms error of the residual over the rms of f, (K,).
        measured: the same, NaN where it is not measured.
        best: the step with the least expected error, and that error.
    """

    accuracy_order: int
    steps: np.ndarray
    expected: np.ndarray
    measured: np.ndarray
    best: tuple[float, float]


@rc_context(STYLE)
def step_error_figure(
    title: str, panels: Mapping[str, tuple[Sequence[StepCurve], float]], given: float
) -> Figure:
    """Draw the error of the residual over the step h, expected (lines) and measured.

    Rounding, falling with h, meets truncation, rising with it, at the black-edged marks.

    Args:
        title: the problem and the network.
        panels: by precision the curves, and the rounding error of AD.
        given: the step to mark with a vertical line.
    """
    width = 1.2 + 4.4 * len(panels)
    figure, axes = new_figure(title, width, 5.4, columns=len(panels), apart=True)
    for one, (precision, (curves, by_ad)) in zip(axes, panels.items(), strict=True):
        one.set(xscale="log", yscale="log", xlabel="step $h$", title=precision)
        one.xaxis.set_major_locator(LogLocator(numticks=10))
        for curve in curves:
            _draw(one, curve)
        one.axhline(by_ad, color=method_colour("ad"), linewidth=1.2, label="AD: rounding")
        dotted = {"color": "black", "linestyle": ":", "linewidth": 1, "zorder": 1}
        one.axvline(given, label=f"$h$ = {given:g}", **dotted)
    axes[0].set_ylabel("rms error of the residual / rms of $f$")
    return finished(figure, columns=2 * len(panels))


def _draw(axes: Axes, curve: StepCurve) -> None:
    line, marker = ORDER_LOOKS[curve.accuracy_order]
    colour, name = method_colour("fd"), f"FD, order {curve.accuracy_order}"
    look = {"color": colour, "linestyle": line, "label": f"{name}: expected"}
    draw_curve(axes, curve.steps, curve.expected, **look)
    dots = {"linestyle": "", "marker": marker, "markersize": 3.5, "color": colour, "alpha": 0.6}
    draw_curve(axes, curve.steps, curve.measured, label=f"{name}: measured", **dots)
    best = {"marker": marker, "markersize": 8, "label": f"{name}: best step"}
    draw_mark(axes, *curve.best, colour, **best)
