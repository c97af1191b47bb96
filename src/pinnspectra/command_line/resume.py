"""resume=DIR: the command that DIR was started with, in DIR."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from pinnspectra.runs.folder import FREE_SECTIONS, SWEEP
from pinnspectra.runs.messages import SettingsError

KEY = "resume="


def with_resumed(arguments: Sequence[str], job_name: str) -> list[str]:
    """The arguments of a script, with those of the run or sweep that resume=DIR names.

    Beside it only what no number depends on may be given, how the jobs of a sweep are started, and
    --config-dir=DIR, which Hydra does not record.

    Raises:
        SettingsError: DIR is no run or sweep of this script, or more is given.
    """
    named = [a.removeprefix(KEY) for a in arguments if a.startswith(KEY)]
    if not named:
        return list(arguments)
    flags = [a for a in arguments if a.startswith("--config-dir=")]
    others = [a for a in arguments if not a.startswith((KEY, "--config-dir="))]
    free = [
        a
        for a in others
        if a.lstrip("+~").split("=")[0].split(".")[0] in FREE_SECTIONS or _starts(a)
    ]
    if len(named) > 1 or len(others) > len(free):
        more = next((a for a in others if a not in free), f"{KEY}{named[-1]}")
        raise SettingsError(
            f"{KEY}{named[0]} with {more}: a run is resumed with its own settings; beside it may "
            f"stand {', '.join(FREE_SECTIONS)} and hydra/launcher"
        )
    command = [*flags, *_command(Path(named[0]), job_name)]
    if any(map(_starts, free)):
        command = [o for o in command if not _starts(o)]
    return [*command, *free]


def _starts(override: str) -> bool:
    """Whether an override says how the jobs of a sweep are started."""
    return override.lstrip("+~").startswith(("hydra/launcher=", "hydra.launcher."))


def _command(folder: Path, job_name: str) -> list[str]:
    """The overrides of a run's or sweep's command, and the folder."""
    sweep, single = folder / SWEEP, folder / ".hydra" / "hydra.yaml"
    found = _hydra(sweep if sweep.exists() else single)
    if found is None:
        raise SettingsError(f"{KEY}{folder}: there is neither a run nor a sweep in this folder")
    if found["job"] != job_name:
        raise SettingsError(f"{KEY}{folder}: it is of {found['job']}, not of {job_name}")
    quoted = str(folder.absolute()).replace("\\", "\\\\").replace("'", r"\'")
    if sweep.exists():
        kept = [o for o in found["hydra"] if not o.startswith("hydra.sweep.dir=")]
        return [*found["task"], *kept, "hydra.mode=MULTIRUN", f"hydra.sweep.dir='{quoted}'"]
    return [*found["task"], "hydra.mode=RUN", f"hydra.run.dir='{quoted}'"]


def _hydra(path: Path) -> dict[str, Any] | None:
    """The job's name and overrides that one of Hydra's files records; None where it does not."""
    try:
        hydra: Any = OmegaConf.load(path).hydra  # pyright: ignore
        task, own = (list(map(str, hydra.overrides[kind])) for kind in ("task", "hydra"))
        return {"job": hydra.job.name, "task": task, "hydra": own}
    except (OSError, ValueError, YAMLError, AttributeError, TypeError, OmegaConfBaseException):
        return None
