"""The panels of the paper's figures: spectra, errors and histories by method.

Curves are medians over the S seeds on the band from minimum to maximum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnspectra.show.figures.curves import Curves, looks
from pinnspectra.show.figures.members import draw_histories
from pinnspectra.show.figures.panels import draw_mark, new_figure
from pinnspectra.show.figures.spectra import draw_spectra, draw_truncation
from pinnspectra.show.figures.style import method_colour
from pinnspectra.studies.paper.members import Solves, Trainings

SHORT = {"ad": "AD", "fd": "FD", "fd_grid": "printed matrix"}
"""What a note calls a method; any other by its name."""

LABELS = {"ad": "AD", "fd": "FD, stencil at shifted points", "fd_grid": "FD, printed matrix"}
"""What the legend calls a method; any other by its name."""

Histories = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Curves by method: x, (T,), and y, (T, S)."""


def paper_panels(title: str, number: int, columns: int) -> tuple[Figure, list[Axes]]:
    """Return a figure and its panels, row by row, with letters where there are several."""
    rows = -(-number // columns)
    width, height = max(0.6 + 4.3 * columns, 8.0), 0.9 + 0.2 * title.count("\n") + 3.5 * rows
    figure, axes = new_figure(title, width, height, rows, columns, apart=True)
    for letter, one in zip("abcdef"[: number if number > 1 else 0], axes, strict=False):
        one.set_title(f"({letter})", loc="left")
    return figure, axes


def draw_spectrum(
    axes: Axes,
    title: str,
    found: Mapping[str, Solves] | Mapping[str, Trainings],
    cutoff: float | None = None,
    eigenvalues: bool = False,
) -> None:
    """Draw the singular values of A or the eigenvalues of G; with their cut-off, H above."""
    curves = [
        Curves(method=m, spectrum=one.spectrum, floor=one.floor, cutoff=cutoff or float("nan"))
        for m, one in found.items()
    ]
    draw_spectra(axes, curves, _styles(list(found)), eigenvalues)
    axes.set_title(title, pad=18 if cutoff else None)
    if cutoff:
        H = {m: np.median(one.entropy(cutoff)) for m, one in found.items()}
        values = ",  ".join(f"{SHORT.get(m, m)} {value:.3g}" for m, value in H.items())
        _note(axes, 0.5, 1.02, f"$H(10^{{{round(np.log10(cutoff))}}})$:  {values}")


def ring_last_alike(axes: Axes, ad: np.ndarray, K: int) -> None:
    """Mark the K-th of the singular values by AD, (S, N), the last that FD shares (Fig. 3a)."""
    ring = {"markersize": 13, "markeredgecolor": "#D00000", "markeredgewidth": 1.5}
    label = "$K$, the last value that AD and FD have alike"
    draw_mark(axes, K, np.median(ad, axis=0)[K - 1], "none", label=label, **ring)


def draw_errors(
    axes: Axes, found: Mapping[str, Solves], cutoff: float, stages: Sequence[int] = ()
) -> None:
    """Draw training errors over the truncation position, marked at the cut-off (Fig. 3b).

    `stages` are the ends of Stages I to III.
    """
    curves = [
        Curves(
            method=method,
            truncation_position=np.arange(1, len(one.errors) + 1),
            relative_training_error=one.errors,
            used=one.used(cutoff),
        )
        for method, one in found.items()
    ]
    draw_truncation(axes, curves, _styles(list(found)))
    axes.set_title("truncated SVD", pad=18 if stages else None)
    for end in stages:
        axes.axvline(end, color="#777777", linestyle=":", linewidth=1, zorder=1)
    if stages:
        edges = [1, *stages, max(len(one.errors) for one in found.values())]
        for name, left, right in zip(("I", "II", "III", "IV"), edges[:-1], edges[1:], strict=True):
            _note(axes, np.sqrt(left * right), 1.01, name, axes.get_xaxis_transform())


def draw_curves(axes: Axes, histories: Histories, true: Histories | None = None) -> None:
    """Draw histories of each method, the true ones dashed, but AD's, which are its own.

    Members that end early are left out.
    """
    for style, (x, y) in zip(_styles(list(histories)), histories.values(), strict=True):
        draw_histories(axes, x, y, **style)
    for method, (x, y) in (true or {}).items():
        if method != "ad":
            label = f"{LABELS.get(method, method)}, true (by AD in float64)"
            style = {"linestyle": "--", "label": label, "band": False}
            draw_histories(axes, x, y, method_colour(method), **style)


def _styles(methods: list[str]) -> list[dict[str, Any]]:
    """Return how to draw each method."""
    styles = zip(looks(methods), methods, strict=True)
    return [look | {"label": LABELS.get(method, method)} for look, method in styles]


def _note(axes: Axes, x: float, y: float, text: str, transform: Any = None) -> None:
    place = {"transform": transform or axes.transAxes, "ha": "center"}
    axes.text(x, y, text, fontsize=9, **place)
