"""The rounding floor: emulated arithmetic, errors and spectra against what is measured."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import EACH_PROBLEM, PROBLEMS, collocated, order_of, per_axis, spacing

from pinnspectra.differentiation import (
    Automatic,
    ExactDifference,
    FiniteDifference,
    GridDifference,
    NestedAutograd,
    laplacian,
    partials,
)
from pinnspectra.differentiation.stencil import stencils
from pinnspectra.networks import MLP, TwoLayer, cast
from pinnspectra.rounding import floor as floors
from pinnspectra.rounding.emulated import ShortArithmetic, rounding_errors
from pinnspectra.rounding.floor import (
    kernel_floor,
    noise_factor,
    system_matrix_errors,
    system_matrix_floor,
)
from pinnspectra.rounding.law import marchenko_pastur
from pinnspectra.spectra.decomposition import singular_values
from pinnspectra.spectra.entropy import truncated_entropy
from pinnspectra.spectra.kernel import residual_jacobian

SHORT, LONG = torch.float32, torch.float64


def numbers(*shape, seed=0):
    """Numbers of float32 of many sizes, in float64."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(2, *shape, generator=generator)
    return (drawn[0] * torch.exp(3 * drawn[1])).double()


def in_bits(bits, calculation, *arguments):
    with ShortArithmetic(bits):
        return calculation(*arguments)


OPERATIONS = {
    "sum": lambda a, b: a + b,
    "difference": lambda a, b: a - b,
    "product": lambda a, b: a * b,
    "quotient": lambda a, b: a / b,
    "in place": lambda a, b: a.clone().add_(b).mul_(b),
    "two": lambda a, b: (a + b) * b,
    "views": lambda a, b: torch.cat([a[::2], b.flip(0)]),
    "negative": lambda a, b: -a,
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_arithmetic_of_24_bits_is_that_of_float32_to_the_last_bit(operation):
    # float64 has more than twice the bits, so that rounding twice is rounding once
    a, b = numbers(1000), numbers(1000, seed=1)
    expected = operation(a.float(), b.float()).double()
    assert torch.equal(in_bits(24, operation, a, b), expected)


@pytest.mark.parametrize("accuracy", [2, 4, 6])
@pytest.mark.parametrize("operator", [partials(1)[0] ** 4, laplacian(2)], ids=["dx4", "laplacian"])
def test_a_stencil_in_24_bits_is_rounded_as_in_float32(operator, accuracy):
    (stencil,) = stencils(operator, accuracy)
    values = {offset: numbers(100, seed=i) for i, (offset, _) in enumerate(stencil.weights)}
    expected = stencil.apply({offset: v.float() for offset, v in values.items()}, 2**-6)
    assert torch.equal(in_bits(24, stencil.apply, values, 2**-6), expected.double())


@pytest.mark.parametrize("bits", [11, 24, 40])
def test_functions_are_rounded_once_and_products_of_matrices_term_by_term(bits):
    eps = 2.0 ** (1 - bits)
    x = numbers(1000)
    error = (in_bits(bits, torch.sin, x) - x.sin()).abs()
    assert (error <= eps / 2 * x.sin().abs()).all()
    assert error.max() > eps / 8
    A, B = torch.randn(2, 30, 30, dtype=LONG, generator=torch.Generator().manual_seed(0))
    error = in_bits(bits, torch.matmul, A, B) - A @ B
    # partial sums are random walks, so that errors grow with the number of terms, not its root
    assert 0.1 < float(error.square().mean().sqrt()) / (eps * 30 * 0.29 / math.sqrt(2)) < 1.5


def test_errors_are_proportional_to_eps_and_the_calculation_is_left_as_it_was():
    c, network, theta = case(PROBLEMS["poisson1d"], 64, FiniteDifference(2 / 64), TwoLayer(40))
    phi = network.features(theta)
    before = c.system_matrix(phi)
    short, long = (
        rounding_errors(lambda: c.system_matrix(phi), dtype).square().mean().sqrt()
        for dtype in (SHORT, LONG)
    )
    assert float(short / long) == pytest.approx(2.0**29, rel=0.1)
    assert torch.equal(c.system_matrix(phi), before)  # also the points that the method keeps


def case(pde, n, method, network, dtype=LONG, seed=0):
    theta = network.initial_parameters(pde.domain.dimension, [seed], dtype)
    return collocated(pde, method, n), network, theta


def dyadic(pde):
    """Points per axis and step, whose nodes float32 has exactly on boxes with whole-number ends."""
    n = 64 if pde.domain.dimension == 1 else 8
    return n, 2**-4 if order_of(pde) == 2 else 2**-3


NETS = {"sin": TwoLayer(40), "tanh": TwoLayer(40, "tanh", 2.0), "deep": MLP(30, 2, "tanh")}
METHODS = {
    "fd": lambda h: FiniteDifference(h),
    "fd6": lambda h: FiniteDifference(h, 6),
    "fd_grid": lambda h: GridDifference(h),
    "ad": lambda h: Automatic(),
    "fd_exact": lambda h: ExactDifference(h, nodes=9),
}


EACH_ONCE = [
    *((pde, "fd", "sin") for pde in PROBLEMS.values()),
    *((PROBLEMS["biharmonic"], method, "sin") for method in METHODS if method != "fd"),
    *((PROBLEMS["biharmonic"], "fd6", net) for net in NETS if net != "sin"),
]


@pytest.mark.parametrize(("pde", "method", "net"), EACH_ONCE, ids=str)
def test_errors_of_a_system_matrix_in_float32_are_the_measured_ones(pde, method, net):
    n, step = dyadic(pde)
    step = spacing(pde, n) if "grid" in method else step
    c, network, theta = case(pde, n, METHODS[method](step), NETS[net], SHORT)
    A = c.to(SHORT).system_matrix(network.features(theta)).double()
    measured = A - c.system_matrix(network.features(cast(theta, LONG)))
    predicted = system_matrix_errors(c, network, theta)
    assert float(predicted.norm() / measured.norm()) == pytest.approx(1, abs=0.2)
    # nearly the same numbers: what differs are the last bits of functions, and the order in which
    # a library sums products of matrices
    together = torch.stack([predicted.flatten(), measured.flatten()])
    assert float(torch.corrcoef(together)[0, 1]) > (0.8 if net != "deep" else 0.2)


@EACH_PROBLEM
def test_errors_of_a_system_matrix_in_float64_are_as_large_as_measured(pde):
    n, step = dyadic(pde)
    for accuracy, net in ((2, "sin"), (6, "sin"), (2, "tanh"), (6, "deep")):
        c, network, theta = case(pde, n, FiniteDifference(step / 8, accuracy), NETS[net])
        exact = replace(c, method=ExactDifference(step / 8, accuracy))
        phi = network.features(theta)
        measured = c.system_matrix(phi) - exact.system_matrix(phi)
        predicted = system_matrix_errors(c, network, theta)
        assert float(predicted.norm() / measured.norm()) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("method", "net"),
    [
        *((method, "sin") for method in (*METHODS, "nested_autograd")),
        ("fd", "tanh"),
        ("ad", "deep"),
    ],
)
def test_the_floor_of_a_kernel_in_float32_is_that_of_the_measured_errors(net, method):
    made = {**METHODS, "nested_autograd": lambda h: NestedAutograd()}[method](2**-3)
    network = replace(NETS[net], width=10)
    c, network, theta = case(PROBLEMS["biharmonic"], 16, made, network, SHORT)
    J = residual_jacobian(c.to(SHORT).residual, network, theta).double()
    measured = J - residual_jacobian(c.residual, network, cast(theta, LONG))
    ratio = kernel_floor(c, network, theta) / singular_values(measured)
    assert ratio.shape == (1, 16)
    middle = ratio[0, :8]
    assert 0.5 < float(middle.min()) < float(middle.max()) < 2


@pytest.mark.parametrize(("rows", "columns"), [(200, 200), (200, 50), (50, 200), (10**6, 100)])
def test_independent_noise_follows_the_law_of_marchenko_and_pastur(rows, columns):
    values = singular_values(noise_factor(rows, torch.full((1, columns), 3.0, dtype=LONG)))[0]
    law = 3 * marchenko_pastur(rows, columns).numpy()
    assert values.shape == law.shape
    bulk = slice(None, -5 if rows == columns else None)  # the last few of a square reach down to 0
    np.testing.assert_allclose(values[bulk], law[bulk], rtol=0, atol=0.03 * law[0])
    root_n, root_m = math.sqrt(rows), math.sqrt(columns)
    assert float(values[0]) == pytest.approx(3 * (root_n + root_m), rel=0.05)
    assert float(values[-1]) == pytest.approx(3 * abs(root_n - root_m), abs=0.05 * law[0])


@pytest.mark.parametrize(("rows", "columns"), [(300, 60), (60, 60), (40, 60)])
def test_noise_with_a_deviation_for_every_column_is_that_of_the_whole_matrix(rows, columns):
    deviations = torch.logspace(0, -3, columns, dtype=LONG)[None]
    values = singular_values(noise_factor(rows, deviations))[0]
    generator = torch.Generator().manual_seed(5)
    drawn = torch.randn(20, rows, columns, dtype=LONG, generator=generator) * deviations
    whole = singular_values(drawn).log().mean(dim=0)
    kept = slice(None, -8)
    torch.testing.assert_close(values.log()[kept], whole[kept], rtol=0, atol=0.35)
    assert float((values.log() - whole)[kept].mean().abs()) < 0.1


@EACH_PROBLEM
def test_a_floor_from_a_sample_of_the_points_is_that_of_all(pde, monkeypatch):
    n, dtype = per_axis(pde, 400), LONG
    c, network, theta = case(pde, n, FiniteDifference(0.01), TwoLayer(30), dtype)
    whole = system_matrix_floor(c, network, theta), kernel_floor(c, network, theta)
    assert [floor.shape for floor in whole] == [(1, 30), (1, 30 * (2 + pde.domain.dimension))]
    monkeypatch.setattr(floors, "ENTRIES_SAMPLED", 30 * 100)
    sampled = system_matrix_floor(c, network, theta), kernel_floor(c, network, theta)
    for some, of_all in zip(sampled, whole, strict=True):
        ratio = some[0, :20] / of_all[0, :20]
        assert 0.7 < float(ratio.min()) < float(ratio.max()) < 1.4
    leading = kernel_floor(c, network, theta, leading=5)
    torch.testing.assert_close(leading, sampled[1][:, :5], rtol=0.05, atol=0)


def test_every_member_has_a_floor_of_its_own():
    c = collocated(PROBLEMS["poisson1d"], FiniteDifference(0.05), 40)
    network = TwoLayer(20)
    theta = network.initial_parameters(1, [0, 1], SHORT)
    alone = network.initial_parameters(1, [1], SHORT)
    for floor in (system_matrix_floor, kernel_floor):
        together = floor(c, network, theta)
        torch.testing.assert_close(together[1:], floor(c, network, alone), rtol=1e-6, atol=0)
        assert float((together[0] / together[1] - 1).abs().max()) > 0.01


@pytest.mark.parametrize(("n", "low"), [(200, 0.07), (400, 0.004)])
def test_the_entropies_of_figure_3_are_predicted(n, low):
    # no noise at N = 200, rounding alone at 400: H is 0.079 and 0.006
    c, network, theta = case(PROBLEMS["poisson1d"], n, FiniteDifference(2 / n), TwoLayer(n))
    phi = network.features(theta)
    measured = singular_values(c.system_matrix(phi))
    exact = replace(c, method=ExactDifference(2 / n)).system_matrix(phi)
    simulated = singular_values(exact + system_matrix_errors(c, network, theta))
    H, by_errors = (float(truncated_entropy(values, 1e-12)) for values in (measured, simulated))
    assert low < H < 0.08
    assert by_errors == pytest.approx(H, rel=0.1)


STEPS = np.geomspace(0.005, 0.5, 6)


@pytest.mark.slow
@pytest.mark.parametrize("n", [300, 400, 500, 600])
def test_the_mean_entropies_of_figure_3_are_predicted(n):
    sums = np.zeros(2)
    for seed in range(8):
        c, network, theta = case(
            PROBLEMS["poisson1d"], n, FiniteDifference(2 / n), TwoLayer(n), seed=seed
        )
        phi = network.features(theta)
        exact = replace(c, method=ExactDifference(2 / n)).system_matrix(phi)
        simulated = exact + system_matrix_errors(c, network, theta)
        for i, A in enumerate((simulated, c.system_matrix(phi))):
            sums[i] += float(truncated_entropy(singular_values(A), 1e-12))
    print(n, *sums / 8, sums[0] / sums[1])
    assert sums[0] == pytest.approx(sums[1], rel=0.1)


def beside_signal(exact, floor):
    """Singular values with errors, (n,): under r values that are signal, errors have n - r of n
    dimensions, the floor's quantiles times sqrt((n - r) / n)."""
    n, r = len(exact), int((exact > floor[0]).sum())
    quantiles = (np.arange(n - r) + 0.5) * n / max(n - r, 1) - 0.5
    under = math.sqrt((n - r) / n) * np.interp(quantiles, np.arange(n), floor)
    return torch.hypot(exact, torch.cat([floor[:r], torch.from_numpy(under)]))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [SHORT, LONG])
@EACH_PROBLEM
def test_the_floors_of_kernels_are_as_predicted(pde, dtype):
    ratios = []
    grid = itertools.product(NETS, (2, 6), STEPS[:4], (49, 100, 400))
    for seed, (net, accuracy, step, points) in enumerate(grid):
        network = replace(NETS[net], width=50)
        method = FiniteDifference(step, accuracy)
        c, _, theta = case(pde, per_axis(pde, points), method, network, dtype, seed)
        exactly = replace(c, method=ExactDifference(step, accuracy, nodes=25))
        J_exact = residual_jacobian(exactly.residual, network, cast(theta, LONG))[0]
        J = residual_jacobian(c.to(dtype).residual, network, theta)[0]
        exact, measured = singular_values(J_exact), singular_values(J)
        floor = kernel_floor(c, network, theta)[0]
        predicted = beside_signal(exact, floor)
        first = int((exact >= floor).sum())
        middle = (first + len(floor)) // 2
        # outside are those where the exact spectrum is most of it, so that the noise is that of a
        # smaller matrix, and where the decomposition's rounding, some eps sigma_1, is above it
        resolved = floor[min(middle, len(floor) - 1)] > 10 * torch.finfo(LONG).eps * exact[0]
        if first < len(floor) / 2 and resolved:
            ratios += [float(measured[k] / predicted[k]) for k in (first, middle)]
    within = np.abs(np.log(ratios)) < math.log(3)
    print(pde, dtype, len(ratios), np.median(ratios), min(ratios), max(ratios), within.mean())
    assert len(ratios) > 20
    assert within.mean() >= 0.99
