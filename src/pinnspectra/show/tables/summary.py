"""What one run says of itself when it has ended: what ran, what came of it, where it is."""

from __future__ import annotations

from pathlib import Path

from pinnspectra.runs.found import run_at
from pinnspectra.runs.quantities import OUTCOMES, QUANTITIES, shown
from pinnspectra.runs.record import Run
from pinnspectra.show.tables.condensed import condensed
from pinnspectra.show.tables.described import place, size, what_ran
from pinnspectra.show.tables.text import aligned_cells, fitted, width

OF_MEMBERS = ("member", "seed", "learning_rate", "status", "step", *OUTCOMES)
"""Columns of the table of an ensemble."""


def summary(folder: Path) -> str:
    """Return one run's summary, as text of one screen."""
    run, room = run_at(folder), width()
    lines = _outcomes(run) if len(run.rows) == 1 else _members(run, room)
    blocks = [what_ran([run], room), "\n".join(lines), f"see {place(folder)} ({size(folder)})"]
    return "\n\n".join(block for block in blocks if block)


def _outcomes(run: Run) -> list[str]:
    """Return a line for each number of a run of one member: its name, the number, a remark."""
    (row,), remarks = run.meaningful_rows, _remarks(run)
    lines = [
        [QUANTITIES[key].label, shown(row[key], key), remarks.get(key, "")]
        for key in OUTCOMES
        if row[key] is not None
    ]
    return aligned_cells(lines, [True, False, True]) if lines else []


def _remarks(run: Run) -> dict[str, str]:
    """Return remarks on the numbers of a run, by key."""
    (row,) = run.meaningful_rows
    noise = ", below the rounding: may be noise" if row["cutoff_below_precision"] else ""
    return {
        "loss": "interior + weighted boundary" if row["loss_boundary"] is not None else "",
        "loss_interior": f"by {row['method']}" + (f" in {run.precision}" if run.precision else ""),
        "loss_interior_ad64": "by ad in float64",
        "relative_training_error_ad": "by ad in float64",
        "truncated_entropy": f"at a = {shown(row['cutoff'], 'cutoff')}{noise}",
        "effective_cutoff": "values above a times the largest",
        "truncation_position": "values that are solved with",
    }


def _members(run: Run, room: int) -> list[str]:
    """Return the table of an ensemble's members."""
    rows, note = condensed([[row | {"run": ""} for row in run.rows]])
    known = [c for c in OF_MEMBERS if any(row[c] is not None for row in rows)]
    lines, _ = fitted(rows, known, room)
    return [*lines, *([f"({note}; result.json has all)"] if note else [])]
