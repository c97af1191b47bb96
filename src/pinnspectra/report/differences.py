"""In what the configurations of runs differ, and what else of them is not the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pinnspectra.found_runs import flat
from pinnspectra.run_folder import FREE

MISSING = "—"
"""What a run has at a key that it does not have."""


@dataclass(frozen=True)
class Difference:
    """A key that has several values, and each value with the indices of the runs that have it."""

    key: str
    values: Mapping[str, Sequence[int]]

    @property
    def mixed(self) -> bool:
        """Whether there is more than one value."""
        return len(self.values) > 1

    def said(self, value: str) -> str:
        """A value, without the module of a class where that is clear."""
        ends = {text.rpartition(".")[2] for text in self.values}
        is_class = self.key.endswith("_target_") and len(ends) == len(self.values)
        return value.rpartition(".")[2] if is_class else value

    def of(self, run: int) -> str:
        """The value of a run."""
        return next((value for value, runs in self.values.items() if run in runs), MISSING)


def settings(config: Mapping[str, Any]) -> dict[str, str]:
    """The values of a configuration as text by dotted key, without what no number depends on."""
    return {
        key: text(value) for key, value in flat(config).items() if key.split(".")[0] not in FREE
    }


def text(value: Any) -> str:
    """A value as one reads it in a configuration."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def grouped(tables: Mapping[int, Mapping[str, str]]) -> list[Difference]:
    """Every key of the runs' tables, in their order, with its values."""
    keys = dict.fromkeys(key for table in tables.values() for key in table)
    found = []
    for key in keys:
        values: dict[str, list[int]] = {}
        for run, table in tables.items():
            values.setdefault(table.get(key, MISSING), []).append(run)
        found.append(Difference(key, values))
    return found


def differences(tables: Mapping[int, Mapping[str, str]]) -> list[Difference]:
    """The keys in which the runs' tables differ."""
    return [found for found in grouped(tables) if found.mixed]
