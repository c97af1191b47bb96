import math
from dataclasses import dataclass
from fractions import Fraction

import pytest
import torch
from cases import multi_indices
from hypothesis import given
from hypothesis import strategies as st

from pinnspectra.differentiation import (
    Automatic,
    DifferentialOperator,
    identity,
    laplacian,
    partials,
)
from pinnspectra.differentiation.activations import AbstractActivation
from pinnspectra.differentiation.directional import directional
from pinnspectra.differentiation.jet import activate, linear
from pinnspectra.differentiation.operators import monomial
from pinnspectra.differentiation.points import Points


@dataclass(frozen=True)
class Exp(AbstractActivation):
    """sigma(z) = exp z, whose derivatives are all the same."""

    def __call__(self, z):
        return torch.exp(z)

    def derivatives(self, z):
        value = torch.exp(z)
        return lambda m: (1.0, value)


def operators(dimension, largest_power=2):
    index = st.tuples(*[st.integers(0, largest_power)] * dimension)
    terms = st.lists(st.tuples(index, st.integers(-5, 5)), max_size=4)
    return terms.map(lambda t: DifferentialOperator.from_terms(t, dimension))


def several_operators(count):
    return st.integers(1, 3).flatmap(lambda d: st.tuples(*[operators(d)] * count))


@given(several_operators(3))
def test_operators_form_a_commutative_ring(abc):
    a, b, c = abc
    assert a + b == b + a
    assert a * b == b * a
    assert a * (b + c) == a * b + a * c
    assert (a * b) * c == a * (b * c)
    assert a - b == -(b - a)
    assert a - a == 0 * a


@given(several_operators(2))
def test_the_square_of_a_sum_obeys_the_binomial_formula(ab):
    a, b = ab
    assert (a + b) ** 2 == a**2 + 2 * a * b + b**2


@given(operators(2), st.integers(-9, 9))
def test_a_number_stands_for_that_multiple_of_the_identity(a, c):
    multiple = c * identity(2)
    assert a + c == c + a == a + multiple
    assert a - c == a - multiple
    assert a * c == c * a == a * multiple


def test_a_number_minus_an_operator_is_an_operator():
    dx, dy = partials(2)
    assert 4 - dx * dy == -(dx * dy - 4)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_the_laplacian_is_the_sum_of_the_squared_partials(dimension):
    squares = [d * d for d in partials(dimension)]
    assert laplacian(dimension) == sum(squares[1:], squares[0])


def test_powers_are_repeated_products_and_the_zeroth_is_the_identity():
    dx, dy = partials(2)
    assert (dx + dy) ** 3 == (dx + dy) * (dx + dy) * (dx + dy)
    assert dx**0 == identity(2)


def test_negative_powers_are_refused():
    (dx,) = partials(1)
    with pytest.raises(ValueError, match="-1"):
        dx**-1


def test_the_order_is_the_largest_total_order_of_a_term():
    dx, dy = partials(2)
    assert (dx**2 * dy + dy**2 + 1).order == 3
    assert (dx - dx).order == 0


def test_operators_in_different_dimensions_do_not_mix():
    with pytest.raises(ValueError, match="1 and 2 dimensions"):
        laplacian(1) + laplacian(2)


def symbol(operator, k):
    """p(k) with p(d) exp(k.x) = p(k) exp(k.x)."""
    return sum(c * math.prod(x**i for x, i in zip(k, a, strict=True)) for a, c in operator.terms)


def automatic_on_exponential(operator, k, x):
    weight, zero = torch.tensor([k], dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    return Automatic()(lambda x: activate(linear(x.mT, weight, zero), Exp())[0, :], x, operator)


@given(st.integers(1, 3).flatmap(
    lambda d: st.tuples(operators(d), st.tuples(*[st.floats(-2, 2)] * d))
))  # fmt: skip
def test_applied_to_an_exponential_an_operator_multiplies_by_its_symbol(operator_and_k):
    operator, k = operator_and_k
    x = torch.tensor([[0.3, -0.2, 0.5], [0.0, 0.1, -0.7]], dtype=torch.float64)[:, : len(k)]
    got = automatic_on_exponential(operator, [float(v) for v in k], Points(x))
    exponential = torch.exp(x @ torch.tensor(k, dtype=torch.float64))
    expected = symbol(operator, k) * exponential
    # polarisation writes p(k) as a sum of larger numbers, which cancel
    constant, powers = directional(operator)
    size = abs(constant) + sum(
        abs(c) * abs(sum(v * x for v, x in zip(direction, k, strict=True))) ** order
        for direction, order, c in powers
    )
    tolerance = 32 * torch.finfo(torch.float64).eps * size * float(exponential.max())
    torch.testing.assert_close(got, expected, rtol=0, atol=tolerance)


def multinomial(index):
    return math.factorial(sum(index)) // math.prod(map(math.factorial, index))


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("order", range(1, 7))
def test_polarisation_is_the_monomial_coefficient_by_coefficient(dimension, order):
    for alpha in multi_indices(dimension, [order]):
        constant, powers = directional(monomial(alpha))
        assert constant == 0
        assert all(k == order for _, k, _ in powers)
        for beta in multi_indices(dimension, [order]):
            # the coefficient of x^beta in sum_j c_j (v_j . x)^k, by the multinomial theorem
            terms = [
                Fraction(c) * multinomial(beta)
                * math.prod(v**b for v, b in zip(direction, beta, strict=True))
                for direction, _, c in powers
            ]  # fmt: skip
            # each c_j is a rational number rounded once
            tolerance = Fraction(2) ** -53 * sum(map(abs, terms))
            assert abs(sum(terms) - (alpha == beta)) <= tolerance


def test_the_mixed_second_derivative_takes_two_diagonals():
    dx, dy = partials(2)
    assert directional(dx * dy) == (0, (((1, -1), 2, -0.25), ((1, 1), 2, 0.25)))
