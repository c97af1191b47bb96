"""The folder of a run as the run writes it: each file whole, result.json last."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import math
import os
import platform
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pinnspectra.runs.files import read
from pinnspectra.runs.machine import machine

log = logging.getLogger(__name__)

PACKAGES = ("pinnspectra", "torch", "pytorch-lightning", "hydra-core", "numpy")
"""Packages whose versions a result records."""

RUN_FILES = ("metrics.csv", "spectra.npz", "spectrum.npz", "solution.npz", "theorem1.json")
"""Files beside result.json that a run leaves."""

SWEEP = "multirun.yaml"
"""Hydra's file by which a sweep's folder is known."""

PARTIAL = ".partial"
"""The end of the name of a file that is being written."""

FREE_SECTIONS = ("logger", "checkpoint", "retry")
"""Sections of a configuration that no number depends on."""


def config_hash(config: Mapping[str, Any]) -> str:
    """Return a hash of the settings that decide a run's numbers: all but FREE_SECTIONS."""
    kept = {key: value for key, value in config.items() if key not in FREE_SECTIONS}
    text = json.dumps(_whole_numbers(kept), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def flat(config: Any, prefix: str = "") -> dict[str, Any]:
    """Return the values of a configuration by dotted key; lists are values."""
    if not isinstance(config, Mapping):
        return {prefix: config}
    parts = [flat(v, f"{prefix}.{k}" if prefix else str(k)) for k, v in config.items()]
    return {key: value for part in parts for key, value in part.items()}


def _whole_numbers(value: Any) -> Any:
    """Return a configuration in which 1.0 is 1: whichever was given, the run is the same."""
    if isinstance(value, dict):
        return {key: _whole_numbers(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_whole_numbers(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@contextmanager
def written_whole(path: Path) -> Any:
    """Write a file so that it is either whole or not there: temporary file, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(PARTIAL, f".{path.name}.", path.parent)
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
        _sync(path.parent)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and not error.filename:
            error.filename = str(path)
        raise


def _sync(folder: Path) -> None:
    """Flush a rename in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _json_value(value: Any) -> Any:
    """Return a value that JSON can hold: null for numbers that are not finite."""
    if isinstance(value, dict):
        return {key: _json_value(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _not_finite(values: Mapping[str, Any]) -> list[str]:
    """Return the names of numbers that are not finite, each once, also those of members."""
    members: list[Mapping[str, Any]] = values.get("members", [])
    found = [
        name
        for one in (values, *members)
        for name, value in one.items()
        if isinstance(value, float) and not math.isfinite(value)
    ]
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class RunFolder:
    """A run's folder as the run writes it, with the names that its result carries.

    description: the texts that say how it was started, by the names of their files.
    """

    path: Path
    pde: str
    method: str
    config_hash: str
    description: Mapping[str, str] = field(default_factory=dict)

    @property
    def result(self) -> dict[str, Any] | None:
        """What result.json holds, if it is there, whole and of this configuration."""
        return self._of_this_run("result.json")

    @property
    def failure(self) -> dict[str, Any] | None:
        """What error.json holds: `status`, failed or refused, and the `error` in one line."""
        return self._of_this_run("error.json")

    def _of_this_run(self, name: str) -> dict[str, Any] | None:
        found = read(self.path, name).value
        return found if found and found.get("config_hash") == self.config_hash else None

    @property
    def has_lost_files(self) -> bool:
        """Whether what a run writes beside its result is gone; its last checkpoint has it."""
        return not any((self.path / name).exists() for name in ("metrics.csv", "spectrum.npz"))

    def describe(self) -> None:
        """Write the files that say how the run was started."""
        for name, text in self.description.items():
            with self._written(name) as file:
                file.write(text.encode())

    def begin(self, resumed: bool = False) -> None:
        """Remove what an earlier attempt left, unless it is resumed; write how the run started."""
        for folder in ("", ".hydra", "checkpoints"):
            for path in (self.path / folder).glob(f".*{PARTIAL}"):
                path.unlink()
        self.describe()
        stale = ["result.json", "error.json", *([] if resumed else RUN_FILES)]
        for path in [self.path / name for name in stale]:
            path.unlink(missing_ok=True)
        if not resumed:
            for path in (self.path / "checkpoints").glob("step=*.ckpt"):
                path.unlink()

    @contextmanager
    def _written(self, name: str) -> Any:
        """Write a file whole, but not into a folder that somebody removed meanwhile.

        Raises:
            OSError: it was removed, or cannot be written.
        """
        if not self.path.is_dir():
            raise FileNotFoundError(errno.ENOENT, "the folder is gone", str(self.path))
        with written_whole(self.path / name) as file:
            yield file

    def write_arrays(self, name: str, **arrays: Any) -> None:
        """Write arrays to NAME, a .npz file, whole."""
        with self._written(name) as file:
            np.savez(file, **arrays)

    def write_json(self, name: str, value: Any) -> None:
        """Write lists, dictionaries and numbers to NAME, whole; what is not finite becomes null."""
        with self._written(name) as file:
            file.write(json.dumps(_json_value(value), indent=2, allow_nan=False).encode() + b"\n")

    def write_result(self, **values: Any) -> None:
        """Write result.json, the last file of a run: its presence means the run is whole.

        Numbers that are not finite are null in it; a warning names them.
        """
        versions = {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}}
        result = {
            "pde": self.pde,
            "method": self.method,
            **values,
            "config_hash": self.config_hash,
            "versions": versions,
            "machine": machine(),
        }
        lost = _not_finite(values)
        if lost:
            log.warning("not finite, so null in result.json: %s", ", ".join(lost))
        self.write_json("result.json", result)

    def write_failure(self, status: str, error: str) -> None:
        """Write error.json: why there is no result."""
        values = {"status": status, "error": error, "config_hash": self.config_hash}
        self.write_json("error.json", values)
