"""The members of an ensemble in one panel: their median, the band they span, where one ended."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pinnspectra.show.figures.panels import draw_curve, shown

BAND = "median and min-max band"
MEDIAN = "median"
ENDED = "a member diverged"


def titled(title: str, size: int, drawn: str, lost: int = 0, how: str = "ended early") -> str:
    """Add to a title, of more than one member, how many they are and what is drawn of them."""
    others = f", {lost} {how}: {drawn} of the others" if lost else f": {drawn}"
    return f"{title}\n{size} members{others}" if size > 1 else title


def labelled(*parts: str) -> str:
    """Join the parts of a label that say something."""
    return ", ".join(part for part in parts if part)


def across(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return minimum, median and maximum over S members, (K,) each, of the finite of (K, S)."""
    finite = np.where(np.isfinite(values), values.astype(float), np.nan)
    ordered = np.sort(np.pad(finite, ((0, 0), (0, 1)), constant_values=np.nan), axis=1)  # NaN last
    last = np.maximum(np.isfinite(ordered).sum(axis=1) - 1, 0)
    places = np.stack([0 * last, last // 2, (last + 1) // 2, last], axis=1)
    low, below, above, high = np.take_along_axis(ordered, places, axis=1).T
    return low, above - (above - below) / 2, high


def draw_band(
    axes: Axes, x: np.ndarray, y: np.ndarray, color: str, band: bool = True, **style: Any
) -> None:
    """Draw the median of y, (K, S), over x, (K,), on the band from minimum to maximum, if asked.

    Of the values that the axes can show; the curve alone where S = 1.
    """
    which = shown(axes, x[:, None], y)
    if not which.any():
        return
    x, y = x[which.any(axis=1)], np.where(which, y, np.nan)[which.any(axis=1)]
    low, middle, high = across(y)
    draw_curve(axes, x, middle, color=color, **style)
    if not band or y.shape[1] == 1:
        return
    alpha = 0.12 * style.get("alpha", 1)
    axes.fill_between(x, low, high, facecolor=color, alpha=alpha, linewidth=0, zorder=1)
    edge = {"linestyle": style.get("linestyle", "-"), "marker": "_" if x.size == 1 else None}
    for limit in (low, high):
        axes.plot(x, limit, color=color, alpha=3 * alpha, linewidth=0.7, zorder=1, **edge)


def ended(y: np.ndarray) -> np.ndarray:
    """Tell which members of y, (K, S), have no finite value in the last row where one has."""
    finite = np.isfinite(y)
    rows = np.flatnonzero(finite.any(axis=1))
    return ~finite[rows[-1]] if rows.size else np.ones(y.shape[1], dtype=bool)


def draw_histories(axes: Axes, x: np.ndarray, y: np.ndarray, color: str, **style: Any) -> None:
    """Draw y, (K, S), over steps x, (K,), as the band of the members that are there to the end.

    One that leaves it would drag the median and, as it diverges, the scale.
    """
    draw_band(axes, x, y[:, ~ended(y)], color, **style)


def draw_ended(axes: Axes, x: np.ndarray, y: np.ndarray, color: str) -> None:
    """Draw the members of y, (K, S), that ended early as thin paths, with a cross above their end.

    Over x, (K,) or (K, S). The paths may leave the panel, whose scale is that of the members that
    are there to the end. A member without any value ended at the first step.
    """
    if x.size == 0 or y.shape[1] == 1 or not (lost := np.flatnonzero(ended(y))).size:
        return
    x = np.broadcast_to(x.reshape(len(y), -1), y.shape)
    which = shown(axes, x, y)
    for i in lost:
        path = x[which[:, i], i], y[which[:, i], i]
        axes.add_artist(Line2D(*path, color=color, alpha=0.5, linewidth=0.6, zorder=1))
    at = [x[max(np.flatnonzero(np.isfinite(y[:, i])), default=0), i] for i in lost]
    cross = {"color": color, "linestyle": "", "marker": "x", "markersize": 5, "clip_on": False}
    above = axes.get_xaxis_transform()
    axes.plot(at, np.ones(len(at)), transform=above, label=ENDED, zorder=4, **cross)
