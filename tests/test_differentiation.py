import itertools
import math

import numpy as np
import pytest
import torch
from cases import METHODS, multi_indices, order_of_accuracy, random_points, rounding_level

from pinnspectra.differentiation import (
    Automatic,
    ExactDifference,
    FiniteDifference,
    GridDifference,
    NestedAutograd,
    identity,
    laplacian,
    partials,
)
from pinnspectra.differentiation.operators import monomial
from pinnspectra.differentiation.points import Points
from pinnspectra.networks import MLP, TwoLayer
from pinnspectra.problems.domains import Box

EPS = torch.finfo(torch.float64).eps
INTERVAL, SQUARE = Box((-1.0,), (1.0,)), Box((0.0, 0.0), (1.0, 1.0))
(D1,) = partials(1)
DX, DY = partials(2)
OPERATORS = {"dx": D1, "dx4": D1**4, "laplacian": laplacian(2), "dxdy": DX * DY}
EACH_OPERATOR = pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)


def sine_features(dimension, width=6, members=(0,), weight_range=1.0):
    network = TwoLayer(width, "sin", weight_range)
    parameters = network.initial_parameters(dimension, members, torch.float64)
    return network.features(parameters), parameters


# Automatic and NestedAutograd ---------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("activation", ["sin", "tanh"])
@pytest.mark.parametrize("dimension", [1, 2])
def test_taylor_mode_equals_nested_autograd_to_order_6(depth, activation, dimension):
    network = MLP(width=4, depth=depth, activation=activation)
    parameters = network.initial_parameters(dimension, [0], torch.float64)
    # twice the usual weights, so that the high derivatives are of order one
    u = network.field({name: 2 * value for name, value in parameters.items()})
    x = random_points(dimension, 3)
    operators = [monomial(a) for a in multi_indices(dimension, range(1, 7))]
    automatic = Automatic().derivatives(u, x, *operators)
    nested = NestedAutograd().derivatives(u, x, *operators)
    for operator, got, expected in zip(operators, automatic, nested, strict=True):
        error = (got - expected).detach().norm() / expected.detach().norm()
        assert error < 1e-12, operator


EXACT = pytest.mark.parametrize("method", [Automatic(), NestedAutograd()], ids=["ad", "nested"])


@EXACT
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_derivatives_of_sine_features_have_their_closed_form(method, dimension):
    phi, parameters = sine_features(dimension, members=(3,))
    x = random_points(dimension, 5)
    W, b = parameters["weights_1"][0].numpy(), parameters["biases_1"][0].numpy()
    z = W @ x.coordinates.numpy().T + b[:, None]
    for index in multi_indices(dimension, range(5)):
        got = method(phi, x, monomial(index))[0].detach()
        # d^alpha sin(w.x + b) = w^alpha sin(w.x + b + |alpha| pi/2)
        factor = np.prod(W ** np.array(index), axis=1)[:, None]
        expected = factor * np.sin(z + sum(index) * math.pi / 2)
        # relative to the largest |w^beta| of that order: polarisation adds such terms up
        size = np.abs(W).max() ** sum(index)
        np.testing.assert_allclose(got, expected, rtol=0, atol=64 * EPS * size)


@EXACT
def test_a_sum_of_terms_is_the_sum_of_their_derivatives(method):
    phi, _ = sine_features(2)
    x = random_points(2, 4)
    whole = method(phi, x, 0.3 * DX**2 - 2 * DX * DY + DY - 1.7)
    parts = method.derivatives(phi, x, DX**2, DX * DY, DY, identity(2))
    expected = 0.3 * parts[0] - 2 * parts[1] + parts[2] - 1.7 * parts[3]
    torch.testing.assert_close(whole, expected, rtol=0, atol=16 * EPS)


@EXACT
def test_derivatives_beyond_those_of_a_linear_field_are_zero(method):
    def u(x):
        return MLP(3).field(parameters)(x)

    parameters = MLP(3).initial_parameters(1, [0], torch.float64)
    parameters["weights_1"] = torch.zeros_like(parameters["weights_1"])
    x = random_points(1, 4)
    assert torch.equal(method(u, x, D1**2).detach(), torch.zeros(1, 4, dtype=torch.float64))


# FiniteDifference ---------------------------------------------------------------------------------


@pytest.mark.parametrize("accuracy", [2, 4, 6])
@EACH_OPERATOR
def test_the_measured_order_of_accuracy_is_the_one_asked_for(operator, accuracy):
    activation, weight_range, steps = (
        ("tanh", 0.7, [0.05, 0.07, 0.1])
        if operator.dimension == 2
        else ("sin", 1.0, [0.1, 0.14, 0.2])
    )
    d = operator.dimension
    network = TwoLayer(20, activation, weight_range)
    u = network.field(network.initial_parameters(d, [0], torch.float64))
    x = random_points(d, 30)
    exact = Automatic()(u, x, operator)

    def error(step):
        return FiniteDifference(step, accuracy)(u, x, operator) - exact

    # truncation is far above rounding from the smallest step on, and its next term, relatively
    # O(h^2) and larger for tanh, whose derivatives grow like k!, is small up to the largest
    assert order_of_accuracy(error, steps) == pytest.approx(accuracy, abs=0.1)


# sin w(x + h/2) - sin w(x - h/2) = 2 sin(wh/2) cos(wx): a stencil multiplies sin(wx + b) by
# (-1)^(k/2) times these functions of s = 2 sin(wh/2)/h, the truncated series of w^2 and w^4
SYMBOLS = {
    (2, 2): lambda s, h: s**2,
    (2, 4): lambda s, h: s**2 * (1 + (s * h) ** 2 / 12),
    (2, 6): lambda s, h: s**2 * (1 + (s * h) ** 2 / 12 + (s * h) ** 4 / 90),
    (4, 2): lambda s, h: s**4,
    (4, 4): lambda s, h: s**4 * (1 + (s * h) ** 2 / 6),
    (4, 6): lambda s, h: s**4 * (1 + (s * h) ** 2 / 6 + 7 * (s * h) ** 4 / 240),
}


@pytest.mark.parametrize(("order", "accuracy"), SYMBOLS)
def test_on_sine_features_differences_are_exact_multiples_of_derivatives(order, accuracy):
    phi, parameters = sine_features(1, width=8, weight_range=3.0)
    x = INTERVAL.grid(20)
    method = FiniteDifference(step=0.1, accuracy_order=accuracy)
    w = parameters["weights_1"][0, :, 0]
    s = 2 * torch.sin(w * method.step / 2) / method.step
    ratio = SYMBOLS[order, accuracy](s, method.step) / w**order
    if accuracy == 2:
        half = w * method.step / 2
        torch.testing.assert_close(ratio, (torch.sin(half) / half) ** order)
    A_ad = Automatic()(phi, x, D1**order).mT
    A_fd = method(phi, x, D1**order).mT
    tolerance = 4 * rounding_level(D1**order, method, EPS)
    assert float((A_ad - A_ad * ratio).abs().max()) > 100 * tolerance
    torch.testing.assert_close(A_fd, A_ad * ratio, rtol=0, atol=tolerance)


@EACH_OPERATOR
def test_slices_of_a_grid_and_shifted_points_give_the_same(operator):
    d = operator.dimension
    points = (INTERVAL if d == 1 else SQUARE).grid(10)
    phi, _ = sine_features(d, members=(0, 1))
    for accuracy, stride in itertools.product((2, 4, 6), (1, 3)):
        method = FiniteDifference(stride * points.axes[0].spacing, accuracy)
        on_grid = method(phi, points, operator)
        scattered = method(phi, Points(points.coordinates), operator)
        tolerance = 4 * rounding_level(operator, method, EPS)
        torch.testing.assert_close(on_grid, scattered, rtol=0, atol=tolerance)


def evaluated_at(method, points, operator):
    """The points at which a method asks for the values of u, call by call."""
    calls = []

    def u(x):
        calls.append(x)
        return torch.sin(x.sum(dim=-1))

    method(u, points, operator)
    return calls


def test_on_a_grid_u_is_evaluated_once_on_the_enlarged_grid():
    points = SQUARE.grid(10)
    (x,) = evaluated_at(FiniteDifference(0.2, 4), points, laplacian(2))
    # 2 stencil points of 2 spacings each beyond either end
    assert torch.equal(x, points.extended(4).coordinates)


@pytest.mark.parametrize("stride", [1, 5, 8, 40])
def test_however_long_the_step_a_stencil_costs_at_most_its_points_at_every_node(stride):
    points = SQUARE.grid(10)
    (x,) = evaluated_at(FiniteDifference(0.1 * stride), points, laplacian(2))
    assert len(x) <= 5 * 100


@pytest.mark.parametrize("step", [0.05, 0.15])
def test_a_step_between_the_nodes_is_taken_at_shifted_points(step):
    points = INTERVAL.grid(20)
    (x,) = evaluated_at(FiniteDifference(step), points, D1**2)
    shifts = [points.coordinates + s * step for s in (-1, 0, 1)]
    torch.testing.assert_close(x, torch.cat(shifts), rtol=0, atol=EPS)


def test_one_step_on_an_oblong_grid_is_taken_along_both_axes():
    points = Box((0.0, 0.0), (1.0, 0.5)).grid(10)
    phi, _ = sine_features(2)
    method = FiniteDifference(0.1, 6)
    expected = method(phi, Points(points.coordinates), laplacian(2))
    tolerance = 4 * rounding_level(laplacian(2), method, EPS)
    torch.testing.assert_close(method(phi, points, laplacian(2)), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("grid", [True, False])
def test_the_outer_pair_is_summed_before_the_centre_to_the_last_bit(grid):
    h = np.float32(1 / 64)
    points = INTERVAL.grid(128).to(torch.float32)
    x = points.coordinates[:, 0].numpy() + np.float32(0)

    def u(x):  # single products and sums, which every machine rounds alike
        return x * (x * x - np.float32(0.3)) + np.float32(0.7)

    def field(x):
        x = x[:, 0]
        return x * (x * x - float(np.float32(0.3))) + float(np.float32(0.7))

    left, centre, right = u(x - h), u(x), u(x + h)
    outer_first = ((left + right) - 2 * centre) / h**2
    from_the_left = ((left - 2 * centre) + right) / h**2
    got = FiniteDifference(float(h))(
        field, points if grid else Points(points.coordinates), D1**2
    ).numpy()
    assert got.dtype == np.float32
    assert np.array_equal(got, outer_first)
    assert not np.array_equal(got, from_the_left)


# GridDifference -----------------------------------------------------------------------------------


def second_difference(n):
    """C_2 of Eq. 12 times h^2."""
    return -2 * np.eye(n) + np.eye(n, k=1) + np.eye(n, k=-1)


def fourth_difference(n):
    """The matrix of Appendix B.4 times h^4, with the pattern 1, -4, 6, -4, 1 in every row."""
    return sum(c * np.eye(n, k=k) for k, c in zip(range(-2, 3), (1, -4, 6, -4, 1), strict=True))


def block_laplacian(n):
    """Minus the block matrix of Appendix B.3 times h^2, blocks D on and -I beside the diagonal."""
    D = 4 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    C = np.zeros((n * n, n * n))
    for i in range(n):
        C[i * n : (i + 1) * n, i * n : (i + 1) * n] = D
        if i:
            C[i * n : (i + 1) * n, (i - 1) * n : i * n] = -np.eye(n)
            C[(i - 1) * n : i * n, i * n : (i + 1) * n] = -np.eye(n)
    return -C


PRINTED = {
    "Eq. 12": (INTERVAL, 20, D1**2, second_difference),
    "B.3": (SQUARE, 7, laplacian(2), block_laplacian),
    "B.4": (INTERVAL, 32, D1**4, fourth_difference),
}


@pytest.mark.parametrize(("box", "n", "operator", "matrix"), PRINTED.values(), ids=PRINTED)
def test_differences_on_the_grid_are_the_printed_matrices_times_the_features(
    box, n, operator, matrix
):
    x = box.grid(n)
    h = (box.upper[0] - box.lower[0]) / n
    phi, _ = sine_features(box.dimension, members=(0, 1))
    A_0 = phi(x.coordinates).mT.numpy()
    C = matrix(n) / h**operator.order
    got = GridDifference(h)(phi, x, operator).mT
    tolerance = 4 * EPS * np.abs(C).sum(axis=1).max()
    np.testing.assert_allclose(got, C @ A_0, rtol=0, atol=tolerance)


def test_differences_on_the_grid_are_not_cut_off_at_scattered_points():
    phi, _ = sine_features(1)
    y = INTERVAL.boundary(20)
    got = GridDifference(0.1).derivatives(phi, y, identity(1), D1)
    expected = FiniteDifference(0.1).derivatives(phi, y, identity(1), D1)
    assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))


# ExactDifference ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("order", "accuracy"), SYMBOLS)
def test_exact_differences_of_sine_features_have_their_closed_form_for_every_step(order, accuracy):
    phi, parameters = sine_features(1, width=50, members=(0, 1))
    x = random_points(1, 20)
    w, by_ad = parameters["weights_1"], Automatic()(phi, x, D1**order)
    for step in (0.02, 0.3, 2.0):
        s = 2 * torch.sin(w * step / 2) / step
        expected = by_ad * (SYMBOLS[order, accuracy](s, step) / w**order)
        got = ExactDifference(step, accuracy)(phi, x, D1**order)
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-14 * float(by_ad.abs().max()))


@EACH_OPERATOR
@pytest.mark.parametrize("activation", ["sin", "tanh"])
def test_exact_differences_are_differences_but_for_their_rounding(operator, activation):
    d = operator.dimension
    network = MLP(width=8, depth=2, activation=activation)
    u = network.field(network.initial_parameters(d, [0], torch.float64))
    x = random_points(d, 30)
    for accuracy, step in itertools.product((2, 4, 6), (0.05, 0.3)):
        method = FiniteDifference(step, accuracy)
        got, fd = ExactDifference(step, accuracy)(u, x, operator), method(u, x, operator)
        tolerance = rounding_level(operator, method, EPS)
        torch.testing.assert_close(got, fd, rtol=0, atol=tolerance)
        if step == 0.3 and accuracy == 2:  # and not derivatives
            assert float((got - Automatic()(u, x, operator)).abs().max()) > 100 * tolerance


def test_an_exact_difference_of_any_step_keeps_the_digits_that_a_stencil_loses():
    phi, _ = sine_features(1, members=(1,))
    x = random_points(1, 20)
    exact = Automatic()(phi, x, D1**4)
    scale = float(exact.abs().max())
    got = ExactDifference(1e-8)(phi, x, D1**4)  # the truncation, h^2, is below rounding
    assert float((got - exact).abs().max()) < 8 * EPS * scale
    lost = FiniteDifference(1e-3)(phi, x, D1**4)
    assert float((lost - exact).abs().max()) > 1e-6 * scale


def test_a_large_member_does_not_decide_on_the_nodes_of_another():
    x, network = random_points(1, 30), TwoLayer(4, "tanh")
    wild = network.initial_parameters(1, [0], torch.float64)
    wild["weights_1"] = wild["weights_1"] * 8
    large = network.initial_parameters(1, [1], torch.float64)
    large["coefficients"] = large["coefficients"] * 1e10
    both = {name: torch.cat([wild[name], large[name]]) for name in wild}
    found = [
        ExactDifference(0.2).fitted(network.field(theta), x, (D1**2,)).nodes
        for theta in (large, wild, both)
    ]
    assert found[0] < found[1] == found[2]


def test_a_fitted_exact_difference_has_as_many_nodes_as_its_field_and_step_need():
    phi, _ = sine_features(1, width=50)
    wild, _ = sine_features(1, width=50, weight_range=10.0)
    x = random_points(1, 20)
    found = [
        ExactDifference(step).fitted(u, x, (D1**2, D1)).nodes
        for step, u in [(1e-3, phi), (0.3, phi), (0.3, wild), (1.0, wild)]
    ]
    assert found == sorted(set(found))
    fitted = ExactDifference(0.3).fitted(wild, x, (D1**2,))
    more = ExactDifference(0.3, nodes=fitted.nodes + 4)
    scale = float(more(wild, x, D1**2).abs().max())
    torch.testing.assert_close(
        fitted(wild, x, D1**2), more(wild, x, D1**2), rtol=0, atol=8 * EPS * scale
    )


def test_a_step_at_which_the_quadrature_does_not_converge_is_refused():
    phi, _ = sine_features(1, weight_range=30.0)
    with pytest.raises(
        ValueError, match=r"step=5\.0: .* does not converge with 41 nodes; take a s"
    ):
        ExactDifference(5.0)(phi, random_points(1, 20), D1**2)


@pytest.mark.parametrize("nodes", [0, -1, 2, 43])
def test_a_number_of_nodes_that_is_not_odd_or_too_large_is_refused(nodes):
    with pytest.raises(ValueError, match=f"nodes={nodes}: an odd number up to 41"):
        ExactDifference(0.1, nodes=nodes)


# All methods --------------------------------------------------------------------------------------

EACH_METHOD = pytest.mark.parametrize("method", [m(0.1) for m in METHODS.values()], ids=METHODS)


@EACH_METHOD
def test_members_that_are_stacked_come_out_as_each_alone(method):
    x = SQUARE.grid(10)
    network = MLP(width=4, depth=2)
    together = network.initial_parameters(2, [0, 1, 2], torch.float64)
    for operator in (laplacian(2), DX * DY, DX**3 + 2.5):
        got = method(network.field(together), x, operator).detach()
        assert got.shape == (3, 100)
        level = rounding_level(operator, FiniteDifference(0.07), EPS)
        for s in range(3):
            alone = {name: value[s : s + 1] for name, value in together.items()}
            expected = method(network.field(alone), x, operator).detach()
            torch.testing.assert_close(got[s : s + 1], expected, rtol=0, atol=4 * level)


@EACH_METHOD
def test_operators_asked_for_together_come_out_as_each_alone(method):
    x = SQUARE.grid(10)
    phi, _ = sine_features(2)
    operators = (identity(2), DX, DX**2 + DY, DX * DY)
    together = method.derivatives(phi, x, *operators)
    for operator, got in zip(operators, together, strict=True):
        level = rounding_level(operator, FiniteDifference(0.07), EPS)
        expected = method(phi, x, operator)
        torch.testing.assert_close(got.detach(), expected.detach(), rtol=0, atol=4 * level)


@EACH_METHOD
def test_derivatives_keep_the_dtype_of_the_points(method):
    network = TwoLayer(3)
    for dtype in (torch.float32, torch.float64):
        u = network.field(network.initial_parameters(2, [0], dtype))
        assert method(u, SQUARE.grid(10).to(dtype), laplacian(2)).dtype == dtype


@EACH_METHOD
def test_an_operator_whose_terms_cancel_gives_zero(method):
    # as nu * dx**2 does for nu = 0
    phi, _ = sine_features(2)
    got = method(phi, SQUARE.grid(10), 0 * DX**2).detach()
    assert torch.equal(got, torch.zeros(1, 6, 100, dtype=torch.float64))


@EACH_METHOD
def test_an_operator_of_another_dimension_than_the_points_is_refused(method):
    phi, _ = sine_features(2)
    for dimension in (1, 3):
        with pytest.raises(ValueError, match=f"{dimension} .*dimension"):
            method(phi, SQUARE.grid(10), laplacian(dimension))


@pytest.mark.parametrize("make", [FiniteDifference, GridDifference, ExactDifference])
@pytest.mark.parametrize("step", [0.0, -0.1, math.nan, math.inf])
def test_a_step_that_is_not_a_finite_number_above_zero_is_refused(make, step):
    with pytest.raises(ValueError, match=f"step={step}: a finite number above 0"):
        make(step)


@pytest.mark.parametrize("make", [FiniteDifference, ExactDifference])
@pytest.mark.parametrize("accuracy", [0, 1, 3, 8])
def test_an_accuracy_order_without_a_stencil_is_refused(make, accuracy):
    with pytest.raises(ValueError, match=f"accuracy_order={accuracy}: allowed are 2, 4, 6"):
        make(0.1, accuracy)


# float32 covers 1e-38 to 3e38, float64 2e-308 to 2e308
@pytest.mark.parametrize(
    ("step", "dtype", "message"),
    [
        (1e-10, torch.float32, "step^4 leaves the range of float32"),
        (1e10, torch.float32, "step^4 leaves the range of float32"),
        (1e-80, torch.float64, "step^4 leaves the range of float64"),
        (1e80, torch.float64, "step^4 leaves the range of float64"),
        (1e-8, torch.float32, "rounds to x in float32"),
        (1e-17, torch.float64, "rounds to x in float64"),
    ],
)
def test_a_step_out_of_reach_of_the_dtype_is_refused(step, dtype, message):
    x = INTERVAL.grid(10).to(dtype)
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the message is compared below
        FiniteDifference(step)(lambda x: x[:, 0], x, D1**4)
    assert f"step={step}: " in str(refusal.value)
    assert message in str(refusal.value)


def test_a_step_that_float32_cannot_resolve_is_taken_in_float64():
    x = INTERVAL.grid(10)
    slope = FiniteDifference(1e-8)(lambda x: x[:, 0], x, D1)
    torch.testing.assert_close(slope, torch.ones(10, dtype=torch.float64), rtol=0, atol=1e-7)


def test_differences_on_the_grid_refuse_another_step_than_the_spacing():
    with pytest.raises(ValueError, match=r"step=0\.05: fd_grid takes the grid spacing, 0\.1"):
        GridDifference(0.05)(lambda x: x[:, 0], INTERVAL.grid(20), D1**2)
    oblong = Box((0.0, 0.0), (1.0, 2.0)).grid(10)
    with pytest.raises(ValueError, match="grid spacing"):
        GridDifference(0.1)(lambda x: x[:, 0], oblong, laplacian(2))


@pytest.mark.parametrize(("operator", "needed"), [(D1**2, 3), (D1**4, 5)])
def test_differences_on_the_grid_refuse_an_axis_shorter_than_the_stencil(operator, needed):
    def u(x):
        return x[:, 0]

    enough, too_few = INTERVAL.grid(needed), INTERVAL.grid(needed - 1)
    assert GridDifference(2 / needed)(u, enough, operator).shape == (needed,)
    with pytest.raises(ValueError, match=f"at least {needed} points per axis"):
        GridDifference(2 / (needed - 1))(u, too_few, operator)


def test_only_fields_of_the_points_alone_can_be_differentiated_in_taylor_mode():
    with pytest.raises(TypeError, match="must begin with linear"):
        Automatic()(lambda x: x.mT, random_points(1, 2), D1)
