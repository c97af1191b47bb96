"""Checkpoints of a training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.checkpoint_io import CheckpointIO

from pinnspectra.runs.folder import RunFolder, written_whole
from pinnspectra.runs.signals import Interrupted, take_over
from pinnspectra.training.checkpoints import read, step_of
from pinnspectra.training.distributed import check_same, waiting_signal
from pinnspectra.training.lightning import EnsembleModule

KEPT = 2
"""Checkpoints that stay."""


class WholeFiles(CheckpointIO):
    """How Lightning writes and reads checkpoints here: files that are whole or not there."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write a checkpoint: a temporary file beside it, fsync, rename."""
        with written_whole(Path(path)) as file:
            torch.save(checkpoint, file)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Read a checkpoint; on the CPU, whatever is asked: modules bring it to their device."""
        return read(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Remove a checkpoint."""
        Path(path).unlink(missing_ok=True)


class Checkpoint(pl.Callback):
    """Writes checkpoints/step=N.ckpt, N in gradient steps, every `every` steps and at the end.

    And where a signal asks the run to end, which it then does. The file holds all from which a run
    goes on to the same bits: parameters, optimizer, schedule, counters, what has been logged and
    recorded. The last two stay.

    Args:
        folder: the run folder.
        every: gradient steps between checkpoints.
    """

    def __init__(self, folder: RunFolder, every: int) -> None:
        self.folder, self.every = folder, every
        self.saved: int | None = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check that all processes are about to do the same."""
        run = int(self.folder.config_hash[:15] or "0", 16)
        check_same(run, _step(pl_module), device=pl_module.device)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take signals back from Lightning, which would end the run before it is saved."""
        take_over()
        self.saved = _step(pl_module)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        """Write one where it is due: all that happens at a gradient step has happened by now."""
        signal = waiting_signal(pl_module.device)
        if _step(pl_module) % self.every == 0 or signal:
            self._write(trainer, _step(pl_module))
        _raise(signal)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the last one, unless all members have diverged."""
        assert isinstance(pl_module, EnsembleModule)
        if pl_module.status != "diverged":
            self._write(trainer, _step(pl_module))
        _raise(waiting_signal(pl_module.device))

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Name the run that it is of."""
        checkpoint["config_hash"] = self.folder.config_hash

    def _write(self, trainer: pl.Trainer, step: int) -> None:
        """Write one, unless that of this step is there, and remove all but the last."""
        folder = self.folder.path / "checkpoints"
        if step != self.saved:
            trainer.save_checkpoint(folder / f"step={step}.ckpt")
            self.saved = step
        if trainer.is_global_zero:
            earlier = [path for path in folder.glob("step=*.ckpt") if step_of(path) <= step]
            for old in sorted(earlier, key=step_of)[:-KEPT]:
                old.unlink(missing_ok=True)


def _step(module: pl.LightningModule) -> int:
    assert isinstance(module, EnsembleModule)
    return module.ensemble.gradient_step


def _raise(signal: int) -> None:
    """Raise a signal that waited, if there is one."""
    if signal:
        raise Interrupted(signal, agreed=True)
