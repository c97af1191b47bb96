"""Names of folders, made of what decides a run's numbers; resolvers of the configurations.

The same command has the same folder, and so finds there what is done already.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from pinnspectra.command_line.configuration import plain
from pinnspectra.runs.folder import FREE_SECTIONS, config_hash

LONGEST = 80
"""Characters of a name before its hash."""

HASH_DIGITS = 8


def folder_name(text: str) -> str:
    """Return a text as one component of a path, with nothing that a path gives meaning to.

    At most 89 ASCII characters; texts that differ have names that differ, by a hash where the text
    is not its own name.
    """
    safe = _safe(text)
    if safe == text:
        return safe
    return f"{safe}_{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:HASH_DIGITS]}"


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9=,.+-]+", "_", text)[:LONGEST].strip("._") or "_"


def _with_hash(name: str, root: DictConfig) -> str:
    """Append the hash of a configuration, which has Hydra's own section too, to a name."""
    kept = {key: root._get_node(key) for key in root if key != "hydra" and key not in FREE_SECTIONS}
    own = OmegaConf.create(kept)
    own._set_parent(None)
    return f"{_safe(name)}_{config_hash(plain(own))[:HASH_DIGITS]}"


def _deciding(given: Sequence[str], *left_out: str) -> list[str]:
    """Return the overrides of a command on which numbers depend, but for keys that are left out."""
    keys = {o: re.split(r"[=@]", o.lstrip("+~"))[0] for o in given}
    return sorted(
        o
        for o, key in keys.items()
        if key.split(".")[0] not in FREE_SECTIONS and key not in left_out
    )


def _run_name(*, _root_: DictConfig) -> str:
    """Name a run's folder: PDE_METHOD, the other overrides, and the hash of the configuration."""
    choices = _root_.hydra.runtime.choices
    others = _deciding(_root_.hydra.overrides.task, "pde", "method")
    return _with_hash("_".join([choices.pde, choices.method, *others]), _root_)


def _job_name(given: Sequence[str], *, _root_: DictConfig) -> str:
    """Name a sweep job's folder: the overrides that it alone has, and the hash."""
    parsed = OverridesParser.create().parse_overrides(list(given))
    shared = [o.get_key_element() for o in parsed if not o.is_sweep_override()]
    own = _deciding(_root_.hydra.overrides.task, *(key.lstrip("+~") for key in shared))
    return _with_hash(",".join(own) or "defaults", _root_)


def _sweep_name(given: Sequence[str]) -> str:
    """Name a sweep's folder: the overrides of the command line."""
    return folder_name(",".join(_deciding(given)) or "defaults")


def _ratio(numerator: Any, denominator: Any) -> float:
    """Divide; NaN where the schema will refuse the operands."""
    try:
        return numerator / denominator
    except (TypeError, ArithmeticError):
        return float("nan")


for name, resolver in {
    "ratio": _ratio,
    "run_name": _run_name,
    "job_name": _job_name,
    "sweep_name": _sweep_name,
}.items():
    OmegaConf.register_new_resolver(name, resolver, replace=True)
# the overrides of a sweep, also in its jobs, whose own are others: Hydra hands on its cache
OmegaConf.register_new_resolver("given", list, replace=True, use_cache=True)
