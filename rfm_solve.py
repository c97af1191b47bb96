"""Solve the random feature model by truncated SVD, at every truncation position.

python rfm_solve.py pde=biharmonic
python rfm_solve.py pde=poisson1d method=fd model.width=400 points.per_axis=400
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from pinnspectra.command_line import run
from pinnspectra.components import build, build_collocation
from pinnspectra.run_folder import RunFolder
from pinnspectra.settings import RandomFeatureSettings

if TYPE_CHECKING:
    from pinnspectra.random_features import RandomFeatureSolution


def solve(settings: RandomFeatureSettings, folder: RunFolder) -> int:
    """One random feature model, solved in settings.precision."""
    import torch  # takes seconds: --help and a refused key need not wait for it

    from pinnspectra.random_features import solve_random_features

    torch.set_num_threads(settings.threads)
    started = time.monotonic()
    collocation = build_collocation(settings)
    network = build("model", settings.model)
    dimension, dtype = collocation.pde.domain.dimension, getattr(torch, settings.precision)
    solution = solve_random_features(
        collocation,
        network,
        network.initial_parameters(dimension, [settings.seed], dtype),
        settings.spectrum.cutoff,
        settings.boundary_weight if settings.boundary_rows else None,
    )
    folder.write_arrays(
        "spectrum.npz",
        singular_values=solution.singular_values.numpy(),
        truncation_position=range(1, len(solution.truncation_errors) + 1),
        relative_training_error=solution.truncation_errors.numpy(),
    )
    draw_figures(solution, folder, settings.spectrum.cutoff)
    losses = solution.losses
    boundary_loss = settings.boundary_weight * losses["boundary"] if settings.boundary_rows else 0.0
    folder.write_result(
        status="finished",
        seed=settings.seed,
        step=None,
        loss=losses["interior"] + boundary_loss,
        loss_interior=losses["interior"],
        loss_boundary=losses["boundary"],
        loss_interior_ad64=losses["interior_ad64"],
        relative_training_error=solution.relative_training_error,
        relative_training_error_ad=solution.relative_training_error_ad,
        relative_l2_error=solution.relative_l2_error,
        cutoff=settings.spectrum.cutoff,
        effective_cutoff=solution.effective_cutoff,
        truncated_entropy=solution.truncated_entropy,
        steps_per_second=None,
        wall_seconds=time.monotonic() - started,
    )
    return 0


def draw_figures(solution: RandomFeatureSolution, folder: RunFolder, cutoff: float) -> None:
    """Singular values with the cut-off, and the error over the truncation position (Fig. 3)."""
    from pinnspectra import figures

    errors, sigma = solution.truncation_errors.numpy(), solution.singular_values.numpy()
    folder.draw(
        "singular_values",
        lambda: figures.singular_value_figure(sigma, cutoff, folder.method),
    )
    folder.draw(
        "truncation",
        lambda: figures.truncation_figure(
            np.arange(1, len(errors) + 1), errors, solution.truncation_position, folder.method
        ),
    )


if __name__ == "__main__":
    run(solve, "rfm_solve", RandomFeatureSettings)
