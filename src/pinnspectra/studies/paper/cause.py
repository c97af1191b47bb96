"""A figure of our own, which the paper lacks: where the gap between AD and FD comes from."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pinnspectra.runs.found import find_runs
from pinnspectra.runs.record import Run
from pinnspectra.show.figures.panels import LARGEST, draw_curve
from pinnspectra.show.figures.style import method_colour
from pinnspectra.studies.paper.members import choices
from pinnspectra.studies.paper.panels import paper_panels

TITLE = (
    "Finite differences leave AD's spectrum where their rounding begins: "
    "in exact arithmetic the two are one"
)
PROBLEMS = ("poisson1d", "poisson2d", "biharmonic")
MATRICES = {
    "A": ("cause_A", r"$\sigma_k \,/\, \sigma_1$ of $A$"),
    "G": ("cause_G", r"$\lambda_k \,/\, \lambda_1$ of $G$"),
}

LOOKS: dict[tuple[str, str], dict[str, Any]] = {
    ("fd", "float32"): {"linewidth": 2.6, "alpha": 0.45, "label": "FD, float32"},
    ("fd", "float64"): {"linewidth": 1.6, "label": "FD, float64"},
    ("ad", "float64"): {"linewidth": 3.2, "label": "AD, float64"},
    ("fd_exact", "float64"): {
        "linewidth": 1.4,
        "linestyle": "--",
        "label": "FD in exact arithmetic",
    },
}
"""How a method in a precision is drawn, in this order."""

FLOOR = {
    "color": "black",
    "linestyle": ":",
    "linewidth": 1.2,
    "zorder": 3,
    "label": "predicted rounding floor of FD",
}


def cause(folder: Path) -> Figure:
    """Spectra by AD, by FD in float32, in float64 and in exact arithmetic, and rounding floors."""
    figure, axes = paper_panels(TITLE, len(MATRICES) * len(PROBLEMS), len(PROBLEMS))
    for one, (matrix, problem) in zip(axes, product(MATRICES, PROBLEMS), strict=True):
        experiment, label = MATRICES[matrix]
        one.set(yscale="log", title=f"{problem}, ${matrix}$", xlabel="index $k$", ylabel=label)
        runs = [run for run in find_runs(folder / experiment) if choices(run)["pde"] == problem]
        by_look = {(run.method, choices(run)["precision"]): run for run in runs}
        for (method, precision), look in LOOKS.items():
            if run := by_look.get((method, precision)):
                values, floor = _spectrum(run)
                k = np.arange(1, values.size + 1)
                draw_curve(one, k, values / values[0], color=method_colour(method), **look)
                if method == "fd" and floor.size and floor[0] > 1 / LARGEST:
                    draw_curve(one, k[: floor.size], floor / values[0], **FLOOR)
    return figure


def _spectrum(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Return singular values of A, or eigenvalues of G at the end, and their predicted floor."""
    if run.solve is not None:
        return run.solve.singular_values, run.solve.floor
    if run.spectra is None:
        return np.empty(0), np.empty(0)
    return run.spectra.eigenvalues[-1, 0], run.spectra.floor[0]
