"""Names under which a run logs to W&B, and the plain panels that show them.

The logger (training/wandb_run.py) takes names, columns and axes from here and so does the
dashboard, so that a panel cannot ask for what no run logs. The scalars have the names of the
columns of metrics.csv; the axis is W&B's own step, which counts gradient steps.
"""

from __future__ import annotations

from dataclasses import dataclass

from pinnspectra.runs.quantities import QUANTITIES

ENTROPY = QUANTITIES["truncated_entropy"].metric
CUTOFF = QUANTITIES["effective_cutoff"].metric
LOSS_BESIDE = "spectrum/loss"
"""The loss at the steps that have a spectrum."""

EIGENVALUES = "spectrum/log10_eigenvalues"
"""The histogram of the eigenvalues of G at every spectrum."""

FIGURES = "figures/"
"""Before the name of each figure in the run folder."""


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


@dataclass(frozen=True)
class Curves:
    """A panel of curves: metrics over gradient steps, or over another metric `x`."""

    title: str
    y: tuple[str, ...]
    y_title: str
    x: str | None = None
    x_title: str = "gradient step"
    log_y: bool = True


@dataclass(frozen=True)
class Scatter:
    """A panel with a point for every run: the last values of two metrics."""

    title: str
    x: str
    y: str
    log_y: bool = True


def _curves(*keys: str, log_y: bool = True) -> Curves:
    """Quantities over gradient steps, by their keys in result.json."""
    found = [QUANTITIES[key] for key in keys]
    words = " and ".join(one.words for one in found)
    metrics = tuple(one.metric for one in found)
    return Curves(f"{words[0].upper()}{words[1:]}", metrics, words, log_y=log_y)


LOSS_OVER_ENTROPY = Curves(
    "Loss against truncated entropy, run by run",
    (LOSS_BESIDE,),
    "loss",
    x=ENTROPY,
    x_title=QUANTITIES["truncated_entropy"].label,
)

SECTIONS: dict[str, tuple[Curves | Scatter, ...]] = {
    "Entropy and loss": (
        LOSS_OVER_ENTROPY,
        Scatter("Last loss against last truncated entropy", ENTROPY, "loss"),
    ),
    "Loss": (
        _curves("loss"),
        _curves("loss_interior", "loss_interior_ad64"),
        _curves("loss_boundary"),
    ),
    "Error": (_curves("relative_l2_error"), _curves("relative_training_error")),
    "Spectrum": (
        _curves("truncated_entropy", log_y=False),
        _curves("effective_cutoff", log_y=False),
        Curves("Eigenvalues of the kernel G", (EIGENVALUES,), "log10 eigenvalue", log_y=False),
    ),
}
"""The plain panels by section, in the order in which they are shown."""

FIGURE_NAMES = ("loss", "solution", "eigenvalues", "entropy", "entropy_loss")
"""The figures of a training run that the dashboard shows."""
