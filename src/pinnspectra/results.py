"""Every run under a folder in one table and one figure.

    python -m pinnspectra.results outputs/train_sweep

Reads what is there: it can be run again at any time, on a sweep that is half done or partly failed.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from pinnspectra import figures
from pinnspectra.run_folder import read_arrays, read_metrics, written_whole

COLUMNS = (
    "run",
    "pde",
    "method",
    "seed",
    "status",
    "step",
    "loss",
    "loss_interior",
    "loss_boundary",
    "loss_interior_ad64",
    "relative_training_error",
    "relative_training_error_ad",
    "relative_l2_error",
    "cutoff",
    "effective_cutoff",
    "truncated_entropy",
    "truncation_position",
    "steps_per_second",
    "wall_seconds",
    "config_hash",
)
"""Columns of summary.csv, of which the printed table leaves out what nobody compares."""

PRINTED = tuple(
    c for c in COLUMNS if c not in ("loss_interior", "loss_boundary", "config_hash", "wall_seconds")
)


CHOICES = ("pde", "method")
"""What is known of a run from how it was started."""


class NoRunError(ValueError):
    """There is no run under a folder."""


@dataclass(frozen=True)
class Run:
    """One run's folder as found: its result, or what is known of a run without one."""

    path: Path
    name: str
    overrides: tuple[str, ...]
    result: dict[str, Any]

    @property
    def row(self) -> dict[str, Any]:
        """The run's values by column; what it does not have is None."""
        return {"run": self.name} | {c: self.result.get(c) for c in COLUMNS[1:]}


def find_runs(folder: Path) -> list[Run]:
    """The runs under a folder, in the order of their numbers: every folder of a Hydra job."""
    paths = sorted({p.parent for p in folder.rglob(".hydra") if p.is_dir()}, key=_natural)
    return [_run(path, str(path.relative_to(folder)) if path != folder else path.name)
            for path in paths]  # fmt: skip


def _natural(path: Path) -> tuple[Any, ...]:
    """Sort key by which job 10 comes after job 9."""
    number, _, rest = path.name.partition("_")
    return (path.parent, not number.isdecimal(), int(number) if number.isdecimal() else 0, rest)


def _run(path: Path, name: str) -> Run:
    overrides = _written_by_hydra(path / ".hydra" / "overrides.yaml")
    as_given = isinstance(overrides, ListConfig)  # ${...} in one is text, not to be resolved
    listed = OmegaConf.to_container(overrides, resolve=False) if as_given else []
    return Run(path, name, tuple(map(str, listed or [])), _result(path))


def _written_by_hydra(path: Path) -> Any:
    """One of Hydra's YAML files; None where it is missing or damaged."""
    try:
        return OmegaConf.load(path)
    except (OSError, ValueError, YAMLError, OmegaConfBaseException):
        return None


def _result(path: Path) -> dict[str, Any]:
    """result.json; where it is missing or damaged, the choices and the last logged row."""
    try:
        found = json.loads((path / "result.json").read_text())
        if isinstance(found, dict):
            return found
    except (OSError, ValueError):
        pass
    hydra = _written_by_hydra(path / ".hydra" / "hydra.yaml") or OmegaConf.create()
    choices = {key: OmegaConf.select(hydra, f"hydra.runtime.choices.{key}") for key in CHOICES}
    rows = zip(*_logged(path), strict=True)
    *_, last = [(None, None), *((int(s), float(v)) for s, v in rows if np.isfinite([s, v]).all())]
    return {**choices, "step": last[0], "loss": last[1], "status": "unfinished"}


def _logged(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Gradient steps and losses of metrics.csv; empty where there is none."""
    metrics = read_metrics(path / "metrics.csv")
    if not metrics.keys() >= {"step", "loss"}:
        return np.empty(0), np.empty(0)
    return metrics["step"], metrics["loss"]


def collect(folder: Path) -> bool:
    """Print the table of the runs under a folder, write summary.csv and the comparison figures.

    Returns:
        Whether there are runs and all of them are finished.

    Raises:
        NoRunError: there is no run under the folder.
    """
    runs = find_runs(folder)
    if not runs:
        raise NoRunError(f"{folder}: no run under this folder")
    with written_whole(folder / "summary.csv") as file:
        file.write(_csv(runs).encode())
    print(table(runs))
    written = [folder / "summary.csv", *_draw(runs, folder)]
    print("\n" + "\n".join(f"see {path}" for path in written))
    return all(run.result.get("status") == "finished" for run in runs)


def _csv(runs: Sequence[Run]) -> str:
    text = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(run.row for run in runs)
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _titles(runs: Sequence[Run]) -> list[str]:
    """What the table calls the runs: in a sweep the job's number and what sets it apart."""
    shared = set.intersection(*(set(run.overrides) for run in runs))
    numbers = [run.path.name.partition("_")[0] for run in runs]
    if len({run.path.parent for run in runs}) > 1 or not all(n.isdigit() for n in numbers):
        return [run.name for run in runs]
    apart = [[o for o in run.overrides if o not in shared] for run in runs]
    return [" ".join([n, *overrides]) for n, overrides in zip(numbers, apart, strict=True)]


def table(runs: Sequence[Run]) -> str:
    """The runs as aligned text, one a line, without columns that no run has."""
    titles = _titles(runs)
    rows = [run.row | {"run": title} for run, title in zip(runs, titles, strict=True)]
    columns = [c for c in PRINTED if any(row[c] is not None for row in rows)]
    cells = [columns, *([_cell(row[c]) for c in columns] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    lines = []
    for row in cells:
        padded = [
            c.ljust(w) if i < 3 else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def summary(folder: Path) -> str:
    """One run's result as aligned lines, and where its files are."""
    run = _run(folder, folder.name)
    values = {c: run.row[c] for c in PRINTED[1:] if run.row[c] is not None}
    width = max(map(len, values))
    lines = [f"{name:<{width}}  {_cell(value)}" for name, value in values.items()]
    return "\n".join([*lines, f"see {folder}"])


def _draw(runs: Sequence[Run], folder: Path) -> list[Path]:
    """The comparison figures of the training runs and of the random feature models."""
    trained = [_run_curves(run) for run in runs if (run.path / "metrics.csv").exists()]
    solved = [_spectrum_curves(run) for run in runs if (run.path / "spectrum.npz").exists()]
    written = []
    if trained:
        written.append(folder / "comparison.png")
        figures.save(figures.comparison_figure(trained), written[-1])
    if solved:
        written.append(folder / "comparison_rfm.png")
        figures.save(figures.rfm_comparison_figure(solved), written[-1])
    return written


def _run_curves(run: Run) -> figures.RunCurves:
    steps, loss = _logged(run.path)
    spectra = read_arrays(run.path / "spectra.npz")
    none = np.empty(0)
    return figures.RunCurves(
        label=", ".join(run.overrides) or run.name,
        method=str(run.result.get("method")),
        loss_steps=steps,
        loss=loss,
        spectrum=spectra["eigenvalues"][-1] if spectra else none,
        cutoff=_cutoff(run),
        entropy_steps=spectra.get("steps", none),
        truncated_entropy=spectra.get("truncated_entropy", none),
    )


def _spectrum_curves(run: Run) -> figures.SpectrumCurves:
    arrays, none = read_arrays(run.path / "spectrum.npz"), np.empty(0)
    return figures.SpectrumCurves(
        label=", ".join(run.overrides) or run.name,
        method=str(run.result.get("method")),
        singular_values=arrays.get("singular_values", none),
        cutoff=_cutoff(run),
        truncation_position=arrays.get("truncation_position", none),
        relative_training_error=arrays.get("relative_training_error", none),
        used=run.result.get("truncation_position") or 0,
    )


def _cutoff(run: Run) -> float:
    cutoff = run.result.get("cutoff")
    return float("nan") if cutoff is None else float(cutoff)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; the exit code is 1 where there is nothing to show."""
    parser = argparse.ArgumentParser(
        prog="python -m pinnspectra.results", description="Table and figure of all runs in DIR."
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="a run, a sweep, or any folder")
    folder = parser.parse_args(arguments).folder
    try:
        collect(folder)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
