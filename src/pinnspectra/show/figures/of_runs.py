"""The figures of a run, and of runs side by side, from what their folders hold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.messages import first_line
from pinnspectra.runs.numbers import is_number
from pinnspectra.runs.record import Run, Solve
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
    run = Run(folder.path, folder.path.name, {"method": folder.method, **result})
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
    metrics = run.metrics
    if not metrics.keys() >= {"step", *LOSSES}:
        return {}
    method, rates, cutoff = run.method, run.learning_rates, run.cutoff
    steps, (loss, interior, boundary, truth) = metrics["step"], (metrics[name] for name in LOSSES)
    drawn: Figures = {
        "loss": lambda: figures.loss_figure(steps, loss, interior, boundary, truth, method, rates)
    }
    spectra = run.spectra
    if spectra is None:
        return drawn
    eigenvalues, floor, at = spectra.eigenvalues, spectra.floor, spectra.steps
    drawn["eigenvalues"] = lambda: figures.eigenvalue_figure(
        eigenvalues[0], eigenvalues[-1], floor, at[0], at[-1], cutoff, method, rates
    )
    drawn["entropy"] = lambda: figures.entropy_figure(
        at, spectra.truncated_entropy, spectra.effective_cutoff, steps, loss, method, rates
    )
    if metrics.keys() >= set(WITH_SPECTRA):
        H, at_spectra = (metrics[name] for name in WITH_SPECTRA)
        drawn["entropy_loss"] = lambda: figures.entropy_loss_figure(
            H, at_spectra, steps, method, rates
        )
    return drawn


def _of_solution(run: Run) -> Figures:
    found = run.solution
    if found is None:
        return {}
    x, u, exact = found.points, found.values, found.exact
    return {
        "solution": lambda: figures.solution_figure(x, u, exact, run.method, run.learning_rates)
    }


def _of_system(run: Run) -> Figures:
    """Of random features: the spectrum with its floor, and the error over the position (Fig. 3)."""
    if run.solve is None:
        return {}
    curves = _solve_curves(run, run.solve)
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
    solved = [_solve_curves(run, run.solve) for run in runs if run.solve is not None]
    drawn: Figures = {}
    if trained:
        drawn["comparison"] = lambda: figures.comparison_figure(trained)
    if solved:
        drawn["comparison_rfm"] = lambda: figures.rfm_comparison_figure(solved)
    return drawn


def _training_curves(run: Run) -> list[figures.RunCurves]:
    """The curves of a training run: of its members, for each of their learning rates."""
    members, spectra, (steps, loss) = len(run.rows), run.spectra, run.losses
    none = np.empty((0, members))
    at, entropy = (spectra.steps, spectra.truncated_entropy) if spectra else (none[:, 0], none)
    last, floor = (spectra.eigenvalues[-1], spectra.floor) if spectra else (none.T, none.T)
    groups = figures.by_learning_rate(run.learning_rates, members)
    return [
        figures.RunCurves(
            label=", ".join([*run.overrides, *([rate] if rate else [])]) or run.name,
            method=run.method,
            loss_steps=steps,
            loss=loss[:, which],
            spectrum=last[which],
            floor=floor[which],
            cutoff=run.cutoff,
            entropy_steps=at,
            truncated_entropy=entropy[:, which],
        )
        for rate, which in groups.items()
    ]


def _solve_curves(run: Run, solve: Solve) -> figures.SpectrumCurves:
    used = run.result.get("truncation_position")
    return figures.SpectrumCurves(
        label=", ".join(run.overrides) or run.name,
        method=run.method,
        singular_values=solve.singular_values,
        floor=solve.floor,
        cutoff=run.cutoff,
        truncation_position=solve.truncation_position,
        relative_training_error=solve.relative_training_error,
        used=int(used) if is_number(used) else 0,
    )


def learning_rates(run: Run) -> list[float]:
    """Until all callers take run.learning_rates."""
    return run.learning_rates
