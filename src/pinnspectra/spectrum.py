"""Spectra: singular values, effective cut-off number and truncated entropy."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

OVERSAMPLING = 10
"""Directions that randomized singular values carry beyond those asked for."""

POWER_ITERATIONS = 2
"""Passes with A and A^T that turn random directions towards the leading ones."""


def triangular_factor(blocks: Iterable[Tensor]) -> Tensor:
    """R of the QR factorisation of blocks of rows (..., n_b, m), (..., min(n, m), m), float64.

    R has the singular values and the null space of the whole matrix. Block by block (TSQR: Demmel,
    Grigori, Hoemmen and Langou, SIAM J. Sci. Comput. 34 (2012) A206-A239), R <- qr([R; block]), so
    that memory grows with m^2 and the block, not with n; as backward stable as the QR of the whole.
    Rows that are no more than the columns stay as they are.

    Raises:
        ValueError: there is no block.
    """
    R = None
    for block in blocks:
        rows = block.double()
        R = rows if R is None else torch.cat([R, rows], dim=-2)
        if R.shape[-2] > R.shape[-1]:
            R = torch.linalg.qr(R, mode="r").R
    if R is None:
        raise ValueError("no block of rows: a matrix without rows has no triangular factor")
    return R


def singular_values(matrix: Tensor) -> Tensor:
    """Singular values in descending order, (..., min(n, m)), float64, on the matrix's device.

    Taken in float64 whatever the dtype, so that what shows is the rounding of the matrix and not of
    the decomposition. A tall or wide matrix is reduced by QR first: its triangular factor has the
    same singular values. NaN for a matrix that is not finite, the others of a batch as they are.
    Equivalent to torch.linalg.svdvals(matrix.double()).
    """
    n, m = matrix.shape[-2:]
    R = triangular_factor([matrix if n >= m else matrix.mT])
    finite = R.isfinite().all(dim=-1).all(dim=-1)
    # cuSOLVER's default, Jacobi, is not accurate for the small values of graded matrices
    values = torch.linalg.svdvals(
        R.where(finite[..., None, None], 0.0), driver="gesvd" if R.is_cuda else None
    )
    return values.where(finite[..., None], torch.nan)


def leading_singular_values(matrix: Tensor, count: int) -> Tensor:
    """The `count` largest singular values, descending, (..., min(count, n, m)), float64.

    Randomized subspace iteration (Halko, Martinsson and Tropp, SIAM Review 53 (2011) 217-288,
    Algorithm 4.4) in O(n m count) instead of O(n m min(n, m)): the values of A Q with Q an
    orthonormal basis that q passes of A^T A have turned towards the leading directions. They are
    never too large, and sigma_k is too small by a part of order (sigma_(l+1) / sigma_k)^(4 q), with
    l = count + OVERSAMPLING and q = POWER_ITERATIONS: nothing for spectra that decay like those of
    kernels. To that comes rounding, some eps sigma_1 as ever. NaN for a matrix that is not finite.
    Like torch.svd_lowrank, whose random numbers are those of the global generator.
    """
    A = matrix.double()
    finite = A.isfinite().all(dim=-1).all(dim=-1)
    A = A.where(finite[..., None, None], 0.0)
    n, m = A.shape[-2:]
    generator = torch.Generator(A.device).manual_seed(0)
    directions = min(count + OVERSAMPLING, n, m)
    Q = torch.randn(m, directions, generator=generator, dtype=A.dtype, device=A.device)
    for _ in range(POWER_ITERATIONS):
        Q = torch.linalg.qr(A.mT @ torch.linalg.qr(A @ Q).Q).Q
    values = singular_values(A @ Q)[..., :count]
    return values.where(finite[..., None], torch.nan)


def effective_cutoff(singular_values: Tensor, cutoff: float) -> Tensor:
    """e(a), the number of values with sigma >= a sigma_max (Def. 1, Eq. 1), (..., n) -> (...).

    float64, so that it can be NaN where a value is. Eq. 1 counts values at or above the threshold;
    the prose above it says the opposite.
    """
    largest = singular_values.amax(dim=-1, keepdim=True)
    count = (singular_values >= cutoff * largest).sum(dim=-1).double()
    return count.where(~largest[..., 0].isnan(), torch.nan)


def truncated_entropy(singular_values: Tensor, cutoff: float) -> Tensor:
    """H(a), the entropy of the leading normalised values (Def. 2, Eq. 2), (..., n) -> (...).

    With p_k = sigma_k / sum_(j<=e) sigma_j over the e = effective_cutoff(sigma, a) largest values,
        H = -(1/e) sum_(k<=e) p_k log p_k.
    Natural logarithm; 0 log 0 = 0, also where all values are zero. The order of the values does
    not matter. NaN where a value is.
    """
    s = singular_values
    kept = s.where(s >= cutoff * s.amax(dim=-1, keepdim=True), 0.0)
    total = kept.sum(dim=-1, keepdim=True)
    p = kept / total.where(total > 0, 1.0)
    return torch.special.entr(p).sum(dim=-1) / effective_cutoff(s, cutoff)
