"""Rows of a table chosen by conditions and put in order: --where method=fd --sort loss."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pinnspectra.runs.folder import flat
from pinnspectra.runs.numbers import is_number
from pinnspectra.runs.quantities import QUANTITIES, shown
from pinnspectra.runs.record import Row, Run

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}

CONDITION = re.compile(r"\s*([^!<>=\s]+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*", re.DOTALL)


class QueryError(ValueError):
    """A column that there is not, or a condition that cannot be."""


@dataclass(frozen=True)
class Condition:
    """A column, an operator and a value that has to be on its right.

    Texts are compared as tables show them, without regard to case: = - holds where there is no
    value. Numbers alone have an order.
    """

    column: str
    relation: str
    value: str

    def holds(self, row: Row) -> bool:
        """Return whether it holds for a row."""
        has, value = row.get(self.column), _number(self.value)
        compare = OPERATORS[self.relation]
        if is_number(has) and value is not None:
            return compare(has, value)
        is_equality = self.relation in ("=", "!=")
        return is_equality and compare(shown(has).casefold(), self.value.casefold())


@dataclass(frozen=True)
class Query:
    """Conditions that all have to hold, the column that orders, and the columns to show.

    Columns are those of summary.csv and dotted keys of the configuration.
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
        """Return the rows for which the conditions hold, in order; those without a value last."""
        kept = [row for row in rows if all(condition.holds(row) for condition in self.where)]
        key = self.sort
        if key is None:
            return kept[::-1] if self.reverse else kept
        has = [row for row in kept if row[key] is not None]
        has.sort(key=lambda row: _order(row[key]), reverse=self.reverse)
        return has + [row for row in kept if row[key] is None]


def parsed(
    where: Sequence[str], sort: str | None, reverse: bool, columns: str | None, runs: Sequence[Run]
) -> Query:
    """Return the query that is given on a command line, its columns by their full names.

    Raises:
        QueryError: a column that there is not, or a condition that is none.
    """
    keys = [*dict.fromkeys(key for run in runs for key in flat(run.config) if key)]
    descending = (sort or "").startswith("-")
    return Query(
        tuple(_condition(text, keys) for text in where),
        _column(sort.removeprefix("-"), keys, "--sort") if sort is not None else None,
        reverse != descending,
        tuple(_column(name, keys, "--columns") for name in (columns or "").split(",") if name),
    )


def _condition(text: str, keys: Sequence[str]) -> Condition:
    found = CONDITION.fullmatch(text)
    if found is None:
        raise QueryError(
            f"--where {text}: a condition is COLUMN=VALUE, with one of {' '.join(OPERATORS)}"
        )
    column, relation, value = found.groups()
    if relation not in ("=", "!=") and _number(value) is None:
        raise QueryError(f"--where {text}: {value or 'nothing'} is no number")
    return Condition(_column(column, keys, "--where"), relation, value)


def _column(name: str, keys: Sequence[str], option: str) -> str:
    """Return the full name of a column, which may be given by its heading."""
    headings = {quantity.heading: key for key, quantity in QUANTITIES.items()}
    full = headings | {column: column for column in (*keys, *QUANTITIES)}
    if name in full:
        return full[name]
    close = get_close_matches(name, full, n=1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    raise QueryError(
        f"{option}: no column {name}{meant}; there are {', '.join(QUANTITIES)}, and keys of the "
        f"configuration such as model.width"
    )


def rows_of(runs: Sequence[Run], titles: Sequence[str], columns: Sequence[str]) -> list[Row]:
    """Return a row for each member of each run, with other columns from its configuration."""
    further = [column for column in columns if column not in QUANTITIES]
    rows = []
    for run, title in zip(runs, titles, strict=True):
        config = flat(run.config) if further else {}
        own = {column: config.get(column) for column in further} | {"run": title}
        rows += [row | own for row in run.meaningful_rows]
    return rows


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _order(value: Any) -> tuple[int, Any]:
    """Return a sort key of numbers and, after them, texts."""
    return (0, value) if is_number(value) else (1, shown(value))
