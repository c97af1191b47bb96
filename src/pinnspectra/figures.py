"""Figures of one run and of runs side by side, drawn from plain arrays.

Every function returns a matplotlib Figure that belongs to no window and no global state; `save`
writes it. A method keeps its colour in every figure. Every quantity is nondimensional.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

METHOD_COLOURS = {
    "ad": "#0072B2",
    "fd": "#D55E00",
    "fd_grid": "#009E73",
    "nested_autograd": "#CC79A7",
}
"""The colours of Okabe and Ito, which colour-blind readers can tell apart."""

OTHER_COLOURS = ("#56B4E9", "#E69F00", "#882255", "#999933", "#332288")

DOTS_PER_INCH = 150
FEW_RUNS = 6
LARGEST = 1e200  # far beyond, the margins and ticks of a log axis overflow (a run that diverges)
LEGEND_ENTRIES = 12
LABEL_LENGTH = 44
TITLE_LENGTH = 120
LINE_STYLES = ("-", "--", "-.", ":")

STYLE: dict[Any, Any] = {
    "agg.path.chunksize": 10_000,  # long noisy curves overflow the rasteriser in one piece
    "axes.axisbelow": True,
    "axes.formatter.limits": (-3, 5),
    "axes.formatter.use_mathtext": True,
    "axes.grid": True,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.titlesize": 11,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}

STEP = "gradient step"
LOSS = "loss $L$"
ENTROPY = "truncated entropy $H$"
EIGENVALUE = r"eigenvalue $\lambda_k$ of $G$"
SINGULAR_VALUE = r"singular value $\sigma_k$ of $A$"
TRUNCATION = "truncation position $P$"
TRAINING_ERROR = r"relative training error $\|Aa - f\| \,/\, \|f\|$"


@dataclass(frozen=True, eq=False)
class RunCurves:
    """The curves of one training run in a comparison; what was not recorded is an empty array.

    `loss` is taken at `loss_steps` and `truncated_entropy` at `entropy_steps`, both in gradient
    steps; `spectrum` is the last one and `cutoff` the a of Definition 1.
    """

    label: str
    method: str
    loss_steps: np.ndarray
    loss: np.ndarray
    spectrum: np.ndarray
    cutoff: float
    entropy_steps: np.ndarray
    truncated_entropy: np.ndarray


@dataclass(frozen=True, eq=False)
class SpectrumCurves:
    """The curves of one random feature solve in a comparison.

    `relative_training_error` is taken at `truncation_position`; `cutoff` is the a of Definition 1.
    """

    label: str
    method: str
    singular_values: np.ndarray
    cutoff: float
    truncation_position: np.ndarray
    relative_training_error: np.ndarray


Curves = RunCurves | SpectrumCurves


def method_colour(method: str) -> str:
    """The colour of a method, the same in every figure, also for a method nobody listed."""
    fallback = OTHER_COLOURS[zlib.crc32(method.encode()) % len(OTHER_COLOURS)]
    return METHOD_COLOURS.get(method, fallback)


@rc_context(STYLE)
def save(figure: Figure, path: Path | str) -> None:
    """Write a figure as a PNG at 150 dots per inch; the folder is made if it is missing."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DOTS_PER_INCH, format="png")


# One training run


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
    figure, (axes,) = _figure(f"Loss, method {method}", 6.4, 4.6)
    _loss_axes(axes)
    colour = method_colour(method)
    _curve(axes, steps, loss_boundary, color="#999999", linewidth=1, label="boundary")
    _curve(axes, steps, loss, color=colour, alpha=0.4, linewidth=3.5, label="total")
    _curve(axes, steps, loss_interior, color=colour, label=f"interior, by {method} in the run")
    truth = {"color": "black", "linestyle": "--", "label": "interior, by ad in float64"}
    _curve(axes, steps, loss_interior_ad64, **truth)
    return _finished(figure)


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
    figure, (axes,) = _figure(f"Spectrum of the training kernel $G$, method {method}", 6.4, 4.6)
    _spectrum_axes(axes, EIGENVALUE)
    style = {"color": method_colour(method), "marker": ".", "markersize": 4, "linewidth": 1}
    _spectrum(axes, eigenvalues_first, alpha=0.35, label=f"step {first_step}", **style)
    _spectrum(axes, eigenvalues_last, label=f"step {last_step}", **style)
    _cutoff(axes, eigenvalues_last, cutoff, r"\lambda_1", color=method_colour(method))
    return _finished(figure)


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
    figure, (upper, lower) = _figure(title, 6.4, 5.6, rows=2)
    colour = method_colour(method)
    if effective_cutoff.size:
        style = {"color": "#777777", "linestyle": ":", "label": "effective cut-off number $e$"}
        _curve(_right_axes(upper, style["label"]), entropy_steps, effective_cutoff, **style)
    upper.set(ylabel=ENTROPY)
    _curve(upper, entropy_steps, truncated_entropy, color=colour, label=ENTROPY)
    _loss_axes(lower)
    _curve(lower, loss_steps, loss, color=colour)
    return _finished(figure)


@rc_context(STYLE)
def entropy_loss_figure(
    truncated_entropy: np.ndarray, loss: np.ndarray, steps: np.ndarray, method: str
) -> Figure:
    """Loss over entropy, (K,) each, as the path of a run, coloured by its gradient steps, (K,)."""
    figure, (axes,) = _figure(f"Loss and truncated entropy, method {method}", 6.4, 4.8)
    axes.set(yscale="log", xlabel=ENTROPY, ylabel=LOSS)
    shown = _shown(axes, truncated_entropy, loss)
    H, L, step = truncated_entropy[shown], loss[shown], steps[shown]
    _curve(axes, H, L, color=method_colour(method), linewidth=1, alpha=0.6)
    dots = axes.scatter(H, L, c=step, s=16, cmap="viridis", zorder=2.5)
    if step.size > 1:
        figure.colorbar(dots, ax=axes, label=STEP, ticks=_ticks(6, integer=True))
    ends = [(0, "s", "first"), (-1, "D", "last")]
    for k, marker, name in ends[-step.size :] if step.size else []:
        label = f"{name}, step {step[k]:.0f}"
        _mark(axes, H[k], L[k], color=method_colour(method), marker=marker, label=label)
    return _finished(figure)


@rc_context(STYLE)
def solution_figure(
    points: np.ndarray, solution: np.ndarray, exact: np.ndarray, method: str
) -> Figure:
    """The solution u and the exact u*, (N,) each, at points (N, d), and the error u - u*.

    Curves for d = 1, maps for a grid of d = 2, u against u* for anything else.
    """
    if points.shape[1] == 1:
        return _solution_curves(points[:, 0], solution, exact, method)
    if points.shape[1] == 2 and (grid := _grid(points)) is not None:
        return _solution_maps(*grid, solution, exact, method)
    return _solution_scatter(solution, exact, method)


# One random feature solve


@rc_context(STYLE)
def singular_value_figure(singular_values: np.ndarray, cutoff: float, method: str) -> Figure:
    """Singular values of the system matrix A, (M,), over their index from 1 (Fig. 3a).

    The dashed line is at cutoff * sigma_1, the dot at k = e (Definition 1).
    """
    figure, (axes,) = _figure(f"Spectrum of the system matrix $A$, method {method}", 6.4, 4.6)
    _spectrum_axes(axes, SINGULAR_VALUE)
    colour = method_colour(method)
    style = {"marker": ".", "markersize": 4, "linewidth": 1, "label": f"method {method}"}
    _spectrum(axes, singular_values, color=colour, **style)
    _cutoff(axes, singular_values, cutoff, r"\sigma_1", color=colour)
    return _finished(figure)


@rc_context(STYLE)
def truncation_figure(
    truncation_position: np.ndarray,
    relative_training_error: np.ndarray,
    effective_cutoff: int,
    method: str,
) -> Figure:
    """Relative training error over the truncation position P, (K,) each (Fig. 3b).

    The dotted line and the dot are at P = e, the effective cut-off number of the matrix.
    """
    figure, (axes,) = _figure(f"Error of the truncated solution, method {method}", 6.4, 4.6)
    _truncation_axes(axes)
    style: dict[str, Any] = {"color": method_colour(method)}
    errors = relative_training_error
    _curve(axes, truncation_position, errors, label=f"method {method}", **style)
    label = f"effective cut-off number $e$ = {effective_cutoff}"
    _truncation_mark(axes, truncation_position, errors, effective_cutoff, label=label, **style)
    if effective_cutoff > 0:
        axes.axvline(effective_cutoff, linestyle=":", linewidth=1, zorder=1, **style)
    return _finished(figure)


# Runs side by side


@rc_context(STYLE)
def comparison_figure(runs: Sequence[RunCurves], spectrum_label: str = EIGENVALUE) -> Figure:
    """Losses, last spectra with their cut-offs, and entropies of training runs (Fig. 4)."""
    height = 4.2 + 0.2 * _legend_rows(len(runs))
    figure, (left, middle, right) = _figure(_title("Training runs", runs), 13, height, columns=3)
    _loss_axes(left)
    _spectrum_axes(middle, spectrum_label)
    right.set(xlabel=STEP, ylabel=ENTROPY)
    looks = _looks([run.method for run in runs])
    for run, look in zip(runs, looks, strict=True):
        _curve(left, run.loss_steps, run.loss, **look)
        _spectrum(middle, run.spectrum, **look)
        _cutoff(middle, run.spectrum, run.cutoff, **look)
        _curve(right, run.entropy_steps, run.truncated_entropy, **look)
    return _with_legend(figure, runs, looks)


@rc_context(STYLE)
def rfm_comparison_figure(runs: Sequence[SpectrumCurves]) -> Figure:
    """Singular values with their cut-offs, and truncation curves, of solves (Fig. 3)."""
    title, height = _title("Random feature solves", runs), 4.2 + 0.2 * _legend_rows(len(runs))
    figure, (left, right) = _figure(title, 13, height, columns=2)
    _spectrum_axes(left, SINGULAR_VALUE)
    _truncation_axes(right)
    looks = _looks([run.method for run in runs])
    for run, look in zip(runs, looks, strict=True):
        position, errors = run.truncation_position, run.relative_training_error
        _spectrum(left, run.singular_values, **look)
        _cutoff(left, run.singular_values, run.cutoff, **look)
        _curve(right, position, errors, **look)
        e = _effective_cutoff(_descending(run.singular_values), run.cutoff)
        _truncation_mark(right, position, errors, e, color=look["color"], alpha=look["alpha"])
    return _with_legend(figure, runs, looks)


# Axes and what is drawn on them


def _figure(
    title: str, width: float, height: float, rows: int = 1, columns: int = 1
) -> tuple[Figure, list[Axes]]:
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06, wspace=0.03)
    figure = Figure(figsize=(width, height), layout=layout)
    figure.suptitle(title)
    axes = figure.subplots(rows, columns, sharex="col", squeeze=False)
    for one in axes.flat:
        one.xaxis.set_major_locator(_ticks(6, integer=True))
    return figure, list(axes.flat)


def _ticks(number: int, integer: bool = False) -> MaxNLocator:
    return MaxNLocator(nbins=number, steps=[1, 2, 2.5, 5, 10], integer=integer)


def _right_axes(axes: Axes, label: str) -> Axes:
    """Grey axes for whole numbers on the right, drawn below what is on the left."""
    right = axes.twinx()
    right.grid(False)
    right.spines.right.set(visible=True, color="#777777")
    right.set_ylabel(label, color="#777777")
    right.tick_params(axis="y", colors="#777777")
    right.yaxis.set_major_locator(_ticks(6, integer=True))
    axes.set_zorder(right.get_zorder() + 1)
    axes.patch.set_visible(False)
    return right


def _loss_axes(axes: Axes) -> None:
    axes.set(yscale="log", xlabel=STEP, ylabel=LOSS)


def _spectrum_axes(axes: Axes, label: str) -> None:
    axes.set(yscale="log", xlabel="index $k$", ylabel=label)


def _truncation_axes(axes: Axes) -> None:
    axes.set(xscale="log", yscale="log", xlabel=TRUNCATION, ylabel=TRAINING_ERROR)


def _shown(axes: Axes, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which points (x, y), (K,), the axes can show: finite, and positive where they are log."""
    shown = np.ones(y.shape, dtype=bool)
    for values, scale in ((x, axes.get_xscale()), (y, axes.get_yscale())):
        lowest = 1 / LARGEST if scale == "log" else -LARGEST
        shown &= (lowest <= values.astype(float)) & (values.astype(float) <= LARGEST)
    return shown


def _curve(axes: Axes, x: np.ndarray, y: np.ndarray, **style: Any) -> None:
    """Draw y over x, (K,) each, through the points that the axes can show, if there are any.

    A value missing between two others (a loss that is logged less often) leaves no gap.
    """
    if y.size == 0 or not (shown := _shown(axes, x, y)).any():
        return
    few = "o" if shown.sum() == 1 else None
    style = {"marker": few} | style
    axes.plot(x[shown], y[shown], **style)


def _descending(spectrum: np.ndarray) -> np.ndarray:
    """The finite values of a spectrum, largest first, in float64."""
    return np.sort(spectrum[np.isfinite(spectrum)].astype(float))[::-1]


def _spectrum(axes: Axes, spectrum: np.ndarray, **style: Any) -> None:
    values = _descending(spectrum)
    _curve(axes, np.arange(1, values.size + 1), values, **style)


def _effective_cutoff(descending: np.ndarray, cutoff: float) -> int:
    """e, the number of values with sigma >= cutoff * sigma_max (Definition 1, Eq. 1)."""
    return int((descending >= cutoff * descending[0]).sum()) if descending.size else 0


def _cutoff(
    axes: Axes,
    spectrum: np.ndarray,
    cutoff: float,
    largest: str | None = None,
    color: str = "black",
    alpha: float = 1,
    **_: Any,
) -> None:
    """Dash the level cutoff * sigma_1 and mark k = e; `largest`, a formula, puts it in a legend."""
    values = _descending(spectrum)
    e = _effective_cutoff(values, cutoff)
    if e == 0:
        return
    a = _number(cutoff)
    level = f"cut-off ${a} \\, {largest}$" if largest else None
    mark = f"effective cut-off number $e({a})$ = {e}" if largest else None
    if 1 / LARGEST <= cutoff * values[0] <= LARGEST:
        style = {"color": color, "alpha": 0.6 * alpha, "linestyle": "--", "linewidth": 0.9}
        axes.axhline(cutoff * values[0], label=level, zorder=1, **style)
    _mark(axes, e, values[e - 1], color=color, alpha=alpha, label=mark)


def _truncation_mark(
    axes: Axes, position: np.ndarray, errors: np.ndarray, e: int, **style: Any
) -> None:
    """Mark the error at P = e, if that position is among them."""
    for k in np.flatnonzero((position == e) & _shown(axes, position, errors)):
        _mark(axes, position[k], errors[k], **style)


def _mark(
    axes: Axes,
    x: float,
    y: float,
    color: str,
    alpha: float = 1,
    marker: str = "o",
    label: str | None = None,
) -> None:
    style: dict[str, Any] = {"markerfacecolor": color, "markeredgecolor": "black", "zorder": 3}
    style |= {"linestyle": "", "marker": marker, "markersize": 7, "alpha": alpha, "label": label}
    _curve(axes, np.array([x]), np.array([y]), **style)


def _number(value: float) -> str:
    """A number as a formula: 10^{-12}, 2 \\times 10^{-5}, 0.5."""
    mantissa, _, exponent = f"{value:e}".partition("e")
    if value == 0 or abs(int(exponent)) < 2:
        return f"{value:g}"
    power = f"10^{{{int(exponent)}}}"
    return power if float(mantissa) == 1 else rf"{float(mantissa):g} \times {power}"


# Solutions


def _solution_curves(x: np.ndarray, u: np.ndarray, exact: np.ndarray, method: str) -> Figure:
    figure, (left, right) = _figure(f"Solution, method {method}", 11, 4.4, columns=2)
    order = np.argsort(x)
    x, u, exact = x[order], u[order], exact[order]
    for axes in (left, right):
        axes.xaxis.set_major_locator(_ticks(6))
    left.set(xlabel="coordinate $x$", ylabel="solution $u$")
    right.set(xlabel="coordinate $x$", ylabel="error $u - u^*$")
    _curve(left, x, u, color=method_colour(method), linewidth=2.5, label=f"$u$, method {method}")
    _curve(left, x, exact, color="black", linestyle="--", linewidth=1.2, label="exact $u^*$")
    _curve(right, x, u - exact, color=method_colour(method))
    return _finished(figure)


def _grid(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The axes x (n,), y (m,) and the order (n m,) that sorts points into rows of y, if a grid."""
    x, y = np.unique(points[:, 0]), np.unique(points[:, 1])
    if x.size * y.size != len(points) or min(x.size, y.size) < 2:
        return None
    order = np.lexsort((points[:, 0], points[:, 1]))
    nodes = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return (x, y, order) if np.array_equal(points[order], nodes) else None


def _solution_maps(
    x: np.ndarray, y: np.ndarray, order: np.ndarray, u: np.ndarray, exact: np.ndarray, method: str
) -> Figure:
    height = 1.2 + 2.9 * min(max(_stretch(x, y), 0.4), 1.5)
    figure, (left, middle, right) = _figure(f"Solution, method {method}", 13, height, columns=3)
    shape = (y.size, x.size)
    maps = [np.ma.masked_invalid(v[order].reshape(shape)) for v in (u, exact, u - exact)]
    both = np.ma.concatenate(maps[:2]).compressed()
    low, high = (both.min(), both.max()) if both.size else (0, 1)
    largest = np.abs(maps[2].compressed()).max(initial=0) or 1
    _map(left, x, y, maps[0], (low, high), "viridis", "solution $u$")
    _map(middle, x, y, maps[1], (low, high), "viridis", "exact solution $u^*$")
    _map(right, x, y, maps[2], (-largest, largest), "RdBu_r", "error $u - u^*$")
    return figure


def _map(
    axes: Axes,
    x: np.ndarray,
    y: np.ndarray,
    values: np.ndarray,
    limits: tuple[float, float],
    colours: str,
    title: str,
) -> None:
    """Draw values (m, n) over x (n,) to the right and y (m,) upwards."""
    if np.ma.getmaskarray(values).all():
        _note_empty(axes)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    low, high = limits
    mesh = axes.pcolormesh(x, y, values, vmin=low, vmax=high, cmap=colours, shading="nearest")
    axes.figure.colorbar(mesh, cax=axes.inset_axes((1.04, 0, 0.05, 1)))
    axes.set(xlabel="coordinate $x_1$", ylabel="coordinate $x_2$", title=title)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(_ticks(5))
    axes.set_aspect("equal" if 1 / 3 < _stretch(x, y) < 3 else "auto")


def _stretch(x: np.ndarray, y: np.ndarray) -> float:
    """How much longer the box is along y than along x."""
    return float(np.ptp(y) / np.ptp(x))


def _solution_scatter(u: np.ndarray, exact: np.ndarray, method: str) -> Figure:
    figure, (axes,) = _figure(f"Solution, method {method}", 5.6, 5.2)
    axes.xaxis.set_major_locator(_ticks(6))
    axes.set(xlabel="exact solution $u^*$", ylabel="solution $u$")
    axes.axline((0, 0), slope=1, color="black", linewidth=1, label="$u = u^*$", zorder=1)
    style = {"color": method_colour(method), "linestyle": "", "marker": ".", "alpha": 0.6}
    _curve(axes, exact, u, label=f"method {method}", **style)
    return _finished(figure)


# Legends


def _looks(methods: Sequence[str]) -> list[dict[str, Any]]:
    """How to draw each run: the colour of its method, then line styles, then fainter ones.

    Of a few runs the earlier are wider, so that curves that coincide both show.
    """
    last = len(methods) - 1
    seen: Counter[str] = Counter()
    looks = []
    for i, method in enumerate(methods):
        fainter, style = divmod(seen[method], len(LINE_STYLES))
        seen[method] += 1
        looks.append(
            {
                "color": method_colour(method),
                "linestyle": LINE_STYLES[style],
                "alpha": max(0.3, 1 - 0.15 * fainter),
                "linewidth": 1.3 + 1.5 * (last - i) / max(last, 1) if last < FEW_RUNS else 1.1,
            }
        )
    return looks


def _legend_rows(runs: int) -> int:
    return math.ceil(min(runs, LEGEND_ENTRIES + 1) / 3)


def _note_empty(axes: Axes) -> None:
    axes.text(0.5, 0.5, "nothing to show", transform=axes.transAxes, ha="center")


def _noted(figure: Figure) -> Figure:
    """The figure with a word in every panel that has nothing to show."""
    for axes in figure.axes:
        if not axes.has_data():
            _note_empty(axes)
    return figure


def _finished(figure: Figure) -> Figure:
    """The figure with one legend below its panels, where it covers no data."""
    handles = [h for axes in figure.axes for h in axes.get_legend_handles_labels()[0]]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return _noted(figure)


def _with_legend(figure: Figure, runs: Sequence[Curves], looks: Sequence[dict[str, Any]]) -> Figure:
    """The figure with a legend of at most LEGEND_ENTRIES runs, some of every method."""
    methods = [run.method for run in runs]
    rank = [methods[:i].count(method) for i, method in enumerate(methods)]
    listed = sorted(sorted(range(len(runs)), key=rank.__getitem__)[:LEGEND_ENTRIES])
    handles = [Line2D([], [], **looks[i]) for i in listed]
    shared = _shared_parts(runs)
    labels = [_label(runs[i], shared) for i in listed]
    if len(listed) < len(runs):
        handles.append(Line2D([], [], linestyle=""))
        labels.append(f"and {len(runs) - len(listed)} more")
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return _noted(figure)


def _parts(label: str) -> list[str]:
    return [part.strip() for part in label.split(",") if part.strip()]


def _shared_parts(runs: Sequence[Curves]) -> list[str]:
    """What the labels of all runs say, as in pde=poisson1d,seed=0 and pde=poisson1d,seed=1."""
    parts = [_parts(run.label) for run in runs]
    return [part for part in parts[0] if all(part in p for p in parts)] if len(runs) > 1 else []


def _title(title: str, runs: Sequence[Curves]) -> str:
    shared = ", ".join(_shared_parts(runs))
    return _plain(f"{title}: {shared}" if shared else title, TITLE_LENGTH)


def _label(run: Curves, shared: Sequence[str]) -> str:
    """What sets a run apart from the others, with its method."""
    text = ", ".join(part for part in _parts(run.label) if part not in shared)
    if re.search(rf"\b{re.escape(run.method)}\b", text) is None:
        text = f"{run.method}: {text}" if text else run.method
    return _plain(text, LABEL_LENGTH)


def _plain(text: str, length: int) -> str:
    """A text that is not too long and no formula."""
    if len(text) > length:
        text = f"{text[: length // 2]}…{text[-(length // 2) :]}"
    return text.replace("$", r"\$")
