"""A spectrum over its index, and its cut-off (Definition 1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pinnspectra.figures.panels import LARGEST, draw_curve, draw_mark

EIGENVALUE = r"eigenvalue $\lambda_k$ of $G$"
SINGULAR_VALUE = r"singular value $\sigma_k$ of $A$"


def set_spectrum_axes(axes: Axes, label: str) -> None:
    """Axes for a spectrum of what the label says, over its index."""
    axes.set(yscale="log", xlabel="index $k$", ylabel=label)


def draw_spectrum(axes: Axes, spectrum: np.ndarray, **style: Any) -> None:
    """Draw the finite values of a spectrum, (M,), largest first, over their index from 1."""
    values = _descending(spectrum)
    draw_curve(axes, np.arange(1, values.size + 1), values, **style)


def effective_cutoff(spectrum: np.ndarray, cutoff: float) -> int:
    """e, the number of values with sigma >= cutoff * sigma_max (Definition 1, Eq. 1)."""
    values = _descending(spectrum)
    return int((values >= cutoff * values[0]).sum()) if values.size else 0


def draw_cutoff(
    axes: Axes,
    spectrum: np.ndarray,
    cutoff: float,
    color: str,
    largest: str | None = None,
    alpha: float = 1,
) -> None:
    """Dash the level cutoff * sigma_1 and mark k = e; `largest`, a formula, puts it in a legend."""
    e = effective_cutoff(spectrum, cutoff)
    if e == 0:
        return
    values = _descending(spectrum)
    a = _number(cutoff)
    level = f"cut-off ${a} \\, {largest}$" if largest else None
    mark = f"effective cut-off number $e({a})$ = {e}" if largest else None
    if 1 / LARGEST <= cutoff * values[0] <= LARGEST:
        style = {"color": color, "alpha": 0.6 * alpha, "linestyle": "--", "linewidth": 0.9}
        axes.axhline(cutoff * values[0], label=level, zorder=1, **style)
    draw_mark(axes, e, values[e - 1], color, alpha=alpha, label=mark)


def _descending(spectrum: np.ndarray) -> np.ndarray:
    """The finite values of a spectrum, largest first, in float64."""
    return np.sort(spectrum[np.isfinite(spectrum)].astype(float))[::-1]


def _number(value: float) -> str:
    """A number as a formula: 10^{-12}, 2 \\times 10^{-5}, 0.5."""
    mantissa, _, exponent = f"{value:e}".partition("e")
    if value == 0 or abs(int(exponent)) < 2:
        return f"{value:g}"
    power = f"10^{{{int(exponent)}}}"
    return power if float(mantissa) == 1 else rf"{float(mantissa):g} \times {power}"
