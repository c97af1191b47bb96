"""The commands that repeat runs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pinnspectra.runs.folder import SWEEP
from pinnspectra.runs.found import Run

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where it is there, which is ten times as fast."""


def command(run: Run) -> str:
    """The command of one run; "" where its folder does not say of which script it is."""
    described = _read(run.path / ".hydra" / "hydra.yaml")
    script = _at(described, "hydra", "job", "name")
    own = [o for o in _of_hydra(described) if not o.startswith("hydra.sweep.")]
    return _joined(script, [*run.overrides, *own]) if isinstance(script, str) else ""


def sweep_commands(folder: Path, runs: Sequence[Run]) -> dict[str, str]:
    """The commands of the sweeps that the runs are of, by the sweep's folder."""
    found = {}
    parents = dict.fromkeys(run.path.parent for run in runs)
    for parent in (p for p in parents if p.is_relative_to(folder)):
        described = _read(parent / SWEEP) if (parent / SWEEP).exists() else {}
        script, task = (
            _at(described, "hydra", "job", "name"),
            _at(described, "hydra", "overrides", "task"),
        )
        if isinstance(script, str) and isinstance(task, list):
            found[str(parent.relative_to(folder))] = _joined(
                script, ["-m", *map(str, task), *_of_hydra(described)]
            )
    return found


def _of_hydra(described: Any) -> list[str]:
    """What was given of Hydra's own keys, such as another folder."""
    given = _at(described, "hydra", "overrides", "hydra")
    listed = map(str, given) if isinstance(given, list) else ()
    return [o for o in listed if not o.startswith("hydra.mode=")]


def _joined(script: str, arguments: Sequence[str]) -> str:
    return shlex.join(["python", f"{script}.py", *arguments])


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(), LOADER)
    except (OSError, ValueError, yaml.YAMLError):
        return None


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
