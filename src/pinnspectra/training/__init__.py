"""Training with Lightning: the only folder that imports it."""

import logging
import warnings

import torch

TRAINER = {
    "precision": "32-true",  # casts nothing: the parameters' dtype decides
    "max_epochs": 1,
    "max_steps": -1,  # the schedule decides
    "max_time": None,
    "limit_train_batches": None,
    "fast_dev_run": False,
    "log_every_n_steps": 1,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}
"""What this project decides of a Trainer, so that a configuration cannot."""


def accelerator(asked: str | None) -> str:
    """The accelerator to train on; auto is CUDA or the CPU, since Apple's has no float64."""
    available = "cuda" if torch.cuda.is_available() else "cpu"
    return available if asked in (None, "auto") else asked


def quiet_lightning() -> None:
    """Silence what Lightning says about every run and this project has decided."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message="Experiment logs directory .* exists")
    warnings.filterwarnings("ignore", message="The `srun` command is available")
    warnings.filterwarnings("ignore", message="`isinstance.treespec, LeafSpec.` is deprecated")
