"""Spectra against 200-digit arithmetic (data/rfm_spectra.json) and against the paper's Fig. 3."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import PROBLEMS, highest_operator, order_of, rounding_level

from pinnspectra.differentiation import (
    Automatic,
    ExactDifference,
    FiniteDifference,
    GridDifference,
)
from pinnspectra.differentiation.points import Points
from pinnspectra.networks import TwoLayer
from pinnspectra.spectra.decomposition import singular_values
from pinnspectra.spectra.entropy import effective_cutoff, truncated_entropy

EPS = torch.finfo(torch.float64).eps
DATA = json.loads((Path(__file__).parent / "data" / "rfm_spectra.json").read_text())
EACH = pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: case["pde"])


def system_matrix(case, method):
    """A of the reference's features at the reference's points, (N, M)."""
    parameters = {
        "weights_1": torch.tensor([case["weights"]], dtype=torch.float64),
        "biases_1": torch.tensor([case["biases"]], dtype=torch.float64),
    }
    network = TwoLayer(len(case["biases"]), case["activation"])
    x = Points(torch.tensor(case["points"], dtype=torch.float64))
    return PROBLEMS[case["pde"]].operator(network.features(parameters), x, method)[0].mT


def exact(case, kind):
    return np.array([float(value) for value in case[f"singular_values_{kind}"]])


def method_of(case):
    return FiniteDifference(case["step"])


def floor(case):
    """Norm of an N x M matrix of independent errors as large as the stencil's rounding."""
    operator = highest_operator(PROBLEMS[case["pde"]])
    size = math.sqrt(len(case["points"])) + math.sqrt(len(case["biases"]))
    return size * rounding_level(operator, method_of(case), EPS)


@EACH
def test_singular_values_by_automatic_differentiation_are_exact_to_rounding(case):
    got, expected = singular_values(system_matrix(case, Automatic())), exact(case, "ad")
    large = expected > 1e-5 * expected[0]
    np.testing.assert_allclose(got[large], expected[large], rtol=1e-10, atol=0)
    # below, float64 knows them to some eps sigma_1 only
    np.testing.assert_allclose(got, expected, rtol=0, atol=8 * EPS * expected[0])


@EACH
@pytest.mark.parametrize("cutoff", ["1e-6", "1e-12"])
def test_cutoff_and_entropy_by_automatic_differentiation_are_exact(case, cutoff):
    # 1e-12 sigma_1 is 4500 eps sigma_1, and no value is so close to it that rounding, 8 eps
    # sigma_1, could carry it over: e is that of exact arithmetic at both cut-offs
    values = singular_values(system_matrix(case, Automatic()))
    expected = case["entropy_ad"][cutoff]
    threshold = float(cutoff) * exact(case, "ad")[0]
    assert np.abs(exact(case, "ad") - threshold).min() > 8 * EPS * exact(case, "ad")[0]
    assert effective_cutoff(values, float(cutoff)) == expected["effective_cutoff"]
    entropy = float(truncated_entropy(values, float(cutoff)))
    assert entropy == pytest.approx(float(expected["truncated_entropy"]), rel=1e-12)


@EACH
def test_the_closed_form_of_differences_has_the_exact_spectrum_of_differences(case):
    W = torch.tensor(case["weights"], dtype=torch.float64)
    half = W * case["step"] / 2
    order = order_of(PROBLEMS[case["pde"]])
    # a second difference multiplies by -(w sin(wh/2) / (wh/2))^2 where a derivative does by -w^2
    ratio = ((W * torch.sin(half) / half) ** order).sum(1) / (W**order).sum(1)
    got = singular_values(system_matrix(case, Automatic()) * ratio)
    expected = exact(case, "fd")
    large = expected > 1e-5 * expected[0]
    np.testing.assert_allclose(got[large], expected[large], rtol=1e-10, atol=0)
    np.testing.assert_allclose(got, expected, rtol=0, atol=8 * EPS * expected[0])


@EACH
def test_singular_values_by_exact_differences_are_exact_below_the_floor_of_differences(case):
    got = singular_values(system_matrix(case, ExactDifference(case["step"]))).numpy()
    expected = exact(case, "fd")
    kept = expected > 1e-10 * expected[0]
    np.testing.assert_allclose(got[kept], expected[kept], rtol=1e-6, atol=0)
    np.testing.assert_allclose(got, expected, rtol=0, atol=8 * EPS * expected[0])
    if case["pde"] == "biharmonic":  # the stencil's rounding has replaced the smaller of these
        by_stencil = singular_values(system_matrix(case, method_of(case))).numpy()
        assert np.abs(by_stencil[kept] / expected[kept] - 1).max() > 0.1


@EACH
def test_singular_values_by_finite_differences_are_exact_down_to_the_rounding_floor(case):
    got, expected = singular_values(system_matrix(case, method_of(case))), exact(case, "fd")
    # Weyl: no value moves by more than the norm of the error
    np.testing.assert_allclose(got, expected, rtol=0, atol=floor(case))
    # the comparison sees the step: AD's spectrum, O(h^2) away, is not within that floor
    assert abs(exact(case, "ad")[0] - expected[0]) > 100 * floor(case)


@EACH
def test_cutoff_and_entropy_by_finite_differences_are_exact_above_the_rounding_floor(case):
    values = singular_values(system_matrix(case, method_of(case)))
    for cutoff, expected in case["entropy_fd"].items():
        if float(cutoff) * exact(case, "fd")[0] < floor(case):
            continue
        assert effective_cutoff(values, float(cutoff)) == expected["effective_cutoff"]
        entropy = float(truncated_entropy(values, float(cutoff)))
        assert entropy == pytest.approx(float(expected["truncated_entropy"]), rel=1e-9)


def test_rounding_of_fourth_differences_fills_the_spectrum_that_is_exactly_of_10_values():
    (case,) = (case for case in DATA["cases"] if case["pde"] == "biharmonic")
    values = singular_values(system_matrix(case, method_of(case)))
    assert case["entropy_fd"]["1e-12"]["effective_cutoff"] == 10
    assert effective_cutoff(values, 1e-12) == len(values)


# Fig. 3: random features for the Poisson equation, M = N, cut-off 1e-12; H by independent
# prototypes, the paper's own numbers being 0.0866 (AD) and 0.0056 (FD)
FIGURE_3 = {
    ("ad", 100): (10, 0.078, 0.0805),
    ("ad", 400): (10, 0.078, 0.0805),
    ("fd", 100): (10, 0.078, 0.0805),
    ("fd", 400): (None, 0.005, 0.0095),
    ("fd_shifted", 400): (None, 0.005, 0.0095),
    ("fd_grid", 100): (10, 0.068, 0.071),
    ("fd_grid", 400): (10, 0.068, 0.071),
}


@pytest.mark.parametrize(("method", "n"), FIGURE_3)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_spectra_of_random_features_are_those_of_figure_3(method, n, seed):
    pde = PROBLEMS["poisson1d"]
    x = pde.domain.grid(n)
    if method == "fd_shifted":
        x = Points(x.coordinates)
    made = {"ad": Automatic(), "fd_grid": GridDifference(2 / n)}.get(
        method, FiniteDifference(2 / n)
    )
    network = TwoLayer(n)
    phi = network.features(network.initial_parameters(1, [seed], torch.float64))
    values = singular_values(pde.operator(phi, x, made)[0].mT)
    count, lowest, highest = FIGURE_3[method, n]
    assert lowest < truncated_entropy(values, 1e-12) < highest
    if count is None:  # rounding of the stencil, eps / h^2, has filled the spectrum past 1e-12
        assert effective_cutoff(values, 1e-12) > 100
    else:
        assert effective_cutoff(values, 1e-12) == count
