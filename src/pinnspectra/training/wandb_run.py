"""Weights & Biases: one run a job, offline where no key is set up."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import numpy as np
from pytorch_lightning.loggers import Logger, WandbLogger

from pinnspectra.run_folder import RunFolder


def wandb_logger(folder: RunFolder, project: str = "pinnspectra") -> WandbLogger:
    """A logger with its own W&B run, whose files are in the run folder under wandb/.

    Online where a key is set up (WANDB_API_KEY or `wandb login`), else offline; WANDB_MODE
    decides where it is set. The loss at the steps that have a spectrum, spectrum/loss, is drawn
    over spectrum/truncated_entropy.
    """
    import wandb

    wandb.setup(settings=wandb.Settings(silent=True))  # WandbLogger's own arguments warn
    mode = os.environ.get("WANDB_MODE")
    if mode is None:
        mode = "online" if wandb.login(prompt=False, verify=False) else "offline"
    logger = WandbLogger(
        project=project,
        save_dir=folder.path,
        name=folder.path.name,
        mode=mode,
        settings=wandb.Settings(silent=True, console="off"),
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

        wandb.finish()
