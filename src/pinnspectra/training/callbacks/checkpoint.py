"""Checkpoints of a training run."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.signals import Interrupted, take_over
from pinnspectra.training.checkpoints import step_of
from pinnspectra.training.distributed import check_same, waiting_signal
from pinnspectra.training.module import PINN

KEPT = 2
"""Checkpoints that stay."""


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
        assert isinstance(pl_module, PINN)
        run = int(self.folder.config_hash[:15] or "0", 16)
        check_same(run, pl_module.gradient_step, device=pl_module.device)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take signals back from Lightning, which would end the run before it is saved."""
        assert isinstance(pl_module, PINN)
        take_over()
        self.saved = pl_module.gradient_step

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        """Write one where it is due: all that happens at a gradient step has happened by now."""
        assert isinstance(pl_module, PINN)
        signal = waiting_signal(pl_module.device)
        if pl_module.gradient_step % self.every == 0 or signal:
            self._write(trainer, pl_module)
        _raise(signal)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the last one, unless all members have diverged."""
        assert isinstance(pl_module, PINN)
        if pl_module.status == "running":
            self._write(trainer, pl_module)
        _raise(waiting_signal(pl_module.device))

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Say which run it is of."""
        checkpoint["config_hash"] = self.folder.config_hash

    def _write(self, trainer: pl.Trainer, module: PINN) -> None:
        """Write one, unless this step's is there, and remove all but the last."""
        folder, step = self.folder.path / "checkpoints", module.gradient_step
        if step != self.saved:
            trainer.save_checkpoint(folder / f"step={step}.ckpt")
            self.saved = step
        if not trainer.is_global_zero:
            return
        earlier = [path for path in folder.glob("step=*.ckpt") if step_of(path) <= step]
        for old in sorted(earlier, key=step_of)[:-KEPT]:
            old.unlink(missing_ok=True)


def _raise(signal: int) -> None:
    """Raise a signal that waited, if there is one."""
    if signal:
        raise Interrupted(signal, agreed=True)
