"""Names and tables under which a run logs to W&B; scalars have the names of metrics.csv.

The logger (training/wandb_run.py) takes them from here and so does the dashboard, so that a panel
cannot ask for what no run logs. The axis is W&B's own step, which counts gradient steps.
"""

from __future__ import annotations

from dataclasses import dataclass

from pinnspectra.runs.quantities import QUANTITIES

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
