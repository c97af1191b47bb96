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
from pinnspectra.components import build, build_collocation
from pinnspectra.run_folder import RunFolder
from pinnspectra.settings import RandomFeatureSettings, SettingsError

if TYPE_CHECKING:
    from pinnspectra.collocation import Collocation
    from pinnspectra.random_features import RandomFeatureSolution


log = logging.getLogger(__name__)


def solve(settings: RandomFeatureSettings, folder: RunFolder) -> int:
    """One random feature model, solved in settings.precision."""
    import torch  # takes seconds: --help and a refused key need not wait for it

    from pinnspectra.collocation import FitError
    from pinnspectra.memory import need_of_solving, require
    from pinnspectra.random_features import solve_random_features

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
    draw_spectrum(solution, folder)
    if settings.boundary_rows:  # else u is free up to what the operator does not see
        draw_solution(solution, collocation, folder)
    folder.write_result(
        status="finished",
        seed=settings.seed,
        step=None,
        **solution.metrics,
        steps_per_second=None,
        wall_seconds=time.monotonic() - started,
    )
    return 0


def draw_solution(
    solution: RandomFeatureSolution, collocation: Collocation, folder: RunFolder
) -> None:
    """Write and draw the solution beside the exact one, at the interior points."""
    from pinnspectra import figures

    coordinates = collocation.interior.coordinates
    x, u = coordinates.numpy(), solution.values.numpy()[None]
    exact = collocation.pde.exact_solution(coordinates).numpy()
    folder.write_arrays("solution.npz", points=x, solution=u, exact=exact)
    folder.draw("solution", lambda: figures.solution_figure(x, u, exact, folder.method))


def draw_spectrum(solution: RandomFeatureSolution, folder: RunFolder) -> None:
    """Write and draw the spectrum with its floor, and the error over the position (Fig. 3).

    Spectrum and floor are float64; what is solved and its errors are in settings.precision.
    """
    from pinnspectra import figures

    sigma, errors = solution.singular_values.numpy(), solution.relative_training_errors.numpy()
    positions = np.arange(1, len(errors) + 1)
    floor, cutoff = solution.floor.numpy(), solution.metrics["cutoff"]
    used, method = int(solution.metrics["truncation_position"]), folder.method
    folder.write_arrays(
        "spectrum.npz",
        singular_values=sigma,
        floor=floor,
        solved_singular_values=solution.solved_singular_values.numpy(),
        truncation_position=positions,
        relative_training_error=errors,
    )
    folder.draw(
        "singular_values", lambda: figures.singular_value_figure(sigma, floor, cutoff, method)
    )
    folder.draw("truncation", lambda: figures.truncation_figure(positions, errors, used, method))


if __name__ == "__main__":
    run(solve, "rfm_solve", RandomFeatureSettings)
