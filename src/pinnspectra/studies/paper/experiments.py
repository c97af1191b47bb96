"""The experiments behind the figures: multiruns of the scripts, of which finished ones are kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pinnspectra.command_line import composed
from pinnspectra.runs.files import read_json
from pinnspectra.runs.folder import written_whole
from pinnspectra.runs.found import find_runs
from pinnspectra.runs.messages import SettingsError
from pinnspectra.runs.record import Run
from pinnspectra.runs.signals import waiting

RFM, TRAIN = "rfm_solve.py", "train.py"
"""The scripts."""

CHECKOUT = Path(__file__).parents[4]
"""The folder with the scripts and conf/."""

AT_ONCE = 2
"""Experiments that run at the same time, one thread each."""

MARKER = "done.json"
"""The file with the hash of an experiment's settings; once it has finished, also of its runs."""

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Experiment:
    """A multirun of conf/experiment/NAME.yaml by train.py or rfm_solve.py."""

    name: str
    script: str

    def hash(self, checkout: Path) -> str:
        """Return a hash of what decides the numbers: composed configuration and our version.

        Raises:
            SettingsError: there is no such experiment, or it cannot be composed.
        """
        text = composed(checkout / "conf", self.script.removesuffix(".py"), self.name)
        return hashlib.sha256(f"{version('pinnspectra')}\n{text}".encode()).hexdigest()[:16]


def is_done(experiment: Experiment, under: Path, checkout: Path) -> bool:
    """Tell whether an experiment has finished with these settings and still has all runs."""
    folder = under / experiment.name
    marker = read_json(folder / MARKER)
    if marker.get("hash") != experiment.hash(checkout) or "runs" not in marker:
        return False
    return marker["runs"] == sum(map(_is_whole, find_runs(folder)))


def _is_whole(run: Run) -> bool:
    """Tell whether a run has a result and, undamaged, what figures show."""
    measured = run.solve is not None or (run.spectra is not None and bool(run.metrics))
    return measured and run.result.get("status") not in (None, "unfinished")


def run_missing(
    experiments: Sequence[Experiment], under: Path, checkout: Path = CHECKOUT
) -> list[str]:
    """Run the experiments that have not finished; return what went wrong, a line each.

    AT_ONCE of them at a time. One that was interrupted goes on where it was; one that has other
    settings is started afresh. On any exception, as on Ctrl-C, those that run are ended.

    Raises:
        SettingsError: there is no checkout around the package, or an experiment is not to be found.
    """
    for script in (checkout / e.script for e in experiments):
        if not script.exists():
            raise SettingsError(f"{script}: not found; take a checkout, installed by make install")
    missing = [e for e in experiments if not is_done(e, under, checkout)]
    running: list[_Multirun] = []
    errors = []
    try:
        while missing or running:
            while missing and len(running) < AT_ONCE:
                running.append(_Multirun(missing.pop(0), under, checkout))
            time.sleep(POLL_SECONDS)
            for ended in [one for one in running if one.process.poll() is not None]:
                running.remove(ended)
                errors += ended.errors()
    finally:
        with waiting():  # a second Ctrl-C leaves none of them behind
            for one in running:
                one.process.terminate()
            for one in running:
                with suppress(subprocess.TimeoutExpired):
                    one.process.wait(timeout=5)
                one.process.kill()
                one.process.wait()
    return errors


class _Multirun:
    """A multirun that was started, in an empty folder or where it was interrupted.

    Args:
        experiment: what is run.
        under: where it has a folder, in which log.txt has what it prints.
        checkout: where the script is.
    """

    def __init__(self, experiment: Experiment, under: Path, checkout: Path) -> None:
        """Start it."""
        self.name, self.folder = experiment.name, under / experiment.name
        self.settings = experiment.hash(checkout)
        self.started = time.monotonic()
        if read_json(self.folder / MARKER).get("hash") != self.settings:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._mark()
        quoted = str(self.folder.absolute()).replace("'", r"\'")
        overrides = [f"experiment={self.name}", f"hydra.sweep.dir='{quoted}'", "retry=failed"]
        print(f"{self.name}: python {experiment.script} -m {overrides[0]}")
        with (self.folder / "log.txt").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(checkout / experiment.script), "-m", *overrides],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C comes to us, and from us to them
            )

    def _mark(self, **finished: Any) -> None:
        with written_whole(self.folder / MARKER) as file:
            file.write(json.dumps({"hash": self.settings, **finished}).encode() + b"\n")

    def errors(self) -> list[str]:
        """Mark it as finished, or return a line that tells what went wrong.

        Exit code 1 is also that of a multirun with diverged members.
        """
        runs, log = find_runs(self.folder), self.folder / "log.txt"
        if not runs or not all(map(_is_whole, runs)) or self.process.returncode not in (0, 1):
            lines = log.read_text(errors="replace").splitlines()
            reasons = [line[len("error") :] for line in lines if line.startswith("error: ")]
            return [f"{self.name} failed{''.join(reasons[:1])}; see {log}"]
        seconds = time.monotonic() - self.started
        self._mark(runs=len(runs), seconds=round(seconds, 1))
        print(f"{self.name}: {len(runs)} runs, {seconds:.0f} s")
        return []
