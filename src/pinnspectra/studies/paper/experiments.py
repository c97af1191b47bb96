"""The experiments behind the figures: run by the scripts, once; what is finished is kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pinnspectra.command_line import composed
from pinnspectra.runs import signals as interruption
from pinnspectra.runs.folder import read_json, written_whole
from pinnspectra.runs.found import Run, find_runs
from pinnspectra.runs.messages import SettingsError
from pinnspectra.runs.record import read_arrays, read_metrics, read_spectra

CHECKOUT = Path(__file__).parents[4]
"""Where the scripts and conf/ are."""

AT_ONCE = 2
"""Experiments that run at the same time, one thread each."""

MARKER = "done.json"
"""The file that says of which settings an experiment's folder is; at the end also its runs."""

POLL_SECONDS = 0.1


class ExperimentError(RuntimeError):
    """An experiment left no whole result."""


@dataclass(frozen=True)
class Experiment:
    """A multirun of conf/experiment/NAME.yaml by train.py or rfm_solve.py."""

    name: str
    script: str

    def hash(self, checkout: Path) -> str:
        """A hash of what decides its numbers: the composed configuration and our version.

        Raises:
            SettingsError: there is no such experiment, or it cannot be composed.
        """
        text = composed(checkout / "conf", self.script.removesuffix(".py"), self.name)
        return hashlib.sha256(f"{version('pinnspectra')}\n{text}".encode()).hexdigest()[:16]


def random_features(name: str) -> Experiment:
    """An experiment of rfm_solve.py."""
    return Experiment(name, "rfm_solve.py")


def training(name: str) -> Experiment:
    """An experiment of train.py."""
    return Experiment(name, "train.py")


def is_done(folder: Path, wanted: str) -> bool:
    """Whether an experiment's folder is whole, still has all its runs, and is of these settings."""
    marker = read_json(folder / MARKER)
    if marker.get("hash") != wanted or "runs" not in marker:
        return False
    return marker["runs"] == sum(map(_is_whole, find_runs(folder)))


def _is_whole(run: Run) -> bool:
    """Whether a run has its result and what figures show of it, and they can be read."""
    trained = read_spectra(run.path / "spectra.npz") and read_metrics(run.path / "metrics.csv")
    measured = read_arrays(run.path / "spectrum.npz") or trained
    return bool(measured) and run.result.get("status") not in (None, "unfinished")


def run_missing(
    experiments: Sequence[Experiment], folder: Path, checkout: Path = CHECKOUT
) -> list[str]:
    """Run those experiments that are not whole under a folder; what went wrong, a line each.

    AT_ONCE of them at a time. One that was interrupted goes on where it was; one that has other
    settings is started afresh. On any exception, as on Ctrl-C, those that run are ended.

    Raises:
        SettingsError: there is no checkout around the package, or an experiment is not to be found.
    """
    missing = [e for e in experiments if not (checkout / e.script).exists()]
    if missing:
        where = checkout / missing[0].script
        raise SettingsError(f"{where}: not found; take a checkout, installed by make install")
    hashes = {e: e.hash(checkout) for e in experiments}
    waiting = [e for e in experiments if not is_done(folder / e.name, hashes[e])]
    running: dict[Experiment, _Started] = {}
    errors = []
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                one = waiting.pop(0)
                running[one] = _start(one, folder / one.name, hashes[one], checkout)
            time.sleep(POLL_SECONDS)
            for experiment in [e for e, s in running.items() if s.process.poll() is not None]:
                started = running.pop(experiment)
                try:
                    _finish(experiment, started, folder / experiment.name, hashes[experiment])
                except ExperimentError as error:
                    errors.append(str(error))
    finally:
        with interruption.waiting():  # a second Ctrl-C leaves none of them behind
            _end([started.process for started in running.values()])
    return errors


@dataclass(frozen=True, eq=False)
class _Started:
    process: subprocess.Popen[bytes]
    at: float


def _start(experiment: Experiment, folder: Path, hash_: str, checkout: Path) -> _Started:
    """Start a multirun, in an empty folder or in its own; what it prints goes to log.txt there."""
    if read_json(folder / MARKER).get("hash") != hash_:
        shutil.rmtree(folder, ignore_errors=True)
    _mark(folder, hash=hash_)
    print(f"{experiment.name}: python {experiment.script} -m experiment={experiment.name}")
    quoted = str(folder.absolute()).replace("'", r"\'")
    command = [
        sys.executable,
        str(checkout / experiment.script),
        "-m",
        f"experiment={experiment.name}",
        f"hydra.sweep.dir='{quoted}'",
        "retry=failed",
    ]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C comes to us, and from us to them
        )
    return _Started(process, time.monotonic())


def _finish(experiment: Experiment, started: _Started, folder: Path, hash_: str) -> None:
    """Mark an experiment as done, if it is: exit code 1 is also that of diverged members.

    Raises:
        ExperimentError: there is a run without a result, or none at all.
    """
    runs = find_runs(folder)
    whole = bool(runs) and all(map(_is_whole, runs))
    if not whole or started.process.returncode not in (0, 1):
        said = _last_error(folder / "log.txt")
        raise ExperimentError(f"{experiment.name} failed{said}; see {folder / 'log.txt'}")
    seconds = time.monotonic() - started.at
    _mark(folder, hash=hash_, runs=len(runs), seconds=round(seconds, 1))
    print(f"{experiment.name}: {len(runs)} runs, {seconds:.0f} s")


def _mark(folder: Path, **marker: Any) -> None:
    with written_whole(folder / MARKER) as file:
        file.write(json.dumps(marker).encode() + b"\n")


def _last_error(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line]
    said = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return f": {said[0]}" if said else ""


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End processes that run, gently first."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
