import itertools
import math
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy
from cases import multi_indices

from pinnspectra.differentiation import laplacian, partials
from pinnspectra.differentiation.operators import monomial
from pinnspectra.differentiation.stencil import leading_error, stencils, weight_norm

# Fornberg, Math. Comp. 51 (1988) 699-706, Table 1: numerators from the left, denominator
TEXTBOOK = {
    (1, 2): ((-1, 0, 1), 2),
    (1, 4): ((1, -8, 0, 8, -1), 12),
    (1, 6): ((-1, 9, -45, 0, 45, -9, 1), 60),
    (2, 2): ((1, -2, 1), 1),
    (2, 4): ((-1, 16, -30, 16, -1), 12),
    (2, 6): ((2, -27, 270, -490, 270, -27, 2), 180),
    (4, 2): ((1, -4, 6, -4, 1), 1),
    (4, 4): ((-1, 12, -39, 56, -39, 12, -1), 6),
    (4, 6): ((7, -96, 676, -1952, 2730, -1952, 676, -96, 7), 240),
}
# an independent rounding study: 2-norm of the weights (which rounding grows with) and |mu|, where
# D_h u = u^(k) + mu h^p u^(k+p) + ...
SIZES = {
    (2, 2): (2.449, 1 / 12), (2, 4): (3.134, 1 / 90), (2, 6): (3.458, 1 / 560),
    (4, 2): (8.367, 1 / 6), (4, 4): (13.404, 7 / 240), (4, 6): (16.67, 0.005423),
}  # fmt: skip

DX, DY = partials(2)
OPERATORS = {
    "dx": monomial((1,)),
    "dx2": monomial((2,)),
    "dx3": monomial((3,)),
    "dx4": monomial((4,)),
    "laplacian2": laplacian(2),
    "laplacian3": laplacian(3),
    "dxdy": DX * DY,
    "bilaplacian": laplacian(2) ** 2,
    "wave": DX**2 - 3 * DY**2,
}
EACH_OPERATOR = pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)


def single(operator, accuracy):
    (stencil,) = stencils(operator, accuracy)
    return stencil


def weights(stencil):
    return {offset: Fraction(w, stencil.denominator) for offset, w in stencil.weights}


@pytest.mark.parametrize(("order", "accuracy"), TEXTBOOK)
def test_weights_are_those_of_the_textbook(order, accuracy):
    numerators, denominator = TEXTBOOK[order, accuracy]
    q = len(numerators) // 2
    expected = {(i - q,): Fraction(n, denominator) for i, n in enumerate(numerators) if n}
    assert weights(single(monomial((order,)), accuracy)) == expected


@pytest.mark.parametrize("order", range(1, 7))
def test_weights_are_those_of_fornbergs_algorithm_in_sympy(order):
    for accuracy in (2, 4, 6):
        stencil = single(monomial((order,)), accuracy)
        nodes = list(range(-stencil.reach, stencil.reach + 1))
        table = sympy.finite_diff_weights(order, nodes, 0)[order][-1]
        pairs = zip(nodes, table, strict=True)
        expected = {(s,): Fraction(int(w.p), int(w.q)) for s, w in pairs if w != 0}
        assert weights(stencil) == expected


def test_plane_stencils_of_second_order_are_the_well_known_ones():
    cross = {(0, 0): -4, (1, 0): 1, (-1, 0): 1, (0, 1): 1, (0, -1): 1}
    assert weights(single(laplacian(2), 2)) == cross
    corners = {(s, t): Fraction(s * t, 4) for s in (-1, 1) for t in (-1, 1)}
    assert weights(single(DX * DY, 2)) == corners
    # the 13-point bilaplacian, Abramowitz and Stegun 25.3.33
    thirteen = dict.fromkeys(cross, -8) | {(0, 0): 20}
    for s, t in itertools.product((-1, 1), repeat=2):
        thirteen |= {(s, t): 2, (2 * s, 0): 1, (0, 2 * t): 1}
    assert weights(single(laplacian(2) ** 2, 2)) == thirteen


@EACH_OPERATOR
def test_weights_are_whole_numbers_that_sum_to_zero(operator):
    for accuracy in (2, 4, 6):
        numerators = [w for _, w in single(operator, accuracy).weights]
        assert all(isinstance(w, int) for w in numerators)
        assert sum(numerators) == 0


@EACH_OPERATOR
def test_a_stencil_with_a_wrong_weight_cannot_be_built(operator):
    accuracy = 4
    stencil = single(operator, accuracy)
    for i, (offset, weight) in enumerate(stencil.weights):
        wrong = (*stencil.weights[:i], (offset, weight + 1), *stencil.weights[i + 1 :])
        with pytest.raises(AssertionError, match="moment"):
            replace(stencil, weights=wrong)
    with pytest.raises(AssertionError, match="moment"):
        replace(stencil, denominator=stencil.denominator + 1)
    with pytest.raises(AssertionError, match="moment"):
        replace(stencil, accuracy_order=accuracy + 2)


def exact_monomial_derivative(power, alpha, x):
    """d^alpha x^power in exact arithmetic."""
    axes = zip(x, power, alpha, strict=True)
    return math.prod(math.perm(p, a) * z ** max(p - a, 0) for z, p, a in axes)


@pytest.mark.parametrize("accuracy", [2, 6])
@EACH_OPERATOR
def test_polynomials_up_to_degree_k_plus_p_minus_1_are_differentiated_exactly(operator, accuracy):
    stencil = single(operator, accuracy)
    d, h = operator.dimension, Fraction(2, 7)
    x = (Fraction(1, 3), Fraction(-2, 5), Fraction(3, 4))[:d]
    degree = stencil.order + accuracy - 1
    for power in itertools.product(range(degree + 1), repeat=d):
        if sum(power) > degree:
            continue
        total = 0
        for offset, w in stencil.weights:
            axes = zip(x, offset, power, strict=True)
            total += w * math.prod((z + s * h) ** p for z, s, p in axes)
        got = total / (stencil.denominator * h**stencil.order)
        exact = sum(c * exact_monomial_derivative(power, a, x) for a, c in operator.terms)
        assert got == exact


def test_terms_of_one_order_are_merged_and_odd_coefficients_stand_apart():
    parts = stencils(DX**2 + 2 * DY**2 + 0.3 * DX + 5, 2)
    order_factor_size = sorted((s.order, s.factor, len(s.weights)) for s in parts)
    assert order_factor_size == [(0, 1.0, 1), (1, 0.3, 2), (2, 1.0, 5)]


@pytest.mark.parametrize(("order", "accuracy"), SIZES)
def test_the_leading_error_and_the_norm_are_as_studied_independently(order, accuracy):
    norm, leading = SIZES[order, accuracy]
    operator = monomial((order,))
    assert weight_norm(operator, accuracy) == pytest.approx(norm, rel=2e-4)
    ((index, coefficient),) = leading_error(operator, accuracy).terms
    assert index == (order + accuracy,)
    assert abs(coefficient) == pytest.approx(leading, rel=1e-4)


@pytest.mark.parametrize("accuracy", [2, 6])
@pytest.mark.parametrize("operator", [*OPERATORS.values(), DX**2 + 0.3 * DX + 5], ids=str)
def test_the_leading_error_is_the_whole_error_on_monomials_of_degree_k_plus_p(operator, accuracy):
    d, h, x = operator.dimension, Fraction(2, 7), (Fraction(1, 3), Fraction(-2, 5), Fraction(3, 4))
    leading = leading_error(operator, accuracy)
    for power in multi_indices(d, [operator.order + accuracy]):
        error = Fraction(0)
        for stencil in stencils(operator, accuracy):
            if stencil.order < operator.order:
                continue  # its error is of a lower degree
            for offset, w in stencil.weights:
                axes = zip(x[:d], offset, power, strict=True)
                term = w * math.prod((z + s * h) ** p for z, s, p in axes)
                error += Fraction(stencil.factor) * term / (stencil.denominator * h**stencil.order)
        highest = [(a, c) for a, c in operator.terms if sum(a) == operator.order]
        error -= sum(Fraction(c) * exact_monomial_derivative(power, a, x[:d]) for a, c in highest)
        factorials = math.prod(map(math.factorial, power))
        expected = factorials * dict(leading.terms).get(power, 0)
        assert float(error / h**accuracy) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_the_norm_adds_the_weights_of_different_stencils_at_shared_points():
    # DX^2 - 3.5 DY^2: 1, 1 and -3.5, -3.5 around -2 + 7
    assert weight_norm(DX**2 - 3.5 * DY**2, 2) == pytest.approx(math.sqrt(2 + 24.5 + 25))
