"""The record of a run: what its folder holds, each file read once, when it is asked for.

What is missing or damaged is None or empty; Run.damage tells which files are damaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pinnspectra.runs.files import FILES, Arrays, Content, load_metrics, read, read_arrays
from pinnspectra.runs.numbers import is_number, number
from pinnspectra.runs.quantities import QUANTITIES

CHOICES = ("pde", "method")
"""What is known of a run from how it was started."""

FREE_SOLUTION = ("relative_l2_error", "loss_boundary")
"""What means nothing where a random feature model has no boundary rows: u is then free."""

__all__ = ["read_arrays"]

Row = dict[str, Any]
"""Values by key of QUANTITIES."""


@dataclass(frozen=True, eq=False)
class Spectra:
    """The spectra of training, largest first, at the K >= 1 steps at which a member has one.

    NaN for members that have none at a step, and floors where no floor was recorded.

    Attributes:
        steps: (K,).
        singular_values: of J, (K, S, N).
        eigenvalues: of G = J J^T, their squares, (K, S, N).
        floor: the predicted rounding floor of the last eigenvalues, (S, N).
        singular_value_floor: that of the last singular values, its root, (S, N).
        effective_cutoff: e, (K, S).
        truncated_entropy: H, (K, S).
    """

    steps: np.ndarray
    singular_values: np.ndarray
    eigenvalues: np.ndarray
    floor: np.ndarray
    singular_value_floor: np.ndarray
    effective_cutoff: np.ndarray
    truncated_entropy: np.ndarray


@dataclass(frozen=True, eq=False)
class Solve:
    """A random feature model, solved; what was not recorded is of size 0.

    Attributes:
        singular_values: of A, (n,), largest first.
        floor: their predicted rounding floor, at most (n,).
        truncation_position: of P truncated solutions, (P,).
        relative_training_error: of each, (P,).
        solved_singular_values: of A with its boundary rows.
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
    """A run's folder, by the name that a table calls it.

    `known` is its result where it is known before it is written.
    """

    path: Path
    name: str
    known: Mapping[str, Any] | None = None

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
        """What result.json holds; without it the choices, and the members' last rows.

        With the reason of a run that failed or was refused.
        """
        found = self._whole_result
        if found is not None:
            return dict(found)
        failure = self._read("error.json") or {}
        reason = {"error": failure.get("error")} if failure else {}
        status = failure.get("status", "unfinished")
        return {**self._choices(), **reason, "status": status, "members": self._last_rows()}

    @property
    def _whole_result(self) -> Mapping[str, Any] | None:
        return self._read("result.json") if self.known is None else self.known

    def _choices(self) -> Row:
        found: Any = self._read(".hydra/hydra.yaml")
        for key in ("hydra", "runtime", "choices"):
            found = found.get(key) if isinstance(found, dict) else None
        return {key: (found or {}).get(key) for key in CHOICES} if isinstance(found, dict) else {}

    def _last_rows(self) -> list[Row]:
        """Return the last step of every member at which a loss is logged, and that loss."""
        steps, loss = self.losses
        last = [np.flatnonzero(np.isfinite(values))[-1:] for values in loss.T]
        return [
            {
                "member": member,
                "step": int(steps[k[0]]) if k.size else None,
                "loss": float(loss[k[0], member]) if k.size else None,
            }
            for member, k in enumerate(last)
        ]

    @property
    def status(self) -> str:
        """How the run ended, all members together."""
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

    @property
    def rows(self) -> list[Row]:
        """The values of every member, as result.json has them; None where it has none."""
        found = _members(self.result) or [{"member": 0}]
        every = [{**self.result, **member, "run": self.name} for member in found]
        return [{key: row.get(key) for key in QUANTITIES} for row in every]

    @property
    def comparable_rows(self) -> list[Row]:
        """The rows without what means nothing (FREE_SOLUTION)."""
        free = FREE_SOLUTION if self.config.get("boundary_rows") is False else ()
        return [row | dict.fromkeys(free) for row in self.rows]

    @property
    def learning_rates(self) -> list[float]:
        """The learning rate of each member; [] where one is not known."""
        rates = [row["learning_rate"] for row in self.rows]
        return rates if all(map(is_number, rates)) else []

    @property
    def finished(self) -> bool:
        """Whether all members came to their last step."""
        return all(row["status"] == "finished" for row in self.rows)

    @cached_property
    def metrics(self) -> Arrays:
        """The columns of metrics.csv by metric, (T, S), and `step`, (T,); {} where it has none."""
        return by_member(self._read("metrics.csv") or {}, self._size)

    @property
    def losses(self) -> tuple[np.ndarray, np.ndarray]:
        """Gradient steps, (T,), and losses, (T, S), of metrics.csv; T = 0 where there is none."""
        if not self.metrics.keys() >= {"step", "loss"}:
            return np.empty(0), np.empty((0, self._size or 1))
        return self.metrics["step"], self.metrics["loss"]

    @property
    def _size(self) -> int | None:
        """S as the result has it, or the spectra, also of a member without a row; else None."""
        if self._whole_result is not None:
            return len(_members(self._whole_result)) or 1
        arrays = self._read("spectra.npz")
        return arrays["eigenvalues"].shape[1] if arrays else None

    @cached_property
    def spectra(self) -> Spectra | None:
        """The spectra of training; None where there are none, or they are of other members."""
        arrays = self._read("spectra.npz")
        if not arrays or arrays["eigenvalues"].shape[1] != len(self.rows):
            return None
        floor = arrays["floor"].astype(float)
        taken = np.isfinite(arrays["truncated_entropy"]).any(axis=1)
        kept = {name: array[taken] for name, array in arrays.items() if name != "floor"}
        return Spectra(floor=floor**2, singular_value_floor=floor, **kept) if taken.any() else None

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

    @cached_property
    def _contents(self) -> dict[str, Content]:
        """The files that have been read."""
        return {}


def _members(result: Mapping[str, Any]) -> list[Row]:
    """Return what a result lists of its members; [] of a run of one."""
    listed = result.get("members")
    return [m for m in listed if isinstance(m, dict)] if isinstance(listed, list) else []


def by_member(metrics: Arrays, size: int | None = None) -> Arrays:
    """Give the columns of a metrics.csv a member axis: step, (T,), ascending, and the rest (T, S).

    NaN where a member has no row or the row no value. A table without the column member is of one
    member, and {} is that of a table without steps.

    Args:
        metrics: the columns as they are read, (rows,) each.
        size: S; without it the members with a row, and those before them, are counted.
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


def read_metrics(path: Path) -> Arrays:
    """Return the columns of a metrics.csv, (rows,) each; {} where it is missing or damaged."""
    try:
        return load_metrics(path)
    except (OSError, ValueError):
        return {}


# Until all callers take a Run:

SOLVE = ("singular_values", "floor", "truncation_position", "relative_training_error")


def real(array: np.ndarray) -> bool:
    """Whether an array is of integers or real floating-point numbers."""
    return array.dtype.kind in "iuf"


def read_spectra(path: Path) -> Arrays:
    """Return the arrays of a spectra.npz; its floor is that of singular values."""
    arrays = read(path.parent, path.name).value or {}
    taken = np.isfinite(arrays["truncated_entropy"]).any(axis=1) if arrays else np.zeros(0)
    if not taken.any():
        return {}
    return {name: a if name == "floor" else a[taken] for name, a in arrays.items()}


def read_solve(path: Path) -> Arrays:
    """Return the arrays of a spectrum.npz."""
    return read(path.parent, path.name).value or {}
