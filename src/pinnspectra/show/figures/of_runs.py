"""The figures of a run, and of runs side by side, from what their folders hold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.found import Run, logged
from pinnspectra.runs.messages import first_line
from pinnspectra.runs.numbers import is_number, number
from pinnspectra.runs.record import (
    by_member,
    read_arrays,
    read_metrics,
    read_solve,
    read_spectra,
)
from pinnspectra.show import figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

Figures = dict[str, Callable[[], "Figure"]]
"""What makes each figure, by the name of its file."""

LOSSES = ("loss", "loss/interior", "loss/boundary", "loss/interior_ad64")
"""Columns of a metrics.csv without which nothing is drawn of it."""

WITH_SPECTRA = ("spectrum/truncated_entropy", "spectrum/loss")
"""Those of the rows at which spectra are taken, drawn over one another."""


def draw_run(folder: RunFolder, result: Mapping[str, Any]) -> None:
    """Draw the figures of a run that is about to write its result."""
    run = Run(folder.path, folder.path.name, (), {"method": folder.method, **result})
    for name, make in run_figures(run).items():
        draw(folder.path / "figures" / f"{name}.png", make)


def draw(path: Path, make: Callable[[], Figure]) -> bool:
    """Draw a figure; where that fails say so and leave none. Whether it is there."""
    try:
        figures.save(make(), path)
    except Exception as error:
        log.error("%s could not be drawn: %s", path, first_line(error))
        log.debug("", exc_info=True)
        with suppress(OSError):
            path.unlink()
        return False
    return True


def run_figures(run: Run) -> Figures:
    """The figures that a run's folder allows; those of a missing or damaged file are left out.

    What the files do not say is taken from the run's result: its method, its cut-off, and the
    learning rates of its members.
    """
    return _of_training(run) | _of_solution(run) | _of_system(run)


def _of_training(run: Run) -> Figures:
    """Of a network: its losses, its first and last spectrum, and its entropy beside its loss."""
    members = len(run.rows)
    metrics = by_member(read_metrics(run.path / "metrics.csv"), members)
    if not metrics.keys() >= {"step", *LOSSES}:
        return {}
    method, rates, cutoff = _method(run), learning_rates(run), _cutoff(run)
    steps, (loss, interior, boundary, truth) = metrics["step"], (metrics[name] for name in LOSSES)
    drawn: Figures = {
        "loss": lambda: figures.loss_figure(steps, loss, interior, boundary, truth, method, rates)
    }
    spectra = read_spectra(run.path / "spectra.npz")
    if not spectra or spectra["eigenvalues"].shape[1] != members:
        return drawn
    eigenvalues, floor, at, entropy = (
        spectra[name] for name in ("eigenvalues", "floor", "steps", "truncated_entropy")
    )
    drawn["eigenvalues"] = lambda: figures.eigenvalue_figure(
        eigenvalues[0], eigenvalues[-1], floor**2, at[0], at[-1], cutoff, method, rates
    )
    drawn["entropy"] = lambda: figures.entropy_figure(
        at, entropy, spectra["effective_cutoff"], steps, loss, method, rates
    )
    if metrics.keys() >= set(WITH_SPECTRA):
        H, at_spectra = (metrics[name] for name in WITH_SPECTRA)
        drawn["entropy_loss"] = lambda: figures.entropy_loss_figure(
            H, at_spectra, steps, method, rates
        )
    return drawn


def _of_solution(run: Run) -> Figures:
    arrays = read_arrays(run.path / "solution.npz")
    names = ("points", "solution", "exact")
    if not arrays.keys() >= set(names) or arrays["solution"].shape[:1] != (len(run.rows),):
        return {}
    method, rates = _method(run), learning_rates(run)
    x, u, exact = (arrays[name] for name in names)
    return {"solution": lambda: figures.solution_figure(x, u, exact, method, rates)}


def _of_system(run: Run) -> Figures:
    """Of random features: the spectrum with its floor, and the error over the position (Fig. 3)."""
    curves = _solve_curves(run)
    if not curves.singular_values.size:
        return {}
    sigma, floor, cutoff = curves.singular_values, curves.floor, curves.cutoff
    positions, errors = curves.truncation_position, curves.relative_training_error
    return {
        "singular_values": lambda: figures.spectrum_figure(
            {curves.method: sigma}, cutoff, {curves.method: floor}
        ),
        "truncation": lambda: figures.truncation_figure(
            positions, errors, curves.used, curves.method
        ),
    }


def comparison_figures(runs: Sequence[Run]) -> Figures:
    """Training runs side by side, and random feature models, where there are any."""
    trainings = [run for run in runs if (run.path / "metrics.csv").exists()]
    trained = [curves for run in trainings for curves in _training_curves(run)]
    solved = [curves for run in runs if (curves := _solve_curves(run)).singular_values.size]
    drawn: Figures = {}
    if trained:
        drawn["comparison"] = lambda: figures.comparison_figure(trained)
    if solved:
        drawn["comparison_rfm"] = lambda: figures.rfm_comparison_figure(solved)
    return drawn


def _training_curves(run: Run) -> list[figures.RunCurves]:
    """The curves of a training run: of its members, for each of their learning rates."""
    members = len(run.rows)
    steps, loss = logged(run.path, members)
    spectra = read_spectra(run.path / "spectra.npz")
    if not spectra or spectra["eigenvalues"].shape[1] != members:
        none = np.empty((0, members))
        spectra = {"steps": none[:, 0], "truncated_entropy": none, "eigenvalues": none.T[None]}
        spectra["floor"] = none.T
    groups = figures.by_learning_rate(learning_rates(run), members)
    return [
        figures.RunCurves(
            label=", ".join([*run.overrides, *([rate] if rate else [])]) or run.name,
            method=_method(run),
            loss_steps=steps,
            loss=loss[:, which],
            spectrum=spectra["eigenvalues"][-1, which],
            floor=spectra["floor"][which] ** 2,
            cutoff=_cutoff(run),
            entropy_steps=spectra["steps"],
            truncated_entropy=spectra["truncated_entropy"][:, which],
        )
        for rate, which in groups.items()
    ]


def _solve_curves(run: Run) -> figures.SpectrumCurves:
    arrays, none = read_solve(run.path / "spectrum.npz"), np.empty(0)
    used = run.result.get("truncation_position")
    return figures.SpectrumCurves(
        label=", ".join(run.overrides) or run.name,
        method=_method(run),
        singular_values=arrays.get("singular_values", none),
        floor=arrays.get("floor", none),
        cutoff=_cutoff(run),
        truncation_position=arrays.get("truncation_position", none),
        relative_training_error=arrays.get("relative_training_error", none),
        used=int(used) if is_number(used) else 0,
    )


def learning_rates(run: Run) -> list[float]:
    """The learning rate of each member of a run; [] where one is not known."""
    rates = [row["learning_rate"] for row in run.rows]
    return rates if all(map(is_number, rates)) else []


def _method(run: Run) -> str:
    return str(run.result.get("method"))


def _cutoff(run: Run) -> float:
    return number(run.result.get("cutoff"))
