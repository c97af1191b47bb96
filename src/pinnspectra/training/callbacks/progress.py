"""A line that tells where a training run is."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import pytorch_lightning as pl

from pinnspectra.training.lightning import EnsembleModule

LIVE_SECONDS = 0.2
PLAIN_SECONDS = 15.0


def duration(seconds: float) -> str:
    """Return h:mm:ss or m:ss."""
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{s:02}" if hours else f"{minutes}:{s:02}"


def progress_line(
    step: int, last: int, losses: Sequence[float], members: int, seconds: float, first: int = 0
) -> list[str]:
    """Return step, share of all steps, loss, gradient steps per second and time left or taken.

    Args:
        step: the gradient step, of `last`.
        last: the last gradient step.
        losses: of the members that are left.
        members: the number of all members.
        seconds: since gradient step `first`.
        first: the gradient step at which the clock started.
    """
    rate = (step - first) / seconds if seconds > 0 else 0.0
    left = f"{duration((last - step) / rate)} left" if rate > 0 else "? left"
    took = f"took {seconds:.1f} s" if seconds < 60 else f"took {duration(seconds)}"
    loss = f"loss {median(losses):.3e}"
    if members > 1:
        loss = f"{len(losses)}/{members} members, median {loss}"
    done = f"step {step:>{len(str(last))}}/{last}"
    return [
        done,
        f"{step / last:4.0%}",
        loss,
        f"{rate:6.0f} steps/s",
        left if step < last else took,
    ]


class Line:
    """A line on standard error that is kept up to date, or lines where it cannot go back.

    That is in a file and on a dumb terminal. No colour anywhere.
    """

    def __init__(self) -> None:
        self.live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._width = 0

    def show(self, parts: Sequence[str]) -> None:
        """Write the parts, without the second and the fourth where there is no room."""
        line = "  ".join(parts)
        if not self.live:
            print(line, file=sys.stderr, flush=True)
            return
        room = shutil.get_terminal_size().columns - 1  # a line that wraps is not gone back over
        line = line if len(line) <= room else "  ".join(parts[::2])[:room]
        print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)
        self._width = len(line)

    def leave(self) -> None:
        """Have what is written next begin a line of its own."""
        if self._width:
            print(file=sys.stderr)
        self._width = 0


class Progress(pl.Callback):
    """Step, loss, gradient steps per second and time left, on standard error."""

    def __init__(self) -> None:
        self.line = Line()
        self.started = self.shown = 0.0
        self.first = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock; say where a run that is resumed goes on."""
        assert isinstance(pl_module, EnsembleModule)
        self.started = self.shown = time.monotonic()
        self.first = pl_module.ensemble.gradient_step
        if self.first:
            print(f"goes on from gradient step {self.first}", file=sys.stderr, flush=True)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        """Show the line where it is time."""
        assert isinstance(pl_module, EnsembleModule)
        now, status = time.monotonic(), pl_module.status
        waited = now - self.shown >= (LIVE_SECONDS if self.line.live else PLAIN_SECONDS)
        due = status == "finished" or (status == "running" and waited)
        if due and trainer.is_global_zero:
            self.shown, ensemble = now, pl_module.ensemble
            losses = [row["loss"] for row in ensemble.rows.values()]
            steps = ensemble.gradient_step, pl_module.chunks.max_steps
            elapsed = now - self.started
            members = ensemble.members.size
            self.line.show(progress_line(*steps, losses, members, elapsed, self.first))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the line on the terminal."""
        self.line.leave()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Leave it: what is written next has a line of its own."""
        self.line.leave()
