import math

import mpmath
import pytest
import torch

from pinnspectra.differentiation.activations import ACTIVATIONS, activation_named

ORDERS = range(9)


def exact_derivative(name, z, order):
    """sigma^(order)(z) to 40 digits."""
    with mpmath.workdps(40):
        return mpmath.taylor(getattr(mpmath, name), z, order)[order] * math.factorial(order)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("order", ORDERS)
def test_derivatives_match_40_digit_arithmetic(name, order):
    z = [-2.0, -1.3, -0.9, -0.3, 0.0, 0.1, 0.7, 1.0, 1.7]
    sign, table = ACTIVATIONS[name].derivatives(torch.tensor(z, dtype=torch.float64))(order)
    exact = torch.tensor([float(exact_derivative(name, x, order)) for x in z], dtype=torch.float64)
    torch.testing.assert_close(sign * table, exact, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("order", ORDERS)
def test_derivatives_far_out_are_right_on_the_scale_of_the_largest(name, order):
    # tanh' = 1 - tanh^2 cancels where tanh saturates: small relative to the largest value only
    z = [-20.0, -6.0, -3.0, 2.5, 4.0, 9.0]
    sign, table = ACTIVATIONS[name].derivatives(torch.tensor(z, dtype=torch.float64))(order)
    exact = torch.tensor([float(exact_derivative(name, x, order)) for x in z], dtype=torch.float64)
    near = [abs(float(exact_derivative(name, i / 8, order))) for i in range(-16, 17)]
    torch.testing.assert_close(sign * table, exact, rtol=0, atol=1e-13 * max(near))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_value_is_the_one_of_torch(name, dtype):
    z = torch.linspace(-4, 4, 33, dtype=dtype)
    expected = getattr(torch, name)(z)
    sign, table = ACTIVATIONS[name].derivatives(z)(0)
    assert torch.equal(ACTIVATIONS[name](z), expected)
    assert torch.equal(sign * table, expected)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_first_derivative_is_the_slope_that_autograd_finds(name):
    z = torch.linspace(-2, 2, 9, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(ACTIVATIONS[name](z).sum(), z)
    sign, table = activation_named(name).derivatives(z.detach())(1)
    torch.testing.assert_close(sign * table, slope, rtol=1e-14, atol=0)


def test_an_unknown_activation_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"activation=softsign: .*sin, tanh"):
        activation_named("softsign")
