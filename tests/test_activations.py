import math

import mpmath
import pytest
import torch

from pinnspectra.differentiation.activations import ACTIVATIONS, activation_named

ORDERS = range(9)
EACH = pytest.mark.parametrize("name", ACTIVATIONS)


def exact_derivatives(name, z, order):
    """sigma^(order) at some z, from 40 digits."""
    with mpmath.workdps(40):
        exact = [mpmath.taylor(getattr(mpmath, name), x, order)[order] for x in z]
        return torch.tensor([float(v * math.factorial(order)) for v in exact], dtype=torch.float64)


@EACH
def test_derivatives_match_40_digit_arithmetic(name):
    z = [-2.0, -1.3, -0.9, -0.3, 0.0, 0.1, 0.7, 1.0, 1.7]
    for order in ORDERS:
        sign, table = ACTIVATIONS[name].derivatives(torch.tensor(z, dtype=torch.float64))(order)
        exact = exact_derivatives(name, z, order)
        torch.testing.assert_close(sign * table, exact, rtol=1e-12, atol=0)


@EACH
def test_derivatives_far_out_are_right_on_the_scale_of_the_largest(name):
    # tanh' = 1 - tanh^2 cancels where tanh saturates: small relative to the largest value only
    z = [-20.0, -6.0, -3.0, 2.5, 4.0, 9.0]
    for order in ORDERS:
        sign, table = ACTIVATIONS[name].derivatives(torch.tensor(z, dtype=torch.float64))(order)
        largest = exact_derivatives(name, [i / 8 for i in range(-16, 17)], order).abs().max()
        exact = exact_derivatives(name, z, order)
        torch.testing.assert_close(sign * table, exact, rtol=0, atol=1e-13 * float(largest))


@EACH
def test_the_value_is_the_one_of_torch(name):
    for dtype in (torch.float32, torch.float64):
        z = torch.linspace(-4, 4, 33, dtype=dtype)
        expected = getattr(torch, name)(z)
        sign, table = ACTIVATIONS[name].derivatives(z)(0)
        assert torch.equal(ACTIVATIONS[name](z), expected)
        assert torch.equal(sign * table, expected)


@EACH
def test_the_first_derivative_is_the_slope_that_autograd_finds(name):
    z = torch.linspace(-2, 2, 9, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(ACTIVATIONS[name](z).sum(), z)
    sign, table = activation_named(name).derivatives(z.detach())(1)
    torch.testing.assert_close(sign * table, slope, rtol=1e-14, atol=0)


def test_an_unknown_activation_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"activation=softsign: .*sin, tanh"):
        activation_named("softsign")
