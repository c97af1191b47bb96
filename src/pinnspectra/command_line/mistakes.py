"""Errors of Hydra in one line: what was given, what is allowed, the fix."""

from __future__ import annotations

import difflib
import re
import sys
from pathlib import Path

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pinnspectra.runs.messages import cannot_write, first_line

LISTS = ("callbacks", "logger")
"""Groups of which any number may be chosen."""

LAUNCHERS = "; pip install -r requirements-launchers.txt adds joblib and submitit_slurm"


def one_line(error: Exception, folder: Path, config_name: str, place: Path | None = None) -> str:
    """Tell an error of Hydra in one line, with what is allowed.

    Args:
        error: the error.
        folder: conf/.
        config_name: the configuration in it.
        place: the folder in which Hydra was going to write.
    """
    overrides = [argument for argument in sys.argv[1:] if "=" in argument]
    for group, choice in (o.split("=", 1) for o in overrides):
        one = (folder / group).is_dir() and group not in LISTS
        if one and (choice.startswith("[") or choice == "null"):
            return f"{group}={choice}: one choice is needed; {_choices(group, folder)}"
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        allowed = f"allowed are {', '.join(sorted(error.options))}"
        more = group == "hydra/launcher" and "joblib" not in error.options
        return f"{group}={choice}: no such choice; {allowed}{LAUNCHERS if more else ''}"
    missing = re.match(r"In '.*': Could not load '(.+)/(.+)'", str(error))
    if missing is not None:
        return f"{missing[1]}={missing[2]}: no such choice; {_choices(missing[1], folder)}"
    if isinstance(error, OverrideParseException):
        return f"{error.override}: cannot be read: {first_line(error)}"
    several = re.match(r"(?:Ambiguous value for argument|Sweep parameters) '(.+)'", str(error))
    if several is not None:
        key, _, values = several[1].partition("=")
        no_list = (folder / key).is_dir() or "(" in values
        a_list = "" if no_list else f"; one list is {key}=[{values}]"
        return f"{several[1]}: several values are a sweep: add -m{a_list}"
    if isinstance(error, OSError) and not isinstance(error, HydraException):
        return cannot_write(error, place)
    unknown = re.match(r"Could not (?:override|append to config|delete).*?'([^']+)'", str(error))
    if unknown is None:
        return first_line(error)
    key = unknown[1]
    given = next((o for o in overrides if o.lstrip("+~").split("=")[0] == key), key)
    return f"{given}: there is no key {key}; {_allowed(key, overrides, folder, config_name)}"


def _choices(group: str, folder: Path) -> str:
    names = sorted(path.stem for path in (folder / group).glob("*.yaml"))
    return f"allowed are {', '.join(names)}"


def _allowed(key: str, overrides: list[str], folder: Path, config_name: str) -> str:
    """List the keys beside an unknown one, the nearest first."""
    groups = [o for o in overrides if (folder / o.split("=")[0]).is_dir() and "," not in o]
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(folder), version_base="1.3"):
            config = hydra.compose(config_name, overrides=groups)
    except (HydraException, OmegaConfBaseException):
        return f"--cfg job shows the keys of {config_name}"
    parent, _, name = key.rpartition(".")
    section = OmegaConf.select(config, parent) if parent else config
    if not isinstance(section, DictConfig):
        parent, name, section = "", key, config
    names = [str(n) for n in section if n != "_target_"]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {'.'.join(filter(None, [parent, near[0]]))}? " if near else ""
    where = f"in {parent}" if parent else "at the top"
    return f"{hint}{where} there are: {', '.join(names) or 'no keys'}"
