"""The runs of a sweep, or of any folder, on one screen: what ran, a table, AD against FD."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pinnspectra.runs.folder import SWEEP
from pinnspectra.runs.messages import printable
from pinnspectra.runs.pairs import COMPARED, Comparison, compared, method_pairs
from pinnspectra.runs.quantities import QUANTITIES, heading, shown
from pinnspectra.runs.query import rows_of
from pinnspectra.runs.record import Row, Run
from pinnspectra.show.tables.condensed import condensed
from pinnspectra.show.tables.described import what_ran
from pinnspectra.show.tables.text import (
    NAME_WIDTH,
    aligned,
    aligned_cells,
    fitted,
    shortened,
    width,
    wrapped,
)

TOLD_ABOVE = ("pde", "method", "seed", "learning_rate", "status", "step")
"""Columns that are left out where all rows have the same: it is told above the table."""

TRUE = ("loss_interior_ad64", "relative_training_error_ad")
"""Quantities by AD in float64, whatever the method and the precision of a run."""

CALLED = {"ad": "AD", "fd": "FD"}
"""Methods by the names that people use."""


def titles(runs: Sequence[Run]) -> list[str]:
    """Return what a table calls the runs: in a sweep the overrides that set one apart."""
    parents = {run.path.parent for run in runs}
    if len(parents) > 1 or not (parents.pop() / SWEEP).exists():
        return [run.name for run in runs]
    shared = set.intersection(*(set(run.overrides) for run in runs))
    return [" ".join(o for o in run.overrides if o not in shared) or run.name for run in runs]


def overview(runs: Sequence[Run]) -> str:
    """Return what ran, the table of the runs or members, and AD against other methods."""
    room = width()
    named = zip(runs, titles(runs), strict=True)
    rows, note = condensed([rows_of([run], [title], []) for run, title in named])
    ensembles = any(len(run.rows) > 1 for run in runs)
    columns = [c for c in _usual(rows, ensembles) if not _is_told_above(c, rows)]
    lines, columns = fitted(rows, columns, room)
    notes = [*_legend(columns), *([note] if note else [])]
    if any(row["cutoff_below_precision"] for row in rows):
        notes.insert(-1 if note else len(notes), "where a is below the rounding, H may be noise")
    blocks = [what_ran(runs, room), "\n".join(lines + wrapped(notes, "; ", room))]
    comparisons = compared(method_pairs(runs))
    if any(found.values for found in comparisons):
        blocks.append("\n".join(comparison_lines(comparisons, room)))
    return "\n\n".join(blocks)


def _usual(rows: Sequence[Row], ensembles: bool, named: Collection[str] = ()) -> list[str]:
    """Return the columns of a table of runs of which a row has a value, and those named."""
    left_out = () if ensembles else ("member",)
    usual = [c for c, q in QUANTITIES.items() if q.rank != 0 and c not in left_out]
    return [c for c in QUANTITIES if c in named or (c in usual and _is_known(c, rows))]


def _is_known(column: str, rows: Sequence[Row]) -> bool:
    return any(row[column] is not None for row in rows)


def _is_told_above(column: str, rows: Sequence[Row]) -> bool:
    """Return whether a column is told above the table, or in the names of all runs."""
    if column not in TOLD_ABOVE:
        return False
    if column == "step" and any(row["status"] != "finished" for row in rows):
        return False
    in_names = all(f"{column}={row[column]}" in row["run"].split() for row in rows)
    return in_names or all(row[column] == rows[0][column] for row in rows)


def _legend(columns: Sequence[str]) -> list[str]:
    """Return the meaning of headings: of the paper's letters, and of what is true."""
    found = [QUANTITIES[c] for c in columns]
    letters = [f"{q.heading}: {q.words}" for q in found if q.heading == q.symbol]
    return [f"{q.heading}: {q.meaning}" for q in found if q.key in TRUE] + letters


def query_table(
    rows: Sequence[Row], named: Sequence[str], columns: Sequence[str], ensembles: bool
) -> list[str]:
    """Return the table of a query's answer: the columns that it asks for, or the usual ones.

    Those that it names are there also where there is little room.
    """
    if columns:
        return aligned(rows, ["run", *(c for c in columns if c != "run")])
    usual = _usual(rows, ensembles, named)
    further = [c for c in dict.fromkeys(named) if c not in usual]
    return fitted(rows, [*usual, *further], width(), named)[0]


def comparison_lines(comparisons: Sequence[Comparison], room: int) -> list[str]:
    """Return AD against other methods as a table: of one comparison its medians, else ratios."""
    kept = [found for found in comparisons if found.values]
    columns = [c for c in COMPARED if any(c in found.values for found in kept)]
    lines = _medians(kept[0], columns) if len(kept) == 1 else _settings(kept, columns)
    left = [True, *(False for _ in columns)]
    over = max(map(len, aligned_cells(lines, left))) - room
    most = max(max(len(line[0]) for line in lines) - max(over, 0), NAME_WIDTH)
    ended = sum(found.left_out for found in comparisons if not found.values)
    more = [f"({ended} more pair{'s' * (ended > 1)}, not finished)"] if ended else []
    return aligned_cells([[shortened(line[0], most), *line[1:]] for line in lines], left) + more


def _medians(found: Comparison, columns: Sequence[str]) -> list[list[str]]:
    """Return the lines of a comparison: the medians by AD and by the other, their ratio."""
    methods = [printable(name) for name in (found.reference, found.other)]
    first, second = (CALLED.get(name, name) for name in methods)
    values = [(c, found.values[c]) if c in found.values else (c, None) for c in columns]
    return [
        [f"{first} against {second}, {_pairs(found)}", *map(heading, columns)],
        [methods[0], *(shown(value and value.ad, c) for c, value in values)],
        [methods[1], *(shown(value and value.fd, c) for c, value in values)],
        [_quotient(found), *_ratios(found, columns)],
    ]


def _settings(comparisons: Sequence[Comparison], columns: Sequence[str]) -> list[list[str]]:
    """Return a line of ratios for each comparison."""
    return [
        ["AD against others", *map(heading, columns)],
        *(
            [
                f"{_quotient(found)}  {printable(found.setting)}, {_pairs(found)}",
                *_ratios(found, columns),
            ]
            for found in comparisons
        ),
    ]


def _quotient(found: Comparison) -> str:
    return printable(f"{found.other} / {found.reference}")


def _ratios(found: Comparison, columns: Sequence[str]) -> list[str]:
    return [_ratio(value and value.ratio) for value in map(found.values.get, columns)]


def _ratio(value: float | None) -> str:
    """Return a ratio with three decimals, unless it is far from 1."""
    return shown(value) if value is None else f"{value:{'.3f' if 0.01 < value < 100 else '.2e'}}"


def _pairs(found: Comparison) -> str:
    pairs = f"{found.pairs} pair{'s' * (found.pairs != 1)}"
    medians = ", medians" if found.pairs > 1 else ""
    left_out = f", {found.left_out} not finished" if found.left_out else ""
    return f"{pairs}{medians}{left_out}"
