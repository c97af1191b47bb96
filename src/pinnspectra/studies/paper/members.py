"""The members of an experiment by method: spectra, errors and histories with a seed axis S."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from pinnspectra.runs.found import find_runs
from pinnspectra.runs.record import Run, Spectra
from pinnspectra.spectra import entropy

ALIKE = 0.1
"""Relative difference up to which two values are alike."""


def truncated_entropy(values: np.ndarray, cutoff: float) -> np.ndarray:
    """Return H(a) of spectra (..., N), (...) (Definition 2)."""
    return entropy.truncated_entropy(torch.from_numpy(values), cutoff).numpy()


def ratios(ad: np.ndarray, fd: np.ndarray) -> np.ndarray:
    """Return FD's k-th value over AD's, (N,), medians over the seeds of spectra (S, N)."""
    return np.median(fd, axis=0) / np.median(ad, axis=0)


def values_alike(ad: np.ndarray, fd: np.ndarray) -> int:
    """Return the paper's K: the number of values before AD and FD part, of spectra (S, N)."""
    apart = np.flatnonzero(~(np.abs(ratios(ad, fd) - 1) <= ALIKE))
    return int(apart[0]) if apart.size else ad.shape[1]


def choices(run: Run) -> dict[str, str]:
    """Return the overrides of a job of a multirun by key."""
    return {key: value for key, _, value in (o.partition("=") for o in run.overrides)}


@dataclass(frozen=True, eq=False)
class Solves:
    """Random feature solves of one method and width, by S seeds.

    Attributes:
        spectrum: singular values of A, (S, N).
        floor: their predicted rounding floor, (S, N).
        solved_spectrum: singular values of the matrix that is solved, with any boundary rows.
        errors: relative training errors at truncation positions 1 to P, (P, S).
        training_error: ||A a - f|| / ||f|| by the method, (S,).
        true_training_error: the same by AD, (S,).
    """

    spectrum: np.ndarray
    floor: np.ndarray
    solved_spectrum: np.ndarray
    errors: np.ndarray
    training_error: np.ndarray
    true_training_error: np.ndarray

    def entropy(self, cutoff: float) -> np.ndarray:
        """Return H of A, (S,)."""
        return truncated_entropy(self.spectrum, cutoff)

    def used(self, cutoff: float) -> int:
        """Return the median of e of A."""
        sigma = torch.from_numpy(self.spectrum)
        return int(np.median(entropy.effective_cutoff(sigma, cutoff).numpy()))


def solves(folder: Path) -> dict[str, Solves]:
    """Read the solves of an experiment at one width by method."""
    return _by_method(find_runs(folder))


def solves_by_width(folder: Path) -> dict[int, dict[str, Solves]]:
    """Read the solves of an experiment that sweeps over the width M, by M and method."""
    at: dict[int, list[Run]] = defaultdict(list)
    for run in find_runs(folder):
        at[int(choices(run)["model.width"])].append(run)
    return {width: _by_method(at[width]) for width in sorted(at)}


def _by_method(runs: Sequence[Run]) -> dict[str, Solves]:
    methods = dict.fromkeys(run.method for run in runs if run.solve is not None)
    return {method: _solves([run for run in runs if run.method == method]) for method in methods}


def _solves(runs: Sequence[Run]) -> Solves:
    every = [run.solve for run in runs if run.solve is not None]
    results = [run.result for run in runs if run.solve is not None]
    return Solves(
        spectrum=np.stack([solve.singular_values for solve in every]),
        floor=np.stack([solve.floor for solve in every]),
        solved_spectrum=np.stack([solve.solved_singular_values for solve in every]),
        errors=np.stack([solve.relative_training_error for solve in every], axis=1),
        training_error=np.array([one["relative_training_error"] for one in results]),
        true_training_error=np.array([one["relative_training_error_ad"] for one in results]),
    )


@dataclass(frozen=True, eq=False)
class Trainings:
    """S members of one method's training run, of all its seeds and learning rates or of some.

    Attributes:
        run: the run.
        recorded: the spectra of all its members.
        members: their numbers, (S,).
        lost: the number of diverged members that are left out.
    """

    run: Run
    recorded: Spectra
    members: np.ndarray
    lost: int = 0

    def column(self, key: str) -> np.ndarray:
        """Return a quantity of result.json, (S,)."""
        rows = self.run.rows
        return np.array([rows[member][key] for member in self.members])

    def metric(self, name: str) -> np.ndarray:
        """Return a metric over the steps, (T, S)."""
        return self.run.metrics[name][:, self.members]

    @property
    def steps(self) -> np.ndarray:
        """The gradient steps of the metrics, (T,)."""
        return self.run.metrics["step"]

    @property
    def singular_values(self) -> np.ndarray:
        """Singular values of J at every recorded step, (K, S, N)."""
        return self.recorded.singular_values[:, self.members]

    @property
    def spectrum(self) -> np.ndarray:
        """Eigenvalues of G = J J^T at the end, (S, N)."""
        return self.recorded.eigenvalues[-1, self.members]

    @property
    def floor(self) -> np.ndarray:
        """Their predicted rounding floor, (S, N)."""
        return self.recorded.floor[self.members]

    def entropy(self, cutoff: float) -> np.ndarray:
        """Return H of G at the end, (S,)."""
        return truncated_entropy(self.spectrum, cutoff)

    @property
    def true_training_error(self) -> np.ndarray:
        """||L u - f|| / ||f|| at the steps by AD in float64, (T, S).

        The method's error over this is the root of the method's interior loss over the true one,
        since both errors are relative to f.
        """
        own, true = self.metric("loss/interior"), self.metric("loss/interior_ad64")
        return self.metric("relative_training_error") * np.sqrt(true / own)

    @property
    def rates(self) -> np.ndarray:
        """The learning rates, ascending."""
        return np.unique(self.column("learning_rate"))

    def only(self, chosen: np.ndarray) -> Trainings:
        """Return some members, (S,) of bool."""
        return replace(self, members=self.members[chosen])

    def at_rate(self, rate: float, diverged: bool = False) -> Trainings:
        """Return the members of a learning rate, those that diverged only if asked."""
        of_rate = self.only(self.column("learning_rate") == rate)
        if diverged:
            return of_rate
        lost = of_rate.column("status") == "diverged"
        return replace(of_rate.only(~lost), lost=int(lost.sum()))

    def best(self) -> Trainings | None:
        """Return the members of the learning rate with the least median loss at the end, if any.

        Of the rates at which more members got to the end than diverged.
        """
        groups = [self.at_rate(rate) for rate in self.rates]
        whole = [group for group in groups if len(group.members) > group.lost]
        return min(whole, key=lambda group: np.median(group.metric("loss")[-1]), default=None)


def trainings(folder: Path) -> dict[str, Trainings]:
    """Read the training runs of an experiment by method."""
    return {
        run.method: Trainings(run, run.spectra, np.arange(len(run.rows)))
        for run in find_runs(folder)
        if run.spectra is not None
    }


def best(found: Mapping[str, Trainings]) -> dict[str, Trainings]:
    """Return the members of each method's best learning rate; no method that always diverges."""
    return {method: members for method, one in found.items() if (members := one.best())}
