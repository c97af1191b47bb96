"""Figures of one random feature solve: its singular values, its truncated solutions."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnspectra.figures.panels import draw_curve, draw_mark, finished, new_figure
from pinnspectra.figures.spectra import (
    SINGULAR_VALUE,
    draw_cutoff,
    draw_floor,
    draw_spectrum,
    set_spectrum_axes,
)
from pinnspectra.figures.style import STYLE, method_colour

TRUNCATION = "truncation position $P$"
TRAINING_ERROR = r"relative training error $\|Aa - f\| \,/\, \|f\|$"


@rc_context(STYLE)
def singular_value_figure(
    singular_values: np.ndarray, floor: np.ndarray, cutoff: float, method: str
) -> Figure:
    """Singular values of the system matrix A, (M,), over their index from 1 (Fig. 3a).

    The dashed line is at cutoff * sigma_1, the dot at k = e (Definition 1). The dotted line is the
    predicted rounding floor, (M,); a hollow mark is on a value that is rounding.
    """
    figure, (axes,) = new_figure(f"Spectrum of the system matrix $A$, method {method}", 6.4, 4.6)
    set_spectrum_axes(axes, SINGULAR_VALUE)
    colour = method_colour(method)
    style = {"marker": ".", "markersize": 4, "linewidth": 1, "label": f"method {method}"}
    draw_spectrum(axes, singular_values[None], colour, **style)
    draw_floor(axes, singular_values[None], floor[None], colour, listed=True)
    draw_cutoff(axes, singular_values[None], cutoff, colour, largest=r"\sigma_1")
    return finished(figure)


@rc_context(STYLE)
def truncation_figure(
    truncation_position: np.ndarray,
    relative_training_error: np.ndarray,
    used: int,
    method: str,
) -> Figure:
    """Relative training error over the truncation position P, (K,) each (Fig. 3b).

    The dotted line and the dot are at the position that is used.
    """
    figure, (axes,) = new_figure(f"Error of the truncated solution, method {method}", 6.4, 4.6)
    set_truncation_axes(axes)
    colour = method_colour(method)
    position, errors = truncation_position, relative_training_error
    draw_curve(axes, position, errors, color=colour, label=f"method {method}")
    label = f"solution taken at $P$ = {used}"
    draw_truncation_mark(axes, position, errors, used, colour, label=label)
    if used > 0:
        axes.axvline(used, color=colour, linestyle=":", linewidth=1, zorder=1)
    return finished(figure)


def set_truncation_axes(axes: Axes) -> None:
    """Axes for the training error over the truncation position."""
    axes.set(xscale="log", yscale="log", xlabel=TRUNCATION, ylabel=TRAINING_ERROR)


def draw_truncation_mark(
    axes: Axes, position: np.ndarray, errors: np.ndarray, used: int, color: str, **style: Any
) -> None:
    """Mark the error at the position that is used, if it is among them, (K,)."""
    for k in np.flatnonzero(position == used):
        draw_mark(axes, position[k], errors[k], color, **style)
