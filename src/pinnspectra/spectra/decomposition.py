"""Singular value decompositions that never raise: NaN where there is none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

OVERSAMPLING = 10
"""Random directions beyond the number of singular values wanted."""

POWER_ITERATIONS = 2
"""Applications of A^T A that turn random directions towards the leading ones."""


def svd(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Decompose A = U diag(sigma) V^T, (..., n, r), (..., r), (..., r, m), r = min(n, m).

    In the dtype and on the device of the matrix, sigma descending. By divide and conquer, or by QR
    iteration where that does not converge (LAPACK's gesdd and gesvd). NaN for a matrix that is not
    finite or converges by neither; other matrices of the batch are unaffected.
    Otherwise equivalent to torch.linalg.svd(matrix, full_matrices=False).
    """
    U, sigma, Vh = _decompose(matrix, vectors=True)
    return U, sigma, Vh


def svdvals(matrix: Tensor) -> Tensor:
    """Return the singular values as `svd` does, (..., min(n, m)), without the vectors."""
    return _decompose(matrix, vectors=False)[0]


def _decompose(matrix: Tensor, vectors: bool) -> list[Tensor]:
    """Return [U, sigma, V^T], or [sigma] without vectors."""
    finite = matrix.isfinite().all(dim=-1).all(dim=-1)
    if bool(finite.all()):
        return _decompose_finite(matrix, vectors)
    parts = _decompose_finite(matrix.where(finite[..., None, None], 0.0), vectors)
    known = (finite.reshape(*finite.shape, *[1] * (p.ndim - finite.ndim)) for p in parts)
    return [part.where(here, torch.nan) for part, here in zip(parts, known, strict=True)]


def _decompose_finite(A: Tensor, vectors: bool) -> list[Tensor]:
    """Decompose finite matrices; NaN where LAPACK fails."""
    try:
        return _divide_and_conquer(A, vectors)
    except torch.linalg.LinAlgError:  # pyright: ignore  # it does not say for which matrix
        if A.ndim == 2:
            return _qr_iteration(A, vectors)
        each = [_decompose_finite(one, vectors) for one in A.flatten(0, -3)]
        return [torch.stack(parts).unflatten(0, A.shape[:-2]) for parts in zip(*each, strict=True)]


def _divide_and_conquer(A: Tensor, vectors: bool) -> list[Tensor]:
    # cuSOLVER's default, Jacobi, is not accurate for the small values of graded matrices
    driver = "gesvd" if A.is_cuda else None
    if vectors:
        return list(torch.linalg.svd(A, full_matrices=False, driver=driver))
    return [torch.linalg.svdvals(A, driver=driver)]


def _qr_iteration(A: Tensor, vectors: bool) -> list[Tensor]:
    from scipy import linalg  # a slow import, hardly ever needed

    n, m = A.shape
    try:
        found: Any = linalg.svd(
            A.numpy(force=True), full_matrices=False, compute_uv=vectors, lapack_driver="gesvd"
        )
    except linalg.LinAlgError:
        r = min(n, m)
        shapes = [(n, r), (r,), (r, m)] if vectors else [(r,)]
        return [A.new_full(shape, torch.nan) for shape in shapes]
    return [torch.from_numpy(part.copy()).to(A.device) for part in (found if vectors else [found])]


def triangular_factor(blocks: Iterable[Tensor]) -> Tensor:
    """Factorise blocks of rows (..., n_b, m) by QR; return R, (..., min(n, m), m), float64.

    R has the singular values and the null space of the whole matrix. Block by block (TSQR: Demmel,
    Grigori, Hoemmen and Langou, SIAM J. Sci. Comput. 34 (2012) A206-A239), R <- qr([R; block]), so
    that memory grows with m^2 and the block, not with n; as backward stable as one QR. With no more
    rows than columns R is the matrix itself.

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
    """Return the singular values, descending, (..., min(n, m)), float64, on the matrix's device.

    In float64 whatever the dtype, so that they show the rounding of the matrix and not of the
    decomposition. A tall or wide matrix is reduced to its triangular factor first. NaN for a matrix
    that is not finite or whose decomposition does not converge (`svd`).
    Otherwise equivalent to torch.linalg.svdvals(matrix.double()).
    """
    n, m = matrix.shape[-2:]
    return svdvals(triangular_factor([matrix if n >= m else matrix.mT]))


def leading_singular_values(matrix: Tensor, count: int) -> Tensor:
    """Estimate the `count` largest singular values, descending, (..., min(count, n, m)), float64.

    Randomized subspace iteration (Halko, Martinsson and Tropp, SIAM Review 53 (2011) 217-288,
    Algorithm 4.4) in O(n m count) instead of O(n m min(n, m)): the singular values of A Q with Q an
    orthonormal basis of (A^T A)^q times random directions. They are never too large, and sigma_k is
    too small by a relative error of order (sigma_(l+1) / sigma_k)^(4 q), with l = count +
    OVERSAMPLING and q = POWER_ITERATIONS: negligible for the spectra of kernels. Rounding adds some
    eps sigma_1. NaN for a matrix that is not finite.
    As torch.svd_lowrank, but without drawing from the global generator.
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
