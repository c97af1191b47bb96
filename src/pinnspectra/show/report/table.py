"""The table of runs: its columns, and what its cells show of the runs' values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pinnspectra.runs.found import Row
from pinnspectra.show.figures import method_colour
from pinnspectra.show.report.contents import Shown
from pinnspectra.show.tables.collect import reason
from pinnspectra.show.tables.condensed import ACROSS, standing_for

MARKS = {"finished": "✓", "diverged": "△", "failed": "✕", "refused": "⊘", "unfinished": "◐"}
"""A shape for each status, so that colour is not all that tells them apart."""

COLUMNS = (
    "run",
    "pde",
    "method",
    "seed",
    "member",
    "learning_rate",
    "status",
    "step",
    "loss_interior_ad64",
    "relative_training_error_ad",
    "relative_l2_error",
    "effective_cutoff",
    "truncated_entropy",
    "loss",
    "loss_interior",
    "relative_training_error",
    "truncation_position",
    "cutoff",
    "steps_per_second",
    "wall_seconds",
)
"""The table's columns, what matters before what does less."""

WHOLE = ("step", "effective_cutoff")
"""Columns of whole numbers, of which a median may be none."""

AS_GIVEN = ("learning_rate", "cutoff")
"""Columns whose numbers somebody chose, which have few digits."""

TEXTS = ("run", "pde", "method", "status", "reason")
"""Those that are no numbers."""

FEW_MEMBERS = 20
"""Members of a run that the table has one by one; of more, minimum, median and maximum."""

NAMES = {
    "learning_rate": "learning rate",
    "loss_interior": "believed\N{NO-BREAK SPACE}interior loss",
    "loss_interior_ad64": "true\N{NO-BREAK SPACE}interior loss",
    "relative_training_error": "training error",
    "relative_training_error_ad": "true training error",
    "relative_l2_error": "L2\N{NO-BREAK SPACE}error of\N{NO-BREAK SPACE}u",
    "effective_cutoff": "e",
    "truncated_entropy": "entropy\N{NO-BREAK SPACE}H",
    "truncation_position": "truncated at",
    "steps_per_second": "steps\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}s",
    "wall_seconds": "time in\N{NO-BREAK SPACE}s",
}
"""What the table calls columns."""

MEANINGS = {
    "loss": "the loss that is trained, interior and weighted boundary",
    "loss_interior": "interior loss by the run's own method and precision",
    "loss_interior_ad64": "interior loss of the same parameters by AD in float64",
    "relative_training_error": "|A a - f| / |f|, by the run's method",
    "relative_training_error_ad": "the same by AD in float64",
    "relative_l2_error": "|u - u*| / |u*|",
    "cutoff": "the threshold a of Definitions 1 and 2",
    "effective_cutoff": "effective cut-off number e(a) of Definition 1",
    "truncated_entropy": "truncated entropy H(a) of Definition 2",
}

SHARED = ("pde", "seed", "learning_rate", "step", "cutoff")
"""Columns that are said once where all rows have the same value."""


@dataclass(frozen=True)
class Cell:
    """What a table shows of a value, and the value that it is sorted by."""

    text: str
    value: str
    numeric: bool


def columns(runs: Sequence[Shown]) -> list[str]:
    """The columns that a row has a value of, and why runs are not finished."""
    every = _every(runs)
    ensembles = any(len(shown.rows) > 1 for shown in runs)
    known = [c for c in COLUMNS if any(row[c] is not None for row in every)]
    left_out = {*shared(runs), *(() if ensembles else ("member",))}
    why = [] if all(shown.run.finished for shown in runs) else ["reason"]
    return [*(c for c in known if c not in left_out), *why]


def shared(runs: Sequence[Shown]) -> dict[str, str]:
    """What all rows of several have in common, as text by column."""
    every = _every(runs)
    first = every[0]
    same = [c for c in SHARED if all(row[c] == first[c] for row in every)]
    return {c: cell(first[c], c).text for c in same if first[c] is not None and len(every) > 1}


def _every(runs: Sequence[Shown]) -> list[Row]:
    return [row for shown in runs for row in shown.rows]


def rows(runs: Sequence[Shown], folder: Path) -> list[dict[str, Any]]:
    """The table's rows: the run's index and folder, its colour, and a cell for each column."""
    names, found = columns(runs), []
    for i, shown in enumerate(runs):
        for row in _condensed(shown.rows):
            kinds = [kind for kind in MARKS if kind in str(row["status"])] or ["unfinished"]
            finished = kinds == ["finished"]
            values = row | {"run": shown.title, "reason": None if finished else reason(shown.run)}
            values |= {"member": row["member"] if len(shown.rows) > 1 else None}
            found.append(
                {
                    "run": i,
                    "href": quote(str(shown.run.path.relative_to(folder))) + "/",
                    "color": method_colour(shown.method),
                    "finished": finished,
                    "mark": MARKS[kinds[-1]],
                    "name": shown.run.name,
                    "also": " ".join(shown.run.overrides),
                    "cells": {c: cell(values[c], c) for c in names},
                }
            )
    return found


def _condensed(rows: Sequence[Row]) -> Sequence[Row]:
    return rows if len(rows) <= FEW_MEMBERS else standing_for(rows, tuple(ACROSS))


def unfinished(runs: Sequence[Shown]) -> list[tuple[str, str]]:
    """The runs that are not finished, each with the reason."""
    missing = [shown for shown in runs if not shown.run.finished]
    return [(shown.title or shown.run.name, reason(shown.run)) for shown in missing]


def cell(value: Any, column: str = "") -> Cell:
    """A value as the table shows it: numbers with four digits, and all of them to sort by."""
    if value is None:
        return Cell("\N{EN DASH}", "", False)
    if isinstance(value, float) and math.isfinite(value):
        given = column in AS_GIVEN or (column in WHOLE and value.is_integer())
        text = f"{value:g}" if given else f"{value:#.4g}".rstrip(".")
        return Cell(text, repr(value), True)
    if isinstance(value, int) and not isinstance(value, bool):
        return Cell(str(value), str(value), True)
    return Cell(str(value), str(value), False)
