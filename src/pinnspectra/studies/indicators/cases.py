"""The cases of the study, read from run folders: a spectrum, and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from pinnspectra.runs.found import find_runs
from pinnspectra.runs.numbers import number
from pinnspectra.runs.record import Run, Solve
from pinnspectra.spectra.entropy import effective_cutoff, truncated_entropy

NETWORK = ["problem", "width", "seed"]
"""Columns of what cases share that are not independent: a problem and the initial network."""

SETTING = [*NETWORK, "precision", "learning_rate", "step"]
"""Columns of what cases share that differ by the method alone."""

INDICATORS = {
    "H": "the truncated entropy (Definition 2)",
    "e": "the effective cut-off number (Definition 1)",
    "condition": "the largest value over the smallest above the cut-off",
    "mean": "the mean of the values above the cut-off (what Theorem 1's bounds hold of G)",
    "log det": "the sum of the logarithms of the values above the cut-off",
    "largest": "the largest value",
}
"""What is taken of every spectrum."""

NEXT, LAST = slice(1, None), slice(-1, None)
"""Of records, the one after each, and the last."""

RESIDUAL_RATE = "r'Gr/r'r"
"""The rate of the residual itself; of training runs that recorded it."""


@dataclass(frozen=True)
class Outcome:
    """What a spectrum should indicate.

    Attributes:
        name: of the column; of solves the key in result.json.
        sign: of the correlation with H in the paper's claim.
        meaning: in a sentence.
        label: of an axis; "" where it is not drawn.
    """

    name: str
    sign: int
    meaning: str
    label: str = ""


SOLVES = (
    Outcome(
        "relative_training_error",
        -1,
        "What the solve believes, by its own method and precision.",
        "relative training error",
    ),
    Outcome(
        "relative_training_error_ad",
        -1,
        "The same coefficients' residual by AD in float64: what is true.",
        "true relative training error",
    ),
)
"""Outcomes of a random feature solve."""

RECORDS = (
    Outcome(
        "rate of loss",
        1,
        "-d log L / d t of the loss that is minimised, from a record to the next; t is "
        "learning rate times gradient steps.",
        r"$-\mathrm{d} \log L \,/\, \mathrm{d} t$, to the next record",
    ),
    Outcome(
        "rate of loss/interior_ad64",
        1,
        "The same of the interior loss by AD in float64: what is true.",
        r"$-\mathrm{d} \log L_F \,/\, \mathrm{d} t$, true",
    ),
    Outcome(
        "rate to the end of loss/interior_ad64",
        1,
        "The same from a record to the end of the run.",
    ),
    Outcome(
        "loss/interior_ad64",
        -1,
        "How far training has come: the true interior loss at the record.",
    ),
)
"""Outcomes of a record of a training run: rates to the next record or to the end, and the loss."""


@dataclass(frozen=True)
class Study:
    """The cases under a folder, a row each, and the number of members by how they ended.

    The columns of `solves` and `records` are SETTING, "method", the indicators that all have, and
    the outcomes.
    """

    solves: pd.DataFrame
    records: pd.DataFrame
    ended: Counter[str]


def find_cases(folder: Path) -> Study:
    """Read the cases of all finished members of all runs under a folder.

    Members that are half done, failed or diverged are left out and counted, and so are, as damaged,
    those whose files cannot be read or have no record that another follows.
    """
    solves, records, ended = [], [], Counter()
    for run in find_runs(folder):
        statuses = [row["status"] for row in run.rows]
        try:
            cases = _training(run) if run.solve is None else _solved(run, run.solve)
        except (KeyError, TypeError, ValueError):  # a file that can be read, with other contents
            cases = pd.DataFrame({"member": []})
        finished = [member for member, status in enumerate(statuses) if status == "finished"]
        cases = cases.loc[cases["member"].isin(finished)]
        for member, status in enumerate(statuses):
            damaged = status in ("finished", None) and member not in set(cases["member"])
            ended["damaged" if damaged else str(status)] += 1
        if len(cases):
            (records if run.solve is None else solves).append(cases)
    return Study(_joined(solves), _joined(records), ended)


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, join="inner", ignore_index=True) if tables else pd.DataFrame()


def _solved(run: Run, solve: Solve) -> pd.DataFrame:
    """Return the one case of a random feature solve."""
    outcomes = {one.name: number(run.result[one.name]) for one in SOLVES}
    indicators = spectrum_indicators(solve.singular_values, run.cutoff)
    who = {"member": [0], "seed": int(run.result["seed"]), "learning_rate": 0.0, "step": 0}
    return pd.DataFrame(who | _setting(run) | indicators | outcomes)


def _training(run: Run) -> pd.DataFrame:
    """Return the cases of a training run: the members' records but the last.

    Raises:
        KeyError, TypeError, ValueError: files are damaged or have no two records.
    """
    metrics, spectra = run.metrics, run.spectra
    if spectra is None:
        raise ValueError("no spectra")
    steps, at, of = np.intersect1d(metrics["step"], spectra.steps, return_indices=True)
    if steps.size < 2:
        raise ValueError("no two records")
    rates = np.array([number(row["learning_rate"]) for row in run.rows])
    loss, true = metrics["loss"][at], metrics["loss/interior_ad64"][at]
    indicators = spectrum_indicators(spectra.eigenvalues[of], run.cutoff)
    if "theorem1/rate" in metrics:
        indicators[RESIDUAL_RATE] = metrics["theorem1/rate"][at]
    falls = ((loss, NEXT), (true, NEXT), (true, LAST))
    outcomes = [*(rate(steps, of, rates, until) for of, until in falls), true]
    records, members = steps.size - 1, np.arange(len(rates))
    values = indicators | dict(zip([one.name for one in RECORDS], outcomes, strict=True))
    who = {
        "member": np.repeat(members, records),
        "seed": np.repeat([row["seed"] for row in run.rows], records).astype(int),
        "learning_rate": np.repeat(rates, records),
        "step": np.tile(steps[:-1], members.size).astype(int),
    }
    by_member = {name: array[:records].T.ravel() for name, array in values.items()}
    return pd.DataFrame(who | _setting(run) | by_member)


def _setting(run: Run) -> dict[str, Any]:
    """Return problem, method, precision and width.

    Raises:
        KeyError, TypeError, ValueError: the configuration or the result is damaged.
    """
    return {
        "problem": str(run.result["pde"]),
        "method": str(run.result["method"]),
        "precision": str(run.config["precision"]),
        "width": int(run.config["model"]["width"]),
    }


def spectrum_indicators(spectra: np.ndarray, cutoff: float) -> dict[str, np.ndarray]:
    """The INDICATORS of spectra, (..., n), each (...), float64; NaN where a spectrum is not finite.

    Above the cut-off are the values of at least cutoff times the largest (Eq. 1).
    """
    values = torch.from_numpy(np.asarray(spectra, dtype=float))
    largest, e = values.amax(dim=-1), effective_cutoff(values, cutoff)
    kept = values >= cutoff * largest[..., None]
    found = {
        "H": truncated_entropy(values, cutoff),
        "e": e,
        "condition": largest / values.where(kept, torch.inf).amin(dim=-1),
        "mean": values.where(kept, 0.0).sum(dim=-1) / e,
        "log det": values.where(kept, 1.0).log().sum(dim=-1),
        "largest": largest,
    }
    finite = values.isfinite().all(dim=-1)
    return {name: value.where(finite, torch.nan).numpy() for name, value in found.items()}


def rate(
    steps: np.ndarray, loss: np.ndarray, learning_rates: np.ndarray, until: slice
) -> np.ndarray:
    """-d log L / d t from each record but the last, (K - 1, S); NaN where a loss is not positive.

    t = learning rate times steps is the time of the gradient flow (Eq. 16), so that runs with
    different learning rates can be compared.

    Args:
        steps: gradient steps of the records, (K,).
        loss: L at them, (K, S).
        learning_rates: of the members, (S,).
        until: the records to which, NEXT or LAST.
    """
    log = np.log(np.where(loss > 0, loss, np.nan))
    return (log[:-1] - log[until]) / ((steps[until] - steps[:-1])[:, None] * learning_rates)
