"""Figures of random feature solves: singular values, truncated solutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from pinnspectra.show.figures.arrays import array
from pinnspectra.show.figures.panels import draw_curve, draw_mark, finished, new_figure
from pinnspectra.show.figures.spectra import (
    EIGENVALUE,
    SINGULAR_VALUE,
    draw_spectra,
    set_spectrum_axes,
)
from pinnspectra.show.figures.style import STYLE, method_colour

TRUNCATION = "truncation position $P$"
TRAINING_ERROR = r"relative training error $\|Aa - f\| \,/\, \|f\|$"


@rc_context(STYLE)
def spectrum_figure(
    spectra: Mapping[str, ArrayLike],
    cutoff: float | None = None,
    floors: Mapping[str, ArrayLike] | None = None,
    eigenvalues: bool = False,
    title: str | None = None,
) -> Figure:
    """Spectra of methods, (M,) or of S seeds (S, M), over their index from 1 (Fig. 3a).

    The dashed lines are at cutoff * sigma_1, the dots at k = e (Definition 1). The dotted lines are
    what of the values is rounding; a hollow mark is on a value that is rounding.

        spectrum_figure({"ad": sigma_ad, "fd": sigma_fd}, cutoff=1e-12)

    Args:
        spectra: singular values of A by method, in any order; of several seeds the median is drawn
            on the band from the minimum to the maximum.
        cutoff: the a of Definition 1.
        floors: what of the values of a method is rounding, (m,) or (S, m).
        eigenvalues: whether the values, and their floors, are eigenvalues of G.
        title: what stands above.
    """
    of_what = "training kernel $G$" if eigenvalues else "system matrix $A$"
    alone = f", method {next(iter(spectra))}" if len(spectra) == 1 else ""
    figure, (axes,) = new_figure(title or f"Spectrum of the {of_what}{alone}", 6.4, 4.6)
    set_spectrum_axes(axes, EIGENVALUE if eigenvalues else SINGULAR_VALUE)
    dots = {"marker": ".", "markersize": 4} if len(spectra) == 1 else {}
    wide = len(spectra) - 1  # the earlier ones, so that curves that coincide both show
    looks = {
        method: {"label": f"method {method}", "linewidth": 1.2 + min(wide - i, 2)} | dots
        for i, method in enumerate(spectra)
    }
    largest = r"\lambda_1" if eigenvalues else r"\sigma_1"
    draw_spectra(axes, spectra, cutoff, floors or {}, eigenvalues, looks, largest)
    return finished(figure)


@rc_context(STYLE)
def truncation_figure(
    truncation_position: ArrayLike,
    relative_training_error: ArrayLike,
    used: int,
    method: str,
) -> Figure:
    """Relative training error over the truncation position P, (K,) each (Fig. 3b).

    The dotted line and the dot are at the position that is used.
    """
    figure, (axes,) = new_figure(f"Error of the truncated solution, method {method}", 6.4, 4.6)
    set_truncation_axes(axes)
    colour = method_colour(method)
    position, errors = array(truncation_position), array(relative_training_error)
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
