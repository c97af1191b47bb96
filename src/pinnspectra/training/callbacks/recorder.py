"""What records something of a training run every so many gradient steps, and writes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import pytorch_lightning as pl

from pinnspectra.training.module import PINN


class AbstractRecorder(pl.Callback, ABC):
    """Records at step 0, every `every` gradient steps and at the end; writes what it has, always.

    At the end of the run, and where the run fails. What it has is in checkpoints (state_dict,
    load_state_dict). Of several processes the first does all of it.
    """

    every: int

    @abstractmethod
    def record(self, module: PINN) -> None:
        """Take what is recorded, of the members that have not diverged."""

    @abstractmethod
    def write(self) -> None:
        """Write what has been recorded."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Record the initial networks; a run that is resumed has recorded them."""
        assert isinstance(pl_module, PINN)
        if trainer.is_global_zero and pl_module.gradient_step == 0:
            self.record(pl_module)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        """Record where it is due."""
        assert isinstance(pl_module, PINN)
        if trainer.is_global_zero and pl_module.is_due(self.every):
            self.record(pl_module)

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
