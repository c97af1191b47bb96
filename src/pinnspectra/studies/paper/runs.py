"""What the runs of an experiment left, by method: arrays with a seed axis S."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pinnspectra.runs.found import Run, find_runs
from pinnspectra.runs.record import by_member, read_arrays, read_metrics, read_spectra
from pinnspectra.spectra import entropy as spectrum


def truncated_entropy(values: np.ndarray, cutoff: float) -> np.ndarray:
    """H(a) of spectra (..., n), (...) (Definition 2)."""
    return spectrum.truncated_entropy(torch.from_numpy(values), cutoff).numpy()


def effective_cutoff(values: np.ndarray, cutoff: float) -> np.ndarray:
    """e(a) of spectra (..., n), (...) (Definition 1)."""
    return spectrum.effective_cutoff(torch.from_numpy(values), cutoff).numpy()


@dataclass(frozen=True, eq=False)
class Solves:
    """Random feature solves of one method, of S seeds at the same width.

    singular_values (S, n) of A, and floor (S, n), what of them is rounding; solved_singular_values
    of the matrix that is solved, which may have boundary rows; errors (P, S), the training errors
    at truncation positions 1..P; training_error and training_error_ad (S,), ||A a - f|| / ||f|| by
    the method and, true, by AD.
    """

    singular_values: np.ndarray
    floor: np.ndarray
    solved_singular_values: np.ndarray
    errors: np.ndarray
    training_error: np.ndarray
    training_error_ad: np.ndarray

    def entropy(self, cutoff: float) -> np.ndarray:
        """H of A, (S,)."""
        return truncated_entropy(self.singular_values, cutoff)

    def used(self, cutoff: float) -> int:
        """e of A, the median seed's."""
        return int(np.median(effective_cutoff(self.singular_values, cutoff)))


def choices(run: Run) -> dict[str, str]:
    """What a job of a multirun was given on the command line or by the sweep."""
    return {key: value for key, _, value in (o.partition("=") for o in run.overrides)}


def solves(folder: Path) -> dict[str, Solves]:
    """The solves in the folder of an experiment at one width, by method."""
    return _by_method(find_runs(folder))


def solves_by_width(folder: Path) -> dict[int, dict[str, Solves]]:
    """The solves in the folder of an experiment that sweeps over the width M, by M and method."""
    at: dict[int, list[Run]] = {}
    for run in find_runs(folder):
        at.setdefault(int(choices(run)["model.width"]), []).append(run)
    return {width: _by_method(at[width]) for width in sorted(at)}


def _by_method(runs: Sequence[Run]) -> dict[str, Solves]:
    grouped: dict[str, list[Run]] = {}
    for run in runs:
        grouped.setdefault(run.result["method"], []).append(run)
    return {method: _solves(of_one) for method, of_one in grouped.items()}


def _solves(runs: Sequence[Run]) -> Solves:
    arrays = [read_arrays(run.path / "spectrum.npz") for run in runs]

    def results(name: str) -> np.ndarray:
        return np.array([run.result[name] for run in runs], dtype=float)

    return Solves(
        singular_values=np.stack([a["singular_values"] for a in arrays]),
        floor=np.stack([a["floor"] for a in arrays]),
        solved_singular_values=np.stack([a["solved_singular_values"] for a in arrays]),
        errors=np.stack([a["relative_training_error"] for a in arrays], axis=1),
        training_error=results("relative_training_error"),
        training_error_ad=results("relative_training_error_ad"),
    )


@dataclass(frozen=True, eq=False)
class Trainings:
    """The members of one method's training run, of every seed and learning rate: S of them.

    metrics: by name (K, S) at steps (K,); singular_values of J, (R, S, n), at spectrum_steps (R,),
    and floor (S, n), what of the last of them is rounding.
    diverged (S,); lost counts those that `at_rate` has left out.
    """

    learning_rates: np.ndarray
    seeds: np.ndarray
    diverged: np.ndarray
    steps: np.ndarray
    metrics: dict[str, np.ndarray]
    spectrum_steps: np.ndarray
    singular_values: np.ndarray
    floor: np.ndarray
    lost: int = 0

    @property
    def eigenvalues(self) -> np.ndarray:
        """Eigenvalues of G = J J^T, (R, S, n)."""
        return self.singular_values**2

    @property
    def rate(self) -> float:
        """The learning rate of the members, where they share it."""
        return float(self.learning_rates[0])

    def at_rate(self, rate: float) -> Trainings:
        """The members with a learning rate that did not diverge."""
        chosen = self.learning_rates == rate
        return replace(self.only(chosen & ~self.diverged), lost=int((chosen & self.diverged).sum()))

    def only(self, members: np.ndarray) -> Trainings:
        """Some members, (S,) of bool."""
        return replace(
            self,
            learning_rates=self.learning_rates[members],
            seeds=self.seeds[members],
            diverged=self.diverged[members],
            metrics={name: values[:, members] for name, values in self.metrics.items()},
            singular_values=self.singular_values[:, members],
            floor=self.floor[members],
        )

    def best(self) -> Trainings | None:
        """The members of the learning rate with the least median loss at the end; None if none is.

        Of the rates at which more members got to the end than diverged.
        """
        groups = [self.at_rate(rate) for rate in np.unique(self.learning_rates)]
        whole = [group for group in groups if len(group.seeds) > group.lost]
        if not whole:
            return None
        return min(whole, key=lambda group: np.median(group.metrics["loss"][-1]))

    def true_training_error(self) -> np.ndarray:
        """||L u - f|| / ||f|| by AD in float64, (K, S); the run's own is relative_training_error.

        mean f^2 is the run's own interior loss over the square of its own relative error.
        """
        own, interior = self.metrics["relative_training_error"], self.metrics["loss/interior"]
        return own * np.sqrt(self.metrics["loss/interior_ad64"] / interior)


def trainings(folder: Path) -> dict[str, Trainings]:
    """The training runs in an experiment's folder by method."""
    return {run.result["method"]: _trainings(run) for run in find_runs(folder)}


def _trainings(run: Run) -> Trainings:
    rows = run.rows
    metrics = by_member(read_metrics(run.path / "metrics.csv"), len(rows))
    spectra = read_spectra(run.path / "spectra.npz")

    def column(name: str) -> np.ndarray:
        values: list[Any] = [row[name] for row in rows]
        return np.array(values)

    return Trainings(
        learning_rates=column("learning_rate"),
        seeds=column("seed"),
        diverged=column("status") == "diverged",
        steps=metrics.pop("step"),
        metrics=metrics,
        spectrum_steps=spectra["steps"],
        singular_values=spectra["singular_values"],
        floor=spectra["floor"],
    )
