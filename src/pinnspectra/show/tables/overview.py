"""The runs of a sweep, or of any folder, on one screen: what ran, a table, AD against FD."""

from __future__ import annotations

from collections.abc import Sequence

from pinnspectra.runs.folder import SWEEP
from pinnspectra.runs.found import Row, Run
from pinnspectra.runs.messages import printable
from pinnspectra.runs.pairs import (
    COMPARED,
    Comparison,
    comparable,
    compared,
    method_pairs,
)
from pinnspectra.runs.quantities import heading, shown
from pinnspectra.show.tables.condensed import condensed
from pinnspectra.show.tables.described import what_ran, wrapped
from pinnspectra.show.tables.text import (
    NAME_WIDTH,
    aligned,
    aligned_cells,
    fitted,
    shortened,
    width,
)

SHOWN = (
    "run",
    "pde",
    "method",
    "seed",
    "member",
    "learning_rate",
    "status",
    "step",
    "loss",
    "loss_interior",
    "loss_interior_ad64",
    "relative_training_error_ad",
    "relative_l2_error",
    "effective_cutoff",
    "truncated_entropy",
    "truncation_position",
    "steps_per_second",
    "wall_seconds",
)
"""Columns of a table of runs; the others are in summary.csv."""

SAID = ("pde", "method", "seed", "learning_rate", "status", "step")
"""Columns that are left out where all rows have the same: it is said above the table."""

DISPENSABLE = (
    "steps_per_second",
    "truncation_position",
    "loss",
    "relative_training_error_ad",
    "step",
    "wall_seconds",
    "learning_rate",
    "seed",
    "loss_interior",
    "effective_cutoff",
    "pde",
    "method",
    "member",
    "relative_l2_error",
)
"""Columns that go where there is no room, the first first."""

LEGEND = {
    "loss_interior_ad64": "true: interior loss by AD, float64",
    "relative_training_error_ad": "true_error: relative training error by AD",
    "effective_cutoff": "e, H: effective cutoff, truncated entropy",
    "truncation_position": "p: truncation position",
}
"""What headings mean, by a column that is shown."""

CALLED = {"ad": "AD", "fd": "FD"}
"""Methods by the names that people use."""


def titles(runs: Sequence[Run]) -> list[str]:
    """What a table calls the runs: in a sweep the overrides that set one apart."""
    parents = {run.path.parent for run in runs}
    if len(parents) > 1 or not (parents.pop() / SWEEP).exists():
        return [run.name for run in runs]
    shared = set.intersection(*(set(run.overrides) for run in runs))
    return [" ".join(o for o in run.overrides if o not in shared) or run.name for run in runs]


def overview(runs: Sequence[Run]) -> str:
    """What ran, the table of the runs, a line a run or member, and AD against other methods."""
    room = width()
    named = list(zip(runs, titles(runs), strict=True))
    members = [[comparable(run, row) | {"run": title} for row in run.rows] for run, title in named]
    rows, note = condensed(members)
    columns = [c for c in SHOWN if _known(c, rows) and not _is_said(c, rows)]
    if all(len(run.rows) == 1 for run in runs):
        columns = [c for c in columns if c != "member"]
    lines, left_out = fitted(rows, columns, DISPENSABLE, room)
    legend = [LEGEND[c] for c in columns if c in LEGEND and c not in left_out]
    if any(row["cutoff_below_precision"] for row in rows):
        legend.append("where a is below the rounding, H may be noise")
    legend += [note] if note else []
    blocks = [what_ran(runs, room), "\n".join(lines + wrapped(legend, "; ", room))]
    comparisons = compared(method_pairs(runs))
    if any(found.values for found in comparisons):
        blocks.append("\n".join(comparison_lines(comparisons, room)))
    return "\n\n".join(blocks)


def _is_said(column: str, rows: Sequence[Row]) -> bool:
    """Whether a column is said above the table, or in the names of all runs."""
    if column not in SAID:
        return False
    if column == "step" and any(row["status"] != "finished" for row in rows):
        return False
    in_names = all(f"{column}={row[column]}" in row["run"].split() for row in rows)
    return in_names or all(row[column] == rows[0][column] for row in rows)


def query_table(
    rows: Sequence[Row], named: Sequence[str], columns: Sequence[str], ensembles: bool
) -> list[str]:
    """The rows of a query's answer: the columns that it asks for, or the usual and those it names.

    Those that it names are not left out where there is little room.
    """
    if columns:
        return aligned(rows, ["run", *(c for c in columns if c != "run")])
    usual = [c for c in SHOWN if _known(c, rows)]
    usual = [c for c in usual if c in named or c != "member" or ensembles]
    further = [c for c in dict.fromkeys(named) if c not in usual]
    dispensable = [c for c in DISPENSABLE if c not in named]
    return fitted(rows, [*usual, *further], dispensable, width())[0]


def _known(column: str, rows: Sequence[Row]) -> bool:
    return any(row[column] is not None for row in rows)


def comparison_lines(comparisons: Sequence[Comparison], room: int) -> list[str]:
    """AD against other methods as a small table: of one comparison its medians, of more ratios."""
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
    """Lines of cells: what is compared, the medians by AD and by the other, their ratio."""
    methods = [printable(name) for name in (found.reference, found.other)]
    first, second = (CALLED.get(name, name) for name in methods)
    its = [(c, found.values.get(c)) for c in columns]
    return [
        [f"{first} against {second}, {_pairs(found)}", *(heading(c) for c in columns)],
        [methods[0], *(shown(value and value.ad, c) for c, value in its)],
        [methods[1], *(shown(value and value.fd, c) for c, value in its)],
        [_quotient(found), *_ratios(found, columns)],
    ]


def _settings(found: Sequence[Comparison], columns: Sequence[str]) -> list[list[str]]:
    """Lines of cells: a line of ratios for every comparison."""
    names = [f"{_quotient(f)}  {printable(f.setting)}, {_pairs(f)}" for f in found]
    lines = zip(names, found, strict=True)
    return [
        ["AD against others", *(heading(c) for c in columns)],
        *([name, *_ratios(one, columns)] for name, one in lines),
    ]


def _quotient(found: Comparison) -> str:
    return printable(f"{found.other} / {found.reference}")


def _ratios(found: Comparison, columns: Sequence[str]) -> list[str]:
    return [_ratio(value and value.ratio) for value in map(found.values.get, columns)]


def _ratio(value: float | None) -> str:
    """A ratio with three decimals, unless it is far from 1."""
    return shown(value) if value is None else f"{value:{'.3f' if 0.01 < value < 100 else '.2e'}}"


def _pairs(found: Comparison) -> str:
    pairs = f"{found.pairs} pair{'s' * (found.pairs != 1)}"
    medians = ", medians" if found.pairs > 1 else ""
    left_out = f", {found.left_out} not finished" if found.left_out else ""
    return f"{pairs}{medians}{left_out}"
