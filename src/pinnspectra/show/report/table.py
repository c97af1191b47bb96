"""The table of runs: its columns, and what its cells show of the runs' values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pinnspectra.runs.numbers import is_number
from pinnspectra.runs.quantities import OUTCOMES, QUANTITIES, Quantity, shown
from pinnspectra.runs.record import Row, Run
from pinnspectra.show.tables.condensed import ACROSS, standing_for

MARKS = {"finished": "✓", "diverged": "△", "failed": "✕", "refused": "⊘", "unfinished": "◐"}
"""A shape for each status, so that colour is not all that tells them apart."""

LEFT_OUT = ("loss_boundary", "cutoff_below_precision", "config_hash")
"""Quantities that the table has no column of."""

FEW_MEMBERS = 20
"""Members of a run that the table has one by one; of more, minimum, median and maximum."""

SHARED = ("pde", "seed", "learning_rate", "step", "cutoff")
"""Columns that are told once where all rows have the same value."""


@dataclass(frozen=True)
class Cell:
    """What a table shows of a value, the value that it is sorted by, and how it looks.

    `look` are its classes of style, `mark` the shape of a status.
    """

    text: str
    value: str
    look: str
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """The columns, what all rows share by its name, and the rows: a run's index, and its cells."""

    columns: Sequence[Quantity]
    shared: Mapping[str, str]
    rows: Sequence[tuple[int, Mapping[str, Cell]]]


def table(runs: Sequence[Run], names: Sequence[str]) -> Table:
    """Return the table of runs, by the names that the page calls them."""
    every = [row for run in runs for row in run.meaningful_rows]
    common = {c: every[0][c] for c in SHARED if len({str(row[c]) for row in every}) == 1}
    common = {c: value for c, value in common.items() if value is not None and len(every) > 1}
    left_out = {*LEFT_OUT, *common, *(() if len(every) > len(runs) else ["member"])}
    known = [q for c, q in QUANTITIES.items() if any(row[c] is not None for row in every)]
    columns = [q for q in known if q.key not in left_out]
    rows = [
        (i, row | {"run": name, "member": row["member"] if len(run.rows) > 1 else None})
        for i, (run, name) in enumerate(zip(runs, names, strict=True))
        for row in _condensed(run.meaningful_rows)
    ]
    return Table(
        columns,
        {QUANTITIES[c].words: shown(value, c) for c, value in common.items()},
        [(i, {q.key: _cell(row, q) for q in columns}) for i, row in rows],
    )


def measures(runs: Sequence[Run]) -> dict[str, str]:
    """Return the errors and losses that a member has, which a chart has over truncated entropy."""
    rows = [row for run in runs for row in run.meaningful_rows]
    errors = [QUANTITIES[k] for k in OUTCOMES if k not in LEFT_OUT]
    errors = [q for q in errors if q.smaller_is_better]
    return {q.key: q.words for q in errors if any(row[q.key] is not None for row in rows)}


def _condensed(rows: Sequence[Row]) -> Sequence[Row]:
    return rows if len(rows) <= FEW_MEMBERS else standing_for(rows, tuple(ACROSS))


def _cell(row: Row, quantity: Quantity) -> Cell:
    """Return a value as tables show it, and all digits of a number to sort by."""
    value = row[quantity.key]
    look = f"text {quantity.key}" if quantity.format == "text" else "number"
    if value is None:
        return Cell("\N{EN DASH}", "", f"{look} missing")
    exact = repr(value) if is_number(value) else str(value)
    text = shown(value, quantity.key)
    if quantity.key != "status":
        return Cell(text, exact, look)
    found = [kind for kind in MARKS if kind in exact] or ["unfinished"]
    good = "good" if found == ["finished"] else "bad"
    return Cell(text, exact, f"{look} {good}", MARKS[found[-1]])
