"""The commands that repeat runs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import yaml

from pinnspectra.runs.folder import SWEEP
from pinnspectra.runs.record import Run

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where it is there, which is ten times as fast."""


def command(run: Run) -> str:
    """Return the command of one run; "" where its folder does not say of which script it is."""
    script, _, given = _described(run.path / ".hydra" / "hydra.yaml")
    own = [o for o in given if not o.startswith("hydra.sweep.")]
    return shlex.join(["python", f"{script}.py", *run.overrides, *own]) if script else ""


def sweep_commands(folder: Path, runs: Sequence[Run]) -> dict[str, str]:
    """Return the commands of the sweeps that the runs are of, by the sweep's folder."""
    found = {}
    for sweep in dict.fromkeys(run.path.parent for run in runs):
        script, task, given = _described(sweep / SWEEP)
        if script and task and sweep.is_relative_to(folder):
            line = shlex.join(["python", f"{script}.py", "-m", *task, *given])
            found[str(sweep.relative_to(folder))] = line
    return found


def _described(path: Path) -> tuple[str, list[str], list[str]]:
    """Return what Hydra has written of a job: the script, and the overrides of task and of Hydra.

    Empty where it is not there.
    """
    try:
        hydra = yaml.load(path.read_text(), LOADER)["hydra"]
        script, overrides = str(hydra["job"]["name"]), hydra.get("overrides", {})
        task, given = ([*map(str, overrides.get(key, ()))] for key in ("task", "hydra"))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError):
        return "", [], []
    return script, task, [o for o in given if not o.startswith("hydra.mode=")]
