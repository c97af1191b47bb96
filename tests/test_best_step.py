"""Measured noise, the error over the step, and step=auto against scans over the step."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from cases import EACH_PROBLEM, highest_operator, per_axis, random_points, rounding_level
from scripts import SMALL, run_folders, run_here
from test_training import ensemble_of, trained

from pinnspectra.differentiation import (
    AbstractDifferentiation,
    Automatic,
    FiniteDifference,
    identity,
    partials,
)
from pinnspectra.differentiation.noise import noise_level
from pinnspectra.differentiation.points import Points
from pinnspectra.differentiation.step_error import StepError
from pinnspectra.networks import TwoLayer, cast
from pinnspectra.problems import Biharmonic
from pinnspectra.runs.files import read_metrics
from pinnspectra.runs.record import by_member
from pinnspectra.solvers import SGD, Adam

pytestmark = pytest.mark.usefixtures("undrawn")

(DX,) = partials(1)
DTYPES = (torch.float32, torch.float64)


def wave(frequency, amplitude=1.0, dtype=torch.float64):
    """amplitude * sin(frequency x + 0.3) as a network."""
    numbers = {
        "weights_1": [[[frequency]]], "biases_1": [[0.3]], "coefficients": [[amplitude]],
    }  # fmt: skip
    theta = {name: torch.tensor(value, dtype=dtype) for name, value in numbers.items()}
    return TwoLayer(1).field(theta)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dimension", [1, 2])
def test_invented_noise_is_recovered_under_a_smooth_function(dimension, dtype):
    random = torch.Generator().manual_seed(0)
    levels = torch.tensor([1.0, 30.0]).double() * 1e4 * torch.finfo(dtype).eps

    def u(x):
        smooth = torch.sin(3 * x.sum(dim=-1)) + x[:, 0] ** 5
        noise = torch.randn(2, len(x), generator=random, dtype=torch.float64)
        return (smooth + levels[:, None] * noise).to(dtype)

    x = random_points(dimension, 400).to(dtype)
    torch.testing.assert_close(noise_level(u, x), levels, rtol=0.06, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_noise_goes_with_the_field_and_not_with_the_unit_of_length(dtype):
    x, network = random_points(1, 300).to(dtype), TwoLayer(30)
    theta = network.initial_parameters(1, [0], dtype)
    level = noise_level(network.field(theta), x)
    larger = theta | {"coefficients": 8 * theta["coefficients"]}  # powers of two round nothing
    torch.testing.assert_close(noise_level(network.field(larger), x), 8 * level)
    stretched = theta | {"weights_1": theta["weights_1"] / 64}
    far = noise_level(network.field(stretched), Points(64 * x.coordinates))
    torch.testing.assert_close(far, level)


def test_the_noise_of_a_float32_network_is_its_distance_from_float64():
    x, network = random_points(1, 500), TwoLayer(100)
    theta = network.initial_parameters(1, range(3), torch.float32)
    single = network.field(theta)(x.to(torch.float32).coordinates).double()
    distance = single - network.field(cast(theta, torch.float64))(x.coordinates)
    level = noise_level(network.field(theta), x.to(torch.float32))
    torch.testing.assert_close(level, distance.square().mean(-1).sqrt(), rtol=0.25, atol=0)


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("accuracy", [2, 4, 6])
def test_the_truncation_of_a_wave_is_measured_by_a_difference(order, accuracy):
    x, w, operator = random_points(1, 400), 2.5, DX**order
    error = StepError.estimate(wave(w), x, [operator], accuracy)
    h = 0.2 / w  # far from rounding; the next term is (w h)^2 of the leading one
    difference = FiniteDifference(h, accuracy)(wave(w), x, operator)
    measured = (difference - Automatic()(wave(w), x, operator)).square().mean().sqrt()
    assert error.truncation * h**accuracy == pytest.approx(float(measured), rel=0.03)


def test_errors_add_over_operators_and_functions():
    x = random_points(1, 400)
    both = StepError.estimate(lambda z: torch.cat([wave(2.0)(z), wave(2.0, 7.0)(z)])
                        if torch.is_tensor(z) else wave(2.0, 5.0)(z), x, [DX**2], 2)  # fmt: skip
    one, seven = (StepError.estimate(wave(2.0, a), x, [DX**2], 2) for a in (1.0, 7.0))
    assert both.rounding == pytest.approx(math.hypot(one.rounding, seven.rounding) / math.sqrt(2))
    assert both.truncation == pytest.approx(5 * one.truncation)
    twice = StepError.estimate(wave(2.0), x, [DX**2, 2 * DX**2], 2)
    assert twice.truncation == pytest.approx(math.sqrt(5) * one.truncation)
    assert twice.rounding == pytest.approx(math.sqrt(5) * one.rounding)


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("accuracy", [2, 4, 6])
def test_the_best_step_has_the_least_expected_error(order, accuracy):
    error = StepError(0.37, 2e-9, order, accuracy)
    scan = [error.at(error.best_step * factor) for factor in np.geomspace(0.5, 2, 201)]
    assert np.argmin(scan) == 100


def measured_error(theta, network, x, operator, step, accuracy):
    """rms of D_h u in the dtype of theta minus L u by AD in float64, all members."""
    u, u64 = network.field(theta), network.field(cast(theta, torch.float64))
    working = x.to(theta["coefficients"].dtype)
    difference = FiniteDifference(step, accuracy)(u, working, operator).double()
    exact = Automatic()(u64, x, operator)
    return float((difference - exact).square().mean().sqrt())


@pytest.mark.parametrize("dtype", DTYPES)
@EACH_PROBLEM
def test_the_error_at_the_best_step_is_as_expected_and_about_the_least(pde, dtype):
    network, operator = TwoLayer(100), highest_operator(pde)
    x = pde.domain.grid(100 if pde.domain.dimension == 1 else per_axis(pde, 256))
    theta = network.initial_parameters(pde.domain.dimension, range(3), dtype)
    error = StepError.estimate(network.field(theta), x.to(dtype), [operator], 4)
    best = error.best_step
    here = measured_error(theta, network, x, operator, best, 4)
    assert here == pytest.approx(error.at(best), rel=0.25)
    for factor in (0.5, 0.8, 1.25, 2):
        assert here < 1.15 * measured_error(theta, network, x, operator, best * factor, 4)


def test_before_it_is_fitted_the_step_follows_from_the_precision():
    u, x = wave(1.5), random_points(1, 20)
    eps = torch.finfo(torch.float64).eps
    wanted = FiniteDifference(x.largest_coordinate * eps ** (1 / 6), 2)(u, x, DX**4)
    assert torch.equal(FiniteDifference("auto", 2)(u, x, DX**4), wanted)


def test_every_order_has_its_own_step_and_a_call_that_of_its_highest():
    theta = TwoLayer(50).initial_parameters(1, [0], torch.float32)
    u, x = TwoLayer(50).field(theta), random_points(1, 100).to(torch.float32)
    fitted = FiniteDifference("auto").fitted(u, x, [DX**4, identity(1), DX])
    steps = {k: StepError.estimate(u, x, [DX**k], 2).best_step for k in (1, 4)}
    assert steps[1] < 0.5 * steps[4]
    value, slope = fitted.derivatives(u, x, identity(1), DX)
    for operator, got, h in (
        (identity(1), value, 1.0),
        (DX, slope, steps[1]),
        (DX**4, fitted(u, x, DX**4), steps[4]),
    ):
        by_hand = FiniteDifference(h)
        level = rounding_level(operator, by_hand, torch.finfo(torch.float32).eps)
        torch.testing.assert_close(got, by_hand(u, x, operator), rtol=0, atol=level)
    expected = StepError.estimate(u, x, [DX**4], 2).at(steps[4])
    assert fitted.metrics == {"step": steps[4], "expected_error": expected}


def test_a_step_that_was_given_stays():
    given, x = FiniteDifference(0.1), random_points(1, 20)
    assert given.fitted(wave(1.0), x, [DX**2]) is given
    assert FiniteDifference("auto").fitted(wave(1.0), x, [identity(1)]) == FiniteDifference("auto")


def test_members_share_a_step_and_one_that_is_not_finite_has_no_say():
    theta = TwoLayer(20).initial_parameters(1, range(3), torch.float32)
    x, auto = random_points(1, 100).to(torch.float32), FiniteDifference("auto")
    others = {name: value[:2] for name, value in theta.items()}
    theta["coefficients"][2] = torch.nan
    with_it = auto.fitted(TwoLayer(20).field(theta), x, [DX**2])
    without = auto.fitted(TwoLayer(20).field(others), x, [DX**2])
    assert with_it.metrics == pytest.approx(without.metrics, rel=1e-3)


@pytest.mark.parametrize("amplitude", [0.0, math.nan])
def test_a_field_without_derivatives_leaves_the_usual_step(amplitude):
    x = random_points(1, 50)
    fitted = FiniteDifference("auto").fitted(wave(1.0, amplitude), x, [DX**2])
    assert fitted.metrics["step"] == pytest.approx(x.largest_coordinate * 2.0**-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_very_slow_and_a_very_fast_field_have_a_step_that_can_be_taken(dtype):
    x = random_points(1, 50).to(dtype)
    for frequency in (1e-6, 1e7):
        fitted = FiniteDifference("auto").fitted(wave(frequency, dtype=dtype), x, [DX**2])
        largest = x.largest_coordinate
        assert torch.finfo(dtype).eps * largest < fitted.metrics["step"] <= largest
        assert fitted(wave(frequency, dtype=dtype), x, DX**2).isfinite().all()


@dataclass(frozen=True)
class Restless(AbstractDifferentiation):
    """AD that calls itself another method every time it is fitted."""

    fits: int = 0
    renew_every: int = 7

    def derivatives(self, u, x, *operators):
        return Automatic().derivatives(u, x, *operators)

    def fitted(self, u, x, operators):
        assert u(x.coordinates).dtype == x.coordinates.dtype
        assert operators == (DX**4, identity(1), DX)
        RESTLESS.append(u(x.coordinates)[0, 0].item())
        return Restless(len(RESTLESS))


RESTLESS = []


@pytest.mark.parametrize(
    ("make_optimizer", "compiled"),
    [
        (Adam(1e-3), False),
        pytest.param(SGD(1e-4, 0.9), True, marks=pytest.mark.slow),  # compiles for it alone
        (lambda p: torch.optim.LBFGS(p, lr=0.5, max_iter=3), False),
    ],
    ids=["adam", "momentum-compiled", "lbfgs"],
)
def test_renewing_a_method_leaves_what_the_optimizer_remembers(make_optimizer, compiled):
    wanted = trained(Biharmonic(), Automatic(), make_optimizer, steps=25)
    RESTLESS.clear()
    found = trained(Biharmonic(), Restless(), make_optimizer, steps=25, compiled=compiled)
    assert found.renew_every == 7
    assert len(RESTLESS) == 2 + 3  # for renew_every, at the start, after 7, 14 and 21 steps
    assert len(set(RESTLESS)) == 4  # on the network as it is then
    for name, value in wanted.members.parameters.items():
        torch.testing.assert_close(found.members.parameters[name], value, rtol=1e-9, atol=1e-11)


def test_a_method_that_has_nothing_to_adapt_is_never_renewed():
    for method in (Automatic(), FiniteDifference(0.1)):
        assert ensemble_of(Biharmonic(), method, SGD(1e-4)).renew_every is None


def test_the_step_is_renewed_and_logged(tmp_path):
    done = run_here(
        "train.py", *SMALL, "pde=biharmonic", "method=fd", "method.step=auto", "optimizer=adam",
        "method.renew_every=8", "ensemble.size=2", "log_every=4", "logger=[csv]",
        "optimizer.lr=0.05", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder,) = run_folders(tmp_path)
    metrics = by_member(read_metrics(folder / "metrics.csv"))
    assert metrics["step"].tolist() == [0, 4, 8, 12, 16, 20]
    steps = metrics["method/step"]
    assert (steps[:, 0] == steps[:, 1]).all()
    assert steps[0, 0] == steps[1, 0] == steps[2, 0] != steps[3, 0] == steps[4, 0] != steps[5, 0]
    result = json.loads((folder / "result.json").read_text())["members"][0]
    assert result["method_step"] == steps[-1, 0]
    assert result["method_expected_error"] == metrics["method/expected_error"][-1, 0]


@pytest.mark.parametrize("command", [("train.py", *SMALL, "logger=[csv]"), ("rfm_solve.py",)])
def test_a_method_that_cannot_be_fitted_is_told_in_one_line(tmp_path, command):
    done = run_here(
        *command, "pde=biharmonic", "method=fd_exact", "model.activation=tanh",
        "model.weight_range=100", "method.step=0.5", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: method.step=0.5: the exact difference does not converge")


def test_a_spectrum_in_float64_that_the_method_cannot_take_is_told_in_one_line(tmp_path):
    # 41 nodes are enough for the residuals in float32, not for the spectrum in float64
    done = run_here(
        "train.py", *SMALL, "pde=poisson1d", "method=fd_exact", "model.activation=tanh",
        "model.weight_range=8", "method.step=0.5", "logger=[csv]", "callbacks=[spectrum]",
        "spectrum.dtype=float64", "optimizer.lr=1e-9", "precision=float32", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: method.step=0.5: the exact difference does not converge")


def test_random_features_are_solved_with_a_step_for_the_features(tmp_path):
    errors = {}
    for step in ("auto", 1 / 64):
        done = run_here(
            "rfm_solve.py", "pde=biharmonic", "method=fd", f"method.step={step}",
            "precision=float32", "spectrum.cutoff=1e-4", cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        errors[step] = json.loads((run_folders(tmp_path)[-1] / "result.json").read_text())
    assert 0.05 < errors["auto"]["method_step"] < 0.5
    true = {step: result["relative_training_error_ad"] for step, result in errors.items()}
    assert true["auto"] < 0.1 * true[1 / 64]
