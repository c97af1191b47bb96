"""The random feature model: A a = f solved by truncated SVD (Sec. 3.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Automatic, Field
from pinnspectra.least_squares import TruncatedSVD
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.spectrum import effective_cutoff, singular_values, truncated_entropy


@dataclass(frozen=True, eq=False)
class RandomFeatureSolution:
    """What the truncated SVD of one system gives.

    singular_values: of the system matrix A, (min(N, M),), descending.
    effective_cutoff, truncated_entropy: e and H of A at the cutoff (Definitions 1 and 2).
    truncation_errors: relative residual of the rows that are solved at the truncation positions
        1, 2, ..., with the coefficients formed (Stages I-IV of Fig. 3b).
    truncation_position: the position that is used, e of the matrix that is solved.
    parameters: the network's, with the coefficients a_j put in.
    relative_training_error: ||A a - f|| / ||f||.
    relative_training_error_ad: the same coefficients' residual by AD in float64. The training
        error of FD can be far too good, since rows of rounding noise fit f.
    relative_l2_error: against the exact solution, over the interior points.
    losses: interior, interior_ad64 and boundary, mean squares.
    """

    singular_values: Tensor
    effective_cutoff: int
    truncated_entropy: float
    truncation_errors: Tensor
    truncation_position: int
    parameters: Parameters
    relative_training_error: float
    relative_training_error_ad: float
    relative_l2_error: float
    losses: dict[str, float]


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
        raise ValueError(f"the system matrix is not finite in {dtype}; take another method.step")
    matrix, right_side = _with_boundary_rows(working, features, A, f, boundary_weight)
    sigma = singular_values(A)
    svd = TruncatedSVD(matrix, right_side)
    position = min(effective_cutoff(svd.singular_values, cutoff), svd.positions)
    solved = {**parameters, "coefficients": svd.coefficients(position)[None]}
    return RandomFeatureSolution(
        singular_values=sigma,
        effective_cutoff=effective_cutoff(sigma, cutoff),
        truncated_entropy=truncated_entropy(sigma, cutoff),
        truncation_errors=svd.relative_errors(),
        truncation_position=position,
        parameters=solved,
        relative_training_error=float((A @ solved["coefficients"][0] - f).norm() / f.norm()),
        **_errors(collocation, network, solved),
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


def _errors(
    collocation: Collocation, network: AbstractNetwork, parameters: Parameters
) -> dict[str, Any]:
    """What the solution is worth: residuals by the method and by AD, error against u*."""
    coefficients = parameters["coefficients"]
    exact = replace(collocation, method=Automatic()).to(torch.float64, coefficients.device)
    own = collocation.to(coefficients.dtype, coefficients.device)
    u = network.field(parameters)
    u64 = network.field({name: value.double() for name, value in parameters.items()})
    residual_ad = exact.residual(u64)[0]
    losses = {name: float(value) for name, value in own.losses(u).items()}
    return {
        "relative_training_error_ad": float(residual_ad.norm() / exact.forcing.norm()),
        "relative_l2_error": float(exact.relative_l2_error(u64)),
        "losses": {**losses, "interior_ad64": float(residual_ad.square().mean())},
    }
