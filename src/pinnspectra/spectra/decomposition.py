"""Singular value decompositions that end: with NaN where there is none."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def svd(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U, sigma, V^T of A = U diag(sigma) V^T, (..., n, r), (..., r), (..., r, m), r = min(n, m).

    In the matrix's dtype, on its device, sigma descending. By divide and conquer; of a matrix for
    which that does not converge, by QR iteration (LAPACK's gesdd and gesvd). NaN for one that is
    not finite or converges by neither, the others of a batch as they are.
    Else torch.linalg.svd(matrix, full_matrices=False).
    """
    U, sigma, Vh = _decomposed(matrix, vectors=True)
    return U, sigma, Vh


def svdvals(matrix: Tensor) -> Tensor:
    """The sigma of svd, (..., min(n, m)). Else torch.linalg.svdvals(matrix)."""
    return _decomposed(matrix, vectors=False)[0]


def _decomposed(matrix: Tensor, vectors: bool) -> list[Tensor]:
    """U, sigma, V^T, or sigma alone."""
    finite = matrix.isfinite().all(dim=-1).all(dim=-1)
    if bool(finite.all()):
        return _converged(matrix, vectors)
    parts = _converged(matrix.where(finite[..., None, None], 0.0), vectors)
    known = (finite.reshape(*finite.shape, *[1] * (p.ndim - finite.ndim)) for p in parts)
    return [part.where(here, torch.nan) for part, here in zip(parts, known, strict=True)]


def _converged(A: Tensor, vectors: bool) -> list[Tensor]:
    """The same of finite matrices, which LAPACK wants; NaN where it does not converge."""
    try:
        return _by_torch(A, vectors)
    except torch.linalg.LinAlgError:  # pyright: ignore  # of one of them, it does not say which
        if A.ndim == 2:
            return _by_qr_iteration(A, vectors)
        each = [_converged(one, vectors) for one in A.flatten(0, -3)]
        return [torch.stack(parts).unflatten(0, A.shape[:-2]) for parts in zip(*each, strict=True)]


def _by_torch(A: Tensor, vectors: bool) -> list[Tensor]:
    # cuSOLVER's default, Jacobi, is not accurate for the small values of graded matrices
    driver = "gesvd" if A.is_cuda else None
    if vectors:
        return list(torch.linalg.svd(A, full_matrices=False, driver=driver))
    return [torch.linalg.svdvals(A, driver=driver)]


def _by_qr_iteration(A: Tensor, vectors: bool) -> list[Tensor]:
    from scipy import linalg  # takes a while, and is hardly ever needed

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
