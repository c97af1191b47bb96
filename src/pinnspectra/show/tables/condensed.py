"""The members of ensembles as rows of a table: each, or minimum, median and maximum, or median."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from pinnspectra.runs.found import Row
from pinnspectra.runs.numbers import is_number
from pinnspectra.runs.quantities import shown

MOST_ROWS = 16
"""Rows that fit on a screen beside all else; where members make more, fewer rows stand for them."""

MEASURED = (
    "step",
    "loss",
    "loss_interior",
    "loss_boundary",
    "loss_interior_ad64",
    "relative_training_error",
    "relative_l2_error",
    "effective_cutoff",
    "truncated_entropy",
)
"""Columns that a training run measures of every member."""

ACROSS: dict[str, Callable[[list[Any]], Any]] = {"min": min, "median": median, "max": max}
"""What rows that stand for many members have of them."""


def condensed(members: Sequence[Sequence[Row]]) -> tuple[list[Row], str]:
    """The rows of runs, the members of each, as one table; and what stands for members in it.

    Every member where all fit on a screen, else minimum, median and maximum of more than three,
    else the median; each column's own, without diverged members.
    """
    every = [row for rows in members for row in rows]
    if len(every) <= MOST_ROWS or all(len(rows) == 1 for rows in members):
        return every, ""
    three = [row for rows in members for row in standing_for(rows, tuple(ACROSS))]
    if len(three) <= MOST_ROWS:
        return three, "members: min, median, max of each column, without diverged ones"
    one = [row for rows in members for row in standing_for(rows, ("median",))]
    return one, "members: the median of each column, without diverged ones"


def standing_for(members: Sequence[Row], names: Sequence[str]) -> list[Row]:
    """The rows that stand for the members of a run, for those of each learning rate."""
    if len(members) <= len(names):
        return [*members]
    rates = [shown(row["learning_rate"], "learning_rate") for row in members]
    groups = [
        [row for row, its in zip(members, rates, strict=True) if its == rate]
        for rate in dict.fromkeys(rates)
    ]
    return [_across(group, name) for group in groups for name in names]


def _across(rows: Sequence[Row], name: str) -> Row:
    """One row of members: the minimum, median or maximum of each column, without the diverged."""
    kept = [row for row in rows if row["status"] != "diverged"] or rows
    values = {c: [row[c] for row in kept if is_number(row[c])] for c in MEASURED}
    seeds = [row["seed"] for row in rows if is_number(row["seed"])]
    counts = Counter(shown(row["status"]) for row in rows)
    return {
        **rows[0],
        **{c: ACROSS[name](of_all) if of_all else None for c, of_all in values.items()},
        "member": name,
        "seed": f"{min(seeds)}..{max(seeds)}" if seeds else None,
        "status": ", ".join(f"{n} {status}" for status, n in counts.items()),
    }
