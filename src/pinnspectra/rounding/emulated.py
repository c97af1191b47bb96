"""Rounding, emulated: the errors in a matrix, and the floor that they put under its spectrum.

Where rounding.py has a law of a few numbers, this is sharper and knows any method and network. A
calculation is run in float64 and again with every result cut to t bits, which is arithmetic of t
bits. The difference is one realisation of its rounding errors, with the order of summation, the
powers of two that cost nothing and the nodes that neighbours share as they are in the program: by
any method, for any network and problem. No arithmetic wider than float64 is at hand to do so for
float64 itself, but errors are proportional to eps, so that those of 40 bits are scaled down.

The points stay as they are: that x + h is rounded too moves all columns alike, which raises the
largest few singular values of the errors and not the floor.

Reference: Higham and Pranesh, Simulating low precision floating-point arithmetic, SIAM J. Sci.
Comput. 41 (2019) C585-C602.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode  # in torch 2.13 not public yet

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation.points import Points
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.spectra.entropy import leading_singular_values, singular_values
from pinnspectra.spectra.kernel import residual_jacobian

SIGNIFICANT_BITS = 53
"""Bits of float64's significand."""

EMULATED_BITS = {torch.float32: 24, torch.float64: 40}
"""Bits of the arithmetic that is run for that of a dtype; 40 leave float64's own errors behind."""

ENTRIES_SAMPLED = 2**18
"""Entries whose errors are taken for the deviations of a matrix's columns."""

MIN_ROWS_SAMPLED = 16


class ShortArithmetic(TorchDispatchMode):
    """Where it is entered, results of float64 operations are rounded to so many bits.

    Elementwise operations are rounded to nearest by Veltkamp's splitting, once each; products of
    matrices are summed term by term. What only moves numbers is exact, as it is in any arithmetic.
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self._splitter = 2.0 ** (SIGNIFICANT_BITS - bits) + 1

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to keep the compiler out would import it, which takes seconds

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one operation and round its result."""
        if func.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.bmm):
            return self._product(*args)
        result = func(*args, **(kwargs or {}))
        elementwise = torch.Tag.pointwise in func.tags
        if elementwise and isinstance(result, Tensor) and result.dtype == torch.float64:
            result.copy_(self._rounded(result))  # in place, for operations that are
        return result

    def _rounded(self, value: Tensor) -> Tensor:
        large = self._splitter * value
        return large - (large - value)

    def _product(self, A: Tensor, B: Tensor) -> Tensor:
        total = A.new_zeros(())
        for k in range(A.shape[-1]):
            total = self._rounded(total + A[..., :, k : k + 1] * B[..., k : k + 1, :])
        return total


def rounding_errors(calculation: Callable[[], Tensor], dtype: torch.dtype) -> Tensor:
    """What rounding in that dtype adds to the result of a calculation in float64, of its shape.

    The calculation is run twice, first in float64: points that it builds and keeps are exact.

    Args:
        calculation: a function whose numbers are all float64.
        dtype: float32 or float64.
    """
    exact = calculation()
    bits = EMULATED_BITS[dtype]
    with ShortArithmetic(bits):
        rounded = calculation()
    return (rounded - exact) * (torch.finfo(dtype).eps * 2.0 ** (bits - 1))


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
