"""The rounding floor of a spectrum: the singular values of a matrix's emulated rounding errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation.points import Points
from pinnspectra.networks import AbstractNetwork, Parameters, cast
from pinnspectra.rounding.emulated import rounding_errors
from pinnspectra.spectra.decomposition import leading_singular_values, singular_values
from pinnspectra.spectra.kernel import residual_jacobian

ENTRIES_SAMPLED = 2**18
"""Entries whose errors are emulated to estimate the deviations of a matrix's columns."""

MIN_ROWS_SAMPLED = 16


def system_matrix_errors(
    collocation: Collocation, network: AbstractNetwork, parameters: Parameters
) -> Tensor:
    """Return one realisation of the rounding errors of A, (S, N, M), float64, on the CPU.

    In the dtype of the parameters. Added to the matrix of exact arithmetic (ExactDifference) they
    reproduce the spectrum of the rounded matrix, for float64, too.
    """
    in_float64, theta = collocation.to(torch.float64), cast(parameters, torch.float64, "cpu")
    features = network.features(theta)
    return rounding_errors(lambda: in_float64.system_matrix(features), _dtype(parameters))


def system_matrix_floor(
    collocation: Collocation, network: AbstractNetwork, parameters: Parameters
) -> Tensor:
    """Return the singular values of A's rounding errors, (S, min(N, M)), float64, on the CPU.

    Descending; the tail of A's singular values follows them, index by index. Where A has more than
    ENTRIES_SAMPLED entries, errors are emulated at a sample of the points and the others drawn as
    independent, with the standard deviation of their column, so that the work does not grow with N.
    """
    sample = _sample(collocation, parameters["coefficients"].numel())
    errors = system_matrix_errors(sample, network, parameters)
    return singular_values(_extended(errors, len(collocation.interior.coordinates)))


def kernel_floor(
    collocation: Collocation,
    network: AbstractNetwork,
    parameters: Parameters,
    leading: int | None = None,
) -> Tensor:
    """Return the singular values of J's rounding errors, (S, min(N, P)), float64, on the CPU.

    As system_matrix_floor, for the residual Jacobian; the squares are the floor of the eigenvalues
    of G. With `leading`, the largest values alone, as in kernel_singular_values.
    """
    sample = _sample(collocation, sum(value.numel() for value in parameters.values()))
    in_float64, theta = sample.to(torch.float64), cast(parameters, torch.float64, "cpu")
    errors = rounding_errors(
        lambda: residual_jacobian(in_float64.residual, network, theta), _dtype(parameters)
    )
    noise = _extended(errors, len(collocation.interior.coordinates))
    return singular_values(noise) if leading is None else leading_singular_values(noise, leading)


def noise_factor(rows: int, deviations: Tensor) -> Tensor:
    """Draw a factor, (S, min(rows, M), M), of a matrix of independent normal errors, (S, rows, M).

    With more rows than columns, the triangular factor: independent entries, normal above and chi on
    the diagonal (Bartlett, Proc. R. Soc. Edinburgh 53 (1933) 260-283). Drawn on the CPU with a
    fixed seed. Where all columns have one deviation s, the singular values follow the law of
    Marchenko and Pastur, from s |sqrt(rows) - sqrt(M)| to s (sqrt(rows) + sqrt(M)).

    Args:
        rows: the number of rows.
        deviations: the standard deviation of every column, (S, M), float64.
    """
    random = np.random.default_rng(0)
    columns = deviations.shape[-1]
    drawn = random.standard_normal((min(rows, columns), columns))
    if rows > columns:
        drawn = np.triu(drawn, 1) + np.diag(np.sqrt(random.chisquare(rows - np.arange(columns))))
    return torch.from_numpy(drawn) * deviations[..., None, :]


def spectrum_floor(errors: Tensor, singular_values: Tensor) -> Tensor:
    """Return the rounding floor of a spectrum, by index, (..., n): values near it are rounding.

    The singular values of the matrix's rounding errors, and eps sigma_1 of float64, about the
    resolution of the decomposition (singular_values).
    """
    resolved = torch.finfo(torch.float64).eps * singular_values[..., :1]
    return torch.hypot(errors.to(resolved.device), resolved)


def _dtype(parameters: Parameters) -> torch.dtype:
    return parameters["coefficients"].dtype


def _sample(collocation: Collocation, columns: int) -> Collocation:
    """Draw a sample of the interior points with a fixed seed, where there are many."""
    x = collocation.interior.coordinates
    count = max(ENTRIES_SAMPLED // columns, MIN_ROWS_SAMPLED)
    if count >= len(x):
        return collocation
    chosen = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:count]
    return replace(collocation, interior=Points(x[chosen.to(x.device)]))


def _extended(errors: Tensor, rows: int) -> Tensor:
    """Extend errors at a sample of the rows to a factor of all rows."""
    if errors.shape[-2] == rows:
        return errors
    return noise_factor(rows, errors.square().mean(dim=-2).sqrt())
