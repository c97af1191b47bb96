"""Weights & Biases: one run a job, offline where no key is set up or no server takes it.

Nothing that W&B does or fails to do ends a training run, and none of it takes longer than SECONDS.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
from pytorch_lightning.loggers import Logger, WandbLogger

from pinnspectra.run_folder import RunFolder

log = logging.getLogger(__name__)

SECONDS = 10
"""Seconds that are waited for a server at the start, and for what is left to send at the end."""

OFFLINE = "does not take this run, which is logged offline (`wandb sync` sends it)"


class _Logger(WandbLogger):
    """W&B's logger, which is left alone where it fails: metrics.csv has everything."""

    failed = False

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        self._tried(super().log_hyperparams, *args, **kwargs)

    def log_metrics(self, *args: Any, **kwargs: Any) -> None:
        self._tried(super().log_metrics, *args, **kwargs)

    def finalize(self, *args: Any, **kwargs: Any) -> None:
        self._tried(super().finalize, *args, **kwargs)

    def _tried(self, call: Any, *args: Any, **kwargs: Any) -> None:
        if not self.failed:
            try:
                call(*args, **kwargs)
            except Exception as error:
                self.failed = True
                _say("logs no more of this run", error)


def wandb_logger(folder: RunFolder, project: str = "pinnspectra") -> WandbLogger:
    """A logger with its own W&B run, whose files are in the run folder under wandb/.

    Online where a key is set up (WANDB_API_KEY or `wandb login`) and the server takes it, else
    offline; WANDB_MODE decides where it is set to anything but online. The loss at the steps that
    have a spectrum, spectrum/loss, is drawn over spectrum/truncated_entropy.
    """
    import wandb

    wandb.setup(settings=_settings())  # WandbLogger's own arguments warn
    mode = os.environ.get("WANDB_MODE", "online")
    if mode == "online":
        mode = _reachable_mode()
    try:
        return _started(folder, project, mode)
    except wandb.Error as error:
        _say(OFFLINE, error)
        return _started(folder, project, "offline")


def _settings() -> Any:
    import wandb

    return wandb.Settings(
        silent=True,
        console="off",
        init_timeout=SECONDS,
        finish_timeout=SECONDS,
        finish_timeout_raises=True,
    )


@cache
def _reachable_mode() -> str:
    """online, or offline where there is no key or no server that takes it; asked and said once."""
    import wandb

    try:
        return "online" if wandb.login(prompt=False, verify=True) else "offline"
    except Exception as error:
        _say(OFFLINE, error)
        return "offline"


def _started(folder: RunFolder, project: str, mode: str) -> WandbLogger:
    logger = _Logger(
        project=project,
        save_dir=folder.path,
        name=folder.path.name,
        mode=mode,
        settings=_settings(),
    )
    logger.experiment.define_metric("spectrum/loss", step_metric="spectrum/truncated_entropy")
    return logger


def log_histogram(loggers: Sequence[Logger], name: str, values: np.ndarray, step: int) -> None:
    """Log a histogram of values to W&B where it is among the loggers."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            import wandb

            logger.log_metrics({name: wandb.Histogram(values.tolist())}, step=step)  # pyright: ignore


def finish() -> None:
    """End this job's W&B run, if there is one: the next job of the process starts its own."""
    if "wandb" in sys.modules:
        import wandb

        try:
            wandb.finish()
        except Exception as error:
            _say("was not given all of this run (`wandb sync` sends it)", error)
            with suppress(Exception):
                wandb.teardown()  # else it is tried again when the process ends


def _say(what: str, error: Exception) -> None:
    log.warning("W&B %s: %s", what, " ".join(str(error).split()) or type(error).__name__)
