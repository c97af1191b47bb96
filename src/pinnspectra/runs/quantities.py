"""The one table of quantities: what runs record, how it is called, ordered, shown and explained.

quantities.csv has a line for each. A metric that training logs comes into result.json, summary.csv,
the tables, the report and W&B by a line there. Views choose quantities by key.
"""

from __future__ import annotations

import csv
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pinnspectra.runs.messages import printable
from pinnspectra.runs.numbers import is_number

TABLE = Path(__file__).with_suffix(".csv")

KINDS: dict[str, type] = {"text": str, "flag": bool}
"""Kinds of values that are no numbers, by their format."""


@dataclass(frozen=True)
class Quantity:
    """A column of the table of runs.

    Attributes:
        key: in result.json and summary.csv.
        metric: in metrics.csv, W&B and TensorBoard, from whose last row result.json takes it; ""
            where it is not logged.
        symbol: the letter of the paper; "" where it has none.
        heading: of a narrow column.
        words: for an axis or a sentence, without the symbol.
        format: of a float; or text, or flag.
        smaller_is_better: None where neither is better.
        is_outcome: whether it says what came of a run, and not what ran.
        rank: columns of low rank go first where a table lacks room, those of None never; 0 is
            shown of a run alone, or where it is asked for.
        meaning: in a phrase.
    """

    key: str
    metric: str
    symbol: str
    heading: str
    words: str
    format: str
    smaller_is_better: bool | None
    is_outcome: bool
    rank: int | None
    meaning: str

    @property
    def label(self) -> str:
        """The words, and the symbol where tables have it too."""
        return f"{self.words} {self.symbol}" if self.symbol == self.heading else self.words

    def typed(self, value: Any) -> Any:
        """Return a value that a file holds, None where it is not of this kind, or not finite."""
        kind = KINDS.get(self.format)
        if kind is str:
            return None if value is None else str(value)
        fits = isinstance(value, kind) if kind else is_number(value)
        return value if fits else None


def _quantity(line: dict[str, str]) -> Quantity:
    better, outcome, rank = (line.pop(name) for name in ("better", "outcome", "rank"))
    return Quantity(
        **line,
        smaller_is_better={"smaller": True, "larger": False}.get(better),
        is_outcome=outcome == "yes",
        rank=int(rank) if rank else None,
    )


QUANTITIES: dict[str, Quantity] = {
    line["key"]: _quantity(line) for line in csv.DictReader(TABLE.read_text().splitlines())
}
"""By key, in the order of summary.csv and of all tables."""

OUTCOMES = tuple(key for key, quantity in QUANTITIES.items() if quantity.is_outcome)
"""Keys of what came of a run."""

LEAST_FIXED = 1e-3
"""Truncated entropies from here on are shown with four decimals."""


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
