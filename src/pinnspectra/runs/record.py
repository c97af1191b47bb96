"""The record of a run: what its folder holds, each file read once, when it is asked for.

What is missing or damaged is None or empty; Run.damage tells which files are damaged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pinnspectra.runs.files import FILES, Arrays, Content, read
from pinnspectra.runs.numbers import number
from pinnspectra.runs.quantities import QUANTITIES

FREE_SOLUTION = ("relative_l2_error", "loss_boundary")
"""What means nothing where a random feature model has no boundary rows: u is then free."""

Row = dict[str, Any]
"""Values of a member by key of QUANTITIES, each of its kind; None where it has none."""


@dataclass(frozen=True, eq=False)
class Spectra:
    """The spectra of training, largest first, at the T >= 1 steps at which a member has one.

    `steps` is (T,); `singular_values`, of J, and `eigenvalues`, of G = J J^T, are (T, S, N);
    `effective_cutoff` and `truncated_entropy` are (T, S): NaN where a member has no spectrum.
    `floor` is the rounding floor of the last eigenvalues as predicted, `singular_value_floor` that
    of the last singular values, its root, (S, N): NaN where none was recorded.
    """

    steps: np.ndarray
    singular_values: np.ndarray
    eigenvalues: np.ndarray
    floor: np.ndarray
    singular_value_floor: np.ndarray
    effective_cutoff: np.ndarray
    truncated_entropy: np.ndarray

    @staticmethod
    def of(arrays: Arrays) -> Spectra | None:
        """Take the steps of a spectra.npz at which a member has a spectrum; None without any."""
        floor = arrays["floor"].astype(float)
        taken = np.isfinite(arrays["truncated_entropy"]).any(axis=1)
        kept = {name: array[taken] for name, array in arrays.items() if name != "floor"}
        with np.errstate(over="ignore"):  # of a spectrum that is not finite
            squares = floor**2
        return Spectra(floor=squares, singular_value_floor=floor, **kept) if taken.any() else None


@dataclass(frozen=True, eq=False)
class Solve:
    """A solved random feature model; what was not recorded is of size 0.

    `singular_values` of A, (n,), largest first, with their rounding `floor`, at most (n,); of A
    with its boundary rows, `solved_singular_values`; and P truncated solutions: the
    `relative_training_error` at each `truncation_position`, (P,).
    """

    singular_values: np.ndarray
    floor: np.ndarray
    truncation_position: np.ndarray
    relative_training_error: np.ndarray
    solved_singular_values: np.ndarray


@dataclass(frozen=True, eq=False)
class Solution:
    """The solutions of the members, (S, N), at points, (N, d), and the exact one, (N,)."""

    points: np.ndarray
    values: np.ndarray
    exact: np.ndarray


@dataclass(frozen=True, eq=False)
class Run:
    """A run's folder, and the name that tables call it by.

    `known` is its result where it is known before it is written.
    """

    path: Path
    name: str
    known: Mapping[str, Any] | None = None
    _contents: dict[str, Content] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def overrides(self) -> tuple[str, ...]:
        """What was given on the command line or by the sweep, as KEY=VALUE."""
        return tuple(self._read(".hydra/overrides.yaml") or ())

    @cached_property
    def config(self) -> dict[str, Any]:
        """The composed configuration, interpolations unresolved; {} where there is none."""
        return self._read(".hydra/config.yaml") or {}

    @cached_property
    def result(self) -> dict[str, Any]:
        """What result.json holds; without it problem, method and the members' last losses.

        With the reason of a run that failed or was refused.
        """
        if self._written is not None:
            return dict(self._written)
        choices = self._read(".hydra/hydra.yaml") or {}
        failure = self._read("error.json") or {}
        return {
            **{key: choices.get(key) for key in ("pde", "method")},
            **({"error": failure.get("error")} if failure else {}),
            "status": failure.get("status", "unfinished"),
            "members": _last_losses(*self.losses),
        }

    @property
    def _written(self) -> Mapping[str, Any] | None:
        return self._read("result.json") if self.known is None else self.known

    @property
    def status(self) -> str:
        """How the run ended, its members taken together."""
        return str(self.result.get("status"))

    @property
    def pde(self) -> str:
        """The problem."""
        return str(self.result.get("pde"))

    @property
    def method(self) -> str:
        """The method of differentiation."""
        return str(self.result.get("method"))

    @property
    def precision(self) -> str:
        """The dtype it ran in; "" where it is not known."""
        return str(self.config.get("precision") or "")

    @property
    def cutoff(self) -> float:
        """The a of Definitions 1 and 2; NaN where it is not known."""
        return number(self.result.get("cutoff"))

    @cached_property
    def rows(self) -> list[Row]:
        """The values of each member, as the result has them."""
        own = {**self.result, "run": self.name}
        every = [{**own, **member} for member in _members(self.result) or [{"member": 0}]]
        return [{key: q.typed(row.get(key)) for key, q in QUANTITIES.items()} for row in every]

    @property
    def meaningful_rows(self) -> list[Row]:
        """The rows without what means nothing (FREE_SOLUTION)."""
        free = FREE_SOLUTION if self.config.get("boundary_rows") is False else ()
        return [row | dict.fromkeys(free) for row in self.rows]

    @property
    def learning_rates(self) -> list[float]:
        """The learning rate of each member; [] where one is not known."""
        rates = [row["learning_rate"] for row in self.rows]
        return [] if None in rates else rates

    @property
    def reason(self) -> str:
        """Why the run is not finished, in a line; "" of one that is."""
        if "is damaged" in self._content("result.json").damage:
            return "result.json is damaged"
        return _reason(self.result, [str(row["status"]) for row in self.rows])

    @cached_property
    def metrics(self) -> Arrays:
        """The columns of metrics.csv by metric, (T, S), and `step`, (T,); {} where it has none."""
        return by_member(self._read("metrics.csv") or {}, self._size)

    @property
    def losses(self) -> tuple[np.ndarray, np.ndarray]:
        """Gradient steps, (T,), and losses, (T, S), of metrics.csv; T = 0 where there is none."""
        if not self.metrics:
            return np.empty(0), np.empty((0, self._size or 1))
        return self.metrics["step"], self.metrics["loss"]

    @property
    def _size(self) -> int | None:
        """S by the result or the spectra, which have members without a row too; else None."""
        if self._written is not None:
            return len(_members(self._written)) or 1
        spectra = self._read("spectra.npz")
        return spectra["eigenvalues"].shape[1] if spectra else None

    @cached_property
    def spectra(self) -> Spectra | None:
        """The spectra of training; None where there are none, or they are of other members."""
        arrays = self._read("spectra.npz")
        if not arrays or arrays["eigenvalues"].shape[1] != len(self.rows):
            return None
        return Spectra.of(arrays)

    @cached_property
    def solve(self) -> Solve | None:
        """The solved random feature model; None where there is none."""
        arrays = self._read("spectrum.npz")
        return Solve(**arrays) if arrays else None

    @cached_property
    def solution(self) -> Solution | None:
        """The solutions; None where there are none, or they are of other members."""
        arrays = self._read("solution.npz")
        if not arrays or len(arrays["solution"]) != len(self.rows):
            return None
        return Solution(arrays["points"], arrays["solution"], arrays["exact"])

    @property
    def damage(self) -> list[str]:
        """The damaged files of the folder, a line each: which, why, and what mends it.

        A file that is missing is not damaged, nor is the unfinished last line of a metrics.csv.
        """
        return [line for name in FILES if (line := self._content(name).damage)]

    def _read(self, name: str) -> Any:
        return self._content(name).value

    def _content(self, name: str) -> Content:
        if name not in self._contents:
            self._contents[name] = read(self.path, name)
        return self._contents[name]


def _members(result: Mapping[str, Any]) -> list[Row]:
    """Return what a result lists of its members; [] of a run of one."""
    listed = result.get("members")
    return [m for m in listed if isinstance(m, dict)] if isinstance(listed, list) else []


def _last_losses(steps: np.ndarray, loss: np.ndarray) -> list[Row]:
    """Return the last step of each member at which a loss is logged, and that loss."""
    rows: list[Row] = []
    for member, values in enumerate(loss.T):
        row: Row = {"member": member}
        finite = np.flatnonzero(np.isfinite(values))
        if finite.size:
            row |= {"step": int(steps[finite[-1]]), "loss": float(values[finite[-1]])}
        rows.append(row)
    return rows


def _reason(result: Mapping[str, Any], statuses: Sequence[str]) -> str:
    """Return why members of a run are not finished; "" where all are."""
    counts = Counter(status for status in statuses if status != "finished")
    if "error" in result:
        status = result.get("status")
        ended = "" if status == "finished" else f"{status}: "  # some members did
        return f"{ended}{result['error']}"
    if "unfinished" in counts:
        return "unfinished: the same command goes on"
    of_members = len(statuses) > 1
    return ", ".join(f"{n} {status}" if of_members else status for status, n in counts.items())


def by_member(metrics: Arrays, size: int | None = None) -> Arrays:
    """Give the columns of a metrics.csv, (rows,), a member axis: `step`, (T,), the rest (T, S).

    Steps ascend; NaN where a member has no row or the row no value. Without the column member all
    rows are of one member; {} of a table without steps. Without the size S, the members with a row,
    and those before them, are counted.
    """
    if "step" not in metrics:
        return {}
    step = metrics["step"]
    member = metrics.get("member", np.zeros(step.size))
    last = step.size if size is None else size  # a damaged number must not ask for all memory
    good = np.isfinite(step) & (member >= 0) & (member < last) & (member % 1 == 0)
    steps, row = np.unique(step[good], return_inverse=True)
    column = member[good].astype(int)
    shape = len(steps), size or int(column.max(initial=0)) + 1
    table: Arrays = {"step": steps}
    for name in metrics.keys() - {"step", "member"}:
        table[name] = np.full(shape, np.nan)
        table[name][row, column] = metrics[name][good]
    return table
