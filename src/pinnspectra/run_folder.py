"""The folder of one run: what is written to it and how it is read back."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import math
import os
import platform
import tempfile
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

PACKAGES = ("pinnspectra", "torch", "pytorch-lightning", "hydra-core", "numpy")
"""Packages whose versions a result records."""


def config_hash(config: Mapping[str, Any]) -> str:
    """A hash of the settings that decide a run's numbers: of all but the loggers."""
    kept = {key: value for key, value in config.items() if key != "logger"}
    text = json.dumps(kept, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def written_whole(path: Path) -> Any:
    """Write a file so that it is either whole or not there: temporary file, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _json_value(value: Any) -> Any:
    """A number as JSON can hold it: what is not finite becomes null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@dataclass(frozen=True)
class RunFolder:
    """A run's folder, with the names that its result carries."""

    path: Path
    pde: str
    method: str
    config_hash: str

    def clear(self) -> None:
        """Set aside, as NAME.old, what an earlier run in this folder left: it is not ours."""
        for name in ("result.json", "metrics.csv", "spectra.npz", "spectrum.npz"):
            if (self.path / name).exists():
                os.replace(self.path / name, self.path / f"{name}.old")

    def write_arrays(self, name: str, **arrays: Any) -> None:
        """Write arrays to NAME, a .npz file, whole."""
        with written_whole(self.path / name) as file:
            np.savez(file, **arrays)

    def write_result(self, **values: Any) -> None:
        """Write result.json, the last file of a run: its presence means the run is whole."""
        versions = {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}}
        result = {
            "pde": self.pde,
            "method": self.method,
            **{key: _json_value(value) for key, value in values.items()},
            "config_hash": self.config_hash,
            "versions": versions,
        }
        with written_whole(self.path / "result.json") as file:
            file.write(json.dumps(result, indent=2, allow_nan=False).encode() + b"\n")

    def draw(self, name: str, make: Callable[[], Figure]) -> None:
        """Draw figures/NAME.png; where that fails the run goes on, for its numbers are safe."""
        from pinnspectra.figures import save

        path = self.path / "figures" / f"{name}.png"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save(make(), path)
        except Exception as error:
            log.error("figures/%s.png could not be drawn: %s", name, error)
            log.debug("", exc_info=True)


def read_metrics(path: Path) -> dict[str, np.ndarray]:
    """The columns of a metrics.csv, (rows,) each; {} where there is none or it is damaged.

    NaN where a row has no value, as the last row of a run that was killed while it wrote.
    """
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            rows, names = list(reader), reader.fieldnames or ()
    except (OSError, ValueError, csv.Error):
        return {}
    return {name: np.array([_number(row[name]) for row in rows]) for name in names}


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .npz file; {} where there is none or it is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, BadZipFile):
        return {}
