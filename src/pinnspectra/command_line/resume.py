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
    """Return the arguments of a script, with those of the run or sweep that resume=DIR names.

    Beside it may stand keys of FREE_SECTIONS, the launcher of a sweep, and --config-dir=DIR, which
    Hydra does not record.

    Raises:
        SettingsError: DIR is no run or sweep of this script, or more is given.
    """
    named = [a for a in arguments if a.startswith(KEY)]
    if not named:
        return list(arguments)
    flags = [a for a in arguments if a.startswith("--config-dir=")]
    beside = [a for a in arguments if a not in (named[0], *flags)]
    refused = [
        a for a in beside if _key(a).split(".")[0] not in FREE_SECTIONS and not _is_launcher(a)
    ]
    if refused:
        raise SettingsError(
            f"{named[0]} with {refused[0]}: a run is resumed with its own settings; beside it may "
            f"stand {', '.join(FREE_SECTIONS)} and hydra/launcher"
        )
    command = _command(Path(named[0].removeprefix(KEY)), job_name)
    if any(map(_is_launcher, beside)):
        command = [a for a in command if not _is_launcher(a)]
    return [*flags, *command, *beside]


def _key(override: str) -> str:
    return override.lstrip("+~").split("=")[0]


def _is_launcher(override: str) -> bool:
    return _key(override) == "hydra/launcher" or _key(override).startswith("hydra.launcher.")


def _command(folder: Path, job_name: str) -> list[str]:
    """Return the overrides of a run's or sweep's command, and its folder."""
    sweep, single = folder / SWEEP, folder / ".hydra" / "hydra.yaml"
    try:
        hydra: Any = OmegaConf.load(sweep if sweep.exists() else single).hydra  # pyright: ignore
        name, task = hydra.job.name, list(map(str, hydra.overrides.task))
        own = [a for a in map(str, hydra.overrides.hydra) if _key(a) != "hydra.sweep.dir"]
    except (OSError, ValueError, YAMLError, AttributeError, TypeError, OmegaConfBaseException):
        raise SettingsError(
            f"{KEY}{folder}: there is neither a run nor a sweep in this folder"
        ) from None
    if name != job_name:
        raise SettingsError(f"{KEY}{folder}: it is of {name}, not of {job_name}")
    quoted = str(folder.absolute()).replace("\\", "\\\\").replace("'", r"\'")
    if sweep.exists():
        return [*task, *own, "hydra.mode=MULTIRUN", f"hydra.sweep.dir='{quoted}'"]
    return [*task, "hydra.mode=RUN", f"hydra.run.dir='{quoted}'"]
