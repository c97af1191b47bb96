"""The one table of quantities: what runs record, how it is called, ordered, shown and explained.

A metric that training logs comes into result.json, summary.csv, the tables, the report and W&B by
a line here. Views choose quantities by key.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pinnspectra.runs.messages import printable
from pinnspectra.runs.numbers import is_number


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A column of the table of runs.

    Attributes:
        key: in result.json and summary.csv.
        meaning: in a phrase.
        metric: in metrics.csv, W&B and TensorBoard, from whose last row result.json takes it; ""
            where it is not logged.
        symbol: the letter of the paper; "" where it has none.
        heading: of a narrow column; the symbol or the key unless it is given.
        words: for an axis or a sentence, without the symbol; the key unless they are given.
        kind: float for all numbers, str, or bool.
        format: of a float.
        smaller_is_better: None where neither is better.
        is_outcome: whether it says what came of a run, and not what ran.
        rank: columns of low rank go first where a table lacks room, those of None never; 0 is
            shown of a run alone, or where it is asked for.
    """

    key: str
    meaning: str
    metric: str = ""
    symbol: str = ""
    heading: str = ""
    words: str = ""
    kind: type = float
    format: str = ".4g"
    smaller_is_better: bool | None = None
    is_outcome: bool = False
    rank: int | None = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "heading", self.heading or self.symbol or self.key)
        object.__setattr__(self, "words", self.words or self.key.replace("_", " "))

    @property
    def label(self) -> str:
        """The words, and the symbol where tables have it too."""
        return f"{self.words} {self.symbol}" if self.symbol == self.heading else self.words

    def typed(self, value: Any) -> Any:
        """Return a value that a file holds, None where it is not of this kind, or not finite."""
        if self.kind is str:
            return None if value is None else str(value)
        fits = is_number(value) if self.kind is float else isinstance(value, self.kind)
        return value if fits else None


def _quantity(key: str, meaning: str, **others: Any) -> Quantity:
    return Quantity(key=key, meaning=meaning, **others)


def _error(key: str, meaning: str, **others: Any) -> Quantity:
    """Return a loss or an error."""
    common = {"format": ".3e", "smaller_is_better": True, "is_outcome": True}
    return Quantity(key=key, meaning=meaning, **common, **others)


_ALL = (
    _quantity("run", "folder of the run", kind=str, rank=None),
    _quantity("pde", "problem", words="problem", kind=str, rank=12),
    _quantity("method", "method of differentiation", kind=str, rank=13),
    _quantity("seed", "seed of the initial parameters", rank=9),
    _quantity("member", "number in the ensemble, from 0", rank=14),
    _quantity("learning_rate", "learning rate at the start", heading="lr", format="g", rank=8),
    _quantity(
        "status",
        "`finished` or `diverged`; without a result `unfinished`, `failed` or `refused`",
        kind=str,
        rank=None,
    ),
    _quantity("step", "gradient step at which it ended", words="gradient step", rank=6),
    _error(
        "loss",
        "what is minimised: interior + `boundary_weight` boundary",
        metric="loss",
        symbol="L",
        heading="loss",
        rank=4,
    ),
    _error(
        "loss_interior",
        "interior loss by the run's own method and precision",
        metric="loss/interior",
        heading="believed",
        words="believed interior loss",
        rank=10,
    ),
    _error(
        "loss_boundary",
        "boundary loss by the run's own method and precision",
        metric="loss/boundary",
        heading="boundary",
        words="boundary loss",
        rank=0,
    ),
    _error(
        "loss_interior_ad64",
        "interior loss by AD in float64",
        metric="loss/interior_ad64",
        heading="true",
        words="true interior loss",
        rank=None,
    ),
    _error(
        "relative_training_error",
        "norm of the residual over that of f, by the run's own method and precision",
        metric="relative_training_error",
        heading="train_error",
        rank=0,
    ),
    _error(
        "relative_training_error_ad",
        "relative training error by AD in float64",
        heading="true_error",
        words="true relative training error",
        rank=5,
    ),
    _error(
        "relative_l2_error",
        "norm of u - u* over that of u*, at the interior points",
        metric="relative_l2_error",
        heading="L2_error",
        words="relative L2 error of u",
        rank=15,
    ),
    _quantity(
        "cutoff",
        "threshold a of Definitions 1 and 2",
        symbol="a",
        words="cut-off",
        format="g",
        rank=0,
    ),
    _quantity(
        "cutoff_below_precision",
        "whether a is so low that what it keeps may be rounding alone",
        kind=bool,
        rank=0,
    ),
    _quantity(
        "effective_cutoff",
        "number of eigenvalues of G, or of singular values of A, of at least a times the largest "
        "(Definition 1)",
        metric="spectrum/effective_cutoff",
        symbol="e",
        words="effective cut-off number",
        is_outcome=True,
        rank=11,
    ),
    _quantity(
        "truncated_entropy",
        "entropy of the first e of them (Definition 2)",
        metric="spectrum/truncated_entropy",
        symbol="H",
        is_outcome=True,
        rank=None,
    ),
    _quantity(
        "truncation_position",
        "number of singular values that are solved with",
        symbol="p",
        is_outcome=True,
        rank=3,
    ),
    _quantity(
        "steps_per_second",
        "gradient steps per second once compiled",
        heading="steps/s",
        format=".0f",
        smaller_is_better=False,
        rank=2,
    ),
    _quantity(
        "wall_seconds",
        "seconds in all",
        heading="seconds",
        format=".1f",
        smaller_is_better=True,
        rank=7,
    ),
    _quantity("config_hash", "hash of the settings that decide the numbers", kind=str, rank=0),
)

QUANTITIES: dict[str, Quantity] = {quantity.key: quantity for quantity in _ALL}
"""By key, in the order of summary.csv and of all tables."""

OUTCOMES = tuple(key for key, quantity in QUANTITIES.items() if quantity.is_outcome)
"""Keys of what came of a run."""

LEAST_FIXED = 1e-3
"""Truncated entropies from here on are shown with four decimals."""


def of_metric(metric: str) -> Quantity | None:
    """Return the quantity that is logged under a name; None of other metrics."""
    return next((q for q in QUANTITIES.values() if metric and q.metric == metric), None)


def heading(key: str) -> str:
    """Return the heading of a column: of a quantity, or of a key of the configuration."""
    return QUANTITIES[key].heading if key in QUANTITIES else key


def shown(value: Any, key: str = "") -> str:
    """Return a value as tables have it; - where a run has none."""
    if value is None:
        return "-"
    if not isinstance(value, float | np.floating):
        return printable(str(value))
    if key == "truncated_entropy":
        return f"{value:.4f}" if abs(value) >= LEAST_FIXED else f"{value:.2e}"
    return format(value, QUANTITIES[key].format if key in QUANTITIES else ".4g")


def table_of_documentation() -> str:
    """Return the table of quantities in docs/results.md."""
    lines = ["| key | in metrics.csv | heading | |", "|---|---|---|---|"]
    for q in QUANTITIES.values():
        metric = f"`{q.metric}`" if q.metric else ""
        lines.append(f"| `{q.key}` | {metric} | {q.heading} | {q.meaning} |")
    return "\n".join(lines)


if __name__ == "__main__":
    page = Path(sys.argv[1])
    table = re.compile(r"^\| key \| .*?(?=\n\n)", re.DOTALL | re.MULTILINE)
    page.write_text(table.sub(lambda _: table_of_documentation(), page.read_text()))
