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
    """A text as one component of a path, with nothing that a path gives meaning to.

    At most 89 ASCII characters; texts that differ have names that differ, by a hash where the text
    is not its own name.
    """
    safe = _safe(text)
    if safe == text:
        return safe
    return f"{safe}_{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:HASH_DIGITS]}"


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9=,.+-]+", "_", text)[:LONGEST].strip("._") or "_"


def _hash(root: DictConfig) -> str:
    """The first digits of the hash of a configuration with Hydra's own section."""
    kept = {key: root._get_node(key) for key in root if key != "hydra" and key not in FREE_SECTIONS}
    own = OmegaConf.create(kept)
    own._set_parent(None)
    return config_hash(plain(own))[:HASH_DIGITS]


def _named(given: Sequence[str], *left_out: str) -> list[str]:
    """The overrides of a command, but for those that no number depends on and the left out."""
    keys = {o: re.split(r"[=@]", o.lstrip("+~"))[0] for o in given}
    free = (o for o, key in keys.items() if key.split(".")[0] in FREE_SECTIONS or key in left_out)
    return sorted(keys.keys() - set(free))


def _run_name(*, _root_: DictConfig) -> str:
    """A run's folder: PDE_METHOD, the other overrides, and the hash of the configuration."""
    choices = _root_.hydra.runtime.choices
    others = _named(_root_.hydra.overrides.task, "pde", "method")
    name = [choices.pde, choices.method, *others]
    return f"{_safe('_'.join(name))}_{_hash(_root_)}"


def _job_name(given: Sequence[str], *, _root_: DictConfig) -> str:
    """A sweep job's folder: the overrides that are its own, and the hash of its configuration."""
    parsed = OverridesParser.create().parse_overrides(list(given))
    shared = [o.get_key_element() for o in parsed if not o.is_sweep_override()]
    own = _named(_root_.hydra.overrides.task, *(key.lstrip("+~") for key in shared))
    return f"{_safe(','.join(own) or 'defaults')}_{_hash(_root_)}"


def _sweep_name(given: Sequence[str]) -> str:
    """A sweep's folder: what was given on the command line."""
    return folder_name(",".join(_named(given)) or "defaults")


def _ratio(numerator: Any, denominator: Any) -> float:
    """numerator / denominator for the configs; NaN where the schema will refuse the operands."""
    try:
        return numerator / denominator
    except (TypeError, ArithmeticError):
        return float("nan")


OmegaConf.register_new_resolver("ratio", _ratio, replace=True)
OmegaConf.register_new_resolver("run_name", _run_name, replace=True)
OmegaConf.register_new_resolver("job_name", _job_name, replace=True)
OmegaConf.register_new_resolver("sweep_name", _sweep_name, replace=True)
# what a sweep was given, also in its jobs, whose overrides are others: Hydra hands on its cache
OmegaConf.register_new_resolver("given", list, replace=True, use_cache=True)
