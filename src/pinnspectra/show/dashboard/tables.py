"""The rows of the tables that a run logs at its end, made of what it has recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from pinnspectra.runs.record import Run
from pinnspectra.show.dashboard.names import CUTOFF, ENTROPY, LOSS_BESIDE

ROWS = 10_000
"""Rows of a table at most: as many as a chart of W&B takes."""


def spectra_rows(run: Run) -> list[list[Any]]:
    """Return the rows of SPECTRA; of more than ROWS values some steps, members and indices."""
    if run.spectra is None:
        return []
    eigenvalues, sigma = run.spectra.eigenvalues, run.spectra.singular_values
    floor = run.spectra.singular_value_floor
    count, members, n = eigenvalues.shape
    ks, ss, indices = np.arange(count), np.arange(members), np.arange(n)
    if eigenvalues.size > ROWS:
        ks, ss = _spaced(count, 20), _spaced(members, 5)
        most = ROWS // (len(ks) * len(ss))
        indices = np.unique(np.geomspace(1, n, min(most, n)).astype(int)) - 1
    return [
        [
            int(s),
            int(run.spectra.steps[k]),
            int(i) + 1,
            float(eigenvalues[k, s, i]),
            float(sigma[k, s, i]),
            float(floor[s, i]) if k == count - 1 and np.isfinite(floor[s, i]) else None,
            run.method,
        ]
        for k in ks
        for s in ss
        for i in indices
        if np.isfinite(eigenvalues[k, s, i])
    ]


def curve_rows(run: Run) -> list[list[Any]]:
    """Return the rows of CURVES; of more than ROWS some steps and members."""
    if not run.metrics.keys() >= {LOSS_BESIDE, ENTROPY, CUTOFF}:
        return []
    loss, entropy, cutoff = (run.metrics[name] for name in (LOSS_BESIDE, ENTROPY, CUTOFF))
    whole = np.isfinite(loss) & np.isfinite(entropy) & np.isfinite(cutoff)
    taken, members = np.flatnonzero(whole.any(axis=1)), _spaced(loss.shape[1], 100)
    return [
        [
            int(s),
            int(run.metrics["step"][k]),
            float(loss[k, s]),
            float(entropy[k, s]),
            int(cutoff[k, s]),
            run.method,
        ]
        for k in taken[_spaced(len(taken), ROWS // len(members))]
        for s in members
        if whole[k, s]
    ]


def _spaced(count: int, most: int) -> np.ndarray:
    """Return at most `most` of the first `count` integers, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))
