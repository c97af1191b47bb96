"""The runs under a folder as they are found, whole, half done or damaged."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pinnspectra.runs.folder import SWEEP
from pinnspectra.runs.messages import cannot_read, printable, say
from pinnspectra.runs.record import Run

log = logging.getLogger(__name__)


class NoRunError(ValueError):
    """There is no run under a folder."""


def runs_under(folder: Path) -> list[Run]:
    """Find the runs under a folder that a user names.

    Raises:
        NoRunError: there is none.
    """
    if not folder.exists():
        raise NoRunError(f"{folder}: there is no such folder")
    if not folder.is_dir():
        raise NoRunError(f"{folder} is a file: name the folder of a run or a sweep")
    runs = find_runs(folder)
    if not runs:
        raise NoRunError(f"{folder}: no run under this folder")
    return runs


def find_runs(folder: Path) -> list[Run]:
    """Find the runs under a folder, in the order of their names: folders that have a .hydra.

    Of the runs of a sweep with the same overrides, as it has them after a change of the
    configuration, the one that was started last. A folder that cannot be read is told.
    """
    walked = os.walk(folder, onerror=lambda error: log.warning("%s", cannot_read(error)))
    paths = sorted((Path(at) for at, inner, _ in walked if ".hydra" in inner), key=_natural)
    names = [str(path.relative_to(folder)) if path != folder else path.name for path in paths]
    runs = [run_at(path, name) for path, name in zip(paths, names, strict=True)]
    last = {}
    for run in sorted(runs, key=lambda run: (run.path / ".hydra").stat().st_mtime):
        of_a_sweep = (run.path.parent / SWEEP).exists()
        last[(run.path.parent, run.overrides) if of_a_sweep else run.path] = run
    kept = {run.path for run in last.values()}
    return [run for run in runs if run.path in kept]


def _natural(path: Path) -> list[Any]:
    """Return a sort key by which width=100 comes after width=20."""
    return [(int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", str(path))]


def run_at(path: Path, name: str = "") -> Run:
    """Return the run in a folder, which a table calls by a name."""
    return Run(path, name or path.name)


def tell_damage(runs: Sequence[Run]) -> bool:
    """Tell what is damaged, a line a file; return whether nothing is."""
    damage = [line for run in runs for line in run.damage]
    for line in damage:
        say(line)
    return not damage


def versions_note(runs: Sequence[Run]) -> str | None:
    """Return a line with the versions that made the runs; None where all were made by the same."""
    every = [run.result.get("versions") for run in runs if "config_hash" in run.result]
    recorded = [versions if isinstance(versions, dict) else {} for versions in every]
    parts = []
    for package in dict.fromkeys(name for versions in recorded for name in versions):
        counts = Counter(str(versions.get(package, "of no record")) for versions in recorded)
        if len(counts) > 1:
            found = [f"{version} ({n} run{'s' * (n > 1)})" for version, n in sorted(counts.items())]
            parts.append(f"{package} {', '.join(found)}")
    if not parts:
        return None
    return printable(f"the runs were made by different versions: {'; '.join(parts)}")
