"""Errors of Hydra in one line: what was given, what is allowed, the fix."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable
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

NO_FILE = r"In '.*': Could not load '(.+)/(.+)'"
SEVERAL = r"(?:Ambiguous value for argument|Sweep parameters) '(.+)'"
NO_KEY = r"Could not (?:override|append to config|delete).*?'([^']+)'"
"""Messages of Hydra."""


def one_line(error: Exception, folder: Path, config_name: str, place: Path | None = None) -> str:
    """Tell an error of Hydra in one line, with what is allowed.

    Args:
        error: the error.
        folder: conf/.
        config_name: the configuration in it.
        place: the folder in which Hydra was going to write.
    """
    overrides, message = [a for a in sys.argv[1:] if "=" in a], str(error)
    for group, choice in (o.split("=", 1) for o in overrides):
        one = (folder / group).is_dir() and group not in LISTS
        if one and (choice.startswith("[") or choice == "null"):
            return f"{group}={choice}: one choice is needed; {_choices(group, folder)}"
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        more = LAUNCHERS if group == "hydra/launcher" and "joblib" not in error.options else ""
        return f"{group}={choice}: no such choice; allowed are {_listed(error.options)}{more}"
    if found := re.match(NO_FILE, message):
        return f"{found[1]}={found[2]}: no such choice; {_choices(found[1], folder)}"
    if isinstance(error, OverrideParseException):
        return f"{error.override}: cannot be read: {first_line(error)}"
    if found := re.match(SEVERAL, message):
        key, _, values = found[1].partition("=")
        is_no_list = (folder / key).is_dir() or "(" in values
        a_list = "" if is_no_list else f"; one list is {key}=[{values}]"
        return f"{found[1]}: several values are a sweep: add -m{a_list}"
    if isinstance(error, OSError) and not isinstance(error, HydraException):
        return cannot_write(error, place)
    if found := re.match(NO_KEY, message):
        key = found[1]
        given = next((o for o in overrides if o.lstrip("+~").split("=")[0] == key), key)
        return f"{given}: there is no key {key}; {_keys(key, overrides, folder, config_name)}"
    return first_line(error)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _choices(group: str, folder: Path) -> str:
    return f"allowed are {_listed(path.stem for path in (folder / group).glob('*.yaml'))}"


def _keys(key: str, overrides: list[str], folder: Path, config_name: str) -> str:
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
