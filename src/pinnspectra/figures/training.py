"""Figures of one training run: its loss, its kernel's spectrum, its entropy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnspectra.figures.members import (
    by_learning_rate,
    draw_ended,
    draw_histories,
    ended,
    group_looks,
    labelled,
    titled,
)
from pinnspectra.figures.panels import draw_curve, draw_marks, finished, new_figure, shown, ticks
from pinnspectra.figures.spectra import EIGENVALUE, draw_cutoff, draw_spectrum, set_spectrum_axes
from pinnspectra.figures.style import STYLE, method_colour

STEP = "gradient step"
LOSS = "loss $L$"
ENTROPY = "truncated entropy $H$"
CUTOFF_NUMBER = "effective cut-off number $e$"
ENDED = "a member diverged"
LAST_MARKERS = "Do^v<>ph"


@rc_context(STYLE)
def loss_figure(
    steps: np.ndarray,
    loss: np.ndarray,
    loss_interior: np.ndarray,
    loss_boundary: np.ndarray,
    loss_interior_ad64: np.ndarray,
    method: str,
    learning_rates: Sequence[float] = (),
) -> Figure:
    """Losses, (K, S) each, over gradient steps, (K,): what the run believes beside what is true.

    The interior loss by the run's own method and precision stands beside the same by AD in float64
    (`loss_interior_ad64`). Where they part, the run lowers its rounding and not its residual. Each
    of the members' learning rates, (S,), has a panel.
    """
    groups = by_learning_rate(learning_rates, loss.shape[1])
    columns = min(len(groups), 3)
    rows = -(-len(groups) // columns)
    title = _title(f"Loss, method {method}", loss)
    width, height = 2.2 + 4.2 * columns, 1.2 + 3.4 * rows
    figure, panels = new_figure(title, width, height, rows=rows, columns=columns)
    for axes in panels[len(groups) :]:
        axes.remove()
    colour = method_colour(method)
    for i, (axes, (rate, which)) in enumerate(zip(panels, groups.items(), strict=False)):
        if i:
            axes.sharey(panels[0])
        set_loss_axes(axes)
        axes.set_title(rate)
        losses = [v[:, which] for v in (loss, loss_interior, loss_boundary, loss_interior_ad64)]
        _draw_losses(axes, steps, losses, colour, method)
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
    eigenvalues_first: np.ndarray,
    eigenvalues_last: np.ndarray,
    first_step: int,
    last_step: int,
    cutoff: float,
    method: str,
    learning_rates: Sequence[float] = (),
) -> Figure:
    """Eigenvalues of the training kernel G, (S, N) each, at the first and last step (Fig. 4a).

    The dashed line is at cutoff * lambda_1 of the last step, the dot at k = e (Definition 1), both
    for each of the members' learning rates, (S,).
    """
    title = f"Spectrum of the training kernel $G$, method {method}"
    figure, (axes,) = new_figure(_title(title, eigenvalues_last.T), 6.4, 4.6)
    set_spectrum_axes(axes, EIGENVALUE)
    colour = method_colour(method)
    style = {"marker": ".", "markersize": 4, "linewidth": 1}
    first = style | {"alpha": 0.35, "label": f"step {first_step}"}
    draw_spectrum(axes, eigenvalues_first, colour, **first)
    groups = by_learning_rate(learning_rates, len(eigenvalues_last))
    for (rate, which), look in zip(groups.items(), group_looks(groups), strict=True):
        last = style | look | {"label": labelled(f"step {last_step}", rate)}
        draw_spectrum(axes, eigenvalues_last[which], colour, **last)
        draw_cutoff(axes, eigenvalues_last[which], cutoff, colour, largest=r"\lambda_1")
    return finished(figure)


@rc_context(STYLE)
def entropy_figure(
    entropy_steps: np.ndarray,
    truncated_entropy: np.ndarray,
    effective_cutoff: np.ndarray,
    loss_steps: np.ndarray,
    loss: np.ndarray,
    method: str,
    learning_rates: Sequence[float] = (),
) -> Figure:
    """Entropy H and cut-off number e, (K, S) each, above the loss, (L, S), over gradient steps.

    Each of the members' learning rates, (S,), has a line style.
    """
    title = _title(f"Truncated entropy and loss, method {method}", loss)
    figure, (upper, lower) = new_figure(title, 6.4, 5.6, rows=2)
    set_loss_axes(lower)
    upper.set(ylabel=ENTROPY)
    colour = method_colour(method)
    groups = by_learning_rate(learning_rates, loss.shape[1])
    number = _right_axes(upper, CUTOFF_NUMBER) if effective_cutoff.size else None
    dotted, solid = group_looks(groups, linestyle=":"), group_looks(groups)
    for i, (rate, which) in enumerate(groups.items()):
        if number:
            style = dotted[i] | {"label": labelled(CUTOFF_NUMBER, rate)}
            draw_histories(number, entropy_steps, effective_cutoff[:, which], "#777777", **style)
        style = solid[i] | {"label": labelled(ENTROPY, rate)}
        draw_histories(upper, entropy_steps, truncated_entropy[:, which], colour, **style)
        draw_histories(lower, loss_steps, loss[:, which], colour, **solid[i])
    draw_ended(lower, loss_steps, loss, colour, label=ENDED)
    return finished(figure)


@rc_context(STYLE)
def entropy_loss_figure(
    truncated_entropy: np.ndarray,
    loss: np.ndarray,
    steps: np.ndarray,
    method: str,
    learning_rates: Sequence[float] = (),
) -> Figure:
    """Loss over entropy, (K, S) each, as the members' paths, coloured by gradient step, (K,).

    The last mark has a shape for each of the members' learning rates, (S,).
    """
    size = loss.shape[1]
    title = titled(f"Loss and truncated entropy, method {method}", size, drawn="one path each")
    figure, (axes,) = new_figure(title, 6.4, 4.8)
    axes.set(yscale="log", xlabel=ENTROPY, ylabel=LOSS)
    which = shown(axes, truncated_entropy, loss)
    if not which.any():
        return finished(figure)
    colour = method_colour(method)
    for i in range(size):
        H, L = truncated_entropy[which[:, i], i], loss[which[:, i], i]
        draw_curve(axes, H, L, color=colour, linewidth=1, alpha=0.6 if size == 1 else 0.25)
    at = np.nonzero(which)
    step = steps[at[0]]
    area = 16 if size == 1 else 5
    dots = axes.scatter(truncated_entropy[at], loss[at], c=step, s=area, cmap="viridis", zorder=2.5)
    if np.unique(step).size > 1:
        figure.colorbar(dots, ax=axes, label=STEP, ticks=ticks(6, integer=True))
    _mark_ends(axes, truncated_entropy, loss, steps, which, colour, learning_rates)
    return finished(figure)


def _mark_ends(
    axes: Axes,
    truncated_entropy: np.ndarray,
    loss: np.ndarray,
    steps: np.ndarray,
    which: np.ndarray,
    colour: str,
    learning_rates: Sequence[float],
) -> None:
    """Mark the first and last of the points `which`, (K, S), of every member; cross early ends."""
    rows = np.flatnonzero(which.any(axis=1))
    members = np.arange(which.shape[1])
    first = rows[0], members[which[rows[0]]]
    small = {} if members.size == 1 else {"markersize": 4.5, "markeredgewidth": 0.6}
    H, L = truncated_entropy, loss
    if rows.size > 1:
        label = f"first, step {steps[rows[0]]:.0f}"
        draw_marks(axes, H[first], L[first], colour, marker="s", label=label, **small)
    groups = by_learning_rate(learning_rates, members.size)
    for i, (rate, group) in enumerate(groups.items()):
        last = rows[-1], group[which[rows[-1], group]]
        label = labelled(f"last, step {steps[rows[-1]]:.0f}", rate)
        marker = LAST_MARKERS[i % len(LAST_MARKERS)]
        draw_marks(axes, H[last], L[last], colour, marker=marker, label=label, **small)
    lost = members[~which[rows[-1]] & which.any(axis=0)]
    ends = (len(which) - 1 - which[::-1, lost].argmax(axis=0), lost)
    cross = {"linestyle": "", "marker": "x", "color": "black", "zorder": 3, "label": ENDED}
    draw_curve(axes, H[ends], L[ends], **cross)


def _title(title: str, values: np.ndarray) -> str:
    """The title of bands of values, (K, S), and how many members are not in them."""
    lost = int(ended(values).sum())
    return titled(title, values.shape[1], f", {lost} ended early" if lost else "")


def set_loss_axes(axes: Axes) -> None:
    """Axes for a loss over gradient steps."""
    axes.set(yscale="log", xlabel=STEP, ylabel=LOSS)


def _right_axes(axes: Axes, label: str) -> Axes:
    """Grey axes for whole numbers on the right, drawn below what is on the left."""
    right = axes.twinx()
    right.grid(False)
    right.spines.right.set(visible=True, color="#777777")
    right.set_ylabel(label, color="#777777")
    right.tick_params(axis="y", colors="#777777")
    right.yaxis.set_major_locator(ticks(6, integer=True))
    axes.set_zorder(right.get_zorder() + 1)
    axes.patch.set_visible(False)
    return right
