"""What a figure is given: lists, NumPy arrays or torch tensors, with or without a member axis."""

from __future__ import annotations

from typing import Any

import numpy as np


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
