"""Checkpoints of a training run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from pinnspectra.run_folder import RunFolder
from pinnspectra.training.module import PINN

KEPT = 2
"""Checkpoints that stay."""


class Checkpoint(pl.Callback):
    """Writes checkpoints/step=N.ckpt, N in gradient steps, every `every` steps and at the end.

    The file holds parameters, optimizer state and the gradient step, is written beside its place
    and then renamed; the last two stay.

    Args:
        folder: the run folder.
        every: gradient steps between checkpoints.
    """

    def __init__(self, folder: RunFolder, every: int) -> None:
        self.folder, self.every = folder.path / "checkpoints", every
        self.written: list[Path] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        """Write one where it is due."""
        assert isinstance(pl_module, PINN)
        if pl_module.is_due(self.every):
            self._write(trainer, self.folder / f"step={pl_module.gradient_step}.ckpt")

    def _write(self, trainer: pl.Trainer, path: Path) -> None:
        beside = path.with_suffix(".tmp")
        trainer.save_checkpoint(beside)
        os.replace(beside, path)
        self.written.append(path)
        for old in self.written[:-KEPT]:
            old.unlink(missing_ok=True)
        self.written = self.written[-KEPT:]
