"""Figures of runs side by side, told apart by colour, line and label."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pinnspectra.show.figures.arrays import hold_arrays
from pinnspectra.show.figures.members import BAND, MEDIAN, MOST_BANDS, draw_ended, draw_histories
from pinnspectra.show.figures.panels import draw_curve, new_figure, noted, plain_text
from pinnspectra.show.figures.random_features import draw_truncation_mark, set_truncation_axes
from pinnspectra.show.figures.spectra import (
    EIGENVALUE,
    FLOOR,
    NEAR_FLOOR,
    SINGULAR_VALUE,
    draw_cutoff,
    draw_floor,
    draw_spectrum,
    set_spectrum_axes,
)
from pinnspectra.show.figures.style import LINE_STYLES, STYLE, method_colour
from pinnspectra.show.figures.training import ENTROPY, STEP, set_loss_axes

FEW_RUNS = 6
LABEL_LENGTH = 44
LEGEND_COLUMNS = 3
LEGEND_ENTRIES = 12
TITLE_LENGTH = 120


@dataclass(frozen=True, eq=False)
class RunCurves:
    """The curves of one training run in a comparison; what was not recorded is an empty array.

    `label` joins settings by ", "; those that all runs share are said once, in the title.
    `loss`, (K, S), is taken at `loss_steps`, (K,), and `truncated_entropy` at `entropy_steps`, both
    in gradient steps; `spectrum`, (S, N), is the last one, `floor`, (S, N), what of it is rounding,
    and `cutoff` the a of Definition 1.
    """

    label: str
    method: str
    loss_steps: np.ndarray
    loss: np.ndarray
    spectrum: np.ndarray
    floor: np.ndarray
    cutoff: float
    entropy_steps: np.ndarray
    truncated_entropy: np.ndarray

    def __post_init__(self) -> None:
        hold_arrays(self)


@dataclass(frozen=True, eq=False)
class SpectrumCurves:
    """The curves of one random feature solve in a comparison.

    `relative_training_error` is taken at `truncation_position`, of which the solution is the one at
    `used`; `floor` is what of the singular values is rounding, `cutoff` the a of Definition 1.
    """

    label: str
    method: str
    singular_values: np.ndarray
    floor: np.ndarray
    cutoff: float
    truncation_position: np.ndarray
    relative_training_error: np.ndarray
    used: int

    def __post_init__(self) -> None:
        hold_arrays(self)


Curves = RunCurves | SpectrumCurves


@rc_context(STYLE)
def comparison_figure(runs: Sequence[RunCurves]) -> Figure:
    """Losses, last spectra with cut-offs and floors, and entropies of training runs (Fig. 4).

    Of the members of a run the median, and where few runs are compared the band; a cross above the
    losses is where a member ended early.
    """
    figure, (left, middle, right) = _panels("Training runs", runs, 3)
    set_loss_axes(left)
    set_spectrum_axes(middle, EIGENVALUE)
    right.set(xlabel=STEP, ylabel=ENTROPY)
    looks, band = _looks(runs), len(runs) <= MOST_BANDS
    for run, look in zip(runs, looks, strict=True):
        draw_histories(left, run.loss_steps, run.loss, band=band, **look)
        draw_ended(left, run.loss_steps, run.loss, look["color"])
        draw_spectrum(middle, run.spectrum, band=band, **look)
        floor_style = {"alpha": look["alpha"], "hollow": len(runs) <= FEW_RUNS}
        draw_floor(middle, run.spectrum, run.floor, look["color"], squares=True, **floor_style)
        draw_cutoff(middle, run.spectrum, run.cutoff, look["color"], alpha=look["alpha"])
        draw_histories(right, run.entropy_steps, run.truncated_entropy, band=band, **look)
    return _with_legend(figure, runs, looks)


@rc_context(STYLE)
def rfm_comparison_figure(runs: Sequence[SpectrumCurves]) -> Figure:
    """Singular values with cut-offs and floors, and truncation curves, of solves (Fig. 3)."""
    figure, (left, right) = _panels("Random feature solves", runs, 2)
    set_spectrum_axes(left, SINGULAR_VALUE)
    set_truncation_axes(right)
    looks = _looks(runs)
    for run, look in zip(runs, looks, strict=True):
        position, errors = run.truncation_position, run.relative_training_error
        colour, alpha = look["color"], look["alpha"]
        draw_spectrum(left, run.singular_values[None], **look)
        floor_style = {"alpha": alpha, "hollow": len(runs) <= FEW_RUNS}
        draw_floor(left, run.singular_values[None], run.floor[None], colour, **floor_style)
        draw_cutoff(left, run.singular_values[None], run.cutoff, colour, alpha=alpha)
        draw_curve(right, position, errors, **look)
        draw_truncation_mark(right, position, errors, run.used, colour, alpha=alpha)
    return _with_legend(figure, runs, looks)


def _panels(title: str, runs: Sequence[Curves], columns: int) -> tuple[Figure, list[Axes]]:
    """A figure under a title that says what all runs share, with room for their legend."""
    if shared := _shared_parts(runs):
        title = plain_text(f"{title}: {', '.join(shared)}", TITLE_LENGTH)
    entries = min(len(runs), LEGEND_ENTRIES + 1) + len(_key(runs))
    legend_rows = math.ceil(entries / LEGEND_COLUMNS)
    if any(isinstance(run, RunCurves) and run.loss.shape[1] > 1 for run in runs):
        drawn = BAND if len(runs) <= MOST_BANDS else MEDIAN
        title = f"{title}\nof the members of a run: {drawn}, and a cross where one diverged"
    return new_figure(title, 13, 4.2 + 0.2 * legend_rows, columns=columns)


def _looks(runs: Sequence[Curves]) -> list[dict[str, Any]]:
    """How to draw each run: the colour of its method, then line styles, then fainter ones.

    Of a few runs the earlier are wider, so that curves that coincide both show.
    """
    last = len(runs) - 1
    seen: Counter[str] = Counter()
    looks = []
    for i, run in enumerate(runs):
        fainter, style = divmod(seen[run.method], len(LINE_STYLES))
        seen[run.method] += 1
        looks.append(
            {
                "color": method_colour(run.method),
                "linestyle": LINE_STYLES[style],
                "alpha": max(0.3, 1 - 0.15 * fainter),
                "linewidth": 1.3 + 1.5 * (last - i) / max(last, 1) if last < FEW_RUNS else 1.1,
            }
        )
    return looks


def _key(runs: Sequence[Curves]) -> dict[str, Line2D]:
    """What is drawn on the spectra of all runs, by what it means."""
    key: dict[str, dict[str, Any]] = {}
    if any(np.isfinite(run.cutoff) for run in runs):
        dot = {"marker": "o", "markersize": 7, "markerfacecolor": "#BBBBBB", "linestyle": ""}
        solved = any(isinstance(run, SpectrumCurves) for run in runs)
        key["cut-off"] = {"linestyle": "--", "linewidth": 0.9}
        key[f"cut-off number $e${', position $P$ taken' if solved else ''}"] = dot
    if any(np.isfinite(run.floor).any() for run in runs):
        key[FLOOR] = {"linestyle": ":", "linewidth": 1.2}
        if len(runs) <= FEW_RUNS:
            hollow = {"marker": "o", "markersize": 4, "markerfacecolor": "white", "linestyle": ""}
            key[NEAR_FLOOR] = hollow
    return {label: Line2D([], [], color="black", **look) for label, look in key.items()}


def _with_legend(figure: Figure, runs: Sequence[Curves], looks: Sequence[dict[str, Any]]) -> Figure:
    """The figure with a legend of at most LEGEND_ENTRIES runs, some of every method, and a key."""
    methods = [run.method for run in runs]
    rank = [methods[:i].count(method) for i, method in enumerate(methods)]
    listed = sorted(sorted(range(len(runs)), key=rank.__getitem__)[:LEGEND_ENTRIES])
    handles = [Line2D([], [], **looks[i]) for i in listed]
    shared = _shared_parts(runs)
    labels = [_label(runs[i], shared) for i in listed]
    if len(listed) < len(runs):
        handles.append(Line2D([], [], linestyle=""))
        labels.append(f"and {len(runs) - len(listed)} more")
    key = _key(runs)
    figure.legend(
        [*handles, *key.values()], [*labels, *key], loc="outside lower center", ncols=LEGEND_COLUMNS
    )
    return noted(figure)


def _parts(label: str) -> list[str]:
    return [part for part in label.split(", ") if part]


def _shared_parts(runs: Sequence[Curves]) -> list[str]:
    """What the labels of all runs say, as in "pde=poisson1d, seed=0", "pde=poisson1d, seed=1"."""
    parts = [_parts(run.label) for run in runs]
    return [part for part in parts[0] if all(part in p for p in parts)] if len(runs) > 1 else []


def _label(run: Curves, shared: Sequence[str]) -> str:
    """What sets a run apart from the others, with its method."""
    text = ", ".join(part for part in _parts(run.label) if part not in shared)
    if re.search(rf"\b{re.escape(run.method)}\b", text) is None:
        text = f"{run.method}: {text}" if text else run.method
    return plain_text(text, LABEL_LENGTH)
