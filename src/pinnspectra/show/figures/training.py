"""Figures of one training run, from the curves of each of its members' learning rates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnspectra.runs.quantities import QUANTITIES
from pinnspectra.show.figures.curves import Curves, axis_label, looks
from pinnspectra.show.figures.members import (
    BAND,
    MEDIAN,
    across,
    draw_ended,
    draw_histories,
    ended,
    labelled,
    titled,
)
from pinnspectra.show.figures.panels import (
    MOST_MARKS,
    Numbers,
    draw_colour_bar,
    draw_curve,
    draw_mark,
    draw_marks,
    finished,
    new_figure,
    shown,
    ticks,
)
from pinnspectra.show.figures.spectra import draw_spectra, draw_spectrum
from pinnspectra.show.figures.style import MARKERS, STYLE, method_colour

STEP = axis_label("step")
LOSS = axis_label("loss")
ENTROPY = axis_label("truncated_entropy")
CUTOFF_NUMBER = axis_label("effective_cutoff")
GREY = "#777777"
DOTS = {"marker": ".", "markersize": 5}

FEW_RATES = 3
"""Bands in the colour of one method that can be told apart."""


@rc_context(STYLE)
def loss_figure(curves: Sequence[Curves]) -> Figure:
    """Draw the loss and its parts over gradient steps, a panel for each learning rate.

    The interior loss by the run's own method and precision stands beside the true one, by AD in
    float64. Where they part, the run lowers its rounding and not its residual.
    """
    columns = min(len(curves), 3)
    rows = -(-len(curves) // columns)
    title = _title("Loss", curves, BAND)
    width, height = 2.2 + 4.2 * columns, 1.2 + 3.4 * rows
    figure, panels = new_figure(title, width, height, rows=rows, columns=columns)
    for axes in panels[len(curves) :]:
        axes.remove()
    for axes, one in zip(panels, curves, strict=False):
        if axes is not panels[0]:
            axes.sharey(panels[0])
        _draw_parts(axes, one)
        axes.set_title(one.label)
        axes.tick_params(labelbottom=True)
    return finished(figure)


def _draw_parts(axes: Axes, one: Curves) -> None:
    axes.set(yscale="log", xlabel=STEP, ylabel=LOSS)
    colour, method = method_colour(one.method), one.method
    keys = ("loss_boundary", "loss_interior", "loss_interior_ad64")
    boundary, believed, true = (QUANTITIES[key].words for key in keys)
    parts: dict[str, dict[str, Any]] = {
        "loss/boundary": {"color": "#999999", "linewidth": 1, "label": boundary},
        "loss": {"color": colour, "alpha": 0.4, "linewidth": 3.5, "label": "loss"},
        "loss/interior": {"color": colour, "label": f"{believed}, by {method}"},
        "loss/interior_ad64": {
            "color": "black",
            "linestyle": "--",
            "label": f"{true}, by ad in float64",
        },
    }
    for metric, style in parts.items():
        draw_histories(axes, one.steps, one.history(metric), **style)
    draw_ended(axes, one.steps, one.history("loss"), colour)


Styles = Sequence[dict[str, Any]]
"""How each of some curves is drawn, and what the legend calls it."""


def draw_losses(axes: Axes, curves: Sequence[Curves], styles: Styles) -> None:
    """Draw losses over gradient steps."""
    axes.set(yscale="log", xlabel=STEP, ylabel=LOSS)
    for one, style in zip(curves, styles, strict=True):
        draw_histories(axes, one.steps, one.history("loss"), **style)
    for one, style in zip(curves, styles, strict=True):
        draw_ended(axes, one.steps, one.history("loss"), style["color"])


def draw_interior_losses(axes: Axes, curves: Sequence[Curves], styles: Styles) -> None:
    """Draw interior losses over gradient steps, as believed and, thin and dashed, as they are."""
    axes.set(yscale="log", xlabel=STEP, ylabel="interior loss")
    thin = {"linewidth": 1.1, "linestyle": (0, (3, 2)), "band": False, "label": None}
    for one, style in zip(curves, styles, strict=True):
        draw_histories(axes, one.steps, one.history("loss/interior"), **style)
        draw_histories(axes, one.steps, one.history("loss/interior_ad64"), **style | thin)


def draw_entropies(axes: Axes, curves: Sequence[Curves], styles: Styles) -> None:
    """Draw truncated entropies over gradient steps."""
    axes.set(xlabel=STEP, ylabel=ENTROPY)
    for one, style in zip(curves, styles, strict=True):
        draw_histories(axes, one.steps, one.history("spectrum/truncated_entropy"), **style)


def draw_entropy_loss(axes: Axes, curves: Sequence[Curves], styles: Styles) -> None:
    """Draw losses over entropies, medians over the members, with a dot at the last step."""
    axes.set(yscale="log", xlabel=ENTROPY, ylabel=LOSS)
    axes.xaxis.set_major_locator(ticks(6))
    for one, style in zip(curves, styles, strict=True):
        losses = one.history("spectrum/loss")
        H, L = (across(v)[1] for v in (one.history("spectrum/truncated_entropy"), losses))
        draw_curve(axes, H, L, **{k: v for k, v in style.items() if k != "band"})
        for k in np.flatnonzero(shown(axes, H, L))[-1:]:
            draw_mark(axes, H[k], L[k], style["color"])


@rc_context(STYLE)
def eigenvalue_figure(curves: Sequence[Curves]) -> Figure:
    """Draw the eigenvalues of the training kernel G at the first and the last step (Fig. 4a).

    The dashed line is at cutoff * lambda_1 of the last step, the dot at k = e (Definition 1), the
    dotted line is the rounding floor of the last step's, for each learning rate. A hollow mark is
    on a value that is rounding.
    """
    drawn = _of_each(curves)
    figure, (axes,) = new_figure(
        _title("Spectrum of the training kernel $G$", curves, drawn), 6.4, 4.6
    )
    dots = {"marker": ".", "markersize": 4, "linewidth": 1.2}
    first, last = (f"step {step:.0f}" for step in curves[0].spectrum_steps)
    for one in curves:
        style = {"alpha": 0.35, "label": first, "band": drawn == BAND} | dots
        axes.set_yscale("log")
        draw_spectrum(axes, one.first_spectrum, method_colour(one.method), **style)
    styles = [
        style | dots | {"label": labelled(last, one.label)}
        for one, style in zip(curves, _styles(curves), strict=True)
    ]
    draw_spectra(axes, curves, styles, eigenvalues=True, named=True)
    return finished(figure)


@rc_context(STYLE)
def entropy_figure(curves: Sequence[Curves]) -> Figure:
    """Draw truncated entropy H and cut-off number e above the loss, over gradient steps.

    A learning rate has a line style.
    """
    drawn, alone = _of_each(curves), len(curves) == 1
    title = _title("Truncated entropy and loss", curves, drawn)
    figure, (upper, lower) = new_figure(title, 6.4, 5.6, rows=2)
    right = _right_axes(upper, CUTOFF_NUMBER)
    styles = _styles(curves)
    for one, style in zip(curves, styles, strict=True):
        grey = style | DOTS | {"color": GREY, "label": labelled(CUTOFF_NUMBER, one.label)}
        grey |= {"linestyle": ":"} if alone else {"band": False}
        draw_histories(right, one.steps, one.history("spectrum/effective_cutoff"), **grey)
    of_entropy = [
        style | DOTS | {"label": labelled(ENTROPY, one.label)}
        for one, style in zip(curves, styles, strict=True)
    ]
    draw_entropies(upper, curves, of_entropy)
    upper.set_xlabel("")
    draw_losses(lower, curves, styles)
    return finished(figure)


@rc_context(STYLE)
def entropy_loss_figure(curves: Sequence[Curves]) -> Figure:
    """Draw the loss over the entropy as the members' paths, coloured by gradient step.

    The last mark has a shape for each learning rate.
    """
    figure, (axes,) = new_figure(_title("Loss and truncated entropy", curves, "paths"), 6.4, 4.8)
    axes.set(yscale="log", xlabel=ENTROPY, ylabel=LOSS)
    axes.xaxis.set_major_locator(ticks(6))
    entropy, losses = (_together(curves, f"spectrum/{m}") for m in ("truncated_entropy", "loss"))
    steps, colour, size = curves[0].steps, method_colour(curves[0].method), losses.shape[1]
    which = shown(axes, entropy, losses) & ~ended(losses)
    H, L = np.where(which, entropy, np.nan), np.where(which, losses, np.nan)
    for path in zip(H.T, L.T, strict=True):
        draw_curve(axes, *path, color=colour, linewidth=1, alpha=0.25 if size > 1 else 0.6)
    if which.any():
        k, i = np.nonzero(which)
        look = {"s": max(2, 16 / size**0.5), "cmap": "viridis", "zorder": 2.5}
        dots = axes.scatter(H[k, i], L[k, i], c=steps[k], rasterized=k.size > MOST_MARKS, **look)
        if np.unique(k).size > 1:
            where = {"ax": axes, "label": STEP, "ticks": ticks(6, integer=True)}
            draw_colour_bar(figure, dots, **where)
        _mark_ends(axes, curves, H, L, np.unique(k))
    draw_ended(axes, entropy, losses, colour)
    return finished(figure)


def _mark_ends(
    axes: Axes, curves: Sequence[Curves], H: np.ndarray, L: np.ndarray, rows: np.ndarray
) -> None:
    """Mark the members' points, (T, S), at the first and at the last of some rows."""
    colour, steps = method_colour(curves[0].method), curves[0].steps
    small = {"markersize": 4.5, "markeredgewidth": 0.6} if H.shape[1] > 1 else {}
    first, last = rows[0], rows[-1]
    if first < last:
        label = f"first, step {steps[first]:.0f}"
        draw_marks(axes, H[first], L[first], colour, marker="s", label=label, **small)
    ends = np.cumsum([one.history("loss").shape[1] for one in curves])[:-1]
    points = zip(np.split(H[last], ends), np.split(L[last], ends), strict=True)
    for one, at, marker in zip(curves, points, cycle(MARKERS[1:]), strict=False):
        label = labelled(f"last, step {steps[last]:.0f}", one.label)
        draw_marks(axes, *at, colour, marker=marker, label=label, **small)


def _together(curves: Sequence[Curves], metric: str) -> np.ndarray:
    """Return a metric of the members of all curves, (T, S)."""
    return np.concatenate([one.history(metric) for one in curves], axis=1)


def _of_each(curves: Sequence[Curves]) -> str:
    """Return what one panel can have of each: its median and its band, or its median alone."""
    return BAND if len(curves) <= FEW_RATES else MEDIAN


def _styles(curves: Sequence[Curves]) -> list[dict[str, Any]]:
    """Return how one panel draws each."""
    band = _of_each(curves) == BAND
    return [look | {"band": band} for look in looks([one.method for one in curves])]


def _title(title: str, curves: Sequence[Curves], drawn: str) -> str:
    """Add the method and, of an ensemble, what is drawn and how many members it leaves out."""
    losses = _together(curves, "loss")
    lost = int(ended(losses).sum())
    return titled(f"{title}, method {curves[0].method}", losses.shape[1], drawn, lost)


def _right_axes(axes: Axes, label: str) -> Axes:
    """Return grey axes for whole numbers on the right, drawn below what is on the left."""
    right = axes.twinx()
    right.grid(False)
    right.margins(y=0.15)  # else two curves that rise together coincide
    right.spines.right.set(visible=True, color=GREY)
    right.set_ylabel(label, color=GREY)
    right.tick_params(axis="y", colors=GREY)
    right.yaxis.set_major_locator(ticks(6, integer=True))
    right.yaxis.set_major_formatter(Numbers())
    axes.set_zorder(right.get_zorder() + 1)
    axes.patch.set_visible(False)
    return right
