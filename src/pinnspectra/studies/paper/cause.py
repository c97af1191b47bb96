"""A figure of our own, which the paper lacks: where the gap between AD and FD comes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pinnspectra.runs.found import Run, find_runs
from pinnspectra.runs.record import read_arrays, read_spectra
from pinnspectra.studies.paper.cause_figure import Panel, Spectrum, cause_figure
from pinnspectra.studies.paper.runs import choices

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROBLEMS = ("poisson1d", "poisson2d", "biharmonic")
MATRICES = {
    "A": ("cause_A", r"$\sigma_k \,/\, \sigma_1$ of $A$"),
    "G": ("cause_G", r"$\lambda_k \,/\, \lambda_1$ of $G$"),
}


def cause(folder: Path) -> Figure:
    """Spectra by AD, by FD in float32, in float64 and in exact arithmetic, and rounding floors."""
    panels = [
        Panel(f"{problem}, ${matrix}$", label, list(_spectra(folder / name, problem)))
        for matrix, (name, label) in MATRICES.items()
        for problem in PROBLEMS
    ]
    return cause_figure(panels, len(PROBLEMS))


def _spectra(folder: Path, problem: str) -> Iterator[Spectrum]:
    for run in find_runs(folder):
        if choices(run)["pde"] == problem:
            values, floor = _values(run)
            yield Spectrum(run.result["method"], choices(run)["precision"], values, floor)


def _values(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Singular values of A, or eigenvalues of G at the end, and the predicted floor."""
    solved = read_arrays(run.path / "spectrum.npz")
    if solved:
        return solved["singular_values"], solved["floor"]
    trained = read_spectra(run.path / "spectra.npz")
    return trained["eigenvalues"][-1, 0], trained["floor"][0] ** 2
