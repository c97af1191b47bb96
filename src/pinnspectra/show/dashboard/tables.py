"""The rows of the tables that a run logs at its end, made of what it has recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pinnspectra.runs.record import by_member, read_metrics, read_spectra
from pinnspectra.show.dashboard.panels import CUTOFF, ENTROPY, LOSS_BESIDE

ROWS = 10_000
"""Rows of a table at most: as many as a chart of W&B takes."""


def spectra_rows(folder: Path, method: str) -> list[list[Any]]:
    """The rows of SPECTRA; of more than ROWS values some steps, members and indices."""
    spectra = read_spectra(folder / "spectra.npz")
    if not spectra:
        return []
    eigenvalues, sigma, floor = (
        spectra[name] for name in ("eigenvalues", "singular_values", "floor")
    )
    count, members, n = eigenvalues.shape
    ks, ss, indices = np.arange(count), np.arange(members), np.arange(n)
    if eigenvalues.size > ROWS:
        ks, ss = _spaced(count, 20), _spaced(members, 5)
        most = ROWS // (len(ks) * len(ss))
        indices = np.unique(np.geomspace(1, n, min(most, n)).astype(int)) - 1
    return [
        [
            int(s),
            int(spectra["steps"][k]),
            int(i) + 1,
            float(eigenvalues[k, s, i]),
            float(sigma[k, s, i]),
            float(floor[s, i]) if k == count - 1 and np.isfinite(floor[s, i]) else None,
            method,
        ]
        for k in ks
        for s in ss
        for i in indices
        if np.isfinite(eigenvalues[k, s, i])
    ]


def curve_rows(folder: Path, method: str) -> list[list[Any]]:
    """The rows of CURVES; of more than ROWS some steps and members."""
    table = by_member(read_metrics(folder / "metrics.csv"))
    if not table.keys() >= {LOSS_BESIDE, ENTROPY, CUTOFF}:
        return []
    loss, entropy, cutoff = (table[name] for name in (LOSS_BESIDE, ENTROPY, CUTOFF))
    taken = np.flatnonzero(np.isfinite(loss).any(axis=1))
    members = _spaced(loss.shape[1], 100)
    return [
        [
            int(s),
            int(table["step"][k]),
            float(loss[k, s]),
            float(entropy[k, s]),
            int(cutoff[k, s]),
            method,
        ]
        for k in taken[_spaced(len(taken), ROWS // len(members))]
        for s in members
        if np.isfinite([loss[k, s], entropy[k, s], cutoff[k, s]]).all()
    ]


def _spaced(count: int, most: int) -> np.ndarray:
    """At most so many of the first `count` integers, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))
