"""What a run logs to W&B beside the scalars of metrics.csv: names, and tables with their rows.

The logger (training/wandb_run.py) takes them from here and so does the dashboard, so that a panel
cannot ask for what no run logs. The axis is W&B's own step, which counts gradient steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pinnspectra.runs.quantities import QUANTITIES
from pinnspectra.runs.record import Run

ENTROPY = QUANTITIES["truncated_entropy"].metric
CUTOFF = QUANTITIES["effective_cutoff"].metric

LOSS_BESIDE = "spectrum/loss"
"""The loss at the steps that have a spectrum; its axis is ENTROPY."""

EIGENVALUES = "spectrum/log10_eigenvalues"
"""The histogram of the eigenvalues of G at every spectrum."""

FIGURES = "figures/"
"""Before the name of each figure in the run folder."""

FIGURE_NAMES = ("loss", "solution", "eigenvalues", "entropy", "entropy_loss")
"""The figures of a training run."""


@dataclass(frozen=True)
class Table:
    """A table that a run logs at its end: its key and its columns."""

    key: str
    columns: tuple[str, ...]


SPECTRA = Table(
    "spectra", ("member", "step", "index", "eigenvalue", "singular_value", "floor", "method")
)
"""Eigenvalues of G from index 1 on, singular values of J, and, at the last step, their floor."""

CURVES = Table(
    "curves", ("member", "step", "loss", "truncated_entropy", "effective_cutoff", "method")
)
"""Loss, H and e at the steps that have a spectrum."""

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
