"""The runs under a folder as they are found, whole, half done or damaged."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from pinnspectra.runs.damage import damage_in
from pinnspectra.runs.folder import SWEEP, read_json
from pinnspectra.runs.messages import cannot_read, printable
from pinnspectra.runs.record import by_member, read_metrics, read_spectra

log = logging.getLogger(__name__)

COLUMNS = (
    "run",
    "pde",
    "method",
    "seed",
    "member",
    "learning_rate",
    "status",
    "step",
    "loss",
    "loss_interior",
    "loss_boundary",
    "loss_interior_ad64",
    "relative_training_error",
    "relative_training_error_ad",
    "relative_l2_error",
    "cutoff",
    "cutoff_below_precision",
    "effective_cutoff",
    "truncated_entropy",
    "truncation_position",
    "steps_per_second",
    "wall_seconds",
    "config_hash",
)
"""Columns of summary.csv."""

CHOICES = ("pde", "method")
"""What is known of a run from how it was started."""

Row = dict[str, Any]
"""Values by column."""


@dataclass(frozen=True)
class Run:
    """One run's folder as found: its result, or what is known of a run without one."""

    path: Path
    name: str
    overrides: tuple[str, ...]
    result: dict[str, Any]

    @property
    def rows(self) -> list[Row]:
        """The run's values by column, a member each; what it does not have is None.

        Of an ensemble, what the result lists of a member; of one member the result's own values.
        """
        listed = self.result.get("members")
        found = [m for m in listed if isinstance(m, dict)] if isinstance(listed, list) else []
        every = [{**self.result, **member} for member in found or [{"member": 0}]]
        return [{"run": self.name} | {c: row.get(c) for c in COLUMNS[1:]} for row in every]

    @cached_property
    def config(self) -> dict[str, Any]:
        """The composed configuration, interpolations unresolved; {} where there is none."""
        config = _written_by_hydra(self.path / ".hydra" / "config.yaml")
        plain = OmegaConf.to_container(config, resolve=False) if config is not None else {}
        return {str(key): value for key, value in plain.items()} if isinstance(plain, dict) else {}

    @cached_property
    def damage(self) -> tuple[str, ...]:
        """The files of the folder that cannot be read, a line each: which, why, what mends it."""
        return damage_in(self.path)

    @property
    def finished(self) -> bool:
        """Whether all members came to their last step."""
        return all(row["status"] == "finished" for row in self.rows)


def find_runs(folder: Path) -> list[Run]:
    """The runs under a folder, by name: every folder that says how it was started.

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
    """Sort key by which width=100 comes after width=20."""
    return [(int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", str(path))]


def run_at(path: Path, name: str) -> Run:
    """The run in a folder, which a table calls by a name."""
    overrides = _written_by_hydra(path / ".hydra" / "overrides.yaml")
    as_given = isinstance(overrides, ListConfig)  # ${...} in one is text, not to be resolved
    listed = OmegaConf.to_container(overrides, resolve=False) if as_given else []
    return Run(path, name, tuple(map(str, listed or [])), _result(path))


def _written_by_hydra(path: Path) -> Any:
    """One of Hydra's YAML files; None where it is missing or damaged."""
    try:
        return OmegaConf.load(path)
    except (OSError, ValueError, YAMLError, RecursionError, OmegaConfBaseException):
        return None


def _result(path: Path) -> dict[str, Any]:
    """result.json; where it is missing or damaged, the choices and the members' last rows.

    With the reason of a run that failed or was refused.
    """
    found = read_json(path / "result.json")
    if found:
        return found
    failure = read_json(path / "error.json")
    hydra = _written_by_hydra(path / ".hydra" / "hydra.yaml") or OmegaConf.create()
    choices = {key: OmegaConf.select(hydra, f"hydra.runtime.choices.{key}") for key in CHOICES}
    status = failure.get("status", "unfinished")
    reason = {"error": failure.get("error")} if failure else {}
    return {**choices, **reason, "status": status, "members": _last_rows(path)}


def _last_rows(path: Path) -> list[dict[str, Any]]:
    """The last step of every member at which a loss is logged, and that loss."""
    spectra = read_spectra(path / "spectra.npz")  # of all members, also one that has no row
    steps, loss = logged(path, spectra["eigenvalues"].shape[1] if spectra else None)
    last = [np.flatnonzero(np.isfinite(values))[-1:] for values in loss.T]
    return [
        {
            "member": member,
            "step": int(steps[k[0]]) if k.size else None,
            "loss": float(loss[k[0], member]) if k.size else None,
        }
        for member, k in enumerate(last)
    ]


def logged(path: Path, size: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Gradient steps, (K,), and losses, (K, S), of metrics.csv; K = 0 where there is none."""
    metrics = by_member(read_metrics(path / "metrics.csv"), size)
    if not metrics.keys() >= {"step", "loss"}:
        return np.empty(0), np.empty((0, size or 1))
    return metrics["step"], metrics["loss"]


def versions_note(runs: Sequence[Run]) -> str | None:
    """One line where runs with a result were made by different versions: which, and how many runs.

    None where all are of the same.
    """
    found = [run.result.get("versions") for run in runs if "config_hash" in run.result]
    recorded = [versions if isinstance(versions, dict) else {} for versions in found]
    parts = []
    for package in dict.fromkeys(name for versions in recorded for name in versions):
        counts = Counter(str(versions.get(package, "of no record")) for versions in recorded)
        if len(counts) > 1:
            said = [f"{version} ({n} run{'s' * (n > 1)})" for version, n in sorted(counts.items())]
            parts.append(f"{package} {', '.join(said)}")
    if not parts:
        return None
    return printable(f"the runs were made by different versions: {'; '.join(parts)}")
