"""Figures of one training run: its loss, its kernel's spectrum, its entropy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from pinnspectra.show.figures.arrays import array, histories, members
from pinnspectra.show.figures.members import (
    BAND,
    by_learning_rate,
    draw_ended,
    draw_histories,
    ended,
    group_looks,
    labelled,
    of_groups,
    titled,
)
from pinnspectra.show.figures.panels import (
    MOST_MARKS,
    Numbers,
    draw_colour_bar,
    draw_curve,
    draw_marks,
    finished,
    new_figure,
    shown,
    ticks,
)
from pinnspectra.show.figures.spectra import (
    EIGENVALUE,
    draw_cutoff,
    draw_floor,
    draw_spectrum,
    set_spectrum_axes,
)
from pinnspectra.show.figures.style import MARKERS, STYLE, method_colour

STEP = "gradient step"
LOSS = "loss $L$"
ENTROPY = "truncated entropy $H$"
CUTOFF_NUMBER = "effective cut-off number $e$"
ENDED = "a member diverged"
LAST_MARKERS = MARKERS[1:]
DOTS = {"marker": ".", "markersize": 5}


@rc_context(STYLE)
def loss_figure(
    steps: ArrayLike,
    loss: ArrayLike,
    loss_interior: ArrayLike,
    loss_boundary: ArrayLike,
    loss_interior_ad64: ArrayLike,
    method: str,
    learning_rates: Sequence[float] = (),
) -> Figure:
    """Losses, (K, S) or (K,), over gradient steps, (K,): what the run believes and what is true.

    The interior loss by the run's own method and precision stands beside the same by AD in float64
    (`loss_interior_ad64`). Where they part, the run lowers its rounding and not its residual. Each
    of the members' learning rates, (S,), has a panel.
    """
    every = [histories(v) for v in (loss, loss_interior, loss_boundary, loss_interior_ad64)]
    groups = by_learning_rate(learning_rates, every[0].shape[1])
    columns = min(len(groups), 3)
    rows = -(-len(groups) // columns)
    title = _title(f"Loss, method {method}", every[0])
    width, height = 2.2 + 4.2 * columns, 1.2 + 3.4 * rows
    figure, panels = new_figure(title, width, height, rows=rows, columns=columns)
    for axes in panels[len(groups) :]:
        axes.remove()
    colour = method_colour(method)
    for axes, (rate, which) in zip(panels, groups.items(), strict=False):
        if axes is not panels[0]:
            axes.sharey(panels[0])
        set_loss_axes(axes)
        axes.set_title(rate)
        axes.tick_params(labelbottom=True)
        _draw_losses(axes, array(steps), [values[:, which] for values in every], colour, method)
    return finished(figure)


def _draw_losses(
    axes: Axes, steps: np.ndarray, losses: Sequence[np.ndarray], colour: str, method: str
) -> None:
    loss, loss_interior, loss_boundary, loss_interior_ad64 = losses
    draw_histories(axes, steps, loss_boundary, "#999999", linewidth=1, label="boundary")
    draw_histories(axes, steps, loss, colour, alpha=0.4, linewidth=3.5, label="total")
    believed = f"interior, by {method} in the run"
    draw_histories(axes, steps, loss_interior, colour, label=believed)
    truth = {"linestyle": "--", "label": "interior, by ad in float64"}
    draw_histories(axes, steps, loss_interior_ad64, "black", **truth)
    draw_ended(axes, steps, loss, colour, label=ENDED)


@rc_context(STYLE)
def eigenvalue_figure(
    eigenvalues_first: ArrayLike,
    eigenvalues_last: ArrayLike,
    floor: ArrayLike,
    first_step: float,
    last_step: float,
    cutoff: float,
    method: str,
    learning_rates: Sequence[float] = (),
) -> Figure:
    """Eigenvalues of the training kernel G, (S, N) or (N,), at the first and last step (Fig. 4a).

    The dashed line is at cutoff * lambda_1 of the last step, the dot at k = e (Definition 1), and
    the dotted line is what of the last step's is rounding as predicted, (S, N), all for each of the
    members' learning rates, (S,). A hollow mark is on a value that is rounding.
    """
    values, errors = members(eigenvalues_last), members(floor)
    groups = by_learning_rate(learning_rates, len(values))
    drawn = of_groups(groups)
    title = _title(f"Spectrum of the training kernel $G$, method {method}", values.T, drawn)
    figure, (axes,) = new_figure(title, 6.4, 4.6)
    set_spectrum_axes(axes, EIGENVALUE)
    colour = method_colour(method)
    style = {"marker": ".", "markersize": 4, "linewidth": 1.2}
    first = {"alpha": 0.35, "label": f"step {first_step:.0f}", "band": drawn == BAND} | style
    draw_spectrum(axes, eigenvalues_first, colour, **first)
    looks = zip(groups.items(), group_looks(groups), cycle(MARKERS), strict=False)
    for (rate, which), look, marker in looks:
        last = (
            style | look | {"label": labelled(f"step {last_step:.0f}", rate), "band": drawn == BAND}
        )
        draw_spectrum(axes, values[which], colour, **last)
        draw_floor(axes, values[which], errors[which], colour, listed=True, squares=True)
        draw_cutoff(axes, values[which], cutoff, colour, r"\lambda_1", marker=marker, of=rate)
    return finished(figure)


@rc_context(STYLE)
def entropy_figure(
    entropy_steps: ArrayLike,
    truncated_entropy: ArrayLike,
    effective_cutoff: ArrayLike,
    loss_steps: ArrayLike,
    loss: ArrayLike,
    method: str,
    learning_rates: Sequence[float] = (),
) -> Figure:
    """Entropy H and cut-off number e, (K, S) or (K,), above the loss, (L, S), over gradient steps.

    Each of the members' learning rates, (S,), has a line style.
    """
    entropy, number, losses = map(histories, (truncated_entropy, effective_cutoff, loss))
    at, steps = array(entropy_steps), array(loss_steps)
    groups = by_learning_rate(learning_rates, losses.shape[1])
    drawn = of_groups(groups)
    title = _title(f"Truncated entropy and loss, method {method}", losses, drawn)
    figure, (upper, lower) = new_figure(title, 6.4, 5.6, rows=2)
    set_loss_axes(lower)
    upper.set(ylabel=ENTROPY)
    colour = method_colour(method)
    right = _right_axes(upper, CUTOFF_NUMBER) if number.size else None
    dotted, solid = group_looks(groups, linestyle=":"), group_looks(groups)
    for i, (rate, which) in enumerate(groups.items()):
        if right:
            style = dotted[i] | {"label": labelled(CUTOFF_NUMBER, rate), "band": len(groups) == 1}
            draw_histories(right, at, number[:, which], "#777777", **DOTS, **style)
        style = solid[i] | {"band": drawn == BAND}
        draw_histories(lower, steps, losses[:, which], colour, **style)
        style |= {"label": labelled(ENTROPY, rate)}
        draw_histories(upper, at, entropy[:, which], colour, **DOTS, **style)
    draw_ended(lower, steps, losses, colour, label=ENDED)
    return finished(figure)


@rc_context(STYLE)
def entropy_loss_figure(
    truncated_entropy: ArrayLike,
    loss: ArrayLike,
    steps: ArrayLike,
    method: str,
    learning_rates: Sequence[float] = (),
) -> Figure:
    """Loss over entropy, (K, S) or (K,), as the members' paths, coloured by gradient step, (K,).

    The last mark has a shape for each of the members' learning rates, (S,).
    """
    entropy, losses, steps = histories(truncated_entropy), histories(loss), array(steps)
    title = _title(f"Loss and truncated entropy, method {method}", losses, "paths")
    figure, (axes,) = new_figure(title, 6.4, 4.8)
    axes.set(yscale="log", xlabel=ENTROPY, ylabel=LOSS)
    axes.xaxis.set_major_locator(ticks(6))
    colour, many = method_colour(method), losses.shape[1] > 1
    which = shown(axes, entropy, losses) & ~ended(losses)
    for i in np.flatnonzero(which.any(axis=0)):
        H, L = entropy[which[:, i], i], losses[which[:, i], i]
        draw_curve(axes, H, L, color=colour, linewidth=1, alpha=0.25 if many else 0.6)
    at = np.nonzero(which)
    if at[0].size:
        area = max(2, 16 / losses.shape[1] ** 0.5)
        _draw_dots(figure, axes, entropy[at], losses[at], steps[at[0]], area)
    _mark_ends(axes, entropy, losses, steps, which, colour, learning_rates)
    draw_ended(axes, entropy, losses, colour, label=ENDED)
    return finished(figure)


def _draw_dots(
    figure: Figure, axes: Axes, H: np.ndarray, L: np.ndarray, steps: np.ndarray, area: float
) -> None:
    """Draw dots at (H, L), (n,), coloured by gradient step, (n,)."""
    look = {"s": area, "cmap": "viridis", "zorder": 2.5, "rasterized": steps.size > MOST_MARKS}
    dots = axes.scatter(H, L, c=steps, **look)
    if np.unique(steps).size > 1:
        where = {"ax": axes, "label": STEP, "ticks": ticks(6, integer=True)}
        draw_colour_bar(figure, dots, **where)


def _mark_ends(
    axes: Axes,
    truncated_entropy: np.ndarray,
    loss: np.ndarray,
    steps: np.ndarray,
    which: np.ndarray,
    colour: str,
    learning_rates: Sequence[float],
) -> None:
    """Mark the members' points at the first and at the last step of those in `which`, (K, S)."""
    rows = np.flatnonzero(which.any(axis=1))
    if rows.size == 0:
        return
    small = {"markersize": 4.5, "markeredgewidth": 0.6} if loss.shape[1] > 1 else {}
    points = np.where(which, truncated_entropy, np.nan), np.where(which, loss, np.nan)
    if rows.size > 1:
        H, L = (values[rows[0]] for values in points)
        label = f"first, step {steps[rows[0]]:.0f}"
        draw_marks(axes, H, L, colour, marker="s", label=label, **small)
    groups = by_learning_rate(learning_rates, loss.shape[1])
    for (rate, which_of), marker in zip(groups.items(), cycle(LAST_MARKERS), strict=False):
        H, L = (values[rows[-1], which_of] for values in points)
        label = labelled(f"last, step {steps[rows[-1]]:.0f}", rate)
        draw_marks(axes, H, L, colour, marker=marker, label=label, **small)


def _title(title: str, values: np.ndarray, drawn: str = BAND) -> str:
    """The title of what is drawn of values, (K, S), and how many members it leaves out."""
    lost = int(ended(values).sum())
    return titled(title, values.shape[1], f"{lost} ended early" if lost else "", drawn)


def set_loss_axes(axes: Axes) -> None:
    """Axes for a loss over gradient steps."""
    axes.set(yscale="log", xlabel=STEP, ylabel=LOSS)


def _right_axes(axes: Axes, label: str) -> Axes:
    """Grey axes for whole numbers on the right, drawn below what is on the left."""
    right = axes.twinx()
    right.grid(False)
    right.margins(y=0.15)  # else two curves that rise together coincide
    right.spines.right.set(visible=True, color="#777777")
    right.set_ylabel(label, color="#777777")
    right.tick_params(axis="y", colors="#777777")
    right.yaxis.set_major_locator(ticks(6, integer=True))
    right.yaxis.set_major_formatter(Numbers())
    axes.set_zorder(right.get_zorder() + 1)
    axes.patch.set_visible(False)
    return right
