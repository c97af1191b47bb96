import numpy as np
import pytest
import scipy.linalg
import torch
from invented import EACH_SHAPE, matrix_from_singular_values

from pinnspectra.solvers.least_squares import BLOCK, TruncatedSVD
from pinnspectra.spectra.decomposition import triangular_factor

EPS = torch.finfo(torch.float64).eps
GRADED = [10.0**-i for i in range(12)]


def right_side(n, seed=1):
    return torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@EACH_SHAPE
@pytest.mark.parametrize(("cutoff", "kept"), [(0.5, 1), (3e-2, 2), (3e-4, 4), (3e-7, 7)])
def test_the_solution_is_that_of_the_pseudoinverse_with_a_cutoff(shape, cutoff, kept):
    A, f = matrix_from_singular_values(GRADED, shape), right_side(shape[0])
    solution = TruncatedSVD(A, f).coefficients(kept)
    # the singular vectors of well separated values turn by eps s_1 / s_P, and a is of size 1 / s_P
    atol = 100 * EPS / GRADED[kept - 1] ** 2
    by_numpy = np.linalg.pinv(A.numpy(), rcond=cutoff) @ f.numpy()
    by_scipy = scipy.linalg.lstsq(A.numpy(), f.numpy(), cond=cutoff)[0]
    np.testing.assert_allclose(solution, by_numpy, rtol=0, atol=atol)
    np.testing.assert_allclose(solution, by_scipy, rtol=0, atol=atol)


@EACH_SHAPE
def test_the_error_at_each_position_is_that_of_the_explicit_solution(shape):
    A, f = matrix_from_singular_values(GRADED, shape), right_side(shape[0])
    U, s, Vh = np.linalg.svd(A.numpy(), full_matrices=False)
    errors = TruncatedSVD(A, f).relative_errors()
    assert errors.shape == (12,)
    for position in range(1, 13):
        P = slice(position)
        a = Vh[P].T @ (U[:, P].T @ f.numpy() / s[P])
        explicit = np.linalg.norm(A.numpy() @ a - f.numpy()) / np.linalg.norm(f.numpy())
        # A a is rounded to eps s_1 |a|
        atol = 20 * EPS * s[0] * np.linalg.norm(a) / np.linalg.norm(f.numpy())
        assert float(errors[position - 1]) == pytest.approx(explicit, rel=0, abs=atol)


def test_errors_of_small_singular_values_show_the_rounding_that_projections_hide():
    # Stages III and IV of Fig. 3: A a_P is rounded to eps s_1 |a_P|, and |a_P| grows like 1 / s_P
    values = [10.0**-i for i in range(0, 18, 2)]
    A, f = matrix_from_singular_values(values, (9, 9)), right_side(9)
    U = np.linalg.svd(A.numpy())[0]
    left_out = np.cumsum((U.T @ f.numpy())[::-1] ** 2)[::-1] / float(f @ f)
    projections = np.sqrt(np.append(left_out[1:], 0))
    errors = TruncatedSVD(A, f).relative_errors().numpy()
    np.testing.assert_allclose(errors[:4], projections[:4], rtol=0, atol=1e-8)
    assert projections[8] == 0
    assert errors[8] > 1e-3


@pytest.mark.parametrize("values", [[1.0] * 12, [2.0**-i for i in range(12)]])
@EACH_SHAPE
def test_a_consistent_system_is_solved_to_rounding(shape, values):
    A = matrix_from_singular_values(values, shape)
    f = A @ right_side(shape[1])
    svd = TruncatedSVD(A, f)
    assert svd.positions == 12
    condition = values[0] / values[-1]
    assert float(svd.relative_errors()[-1]) < 10 * EPS * condition
    if shape[0] >= shape[1]:
        expected = right_side(shape[1])
        atol = 50 * EPS * condition
        torch.testing.assert_close(svd.coefficients(12), expected, rtol=0, atol=atol)


def test_the_best_approximation_of_one_position_is_the_projection_on_one_vector():
    A = torch.diag(torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64))
    f = torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64)
    svd = TruncatedSVD(A, f)
    third = torch.tensor([1 / 3, 1, 0], dtype=torch.float64)
    torch.testing.assert_close(svd.coefficients(2), third, rtol=0, atol=2 * EPS)
    expected = torch.tensor([8**0.5 / 3, 2 / 3, 0], dtype=torch.float64)
    torch.testing.assert_close(svd.relative_errors(), expected, rtol=0, atol=2 * EPS)


def test_singular_values_of_exactly_zero_are_never_kept():
    A = torch.diag(torch.tensor([4.0, 1.0, 0.0, 0.0], dtype=torch.float64))
    f = torch.ones(4, dtype=torch.float64)
    svd = TruncatedSVD(A, f)
    assert svd.positions == 2
    assert svd.relative_errors().tolist() == pytest.approx([3**0.5 / 2, 2**0.5 / 2])
    assert svd.coefficients(svd.positions).tolist() == [0.25, 1, 0, 0]


def test_a_matrix_of_zeros_has_no_position():
    svd = TruncatedSVD(torch.zeros(3, 2).double(), torch.ones(3).double())
    assert svd.positions == 0
    assert svd.relative_errors().shape == (0,)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_positions_on_both_sides_of_a_block_are_right(dtype):
    n = BLOCK + 44
    A = matrix_from_singular_values(np.linspace(2, 1, n).tolist(), (n, n)).to(dtype)
    f = right_side(n).to(dtype)
    svd = TruncatedSVD(A, f)
    errors = svd.relative_errors()
    assert errors.shape == (n,)
    assert errors.dtype == dtype
    for position in (1, BLOCK - 1, BLOCK, BLOCK + 1, n):
        explicit = (A @ svd.coefficients(position) - f).norm() / f.norm()
        atol = 100 * torch.finfo(dtype).eps
        torch.testing.assert_close(errors[position - 1], explicit, rtol=0, atol=atol)


@pytest.mark.parametrize("rows", [5, 14, 400])
@pytest.mark.parametrize("values", [GRADED, [1.5**-i for i in range(12)]], ids=["steep", "slow"])
def test_the_triangular_factor_of_a_system_has_its_solutions_and_errors(values, rows):
    A, f = matrix_from_singular_values(values, (400, 12)), right_side(400)
    reduced = triangular_factor(torch.cat([A, f[:, None]], dim=1).split(rows))
    whole, svd = TruncatedSVD(A, f), TruncatedSVD(reduced[:, :-1], reduced[:, -1])
    assert reduced.shape == (13, 13)
    torch.testing.assert_close(
        svd.singular_values, whole.singular_values, rtol=0, atol=16 * EPS * values[0]
    )
    size = torch.tensor([float(whole.coefficients(p).norm()) for p in range(1, 13)])
    difference = (svd.relative_errors() - whole.relative_errors()).abs()
    assert bool((difference * f.norm() <= 50 * EPS * (size + f.norm())).all())
    if values is not GRADED:
        torch.testing.assert_close(svd.coefficients(12), whole.coefficients(12), rtol=0, atol=1e-12)


def test_singular_values_are_those_of_the_matrix():
    A = matrix_from_singular_values(GRADED, (40, 12))
    got = TruncatedSVD(A, right_side(40)).singular_values
    expected = torch.tensor(GRADED, dtype=torch.float64)
    torch.testing.assert_close(got, expected, rtol=0, atol=16 * EPS)
