"""A spectrum over its index with its cut-off and rounding floor; truncated solutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from pinnspectra.show.figures.curves import (
    FEW,
    Curves,
    Styles,
    array,
    axis_label,
    columns,
    looks,
)
from pinnspectra.show.figures.members import across, draw_band, labelled
from pinnspectra.show.figures.panels import LARGEST, draw_curve, draw_mark, finished, new_figure
from pinnspectra.show.figures.style import MARKERS, STYLE, method_colour

EIGENVALUE = r"eigenvalue $\lambda_k$ of $G$"
SINGULAR_VALUE = r"singular value $\sigma_k$ of $A$"
TRUNCATION = axis_label("truncation_position")
TRAINING_ERROR = axis_label("relative_training_error") + r" $\|Aa - f\| \,/\, \|f\|$"

FLOOR = "predicted rounding floor"
NEAR_FLOOR = r"rounding: $\sigma_k$ at most twice its floor"
NEAR = 2
MOST_HOLLOW = 25
"""Marks on one spectrum that can be told apart."""


@rc_context(STYLE)
def spectrum_figure(
    spectra: Mapping[str, ArrayLike],
    cutoff: float | None = None,
    floors: Mapping[str, ArrayLike] | None = None,
    eigenvalues: bool = False,
) -> Figure:
    """Draw spectra by method, (N,) or of S seeds (S, N), over their index from 1 (Fig. 3a).

    The dashed lines are at cutoff * sigma_1, the dots at k = e (Definition 1). The dotted lines are
    the rounding floors; hollow marks are on values that are rounding.

        spectrum_figure({"ad": sigma_ad, "fd": sigma_fd}, cutoff=1e-12)

    Args:
        spectra: singular values of A by method, in any order; of several seeds the median is drawn
            on the band from the minimum to the maximum.
        cutoff: the a of Definition 1.
        floors: the rounding floors of the values by method, (M,) or (S, M).
        eigenvalues: whether the values, and their floors, are eigenvalues of G.
    """
    of_what = "training kernel $G$" if eigenvalues else "system matrix $A$"
    alone = len(spectra) == 1
    of_method = f", method {next(iter(spectra))}" if alone else ""
    figure, (axes,) = new_figure(f"Spectrum of the {of_what}{of_method}", 6.4, 4.6)
    floors, cutoff = floors or {}, float("nan") if cutoff is None else cutoff
    curves = [
        Curves(
            method=method,
            label="" if alone else method,
            spectrum=array(values),
            cutoff=cutoff,
            floor=array(floors.get(method, [])),
        )
        for method, values in spectra.items()
    ]
    dots = {"marker": ".", "markersize": 4} if alone else {}
    styles = [
        look | {"label": f"method {one.method}", "linestyle": "-"} | dots
        for one, look in zip(curves, looks([one.method for one in curves]), strict=True)
    ]
    draw_spectra(axes, curves, styles, eigenvalues=eigenvalues, named=True)
    return finished(figure)


def draw_spectra(
    axes: Axes, curves: Sequence[Curves], styles: Styles, eigenvalues: bool, named: bool = False
) -> None:
    """Draw spectra over their index with cut-offs and rounding floors.

    Args:
        axes: the panel.
        curves: the spectra.
        styles: how each is drawn, and what the legend calls it.
        eigenvalues: whether they are of G, squares of singular values.
        named: whether the legend has the number e of each.
    """
    label = EIGENVALUE if eigenvalues else SINGULAR_VALUE
    axes.set(yscale="log", xlabel="index $k$", ylabel=label)
    for one, style in zip(curves, styles, strict=True):
        draw_spectrum(axes, one.spectrum, **style)
    near = (NEAR**2 if eigenvalues else NEAR) if len(curves) <= FEW else 0
    for one, style in zip(curves, styles, strict=True):
        dotted = "black" if named else style["color"]
        draw_floor(axes, one.spectrum, one.floor, near, dotted, style)
    largest = r"\lambda_1" if eigenvalues else r"\sigma_1"
    for one, style, marker in zip(curves, styles, cycle(MARKERS), strict=False):
        look = {"color": style["color"], "alpha": style.get("alpha", 1)}
        look |= {"of": one.label, "marker": marker} if named else {}
        draw_cutoff(axes, one.spectrum, one.cutoff, largest, **look)


def draw_spectrum(axes: Axes, spectrum: ArrayLike, color: str, **style: Any) -> None:
    """Draw spectra, (S, N), each largest first, over their index from 1, as a band if S > 1."""
    values = _descending(spectrum)
    draw_band(axes, np.arange(1, values.shape[1] + 1), values.T, color, **style)


def draw_cutoff(
    axes: Axes,
    spectrum: ArrayLike,
    cutoff: float,
    largest: str,
    color: str,
    alpha: float,
    of: str | None = None,
    marker: str = "o",
) -> None:
    """Dash the level cutoff * sigma_1 and mark the last value that is not below it, k = e.

    Of spectra, (S, N): at the median of sigma_1 and of e, on the median curve. `largest` is the
    formula for sigma_1; `of` says whose e the legend has, if it has any.
    """
    values = _descending(spectrum)
    e = np.sort((values >= cutoff * values[:, :1]).sum(axis=1))
    e = e[e > 0]  # a member that diverged has no spectrum
    if e.size == 0:
        return
    median = across(values.T)[1]
    if 1 / LARGEST <= cutoff * median[0] <= LARGEST:
        style = {"color": color, "alpha": 0.6 * alpha, "linestyle": "--", "linewidth": 0.9}
        label = f"cut-off ${_number(cutoff)} \\, {largest}$"
        axes.axhline(cutoff * median[0], label=label, zorder=1, **style)
    middle = int(e[(e.size - 1) // 2])
    spread = f" ({e[0]} to {e[-1]})" if e[0] < e[-1] else ""
    label = "cut-off number $e$"
    if of is not None:
        label = f"{'' if of else 'effective cut-off number '}$e({_number(cutoff)})$ = "
        label = labelled(f"{label}{middle}{spread}", of)
    draw_mark(axes, middle, median[middle - 1], color, alpha=alpha, marker=marker, label=label)


def draw_floor(
    axes: Axes,
    spectrum: ArrayLike,
    floor: ArrayLike,
    near: float,
    colour: str,
    style: dict[str, Any],
) -> None:
    """Draw the rounding floor, (S, M), of spectra, (S, N), dotted; of an ensemble the median.

    Values at most `near` times their floor, if that is not 0, are marked hollow.
    """
    values, errors = (across(_descending(v).T)[1] for v in (spectrum, floor))
    alpha = style.get("alpha", 1)
    dotted = {"color": colour, "linestyle": ":", "linewidth": 1.2, "zorder": 2.6}
    k = np.arange(1, errors.size + 1)
    draw_curve(axes, k, errors, alpha=0.8 * alpha, label=FLOOR, **dotted)
    n = min(values.size, errors.size)
    k = np.flatnonzero(values[:n] <= near * errors[:n])
    k = k[:: max(1, -(-k.size // MOST_HOLLOW))]
    hollow = {"linestyle": "", "marker": "o", "markersize": 4, "markerfacecolor": "white"}
    hollow |= {"color": style["color"], "alpha": alpha, "markeredgewidth": 0.9, "zorder": 2.7}
    draw_curve(axes, k + 1, values[k], label=NEAR_FLOOR, **hollow)


@rc_context(STYLE)
def truncation_figure(curves: Curves) -> Figure:
    """Draw the relative training error over the truncation position (Fig. 3b).

    The dotted line and the dot are at the position that is used.
    """
    method, used = curves.method, curves.used
    figure, (axes,) = new_figure(f"Error of the truncated solution, method {method}", 6.4, 4.6)
    style = {"color": method_colour(method), "label": f"method {method}"}
    draw_truncation(axes, [curves], [style], label=f"solution taken at $p$ = {used}")
    if used > 0:
        axes.axvline(used, color=style["color"], linestyle=":", linewidth=1, zorder=1)
    return finished(figure)


def draw_truncation(
    axes: Axes, curves: Sequence[Curves], styles: Styles, label: str = "position $p$ taken"
) -> None:
    """Draw training errors over the truncation position, with a dot at the one that is used."""
    axes.set(xscale="log", yscale="log", xlabel=TRUNCATION, ylabel=TRAINING_ERROR)
    for one, style in zip(curves, styles, strict=True):
        position, errors = one.truncation_position, columns(one.relative_training_error)
        draw_band(axes, position, errors, **style)
        look = {"color": style["color"], "alpha": style.get("alpha", 1), "label": label}
        for k in np.flatnonzero(position == one.used):
            draw_mark(axes, position[k], across(errors)[1][k], **look)


def _descending(spectrum: ArrayLike) -> np.ndarray:
    """Return the finite values of spectra, (S, N), each largest first, float64; NaN after them."""
    values = np.atleast_2d(array(spectrum)).astype(float)
    return -np.sort(-np.where(np.isfinite(values), values, np.nan), axis=1)


def _number(value: float) -> str:
    """Write a number as a formula: 10^{-12}, 2 \\times 10^{-5}, 0.5."""
    mantissa, _, exponent = f"{value:e}".partition("e")
    if value == 0 or abs(int(exponent)) < 2:
        return f"{value:g}"
    power = f"10^{{{int(exponent)}}}"
    return power if float(mantissa) == 1 else rf"{float(mantissa):g} \times {power}"
