"""Lightning around an ensemble: chunks of gradient steps, rows for the loggers, checkpoints."""

from __future__ import annotations

import csv
import logging
import time
import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from torch import nn

from pinnspectra.runs.folder import written_whole
from pinnspectra.training.data import ChunkSchedule
from pinnspectra.training.distributed import waiting_signal
from pinnspectra.training.ensemble import Ensemble
from pinnspectra.training.rows import Row, summarised

TRAINER = {
    "precision": "32-true",  # casts nothing: the parameters' dtype decides
    "max_epochs": 1,
    "max_steps": -1,  # the schedule decides
    "max_time": None,
    "limit_train_batches": None,
    "fast_dev_run": False,
    "log_every_n_steps": 1,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}
"""What this project decides of a Trainer, so that a configuration cannot."""


def accelerator(asked: str | None) -> str:
    """Return the accelerator to train on; auto is CUDA or the CPU: Apple's has no float64."""
    available = "cuda" if torch.cuda.is_available() else "cpu"
    return available if asked in (None, "auto") else asked


def quiet_lightning() -> None:
    """Silence what Lightning tells about every run and this project has decided."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message="Experiment logs directory .* exists")
    warnings.filterwarnings("ignore", message="The `srun` command is available")
    warnings.filterwarnings("ignore", message="`isinstance.treespec, LeafSpec.` is deprecated")


class AbstractRecorder(pl.Callback, ABC):
    """A callback that records something of the networks, and adds to their rows.

    At step 0, every `every` gradient steps and at the end. What it has is written at the end of the
    run, also of one that fails, and is in checkpoints (state_dict, load_state_dict). Of several
    processes the first does all of it.
    """

    every: int

    @abstractmethod
    def record(self, ensemble: Ensemble) -> dict[int, Row]:
        """Record something of the members that are left; return what it adds to their rows."""

    @abstractmethod
    def write(self) -> None:
        """Write what has been recorded."""

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write what has been recorded."""
        if trainer.is_global_zero:
            self.write()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Write what has been recorded until then."""
        if trainer.is_global_zero:
            self.write()


class EnsembleModule(pl.LightningModule):
    """Advances an ensemble, a chunk of gradient steps in a `training_step`, and logs its rows.

    Every `log_every` gradient steps, at the end, and where recorders add to them. `theta` are the
    parameters of the ensemble, which Lightning brings to a device.

    Args:
        ensemble: what is trained.
        chunks: how many gradient steps each chunk has.
        log_every: gradient steps between logged rows.
    """

    def __init__(self, ensemble: Ensemble, chunks: ChunkSchedule, log_every: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.ensemble, self.chunks, self.log_every = ensemble, chunks, log_every
        self.theta = nn.ParameterDict(ensemble.members.parameters)
        self._recorded: dict[int, Row] = {}
        self._logged: list[str] = []
        self._started, self._seconds_before = time.monotonic(), 0.0

    @property
    def rows(self) -> dict[int, Row]:
        """The current rows of the members that are left, with what recorders have added."""
        return {s: row | self._recorded.get(s, {}) for s, row in self.ensemble.rows.items()}

    @property
    def status(self) -> str:
        """Whether the run is diverged, finished or still running."""
        if not self.ensemble.members.live:
            return "diverged"
        return "finished" if self.ensemble.gradient_step == self.chunks.max_steps else "running"

    @property
    def wall_seconds(self) -> float:
        """Seconds since the run began, without those between an interruption and its resumption."""
        return self._seconds_before + time.monotonic() - self._started

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return what counts chunks for Lightning: theta has no gradients and stays as it is."""
        return torch.optim.SGD(self.theta.values(), lr=1.0)

    def train_dataloader(self) -> ChunkSchedule:
        """Return the chunks, which are Lightning's batches."""
        return self.chunks

    def on_fit_start(self) -> None:
        """Start the ensemble where Lightning has moved the parameters."""
        self.ensemble.members.parameters = {n: value.data for n, value in self.theta.items()}
        self.ensemble.start()

    def on_train_start(self) -> None:
        """Log the rows of step 0, or put back those that had been logged at the checkpoint."""
        if self.ensemble.gradient_step == 0:
            self._record()
            self._log_rows()
            self._flush()
        for experiment, text in zip(self._csv_files(), self._logged, strict=False):
            with written_whole(Path(experiment.metrics_file_path)) as file:
                file.write(text.encode())
            experiment.metrics_keys = next(csv.reader(text.splitlines()), [])

    def training_step(self, gradient_steps: int, batch_index: int) -> None:
        """Take a chunk of gradient steps, logging the rows that are due on the way."""
        ensemble, self._recorded = self.ensemble, {}
        end = ensemble.gradient_step + gradient_steps
        while ensemble.gradient_step < end and ensemble.members.live:
            due = (ensemble.gradient_step // self.log_every + 1) * self.log_every
            ensemble.advance(min(due, end) - ensemble.gradient_step)
            if ensemble.gradient_step < end and self.is_due(self.log_every):
                if waiting_signal(self.device):  # the chunk ends here
                    break
                self._log_rows()
        self.optimizers().step()  # pyright: ignore
        if not ensemble.members.live:
            self.trainer.should_stop = True

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_index: int) -> None:
        """Have recorders record what is due, and log the rows of this step."""
        self._record()
        if self.is_due(self.log_every) or self._recorded:
            self._log_rows()
        self._flush()

    def is_due(self, every: int) -> bool:
        """Return whether something at this interval, and at the end, happens now."""
        due = self.ensemble.gradient_step % every == 0 or self.status == "finished"
        return due and self.status != "diverged"

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add all that the numbers of later steps depend on, and what has been logged.

        Lightning's own counters are left out: they count chunks, and a run that is resumed has a
        schedule of those that are left.
        """
        del checkpoint["loops"]
        checkpoint |= {
            "gradient_step": self.ensemble.gradient_step,
            "ensemble": self.ensemble.state(),
            "recorded": self._recorded,
            "wall_seconds": self.wall_seconds,
            "logged": [_text(experiment.metrics_file_path) for experiment in self._csv_files()],
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take over what on_save_checkpoint added."""
        self.ensemble.load_state(checkpoint["ensemble"])
        self._recorded, self._logged = checkpoint["recorded"], checkpoint["logged"]
        self._seconds_before = checkpoint["wall_seconds"]

    def _record(self) -> None:
        """Have the recorders record what is due, in the first process."""
        callbacks: list[Any] = self.trainer.callbacks  # pyright: ignore
        recorders = [each for each in callbacks if isinstance(each, AbstractRecorder)]
        for recorder in recorders if self.trainer.is_global_zero else ():
            if self.is_due(recorder.every):
                for s, values in recorder.record(self.ensemble).items():
                    self._recorded.setdefault(s, {}).update(values)

    def _log_rows(self) -> None:
        step = self.ensemble.gradient_step
        for logger in self.loggers:
            if isinstance(logger, CSVLogger):
                for s, row in self.rows.items():
                    logger.log_metrics({"member": s, **row}, step=step)
            elif self.rows:
                logger.log_metrics(summarised(self.rows), step=step)

    def _flush(self) -> None:
        for logger in self.loggers:
            if isinstance(logger, CSVLogger):
                logger.save()

    def _csv_files(self) -> list[Any]:
        """Return what writes the metrics.csv of every logger that has one."""
        return [logger.experiment for logger in self.loggers if isinstance(logger, CSVLogger)]


def _text(path: str) -> str:
    return Path(path).read_bytes().decode() if Path(path).exists() else ""
