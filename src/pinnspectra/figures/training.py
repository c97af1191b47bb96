"""Figures of one training run: its loss, its kernel's spectrum, its entropy."""

from __future__ import annotations

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnspectra.figures.panels import draw_curve, draw_mark, finished, new_figure, shown, ticks
from pinnspectra.figures.spectra import EIGENVALUE, draw_cutoff, draw_spectrum, set_spectrum_axes
from pinnspectra.figures.style import STYLE, method_colour

STEP = "gradient step"
LOSS = "loss $L$"
ENTROPY = "truncated entropy $H$"
CUTOFF_NUMBER = "effective cut-off number $e$"


@rc_context(STYLE)
def loss_figure(
    steps: np.ndarray,
    loss: np.ndarray,
    loss_interior: np.ndarray,
    loss_boundary: np.ndarray,
    loss_interior_ad64: np.ndarray,
    method: str,
) -> Figure:
    """Losses, (K,) each, over gradient steps: what the run believes beside what is true.

    The interior loss by the run's own method and precision stands beside the same by AD in float64
    (`loss_interior_ad64`). Where they part, the run lowers its rounding and not its residual.
    """
    figure, (axes,) = new_figure(f"Loss, method {method}", 6.4, 4.6)
    set_loss_axes(axes)
    colour = method_colour(method)
    draw_curve(axes, steps, loss_boundary, color="#999999", linewidth=1, label="boundary")
    draw_curve(axes, steps, loss, color=colour, alpha=0.4, linewidth=3.5, label="total")
    draw_curve(axes, steps, loss_interior, color=colour, label=f"interior, by {method} in the run")
    truth = {"color": "black", "linestyle": "--", "label": "interior, by ad in float64"}
    draw_curve(axes, steps, loss_interior_ad64, **truth)
    return finished(figure)


@rc_context(STYLE)
def eigenvalue_figure(
    eigenvalues_first: np.ndarray,
    eigenvalues_last: np.ndarray,
    first_step: int,
    last_step: int,
    cutoff: float,
    method: str,
) -> Figure:
    """Eigenvalues of the training kernel G, (N,) each, at the first and the last step (Fig. 4a).

    The dashed line is at cutoff * lambda_1 of the last step, the dot at k = e (Definition 1).
    """
    title = f"Spectrum of the training kernel $G$, method {method}"
    figure, (axes,) = new_figure(title, 6.4, 4.6)
    set_spectrum_axes(axes, EIGENVALUE)
    colour = method_colour(method)
    style = {"color": colour, "marker": ".", "markersize": 4, "linewidth": 1}
    draw_spectrum(axes, eigenvalues_first, alpha=0.35, label=f"step {first_step}", **style)
    draw_spectrum(axes, eigenvalues_last, label=f"step {last_step}", **style)
    draw_cutoff(axes, eigenvalues_last, cutoff, colour, largest=r"\lambda_1")
    return finished(figure)


@rc_context(STYLE)
def entropy_figure(
    entropy_steps: np.ndarray,
    truncated_entropy: np.ndarray,
    effective_cutoff: np.ndarray,
    loss_steps: np.ndarray,
    loss: np.ndarray,
    method: str,
) -> Figure:
    """Entropy H and cut-off number e, (K,) each, above the loss, (L,), over gradient steps."""
    title = f"Truncated entropy and loss, method {method}"
    figure, (upper, lower) = new_figure(title, 6.4, 5.6, rows=2)
    colour = method_colour(method)
    if effective_cutoff.size:
        style = {"color": "#777777", "linestyle": ":", "label": CUTOFF_NUMBER}
        draw_curve(_right_axes(upper, CUTOFF_NUMBER), entropy_steps, effective_cutoff, **style)
    upper.set(ylabel=ENTROPY)
    draw_curve(upper, entropy_steps, truncated_entropy, color=colour, label=ENTROPY)
    set_loss_axes(lower)
    draw_curve(lower, loss_steps, loss, color=colour)
    return finished(figure)


@rc_context(STYLE)
def entropy_loss_figure(
    truncated_entropy: np.ndarray, loss: np.ndarray, steps: np.ndarray, method: str
) -> Figure:
    """Loss over entropy, (K,) each, as the path of a run, coloured by its gradient steps, (K,)."""
    figure, (axes,) = new_figure(f"Loss and truncated entropy, method {method}", 6.4, 4.8)
    axes.set(yscale="log", xlabel=ENTROPY, ylabel=LOSS)
    which = shown(axes, truncated_entropy, loss)
    H, L, step = truncated_entropy[which], loss[which], steps[which]
    colour = method_colour(method)
    draw_curve(axes, H, L, color=colour, linewidth=1, alpha=0.6)
    dots = axes.scatter(H, L, c=step, s=16, cmap="viridis", zorder=2.5)
    if step.size > 1:
        figure.colorbar(dots, ax=axes, label=STEP, ticks=ticks(6, integer=True))
        draw_mark(axes, H[0], L[0], colour, marker="s", label=f"first, step {step[0]:.0f}")
    if step.size:
        draw_mark(axes, H[-1], L[-1], colour, marker="D", label=f"last, step {step[-1]:.0f}")
    return finished(figure)


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
