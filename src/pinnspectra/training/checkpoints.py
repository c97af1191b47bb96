"""Checkpoints on disk: written whole, read without executing anything, refused where damaged."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch

from pinnspectra.runs.messages import first_line

log = logging.getLogger(__name__)


class CheckpointError(ValueError):
    """A file is no checkpoint, or a damaged one."""


def read(path: Path) -> dict[str, Any]:
    """Return a checkpoint, its tensors on the CPU; nothing in the file is executed.

    The checksums of the file's records are compared, which torch.load does not do.

    Raises:
        CheckpointError: the file is cut short, changed, or no checkpoint.
    """
    try:
        with ZipFile(path) as records:
            damaged = records.testzip()
        if damaged is not None:
            raise CheckpointError(f"its record {damaged} is damaged")
        found = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except (BadZipFile, EOFError) as error:
        raise CheckpointError("it is damaged or cut short") from error
    except Exception as error:  # torch and pickle raise anything
        raise CheckpointError(f"it cannot be read: {first_line(error)}") from error
    if not isinstance(found, dict):
        raise CheckpointError("it is no checkpoint")
    return found


def step_of(path: Path) -> int:
    """Return the gradient step in the name step=N.ckpt; -1 for other names."""
    named = re.fullmatch(r"step=(\d{1,18})\.ckpt", path.name)
    return int(named[1]) if named else -1


def last_whole(folder: Path, config_hash: str) -> tuple[Path, int] | None:
    """Return the last checkpoint that is whole and of this configuration, and its step.

    Those that are not are logged, in one line each.
    """
    named = [path for path in folder.glob("step=*.ckpt") if step_of(path) >= 0]
    for path in sorted(named, key=step_of, reverse=True):
        try:
            found = read(path)
            if found.get("config_hash") != config_hash:
                raise CheckpointError("it is of another configuration")
            if found.get("gradient_step") != step_of(path):
                raise CheckpointError("it is of another gradient step than its name says")
        except CheckpointError as error:
            log.warning("%s is not used: %s", path, error)
            continue
        return path, step_of(path)
    return None
