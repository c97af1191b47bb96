"""Many runs at a glance, a panel a figure: what stands in a page beside its table.

No legend: colours are those of the methods, told apart by shades where they are few, which the page
explains.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from pinnspectra.show.figures.panels import (
    draw_curve,
    draw_mark,
    note_empty,
    plain_text,
    shown,
    ticks,
)
from pinnspectra.show.figures.spectra import (
    EIGENVALUE,
    SINGULAR_VALUE,
    TRAINING_ERROR,
    TRUNCATION,
)
from pinnspectra.show.figures.style import STYLE, method_colour
from pinnspectra.show.figures.training import ENTROPY, LOSS, STEP

FEW_SHADES = 6
"""Runs of one method that shades can tell apart."""

FEW_LISTED = 8
"""Runs that a legend lists."""

MAP_LEVELS = 64

LEAST_SPAN = 3.0
"""Factor that a loss axis spans at least: powers and small multiples of ten are its ticks."""

LONGEST = 44
"""Characters of a label."""


@dataclass(frozen=True, eq=False)
class Line:
    """One run in a figure: y over x, (K,) each, and what is drawn dashed beside it, (K,)."""

    label: str
    method: str
    color: str
    x: np.ndarray
    y: np.ndarray
    dashed: np.ndarray | None = None
    used: int = 0


@dataclass(frozen=True, eq=False)
class TwoSpectra:
    """The first and last spectrum of a run, (n,) each, at indices, (n,), with the last's floor.

    `floor` is that of the first m indices, (m,); `level` is the cut-off times the last's largest
    value and `e` how many of its values are above; NaN and 0 where there is none.
    """

    label: str
    color: str
    index: np.ndarray
    first: np.ndarray
    last: np.ndarray
    floor: np.ndarray
    level: float
    e: int
    of_kernel: bool


def shades(methods: Sequence[str]) -> list[str]:
    """A colour for every run: its method's, lighter from run to run where they are few."""
    total, seen = Counter(methods), Counter[str]()
    found = []
    for method in methods:
        n, i = total[method], seen[method]
        seen[method] += 1
        part = (2 * i / (n - 1) - 1) * 0.3 if 1 < n <= FEW_SHADES else 0.0
        found.append(mixed(method_colour(method), part))
    return found


def mixed(color: str, part: float) -> str:
    """A colour with so much of white, or where it is negative of black."""
    end = 1.0 if part > 0 else 0.0
    red, green, blue = (channel + abs(part) * (end - channel) for channel in to_rgb(color))
    return to_hex((red, green, blue))


@rc_context(STYLE)
def losses_overview(lines: Sequence[Line]) -> Figure:
    """Interior losses as the runs believe them (lines) and as they are (dashed), over steps."""
    figure, axes = _figure()
    set_loss_axes(axes)
    axes.set_ylabel("interior loss $L_F$")
    for line, width in zip(lines, _widths(lines), strict=True):
        draw_curve(axes, line.x, line.y, color=line.color, linewidth=width)
        if line.dashed is not None:
            draw_curve(
                axes, line.x, line.dashed, color=line.color, linestyle=(0, (3, 2)), linewidth=1.1
            )
    return _with_legend(figure, lines)


@rc_context(STYLE)
def entropies_overview(lines: Sequence[Line]) -> Figure:
    """Truncated entropy over gradient steps."""
    figure, axes = _figure()
    axes.set(xlabel=STEP, ylabel=ENTROPY)
    for line, width in zip(lines, _widths(lines), strict=True):
        dots = {"color": line.color, "marker": "o", "markersize": 2 + width}
        draw_curve(axes, line.x, line.y, linewidth=width, **dots)
    return _with_legend(figure, lines)


@rc_context(STYLE)
def truncation_overview(lines: Sequence[Line]) -> Figure:
    """Relative training error of truncated solutions over their position; dots where it is used."""
    figure, axes = _figure()
    set_truncation_axes(axes)
    axes.set_xscale("linear")
    axes.xaxis.set_major_locator(ticks(6, integer=True))
    for line, width in zip(lines, _widths(lines), strict=True):
        draw_curve(axes, line.x, line.y, color=line.color, linewidth=width)
        draw_truncation_mark(axes, line.x, line.y, line.used, line.color)
    return _with_legend(figure, lines)


@rc_context(STYLE)
def entropy_loss_overview(
    entropy: np.ndarray, loss: np.ndarray, colors: Sequence[str], label: str = LOSS
) -> Figure:
    """Loss over truncated entropy, (P,) each, a point a run or member."""
    figure, axes = _figure()
    axes.set(yscale="log", xlabel=ENTROPY, ylabel=label)
    axes.xaxis.set_major_locator(ticks(6))
    axes.ticklabel_format(axis="x", useOffset=False)
    which = shown(axes, entropy, loss)
    if which.any():
        kept = [color for color, keep in zip(colors, which, strict=True) if keep]
        x, y = entropy[which], loss[which]
        order = list(dict.fromkeys(kept))
        last = max(len(order) - 1, 1)
        area = [75 - 50 * order.index(color) / last for color in kept]  # two that coincide show
        axes.scatter(x, y, c=kept, s=area, edgecolors="black", linewidths=0.6)
        room = max(0.07 * np.ptp(x), 0.05 * x.max())
        factor = max((y.max() / y.min()) ** 0.07, LEAST_SPAN**0.5)
        axes.set_xlim(x.min() - room, x.max() + room)
        axes.set_ylim(y.min() / factor, y.max() * factor)
    return noted(figure)


@rc_context(STYLE)
def spectra_overview(left: TwoSpectra, right: TwoSpectra | None) -> Figure:
    """First (faint) and last spectra of two runs side by side, cut-off and floor drawn."""
    pair = [left, right] if right else [left]
    figure = Figure(figsize=(8.6, 3.9))
    alike = right is not None and left.of_kernel == right.of_kernel
    panels = figure.subplots(1, len(pair), sharey=alike, squeeze=False)
    figure.subplots_adjust(left=0.1, right=0.98, top=0.9, bottom=0.14, wspace=0.2)
    for axes, one in zip(panels[0], pair, strict=True):
        set_spectrum_axes(axes, EIGENVALUE if one.of_kernel else SINGULAR_VALUE)
        axes.set_title(plain_text(one.label, LONGEST), fontsize=9)
        dots = {"marker": ".", "markersize": 3.5, "linewidth": 1, "color": one.color}
        draw_curve(axes, one.index, one.first, alpha=0.35, **dots)
        draw_curve(axes, one.index, one.last, **dots)
        floor = {"color": "black", "linestyle": ":", "linewidth": 1.2}
        draw_curve(axes, one.index[: one.floor.size], one.floor, **floor)
        if np.isfinite(one.level) and one.level > 0:
            axes.axhline(one.level, color=one.color, linestyle="--", linewidth=0.9)
        kept = np.flatnonzero(one.index <= one.e)
        if kept.size:
            draw_mark(axes, one.e, float(one.last[kept[-1]]), one.color)
    return noted(figure)


@rc_context(STYLE)
def curve_picture(x: np.ndarray, u: np.ndarray, exact: np.ndarray, color: str) -> Figure:
    """A small picture of u over the dashed exact one, and of u - u* below, at x, (N,) each."""
    figure = Figure(figsize=(3, 2.4))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    figure.subplots_adjust(left=0.22, right=0.98, top=0.96, bottom=0.11, hspace=0.25)
    order = np.argsort(x)
    x, u, exact = x[order], u[order], exact[order]
    draw_curve(upper, x, u, color=color, linewidth=2.2)
    draw_curve(upper, x, exact, color="black", linestyle="--", linewidth=1)
    draw_curve(lower, x, u - exact, color=color, linewidth=1.2)
    for axes, name in ((upper, "$u$"), (lower, "$u - u^*$")):
        axes.tick_params(labelsize=7)
        axes.set_ylabel(name, fontsize=8)
        axes.yaxis.set_major_locator(ticks(3))
        axes.yaxis.set_label_coords(-0.2, 0.5)
    return figure


def map_picture(values: np.ndarray, limits: tuple[float, float], colours: str) -> bytes:
    """Values on a grid, (m, n), rows upwards, as a PNG with a pixel each."""
    low, high = limits
    part = (values - low) / (high - low or 1)
    level = np.clip(np.nan_to_num(part) * MAP_LEVELS, 0, MAP_LEVELS - 1).astype(np.uint8)
    level[~np.isfinite(values)] = MAP_LEVELS
    image = Image.fromarray(level[::-1], mode="P")
    table = colormaps[colours](np.linspace(0, 1, MAP_LEVELS))[:, :3]
    grey = np.full((1, 3), 0.8)
    image.putpalette((255 * np.concatenate([table, grey])).round().astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, "png", optimize=True)
    return file.getvalue()


@rc_context(STYLE)
def svg(figure: Figure) -> bytes:
    """A figure as SVG on nothing, with text that stays text, the same bytes every time."""
    file = io.BytesIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return file.getvalue()


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.6, 3.9))
    axes = figure.subplots()
    figure.subplots_adjust(left=0.13, right=0.97, top=0.96, bottom=0.14)
    axes.xaxis.set_major_locator(ticks(6, integer=True))
    return figure, axes


def _widths(lines: Sequence[Line]) -> list[float]:
    """Of a few curves those of the first method are wider: two that coincide both show."""
    methods = list(dict.fromkeys(line.method for line in lines))
    few = len(methods) > 1
    return [
        1.3 + (2.2 * (1 - methods.index(line.method) / (len(methods) - 1)) if few else 0)
        for line in lines
    ]


def _with_legend(figure: Figure, lines: Sequence[Line]) -> Figure:
    if 1 < len(lines) <= FEW_LISTED:
        handles = [Line2D([], [], color=line.color, linewidth=2) for line in lines]
        labels = [plain_text(line.label, LONGEST) for line in lines]
        rows = -(-len(lines) // 2)
        height = figure.get_size_inches()[1] + 0.22 * rows
        figure.set_figheight(height)
        figure.subplots_adjust(bottom=(0.55 + 0.22 * rows) / height, top=1 - 0.16 / height)
        figure.legend(handles, labels, loc="lower center", ncols=2, fontsize=8)
    return noted(figure)


def colour_scale(colours: str) -> list[str]:
    """Nine colours along a scale."""
    return [to_hex(colour) for colour in colormaps[colours](np.linspace(0, 1, 9))]


def set_loss_axes(axes: Axes) -> None:
    """Label axes for a loss over gradient steps."""
    axes.set(yscale="log", xlabel=STEP, ylabel=LOSS)


def set_spectrum_axes(axes: Axes, label: str) -> None:
    """Label axes for a spectrum over its index."""
    axes.set(yscale="log", xlabel="index $k$", ylabel=label)


def set_truncation_axes(axes: Axes) -> None:
    """Label axes for the training error over the truncation position."""
    axes.set(xscale="log", yscale="log", xlabel=TRUNCATION, ylabel=TRAINING_ERROR)


def draw_truncation_mark(
    axes: Axes, position: np.ndarray, errors: np.ndarray, used: int, color: str
) -> None:
    """Mark the error at the position that is used, if it is among them, (K,)."""
    for k in np.flatnonzero(position == used):
        draw_mark(axes, position[k], errors[k], color)


def noted(figure: Figure) -> Figure:
    """Note the panels that have nothing to show."""
    for axes in figure.axes:
        if not axes.has_data():
            note_empty(axes)
    return figure
