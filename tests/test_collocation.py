from dataclasses import dataclass, replace

import pytest
import torch
from conftest import ORDERS, PROBLEMS, rounding_level, spacing

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import (
    AbstractDifferentiation,
    Automatic,
    ExactDifference,
    FiniteDifference,
    GridDifference,
    NestedAutograd,
    partials,
)
from pinnspectra.differentiation.jet import linear
from pinnspectra.networks import MLP, TwoLayer
from pinnspectra.problems import Poisson

EPS = torch.finfo(torch.float64).eps
PER_AXIS = 8
EACH = pytest.mark.parametrize("problem", PROBLEMS)
METHODS = {
    "ad": lambda h: Automatic(),
    "nested": lambda h: NestedAutograd(),
    "fd": FiniteDifference,
    "fd_off_grid": lambda h: FiniteDifference(0.7 * h, 4),
    "fd_grid": GridDifference,
    "fd_exact": lambda h: ExactDifference(h, 4, nodes=7),
}


def collocation(problem, method="ad", per_axis=PER_AXIS):
    pde = PROBLEMS[problem]
    box = pde.domain
    made = METHODS[method](spacing(pde, per_axis))
    return Collocation(pde, made, box.grid(per_axis), box.boundary(per_axis))


def parameters_of(network, problem, members=(0, 1)):
    return network.initial_parameters(PROBLEMS[problem].domain.dimension, members, torch.float64)


def tolerance(problem, method):
    """Rounding of the stencil with the smallest step that occurs, for values of order one."""
    step = 0.7 * spacing(PROBLEMS[problem], PER_AXIS)
    operator = partials(1)[0] ** ORDERS[problem]
    return 16 * (EPS if method in ("ad", "nested", "fd_exact")
                 else rounding_level(operator, FiniteDifference(step, 4), EPS))  # fmt: skip


@EACH
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", [TwoLayer(5), MLP(4, activation="tanh")], ids=["two", "mlp"])
def test_the_residual_is_A_a_minus_f_and_the_boundary_rows_are_B_a(problem, method, network):
    c = collocation(problem, method)
    parameters = parameters_of(network, problem)
    u, phi = network.field(parameters), network.features(parameters)
    a = parameters["coefficients"].unsqueeze(-1)
    A, B = c.system_matrix(phi).detach(), c.boundary_matrix(phi).detach()
    n, n_b = len(c.interior.coordinates), len(c.boundary.coordinates)
    rows = c.boundary_residuals(u)
    assert A.shape == (2, n, network.width)
    assert B.shape == (2, len(rows) * n_b, network.width)
    atol = tolerance(problem, method)
    expected = (A @ a).squeeze(-1) - c.forcing
    torch.testing.assert_close(c.residual(u).detach(), expected, rtol=0, atol=atol)
    boundary = torch.cat(rows, dim=-1).detach()
    torch.testing.assert_close(boundary, (B @ a).squeeze(-1), rtol=0, atol=atol)


@EACH
def test_forcing_is_the_right_side_at_the_interior_points(problem):
    c = collocation(problem)
    assert torch.equal(c.forcing, PROBLEMS[problem].forcing(c.interior.coordinates))
    single = c.to(torch.float32)
    assert single.forcing.dtype == torch.float32
    assert torch.equal(single.forcing, PROBLEMS[problem].forcing(single.interior.coordinates))


def straight_line(slope, height):
    """u = slope x_1 + height, for two members of which the second is twice the first."""

    def u(x):
        dimension = x.mT.value.shape[-2] if hasattr(x.mT, "value") else x.shape[-1]
        weight = torch.zeros(2, 1, dimension, dtype=torch.float64)
        weight[0, 0, 0], weight[1, 0, 0] = slope, 2 * slope
        bias = torch.tensor([[height], [2 * height]], dtype=torch.float64)
        return linear(x.mT, weight, bias)[..., 0, :]

    return u


@pytest.mark.parametrize("problem", ["poisson1d", "poisson2d", "biharmonic"])
def test_losses_are_means_of_squares_summed_over_the_boundary_operators(problem):
    c = collocation(problem)
    losses = c.losses(straight_line(0.25, 0.5))
    # L u = 0, so that the residual is -f; the values of u and, for the biharmonic, the slopes
    y = c.boundary.coordinates[:, 0]
    value = float(((0.25 * y + 0.5) ** 2).mean())
    one = value + (0.25**2 if problem == "biharmonic" else 0)
    interior = float((c.forcing**2).mean())
    assert losses.keys() == {"interior", "boundary"}
    # sums of N numbers of one sign, in another order: a few roundings
    torch.testing.assert_close(
        losses["interior"], torch.full((2,), interior, dtype=torch.float64), rtol=1e-14, atol=0
    )
    expected = torch.tensor([one, 4 * one], dtype=torch.float64)
    torch.testing.assert_close(losses["boundary"], expected, rtol=1e-14, atol=0)


def test_the_biharmonic_boundary_loss_of_a_line_is_worked_out_by_hand():
    # u = 2 x + 1: values -1 and 3, slopes 2 and 2: (1 + 9) / 2 + (4 + 4) / 2 = 9
    losses = collocation("biharmonic").losses(straight_line(2.0, 1.0))
    assert losses["boundary"].tolist() == [9, 36]


@EACH
@pytest.mark.parametrize("method", ["ad", "fd"])
def test_losses_are_those_of_the_residuals_member_by_member(problem, method):
    c = collocation(problem, method)
    network = TwoLayer(6)
    u = network.field(parameters_of(network, problem, members=(0, 1, 2)))
    losses = c.losses(u)
    for s in range(3):
        r = c.residual(u)[s].numpy()
        rows = [row[s].numpy() for row in c.boundary_residuals(u)]
        assert float(losses["interior"][s]) == pytest.approx((r**2).mean(), rel=1e-14)
        boundary = sum((row**2).mean() for row in rows)
        assert float(losses["boundary"][s]) == pytest.approx(boundary, rel=1e-14)


@EACH
def test_sums_of_squares_are_those_of_residuals_forcing_and_errors(problem):
    c, network = collocation(problem, "fd"), TwoLayer(5)
    u = network.field(parameters_of(network, problem))
    sums = c.sums_of_squares(c.by_ad(), u, u).detach()
    x = c.interior.coordinates
    exact = PROBLEMS[problem].exact_solution(x)
    for s in (0, 1):
        rows = (c.residual(u)[s], c.by_ad().residual(u)[s], c.forcing, u(x)[s] - exact, exact)
        expected = torch.tensor([(row.detach() ** 2).sum() for row in rows], dtype=torch.float64)
        torch.testing.assert_close(sums[:, s], expected, rtol=1e-12, atol=0)
    whole = [part.sums_of_squares(part.by_ad(), u, u) for part in c.parts(3)]
    torch.testing.assert_close(sum(whole), sums, rtol=1e-12, atol=0)


@EACH
@pytest.mark.parametrize("method", METHODS)
def test_a_copy_in_float32_keeps_the_problem_the_method_and_the_grid(problem, method):
    c = collocation(problem, method)
    single = c.to(torch.float32)
    assert single.pde is c.pde
    assert single.method is c.method
    assert single.interior.axes == c.interior.axes
    assert torch.equal(single.interior.coordinates, c.interior.coordinates.to(torch.float32))
    assert torch.equal(single.boundary.coordinates, c.boundary.coordinates.to(torch.float32))
    u = TwoLayer(4).field(TwoLayer(4).initial_parameters(
        PROBLEMS[problem].domain.dimension, [0], torch.float32))  # fmt: skip
    assert single.residual(u).dtype == torch.float32


def made(problem, method, per_axis=PER_AXIS):
    box = PROBLEMS[problem].domain
    return Collocation(PROBLEMS[problem], method, box.grid(per_axis), box.boundary(per_axis))


def test_a_grid_method_with_another_step_than_the_spacing_is_refused_when_it_is_made():
    with pytest.raises(ValueError, match="fd_grid takes the grid spacing"):
        made("poisson1d", GridDifference(0.01))


def test_a_grid_shorter_than_the_stencil_is_refused_when_it_is_made():
    with pytest.raises(ValueError, match="at least 5 points"):
        made("biharmonic", GridDifference(0.5), per_axis=4)


def test_a_step_that_float32_cannot_take_is_refused_when_the_copy_is_made():
    c = made("poisson1d", FiniteDifference(1e-8))
    with pytest.raises(ValueError, match="step=1e-08: x \\+ step rounds to x in float32"):
        c.to(torch.float32)


@pytest.mark.parametrize("step", [1e-100, 1e100])
def test_a_step_whose_power_leaves_the_range_is_refused_when_it_is_made(step):
    with pytest.raises(ValueError, match="leaves the range of float64"):
        made("biharmonic", FiniteDifference(step))


@EACH
def test_least_squares_with_the_system_matrix_finds_the_exact_solution(problem):
    # features, operator, boundary rows, forcing and exact solution must all fit together
    c = collocation(problem, per_axis=10)
    network = TwoLayer(60, weight_range=3.0)
    phi = network.features(parameters_of(network, problem, members=(0,)))
    A, B = c.system_matrix(phi)[0], c.boundary_matrix(phi)[0]
    right = torch.cat([c.forcing, torch.zeros(len(B), dtype=torch.float64)])
    a = torch.linalg.lstsq(torch.cat([A, B]), right[:, None], driver="gelsd").solution[:, 0]
    # random features approximate the solution to 4e-4 at worst here; a wrong sign or factor: to 1
    exact = PROBLEMS[problem].exact_solution(c.interior.coordinates)
    assert (a @ phi(c.interior.coordinates) - exact).norm() < 2e-3 * exact.norm()


def elementwise_field(dimension, dtype):
    """sin(w_j . x + b_j), (M, N), without a matrix product: what BLAS rounds depends on shapes."""
    w = torch.linspace(-1, 1, 7 * dimension, dtype=dtype).reshape(7, dimension)
    b = torch.linspace(-0.3, 0.8, 7, dtype=dtype)[:, None]
    return lambda x: torch.sin(sum(w[:, i : i + 1] * x[:, i] for i in range(dimension)) + b)


def rows_of_parts(c, field, points):
    parts = list(c.parts(points))
    assert len(parts) > 1
    assert all(part.boundary is c.boundary for part in parts)
    assert torch.equal(torch.cat([part.forcing for part in parts]), c.forcing)
    return torch.cat([part.system_matrix(field) for part in parts], dim=-2)


@EACH
@pytest.mark.parametrize("method", [m for m in METHODS if m not in ("ad", "fd_exact")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("points", [1, 3, 5])
def test_parts_have_the_rows_of_the_whole_bit_for_bit(problem, method, dtype, points):
    # fd_grid: the parts' ends are not the grid's; fd: the same nodes, whichever way they are taken
    c = collocation(problem, method).to(dtype)
    u = elementwise_field(PROBLEMS[problem].domain.dimension, dtype)
    assert torch.equal(rows_of_parts(c, u, points), c.system_matrix(u))


@EACH
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("points", [1, 3, 5])
def test_parts_have_the_rows_of_the_whole_for_networks(problem, method, points):
    c = collocation(problem, method)
    phi = TwoLayer(5).features(parameters_of(TwoLayer(5), problem))
    rows, whole = rows_of_parts(c, phi, points), c.system_matrix(phi)
    torch.testing.assert_close(rows, whole, rtol=0, atol=tolerance(problem, method))


def test_a_step_that_pays_on_the_whole_grid_alone_is_taken_alike_on_its_parts():
    # a step of 3 spacings: on a slab of one layer the shifted points would be fewer than the nodes
    c = collocation("poisson2d", "fd", per_axis=24)
    c = replace(c, method=FiniteDifference(3 * spacing(PROBLEMS["poisson2d"], 24)))
    u = elementwise_field(2, torch.float64)
    assert torch.equal(rows_of_parts(c, u, points=24), c.system_matrix(u))


def test_a_collocation_of_few_points_is_its_only_part():
    c = collocation("poisson2d")
    assert list(c.parts(PER_AXIS**2)) == [c]


@EACH
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", [TwoLayer(5), MLP(4, 3, activation="tanh")], ids=["two", "mlp"])
def test_losses_by_one_evaluation_of_u_are_those_of_each_residual(problem, method, network):
    c = collocation(problem, method)
    parameters = parameters_of(network, problem)
    theta = {name: value.requires_grad_() for name, value in parameters.items()}
    u = network.field(theta)
    apart = {"interior": c.residual(u).square().mean(dim=-1), "boundary": c.boundary_loss(u)}
    together = c.losses(u)
    for name, loss in apart.items():
        torch.testing.assert_close(together[name], loss, rtol=tolerance(problem, method), atol=0)
        slopes = [
            torch.autograd.grad(
                losses.sum(), list(theta.values()), materialize_grads=True, retain_graph=True
            )
            for losses in (together[name], loss)
        ]
        for ours, wanted in zip(*slopes, strict=True):
            bound = 8 * tolerance(problem, method) * float(wanted.abs().max())
            torch.testing.assert_close(ours, wanted, rtol=0, atol=bound)


@EACH
def test_losses_evaluate_u_once(problem):
    for method in ("ad", "fd", "fd_off_grid", "fd_grid"):
        c, calls = collocation(problem, method), []
        network = TwoLayer(5)
        u = network.field(parameters_of(network, problem))

        def counted(x, u=u, calls=calls):
            calls.append(x)
            return u(x)

        c.losses(counted)
        assert len(calls) == 1, method
        assert c.nodes % 16 == 0
    assert collocation(problem, "nested").nodes >= PER_AXIS


@pytest.mark.parametrize("activation", ["sin", "tanh"])
def test_losses_by_one_evaluation_have_the_second_derivatives_too(activation):
    c = collocation("biharmonic")
    network = TwoLayer(5, activation)
    theta = {n: v.requires_grad_() for n, v in parameters_of(network, "biharmonic").items()}
    u = network.field(theta)
    curvatures = []
    for loss in (c.losses(u)["boundary"], c.boundary_loss(u)):
        (slope,) = torch.autograd.grad(loss.sum(), theta["weights_1"], create_graph=True)
        curvatures.append(torch.autograd.grad(slope.square().sum(), list(theta.values())))
    for ours, wanted in zip(*curvatures, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-12, atol=1e-14)


@dataclass(frozen=True)
class _RandomStep(AbstractDifferentiation):
    """Finite differences with another step every time."""

    def derivatives(self, u, x, *operators):
        step = 0.01 + 0.1 * float(torch.rand(()))
        return FiniteDifference(step).derivatives(u, x, *operators)


def test_points_that_change_from_call_to_call_are_not_taken_for_those_before():
    pde = PROBLEMS["poisson1d"]
    c = Collocation(pde, _RandomStep(), pde.domain.grid(16), pde.domain.boundary(16))
    for _ in range(4):
        loss = c.losses(lambda x: torch.sin(torch.pi * x[:, 0])[None])["interior"]
        assert float(loss) < 0.1  # O(step^2); with points of another step it is of order 10


def test_losses_have_finite_slopes_where_the_field_is_singular_outside_the_domain():
    pde = Poisson([1.0], [2.0])
    c = Collocation(pde, FiniteDifference(1 / 16), pde.domain.grid(16), pde.domain.boundary(16))
    w = torch.tensor([1.5], dtype=torch.float64, requires_grad=True)
    losses = c.losses(lambda x: torch.log(w * x[:, 0])[None])
    (slope,) = torch.autograd.grad(losses["boundary"].sum(), w)
    assert slope.isfinite().all()
