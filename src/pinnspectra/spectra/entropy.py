"""The effective cut-off number and the truncated entropy of a spectrum (Definitions 1 and 2)."""

from __future__ import annotations

import torch
from torch import Tensor


def effective_cutoff(singular_values: Tensor, cutoff: float) -> Tensor:
    """Count the values sigma >= a sigma_max, e(a) (Def. 1, Eq. 1), (..., n) -> (...).

    float64, to be NaN where a value is not finite. 0 for an empty spectrum and for zeros, which
    Eq. 1 would count. Eq. 1 counts values at or above the threshold; the prose above it states the
    opposite.

    Raises:
        ValueError: a value is negative, as an eigenvalue of a formed J J^T can be.
    """
    s, finite = _scaled(singular_values)
    return _kept(s, cutoff).sum(dim=-1).double().where(finite, torch.nan)


def truncated_entropy(singular_values: Tensor, cutoff: float) -> Tensor:
    """Return the entropy of the leading normalised values, H(a) (Def. 2, Eq. 2), (..., n) -> (...).

    With p_k = sigma_k / sum_(j<=e) sigma_j over the e = effective_cutoff(sigma, a) largest values,
        H = -(1/e) sum_(k<=e) p_k log p_k.
    Natural logarithm; 0 log 0 = 0. H is 0 for a single value, and where e is 0. The order of the
    values does not matter. NaN where a value is not finite.

    Raises:
        ValueError: a value is negative.
    """
    s, finite = _scaled(singular_values)
    kept = _kept(s, cutoff)
    values = s.where(kept, 0.0)
    total = values.sum(dim=-1, keepdim=True)
    p = values / total.where(total > 0, 1.0)
    H = torch.special.entr(p).sum(dim=-1) / kept.sum(dim=-1).double().clamp(min=1)
    return H.where(finite, torch.nan)


def cutoff_below_precision(cutoff: float, dtype: torch.dtype, power: int = 1) -> bool:
    """Return whether a cut-off keeps values of A, or eigenvalues of G, that may be rounding.

    By any method, AD included, the singular values of A or J are accurate to about eps sigma_1,
    with eps of the dtype of the entries: they are rounded when stored, and sin(w x + b) by more
    where w x is large. Measured for weights up to 10: at most 0.81 eps sigma_1
    (tests/test_cutoff_below_precision.py). Values below eps sigma_1 are therefore meaningless, as
    are eigenvalues below eps^2 lambda_1. By FD rounding begins far higher, at about eps / h^k
    (rounding.floor.spectrum_floor).

    Args:
        cutoff: the threshold a of Definitions 1 and 2.
        dtype: the dtype of the matrix; it is decomposed in float64.
        power: 1 for singular values; 2 for eigenvalues, their squares.
    """
    return cutoff < torch.finfo(dtype).eps ** power


def _kept(values: Tensor, cutoff: float) -> Tensor:
    """Return which values are kept, (..., n): those at or above the threshold; no zeros alone."""
    largest = _largest(values)
    return (values >= cutoff * largest) & (largest > 0)


def _largest(values: Tensor) -> Tensor:
    """Return the largest value, (..., 1); (..., 0) for an empty spectrum."""
    return values.amax(dim=-1, keepdim=True) if values.shape[-1] else values


def _scaled(values: Tensor) -> tuple[Tensor, Tensor]:
    """Scale by the power of two that brings the largest value to [1, 2); flag finite spectra.

    Nothing is rounded, no sum can overflow and no threshold underflow. Zeros where not finite.
    """
    negative = values[values < 0]
    if len(negative):
        raise ValueError(
            f"a spectrum has the value {float(negative.min()):g}: singular values and eigenvalues "
            f"of J J^T are not negative; take sigma(J) and its squares, not a J J^T that was formed"
        )
    finite = values.isfinite().all(dim=-1)
    s = values.where(finite[..., None], 0.0)
    largest = _largest(s)
    power = largest / (2 * torch.frexp(largest).mantissa)
    return s / power.where(largest > 0, 1.0), finite
