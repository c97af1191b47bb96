"""What figures are drawn from: arrays, lists or torch tensors, with or without a member axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from pinnspectra.runs.quantities import QUANTITIES
from pinnspectra.show.figures.style import LINE_STYLES, method_colour

Styles = Sequence[dict[str, Any]]
"""How each of some curves is drawn, and what the legend calls it."""

FEW = 6
"""Curves in one panel whose bands, marks and widths can be told apart."""


def axis_label(key: str) -> str:
    """Return the words and the symbol of a quantity, for an axis."""
    quantity = QUANTITIES[key]
    return f"{quantity.words} ${quantity.symbol}$" if quantity.symbol else quantity.words


def array(values: Any) -> np.ndarray:
    """Return values as an array; a torch tensor may be on a device and carry a gradient."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return np.asarray(values)


def columns(values: np.ndarray) -> np.ndarray:
    """Return values of one member, (K,), or of S members, (K, S), as (K, S)."""
    return values[:, None] if values.ndim == 1 else values


NOTHING: Any = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Curves:
    """What a figure draws as one: a run, or the S members of it that share a learning rate.

    Attributes:
        method: decides the colour.
        label: what tells it from the others; parts are joined by ", ".
        metrics: by their name in metrics.csv, (T, S) or (T,), NaN where none is logged, and the
            gradient steps "step", (T,).
        spectrum: eigenvalues of G or singular values of A, (S, N) or (N,).
        first_spectrum: the eigenvalues at the first step.
        spectrum_steps: the steps of the first and of the last spectrum.
        floor: the rounding floor of the spectrum, (S, M) or (M,), M <= N.
        cutoff: the a of Definition 1.
        truncation_position: p of truncated solutions, (K,).
        relative_training_error: at these p, (K,) or of S seeds (K, S).
        used: the p of the solution that was taken.
    """

    method: str
    label: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    spectrum: np.ndarray = NOTHING
    first_spectrum: np.ndarray = NOTHING
    spectrum_steps: tuple[float, float] = (0, 0)
    floor: np.ndarray = NOTHING
    cutoff: float = float("nan")
    truncation_position: np.ndarray = NOTHING
    relative_training_error: np.ndarray = NOTHING
    used: int = 0

    def __post_init__(self) -> None:
        for one in fields(self):
            if one.type == "np.ndarray":
                object.__setattr__(self, one.name, array(getattr(self, one.name)))

    @property
    def steps(self) -> np.ndarray:
        """The gradient steps of the metrics, (T,)."""
        return array(self.metrics.get("step", ()))

    @property
    def size(self) -> int:
        """The number S of members."""
        return self.history("loss").shape[1]

    def history(self, metric: str) -> np.ndarray:
        """Return a metric over the steps, (T, S); NaN where it is not recorded."""
        return columns(array(self.metrics.get(metric, np.full(self.steps.shape, np.nan))))


def by_learning_rate(learning_rates: Sequence[float], size: int) -> dict[str, np.ndarray]:
    """Return the members of each learning rate, largest first, by its label; all by "" if one."""
    rates = np.array(learning_rates, dtype=float)
    if np.unique(rates).size < 2:
        return {"": np.arange(size)}
    return {f"lr = {rate:g}": np.flatnonzero(rates == rate) for rate in np.unique(rates)[::-1]}


def looks(methods: Sequence[str]) -> list[dict[str, Any]]:
    """Return how to draw curves: in the colour of its method, by line style, then ever fainter.

    The first of a few are wider, so that curves that coincide all show.
    """
    last = len(methods) - 1
    seen: Counter[str] = Counter()
    found = []
    for i, method in enumerate(methods):
        fainter, style = divmod(seen[method], len(LINE_STYLES))
        seen[method] += 1
        found.append(
            {
                "color": method_colour(method),
                "linestyle": LINE_STYLES[style],
                "alpha": max(0.3, 1 - 0.15 * fainter),
                "linewidth": 1.3 + 1.5 * (last - i) / max(last, 1) if last < FEW else 1.1,
            }
        )
    return found
