"""The rounding floor of a spectrum: the singular values of a matrix's emulated rounding errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation.points import Points
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.rounding.emulated import rounding_errors
from pinnspectra.spectra.decomposition import leading_singular_values, singular_values
from pinnspectra.spectra.kernel import residual_jacobian

ENTRIES_SAMPLED = 2**18
"""Entries whose errors are taken for the deviations of a matrix's columns."""

MIN_ROWS_SAMPLED = 16


def system_matrix_errors(
    collocation: Collocation, network: AbstractNetwork, parameters: Parameters
) -> Tensor:
    """One realisation of the rounding errors of A, (S, N, M), float64, on the CPU.

    Those of the parameters' dtype. Added to the matrix in exact arithmetic (by ExactDifference),
    they give a matrix with the spectrum of the rounded one, float64's too.
    """
    in_float64, theta = collocation.to(torch.float64), _in_float64(parameters)
    features = network.features(theta)
    return rounding_errors(lambda: in_float64.system_matrix(features), _dtype(parameters))


def system_matrix_floor(
    collocation: Collocation, network: AbstractNetwork, parameters: Parameters
) -> Tensor:
    """Singular values of the rounding errors of A, (S, min(N, M)), float64, descending, on the CPU.

    The tail of A's singular values lies on it, index by index. Where A has many entries,
    ENTRIES_SAMPLED or more, errors are taken at a sample of the points and the others drawn as
    independent, with a deviation for every column, so that the work does not grow with N.
    """
    sample = _sample(collocation, parameters["coefficients"].numel())
    errors = system_matrix_errors(sample, network, parameters)
    return singular_values(_all_rows(errors, len(collocation.interior.coordinates)))


def kernel_floor(
    collocation: Collocation,
    network: AbstractNetwork,
    parameters: Parameters,
    leading: int | None = None,
) -> Tensor:
    """Singular values of the rounding errors of J, (S, min(N, P)), float64, descending, on the CPU.

    As system_matrix_floor, for the residual's Jacobian; their squares are under the eigenvalues of
    G. With `leading`, only so many of the largest, as kernel_singular_values.
    """
    sample = _sample(collocation, sum(value.numel() for value in parameters.values()))
    in_float64, theta = sample.to(torch.float64), _in_float64(parameters)
    errors = rounding_errors(
        lambda: residual_jacobian(in_float64.residual, network, theta), _dtype(parameters)
    )
    noise = _all_rows(errors, len(collocation.interior.coordinates))
    return singular_values(noise) if leading is None else leading_singular_values(noise, leading)


def noise_factor(rows: int, deviations: Tensor) -> Tensor:
    """A matrix with the singular values of `rows` rows of independent normal errors, (S, n, M).

    n = min(rows, M): of more rows than columns the triangular factor is drawn, whose entries are
    independent, normal and on the diagonal chi (Bartlett, Proc. R. Soc. Edinburgh 53 (1933)
    260-283). Drawn on the CPU with a seed of its own. Where all columns have one deviation s, the
    singular values follow the law of Marchenko and Pastur, from s |sqrt(rows) - sqrt(M)| to
    s (sqrt(rows) + sqrt(M)).

    Args:
        rows: the number of rows.
        deviations: of every column, (S, M), float64.
    """
    random = np.random.default_rng(0)
    columns = deviations.shape[-1]
    drawn = random.standard_normal((min(rows, columns), columns))
    if rows > columns:
        drawn = np.triu(drawn, 1) + np.diag(np.sqrt(random.chisquare(rows - np.arange(columns))))
    return torch.from_numpy(drawn) * deviations[..., None, :]


def spectrum_floor(errors: Tensor, singular_values: Tensor) -> Tensor:
    """What a spectrum shows of rounding, by index, (..., n): values near it are rounding.

    The singular values of the matrix's rounding errors, and eps sigma_1 of float64, which is about
    as far as a decomposition resolves (spectrum.singular_values).
    """
    resolved = torch.finfo(torch.float64).eps * singular_values[..., :1]
    return torch.hypot(errors.to(resolved.device), resolved)


def _in_float64(parameters: Parameters) -> Parameters:
    return {name: value.detach().double().cpu() for name, value in parameters.items()}


def _dtype(parameters: Parameters) -> torch.dtype:
    return parameters["coefficients"].dtype


def _sample(collocation: Collocation, columns: int) -> Collocation:
    """The collocation, or where it has many points a sample of them, drawn with its own seed."""
    x = collocation.interior.coordinates
    count = max(ENTRIES_SAMPLED // columns, MIN_ROWS_SAMPLED)
    if count >= len(x):
        return collocation
    chosen = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:count]
    return replace(collocation, interior=Points(x[chosen.to(x.device)]))


def _all_rows(errors: Tensor, rows: int) -> Tensor:
    """Errors with the singular values of so many rows, of which some or all are given."""
    if errors.shape[-2] == rows:
        return errors
    return noise_factor(rows, errors.square().mean(dim=-2).sqrt())
