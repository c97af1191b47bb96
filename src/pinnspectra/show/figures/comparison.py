"""Figures of runs side by side, told apart by colour, line and label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnspectra.show.figures.curves import FEW, Curves, looks
from pinnspectra.show.figures.members import BAND, MEDIAN
from pinnspectra.show.figures.panels import finished, new_figure, plain_text
from pinnspectra.show.figures.spectra import draw_spectra, draw_truncation
from pinnspectra.show.figures.style import STYLE
from pinnspectra.show.figures.training import draw_losses, draw_metric

LABEL_LENGTH = 44
LEGEND_COLUMNS = 3
LEGEND_ENTRIES = 12
TITLE_LENGTH = 120


@rc_context(STYLE)
def comparison_figure(runs: Sequence[Curves]) -> Figure:
    """Draw the losses, last spectra and entropies of training runs side by side (Fig. 4).

    Of the members of a run the median is drawn, and where few runs are compared the band. What the
    labels of all runs have in common stands in the title.
    """
    figure, (left, middle, right), styles = _panels("Training runs", runs, 3)
    draw_losses(left, runs, styles)
    draw_spectra(middle, runs, styles, eigenvalues=True)
    draw_metric(right, "truncated_entropy", runs, styles)
    return finished(figure, LEGEND_COLUMNS)


@rc_context(STYLE)
def rfm_comparison_figure(runs: Sequence[Curves]) -> Figure:
    """Draw the singular values and truncated solutions of random feature solves (Fig. 3)."""
    figure, (left, right), styles = _panels("Random feature solves", runs, 2)
    draw_spectra(left, runs, styles, eigenvalues=False)
    draw_truncation(right, runs, styles)
    return finished(figure, LEGEND_COLUMNS)


def _panels(
    title: str, runs: Sequence[Curves], columns: int
) -> tuple[Figure, list[Axes], list[dict[str, Any]]]:
    """Return a figure under a title that says what all runs share, and how each is drawn."""
    shared = _shared_parts(runs)
    if shared:
        title = plain_text(f"{title}: {', '.join(shared)}", TITLE_LENGTH)
    few = len(runs) <= FEW
    if any(run.size > 1 for run in runs):
        title = f"{title}\nof the members of a run: {BAND if few else MEDIAN}"
    methods = [run.method for run in runs]
    styles = [look | {"band": few} for look in looks(methods)]
    listed = _listed(methods)
    if len(listed) < len(runs):
        title = f"{title}\n{len(listed)} of {len(runs)} runs are listed"
    figure, axes = new_figure(title, 13, 4.8 + 0.07 * min(len(runs), LEGEND_ENTRIES), 1, columns)
    for i in listed:
        styles[i]["label"] = _label(runs[i], shared)
    return figure, axes, styles


def _listed(methods: Sequence[str]) -> list[int]:
    """Choose the runs that a legend lists, some of every method."""
    seen: Counter[str] = Counter()
    rank = []
    for method in methods:
        rank.append(seen[method])
        seen[method] += 1
    return sorted(range(len(methods)), key=rank.__getitem__)[:LEGEND_ENTRIES]


def _parts(label: str) -> list[str]:
    return [part for part in label.split(", ") if part]


def _shared_parts(runs: Sequence[Curves]) -> list[str]:
    """Return what all labels say, as in "pde=poisson1d, seed=0" and "pde=poisson1d, seed=1"."""
    parts = [_parts(run.label) for run in runs]
    return [part for part in parts[0] if all(part in p for p in parts)] if len(parts) > 1 else []


def _label(run: Curves, shared: Sequence[str]) -> str:
    """Return what sets a run apart from the others, with its method."""
    text = ", ".join(part for part in _parts(run.label) if part not in shared)
    if re.search(rf"\b{re.escape(run.method)}\b", text) is None:
        text = f"{run.method}: {text}" if text else run.method
    return plain_text(text, LABEL_LENGTH)
