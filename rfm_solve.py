"""Solve the random feature model by truncated SVD, at every truncation position.

python rfm_solve.py pde=biharmonic
python rfm_solve.py pde=poisson1d method=fd model.width=400 points.per_axis=400
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import numpy as np

from pinnspectra.command_line import imports_are_done, run
from pinnspectra.command_line.components import build, build_collocation
from pinnspectra.command_line.settings import RandomFeatureSettings
from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.messages import SettingsError

if TYPE_CHECKING:
    from pinnspectra.collocation import Collocation
    from pinnspectra.solvers.random_features import RandomFeatureSolution


log = logging.getLogger(__name__)


def solve(settings: RandomFeatureSettings, folder: RunFolder) -> int:
    """One random feature model, solved in settings.precision."""
    import torch  # takes seconds: --help and a refused key need not wait for it

    from pinnspectra.collocation import FitError
    from pinnspectra.command_line.memory import need_of_solving, require
    from pinnspectra.show.figures.of_runs import draw_run
    from pinnspectra.solvers.random_features import solve_random_features

    imports_are_done()
    torch.set_num_threads(settings.threads)
    started = time.monotonic()
    require(need_of_solving(settings))
    collocation = build_collocation(settings)
    network = build("model", settings.model)
    dimension, dtype = collocation.pde.domain.dimension, getattr(torch, settings.precision)
    parameters = network.initial_parameters(dimension, [settings.seed], dtype)
    boundary_weight = settings.boundary_weight if settings.boundary_rows else None
    try:
        solution = solve_random_features(
            collocation, network, parameters, settings.spectrum.cutoff, boundary_weight
        )
    except FitError as error:
        raise SettingsError(f"method.{error}") from error
    except ValueError as error:
        raise SettingsError(str(error)) from error
    if settings.spectrum.cutoff == "auto" and solution.metrics["truncation_position"] == 1:
        log.warning(
            "spectrum.cutoff=auto: all singular values but the largest are rounding; take "
            "precision=float64, a longer method.step or method=ad"
        )
    if solution.metrics["cutoff_below_precision"]:
        log.warning(
            "spectrum.cutoff=%g is below the rounding of %s, which is eps = %.1e of the largest "
            "singular value: what it keeps may be noise; take spectrum.cutoff=auto",
            solution.metrics["cutoff"],
            settings.precision,
            torch.finfo(dtype).eps,
        )
    folder.begin()
    write_spectrum(solution, folder)
    if settings.boundary_rows:  # else u is free up to what the operator does not see
        write_solution(solution, collocation, folder)
    result = {"status": "finished", "seed": settings.seed, "step": None, **solution.metrics}
    draw_run(folder, result)
    folder.write_result(
        **result,
        steps_per_second=None,
        wall_seconds=time.monotonic() - started,
    )
    return 0


def write_solution(
    solution: RandomFeatureSolution, collocation: Collocation, folder: RunFolder
) -> None:
    """Write the solution beside the exact one, at the interior points."""
    coordinates = collocation.interior.coordinates
    folder.write_arrays(
        "solution.npz",
        points=coordinates.numpy(),
        solution=solution.values.numpy()[None],
        exact=collocation.pde.exact_solution(coordinates).numpy(),
    )


def write_spectrum(solution: RandomFeatureSolution, folder: RunFolder) -> None:
    """Write the spectrum with its floor, and the error over the truncation position.

    Spectrum and floor are float64; what is solved and its errors are in settings.precision.
    """
    errors = solution.relative_training_errors.numpy()
    folder.write_arrays(
        "spectrum.npz",
        singular_values=solution.singular_values.numpy(),
        floor=solution.floor.numpy(),
        solved_singular_values=solution.solved_singular_values.numpy(),
        truncation_position=np.arange(1, len(errors) + 1),
        relative_training_error=errors,
    )


if __name__ == "__main__":
    run(solve, "rfm_solve", RandomFeatureSettings)
