"""Which process of a run this is, as what started it says: torchrun, srun or Lightning."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pinnspectra.settings import SettingsError

RANKS = (("RANK",), ("LOCAL_RANK", "NODE_RANK"), ("SLURM_PROCID",))
"""Variables that name a process, by the starter that sets them; the first process has zeros."""


class LostProcessError(ConnectionError):
    """A process of the run has ended, so that the others cannot go on."""


def _named() -> tuple[str, ...]:
    """The variables that are set; () where there was no starter."""
    return next((names for names in RANKS if names[0] in os.environ), ())


def several(trainer: Mapping[str, Any]) -> str:
    """What a trainer's section asks for, if that is several processes; else nothing."""
    asked = (key for key in ("num_nodes", "devices") if trainer.get(key, 1) != 1)
    return next((f"trainer.{key}={trainer[key]}" for key in asked), "")


def leads() -> bool:
    """Whether this is the first process that a starter started, or has none."""
    return all(os.environ.get(name, "0") == "0" for name in _named())


def is_first(trainer: Mapping[str, Any]) -> bool:
    """Whether this is the first process of its run, which alone writes and speaks.

    Args:
        trainer: the section of the configuration: a run of one process heeds no starter.
    """
    return not several(trainer) or leads()


def check_started(trainer: Mapping[str, Any], sweeping: bool) -> None:
    """Check that there is a starter where processes are needed that a single command cannot start.

    Raises:
        SettingsError: a sweep, or a run on several nodes, that was started as one process.
    """
    asked = several(trainer)
    if asked and not _named() and (sweeping or asked.startswith("trainer.num_nodes")):
        devices = trainer.get("devices", 1)
        raise SettingsError(
            f"{asked}: {'a sweep' if sweeping else 'a run on several nodes'} needs a starter: "
            f"torchrun --nproc-per-node={devices} or srun --ntasks-per-node={devices}"
        )
