"""Rows of a table chosen by conditions and put in order: --where method=fd --sort loss."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pinnspectra.runs.folder import flat
from pinnspectra.runs.found import COLUMNS, Row, Run
from pinnspectra.runs.numbers import is_number
from pinnspectra.runs.pairs import comparable
from pinnspectra.runs.quantities import heading, shown

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}

CONDITION = re.compile(r"\s*([^!<>=\s]+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*", re.DOTALL)

MISSING = "-"
"""How a condition names what a row does not have."""


class QueryError(ValueError):
    """A column that there is not, or a condition that cannot be."""


@dataclass(frozen=True)
class Condition:
    """What a row has to be: column, operator, value."""

    column: str
    relation: str
    value: str

    def holds(self, row: Row) -> bool:
        """Whether it does for a row. Of what a row does not have, only = - and != hold.

        Raises:
            QueryError: an order is asked of what is no number.
        """
        has, number = row.get(self.column), _number(self.value)
        compare = OPERATORS[self.relation]
        if self.relation not in ("=", "!="):
            if number is None:
                raise QueryError(f"--where {self}: {self.value or 'nothing'} is no number")
            return is_number(has) and compare(has, number)
        if number is not None and is_number(has):
            return compare(has, number)
        return compare(shown(has).casefold(), self.value.casefold())

    def __str__(self) -> str:
        return f"{self.column}{self.relation}{self.value}"


@dataclass(frozen=True)
class Query:
    """Conditions that all have to hold, the column that orders, and the columns to show.

    Columns are those of summary.csv, their headings, and dotted keys of the configuration.
    """

    where: tuple[Condition, ...] = ()
    sort: str | None = None
    reverse: bool = False
    columns: tuple[str, ...] = ()

    @property
    def named(self) -> list[str]:
        """The columns that it names."""
        return [c for c in (*(w.column for w in self.where), self.sort, *self.columns) if c]

    def answer(self, rows: Iterable[Row]) -> list[Row]:
        """The rows for which the conditions hold, in order; those without the value come last."""
        kept = [row for row in rows if all(condition.holds(row) for condition in self.where)]
        if self.sort is None:
            return kept[::-1] if self.reverse else kept
        has = [row for row in kept if not _is_missing(row.get(self.sort))]
        has.sort(key=lambda row: _order(row[self.sort or ""]), reverse=self.reverse)
        return has + [row for row in kept if _is_missing(row.get(self.sort))]


def parsed(
    where: Sequence[str], sort: str | None, reverse: bool, columns: str | None, runs: Sequence[Run]
) -> Query:
    """The query that is given on a command line, its columns by their full names.

    Raises:
        QueryError: a column that there is not, or a condition that is none.
    """
    keys = dict.fromkeys(key for run in runs for key in flat(run.config) if key)
    conditions = [_condition(text, [*keys]) for text in where]
    descending = bool(sort) and sort.startswith("-")
    return Query(
        tuple(conditions),
        _column(sort.removeprefix("-"), [*keys], "--sort") if sort is not None else None,
        reverse != descending,
        tuple(_column(name, [*keys], "--columns") for name in (columns or "").split(",") if name),
    )


def _condition(text: str, keys: Sequence[str]) -> Condition:
    found = CONDITION.fullmatch(text)
    if found is None:
        raise QueryError(
            f"--where {text}: a condition is COLUMN=VALUE, with one of {' '.join(OPERATORS)}"
        )
    column, relation, value = found.groups()
    condition = Condition(_column(column, keys, "--where"), relation, value)
    condition.holds({condition.column: 0.0})  # refuses a value that is no number
    return condition


def _column(name: str, keys: Sequence[str], option: str) -> str:
    """A column by its full name."""
    full = {heading(column): column for column in COLUMNS}
    full |= {column: column for column in (*COLUMNS, *keys)} | {c: c for c in COLUMNS}
    if name in full:
        return full[name]
    close = get_close_matches(name, full, n=1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    raise QueryError(
        f"{option}: no column {name}{meant}; there are {', '.join(COLUMNS)}, and keys of the "
        f"configuration such as model.width"
    )


def rows_of(runs: Sequence[Run], titles: Sequence[str], columns: Sequence[str]) -> list[Row]:
    """A row for every member of every run, with the configuration's values of further columns."""
    rows = []
    for run, title in zip(runs, titles, strict=True):
        further = [column for column in columns if column not in COLUMNS]
        values = flat(run.config) if further else {}
        own = {column: values.get(column) for column in further}
        rows += [comparable(run, row) | own | {"run": title} for row in run.rows]
    return rows


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _order(value: Any) -> tuple[int, Any]:
    """A sort key of numbers and, after them, texts."""
    return (0, value) if is_number(value) else (1, shown(value))
