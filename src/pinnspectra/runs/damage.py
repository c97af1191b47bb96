"""Which files of a run's folder cannot be read, and what mends them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pinnspectra.runs.messages import cannot_read, first_line, printable
from pinnspectra.runs.record import SPECTRA, agree, fit, load_arrays, real, with_members

AGAIN = "run the same command again"
FROM_CHECKPOINT = f"remove result.json beside it and {AGAIN}"
"""What mends a file: of a run without result.json the same command does what is missing."""


def damage_in(folder: Path) -> tuple[str, ...]:
    """The damaged files of a run's folder, a line each: which, why, and what mends it.

    A file that is missing is not damaged, nor is the unfinished last line of a metrics.csv.
    """
    lines = (_line(check, folder / name, mend) for name, (check, mend) in FILES.items())
    return tuple(line for line in lines if line)


def _line(check: Callable[[Path], None], path: Path, mend: str) -> str:
    """What there is to tell of a file; "" where it is whole."""
    try:
        why = _why_not(check, path)
    except PermissionError as error:  # of a file that may be whole
        return cannot_read(error)
    return printable(f"{path} is damaged ({why}): {mend}") if why else ""


def _why_not(check: Callable[[Path], None], path: Path) -> str:
    """Why a file that is there is damaged; "" where it is whole.

    Raises:
        PermissionError: it may not be read.
    """
    try:
        check(path)
    except FileNotFoundError:
        return ""
    except PermissionError:
        raise
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        named = error.strerror if isinstance(error, OSError) else None
        return named or first_line(error)
    except yaml.YAMLError:
        return "not YAML"
    return ""


def _check_json(path: Path) -> None:
    _check_is(dict, _parsed(path), "a JSON object")


def _check_result(path: Path) -> None:
    result = _parsed(path)
    _check_is(dict, result, "a JSON object")
    lacking = [key for key in ("pde", "method", "status") if key not in result]
    if lacking:
        raise ValueError(f"it lacks {', '.join(lacking)}")
    members = result.get("members", [result])
    if (
        not members
        or not isinstance(members, list)
        or not all(isinstance(m, dict) for m in members)
    ):
        raise ValueError("members is no list of results")


def _parsed(path: Path) -> Any:
    text = path.read_text()
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}" if text.strip() else "it is empty"
        raise ValueError(f"not JSON: {at}") from error


def _check_is(kind: Any, value: Any, what: str) -> None:
    if not isinstance(value, kind):
        raise ValueError(f"not {what}")


def _check_metrics(path: Path) -> None:
    text = path.read_text()
    names = next(csv.reader(text[: text.rfind("\n") + 1].splitlines()), None)
    if names is not None and not {"step", "loss"} <= set(names):
        raise ValueError("its first line names no step and loss")


def _check_spectra(path: Path) -> None:
    arrays = _arrays(path, "steps", *SPECTRA)
    if not agree(with_members(arrays)):
        raise ValueError("its arrays do not fit together")


def _check_spectrum(path: Path) -> None:
    arrays = _arrays(path, "singular_values")
    _check_numbers(arrays)
    if not fit(arrays):
        raise ValueError("its arrays do not fit together")


def _check_solution(path: Path) -> None:
    arrays = _arrays(path, "points", "solution", "exact")
    _check_numbers(arrays)
    points, exact = len(np.atleast_1d(arrays["points"])), arrays["exact"].shape
    if exact != (points,) or arrays["solution"].shape[-1:] != exact:
        raise ValueError("its arrays do not fit together")


def _arrays(path: Path, *names: str) -> dict[str, np.ndarray]:
    """The arrays of a .npz file, those named among them."""
    arrays = load_arrays(path)
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    return arrays


def _check_numbers(arrays: dict[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        if not real(array):
            raise ValueError(f"{name} is not of real numbers")


def _check_mapping(path: Path) -> None:
    _check_is(dict, yaml.safe_load(path.read_text()), "a mapping")


def _check_overrides(path: Path) -> None:
    _check_is(list | None, yaml.safe_load(path.read_text()), "a list")


DESCRIBED = f"remove .hydra and {AGAIN}"

FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "result.json": (_check_result, AGAIN),
    "error.json": (_check_json, AGAIN),
    ".hydra/config.yaml": (_check_mapping, DESCRIBED),
    ".hydra/hydra.yaml": (_check_mapping, DESCRIBED),
    ".hydra/overrides.yaml": (_check_overrides, DESCRIBED),
    "metrics.csv": (_check_metrics, FROM_CHECKPOINT),
    "spectra.npz": (_check_spectra, FROM_CHECKPOINT),
    "spectrum.npz": (_check_spectrum, FROM_CHECKPOINT),
    "solution.npz": (_check_solution, FROM_CHECKPOINT),
}
"""Files of a run, how each is checked, and what mends it."""
