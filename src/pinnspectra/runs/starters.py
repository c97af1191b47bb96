"""The rank of this process in its run, as torchrun, srun or Lightning tell it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pinnspectra.runs.messages import SettingsError

RANKS = (("RANK",), ("LOCAL_RANK", "NODE_RANK"), ("SLURM_PROCID",))
"""Variables by which a starter numbers a process; all are 0 for the first."""


class LostProcessError(ConnectionError):
    """A process of the run has ended, so that the others cannot go on."""


def _named() -> tuple[str, ...]:
    """Return the variables that are set; () without a starter."""
    return next((names for names in RANKS if names[0] in os.environ), ())


def _asked(trainer: Mapping[str, Any]) -> tuple[str, str]:
    """Return the devices per node and the nodes that a trainer's section asks for."""
    devices = trainer.get("devices", 1)
    count = len(devices) if isinstance(devices, list) else devices
    return str(count), str(trainer.get("num_nodes", 1))


def several(trainer: Mapping[str, Any]) -> bool:
    """Whether a trainer's section asks for several processes; auto and -1 may be."""
    return _asked(trainer) != ("1", "1")


def leads() -> bool:
    """Whether this is the first process of its starter, or there is no starter."""
    return all(os.environ.get(name, "0") == "0" for name in _named())


def is_first(trainer: Mapping[str, Any]) -> bool:
    """Whether this is the first process of its run, which alone writes and prints.

    Args:
        trainer: the section of the configuration: a run of one process heeds no starter.
    """
    return not several(trainer) or leads()


def check_started(trainer: Mapping[str, Any], sweeping: bool) -> None:
    """Check that the processes that a run needs were started, where it cannot start them itself.

    Raises:
        SettingsError: torchrun started another number of them; a sweep of runs on several devices,
            or a run on several nodes, was started as one process.
    """
    devices, nodes = _asked(trainer)
    asked = f"trainer.devices={devices}, trainer.num_nodes={nodes}"
    if "TORCHELASTIC_RUN_ID" in os.environ:
        found = os.environ["LOCAL_WORLD_SIZE"], os.environ["GROUP_WORLD_SIZE"]
        if found != (devices, nodes):
            raise SettingsError(
                f"{asked}: torchrun started {found[0]} processes on each of {found[1]} nodes; take "
                f"trainer.devices={found[0]} trainer.num_nodes={found[1]}"
            )
    elif several(trainer) and not _named() and (sweeping or nodes != "1"):
        what = "a sweep" if sweeping else "a run on several nodes"
        raise SettingsError(
            f"{asked}: {what} needs a starter: torchrun --nproc-per-node={devices} or srun "
            f"--ntasks-per-node={devices}"
        )
