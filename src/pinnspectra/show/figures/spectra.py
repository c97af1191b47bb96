"""A spectrum over its index, its cut-off (Definition 1), and the floor of its rounding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from pinnspectra.show.figures.arrays import members
from pinnspectra.show.figures.members import across, draw_band, labelled
from pinnspectra.show.figures.panels import LARGEST, draw_curve, draw_mark
from pinnspectra.show.figures.style import method_colour

EIGENVALUE = r"eigenvalue $\lambda_k$ of $G$"
SINGULAR_VALUE = r"singular value $\sigma_k$ of $A$"

FLOOR = "predicted rounding floor"
NEAR_FLOOR = r"rounding: $\sigma_k$ at most twice its floor"
NEAR = 2
MOST_HOLLOW = 25
"""Marks on one spectrum that are told apart."""


def set_spectrum_axes(axes: Axes, label: str) -> None:
    """Axes for a spectrum of what the label says, over its index."""
    axes.set(yscale="log", xlabel="index $k$", ylabel=label)


def draw_spectra(
    axes: Axes,
    spectra: Mapping[str, ArrayLike],
    cutoff: float | None,
    floors: Mapping[str, ArrayLike],
    squares: bool,
    looks: Mapping[str, dict[str, Any]],
    largest: str | None = None,
) -> None:
    """Draw the spectra of each method, (S, M) or (M,), with cut-off and floors where there are any.

    As `draw_spectrum`, `draw_cutoff` and `draw_floor` say; `looks` has labels and styles by method.
    """
    for method, values in spectra.items():
        draw_spectrum(axes, values, method_colour(method), **looks[method])
    for method in [m for m in spectra if m in floors]:
        style: dict[str, Any] = {"listed": True, "squares": squares}
        draw_floor(axes, spectra[method], floors[method], method_colour(method), **style)
    if cutoff is None:
        return
    for method, values in spectra.items():
        of = method if len(spectra) > 1 else ""
        draw_cutoff(axes, values, cutoff, method_colour(method), largest, of=of)


def draw_spectrum(axes: Axes, spectrum: ArrayLike, color: str, **style: Any) -> None:
    """Draw spectra, (S, M), each largest first, over their index from 1, as a band if S > 1."""
    values = _descending(spectrum)
    draw_band(axes, np.arange(1, values.shape[1] + 1), values.T, color, **style)


def effective_cutoff(spectrum: ArrayLike, cutoff: float) -> np.ndarray:
    """e, (S,): how many values of each spectrum have sigma >= cutoff * sigma_max (Definition 1)."""
    values = _descending(spectrum)
    return (values >= cutoff * values[:, :1]).sum(axis=1)


def draw_cutoff(
    axes: Axes,
    spectrum: ArrayLike,
    cutoff: float,
    color: str,
    largest: str | None = None,
    alpha: float = 1,
    marker: str = "o",
    of: str = "",
) -> None:
    """Dash the level cutoff * sigma_1 and mark k = e; `largest`, a formula, puts it in a legend.

    There `of` says which of several learning rates or methods it is. Of the spectra of an ensemble,
    (S, M): at the median of sigma_1 and of e, on the median curve.
    """
    e = np.sort(effective_cutoff(spectrum, cutoff))
    e = e[e > 0]  # a member that diverged has no spectrum
    if e.size == 0:
        return
    values = across(_descending(spectrum).T)[1]
    middle = int(e[(e.size - 1) // 2])
    a = _number(cutoff)
    spread = f" ({e[0]} to {e[-1]})" if e[0] < e[-1] else ""
    level = f"cut-off ${a} \\, {largest}$" if largest else None
    name = "" if of else "effective cut-off number "
    mark = labelled(f"{name}$e({a})$ = {middle}{spread}", of) if largest else None
    if 1 / LARGEST <= cutoff * values[0] <= LARGEST:
        style = {"color": color, "alpha": 0.6 * alpha, "linestyle": "--", "linewidth": 0.9}
        axes.axhline(cutoff * values[0], label=level, zorder=1, **style)
    draw_mark(axes, middle, values[middle - 1], color, alpha=alpha, marker=marker, label=mark)


def at_floor(spectrum: np.ndarray, floor: np.ndarray, near: float) -> np.ndarray:
    """Which values, (M,), are at most `near` times what of them is rounding, (m,)."""
    n = min(spectrum.size, floor.size)
    return np.append(spectrum[:n] <= near * floor[:n], np.zeros(spectrum.size - n, dtype=bool))


def draw_floor(
    axes: Axes,
    spectrum: ArrayLike,
    floor: ArrayLike,
    color: str,
    alpha: float = 1,
    hollow: bool = True,
    listed: bool = False,
    squares: bool = False,
) -> None:
    """Draw what of spectra, (S, M), is rounding, (S, m), dotted; mark values near it hollow.

    Near is a factor 2 of singular values, and so 4 where spectrum and floor are their `squares`.
    Of an ensemble the medians. `listed` puts both in a legend.
    """
    values, errors = across(_descending(spectrum).T)[1], across(_descending(floor).T)[1]
    index = np.arange(1, max(values.size, errors.size) + 1)
    names = ({"label": FLOOR, "color": "black"}, {"label": NEAR_FLOOR}) if listed else ({}, {})
    thin = {"color": color, "alpha": 0.8 * alpha, "linestyle": ":", "linewidth": 1.2, "zorder": 2.6}
    draw_curve(axes, index[: errors.size], errors, **(thin | names[0]))
    if not hollow:
        return
    near = np.flatnonzero(at_floor(values, errors, NEAR**2 if squares else NEAR))
    near = near[:: max(1, -(-near.size // MOST_HOLLOW))]
    marks = {"linestyle": "", "marker": "o", "markersize": 4, "markerfacecolor": "white"}
    marks |= {"color": color, "alpha": alpha, "markeredgewidth": 0.9, "zorder": 2.7}
    draw_curve(axes, index[near], values[near], **(marks | names[1]))


def _descending(spectrum: ArrayLike) -> np.ndarray:
    """The finite values of spectra, (S, M), each largest first, in float64; NaN after them."""
    values = members(spectrum).astype(float)
    finite = np.where(np.isfinite(values), values, np.nan)
    return -np.sort(-finite, axis=1)


def _number(value: float) -> str:
    """A number as a formula: 10^{-12}, 2 \\times 10^{-5}, 0.5."""
    mantissa, _, exponent = f"{value:e}".partition("e")
    if value == 0 or abs(int(exponent)) < 2:
        return f"{value:g}"
    power = f"10^{{{int(exponent)}}}"
    return power if float(mantissa) == 1 else rf"{float(mantissa):g} \times {power}"
