"""The cases of the study, read from run folders: a spectrum, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pinnspectra.runs.found import Row, Run, find_runs
from pinnspectra.runs.record import by_member, read_arrays, read_metrics, read_spectra
from pinnspectra.studies.indicators.values import next_rate, rate_to_end, spectrum_indicators

SOLVES = {
    "relative_training_error": -1,
    "relative_training_error_ad": -1,
}
"""What comes of a random feature solve, and the sign that its correlation with H has in the paper's
claim: the larger H, the smaller the error."""

RECORDS = {
    "rate of loss": 1,
    "rate of loss/interior_ad64": 1,
    "rate to the end of loss/interior_ad64": 1,
    "loss/interior_ad64": -1,
}
"""The same of a record of a training run: rates to the next record or to the end, and the loss."""

RESIDUAL_RATE = "r'Gr/r'r"
"""The rate of the residual itself; of training runs that recorded it."""

RESIDUAL_RATE_COLUMN = "theorem1/rate"


@dataclass(frozen=True)
class Case:
    """One spectrum of a network: its indicators, and its outcomes, which they should indicate.

    Of a random feature solve, whose learning rate and step are 0, or of a record of a training run.
    """

    problem: str
    method: str
    precision: str
    width: int
    seed: int
    learning_rate: float
    step: int
    indicators: dict[str, float]
    outcomes: dict[str, float]

    @property
    def network(self) -> tuple[str, int, int]:
        """What cases that are not independent share: a problem and the initial network."""
        return self.problem, self.width, self.seed

    @property
    def setting(self) -> tuple[Any, ...]:
        """All but the method."""
        return *self.network, self.precision, self.learning_rate, self.step


@dataclass(frozen=True)
class Study:
    """The cases under a folder, and how many runs and members it has by how they ended."""

    solves: list[Case]
    records: list[Case]
    ended: Counter[str]


def find_cases(folder: Path) -> Study:
    """The cases of all finished members of all runs under a folder.

    Half-done, failed and diverged ones are left out and counted, and so are, as damaged, those
    whose files cannot be read or have no record that another follows.
    """
    solves, records, ended = [], [], Counter()
    for run in find_runs(folder):
        is_solve = (run.path / "spectrum.npz").exists()
        try:
            found = list(_solve(run) if is_solve else _training(run))
        except (KeyError, TypeError, ValueError):  # a file that can be read, with other contents
            found = [[] for _ in run.rows]
        for row, cases in zip(run.rows, found, strict=True):
            (solves if is_solve else records).extend(cases)
            whole = cases or row["status"] not in ("finished", None)
            ended[str(row["status"]) if whole else "damaged"] += 1
    return Study(solves, records, ended)


def _solve(run: Run) -> Iterator[list[Case]]:
    """The one case of a random feature solve; none where it is not whole."""
    sigma = read_arrays(run.path / "spectrum.npz").get("singular_values")
    for row in run.rows:
        if row["status"] != "finished" or sigma is None:
            yield []
            continue
        indicators = spectrum_indicators(sigma, _float(row["cutoff"]))
        outcomes = {name: _float(row[name]) for name in SOLVES}
        yield [Case(*_setting(run), int(row["seed"]), 0.0, 0, _at(indicators, ()), outcomes)]


def _training(run: Run) -> Iterator[list[Case]]:
    """The cases of each member, one a record but the last; none where they are not whole."""
    rows = run.rows
    recorded = _recorded(run, rows)
    for member, row in enumerate(rows):
        if row["status"] != "finished" or recorded is None:
            yield []
            continue
        steps, indicators, outcomes = recorded
        who = *_setting(run), int(row["seed"]), _float(row["learning_rate"])
        yield [
            Case(*who, int(step), _at(indicators, at), _at(outcomes, at))
            for k, step in enumerate(steps[:-1])
            for at in [(k, member)]
        ]


def _setting(run: Run) -> tuple[str, str, str, int]:
    """Problem, method, precision and width.

    Raises:
        KeyError, TypeError, ValueError: the configuration or the result is damaged.
    """
    precision, width = str(run.config["precision"]), int(run.config["model"]["width"])
    return str(run.result["pde"]), str(run.result["method"]), precision, width


def _recorded(run: Run, rows: list[Row]) -> tuple[np.ndarray, Any, Any] | None:
    """Steps, (K,), indicators and outcomes, (K - 1, S) or more.

    None where files are damaged or have no two records.
    """
    spectra = read_spectra(run.path / "spectra.npz")
    metrics = by_member(read_metrics(run.path / "metrics.csv"), len(rows))
    if not spectra or not metrics.keys() >= {"loss", "loss/interior_ad64"}:
        return None
    steps, at, of = np.intersect1d(metrics["step"], spectra["steps"], return_indices=True)
    eigenvalues = spectra["eigenvalues"][of]
    if eigenvalues.shape[1] != len(rows) or steps.size < 2:
        return None
    rates = np.array([_float(row["learning_rate"]) for row in rows])
    loss, true = metrics["loss"][at], metrics["loss/interior_ad64"][at]
    indicators = spectrum_indicators(eigenvalues, _float(rows[0]["cutoff"]))
    if RESIDUAL_RATE_COLUMN in metrics:
        indicators[RESIDUAL_RATE] = metrics[RESIDUAL_RATE_COLUMN][at]
    found = (
        next_rate(steps, loss, rates),
        next_rate(steps, true, rates),
        rate_to_end(steps, true, rates),
        true,
    )
    return steps, indicators, dict(zip(RECORDS, found, strict=True))


def _at(values: dict[str, np.ndarray], index: tuple[int, ...]) -> dict[str, float]:
    return {name: float(value[index]) for name, value in values.items()}


def _float(value: Any) -> float:
    return float("nan") if value is None else float(value)
