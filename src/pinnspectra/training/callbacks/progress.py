"""A line that says where a training run is."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytorch_lightning as pl

from pinnspectra.training.module import PINN

LIVE_SECONDS = 0.2
PLAIN_SECONDS = 15.0


def _duration(seconds: float) -> str:
    """h:mm:ss or m:ss."""
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{s:02}" if hours else f"{minutes}:{s:02}"


class Progress(pl.Callback):
    """Step, loss, gradient steps per second and time left, on standard error.

    One line kept up to date on a terminal; in a file a plain line now and then, and at the end.
    """

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.started = self.shown = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self.started = self.shown = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        """Show the line where it is time."""
        assert isinstance(pl_module, PINN)
        now = time.monotonic()
        last = pl_module.gradient_step == pl_module.max_steps
        waited = now - self.shown >= (LIVE_SECONDS if self.live else PLAIN_SECONDS)
        first = trainer.is_global_zero
        if first and pl_module.status == "running" and (waited or last):
            self.shown = now
            self._show(self._line(pl_module, now - self.started))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the line on the terminal."""
        if self.live and trainer.is_global_zero:
            print(file=sys.stderr)

    def _line(self, module: PINN, seconds: float) -> str:
        step, last = module.gradient_step, module.max_steps
        rate = step / seconds if seconds > 0 else 0.0
        left = _duration((last - step) / rate) if rate > 0 else "?"
        losses = sorted(row["loss"] for row in module.rows.values())
        loss = f"loss {losses[len(losses) // 2]:.4e}"
        if module.members > 1:
            loss = f"{len(losses)}/{module.members} members, median {loss}"
        return f"step {step:>{len(str(last))}}/{last}  {loss}  {rate:.0f} steps/s  {left} left"

    def _show(self, line: str) -> None:
        if self.live:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)
