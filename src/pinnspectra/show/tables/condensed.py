"""The members of ensembles as rows of a table: each, or minimum, median and maximum, or median."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

from pinnspectra.runs.quantities import OUTCOMES, shown
from pinnspectra.runs.record import Row

MOST_ROWS = 16
"""Rows that fit on a screen beside all else; where members make more, fewer rows stand for them."""

ACROSS: dict[str, Callable[[Iterable[Any]], Any]] = {"min": min, "median": median, "max": max}
"""The rows that stand for many members."""


def condensed(members: Sequence[Sequence[Row]]) -> tuple[list[Row], str]:
    """Return the rows of runs, the members of each, as one table; and what its rows stand for.

    Every member where all fit on a screen, else minimum, median and maximum of more than three,
    else the median.
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
    """Return the rows, by names of ACROSS, that stand for the members at each learning rate."""
    if len(members) <= len(names):
        return [*members]
    groups: dict[float | None, list[Row]] = {}
    for row in members:
        groups.setdefault(row["learning_rate"], []).append(row)
    return [_across(group, name) for group in groups.values() for name in names]


def _across(rows: Sequence[Row], name: str) -> Row:
    """Return the minimum, median or maximum of each column, without diverged members."""
    kept = [row for row in rows if row["status"] != "diverged"] or rows
    values = {key: [row[key] for row in kept if row[key] is not None] for key in OUTCOMES}
    values["step"] = [row["step"] for row in kept if row["step"] is not None]
    seeds = [row["seed"] for row in rows if row["seed"] is not None]
    counts = Counter(shown(row["status"]) for row in rows)
    return {
        **rows[0],
        **{key: ACROSS[name](found) if found else None for key, found in values.items()},
        "member": name,
        "seed": f"{min(seeds)}..{max(seeds)}" if seeds else None,
        "status": ", ".join(f"{n} {status}" for status, n in counts.items()),
    }
