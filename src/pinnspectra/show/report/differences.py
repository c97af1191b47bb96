"""In what the configurations of runs differ, and what else of them is not the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pinnspectra.runs.folder import FREE, flat

REFERENCE = re.compile(r"\$\{([\w.]+)\}")
"""${key}."""

RATIO = re.compile(r"\$\{ratio:\s*([^,]+?)\s*,\s*([^,]+?)\s*\}")
"""${ratio:a,b} of the configurations."""

TRAINED, SOLVED = "max_steps", "random features"
"""A key that every training run has, and what runs without it are."""

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


@dataclass(frozen=True)
class Differences:
    """Keys that differ; and keys by the kind of runs that alone have them, where there are two."""

    keys: Sequence[Difference]
    of_some: Mapping[str, Sequence[str]]


def settings(config: Mapping[str, Any]) -> dict[str, str]:
    """The values of a configuration as text by dotted key, without what no number depends on.

    A value that refers to another key is that key's: whichever was given, the run is the same.
    """
    given = flat(config)
    resolved = {key: text(_resolved(value, given)) for key, value in given.items()}
    return {key: value for key, value in resolved.items() if key.split(".")[0] not in FREE}


def _resolved(value: Any, given: Mapping[str, Any], depth: int = 4) -> Any:
    """A value, with the keys and ratios that it refers to, as far as they are known."""
    if not isinstance(value, str) or depth == 0:
        return value
    if (found := REFERENCE.fullmatch(value)) and found[1] in given:
        return _resolved(given[found[1]], given, depth - 1)
    if found := RATIO.fullmatch(value):
        parts = [_resolved(part, given, depth - 1) for part in found.groups()]
        with suppress(TypeError, ValueError, ArithmeticError):
            return float(parts[0]) / float(parts[1])
    return value


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


def differences(tables: Mapping[int, Mapping[str, str]]) -> Differences:
    """The keys in which the runs' tables differ, and those that one script alone knows."""
    of_some: dict[str, list[str]] = {}
    kinds = {run: "training" if TRAINED in table else SOLVED for run, table in tables.items()}
    for kind in dict.fromkeys(kinds.values()) if len(set(kinds.values())) > 1 else ():
        own = [table for run, table in tables.items() if kinds[run] == kind]
        others = {key for run, table in tables.items() if kinds[run] != kind for key in table}
        of_some[kind] = [key for key in own[0] if all(key in t for t in own) and key not in others]
    known = {key for keys in of_some.values() for key in keys}
    keys = [found for found in grouped(tables) if found.mixed and found.key not in known]
    return Differences(keys, {kind: keys for kind, keys in of_some.items() if keys})
