"""The table of runs: its columns, and what its cells show of the runs' values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pinnspectra.runs.numbers import is_number
from pinnspectra.runs.quantities import QUANTITIES, shown
from pinnspectra.runs.record import Row, Run
from pinnspectra.show.figures import method_colour
from pinnspectra.show.tables.condensed import ACROSS, standing_for

MARKS = {"finished": "✓", "diverged": "△", "failed": "✕", "refused": "⊘", "unfinished": "◐"}
"""A shape for each status, so that colour is not all that tells them apart."""

LEFT_OUT = ("loss_boundary", "cutoff_below_precision", "config_hash")
"""Quantities that the table has no column of."""

TEXTS = ("run", "pde", "method", "status")
"""The columns that hold no numbers."""

FEW_MEMBERS = 20
"""Members of a run that the table has one by one; of more, minimum, median and maximum."""

SHARED = ("pde", "seed", "learning_rate", "step", "cutoff")
"""Columns that are told once where all rows have the same value."""

MEASURES = (
    "loss",
    "loss_interior",
    "loss_interior_ad64",
    "relative_training_error",
    "relative_training_error_ad",
    "relative_l2_error",
)
"""Quantities that a chart has over truncated entropy."""


@dataclass(frozen=True)
class Cell:
    """What a table shows of a value, its classes of style, and the value that it is sorted by."""

    text: str
    value: str
    look: str


@dataclass(frozen=True)
class Line:
    """A row: the run's index, folder, overrides and look, and a cell for each column."""

    run: int
    href: str
    name: str
    also: str
    color: str
    mark: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True)
class Table:
    """The columns with their headings and meanings, what all rows share, and the rows."""

    columns: Mapping[str, tuple[str, str]]
    shared: Mapping[str, str]
    rows: Sequence[Line]


def table(runs: Sequence[Run], names: Sequence[str], folder: Path) -> Table:
    """Return the table of runs under a folder, by the names that the page calls them."""
    every = [row for run in runs for row in rows_of(run)]
    ensembles = any(len(run.rows) > 1 for run in runs)
    shared = {c: every[0][c] for c in SHARED if len({str(row[c]) for row in every}) == 1}
    shared = {c: shown(value, c) for c, value in shared.items() if value is not None}
    left_out = {*LEFT_OUT, *(shared if len(every) > 1 else ()), *(() if ensembles else ["member"])}
    known = [c for c in QUANTITIES if any(row[c] is not None for row in every)]
    columns = [c for c in known if c not in left_out]
    return Table(
        {c: (QUANTITIES[c].words, QUANTITIES[c].meaning) for c in columns},
        shared if len(every) > 1 else {},
        [
            _line(i, run, name, folder, row, columns)
            for i, (run, name) in enumerate(zip(runs, names, strict=True))
            for row in _condensed(rows_of(run))
        ],
    )


def rows_of(run: Run) -> list[Row]:
    """Return the run's values by column, a member each, without those that mean nothing."""
    return run.meaningful_rows


def measures(runs: Sequence[Run]) -> dict[str, str]:
    """Return the MEASURES that a member has, and their names."""
    rows = [row for run in runs for row in rows_of(run)]
    return {k: QUANTITIES[k].words for k in MEASURES if any(is_number(row[k]) for row in rows)}


def unfinished(runs: Sequence[Run], names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the runs that are not finished, each with the reason."""
    named = zip(names, runs, strict=True)
    return [(name or run.name, run.reason) for name, run in named if not run.finished]


def _line(i: int, run: Run, name: str, folder: Path, row: Row, columns: Sequence[str]) -> Line:
    status = [kind for kind in MARKS if kind in str(row["status"])] or ["unfinished"]
    values = row | {"run": name, "member": row["member"] if len(run.rows) > 1 else None}
    return Line(
        run=i,
        href=quote(str(run.path.relative_to(folder))) + "/",
        name=run.name,
        also=" ".join(run.overrides),
        color=method_colour(run.method),
        mark=MARKS[status[-1]],
        cells={c: _cell(values[c], c, status) for c in columns},
    )


def _condensed(rows: Sequence[Row]) -> Sequence[Row]:
    return rows if len(rows) <= FEW_MEMBERS else standing_for(rows, tuple(ACROSS))


def _cell(value: Any, column: str, status: Sequence[str]) -> Cell:
    """Return a value as tables show it, and all digits of a number to sort by."""
    look = f"text {column}" if column in TEXTS else "number"
    if column == "status":
        look += " good" if status == ["finished"] else " bad"
    if value is None:
        return Cell("\N{EN DASH}", "", f"{look} missing")
    exact = repr(value) if is_number(value) else str(value)
    return Cell(shown(value, column), exact, look)
