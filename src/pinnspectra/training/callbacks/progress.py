"""A line that says where a training run is."""

from __future__ import annotations

import os
import shutil
import sys
import time
from statistics import median
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

    One line kept up to date on a terminal; in a file, or on a terminal that cannot go back, a plain
    line now and then, and at the end. No colour anywhere.
    """

    def __init__(self) -> None:
        self.live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self.started = self.shown = 0.0
        self.first = self.width = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock; say where a run that is resumed goes on."""
        assert isinstance(pl_module, PINN)
        self.started = self.shown = time.monotonic()
        self.first = pl_module.gradient_step
        if self.first:
            print(f"goes on from gradient step {self.first}", file=sys.stderr, flush=True)

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
        self._leave()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Leave it: what is said next has a line of its own."""
        self._leave()

    def _line(self, module: PINN, seconds: float) -> str:
        step, last = module.gradient_step, module.max_steps
        rate = (step - self.first) / seconds if seconds > 0 else 0.0
        left = f"{_duration((last - step) / rate)} left" if rate > 0 else "? left"
        took = f"{seconds:.1f} s" if seconds < 60 else _duration(seconds)
        time_said = left if step < last else f"took {took}"
        losses = [row["loss"] for row in module.rows.values()]
        loss = f"loss {median(losses):.3e}"
        if module.members > 1:
            loss = f"{len(losses)}/{module.members} members, median {loss}"
        done = f"step {step:>{len(str(last))}}/{last}"
        line = f"{done}  {step / last:4.0%}  {loss}  {rate:6.0f} steps/s  {time_said}"
        return line if len(line) <= self.room else f"{done}  {loss}  {time_said}"

    @property
    def room(self) -> int:
        """Columns that a line may have: one that is wrapped is not gone back over."""
        return shutil.get_terminal_size().columns - 1 if self.live else sys.maxsize

    def _leave(self) -> None:
        if self.width:
            print(file=sys.stderr)
        self.width = 0

    def _show(self, line: str) -> None:
        if self.live:
            line = line[: self.room]
            print(f"\r{line:<{self.width}}", end="", file=sys.stderr, flush=True)
            self.width = len(line)
        else:
            print(line, file=sys.stderr, flush=True)
