"""train.py, run as a user runs it, in turn with something else in the same process."""

from __future__ import annotations

import contextlib
import io
import runpy
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytorch_lightning as pl
from measuring import ROOT

from pinnspectra.training.ensemble import Ensemble
from pinnspectra.training.lightning import EnsembleModule

WARM_UP = 2
"""Rounds at the start that do not count."""


class Rounds(pl.Callback):
    """Divides training into rounds, and hands over to something else after each.

    Args:
        other: the seconds that its gradient step takes; called with the ensemble between rounds.
        rounds: how many; then training stops.
        seconds: how long a round of training takes at least.
        period: a round is of a multiple of so many gradient steps.
    """

    def __init__(
        self, other: Callable[[Ensemble], float], rounds: int, seconds: float, period: int
    ) -> None:
        self.other, self.rounds = other, rounds
        self.seconds, self.period = seconds, period
        self.pairs: list[tuple[float, float]] = []
        self.started, self.first = 0.0, -1

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        """End the round where it is long enough: after what is logged and before what follows."""
        assert isinstance(pl_module, EnsembleModule)
        ensemble, elapsed = pl_module.ensemble, time.process_time() - self.started
        steps = ensemble.gradient_step - self.first
        if self.first >= 0 and (elapsed < self.seconds or ensemble.gradient_step % self.period):
            return
        if self.first >= 0:
            self.pairs.append((elapsed / steps, self.other(ensemble)))
            trainer.should_stop = len(self.pairs) >= self.rounds + WARM_UP
        self.started, self.first = time.process_time(), ensemble.gradient_step


def train_in_turn(
    overrides: list[str],
    other: Callable[[Ensemble], float] = lambda ensemble: 1.0,
    rounds: int = 9,
    seconds: float = 0.1,
    log_every: int = 100,
    period: int = 1,
) -> list[tuple[float, float]]:
    """The seconds of a gradient step of train.py, and of the other's, a pair a round.

    Compiled, metrics logged to CSV every `log_every` steps; compiling and starting are not in it.
    """
    measured = Rounds(other, rounds, seconds, period)
    fit = pl.Trainer.fit

    def fit_in_rounds(trainer: pl.Trainer, *arguments: Any, **more: Any) -> None:
        trainer.callbacks.append(measured)  # pyright: ignore
        fit(trainer, *arguments, **more)

    said = io.StringIO()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(contextlib.redirect_stdout(said))
        stack.enter_context(contextlib.redirect_stderr(said))
        stack.enter_context(patch.object(pl.Trainer, "fit", fit_in_rounds))
        sys.argv = [
            str(ROOT / "train.py"),
            "compile=true",
            "logger=[csv]",
            "max_steps=1000000000",  # Rounds stops it
            f"log_every={log_every}",
            "optimizer.lr=1e-9",
            f"hydra.run.dir={Path(folder) / 'run'}",
            *overrides,
        ]
        with contextlib.suppress(SystemExit):
            runpy.run_path(sys.argv[0], run_name="__main__")
    if len(measured.pairs) < rounds + WARM_UP:
        raise RuntimeError(f"train.py {' '.join(overrides)} stopped: {said.getvalue()}")
    return measured.pairs[WARM_UP:]
