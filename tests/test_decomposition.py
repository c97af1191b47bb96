"""Decompositions that do not converge at the first try, or at all."""

import math

import pytest
import scipy.linalg
import torch

from pinnspectra.solvers.least_squares import TruncatedSVD
from pinnspectra.spectra.decomposition import leading_singular_values, singular_values, svd, svdvals
from pinnspectra.spectra.entropy import effective_cutoff

SHAPES = [(12, 12), (20, 12), (12, 31)]
STUBBORN = 7.5
"""The first entry of a matrix on which divide and conquer fails below."""


def batch_of(shape):
    """Three matrices, of which the second is stubborn."""
    generator = torch.Generator().manual_seed(0)
    batch = torch.randn(3, *shape, generator=generator, dtype=torch.float64)
    batch[1, 0, 0] = STUBBORN
    return batch


@pytest.fixture
def no_convergence(monkeypatch):
    """LAPACK's divide and conquer fails on stubborn matrices, alone or among others."""

    def failing(function):
        def wrapped(A, *args, **kwargs):
            if bool((A[..., 0, 0] == STUBBORN).any()):
                raise torch.linalg.LinAlgError("The algorithm failed to converge")
            return function(A, *args, **kwargs)

        return wrapped

    for name in ("svd", "svdvals"):
        monkeypatch.setattr(torch.linalg, name, failing(getattr(torch.linalg, name)))


@pytest.fixture
def no_qr_iteration(monkeypatch):
    def failing(*args, **kwargs):
        raise scipy.linalg.LinAlgError("SVD did not converge")

    monkeypatch.setattr(scipy.linalg, "svd", failing)


@pytest.mark.parametrize("shape", SHAPES)
def test_qr_iteration_takes_over_and_leaves_the_others_as_they_are(shape, no_convergence):
    batch = batch_of(shape)
    U, sigma, Vh = svd(batch)
    torch.testing.assert_close(U @ torch.diag_embed(sigma) @ Vh, batch, rtol=0, atol=1e-13)
    identity = torch.eye(12, dtype=torch.float64).expand(3, -1, -1)
    torch.testing.assert_close(U.mT @ U, identity, rtol=0, atol=1e-14)
    torch.testing.assert_close(svdvals(batch), sigma, rtol=1e-13, atol=0)
    for i in (0, 2):
        alone = torch.linalg.svd(batch[i], full_matrices=False)
        assert all(torch.equal(a, b[i]) for a, b in zip(alone, (U, sigma, Vh), strict=True))
    assert torch.equal(svdvals(batch)[1], svdvals(batch[1]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dtype_stays(no_convergence, dtype):
    assert {part.dtype for part in svd(batch_of((12, 12))[1].to(dtype))} == {dtype}
    assert svdvals(batch_of((12, 12)).to(dtype)).dtype == dtype


@pytest.mark.parametrize("shape", SHAPES)
def test_what_converges_by_no_way_is_nan_and_the_others_are_not(
    shape, no_convergence, no_qr_iteration
):
    batch = batch_of(shape)
    for whole, expected in zip(svd(batch), torch.linalg.svd(batch[::2], False), strict=True):
        assert whole[1].isnan().all()
        assert whole[1].shape == expected[0].shape
        torch.testing.assert_close(whole[::2], expected, rtol=0, atol=0)
    assert svdvals(batch)[1].isnan().all()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_matrix_that_is_not_finite_has_none(bad):
    batch = batch_of((12, 12))
    batch[1, 3, 4] = bad
    for part in svd(batch):
        assert part[1].isnan().all()
        assert part[::2].isfinite().all()


def test_spectra_and_solutions_without_a_decomposition(no_convergence, no_qr_iteration):
    A = batch_of((12, 12))[1]
    sigma = singular_values(A)
    assert sigma.isnan().all()
    assert effective_cutoff(sigma, 1e-3).isnan()
    solved = TruncatedSVD(A, torch.ones(12, dtype=torch.float64))
    assert solved.positions == 0
    assert solved.relative_errors().shape == (0,)
    assert solved.singular_values.isnan().all()


def test_leading_values_do_without_divide_and_conquer(monkeypatch):
    def never(*args, **kwargs):
        raise torch.linalg.LinAlgError("The algorithm failed to converge")

    A = batch_of((12, 31))
    expected = leading_singular_values(A, 4)
    monkeypatch.setattr(torch.linalg, "svdvals", never)
    torch.testing.assert_close(leading_singular_values(A, 4), expected, rtol=1e-13, atol=0)
