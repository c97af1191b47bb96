"""Figures of runs side by side, told apart by colour, line and label."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnspectra.show.figures.curves import FEW, Curves, looks
from pinnspectra.show.figures.members import BAND, MEDIAN
from pinnspectra.show.figures.panels import finished, new_figure, plain_text
from pinnspectra.show.figures.spectra import draw_spectra, draw_truncation
from pinnspectra.show.figures.style import STYLE
from pinnspectra.show.figures.training import (
    draw_entropies,
    draw_entropy_loss,
    draw_interior_losses,
    draw_losses,
)

LABEL_LENGTH = 44
LEGEND_COLUMNS = 3
LEGEND_ENTRIES = 12
KEY_ENTRIES = 5
TITLE_LENGTH = 120

PANELS: dict[str, Callable[[Axes, Sequence[Curves], Sequence[dict[str, Any]]], None]] = {
    "loss": draw_losses,
    "loss_interior": draw_interior_losses,
    "eigenvalues": partial(draw_spectra, eigenvalues=True),
    "entropy": draw_entropies,
    "entropy_loss": draw_entropy_loss,
    "singular_values": partial(draw_spectra, eigenvalues=False),
    "truncation": draw_truncation,
}
"""The panels that a comparison may have."""

OF_TRAINING = ("loss", "eigenvalues", "entropy")
OF_SOLVES = ("singular_values", "truncation")


@rc_context(STYLE)
def comparison_figure(
    curves: Sequence[Curves],
    panels: Sequence[str] = OF_TRAINING,
    title: str = "Training runs",
    colours: Sequence[str] = (),
    width: float = 13,
) -> Figure:
    """Draw runs side by side (Fig. 3 and 4).

    Of the members of a run the median is drawn, and where few runs are compared the band. Settings
    that the labels of all runs have in common stand in the title. The legend lists some runs of
    every method.

    Args:
        curves: the runs.
        panels: what is drawn of each, some of PANELS.
        title: what stands above.
        colours: of each run, in place of the colour of its method and of line styles.
        width: inches.
    """
    shared, few = _shared_parts(curves), len(curves) <= FEW
    if shared:
        title = plain_text(f"{title}: {', '.join(shared)}", TITLE_LENGTH)
    if any(one.history("loss").shape[1] > 1 for one in curves):
        title = f"{title}\nof the members of a run: {BAND if few else MEDIAN}"
    rows = math.ceil((min(len(curves), LEGEND_ENTRIES + 1) + KEY_ENTRIES) / LEGEND_COLUMNS)
    figure, axes = new_figure(title, width, 4.2 + 0.2 * rows, columns=len(panels))
    styles = [look | {"band": few} for look in looks([one.method for one in curves])]
    for style, colour in zip(styles, colours, strict=False):
        style |= {"color": colour, "linestyle": "-"}
    listed = _listed([one.method for one in curves])
    for i in listed:
        styles[i]["label"] = _label(curves[i], shared)
    for one, name in zip(axes, panels, strict=True):
        PANELS[name](one, curves, styles)
    if len(listed) < len(curves):
        axes[0].plot([], [], linestyle="", label=f"and {len(curves) - len(listed)} more")
    return finished(figure, LEGEND_COLUMNS)


def _listed(methods: Sequence[str]) -> list[int]:
    """Choose at most LEGEND_ENTRIES runs, some of every method."""
    seen: Counter[str] = Counter()
    rank = []
    for method in methods:
        rank.append(seen[method])
        seen[method] += 1
    return sorted(range(len(methods)), key=rank.__getitem__)[:LEGEND_ENTRIES]


def _parts(label: str) -> list[str]:
    return [part for part in label.split(", ") if part]


def _shared_parts(curves: Sequence[Curves]) -> list[str]:
    """Return what all labels say, as in "pde=poisson1d, seed=0" and "pde=poisson1d, seed=1"."""
    parts = [_parts(one.label) for one in curves]
    return [part for part in parts[0] if all(part in p for p in parts)] if len(parts) > 1 else []


def _label(curves: Curves, shared: Sequence[str]) -> str:
    """Return what sets a run apart from the others, with its method."""
    text = ", ".join(part for part in _parts(curves.label) if part not in shared)
    if re.search(rf"\b{re.escape(curves.method)}\b", text) is None:
        text = f"{curves.method}: {text}" if text else curves.method
    return plain_text(text, LABEL_LENGTH)
