"""Truncated entropy against what it should indicate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnspectra.show.figures.curves import Arrays, hold_arrays
from pinnspectra.show.figures.panels import draw_curve, finished, new_figure, ticks
from pinnspectra.show.figures.style import STYLE, method_colour
from pinnspectra.show.figures.training import ENTROPY


@dataclass(frozen=True, eq=False)
class Cloud:
    """Cases of one problem, method and precision: truncated entropy, (n,), and outcomes, (n,)."""

    problem: str
    method: str
    precision: str
    truncated_entropy: np.ndarray
    outcomes: Arrays

    def __post_init__(self) -> None:
        hold_arrays(self)


@rc_context(STYLE)
def indicator_figure(title: str, clouds: Sequence[Cloud], labels: Mapping[str, str]) -> Figure:
    """Outcomes, a row each with its label, over H, a column a problem.

    A method has its colour; float64 is filled, other precisions are not. Of dots that coincide the
    earlier method's are larger, so that both show. An outcome that is negative somewhere has an
    axis that is linear near 0 and logarithmic beyond.
    """
    problems = list(dict.fromkeys(cloud.problem for cloud in clouds))
    methods = list(dict.fromkeys(cloud.method for cloud in clouds))
    rows, columns = len(labels), len(problems)
    figure, axes = new_figure(title, 1 + 3 * columns, 1.2 + 2.3 * rows, rows, columns)
    for i, (outcome, label) in enumerate(labels.items()):
        for j, problem in enumerate(problems):
            panel = axes[i * columns + j]
            inside = [cloud for cloud in clouds if cloud.problem == problem]
            _set_scales(panel, inside, outcome)
            for cloud in inside:
                _draw(panel, cloud, outcome, size=6 - methods.index(cloud.method))
            if i == 0:
                panel.set_title(problem)
            if i == rows - 1:
                panel.set_xlabel(ENTROPY)
            if j == 0:
                panel.set_ylabel(label)
    return finished(figure)


def _set_scales(axes: Axes, clouds: Sequence[Cloud], outcome: str) -> None:
    """Axes that show all cases: logarithmic for H where it has a decade, and for the outcomes."""
    H = np.concatenate([cloud.truncated_entropy for cloud in clouds])
    axes.xaxis.set_major_locator(ticks(6))
    if 0 < 10 * H.min() < H.max():
        axes.set_xscale("log")
    y = np.concatenate([cloud.outcomes[outcome] for cloud in clouds])
    if (y < 0).any():
        near = np.quantile(np.abs(y[np.isfinite(y) & (y != 0)]), 0.1)
        axes.set_yscale("symlog", linthresh=10 ** np.ceil(np.log10(near)))
    else:
        axes.set_yscale("log")


def _draw(axes: Axes, cloud: Cloud, outcome: str, size: float) -> None:
    colour = method_colour(cloud.method)
    draw_curve(
        axes,
        cloud.truncated_entropy,
        cloud.outcomes[outcome],
        color=colour,
        linestyle="",
        marker="o",
        markersize=max(size, 3),
        markerfacecolor=colour if cloud.precision == "float64" else "none",
        markeredgewidth=0.8,
        label=f"{cloud.method}, {cloud.precision}",
    )
