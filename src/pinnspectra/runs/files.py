"""The files of a run, read and checked: damage is told in a line, never raised."""

from __future__ import annotations

import csv
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import yaml

from pinnspectra.runs.messages import cannot_read, first_line, printable

Arrays = dict[str, np.ndarray]

AGAIN = "run the same command again"
DESCRIBED = f"remove .hydra and {AGAIN}"
FROM_CHECKPOINT = f"remove result.json beside it and {AGAIN}"
"""What mends a file: of a run without result.json the same command does what is missing."""


@dataclass(frozen=True)
class Content:
    """What a file holds, None where it is missing or damaged; and the line that tells of damage."""

    value: Any = None
    damage: str = ""


def read(folder: Path, name: str) -> Content:
    """Read a file of FILES in a run's folder."""
    reader, mend = FILES[name]
    path = folder / name
    try:
        return Content(reader(path))
    except FileNotFoundError:
        return Content()
    except PermissionError as error:  # of a file that may be whole
        return Content(damage=cannot_read(error))
    except yaml.YAMLError:
        why = "not YAML"
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        why = getattr(error, "strerror", None) or first_line(error)
    return Content(damage=printable(f"{path} is damaged ({why}): {mend}"))


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; {} where there is none or it is damaged."""
    try:
        return _load_json(path)
    except (OSError, ValueError, RecursionError):
        return {}


def read_metrics(path: Path) -> Arrays:
    """Return the columns of a metrics.csv, (rows,) each; {} where it has no line yet.

    NaN where a row has no value. A line without an end, as a run leaves that is killed while it
    writes, is no row: its last number may lack digits.

    Raises:
        OSError, ValueError, csv.Error: it cannot be read, or names no step and loss.
    """
    text = path.read_text()
    reader = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
    rows, names = list(reader), reader.fieldnames or ()
    if names and not {"step", "loss"} <= set(names):
        raise ValueError("its first line names no step and loss")
    return {name: np.array([_number(row[name]) for row in rows]) for name in names}


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def read_arrays(path: Path) -> Arrays:
    """Return the arrays of a .npz file.

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


def _load(path: Path, needed: Sequence[str], others: Sequence[str] = ()) -> Arrays:
    """Load arrays of real numbers by name."""
    arrays = read_arrays(path)
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    for name, array in arrays.items():
        if array.dtype.kind not in "iuf":
            raise ValueError(f"{name} is not of real numbers")
    return {name: arrays[name] for name in (*needed, *others) if name in arrays}


def _check(fits: bool) -> None:
    if not fits:
        raise ValueError("its arrays do not fit together")


AXES = {"singular_values": 3, "eigenvalues": 3, "effective_cutoff": 2, "truncated_entropy": 2}
"""The arrays of a spectra.npz, (T, S, N) and (T, S), beside its steps, (T,)."""


def _load_spectra(path: Path) -> Arrays:
    """Load a spectra.npz; its floor, (S, N), is NaN where there is none that fits."""
    arrays = _load(path, ("steps", *AXES), ("floor",))
    for name, axes in AXES.items():
        if arrays[name].ndim == axes - 1:  # of one member, as older runs wrote it
            arrays[name] = arrays[name][:, None]
        _check(arrays[name].ndim == axes)
    sigma, shapes = arrays["singular_values"], {arrays[name].shape[:2] for name in AXES}
    _check(len(shapes) == 1 and arrays["steps"].shape == sigma.shape[:1])
    _check(sigma.shape[2] > 0 and arrays["eigenvalues"].shape[2] > 0)
    floor, none = arrays.get("floor"), np.full(sigma.shape[1:], np.nan)
    return arrays | {"floor": none if floor is None or floor.shape != none.shape else floor}


CURVE = ("truncation_position", "relative_training_error")
FURTHER = ("floor", *CURVE, "solved_singular_values")
"""The arrays of a spectrum.npz beside its singular values, (n,): at most (n,), (P,) and (P,)."""


def _load_solve(path: Path) -> Arrays:
    """Load a spectrum.npz; arrays that it lacks are empty."""
    arrays = dict.fromkeys(FURTHER, np.empty(0)) | _load(path, ("singular_values",), FURTHER)
    position, error = (arrays[name] for name in CURVE)
    _check(all(array.ndim == 1 for array in arrays.values()))
    _check(arrays["floor"].size <= arrays["singular_values"].size)
    _check(position.shape == error.shape and bool(np.isfinite(position).all()))
    return arrays


def _load_solution(path: Path) -> Arrays:
    """Load a solution.npz: points (N, d), solution (S, N), exact (N,)."""
    arrays = _load(path, ("points", "solution", "exact"))
    points, u, exact = arrays.values()
    _check(points.ndim == u.ndim == 2 and exact.shape == points.shape[:1] == u.shape[1:])
    return arrays


def _load_json(path: Path) -> dict[str, Any]:
    text = path.read_text()
    try:
        return _is(dict, json.loads(text), "a JSON object")
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}" if text.strip() else "it is empty"
        raise ValueError(f"not JSON: {at}") from error


def _load_result(path: Path) -> dict[str, Any]:
    result = _load_json(path)
    lacking = [key for key in ("pde", "method", "status") if key not in result]
    if lacking:
        raise ValueError(f"it lacks {', '.join(lacking)}")
    members = result.get("members", [result])
    listed = isinstance(members, list) and all(isinstance(member, dict) for member in members)
    if not members or not listed:
        raise ValueError("members is no list of results")
    return result


def _is(kind: Any, value: Any, what: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"not {what}")
    return value


def _load_mapping(path: Path) -> dict[str, Any]:
    return {str(key): value for key, value in _is(dict, _load_yaml(path), "a mapping").items()}


def _load_choices(path: Path) -> dict[str, Any]:
    """Load what was chosen of each group of conf/; {} where hydra.yaml does not say."""
    found: Any = _load_mapping(path)
    for key in ("hydra", "runtime", "choices"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _load_overrides(path: Path) -> list[str]:
    return [str(override) for override in _is(list, _load_yaml(path) or [], "a list")]


def _load_yaml(path: Path) -> Any:
    """Load a file that Hydra wrote; ${...} in it is text, not resolved."""
    found = yaml.load(path.read_text(), _Loader)
    json.dumps(found, default=str, skipkeys=True)  # a ValueError of what contains itself
    return found


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # pyright: ignore
    """YAML as OmegaConf reads it, ten times faster: 1e-5 is a number, a date is text."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


FLOAT = re.compile(r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, [*"-+.0123456789"])


FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "result.json": (_load_result, AGAIN),
    "error.json": (_load_json, AGAIN),
    ".hydra/config.yaml": (_load_mapping, DESCRIBED),
    ".hydra/hydra.yaml": (_load_choices, DESCRIBED),
    ".hydra/overrides.yaml": (_load_overrides, DESCRIBED),
    "metrics.csv": (read_metrics, FROM_CHECKPOINT),
    "spectra.npz": (_load_spectra, FROM_CHECKPOINT),
    "spectrum.npz": (_load_solve, FROM_CHECKPOINT),
    "solution.npz": (_load_solution, FROM_CHECKPOINT),
}
"""Files of a run, what reads each, and what mends it."""
