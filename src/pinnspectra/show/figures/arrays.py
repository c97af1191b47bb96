"""What a figure is given: lists, NumPy arrays or torch tensors, with or without a member axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]
"""Numbers by method, or by what they are."""


def array(values: Any) -> np.ndarray:
    """Numbers as an array; a torch tensor may be on a device and carry a gradient."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return np.asarray(values)


def histories(values: Any) -> np.ndarray:
    """Numbers of each member, (K, S), over K steps; (K,) are those of one member."""
    given = array(values)
    return given[:, None] if given.ndim == 1 else given


def members(values: Any) -> np.ndarray:
    """Numbers of each member, (S, N), such as spectra; (N,) are those of one member."""
    given = array(values)
    return given[None] if given.ndim == 1 else given


def hold_arrays(record: Any) -> None:
    """Make arrays of the fields of a frozen dataclass that are to hold them, whatever was given."""
    for field in fields(record):
        given = getattr(record, field.name)
        if field.type == "np.ndarray":
            object.__setattr__(record, field.name, array(given))
        elif field.type == "Arrays":
            by_name = {name: array(values) for name, values in given.items()}
            object.__setattr__(record, field.name, by_name)
