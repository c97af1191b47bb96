"""What the paper leaves open, tried: each reading of a printed pair, with the entropies it gives.

Random features: M = N, which FD, the step of the biharmonic stencil, boundary rows. Networks: which
FD, steps and learning rate, precision, N of the biharmonic problem, the initialisation, and the
scale that the threshold a is applied to. No seed is chosen: a reading is the median of all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pinnspectra.studies.paper.experiments import RFM, TRAIN, Experiment
from pinnspectra.studies.paper.members import (
    Solves,
    Trainings,
    best,
    solves,
    solves_by_width,
    trainings,
    truncated_entropy,
)
from pinnspectra.studies.paper.printed import Printed

EXPERIMENTS: tuple[Experiment, ...] = (
    *(Experiment(f"{name}_boundary", RFM) for name in ("fig1", "fig5a", "fig6a")),
    Experiment("fig6a_spacing", RFM),
    *(Experiment(f"{name}_float64", TRAIN) for name in ("fig4", "fig5c", "fig6c")),
    Experiment("fig5c_pytorch", TRAIN),
)
"""Experiments that no figure shows."""

FD_METHODS = {"fd": "FD at shifted points", "fd_grid": "printed FD matrix"}

BOUNDARY = "boundary conditions as further rows of A"


@dataclass(frozen=True, eq=False)
class Reading:
    """Entropies of AD and FD, (S,), in one reading of the paper, which `label` names."""

    label: str
    entropy: dict[str, np.ndarray]

    def factor(self, printed: Mapping[str, float]) -> float:
        """Return the larger factor, at least 1, between the medians and the printed pair."""
        medians = {m: float(np.median(self.entropy[m])) for m in printed}
        if min(medians.values()) <= 0:  # the entropy of a single value
            return math.inf
        return max(max(medians[m] / printed[m], printed[m] / medians[m]) for m in printed)


def readings(printed: Printed, folder: Path) -> list[Reading]:
    """Return all readings of a printed pair, first that of the settings that the paper prints."""
    return list((_of_matrix if printed.matrix == "A" else _of_kernel)(printed, folder))


def nearest(found: list[Reading], printed: Mapping[str, float]) -> Reading:
    """Return the reading whose medians are nearest to the printed pair."""
    return min(found, key=lambda reading: reading.factor(printed))


def printed_solves(printed: Printed, folder: Path) -> dict[str, Solves]:
    """Read the solves at the settings that the paper prints."""
    if printed.width is None:
        return solves(folder / printed.experiment)
    return solves_by_width(folder / printed.experiment)[printed.width]


def _of_matrix(printed: Printed, folder: Path) -> Iterator[Reading]:
    first, M = printed_solves(printed, folder), printed.width or 400
    size = f"M = {M}, N = 64 x 64" if printed.pde == "poisson2d" else f"M = N = {M}"
    tried = {size: first}
    if printed.figure == "3":
        tried |= {f"M = N = {w}": at for w, at in solves_by_width(folder / "fig1").items()}
        with_rows = solves_by_width(folder / "fig1_boundary")
        bounded = {f"M = N = {w}; {BOUNDARY}": at for w, at in with_rows.items()}
        tried[size] = first
    else:
        bounded = {f"{size}; {BOUNDARY}": solves(folder / f"fig{printed.figure}_boundary")}
    if printed.figure == "6a":
        spacing = {"ad": first["ad"], **solves(folder / "fig6a_spacing")}
        tried[f"{size}; h = 2/N instead of 1/64"] = spacing
    for label, found in tried.items():
        spectra = {method: one.spectrum for method, one in found.items()}
        yield from _by_fd(spectra, printed.cutoff, label)
    for label, found in bounded.items():
        spectra = {method: one.solved_spectrum for method, one in found.items()}
        yield from _by_fd(spectra, printed.cutoff, label)


def _by_fd(spectra: Mapping[str, np.ndarray], cutoff: float, label: str) -> Iterator[Reading]:
    """Yield a reading for each FD method."""
    for method, name in FD_METHODS.items():
        if method in spectra:
            pair = {"ad": spectra["ad"], "fd": spectra[method]}
            H = {m: truncated_entropy(values, cutoff) for m, values in pair.items()}
            yield Reading(f"{name}; {label}", H)


SCALES: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "eigenvalues": lambda sigma, a: truncated_entropy(sigma**2, a),
    "their square roots": truncated_entropy,
    "eigenvalues above a sqrt(lambda_1)": lambda sigma, a: np.array(
        [truncated_entropy(values**2, a / values.max()) for values in sigma]
    ),
}
"""What the entropy of G is taken of, from singular values of J, (S, N), and the threshold a.

Sec. 3.2 neglects the eigenvalues up to a sqrt(lambda_1).
"""


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
"""Experiments that the figure of a kernel may mean, with what sets them apart."""


def _of_kernel(printed: Printed, folder: Path) -> Iterator[Reading]:
    for name, setting in KERNELS[printed.figure].items():
        found = trainings(folder / name)
        for scale, entropy in SCALES.items():
            for method in [m for m in FD_METHODS if m in found]:
                pair = {"ad": found["ad"], "fd": found[method]}
                for moment, sigma in _moments(pair):
                    H = {m: entropy(values, printed.cutoff) for m, values in sigma.items()}
                    yield Reading(f"{FD_METHODS[method]}; {setting}; {scale}; {moment}", H)


def _moments(pair: Mapping[str, Trainings]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yield singular values of J, (S, N), of AD and FD: at the end, then at other steps and rates.

    First those of the best rates; at the start, where all rates have the same networks, once.
    """
    if len(best(pair)) == len(pair):
        yield "best learning rates, at the end", _at(best(pair), -1)
    rates = pair["ad"].rates
    yield "before training", _at({m: one.at_rate(rates[0], True) for m, one in pair.items()}, 0)
    for rate in rates:
        left = {m: one.at_rate(rate) for m, one in pair.items()}
        if any(len(one.members) <= one.lost for one in left.values()):
            continue
        last = min(len(one.singular_values) for one in left.values())
        for row, step in enumerate(left["ad"].recorded.steps[:last]):
            if step > 0:
                yield f"learning rate {rate:g}, step {step:g}", _at(left, row)


def _at(pair: Mapping[str, Trainings], row: int) -> dict[str, np.ndarray]:
    return {method: one.singular_values[row] for method, one in pair.items()}
