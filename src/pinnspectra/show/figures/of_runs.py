"""The figures of a run, and of runs side by side, from what their folders hold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.messages import first_line
from pinnspectra.runs.record import Run, Solve
from pinnspectra.show import figures
from pinnspectra.show.figures.curves import Curves, by_learning_rate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

Figures = dict[str, Callable[[], "Figure"]]
"""What draws each figure, by the name of its file."""


def draw_run(folder: RunFolder, result: Mapping[str, Any]) -> None:
    """Draw the figures of a run that is about to write its result."""
    run = Run(folder.path, folder.path.name, {"method": folder.method, **result})
    for name, make in run_figures(run).items():
        draw(folder.path / "figures" / f"{name}.png", make)


def draw(path: Path, make: Callable[[], Figure]) -> bool:
    """Draw a figure; where that fails say so and leave none. Return whether it is there."""
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
    """Return the figures that a run's files allow."""
    drawn: Figures = {}
    curves = curves_of(run)
    if "loss" in run.metrics:
        drawn["loss"] = lambda: figures.loss_figure(curves)
    if run.spectra:
        drawn["eigenvalues"] = lambda: figures.eigenvalue_figure(curves)
    if "spectrum/truncated_entropy" in run.metrics:
        drawn["entropy"] = lambda: figures.entropy_figure(curves)
    if "spectrum/loss" in run.metrics:
        drawn["entropy_loss"] = lambda: figures.entropy_loss_figure(curves)
    if found := run.solution:
        groups = by_learning_rate(run.learning_rates, len(found.values))
        u = {rate: found.values[which] for rate, which in groups.items()}
        drawn["solution"] = lambda: figures.solution_figure(
            found.points, u, found.exact, run.method
        )
    if solve := run.solve:
        spectrum, floor = {run.method: solve.singular_values}, {run.method: solve.floor}
        drawn["singular_values"] = lambda: figures.spectrum_figure(spectrum, run.cutoff, floor)
        drawn["truncation"] = lambda: figures.truncation_figure(curves[0])
    return drawn


def curves_of(run: Run, label: str = "") -> list[Curves]:
    """Return the curves of a solve, or of a training run for each of its learning rates."""
    if run.solve:
        return [_solved(run, run.solve, label)]
    groups = by_learning_rate(run.learning_rates, len(run.rows))
    return [
        Curves(
            method=run.method,
            label=", ".join(filter(None, (label, rate))),
            metrics={k: v if k == "step" else v[:, which] for k, v in run.metrics.items()},
            cutoff=run.cutoff,
            **_spectra(run, which),
        )
        for rate, which in groups.items()
    ]


def _spectra(run: Run, which: Any) -> dict[str, Any]:
    """Return the first and the last spectrum of some members, and the last's rounding floor."""
    if not (spectra := run.spectra):
        return {}
    return {
        "spectrum": spectra.eigenvalues[-1, which],
        "first_spectrum": spectra.eigenvalues[0, which],
        "spectrum_steps": (spectra.steps[0], spectra.steps[-1]),
        "floor": spectra.floor[which],
    }


def _solved(run: Run, solve: Solve, label: str) -> Curves:
    return Curves(
        method=run.method,
        label=label,
        spectrum=solve.singular_values,
        floor=solve.floor,
        cutoff=run.cutoff,
        truncation_position=solve.truncation_position,
        relative_training_error=solve.relative_training_error,
        used=int(run.rows[0]["truncation_position"] or 0),
    )


def comparison_figures(runs: Sequence[Run]) -> Figures:
    """Return training runs side by side, and random feature solves, where there are any."""
    drawn: Figures = {}
    trained = _labelled([run for run in runs if not run.solve and (run.metrics or run.spectra)])
    solved = _labelled([run for run in runs if run.solve])
    if trained:
        drawn["comparison"] = lambda: figures.comparison_figure(trained)
    if solved:
        drawn["comparison_rfm"] = lambda: figures.rfm_comparison_figure(solved)
    return drawn


def _labelled(runs: Sequence[Run]) -> list[Curves]:
    """Return the curves of runs, which are told apart by how they were started."""
    return [c for run in runs for c in curves_of(run, ", ".join(run.overrides) or run.name)]
