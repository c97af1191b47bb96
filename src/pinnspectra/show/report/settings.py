"""In what the configurations of runs differ, and what else of them is not the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pinnspectra.runs.folder import FREE_SECTIONS, flat

REFERENCE = re.compile(r"\$\{([\w.]+)\}")
"""${key}."""

RATIO = re.compile(r"\$\{ratio:\s*([^,]+?)\s*,\s*([^,]+?)\s*\}")
"""${ratio:a,b} of the configurations."""


@dataclass(frozen=True)
class Difference:
    """A key, and the indices of the runs that have each of its values."""

    key: str
    runs: Mapping[str, Sequence[int]]

    @property
    def mixed(self) -> bool:
        """Whether there is more than one value."""
        return len(self.runs) > 1

    def shown(self, value: str) -> str:
        """Return a value, without the module of a class where that is clear."""
        ends = {text.rpartition(".")[2] for text in self.runs}
        is_class = self.key.endswith("_target_") and len(ends) == len(self.runs)
        return value.rpartition(".")[2] if is_class else value


def settings(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of a configuration that numbers depend on, as text by dotted key.

    A value that refers to another key is that key's: whichever was given, the run is the same.
    """
    given = flat(config)
    resolved = {key: _text(_resolved(value, given)) for key, value in given.items()}
    return {key: value for key, value in resolved.items() if key.split(".")[0] not in FREE_SECTIONS}


def _resolved(value: Any, given: Mapping[str, Any], depth: int = 4) -> Any:
    """Return a value, with the keys and ratios that it refers to, as far as they are known."""
    if not isinstance(value, str) or depth == 0:
        return value
    if (found := REFERENCE.fullmatch(value)) and found[1] in given:
        return _resolved(given[found[1]], given, depth - 1)
    if found := RATIO.fullmatch(value):
        parts = [_resolved(part, given, depth - 1) for part in found.groups()]
        with suppress(TypeError, ValueError, ArithmeticError):
            return float(parts[0]) / float(parts[1])
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def grouped(tables: Mapping[int, Mapping[str, str]]) -> list[Difference]:
    """Return every key of the runs' tables, in their order, with its values."""
    found: dict[str, dict[str, list[int]]] = {}
    for run, table in tables.items():
        for key, value in table.items():
            found.setdefault(key, {}).setdefault(value, []).append(run)
    return [Difference(key, runs) for key, runs in found.items()]


def differences(tables: Mapping[int, Mapping[str, str]]) -> tuple[list[Difference], list[str]]:
    """Return the keys of all runs in which they differ, and those that some runs alone have."""
    every = grouped(tables)
    shared = {one.key for one in every if sum(map(len, one.runs.values())) == len(tables)}
    differing = [one for one in every if one.key in shared and one.mixed]
    return differing, [one.key for one in every if one.key not in shared]
