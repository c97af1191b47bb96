"""The random feature model: A a = f solved by truncated SVD (Sec. 3.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Field
from pinnspectra.least_squares import TruncatedSVD
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.spectrum import effective_cutoff, singular_values, truncated_entropy


@dataclass(frozen=True, eq=False)
class RandomFeatureSolution:
    """What the truncated SVD of one system gives.

    singular_values: of the system matrix A, (min(N, M),), descending.
    relative_training_errors: ||A a_P - f|| / ||f|| at the truncation positions P = 1, 2, ..., with
        the coefficients formed (Stages I-IV of Fig. 3b).
    coefficients: the a_j at the position that is used, (M,).
    values: the solution u at the interior points, (N,), float64.
    metrics: by name
        effective_cutoff, truncated_entropy: e and H of A at the cutoff (Definitions 1 and 2),
        truncation_position: the P that is used, e of the matrix that is solved, which is A or,
            with boundary rows, A and they,
        relative_training_error: ||A a - f|| / ||f||,
        relative_training_error_ad: the same coefficients' residual by AD in float64. The training
            error of FD can be far too good, since rows of rounding noise fit f,
        relative_l2_error: against the exact solution, over the interior points,
        loss: what is minimised, per row: loss_interior, and with boundary rows
            boundary_weight * loss_boundary,
        loss_interior, loss_boundary, loss_interior_ad64: mean squares of the residuals.
    """

    singular_values: Tensor
    relative_training_errors: Tensor
    coefficients: Tensor
    values: Tensor
    metrics: dict[str, float]


@torch.no_grad()
def solve_random_features(
    collocation: Collocation,
    network: AbstractNetwork,
    parameters: Parameters,
    cutoff: float,
    boundary_weight: float | None = None,
) -> RandomFeatureSolution:
    """Solve for the outer coefficients of one network (S = 1) in the dtype of its parameters.

    The system is A a = f at the interior points. With a boundary weight lambda the boundary
    operators' rows are appended, scaled by sqrt(lambda N / N_b), so that the squared residual is
    N (interior + lambda boundary); without, the solution is free up to what L does not see.

    Raises:
        ValueError: the system matrix is not finite.
    """
    dtype = parameters["coefficients"].dtype
    working = collocation.to(dtype, parameters["coefficients"].device)
    features = network.features(parameters)
    A, f = working.system_matrix(features)[0], working.forcing
    if not A.isfinite().all():
        raise ValueError(
            f"the system matrix is not finite in {dtype}: take precision=float64 or a smaller "
            f"model.weight_range"
        )
    matrix, right_side = _with_boundary_rows(working, features, A, f, boundary_weight)
    sigma = singular_values(A)
    svd = TruncatedSVD(matrix, right_side)
    position = min(effective_cutoff(svd.singular_values, cutoff), svd.positions)
    a = svd.coefficients(position)
    solved = {**parameters, "coefficients": a[None]}
    u = network.field(solved)
    u64 = network.field({name: value.double() for name, value in solved.items()})
    losses = {name: float(value) for name, value in working.losses(u).items()}
    exact = collocation.by_ad().to(torch.float64, a.device)
    residual_ad = exact.residual(u64)[0]
    return RandomFeatureSolution(
        singular_values=sigma,
        relative_training_errors=svd.relative_errors(rows=len(f)),
        coefficients=a,
        values=u64(exact.interior.coordinates)[0],
        metrics={
            "loss": losses["interior"] + (boundary_weight or 0.0) * losses["boundary"],
            "loss_interior": losses["interior"],
            "loss_boundary": losses["boundary"],
            "loss_interior_ad64": float(residual_ad.square().mean()),
            "relative_training_error": float((A @ a - f).norm() / f.norm()),
            "relative_training_error_ad": float(residual_ad.norm() / exact.forcing.norm()),
            "relative_l2_error": float(exact.relative_l2_error(u64)),
            "effective_cutoff": effective_cutoff(sigma, cutoff),
            "truncated_entropy": truncated_entropy(sigma, cutoff),
            "truncation_position": position,
        },
    )


def _with_boundary_rows(
    working: Collocation, features: Field, A: Tensor, f: Tensor, boundary_weight: float | None
) -> tuple[Tensor, Tensor]:
    if boundary_weight is None:
        return A, f
    rows_per_operator = len(working.boundary.coordinates)
    scale = math.sqrt(boundary_weight * len(f) / rows_per_operator)
    B = scale * working.boundary_matrix(features)[0]
    return torch.cat([A, B]), torch.cat([f, f.new_zeros(len(B))])
