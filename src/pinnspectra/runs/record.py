"""What a run has recorded, read back: metrics.csv and arrays, as far as they are whole."""

from __future__ import annotations

import csv
import zipfile
import zlib
from pathlib import Path

import numpy as np

from pinnspectra.runs.messages import first_line


def read_metrics(path: Path) -> dict[str, np.ndarray]:
    """The columns of a metrics.csv, (rows,) each; {} where there is none or it is damaged.

    NaN where a row has no value. A line without an end, as a run leaves that is killed while it
    writes, is no row: its last number may lack digits.
    """
    try:
        text = path.read_text()
        reader = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
        rows, names = list(reader), reader.fieldnames or ()
    except (OSError, ValueError, csv.Error):
        return {}
    return {name: np.array([_number(row[name]) for row in rows]) for name in names}


def by_member(metrics: dict[str, np.ndarray], size: int | None = None) -> dict[str, np.ndarray]:
    """The columns of a metrics.csv with a member axis: step, (K,), ascending, and the rest (K, S).

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
    table: dict[str, np.ndarray] = {"step": steps}
    for name in metrics.keys() - {"step", "member"}:
        table[name] = np.full(shape, np.nan)
        table[name][row, column] = metrics[name][good]
    return table


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .npz file; {} where there is none or it is damaged."""
    try:
        return load_arrays(path)
    except (OSError, ValueError):
        return {}


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .npz file.

    Raises:
        OSError: there is none, or it may not be read.
        ValueError: it is damaged.
    """
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError("not a whole .npz file")
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        except (EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(first_line(error)) from error
        except MemoryError as error:  # a damaged shape asks for more than there is
            raise ValueError("an array is larger than the memory") from error


SPECTRA = {"singular_values": 3, "eigenvalues": 3, "effective_cutoff": 2, "truncated_entropy": 2}
"""The arrays of a spectra.npz beside its steps, (K,), and their axes: (K, S, N) and (K, S)."""


def read_spectra(path: Path) -> dict[str, np.ndarray]:
    """The steps, (K,), of a spectra.npz and its arrays, (K, S, N) or (K, S), at K >= 1 steps.

    Those where a member has a spectrum; NaN for the others. {} where there are none or the file is
    damaged. Arrays without a member axis, as an older run wrote them, are of one member. `floor`,
    (S, N), is that of the last spectrum, and NaN where none was taken.
    """
    arrays = read_arrays(path)
    if not arrays.keys() >= {"steps", *SPECTRA}:
        return {}
    arrays = with_members(arrays)
    if not agree(arrays):
        return {}
    taken = np.isfinite(arrays["truncated_entropy"]).any(axis=1)
    if not taken.any():
        return {}
    spectra = {name: arrays[name][taken] for name in ("steps", *SPECTRA)}
    none = np.full(spectra["singular_values"].shape[1:], np.nan)
    floor = arrays.get("floor", none)
    return spectra | {"floor": floor if floor.shape == none.shape else none}


def with_members(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a spectra.npz, those of an older run with the member axis that they lack."""
    lacking = (name for name, axes in SPECTRA.items() if arrays[name].ndim == axes - 1)
    return arrays | {name: np.expand_dims(arrays[name], 1) for name in lacking}


def agree(arrays: dict[str, np.ndarray]) -> bool:
    """Whether the arrays of a spectra.npz are real numbers of the axes they should have, N >= 1."""
    shapes = {arrays[name].shape[:2] for name in SPECTRA}
    right = all(arrays[name].ndim == axes for name, axes in SPECTRA.items())
    if not right or len(shapes) > 1 or arrays["steps"].shape != shapes.pop()[:1]:
        return False
    some = all(arrays[name].shape[-1] for name in ("singular_values", "eigenvalues"))
    return some and all(map(real, arrays.values()))


SOLVE = ("singular_values", "floor", "truncation_position", "relative_training_error")
"""The arrays of a spectrum.npz that are drawn: (N,), at most (N,), and (P,) each."""


def read_solve(path: Path) -> dict[str, np.ndarray]:
    """The arrays SOLVE of a spectrum.npz, those that it lacks empty; {} where it is damaged."""
    arrays = read_arrays(path)
    if "singular_values" not in arrays or not fit(arrays):
        return {}
    return {name: arrays.get(name, np.empty(0)) for name in SOLVE}


def fit(arrays: dict[str, np.ndarray]) -> bool:
    """Whether the arrays of a spectrum.npz are real numbers that go together."""
    sigma, floor, position, error = (arrays.get(name, np.empty(0)) for name in SOLVE)
    flat = all(array.ndim == 1 for array in (sigma, floor, position, error))
    if not flat or floor.size > sigma.size or position.shape != error.shape:
        return False
    return all(map(real, arrays.values())) and bool(np.isfinite(position).all())


def real(array: np.ndarray) -> bool:
    """Whether an array is of integers or real floating-point numbers."""
    return array.dtype.kind in "iuf"
