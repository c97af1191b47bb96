"""Weights & Biases: one run a job, offline where no key is set up or no server takes it.

Nothing that W&B does or fails to do ends a training run, and none of it takes longer than SECONDS.
Names, columns and axes are those of dashboard/tables.py; docs/wandb.md lists them.
"""

from __future__ import annotations

import json
import logging
import math
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.loggers.logger import DummyLogger

from pinnspectra.runs.files import read_json
from pinnspectra.runs.folder import SWEEP, RunFolder, flat
from pinnspectra.runs.found import run_at
from pinnspectra.runs.record import Run
from pinnspectra.show.dashboard import tables
from pinnspectra.show.dashboard.account import SECONDS, asked_mode, has_account, settings
from pinnspectra.training.rows import summarised

log = logging.getLogger(__name__)

OFFLINE = "does not take this run, which is logged offline (`wandb sync` sends it)"

IDENTITY = "wandb/run.json"
"""The file of the run folder that holds the id of its W&B run."""


class WandbRun(WandbLogger):
    """Lightning's logger of this job's W&B run; left alone once it fails: metrics.csv has all.

    A run that is resumed goes on in the W&B run that it began. What that has of later steps than
    the checkpoint's is not logged again, and what it has lost is logged from metrics.csv.

    Args:
        run: what wandb.init returned.
        folder: the run folder.
        last: the last step that an earlier attempt has logged, -1 for none; None for no attempt.
    """

    def __init__(self, run: Any, folder: RunFolder, last: int | None) -> None:
        super().__init__(experiment=run)
        self.folder = folder
        self.last, self.behind = -1 if last is None else last, last is not None
        self.step: int | None = None
        self.failed = False

    def log_hyperparams(self, params: Mapping[str, Any]) -> None:
        """Log a configuration by dotted key, and the names of the problem and the method."""
        values = {**flat(params), "pde": self.folder.pde, "method": self.folder.method}
        self._tried(lambda: super(WandbRun, self).log_hyperparams(values))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log scalars at a gradient step."""
        self._tried(lambda: self._log(metrics, step or 0))

    def log_histogram(self, name: str, values: np.ndarray, step: int) -> None:
        """Log a histogram of the values that are finite, if there are any."""
        import wandb

        finite = values[np.isfinite(values)].tolist()
        if finite:
            self._tried(lambda: self._log({name: wandb.Histogram(finite)}, step))

    def log_outcome(self) -> None:
        """Log, beside the last row, the figures and tables of what the folder holds."""
        self._tried(self._log_outcome)

    def _log(self, values: Mapping[str, Any], step: int) -> None:
        self._catch_up(step)
        if step > self.last:
            self.step = step
            self.experiment.log(dict(values), step=step)  # what has the same step becomes one row

    def _catch_up(self, step: float) -> None:
        """Log what an earlier attempt has recorded before a step, and had not given to W&B."""
        if self.behind:
            self.behind = False
            for earlier, row in _rows(run_at(self.folder.path)):
                if self.last < earlier < step:
                    self.step = earlier
                    self.experiment.log(row, step=earlier)

    def _log_outcome(self) -> None:
        import wandb

        path = self.folder.path
        run = run_at(path)
        rows = {tables.SPECTRA: tables.spectra_rows(run), tables.CURVES: tables.curve_rows(run)}
        logged = {
            table.key: wandb.Table(list(table.columns), [*data])
            for table, data in rows.items()
            if data
        }
        figures = {
            f"{tables.FIGURES}{figure.stem}": wandb.Image(str(figure))
            for figure in sorted((path / "figures").glob("*.png"))
        }
        self._catch_up(math.inf)
        step = self.last + 1 if self.step is None else self.step
        with _files_in(path / "wandb"):
            self.experiment.log({**logged, **figures}, step=step)

    def _tried(self, call: Any) -> None:
        if not self.failed:
            try:
                call()
            except Exception as error:
                self.failed = True
                _say("logs no more of this run", error)


def wandb_logger(folder: RunFolder, resumed: bool = False, project: str = "pinnspectra") -> Logger:
    """Return a logger with its own W&B run, whose files are in the run folder under wandb/.

    Online where a key is set up (WANDB_API_KEY or `wandb login`) and the server takes it, else
    offline; WANDB_MODE decides where it is set to anything but online. The jobs of a sweep are a
    group of the name of its folder, and are named by their own overrides.

    Args:
        folder: the run folder.
        resumed: whether the run goes on from a checkpoint, and so in the W&B run that it began.
        project: the W&B project.
    """
    import wandb

    wandb.setup(settings=settings())
    begun = read_json(folder.path / IDENTITY).get("id") if resumed else None
    identity = begun if isinstance(begun, str) else secrets.token_hex(8)
    folder.write_json(IDENTITY, {"id": identity})
    logs = _logs(folder.path, identity)
    last = _last_step(logs) if resumed else None
    for mode in dict.fromkeys([_mode(logs), "offline"]):
        try:
            return WandbRun(_started(folder, project, mode, identity), folder, last)
        except Exception as error:
            _say(OFFLINE if mode == "online" else "logs nothing of this run", error)
    return DummyLogger()


def _mode(logs: Sequence[Path]) -> str:
    """Return WANDB_MODE; else online where that works and no offline part waits for sync."""
    mode = asked_mode()
    if mode != "online":
        return mode
    offline = (path for path in logs if path.parent.name.startswith("offline-"))
    if any(not path.with_name(f"{path.name}.synced").exists() for path in offline):
        log.info("W&B goes on offline, as it began (`wandb sync` sends it)")
        return "offline"
    return reachable_mode()


@cache
def reachable_mode() -> str:
    """Return online, or offline where no key is set up or no server takes it; ask once."""
    try:
        return "online" if has_account() else "offline"
    except Exception as error:
        _say(OFFLINE, error)
        return "offline"


def _started(folder: RunFolder, project: str, mode: str, identity: str) -> Any:
    import wandb

    sweep, name = folder.path.parent, folder.path.name
    of_a_sweep = (sweep / SWEEP).exists()
    own, _, digits = name.rpartition("_")
    is_hash = own and digits and folder.config_hash.startswith(digits)
    run = wandb.init(
        project=project,
        dir=folder.path,
        id=identity,
        resume="allow",
        name=own if of_a_sweep and is_hash else name,
        group=sweep.name if of_a_sweep else None,
        job_type="train",
        tags=sorted({folder.pde, folder.method}),
        mode=mode,  # pyright: ignore[reportArgumentType]
        settings=settings(),
    )
    run.define_metric(tables.LOSS_BESIDE, step_metric=tables.ENTROPY)
    return run


def _logs(folder: Path, identity: str) -> list[Path]:
    """Return the .wandb files of a W&B run, the last first: their folders have a time."""
    found = folder.glob(f"wandb/*run-*-{identity}/run-{identity}.wandb")
    return sorted(found, key=lambda p: p.parent.name.removeprefix("offline-"), reverse=True)


def _last_step(logs: Sequence[Path]) -> int:
    """Return the last step that is in one of them; -1 where they hold none."""
    for path in logs:
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json"]
        with suppress(OSError, ValueError, AttributeError, subprocess.SubprocessError):
            done = subprocess.run(
                [*command, str(path)], capture_output=True, timeout=SECONDS, check=False
            )
            step = json.loads(done.stdout).get("step")
            if isinstance(step, int):
                return step
    return -1


def _rows(run: Run) -> Iterator[tuple[int, dict[str, float]]]:
    """Return the rows of metrics.csv by step, as they are logged to W&B."""
    columns = {name: values for name, values in run.metrics.items() if name != "step"}
    steps, loss = run.losses
    for k, step in enumerate(steps):
        live = np.flatnonzero(np.isfinite(loss[k]))
        rows = {
            int(s): {name: float(v[k, s]) for name, v in columns.items() if np.isfinite(v[k, s])}
            for s in live
        }
        if rows:
            yield int(step), summarised(rows)


@contextmanager
def _files_in(folder: Path) -> Iterator[None]:
    """Have W&B keep the files of tables in a folder, and not in the user's, until they are sent."""
    if "WANDB_DATA_DIR" in os.environ:
        yield
        return
    os.environ["WANDB_DATA_DIR"] = str(folder)
    try:
        yield
    finally:
        del os.environ["WANDB_DATA_DIR"]


def log_histogram(loggers: Sequence[Logger], name: str, values: np.ndarray, step: int) -> None:
    """Log a histogram of values to W&B where it is among the loggers."""
    for logger in loggers:
        if isinstance(logger, WandbRun):
            logger.log_histogram(name, values, step)


def log_outcome(loggers: Sequence[Logger]) -> None:
    """Log a run's figures and tables to W&B where it is among the loggers."""
    for logger in loggers:
        if isinstance(logger, WandbRun):
            logger.log_outcome()


def finish(exit_code: int) -> None:
    """End this job's W&B run, if there is one: the next job of the process starts its own."""
    if "wandb" in sys.modules:
        import wandb

        try:
            wandb.finish(exit_code)
        except Exception as error:
            _say("was not given all of this run (`wandb sync` sends it)", error)
            with suppress(Exception):
                wandb.teardown()  # else it is tried again when the process ends


def _say(what: str, error: Exception) -> None:
    log.warning("W&B %s: %s", what, " ".join(str(error).split()) or type(error).__name__)
