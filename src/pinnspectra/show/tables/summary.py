"""What one run says of itself when it has ended: what ran, what came of it, where it is."""

from __future__ import annotations

from pathlib import Path

from pinnspectra.runs.found import Run, run_at
from pinnspectra.runs.pairs import comparable
from pinnspectra.runs.quantities import shown
from pinnspectra.show.tables.condensed import MEASURED, condensed
from pinnspectra.show.tables.described import place, size, what_ran
from pinnspectra.show.tables.text import aligned_cells, fitted, width

NAMES = {
    "loss": "loss",
    "loss_boundary": "boundary loss",
    "loss_interior": "interior loss, believed",
    "loss_interior_ad64": "interior loss, true",
    "relative_training_error": "relative training error",
    "relative_training_error_ad": "the same, true",
    "relative_l2_error": "relative L2 error of u",
    "truncated_entropy": "truncated entropy H",
    "effective_cutoff": "effective cutoff e",
    "truncation_position": "truncation position p",
}
"""Columns that are shown, and what people call them."""

OF_MEMBERS = ("member", "seed", "learning_rate", "status", *MEASURED)
"""Columns of the table of an ensemble."""

DISPENSABLE = (
    "loss_boundary",
    "relative_training_error",
    "member",
    "loss_interior",
    "loss",
    "step",
    "learning_rate",
    "effective_cutoff",
    "relative_l2_error",
)
"""Those that go where there is no room, the first first."""


def summary(folder: Path) -> str:
    """One run's summary, as text of one screen."""
    run, room = run_at(folder, folder.name), width()
    numbers = _numbers(run) if len(run.rows) == 1 else _members(run, room)
    said = [what_ran([run], room), *(["\n".join(numbers)] if numbers else [])]
    return "\n\n".join([*said, f"see {place(folder)} ({size(folder)})"])


def _numbers(run: Run) -> list[str]:
    """A line for every number of a run of one member: its name, the number, a remark."""
    row, remarks = comparable(run, run.rows[0]), _remarks(run)
    lines = [
        [name, shown(row[column], column), remarks.get(column, "")]
        for column, name in NAMES.items()
        if row[column] is not None
    ]
    return aligned_cells(lines, [True, False, True]) if lines else []


def _remarks(run: Run) -> dict[str, str]:
    """What there is to know of the numbers of a run, by column."""
    row, precision = comparable(run, run.rows[0]), run.config.get("precision")
    noise = ", below the rounding: may be noise" if row["cutoff_below_precision"] else ""
    return {
        "loss": "interior + weighted boundary" if row["loss_boundary"] is not None else "",
        "loss_interior": f"by {row['method']}" + (f" in {precision}" if precision else ""),
        "loss_interior_ad64": "by ad in float64",
        "relative_training_error_ad": "by ad in float64",
        "truncated_entropy": f"at a = {shown(row['cutoff'], 'cutoff')}{noise}",
        "effective_cutoff": "values above a times the largest",
        "truncation_position": "values that are solved with",
    }


def _members(run: Run, room: int) -> list[str]:
    """The table of an ensemble's members."""
    rows, note = condensed([[row | {"run": ""} for row in run.rows]])
    known = [c for c in OF_MEMBERS if any(row[c] is not None for row in rows)]
    lines, _ = fitted(rows, known, DISPENSABLE, room)
    return [*lines, *([f"({note}; result.json has all)"] if note else [])]
