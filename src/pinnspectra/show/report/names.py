"""What a report calls runs: shortly, also where they are of several sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pinnspectra.runs.folder import SWEEP
from pinnspectra.runs.found import Run
from pinnspectra.show.tables.overview import titles
from pinnspectra.show.tables.text import shortened

LONGEST = 48
"""Characters of the name of a folder."""


@dataclass(frozen=True)
class Names:
    """The runs' names, and the folders of the sweeps that are numbered in them, if several are."""

    runs: Sequence[str]
    sweeps: Sequence[str]


def names(folder: Path, runs: Sequence[Run]) -> Names:
    """The names of the runs under a folder.

    In one sweep the overrides that set a run apart; of several sweeps with the number of its sweep.
    A run of no sweep is called by its folder.
    """
    groups: dict[Path, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.path.parent, []).append(run)
    sweeps = [parent for parent in groups if (parent / SWEEP).exists()]
    if len(groups) == len(sweeps) == 1:
        return Names(titles(runs), [])
    found = {}
    for parent, its in groups.items():
        if parent in sweeps:
            number = sweeps.index(parent) + 1
            own = zip(its, titles(its), strict=True)
            found |= {run.path: f"{number} · {title}" for run, title in own}
        else:
            found |= {run.path: shortened(run.path.name, LONGEST) for run in its}
    return Names([found[run.path] for run in runs], [_below(folder, parent) for parent in sweeps])


def _below(folder: Path, path: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name
