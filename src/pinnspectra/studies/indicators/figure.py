"""Truncated entropy against what it should indicate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnspectra.show.figures.curves import axis_label
from pinnspectra.show.figures.panels import draw_curve, finished, new_figure, ticks
from pinnspectra.show.figures.style import STYLE, method_colour
from pinnspectra.studies.indicators.cases import Outcome


@rc_context(STYLE)
def indicator_figure(title: str, cases: pd.DataFrame, outcomes: Sequence[Outcome]) -> Figure:
    """Draw outcomes, a row each, over H, a column a problem.

    A method has its colour; float64 is filled, other precisions are not. Of dots that coincide the
    earlier method's are larger, so that both show.
    """
    problems, methods = (list(cases[key].unique()) for key in ("problem", "method"))
    rows, columns = len(outcomes), len(problems)
    figure, axes = new_figure(title, 1 + 3 * columns, 1.2 + 2.3 * rows, rows, columns)
    for panel, (outcome, problem) in zip(axes, product(outcomes, problems), strict=True):
        inside = cases.loc[cases["problem"] == problem]
        _set_scales(panel, np.asarray(inside["H"]), np.asarray(inside[outcome.name]))
        for (method, precision), dots in inside.groupby(["method", "precision"], sort=False):
            colour = method_colour(method)
            draw_curve(
                panel,
                np.asarray(dots["H"]),
                np.asarray(dots[outcome.name]),
                color=colour,
                linestyle="",
                marker="o",
                markersize=max(6 - methods.index(method), 3),
                markerfacecolor=colour if precision == "float64" else "none",
                markeredgewidth=0.8,
                label=f"{method}, {precision}",
            )
    for panel, problem in zip(axes, problems, strict=False):
        panel.set_title(problem)
    for panel in axes[-columns:]:
        panel.set_xlabel(axis_label("truncated_entropy"))
    for panel, outcome in zip(axes[::columns], outcomes, strict=True):
        panel.set_ylabel(outcome.label)
    return finished(figure)


def _set_scales(axes: Axes, H: np.ndarray, y: np.ndarray) -> None:
    """Set scales that show all cases: log for H where it has a decade, and for the outcomes.

    An outcome that is negative somewhere is linear near 0 and logarithmic beyond.
    """
    axes.xaxis.set_major_locator(ticks(6))
    if 0 < 10 * H.min() < H.max():
        axes.set_xscale("log")
    if (y < 0).any():
        near = np.quantile(np.abs(y[np.isfinite(y) & (y != 0)]), 0.1)
        axes.set_yscale("symlog", linthresh=10 ** np.ceil(np.log10(near)))
    else:
        axes.set_yscale("log")
