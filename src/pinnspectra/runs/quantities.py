"""The quantities of a run: the one table of what they are called, how they are shown and mean.

A quantity that training logs as `metric` comes into result.json, summary.csv, tables, report and
W&B by its line here. Views choose and order by key.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pinnspectra.runs.messages import printable


@dataclass(frozen=True)
class Quantity:
    """A column of a table of runs.

    Attributes:
        key: in result.json and summary.csv.
        meaning: in one phrase.
        metric: in metrics.csv, W&B and TensorBoard; "" where it is not logged. result.json takes
            what has a metric from a member's last row.
        symbol: the paper's letter; "" where it has none.
        heading: of a column of a narrow table.
        words: for an axis or a sentence, without the symbol.
        format: of its numbers.
        smaller_is_better: None where neither is.
        rank: columns of a low rank are the first that a table lacks where there is no room; None:
            it always has room.
    """

    key: str
    meaning: str
    metric: str = ""
    symbol: str = ""
    heading: str = ""
    words: str = ""
    format: str = ".4g"
    smaller_is_better: bool | None = None
    rank: int | None = 0

    @property
    def label(self) -> str:
        """The words and the symbol, as an axis has them."""
        return f"{self.words} {self.symbol}".strip()


def _error(key: str, meaning: str, **texts: Any) -> Quantity:
    """Return a loss or an error."""
    return Quantity(key, meaning, format=".3e", smaller_is_better=True, **texts)


_ALL = (
    Quantity("run", "folder of the run", rank=None),
    Quantity("pde", "problem", words="problem", rank=11),
    Quantity("method", "method of differentiation", words="method", rank=12),
    Quantity("seed", "seed of the initial parameters", words="seed", rank=8),
    Quantity("member", "number in the ensemble, from 0", words="member", rank=13),
    Quantity(
        "learning_rate",
        "learning rate of the optimizer",
        heading="lr",
        words="learning rate",
        format="g",
        rank=7,
    ),
    Quantity(
        "status",
        "`finished` or `diverged`; without a result `unfinished`, `failed` or `refused`",
        words="status",
        rank=None,
    ),
    Quantity("step", "gradient step at which it ended", words="gradient step", rank=5),
    _error(
        "loss",
        "what is minimised: interior + `boundary_weight` boundary",
        metric="loss",
        symbol="L",
        heading="loss",
        words="loss",
        rank=3,
    ),
    _error(
        "loss_interior",
        "interior loss by the run's own method and precision: what it believes",
        metric="loss/interior",
        heading="believed",
        words="believed interior loss",
        rank=9,
    ),
    _error(
        "loss_boundary",
        "boundary loss by the run's own method and precision",
        metric="loss/boundary",
        heading="boundary",
        words="boundary loss",
    ),
    _error(
        "loss_interior_ad64",
        "interior loss of the same parameters by AD in float64",
        metric="loss/interior_ad64",
        heading="true",
        words="true interior loss",
        rank=None,
    ),
    _error(
        "relative_training_error",
        "norm of the residual over that of f, by the run's method",
        metric="relative_training_error",
        heading="train_error",
        words="relative training error",
    ),
    _error(
        "relative_training_error_ad",
        "relative training error by AD in float64 (rfm_solve.py)",
        heading="true_error",
        words="true relative training error",
        rank=4,
    ),
    _error(
        "relative_l2_error",
        "norm of u - u* over that of u*, at the interior points",
        metric="relative_l2_error",
        heading="L2_error",
        words="relative L2 error of u",
        rank=14,
    ),
    Quantity(
        "cutoff",
        "threshold a of Definitions 1 and 2",
        symbol="a",
        words="cut-off",
        format="g",
    ),
    Quantity(
        "cutoff_below_precision",
        "whether a is so low that what it keeps may be rounding alone",
        words="cut-off below the precision",
    ),
    Quantity(
        "effective_cutoff",
        "values of the spectrum at or above a times the largest (Definition 1); of the eigenvalues "
        "of G, or of the singular values of A",
        metric="spectrum/effective_cutoff",
        symbol="e",
        words="effective cut-off number",
        rank=10,
    ),
    Quantity(
        "truncated_entropy",
        "entropy of the values that e counts (Definition 2)",
        metric="spectrum/truncated_entropy",
        symbol="H",
        words="truncated entropy",
        rank=None,
    ),
    Quantity(
        "truncation_position",
        "singular values that are solved with (rfm_solve.py)",
        symbol="p",
        words="truncation position",
        rank=2,
    ),
    Quantity(
        "steps_per_second",
        "gradient steps per second once compiled",
        heading="steps/s",
        words="gradient steps per second",
        format=".0f",
        smaller_is_better=False,
        rank=1,
    ),
    Quantity(
        "wall_seconds",
        "seconds in all",
        heading="seconds",
        words="wall time in seconds",
        format=".1f",
        smaller_is_better=True,
        rank=6,
    ),
    Quantity("config_hash", "hash of the settings that decide the numbers"),
)

QUANTITIES: dict[str, Quantity] = {quantity.key: quantity for quantity in _ALL}
"""By key, in the order of summary.csv and of all tables."""

METRICS: dict[str, Quantity] = {q.metric: q for q in QUANTITIES.values() if q.metric}
"""Those that training logs, by metric."""

LEAST_FIXED = 1e-3
"""Truncated entropies from here on are shown with four decimals."""


def of_metric(metric: str) -> Quantity | None:
    """Return the quantity that is logged under a name; None of other metrics."""
    return METRICS.get(metric)


def heading(key: str) -> str:
    """Return the heading of a column: of a quantity, or of a key of the configuration."""
    quantity = QUANTITIES.get(key)
    return quantity.heading or quantity.symbol or key if quantity else key


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
    rows = [f"| `{q.key}` | {heading(q.key)} | {q.meaning} |" for q in QUANTITIES.values()]
    return "\n".join(["| key | heading | |", "|---|---|---|", *rows])


if __name__ == "__main__":
    page = Path(sys.argv[1])
    table = re.compile(r"^\| key \| heading \|.*?(?=\n\n)", re.DOTALL | re.MULTILINE)
    page.write_text(table.sub(lambda _: table_of_documentation(), page.read_text()))
