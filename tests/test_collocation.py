from dataclasses import dataclass

import pytest
import torch
from cases import (
    EACH_CASE,
    EACH_PROBLEM,
    METHODS,
    PROBLEMS,
    Case,
    collocated,
    per_axis,
    spacing,
)

from pinnspectra.differentiation import (
    AbstractDifferentiation,
    Automatic,
    FiniteDifference,
    GridDifference,
)
from pinnspectra.differentiation.jet import linear
from pinnspectra.networks import TwoLayer
from pinnspectra.problems import Biharmonic, Poisson

BIHARMONIC = Biharmonic()


@EACH_CASE
def test_the_residual_is_A_a_minus_f_and_the_boundary_rows_are_B_a(case):
    c, parameters = case.collocation(), case.parameters()
    u, phi = case.net.field(parameters), case.net.features(parameters)
    a = parameters["coefficients"].unsqueeze(-1)
    A, B = c.system_matrix(phi).detach(), c.boundary_matrix(phi).detach()
    n, n_b = len(c.interior.coordinates), len(c.boundary.coordinates)
    rows = c.boundary_residuals(u)
    assert A.shape == (2, n, case.net.width)
    assert B.shape == (2, len(rows) * n_b, case.net.width)
    expected = (A @ a).squeeze(-1) - c.forcing
    torch.testing.assert_close(c.residual(u).detach(), expected, rtol=0, atol=case.tolerance())
    boundary = torch.cat(rows, dim=-1).detach()
    torch.testing.assert_close(boundary, (B @ a).squeeze(-1), rtol=0, atol=case.tolerance())


@EACH_PROBLEM
def test_forcing_is_the_right_side_at_the_interior_points(pde):
    c = collocated(pde, Automatic(), 8)
    for copy in (c, c.to(torch.float32)):
        assert copy.forcing.dtype == copy.interior.coordinates.dtype
        assert torch.equal(copy.forcing, pde.forcing(copy.interior.coordinates))


def straight_line(slope, height):
    """u = slope x_1 + height, for two members of which the second is twice the first."""

    def u(x):
        dimension = x.mT.value.shape[-2] if hasattr(x.mT, "value") else x.shape[-1]
        weight = torch.zeros(2, 1, dimension, dtype=torch.float64)
        weight[0, 0, 0], weight[1, 0, 0] = slope, 2 * slope
        bias = torch.tensor([[height], [2 * height]], dtype=torch.float64)
        return linear(x.mT, weight, bias)[..., 0, :]

    return u


def test_losses_of_a_line_are_worked_out_by_hand():
    # u = 2 x + 1: L u = 0; values -1 and 3, slopes 2 and 2: (1 + 9) / 2 + (4 + 4) / 2 = 9
    c = collocated(BIHARMONIC, Automatic(), 8)
    losses = c.losses(straight_line(2.0, 1.0))
    assert losses.keys() == {"interior", "boundary"}
    assert losses["boundary"].tolist() == [9, 36]
    interior = float((c.forcing**2).mean())
    assert losses["interior"].tolist() == pytest.approx([interior] * 2, rel=1e-14)


@EACH_CASE
def test_losses_are_those_of_the_residuals_and_so_are_their_slopes(case):
    c, parameters = case.collocation(), case.parameters((0, 1, 2))
    theta = {name: value.requires_grad_() for name, value in parameters.items()}
    u = case.net.field(theta)
    boundary = [r.square().mean(dim=-1) for r in c.boundary_residuals(u)]
    apart = {"interior": c.residual(u).square().mean(dim=-1), "boundary": sum(boundary)}
    together = c.losses(u)
    for name, loss in apart.items():
        assert loss.shape == (3,)
        torch.testing.assert_close(together[name], loss, rtol=case.tolerance(), atol=0)
        slopes = [
            torch.autograd.grad(
                losses.sum(), list(theta.values()), materialize_grads=True, retain_graph=True
            )
            for losses in (together[name], loss)
        ]
        for ours, wanted in zip(*slopes, strict=True):
            bound = 8 * case.tolerance() * float(wanted.abs().max())
            torch.testing.assert_close(ours, wanted, rtol=0, atol=bound)


@EACH_PROBLEM
def test_sums_of_squares_are_those_of_residuals_forcing_and_errors(pde):
    n = per_axis(pde, 40)
    c, network = collocated(pde, FiniteDifference(spacing(pde, n)), n), TwoLayer(5)
    u = network.field(network.initial_parameters(pde.domain.dimension, (0, 1), torch.float64))
    sums = c.sums_of_squares(c.by_ad(), u, u).detach()
    x = c.interior.coordinates
    exact = pde.exact_solution(x)
    for s in (0, 1):
        rows = (c.residual(u)[s], c.by_ad().residual(u)[s], c.forcing, u(x)[s] - exact, exact)
        expected = torch.tensor([(row.detach() ** 2).sum() for row in rows], dtype=torch.float64)
        torch.testing.assert_close(sums[:, s], expected, rtol=1e-12, atol=0)
    whole = [part.sums_of_squares(part.by_ad(), u, u) for part in c.parts(3)]
    torch.testing.assert_close(sum(whole), sums, rtol=1e-12, atol=0)


@pytest.mark.parametrize("method", METHODS)
def test_a_copy_in_float32_keeps_the_problem_the_method_and_the_grid(method):
    case = Case(method=method)
    c = case.collocation()
    single = c.to(torch.float32)
    assert single.pde is c.pde
    assert single.method is c.method
    assert single.interior.axes == c.interior.axes
    assert torch.equal(single.interior.coordinates, c.interior.coordinates.to(torch.float32))
    assert torch.equal(single.boundary.coordinates, c.boundary.coordinates.to(torch.float32))
    u = case.net.field(case.parameters(dtype=torch.float32))
    assert single.residual(u).dtype == torch.float32


@pytest.mark.parametrize("method", [GridDifference(0.01), FiniteDifference(1e100)], ids=str)
def test_a_method_that_cannot_be_applied_is_refused_when_the_collocation_is_made(method):
    with pytest.raises(ValueError, match="step="):
        collocated(BIHARMONIC, method, 8)


def test_a_step_that_float32_cannot_take_is_refused_when_the_copy_is_made():
    c = collocated(Poisson([-1.0], [1.0]), FiniteDifference(1e-8), 8)
    with pytest.raises(ValueError, match="step=1e-08: x \\+ step rounds to x in float32"):
        c.to(torch.float32)


@EACH_PROBLEM
def test_least_squares_with_the_system_matrix_finds_the_exact_solution(pde):
    # features, operator, boundary rows, forcing and exact solution must all fit together
    d = pde.domain.dimension
    c, network = collocated(pde, Automatic(), 10), TwoLayer(60 * d**2, weight_range=3.0)
    phi = network.features(network.initial_parameters(d, (0,), torch.float64))
    A, B = c.system_matrix(phi)[0], c.boundary_matrix(phi)[0]
    right = torch.cat([c.forcing, torch.zeros(len(B), dtype=torch.float64)])
    a = torch.linalg.lstsq(torch.cat([A, B]), right[:, None], driver="gelsd").solution[:, 0]
    # these features approximate the paper's solutions to 4e-4; a wrong sign or factor: to 1
    exact = pde.exact_solution(c.interior.coordinates)
    assert (a @ phi(c.interior.coordinates) - exact).norm() < 1e-2 * exact.norm()


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


@pytest.mark.parametrize("problem", [BIHARMONIC, Poisson([0.0] * 2, [1.0] * 2)], ids=["1d", "2d"])
@pytest.mark.parametrize("method", ["nested_autograd", "fd", "fd_off_grid", "fd_grid"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parts_have_the_rows_of_the_whole_bit_for_bit(problem, method, dtype):
    # fd_grid: the parts' ends are not the grid's; fd: the same nodes, whichever way they are taken
    c = collocated(problem, METHODS[method](spacing(problem, 8)), 8).to(dtype)
    u = elementwise_field(problem.domain.dimension, dtype)
    for points in (1, 3, 5):
        assert torch.equal(rows_of_parts(c, u, points), c.system_matrix(u))


@EACH_CASE
def test_parts_have_the_rows_of_the_whole_for_networks(case):
    c, phi = case.collocation(), case.net.features(case.parameters())
    whole = c.system_matrix(phi)
    for points in (1, 3, 5):
        rows = rows_of_parts(c, phi, points)
        torch.testing.assert_close(rows, whole, rtol=0, atol=case.tolerance())


def test_a_step_that_pays_on_the_whole_grid_alone_is_taken_alike_on_its_parts():
    # a step of 3 spacings: on a slab of one layer the shifted points would be fewer than the nodes
    pde = PROBLEMS["poisson2d"]
    c = collocated(pde, FiniteDifference(3 * spacing(pde, 24)), 24)
    u = elementwise_field(2, torch.float64)
    assert torch.equal(rows_of_parts(c, u, points=24), c.system_matrix(u))


def test_a_collocation_of_few_points_is_its_only_part():
    c = Case().collocation(64)
    assert list(c.parts(64)) == [c]


@pytest.mark.parametrize("method", ["ad", "fd", "fd_off_grid", "fd_grid"])
def test_losses_evaluate_u_once(method):
    case, calls = Case(method=method), []
    c, u = case.collocation(), case.net.field(case.parameters())

    def counted(x):
        calls.append(x)
        return u(x)

    c.losses(counted)
    assert len(calls) == 1
    assert c.nodes % 16 == 0
    assert c.nodes >= len(c.interior.coordinates) + len(c.boundary.coordinates)


def test_a_method_that_differentiates_through_u_has_the_points_for_nodes():
    c = Case(method="nested_autograd").collocation()
    assert c.nodes == len(c.interior.coordinates) + len(c.boundary.coordinates)


@pytest.mark.parametrize("activation", ["sin", "tanh"])
def test_losses_by_one_evaluation_have_the_second_derivatives_too(activation):
    c, network = collocated(BIHARMONIC, Automatic(), 8), TwoLayer(5, activation)
    parameters = network.initial_parameters(1, (0, 1), torch.float64)
    theta = {name: value.requires_grad_() for name, value in parameters.items()}
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
    c = collocated(Poisson([-1.0], [1.0]), _RandomStep(), 16)
    for _ in range(4):
        loss = c.losses(lambda x: torch.sin(torch.pi * x[:, 0])[None])["interior"]
        assert float(loss) < 0.1  # O(step^2); with points of another step it is of order 10


def test_losses_have_finite_slopes_where_the_field_is_singular_outside_the_domain():
    c = collocated(Poisson([1.0], [2.0]), FiniteDifference(1 / 16), 16)
    w = torch.tensor([1.5], dtype=torch.float64, requires_grad=True)
    losses = c.losses(lambda x: torch.log(w * x[:, 0])[None])
    (slope,) = torch.autograd.grad(losses["boundary"].sum(), w)
    assert slope.isfinite().all()
