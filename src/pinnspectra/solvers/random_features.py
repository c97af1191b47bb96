"""The random feature model: A a = f solved by truncated SVD (Sec. 3.1)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Field
from pinnspectra.networks import AbstractNetwork, Parameters, cast
from pinnspectra.rounding.floor import spectrum_floor, system_matrix_floor
from pinnspectra.solvers.least_squares import TruncatedSVD
from pinnspectra.spectra.decomposition import singular_values, triangular_factor
from pinnspectra.spectra.entropy import cutoff_below_precision, effective_cutoff, truncated_entropy

ENTRIES_OF_A_PART = 2**22
"""Entries of A held at once."""

FLOOR_MARGIN = 1.3
"""The automatic cut-off, relative to the largest singular value of the rounding errors."""


@dataclass(frozen=True, eq=False)
class RandomFeatureSolution:
    """The solution of one system by truncated SVD.

    singular_values: of the system matrix A, (min(N, M),), descending.
    floor: the predicted rounding floor (system_matrix_floor), (min(N, M),).
    solved_singular_values: of the solved matrix: A, or A with the boundary rows.
    relative_training_errors: ||A a_P - f|| / ||f|| at the truncation positions P = 1, 2, ..., with
        the coefficients formed (Stages I-IV of Fig. 3b).
    coefficients: the a_j at the chosen position, (M,).
    values: the solution u at the interior points, (N,), float64.
    metrics: by name
        cutoff: the threshold a of Definitions 1 and 2,
        cutoff_below_precision: whether values above it may be rounding of the dtype alone
            (entropy.cutoff_below_precision),
        effective_cutoff, truncated_entropy: e and H of A at the cutoff (Definitions 1 and 2),
        truncation_position: the chosen P, which is e of the solved matrix,
        relative_training_error: ||A a - f|| / ||f||,
        relative_training_error_ad: by AD in float64 for the same coefficients. The training error
            of FD can be far too small, since rows of rounding noise fit f,
        relative_l2_error: against the exact solution, over the interior points,
        loss: the minimised mean square: loss_interior, and with boundary rows
            boundary_weight * loss_boundary,
        loss_interior, loss_boundary, loss_interior_ad64: mean squares of the residuals,
        method_NAME: the metrics of the method as fitted to the features.
    """

    singular_values: Tensor
    floor: Tensor
    solved_singular_values: Tensor
    relative_training_errors: Tensor
    coefficients: Tensor
    values: Tensor
    metrics: dict[str, float]


@torch.no_grad()
def solve_random_features(
    collocation: Collocation,
    network: AbstractNetwork,
    parameters: Parameters,
    cutoff: float | Literal["auto"],
    boundary_weight: float | None = None,
) -> RandomFeatureSolution:
    """Solve for the outer coefficients of one network (S = 1) in the dtype of its parameters.

    The system is A a = f at the interior points. With a boundary weight lambda the boundary
    operators' rows are appended, scaled by sqrt(lambda N / N_b), so that the squared residual is
    N (interior + lambda boundary); without, the solution is determined up to the kernel of L.

    cutoff="auto" is FLOOR_MARGIN times the top of the rounding floor: it discards rounding noise,
    which can fit f but solves nothing.

    [A f] is reduced to its triangular factor [R c] part by part of the points (triangular_factor),
    so that memory grows with M^2, not with N M: R a - c has the norm of A a - f for every a, and R
    the singular values of A.

    Raises:
        ValueError: the system matrix is not finite, is zero, or has no singular value decomposition
            that converges; or the method refuses these features.
    """
    dtype = parameters["coefficients"].dtype
    features = network.features(parameters)
    working = collocation.to(dtype, parameters["coefficients"].device).fitted(features)
    collocation = replace(collocation, method=working.method)
    reduced = triangular_factor(_system_rows(working, features, network.width))
    _check_system(reduced, dtype)
    sigma = singular_values(reduced[:, :-1])
    floor = spectrum_floor(system_matrix_floor(collocation, network, parameters)[0], sigma)
    if cutoff == "auto":
        cutoff = _automatic_cutoff(floor, sigma, dtype)
    system = reduced.to(dtype)
    if boundary_weight is not None:
        system = torch.cat([system, _boundary_rows(working, features, boundary_weight)])
    svd = TruncatedSVD(system[:, :-1], system[:, -1])
    if sigma.isnan().any() or svd.singular_values.isnan().any():
        raise ValueError(
            "no singular value decomposition of the system converges: take another seed or "
            "model.width"
        )
    position = min(int(effective_cutoff(svd.singular_values, cutoff)), svd.positions)
    a = svd.coefficients(position)
    training = system[: len(reduced)] @ torch.cat([a, -a.new_ones(1)])
    solved = {**parameters, "coefficients": a[None]}
    values, measured = _metrics(collocation, network, solved)
    return RandomFeatureSolution(
        singular_values=sigma,
        floor=floor,
        solved_singular_values=svd.singular_values,
        relative_training_errors=svd.relative_errors(rows=len(reduced)),
        coefficients=a,
        values=values,
        metrics={
            "cutoff": cutoff,
            "cutoff_below_precision": cutoff_below_precision(cutoff, dtype),
            "loss": measured["loss_interior"] + (boundary_weight or 0) * measured["loss_boundary"],
            **measured,
            "relative_training_error": float(training.norm() / system[: len(reduced), -1].norm()),
            "effective_cutoff": int(effective_cutoff(sigma, cutoff)),
            "truncated_entropy": float(truncated_entropy(sigma, cutoff)),
            "truncation_position": position,
            **{f"method_{name}": value for name, value in working.method.metrics.items()},
        },
    )


def _check_system(reduced: Tensor, dtype: torch.dtype) -> None:
    """Refuse a system [R c] that is not finite, or whose matrix is zero."""
    take = "take " if dtype == torch.float64 else "take precision=float64 or "
    if not reduced.isfinite().all():
        raise ValueError(
            f"the system matrix is not finite in {dtype}: {take}a smaller model.weight_range"
        )
    if not reduced[:, :-1].any():
        raise ValueError(
            f"the system matrix is zero in {dtype}, so that no coefficients solve anything: "
            f"{take}a larger model.weight_range"
        )


def _automatic_cutoff(floor: Tensor, sigma: Tensor, dtype: torch.dtype) -> float:
    """Return the automatic cut-off: no less than the resolution of the SVD; sigma_1 is kept."""
    if not floor.isfinite().all():
        raise ValueError(
            "spectrum.cutoff=auto: the rounding floor is not finite; give a number or a smaller "
            "model.weight_range"
        )
    level = FLOOR_MARGIN * float(floor[0] / sigma[0])
    return min(max(level, torch.finfo(dtype).eps), 1.0)


def _system_rows(working: Collocation, features: Field, width: int) -> Iterator[Tensor]:
    """Yield [A f], (n, M + 1), for consecutive parts of the interior points."""
    for part in working.parts(_points_at_once(width)):
        yield torch.cat([part.system_matrix(features)[0], part.forcing[:, None]], dim=1)


def _boundary_rows(working: Collocation, features: Field, boundary_weight: float) -> Tensor:
    """Return [B 0] with the scaled rows B of the boundary operators, (m N_b, M + 1)."""
    points, rows = len(working.interior.coordinates), len(working.boundary.coordinates)
    B = math.sqrt(boundary_weight * points / rows) * working.boundary_matrix(features)[0]
    return torch.cat([B, B.new_zeros(len(B), 1)], dim=1)


def _metrics(
    collocation: Collocation, network: AbstractNetwork, solved: Parameters
) -> tuple[Tensor, dict[str, float]]:
    """Return u at the interior points, (N,), float64, and losses and errors, part by part."""
    a = solved["coefficients"]
    u = network.field(solved)
    u64 = network.field(cast(solved, torch.float64))
    working = collocation.to(a.dtype, a.device)
    exact = collocation.by_ad().to(torch.float64, a.device)
    at_once = _points_at_once(network.width)
    parts = list(zip(working.parts(at_once), exact.parts(at_once), strict=True))
    sums = torch.stack([part.sums_of_squares(part_ad, u, u64)[:, 0] for part, part_ad in parts])
    residual, residual_ad, forcing, error, true = sums.sum(dim=0).tolist()
    values = torch.cat([u64(part_ad.interior.coordinates)[0] for _, part_ad in parts])
    N = len(collocation.interior.coordinates)
    return values, {
        "loss_interior": residual / N,
        "loss_boundary": float(working.boundary_loss(u)),
        "loss_interior_ad64": residual_ad / N,
        "relative_training_error_ad": math.sqrt(residual_ad / forcing),
        "relative_l2_error": math.sqrt(error / true),
    }


def _points_at_once(width: int) -> int:
    """Return the number of rows of A held at once: more than the columns, which keeps QR cheap."""
    return max(2 * width, ENTRIES_OF_A_PART // width)
