"""The random feature solver, part by part and at once."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import EACH_PROBLEM, PROBLEMS, collocated, per_axis, spacing

from pinnspectra.differentiation import Automatic, ExactDifference, FiniteDifference
from pinnspectra.networks import TwoLayer
from pinnspectra.solvers import random_features
from pinnspectra.solvers.random_features import solve_random_features


def solve(pde, boundary_weight):
    n, network = per_axis(pde, 100), TwoLayer(12, weight_range=2.0)
    c = collocated(pde, FiniteDifference(spacing(pde, 16)), n)
    parameters = network.initial_parameters(pde.domain.dimension, [0], torch.float64)
    return c, network, parameters, solve_random_features(
        c, network, parameters, 1e-6, boundary_weight
    )  # fmt: skip


@pytest.mark.parametrize("boundary_weight", [None, 10.0])
def test_a_system_solved_by_parts_is_the_one_solved_at_once(boundary_weight, monkeypatch):
    *_, once = solve(PROBLEMS["poisson2d"], boundary_weight)
    monkeypatch.setattr(random_features, "ENTRIES_OF_A_PART", 1)
    *_, parts = solve(PROBLEMS["poisson2d"], boundary_weight)
    assert parts.metrics == pytest.approx(once.metrics, rel=1e-6)
    pairs = (
        (parts.singular_values, once.singular_values),
        (parts.values, once.values),
        (parts.relative_training_errors[:8], once.relative_training_errors[:8]),
    )
    for got, expected in pairs:
        scale = float(expected.abs().max())
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-8 * scale)


def solutions(method, dtype, seed, cutoffs, n=400):
    """Metrics of the biharmonic equation, M = N, one for each cut-off."""
    pde, network = PROBLEMS["biharmonic"], TwoLayer(n)
    c = collocated(pde, method, n)
    parameters = network.initial_parameters(1, [seed], dtype)
    return [solve_random_features(c, network, parameters, a).metrics for a in cutoffs]


def test_rows_of_rounding_noise_that_fit_f_are_cut_off_automatically():
    gains = []
    for seed in range(3):
        method = FiniteDifference(0.002)
        preset, auto = solutions(method, torch.float64, seed, (1e-13, "auto"))
        assert preset["effective_cutoff"] == 400
        assert preset["relative_training_error"] < 1e-10  # which is not true
        assert auto["effective_cutoff"] < 8
        honest = auto["relative_training_error"] / auto["relative_training_error_ad"]
        assert 0.5 < honest < 2
        gains.append(preset["relative_training_error_ad"] / auto["relative_training_error_ad"])
    assert min(gains) > 1
    assert sorted(gains)[1] > 2  # the noise's luck: 2.5, 8 and 36 by one BLAS, 3 by another


@pytest.mark.slow
@pytest.mark.parametrize(("step", "gain"), [(1 / 64, 5), (2 / 400, 1.4), (0.00499, 4)])
def test_an_automatic_cutoff_makes_the_true_residual_smaller(step, gain):
    # docs/rounding.md; true is the residual by the same difference in exact arithmetic
    residuals = []
    for seed in range(5):
        pde, network = PROBLEMS["biharmonic"], TwoLayer(400)
        theta = network.initial_parameters(1, [seed], torch.float64)
        c = collocated(pde, FiniteDifference(step), 400)
        exact = replace(c, method=ExactDifference(step, nodes=7))
        for cutoff in (1e-13, "auto"):
            a = solve_random_features(c, network, theta, cutoff).coefficients[None]
            r = exact.residual(network.field({**theta, "coefficients": a}))
            residuals.append(float(r.norm() / c.forcing.norm()))
    preset, auto = np.array(residuals).reshape(5, 2).T
    print(f"\nh = {step:.5g}: {np.sort(preset)}, auto {np.sort(auto)}, gains {preset / auto}")
    assert (preset > auto).all()
    assert np.median(preset / auto) > gain


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_automatic_cutoff_by_ad_is_about_eps(dtype):
    (auto,) = solutions(Automatic(), dtype, 0, ("auto",), n=50)
    assert 1 <= auto["cutoff"] / torch.finfo(dtype).eps < 2


def test_an_automatic_cutoff_keeps_one_value_where_all_is_rounding():
    (auto,) = solutions(FiniteDifference(0.001), torch.float32, 0, ("auto",), n=50)
    assert (auto["cutoff"], auto["effective_cutoff"]) == (1.0, 1)


@EACH_PROBLEM
@pytest.mark.parametrize("boundary_weight", [None, 10.0])
def test_metrics_by_parts_are_the_formulas_on_the_whole(pde, boundary_weight, monkeypatch):
    monkeypatch.setattr(random_features, "ENTRIES_OF_A_PART", 1)
    c, network, parameters, solution = solve(pde, boundary_weight)
    u = network.field({**parameters, "coefficients": solution.coefficients[None]})
    residual_ad, f = c.by_ad().residual(u), c.forcing
    x = c.interior.coordinates
    exact = c.pde.exact_solution(x)
    losses = {name: float(value) for name, value in c.losses(u).items()}
    expected = {
        "loss_interior": losses["interior"],
        "loss_boundary": losses["boundary"],
        "loss": losses["interior"] + (boundary_weight or 0) * losses["boundary"],
        "loss_interior_ad64": float(residual_ad.square().mean()),
        "relative_training_error_ad": float(residual_ad.norm() / f.norm()),
        "relative_l2_error": float((u(x) - exact).norm() / exact.norm()),
    }
    got = {name: solution.metrics[name] for name in expected}
    assert got == pytest.approx(expected, rel=1e-6)
    torch.testing.assert_close(solution.values, u(c.interior.coordinates)[0], rtol=1e-9, atol=1e-9)
    A = c.system_matrix(network.features(parameters))[0]
    error = float((A @ solution.coefficients - f).norm() / f.norm())
    assert solution.metrics["relative_training_error"] == pytest.approx(error, rel=1e-6)


@EACH_PROBLEM
def test_the_matrix_that_is_solved_has_the_boundary_rows_unscaled_where_lambda_says_so(pde):
    n = per_axis(pde, 100)
    rows = len(pde.domain.boundary(n).coordinates)
    c, network, parameters, solution = solve(pde, rows / n**pde.domain.dimension)
    features = network.features(parameters)
    A, B = c.system_matrix(features)[0], c.boundary_matrix(features)[0]
    for got, matrix in (
        (solution.singular_values, A),
        (solution.solved_singular_values, torch.cat([A, B])),
    ):
        expected = torch.linalg.svdvals(matrix)
        scale = float(expected[0])
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-13 * scale)
