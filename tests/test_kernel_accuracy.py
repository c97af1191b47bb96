"""The kernel's eigenvalues sigma(J)^2 by AD in float64 against 80-digit arithmetic.

J of the two-layer sine network is known in closed form: with k the order of the operator and
s sin(z) = sin^(k)(z), L u = s sum_j a_j w_j^k sin(w_j x + b_j), to be differentiated by hand.
"""

import mpmath
import numpy as np
import pytest
import torch
from cases import PROBLEMS, collocated, order_of
from mpmath import mpf

from pinnspectra.differentiation import Automatic
from pinnspectra.networks import TwoLayer
from pinnspectra.spectra.kernel import kernel_singular_values

EPS = torch.finfo(torch.float64).eps


@pytest.fixture(autouse=True)
def digits():
    with mpmath.workdps(80):
        yield


def exact_jacobian(x, parameters, k):
    """Rows (d/dw_j, d/db_j, d/da_j of L u at x_i) of the float64 points and parameters."""
    w, b, a = (parameters[name][0].flatten().tolist() for name in parameters)
    s = {2: -1, 4: 1}[k]
    rows = []
    for point in map(mpf, x.flatten().tolist()):
        by_w, by_b, by_a = [], [], []
        for w_j, b_j, a_j in zip(map(mpf, w), map(mpf, b), map(mpf, a), strict=True):
            z = w_j * point + b_j
            sine, cosine = s * mpmath.sin(z), s * mpmath.cos(z)
            by_w.append(a_j * (k * w_j ** (k - 1) * sine + w_j**k * point * cosine))
            by_b.append(a_j * w_j**k * cosine)
            by_a.append(w_j**k * sine)
        rows.append(by_w + by_b + by_a)
    return rows


def exact_eigenvalues(rows):
    """Eigenvalues of J J^T, descending; forming it takes half of the 80 digits, none that count."""
    n = len(rows)
    G = mpmath.matrix(n, n)
    for i in range(n):
        for j in range(i + 1):
            G[i, j] = G[j, i] = mpmath.fdot(rows[i], rows[j])
    return np.array(sorted(mpmath.eigsy(G, eigvals_only=True), reverse=True))


def case(problem, points, width, seed):
    """(sigma(J) as computed, the exact J)."""
    pde, network = PROBLEMS[problem], TwoLayer(width)
    c = collocated(pde, Automatic(), points)
    parameters = network.initial_parameters(1, [seed], torch.float64)
    sigma = kernel_singular_values(c, network, parameters)[0]
    return sigma, exact_jacobian(c.interior.coordinates, parameters, order_of(pde))


def relative_errors(values, expected):
    return np.abs(values / expected - 1).astype(float)


SIZES = [(30, 10), pytest.param(100, 100, marks=pytest.mark.slow)]  # the second is the paper's
EACH = pytest.mark.parametrize("problem", ["poisson1d", "biharmonic"])


@EACH
@pytest.mark.parametrize(("points", "width"), SIZES)
@pytest.mark.parametrize("seed", [0, 1])
def test_eigenvalues_of_the_kernel_are_exact_to_the_rounding_of_the_jacobian(
    problem, points, width, seed
):
    sigma, J = case(problem, points, width, seed)
    expected = exact_eigenvalues(J)
    ratio = (expected / expected[0]).astype(float)
    got = np.array([mpf(value) for value in sigma.tolist()]) ** 2
    errors = relative_errors(got, expected)
    assert int((ratio > 1e-12).sum()) >= 6
    assert errors[ratio > 1e-12].max() < 1e-10
    # |sigma - exact| <= c eps sigma_1 (Weyl), that is 2 c eps sqrt(lambda_1 / lambda) of lambda
    seen = ratio > 1e-29
    assert int(seen.sum()) >= 11
    assert (errors[seen] <= 2 * 4 * EPS / np.sqrt(ratio[seen])).all()
    small = seen & (ratio < 1e-5)
    assert (errors[small] <= 2 * 0.5 * EPS / np.sqrt(ratio[small])).all()


@EACH
@pytest.mark.parametrize("seed", [0, 1])
def test_entries_in_float64_leave_no_ten_digits_of_eigenvalues_below_1e_18(problem, seed):
    # a J of correctly rounded entries, decomposed exactly: no other decomposition gains anything
    _, J = case(problem, 30, 10, seed)
    rounded = [[mpf(float(entry)) for entry in row] for row in J]
    expected, of_rounded = exact_eigenvalues(J), exact_eigenvalues(rounded)
    small = (expected / expected[0] < 1e-18) & (expected / expected[0] > 1e-22)
    assert small.any()
    assert relative_errors(of_rounded[small], expected[small]).max() > 1e-9
