"""Figures of one training run, from the curves of each of its members' learning rates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pinnspectra.runs.quantities import QUANTITIES
from pinnspectra.show.figures.curves import Curves, Styles, axis_label, looks
from pinnspectra.show.figures.members import (
    BAND,
    MEDIAN,
    draw_ended,
    draw_histories,
    ended,
    labelled,
    titled,
)
from pinnspectra.show.figures.panels import (
    MOST_MARKS,
    draw_colour_bar,
    draw_mark,
    finished,
    new_figure,
    shown,
    ticks,
)
from pinnspectra.show.figures.spectra import draw_spectra, draw_spectrum
from pinnspectra.show.figures.style import MARKERS, STYLE, method_colour

STEP, LOSS, ENTROPY = map(axis_label, ("step", "loss", "truncated_entropy"))

FEW_RATES = 3
"""Bands in the colour of one method that can be told apart."""


def draw_metric(axes: Axes, key: str, curves: Sequence[Curves], styles: Styles) -> None:
    """Draw a quantity of QUANTITIES over gradient steps."""
    axes.set(xlabel=STEP, ylabel=axis_label(key))
    for one, style in zip(curves, styles, strict=True):
        draw_histories(axes, one.steps, one.history(QUANTITIES[key].metric), **style)


def draw_losses(axes: Axes, curves: Sequence[Curves], styles: Styles) -> None:
    """Draw losses over gradient steps, and where members ended."""
    axes.set_yscale("log")
    draw_metric(axes, "loss", curves, styles)
    for one, style in zip(curves, styles, strict=True):
        draw_ended(axes, one.steps, one.history("loss"), style["color"])


@rc_context(STYLE)
def loss_figure(curves: Sequence[Curves]) -> Figure:
    """Draw the loss and its parts over gradient steps, a panel for each learning rate.

    The interior loss by the run's own method and precision stands beside the true one, by AD in
    float64. Where they part, the run lowers its rounding and not its residual.
    """
    columns = min(len(curves), 3)
    rows = -(-len(curves) // columns)
    width, height = 2.2 + 4.2 * columns, 1.2 + 3.4 * rows
    figure, panels = new_figure(_title("Loss", curves, BAND), width, height, rows, columns)
    for axes in panels[len(curves) :]:
        axes.remove()
    for axes, one in zip(panels, curves, strict=False):
        if axes is not panels[0]:
            axes.sharey(panels[0])
        _draw_parts(axes, one, method_colour(one.method))
        axes.set(title=one.label, ylabel=LOSS)
        axes.tick_params(labelbottom=True)
    return finished(figure)


def _draw_parts(axes: Axes, one: Curves, colour: str) -> None:
    """Draw the loss, its parts and the true interior loss of one learning rate."""
    parts: dict[str, dict[str, Any]] = {
        "loss_boundary": {"color": "#999999", "linewidth": 1},
        "loss_interior": {"color": colour},
        "loss_interior_ad64": {"color": "black", "linestyle": "--"},
    }
    total = {"color": colour, "alpha": 0.4, "linewidth": 3.5, "label": "loss"}
    draw_losses(axes, [one], [total])
    for key, style in parts.items():
        draw_metric(axes, key, [one], [style | {"label": QUANTITIES[key].words}])


@rc_context(STYLE)
def eigenvalue_figure(curves: Sequence[Curves]) -> Figure:
    """Draw the eigenvalues of the training kernel G at the first and the last step (Fig. 4a).

    The dashed line is at cutoff * lambda_1 of the last step, the dot at k = e (Definition 1), the
    dotted line is the rounding floor of the last step's, for each learning rate. A hollow mark is
    on a value that is rounding.
    """
    title = _title("Spectrum of the training kernel $G$", curves)
    figure, (axes,) = new_figure(title, 6.4, 4.6)
    axes.set_yscale("log")
    dots = {"marker": ".", "markersize": 4, "linewidth": 1.2}
    first, last = (f"step {step:.0f}" for step in curves[0].spectrum_steps)
    styles = [style | dots for style in _styles(curves, last)]
    for one, style in zip(curves, styles, strict=True):
        faint = {"alpha": 0.35, "linestyle": "-", "label": first}
        draw_spectrum(axes, one.first_spectrum, **style | faint)
    draw_spectra(axes, curves, styles, eigenvalues=True, named=True)
    return finished(figure)


@rc_context(STYLE)
def entropy_figure(curves: Sequence[Curves]) -> Figure:
    """Draw truncated entropy H, cut-off number e and loss over gradient steps, one above the other.

    A learning rate has a line style.
    """
    title = _title("Truncated entropy and loss", curves)
    figure, (upper, middle, lower) = new_figure(title, 6.4, 8, rows=3)
    styles = _styles(curves)
    dotted = [style | {"marker": ".", "markersize": 5} for style in styles]
    draw_metric(upper, "truncated_entropy", curves, dotted)
    draw_metric(middle, "effective_cutoff", curves, dotted)
    middle.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    draw_losses(lower, curves, styles)
    for axes in (upper, middle):
        axes.set_xlabel("")
    return finished(figure)


@rc_context(STYLE)
def entropy_loss_figure(curves: Sequence[Curves]) -> Figure:
    """Draw the loss over the entropy as the members' paths, coloured by gradient step.

    The last mark has a shape for each learning rate.
    """
    figure, (axes,) = new_figure(_title("Loss and truncated entropy", curves, "paths"), 6.4, 4.8)
    axes.set(yscale="log", xlabel=ENTROPY, ylabel=LOSS)
    axes.xaxis.set_major_locator(ticks(6))
    size = sum(one.size for one in curves)
    for one, marker in zip(curves, cycle(MARKERS[1:]), strict=False):
        _draw_paths(axes, one, size, marker)
    if axes.collections and np.ptp(curves[0].steps):
        where = {"ax": axes, "label": STEP, "ticks": ticks(6, integer=True)}
        draw_colour_bar(figure, axes.collections[0], **where)
    return finished(figure)


def _draw_paths(axes: Axes, one: Curves, size: int, marker: str) -> None:
    """Draw the paths of members, finer in a panel of more, and mark their first and last steps."""
    H, L = one.history("spectrum/truncated_entropy"), one.history("spectrum/loss")
    colour, steps, small = method_colour(one.method), one.steps, size > 1
    which = shown(axes, H, L) & ~ended(L)
    draw_ended(axes, H, L, colour)
    if not which.any():
        return
    k, i = np.nonzero(which)
    rows = np.unique(k)
    H, L = np.where(which, H, np.nan), np.where(which, L, np.nan)
    axes.plot(H[rows], L[rows], color=colour, linewidth=1, alpha=0.25 if small else 0.6)
    look = {"s": max(2, 16 / size**0.5), "cmap": "viridis", "zorder": 2.5}
    look |= {"vmin": steps[0], "vmax": steps[-1], "rasterized": k.size > MOST_MARKS}
    axes.scatter(H[k, i], L[k, i], c=steps[k], **look)
    edge = {"markersize": 4.5, "markeredgewidth": 0.6} if small else {}
    ends = [(rows[0], "s", "first", ""), (rows[-1], marker, "last", one.label)]
    for row, shape, name, of in ends[rows.size == 1 :]:
        label = labelled(f"{name}, step {steps[row]:.0f}", of)
        draw_mark(axes, H[row], L[row], colour, marker=shape, label=label, **edge)


def _styles(curves: Sequence[Curves], name: str = "") -> list[dict[str, Any]]:
    """Return how one panel draws each: with a band where they are few, and a label of the rate."""
    band = len(curves) <= FEW_RATES
    found = zip(looks([one.method for one in curves]), curves, strict=True)
    return [look | {"band": band, "label": labelled(name, one.label)} for look, one in found]


def _title(title: str, curves: Sequence[Curves], drawn: str = "") -> str:
    """Add the method and, of an ensemble, what is drawn and how many members it leaves out."""
    losses = np.concatenate([one.history("loss") for one in curves], axis=1)
    drawn = drawn or (BAND if len(curves) <= FEW_RATES else MEDIAN)
    lost = int(ended(losses).sum())
    return titled(f"{title}, method {curves[0].method}", losses.shape[1], drawn, lost)
