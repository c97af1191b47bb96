"""What a report shows of the runs: what each has recorded, read once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pinnspectra.runs.found import Row, Run
from pinnspectra.runs.numbers import is_number, number
from pinnspectra.runs.pairs import comparable
from pinnspectra.runs.record import (
    SOLVE,
    by_member,
    read_arrays,
    read_metrics,
    read_solve,
    read_spectra,
    real,
)
from pinnspectra.show.figures.curves import by_learning_rate
from pinnspectra.show.figures.members import across, ended, labelled


@dataclass(frozen=True, eq=False)
class History:
    """Losses, (K, S) each, over gradient steps, (K,), of members that share a learning rate.

    `total` is the loss that is trained, `believed` its interior part by the run's method, `true`
    the same by AD in float64.
    """

    steps: np.ndarray
    total: np.ndarray
    believed: np.ndarray
    true: np.ndarray


@dataclass(frozen=True, eq=False)
class Spectra:
    """Spectra of members, (T, S, N), largest first, at steps, (T,), of G or of A (then T = 1).

    `floor`, (N,), is what of the last is rounding, `cutoff` the a of Definition 1, `entropy`,
    (T, S), the truncated entropy.
    """

    matrix: str
    steps: np.ndarray
    values: np.ndarray
    floor: np.ndarray
    cutoff: float
    entropy: np.ndarray

    def at(self, step: int, which: np.ndarray) -> np.ndarray:
        """The median over the members of the values with the given indices, (n,)."""
        return median(self.values[step][:, which].T)


@dataclass(frozen=True, eq=False)
class Truncation:
    """Relative training error over the truncation position, (P,) each, and the one used."""

    position: np.ndarray
    error: np.ndarray
    used: int


@dataclass(frozen=True, eq=False)
class Solution:
    """The solutions of members, (S, N), at points, (N, d), beside the exact one, (N,)."""

    points: np.ndarray
    u: np.ndarray
    exact: np.ndarray

    @cached_property
    def median(self) -> np.ndarray:
        """The pointwise median over the members, (N,)."""
        return median(self.u.T)


@dataclass(frozen=True, eq=False)
class Curves:
    """What is drawn as one: the members of a run that share a learning rate.

    What was not recorded is None.
    """

    run: int
    label: str
    method: str
    history: History | None
    spectra: Spectra | None
    truncation: Truncation | None


@dataclass(frozen=True, eq=False)
class Shown:
    """A run as the report shows it."""

    run: Run
    title: str
    curves: Sequence[Curves]
    solution: Solution | None

    @cached_property
    def rows(self) -> list[Row]:
        """The run's values by column, a member each, without those that say nothing."""
        return [comparable(self.run, row) for row in self.run.rows]

    @property
    def method(self) -> str:
        """The method's name, as it has its colour by."""
        return str(self.run.result.get("method"))


def median(values: np.ndarray) -> np.ndarray:
    """The median over the members, (K,), of the finite values of (K, S), in float64."""
    if values.shape[1] == 1:
        return np.where(np.isfinite(values[:, 0]), values[:, 0].astype(float), np.nan)
    return across(values)[1]


def shown(runs: Sequence[Run], titles: Sequence[str]) -> list[Shown]:
    """The runs with all that they have recorded."""
    return [
        Shown(run, title, list(_curves(i, run, title)), _solution(run.path))
        for i, (run, title) in enumerate(zip(runs, titles, strict=True))
    ]


def _curves(index: int, run: Run, title: str) -> Iterator[Curves]:
    """The run's curves, for each of the members' learning rates."""
    rows, method = run.rows, str(run.result.get("method"))
    spectra, truncation = _solved(run)
    if truncation or spectra:
        yield Curves(index, title, method, None, spectra, truncation)
        return
    history, spectra = _history(run.path, len(rows)), _trained(run, len(rows))
    for rate, members in by_learning_rate(run.learning_rates, len(rows)).items():
        of_these = _of_members(history, spectra, members)
        yield Curves(index, labelled(title, rate), method, *of_these, None)


def _of_members(
    history: History | None, spectra: Spectra | None, which: np.ndarray
) -> tuple[History | None, Spectra | None]:
    """The same of some members: of those that are there to the end, if any is."""
    if history:
        there = ~ended(history.total[:, which])
        which = which[there] if there.any() else which
        losses = (v[:, which] for v in (history.total, history.believed, history.true))
        history = History(history.steps, *losses)
    if spectra:
        kept = spectra.values[:, which], spectra.floor[which], spectra.entropy[:, which]
        floor = median(kept[1].T)
        spectra = Spectra("G", spectra.steps, kept[0], floor, spectra.cutoff, kept[2])
    return history, spectra


def _history(path: Path, size: int) -> History | None:
    metrics = by_member(read_metrics(path / "metrics.csv"), size)
    if not metrics.keys() >= {"step", "loss"} or not metrics["step"].size:
        return None
    none = np.full(metrics["loss"].shape, np.nan)
    parts = (metrics.get(f"loss/{name}", none) for name in ("interior", "interior_ad64"))
    return History(metrics["step"], metrics["loss"], *parts)


def _trained(run: Run, size: int) -> Spectra | None:
    """The spectra of the training kernel G; their floor has the members' axis, (S, N)."""
    arrays = read_spectra(run.path / "spectra.npz")
    if not arrays or arrays["eigenvalues"].shape[1] != size:
        return None
    values, floor = arrays["eigenvalues"], arrays["floor"].astype(float) ** 2
    return Spectra("G", arrays["steps"], values, floor, _cutoff(run), arrays["truncated_entropy"])


def _solved(run: Run) -> tuple[Spectra | None, Truncation | None]:
    """The spectrum of the system matrix A and the errors of the truncated solutions."""
    arrays = read_solve(run.path / "spectrum.npz")
    sigma, floor, position, error = (arrays.get(name, np.empty(0)) for name in SOLVE)
    spectra = truncation = None
    if sigma.size:
        entropy = np.array([[number(run.result.get("truncated_entropy"))]])
        at = np.zeros(1)
        spectra = Spectra("A", at, sigma[None, None], floor, _cutoff(run), entropy)
    if position.size:
        used = run.result.get("truncation_position")
        truncation = Truncation(position, error, int(used) if is_number(used) else 0)
    return spectra, truncation


def _solution(path: Path) -> Solution | None:
    arrays = read_arrays(path / "solution.npz")
    if not arrays.keys() >= {"points", "solution", "exact"}:
        return None
    points, u, exact = (arrays[name] for name in ("points", "solution", "exact"))
    if not all(map(real, (points, u, exact))):
        return None
    if points.ndim != 2 or exact.shape != points.shape[:1] or u.shape[1:] != exact.shape:
        return None
    known = exact.size and np.isfinite(exact).all()
    return Solution(points, u, exact) if known and np.isfinite(u).any() else None


def _cutoff(run: Run) -> float:
    return number(run.result.get("cutoff"))
