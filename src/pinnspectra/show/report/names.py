"""What the page calls runs: shortly, also where they are of several sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from os.path import relpath
from pathlib import Path

from pinnspectra.runs.folder import SWEEP
from pinnspectra.runs.record import Run
from pinnspectra.show.tables.overview import titles
from pinnspectra.show.tables.text import shortened

LONGEST = 48
"""Characters of the name of a folder."""


def names_of(folder: Path, runs: Sequence[Run]) -> tuple[list[str], list[str]]:
    """Return the names of the runs under a folder, and the sweeps that are numbered in them.

    In one sweep the overrides that set a run apart; of several sweeps with the number of its sweep.
    A run of no sweep is called by its folder.
    """
    parents = dict.fromkeys(run.path.parent for run in runs)
    sweeps = [parent for parent in parents if (parent / SWEEP).exists()]
    if len(parents) == len(sweeps) == 1:
        return titles(runs), []
    found = {run.path: shortened(run.path.name, LONGEST) for run in runs}
    for number, sweep in enumerate(sweeps, 1):
        own = [run for run in runs if run.path.parent == sweep]
        named = zip(own, titles(own), strict=True)
        found |= {run.path: f"{number} · {title}" for run, title in named}
    return [found[run.path] for run in runs], [relpath(sweep, folder) for sweep in sweeps]
