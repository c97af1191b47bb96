"""Spectra: singular values, effective cut-off number and truncated entropy."""

from __future__ import annotations

import torch
from torch import Tensor


def singular_values(matrix: Tensor) -> Tensor:
    """Singular values in descending order, (..., min(n, m)), float64, on the matrix's device.

    Taken in float64 whatever the dtype, so that what shows is the rounding of the matrix and not of
    the decomposition. A tall or wide matrix is reduced by QR first: its triangular factor has the
    same singular values. Equivalent to torch.linalg.svdvals(matrix.double()).
    """
    A = matrix.double()
    n, m = A.shape[-2:]
    if n < m:
        A, n, m = A.mT, m, n
    if n > m:
        A = torch.linalg.qr(A, mode="r").R
    # cuSOLVER's default, Jacobi, is not accurate for the small values of graded matrices
    return torch.linalg.svdvals(A, driver="gesvd" if A.is_cuda else None)


def effective_cutoff(singular_values: Tensor, cutoff: float) -> int:
    """e(a), the number of values with sigma >= a sigma_max (Definition 1, Eq. 1).

    Eq. 1 counts values at or above the threshold; the prose above it says the opposite.
    """
    return int((singular_values >= cutoff * singular_values.max()).sum())


def truncated_entropy(singular_values: Tensor, cutoff: float) -> float:
    """H(a), the entropy of the leading normalised singular values (Definition 2, Eq. 2).

    With p_k = sigma_k / sum_(j<=e) sigma_j over the e = effective_cutoff(sigma, a) largest values,
        H = -(1/e) sum_(k<=e) p_k log p_k.
    Natural logarithm; 0 log 0 = 0, also where all values are zero. The order of the values does
    not matter.
    """
    kept = singular_values[singular_values >= cutoff * singular_values.max()]
    total = kept.sum()
    p = kept / total if total > 0 else torch.zeros_like(kept)
    return float(-torch.special.xlogy(p, p).sum() / len(kept))
