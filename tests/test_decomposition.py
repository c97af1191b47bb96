"""Singular values of invented spectra, and decompositions that do not converge."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from invented import EACH_SHAPE, SPECTRA, matrix_from_singular_values

from pinnspectra.solvers.least_squares import TruncatedSVD
from pinnspectra.spectra.decomposition import (
    OVERSAMPLING,
    leading_singular_values,
    singular_values,
    svd,
    svdvals,
    triangular_factor,
)
from pinnspectra.spectra.entropy import effective_cutoff

EPS = torch.finfo(torch.float64).eps


@EACH_SHAPE
@pytest.mark.parametrize("values", SPECTRA.values(), ids=SPECTRA)
def test_an_invented_spectrum_is_recovered(values, shape):
    A = matrix_from_singular_values(values, shape)
    got = singular_values(A)
    # rounding of A moves every singular value by up to its norm, some eps sigma_max (Weyl)
    expected = torch.tensor(values, dtype=torch.float64)
    torch.testing.assert_close(got, expected, rtol=0, atol=16 * EPS * values[0])
    assert bool((got.diff() <= 0).all())


@EACH_SHAPE
def test_a_batch_of_matrices_has_the_spectrum_of_each(shape):
    batch = torch.stack([matrix_from_singular_values(v, shape) for v in SPECTRA.values()])
    got = singular_values(batch)
    assert got.shape == (len(SPECTRA), 12)
    expected = torch.tensor(list(SPECTRA.values()), dtype=torch.float64)
    torch.testing.assert_close(got, expected, rtol=0, atol=16 * EPS * 5)


@EACH_SHAPE
def test_a_float32_matrix_shows_its_own_rounding_and_none_of_the_decomposition(shape):
    A = matrix_from_singular_values(SPECTRA["graded"], shape).to(torch.float32)
    got = singular_values(A)
    assert got.dtype == torch.float64
    expected = np.linalg.svd(A.numpy().astype(np.float64), compute_uv=False)
    np.testing.assert_allclose(got, expected, rtol=0, atol=16 * EPS)
    # the entries' rounding, 6e-8 relative, has lifted the values below it
    assert float(got[-1]) > 1e-10


def test_singular_values_far_below_those_of_a_gram_matrix_are_seen():
    values = SPECTRA["graded"]
    A = matrix_from_singular_values(values, (40, 12))
    by_gram = torch.linalg.eigvalsh(A.mT @ A).abs().sqrt()
    assert float(by_gram.min()) > 100 * values[-1]
    assert float(singular_values(A)[-1]) == pytest.approx(values[-1], rel=1e-3)


@pytest.mark.parametrize("values", SPECTRA.values(), ids=SPECTRA)
def test_the_triangular_factor_of_row_blocks_is_that_of_the_whole(values):
    A = torch.stack([matrix_from_singular_values(values, (300, 12), seed) for seed in (0, 1)])
    atol = 32 * EPS * values[0]
    for rows in (1, 7, 12, 13, 50, 300):
        R = triangular_factor(A.split(rows, dim=1))
        assert R.shape == (2, 12, 12)
        assert torch.equal(R, R.triu())
        torch.testing.assert_close(R.mT @ R, A.mT @ A, rtol=0, atol=atol * values[0])
        torch.testing.assert_close(singular_values(R), singular_values(A), rtol=0, atol=atol)


def test_few_rows_are_their_own_triangular_factor():
    A = matrix_from_singular_values(SPECTRA["decaying"], (12, 12))
    assert torch.equal(triangular_factor(A.split(5)), A)
    with pytest.raises(ValueError, match="no block of rows"):
        triangular_factor([])


@EACH_SHAPE
@pytest.mark.parametrize("values_of", [singular_values, lambda A: leading_singular_values(A, 4)])
def test_a_matrix_that_is_not_finite_has_no_values_and_leaves_the_others_alone(shape, values_of):
    batch = torch.stack([matrix_from_singular_values(v, shape) for v in SPECTRA.values()])
    expected = values_of(batch)
    for bad in (math.nan, math.inf, -math.inf):
        batch[1, -1, 0] = bad
        got = values_of(batch)
        assert got[1].isnan().all()
        others = [0, 2, 3, 4]
        assert torch.equal(got[others], expected[others])


LONG = {
    "geometric": [0.5**i for i in range(120)],
    "steep": [10.0**-i for i in range(17)],
    "algebraic": [(1 + i) ** -3.0 for i in range(120)],
}


@pytest.mark.parametrize("shape", [(500, 120), (120, 120), (120, 700)])
@pytest.mark.parametrize("name", LONG)
def test_leading_values_of_invented_spectra_are_recovered(name, shape):
    A = matrix_from_singular_values(LONG[name], shape)
    got = leading_singular_values(A, 20)
    expected = torch.zeros(20, dtype=torch.float64)
    expected[: len(LONG[name])] = torch.tensor(LONG[name][:20], dtype=torch.float64)
    # too small by a part of order (sigma_(l+1) / sigma_k)^8, l = 20 + oversampling; never too large
    left_out = LONG[name][20 + OVERSAMPLING] if len(LONG[name]) > 30 else 0
    missing = expected * (left_out / expected).nan_to_num(0).clamp(max=1) ** 8
    assert bool((got <= expected + 32 * EPS).all())
    assert bool((got >= expected - 20 * missing - 32 * EPS).all())
    assert bool((got.diff() <= 0).all())


def test_leading_values_of_a_flat_spectrum_are_never_too_large():
    A = matrix_from_singular_values([1.0] * 40 + [0.9] * 80, (200, 120))
    got = leading_singular_values(A, 10)
    assert float(got.max()) <= 1 + 16 * EPS
    assert float(got.min()) > 0.94


def test_as_many_leading_values_as_there_are_are_all_values():
    A = matrix_from_singular_values(SPECTRA["decaying"], (40, 12))
    got = leading_singular_values(A, 50)
    torch.testing.assert_close(got, singular_values(A), rtol=0, atol=16 * EPS)


def test_leading_values_draw_nothing_from_the_global_generator():
    before = torch.get_rng_state()
    A = matrix_from_singular_values(LONG["algebraic"], (300, 120))
    assert torch.equal(leading_singular_values(A, 5), leading_singular_values(A, 5))
    assert torch.equal(torch.get_rng_state(), before)


# Where divide and conquer does not converge

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


@EACH_SHAPE
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


@EACH_SHAPE
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
def test_a_matrix_that_is_not_finite_has_no_factors(bad):
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
