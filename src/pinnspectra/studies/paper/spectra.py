"""How two spectra part: which leading values are alike, and how the others compare."""

from __future__ import annotations

import numpy as np

TOLERANCE = 0.1
"""Relative difference up to which values are alike."""


def ratios(ad: np.ndarray, fd: np.ndarray) -> np.ndarray:
    """Median over the seeds of FD's k-th value over AD's, (n,), of spectra (S, n), descending."""
    return np.median(fd, axis=0) / np.median(ad, axis=0)


def values_alike(ad: np.ndarray, fd: np.ndarray) -> int:
    """The paper's K: the values before the first that FD and AD have apart, of (S, n)."""
    apart = np.flatnonzero(~(np.abs(ratios(ad, fd) - 1) <= TOLERANCE))
    return int(apart[0]) if apart.size else ad.shape[1]
