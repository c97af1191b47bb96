"""What the paper leaves open, tried: each reading of a printed pair, with the entropies it gives.

Random features: M = N, which FD, the step of the biharmonic stencil, boundary rows. Networks: which
FD, steps and learning rate, precision, N of the biharmonic problem, the initialisation, and the
scale that the threshold a is applied to. No seed is chosen: a reading is the median of all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pinnspectra.studies.paper.experiments import Experiment, random_features, training
from pinnspectra.studies.paper.printed import Printed
from pinnspectra.studies.paper.runs import (
    Solves,
    Trainings,
    solves,
    solves_by_width,
    trainings,
    truncated_entropy,
)

EXPERIMENTS: tuple[Experiment, ...] = (
    *map(random_features, ("fig1_boundary", "fig5a_boundary", "fig6a_spacing", "fig6a_boundary")),
    *map(training, ("fig4_float64", "fig5c_float64", "fig5c_pytorch", "fig6c_float64")),
)
"""Experiments that no figure shows."""

FD_METHODS = {"fd": "FD at shifted points", "fd_grid": "printed FD matrix"}

BOUNDARY = "boundary conditions as further rows of A"


@dataclass(frozen=True, eq=False)
class Reading:
    """Entropies, (S,), of AD and FD in one reading of the paper, which `label` says."""

    label: str
    entropy: dict[str, np.ndarray]

    def factor(self, printed: dict[str, float]) -> float:
        """How far the medians are from the printed pair: the larger factor, at least 1."""
        medians = {m: float(np.median(self.entropy[m])) for m in printed}
        if min(medians.values()) <= 0:  # the entropy of a single value
            return math.inf
        return max(max(medians[m] / printed[m], printed[m] / medians[m]) for m in printed)


def readings(printed: Printed, folder: Path) -> list[Reading]:
    """All readings of a printed pair; the first is that of the first table."""
    if printed.matrix == "A":
        return list(_of_matrix(printed, folder))
    return list(_of_kernel(printed, folder))


def printed_solves(printed: Printed, folder: Path) -> dict[str, Solves]:
    """The solves at the settings that the paper prints."""
    if printed.width is None:
        return solves(folder / printed.experiment)
    return solves_by_width(folder / printed.experiment)[printed.width]


def nearest(found: list[Reading], printed: dict[str, float]) -> Reading:
    """The reading whose medians are nearest to the printed pair."""
    return min(found, key=lambda reading: reading.factor(printed))


def _of_matrix(printed: Printed, folder: Path) -> Iterator[Reading]:
    first = printed_solves(printed, folder)
    M = printed.width or 400
    size = f"M = N = {M}" if printed.pde != "poisson2d" else f"M = {M}, N = 64 x 64"
    yield from _by_fd(first, printed.cutoff, size)
    if printed.figure == "3":
        for width, found in solves_by_width(folder / "fig1").items():
            if width != M:
                yield from _by_fd(found, printed.cutoff, f"M = N = {width}")
        for width, with_rows in solves_by_width(folder / "fig1_boundary").items():
            yield from _by_fd(with_rows, printed.cutoff, f"M = N = {width}; {BOUNDARY}", rows=True)
        return
    if printed.figure == "6a":
        spacing = {"ad": first["ad"], **solves(folder / "fig6a_spacing")}
        yield from _by_fd(spacing, printed.cutoff, f"{size}; h = 2/N instead of 1/64")
    with_rows = solves(folder / f"fig{printed.figure}_boundary")
    yield from _by_fd(with_rows, printed.cutoff, f"{size}; {BOUNDARY}", rows=True)


def _by_fd(
    found: dict[str, Solves], cutoff: float, label: str, rows: bool = False
) -> Iterator[Reading]:
    """A reading for each FD method; of the matrix with the boundary rows, or of A."""

    def entropy(method: str) -> np.ndarray:
        one = found[method]
        return truncated_entropy(
            one.solved_singular_values if rows else one.singular_values, cutoff
        )

    for method, name in FD_METHODS.items():
        if method in found:
            H = {"ad": entropy("ad"), "fd": entropy(method)}
            yield Reading(f"{name}; {label}", H)


SCALES: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "eigenvalues": lambda sigma, a: truncated_entropy(sigma**2, a),
    "their square roots": truncated_entropy,
    "eigenvalues above a sqrt(lambda_1)": lambda sigma, a: _above_root(sigma**2, a),
}
"""What the entropy of G is taken of, from singular values of J (..., n) and the threshold a."""


def _above_root(eigenvalues: np.ndarray, a: float) -> np.ndarray:
    """H of the eigenvalues above a sqrt(lambda_1), which Sec. 3.2 calls negligible below it."""
    cutoffs = a / np.sqrt(eigenvalues.max(axis=-1))
    pairs = zip(eigenvalues.reshape(-1, eigenvalues.shape[-1]), cutoffs.flatten(), strict=True)
    H = [float(truncated_entropy(values, cutoff)) for values, cutoff in pairs]
    return np.array(H).reshape(cutoffs.shape)


KERNELS: dict[str, dict[str, str]] = {
    "4a": {"fig4": "float32", "fig4_float64": "float64"},
    "5c": {
        "fig5c": "float32",
        "fig5c_float64": "float64",
        "fig5c_pytorch": "float32; PyTorch's initial weights",
    },
    "6c": {
        "fig6c": "float32; N = 100",
        "fig6c_4096": "float32; N = 4096",
        "fig6c_float64": "float64; N = 100",
    },
}
"""Experiments that a kernel's figure may mean, with what sets them apart."""


def _of_kernel(printed: Printed, folder: Path) -> Iterator[Reading]:
    for name, setting in KERNELS[printed.figure].items():
        found = trainings(folder / name)
        for scale, entropy in SCALES.items():
            for method, label in FD_METHODS.items():
                if method in found:
                    pair = {"ad": found["ad"], "fd": found[method]}
                    for when, sigma in _spectra(pair):
                        H = {m: entropy(values, printed.cutoff) for m, values in sigma.items()}
                        yield Reading(f"{label}; {setting}; {scale}; {when}", H)


def _spectra(pair: dict[str, Trainings]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Singular values of J, (S, n), of AD and FD: at the end, then at other steps and rates.

    First those of the best rates; at the start, where all rates have the same networks, once.
    """
    best = {m: one.best() for m, one in pair.items()}
    rates = np.unique(pair["ad"].learning_rates)
    left = {m: one for m, one in best.items() if one is not None}
    if len(left) == len(pair):
        yield (
            "best learning rates, at the end",
            {m: one.singular_values[-1] for m, one in left.items()},
        )
    whole = {m: one.only(one.learning_rates == rates[0]) for m, one in pair.items()}
    yield "before training", {m: one.singular_values[0] for m, one in whole.items()}
    for rate in rates:
        at = {m: one.at_rate(rate) for m, one in pair.items()}
        if not all(len(one.seeds) > one.lost for one in at.values()):
            continue
        for row, step in enumerate(at["ad"].spectrum_steps):
            if step > 0 and all(row < len(one.spectrum_steps) for one in at.values()):
                when = f"learning rate {rate:g}, step {step:g}"
                yield when, {m: one.singular_values[row] for m, one in at.items()}
