from dataclasses import dataclass

import pytest
import torch
from conftest import NETWORKS, ORDERS, PROBLEMS, rounding_level, spacing
from torch.func import jacrev

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import (
    Automatic,
    ExactDifference,
    FiniteDifference,
    GridDifference,
    NestedAutograd,
    identity,
    partials,
)
from pinnspectra.networks import MLP, TwoLayer
from pinnspectra.problems import AbstractPDE
from pinnspectra.problems.domains import Box
from pinnspectra.spectra import kernel
from pinnspectra.spectra.decomposition import singular_values
from pinnspectra.spectra.entropy import effective_cutoff
from pinnspectra.spectra.kernel import kernel_singular_values, residual_jacobian, training_kernel


@dataclass(frozen=True)
class Burgers(AbstractPDE):
    """u_t + u u_x - nu u_xx = f on [0, 1]^2, with the solution exp(t - x)."""

    viscosity: float = 0.1

    @property
    def domain(self):
        return Box((0.0, 0.0), (1.0, 1.0))

    def operator(self, u, x, D):
        dt, dx = partials(2)
        u, u_t, u_x, u_xx = D.derivatives(u, x, identity(2), dt, dx, dx**2)
        return u_t + u * u_x - self.viscosity * u_xx

    def boundary_operators(self, u, y, D):
        return (D(u, y, identity(2)) - self.exact_solution(y.coordinates),)

    def forcing(self, x):
        u = self.exact_solution(x)
        return u - u * u - self.viscosity * u

    def exact_solution(self, x):
        return torch.exp(x[:, 0] - x[:, 1])


PDES = {**PROBLEMS, "burgers": Burgers()}
METHODS = {
    "ad": lambda h: Automatic(),
    "nested": lambda h: NestedAutograd(),
    "fd": FiniteDifference,
    "fd_off_grid": lambda h: FiniteDifference(0.7 * h),
    "fd_4": lambda h: FiniteDifference(h, accuracy_order=4),
    "fd_grid": GridDifference,
    "fd_exact": lambda h: ExactDifference(h, nodes=5),
}
EACH = pytest.mark.parametrize("problem", PDES)
EACH_METHOD = pytest.mark.parametrize("method", METHODS)


def collocation(problem, method, per_axis=6):
    pde = PDES[problem]
    made = METHODS[method](spacing(pde, per_axis)) if isinstance(method, str) else method
    return Collocation(pde, made, pde.domain.grid(per_axis), pde.domain.boundary(per_axis))


def tolerance(problem, collocation, dtype=torch.float64):
    """The rounding of the stencil, for gradients of u of order one; 16 eps without one."""
    eps, method = torch.finfo(dtype).eps, collocation.method
    if isinstance(method, Automatic | NestedAutograd | ExactDifference):
        return 16 * eps
    operator = partials(1)[0] ** ORDERS.get(problem, 2)
    accuracy = getattr(method, "accuracy_order", 2)
    return 4 * rounding_level(operator, FiniteDifference(method.step, accuracy), eps)


def jacobian_row_by_row(residual, network, parameters):
    """One backward pass for every point of every member, columns in the parameters' order."""
    members = []
    for s in range(len(parameters["coefficients"])):
        theta = {k: v[s : s + 1].clone().requires_grad_() for k, v in parameters.items()}
        r = residual(network.field(theta))[0]
        rows = []
        for r_i in r:
            slopes = torch.autograd.grad(
                r_i, list(theta.values()), retain_graph=True, allow_unused=True
            )
            rows.append(torch.cat([
                (torch.zeros_like(v) if g is None else g).flatten()
                for g, v in zip(slopes, theta.values(), strict=True)
            ]))  # fmt: skip
        members.append(torch.stack(rows))
    return torch.stack(members)


@EACH
@EACH_METHOD
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_the_jacobian_is_the_one_of_row_by_row_backward_passes(problem, method, network):
    c = collocation(problem, method)
    parameters = network.initial_parameters(c.pde.domain.dimension, [0, 1], torch.float64)
    J = residual_jacobian(c.residual, network, parameters)
    expected = jacobian_row_by_row(c.residual, network, parameters)
    count = sum(v[0].numel() for v in parameters.values())
    assert J.shape == (2, len(c.interior.coordinates), count)
    torch.testing.assert_close(J, expected, rtol=0, atol=tolerance(problem, c))


@EACH
@pytest.mark.parametrize("method", [name for name in METHODS if name != "nested"])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_the_jacobian_is_the_one_of_torch_func(problem, method, network):
    c = collocation(problem, method)
    parameters = network.initial_parameters(c.pde.domain.dimension, [3], torch.float64)
    blocks = jacrev(lambda theta: c.residual(network.field(theta))[0])(parameters)
    n = len(c.interior.coordinates)
    expected = torch.cat([blocks[name].reshape(n, -1) for name in parameters], dim=1)
    J = residual_jacobian(c.residual, network, parameters)[0]
    torch.testing.assert_close(J, expected, rtol=0, atol=tolerance(problem, c))


@EACH
def test_the_jacobian_by_nested_autograd_is_the_one_by_taylor_mode(problem):
    network = NETWORKS["mlp"]
    J = {}
    for method in ("nested", "ad"):
        c = collocation(problem, method)
        parameters = network.initial_parameters(c.pde.domain.dimension, [0, 1], torch.float64)
        J[method] = residual_jacobian(c.residual, network, parameters)
    torch.testing.assert_close(J["nested"], J["ad"], rtol=0, atol=1e-14)


@EACH_METHOD
def test_the_jacobian_of_boundary_residuals_is_right_too(method):
    network = NETWORKS["two_layer"]
    c = collocation("biharmonic", method)
    parameters = network.initial_parameters(1, [0, 1], torch.float64)

    def slope(u):
        return c.boundary_residuals(u)[1]

    J = residual_jacobian(slope, network, parameters)
    expected = jacobian_row_by_row(slope, network, parameters)
    torch.testing.assert_close(J, expected, rtol=0, atol=1e-14)


@EACH_METHOD
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_jacobian_keeps_the_dtype_and_leaves_the_parameters_as_they_were(method, dtype):
    network = NETWORKS["two_layer"]
    c = collocation("poisson2d", method).to(dtype)
    parameters = network.initial_parameters(2, [0, 1], dtype)
    before = {name: value.clone() for name, value in parameters.items()}
    J = residual_jacobian(c.residual, network, parameters)
    assert J.dtype == dtype
    assert not J.requires_grad
    for name, value in parameters.items():
        assert torch.equal(value, before[name])
        assert not value.requires_grad
        assert value.grad is None


@EACH
def test_the_kernel_is_symmetric_and_has_no_negative_eigenvalue(problem):
    network = NETWORKS["two_layer"]
    c = collocation(problem, "ad")
    parameters = network.initial_parameters(c.pde.domain.dimension, [0, 1], torch.float64)
    J = residual_jacobian(c.residual, network, parameters)
    G = training_kernel(J)
    scale = float(G.abs().max())
    torch.testing.assert_close(G, G.mT, rtol=0, atol=4e-15 * scale)
    eigenvalues = torch.linalg.eigvalsh(G).flip(-1)
    n = G.shape[-1]
    assert float(eigenvalues.min()) > -n * 2.3e-16 * n * scale
    rank = min(J.shape[-2:])
    squares = singular_values(J) ** 2
    # a Gram matrix keeps its eigenvalues to eps lambda_max only
    torch.testing.assert_close(
        eigenvalues[:, :rank], squares[:, :rank], rtol=0, atol=n * 2.3e-16 * n * scale
    )


@EACH
@EACH_METHOD
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_members_have_the_jacobian_that_each_has_alone(problem, method, network):
    c = collocation(problem, method)
    dimension, seeds = c.pde.domain.dimension, (0, 1, 2)
    together = network.initial_parameters(dimension, seeds, torch.float64)
    J = residual_jacobian(c.residual, network, together)
    for member, seed in enumerate(seeds):
        alone = network.initial_parameters(dimension, [seed], torch.float64)
        expected = residual_jacobian(c.residual, network, alone)[0]
        torch.testing.assert_close(J[member], expected, rtol=0, atol=tolerance(problem, c))


@pytest.mark.parametrize("entries", [1, 50, 300, 10_000])
@pytest.mark.parametrize("method", METHODS)
def test_the_jacobian_does_not_depend_on_how_many_entries_are_taken_at_once(
    method, entries, monkeypatch
):
    network, c = NETWORKS["two_layer"], collocation("poisson2d", method)
    parameters = network.initial_parameters(2, [0, 1], torch.float64)
    whole = residual_jacobian(c.residual, network, parameters)
    monkeypatch.setattr(kernel, "ENTRIES_AT_ONCE", entries)
    J = residual_jacobian(c.residual, network, parameters)
    torch.testing.assert_close(J, whole, rtol=0, atol=tolerance("poisson2d", c))


@EACH
@pytest.mark.parametrize("method", [name for name in METHODS if name != "nested"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parts_have_the_rows_of_the_whole_jacobian_bit_for_bit(problem, method, dtype):
    network, c = NETWORKS["two_layer"], collocation(problem, method, per_axis=24).to(dtype)
    parameters = network.initial_parameters(c.pde.domain.dimension, [0, 1], dtype)
    whole = residual_jacobian(c.residual, network, parameters)
    parts = list(c.parts(len(c.interior.coordinates) // 5))
    rows = [residual_jacobian(part.residual, network, parameters) for part in parts]
    assert len(rows) > 4
    assert torch.equal(torch.cat(rows, dim=1), whole)


@EACH
@EACH_METHOD
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernel_singular_values_by_parts_are_those_of_the_whole_jacobian(
    problem, method, dtype, monkeypatch
):
    network, per_axis = (
        NETWORKS["two_layer"],
        {"poisson1d": 100, "biharmonic": 100}.get(problem, 10),
    )
    c = collocation(problem, method, per_axis).to(dtype)
    parameters = network.initial_parameters(c.pde.domain.dimension, [0, 1], dtype)
    J = residual_jacobian(c.residual, network, parameters)
    monkeypatch.setattr(kernel, "ENTRIES_OF_A_PART", 1)  # as small as parts may be, 2 P rows
    assert len(list(kernel.row_blocks(c, network, parameters))) > 1
    got, expected = kernel_singular_values(c, network, parameters), singular_values(J)
    assert got.shape == (2, min(J.shape[1:]))
    assert got.dtype == torch.float64
    # Weyl: entries within the rounding of the stencil, the norm of that, and the rounding of QR
    size = (J.shape[1] * J.shape[2]) ** 0.5
    atol = size * tolerance(problem, c, dtype) + 16 * torch.finfo(torch.float64).eps * J.norm()
    torch.testing.assert_close(got, expected, rtol=0, atol=float(atol))


@pytest.mark.parametrize("leading", [None, 5])
@pytest.mark.parametrize("name", ["weights_1", "coefficients"])
def test_a_member_that_is_not_finite_has_no_values_and_leaves_the_others_alone(name, leading):
    network, c = NETWORKS["two_layer"], collocation("poisson2d", "fd")
    parameters = network.initial_parameters(2, [0, 1, 2], torch.float64)
    expected = kernel_singular_values(c, network, parameters, leading)
    parameters[name][1, 2] = float("nan")
    got = kernel_singular_values(c, network, parameters, leading)
    assert got[1].isnan().all()
    assert torch.equal(got[[0, 2]], expected[[0, 2]])


@pytest.mark.parametrize("method", ["ad", "fd"])
def test_leading_values_of_a_network_of_2700_parameters_are_those_of_all(method):
    network, c = MLP(width=50), collocation("poisson1d", method, per_axis=300)
    parameters = network.initial_parameters(1, [0], torch.float64)
    whole = kernel_singular_values(c, network, parameters)[0]
    leading = kernel_singular_values(c, network, parameters, leading=30)[0]
    assert sum(v.numel() for v in parameters.values()) == 2650 + 50
    assert len(leading) == 30
    eps = torch.finfo(torch.float64).eps
    atol = 32 * eps * float(whole[0])
    # fd: the last of the 30 lie on a plateau of rounding, where none leads
    large = whole[:30] > 100 * whole[40]
    assert int(large.sum()) > 8
    torch.testing.assert_close(leading[large], whole[:30][large], rtol=1e-9, atol=atol)
    assert bool((leading <= whole[:30] + atol).all())
    assert bool((leading >= 0.9 * whole[:30] - atol).all())


def kernel_spectrum(problem, method, dtype):
    """Eigenvalues of G, sigma(J)^2, for 100 points, width 100, seed 0."""
    network = TwoLayer(100)
    parameters = network.initial_parameters(1, [0], dtype)
    c = collocation(problem, method, per_axis=100).to(dtype)
    return singular_values(residual_jacobian(c.residual, network, parameters)[0]) ** 2


def test_rounding_alone_fills_the_kernel_spectrum_of_the_poisson_equation_in_float32():
    ad, fd = Automatic(), FiniteDifference(0.02)
    in_float64 = [
        effective_cutoff(kernel_spectrum("poisson1d", m, torch.float64), 1e-12) for m in (ad, fd)
    ]
    assert in_float64 == [6, 6]
    assert effective_cutoff(kernel_spectrum("poisson1d", ad, torch.float32), 1e-12) == 6
    assert effective_cutoff(kernel_spectrum("poisson1d", fd, torch.float32), 1e-12) >= 95


def test_rounding_alone_fills_the_kernel_spectrum_of_the_biharmonic_equation_in_float32():
    ad, fd = Automatic(), FiniteDifference(1 / 64)
    cutoffs = (1e-2, 1e-4, 1e-5, 1e-8, 1e-12)
    counts = {
        m: [effective_cutoff(kernel_spectrum("biharmonic", m, torch.float64), a) for a in cutoffs]
        for m in (ad, fd)
    }
    assert counts[ad] == counts[fd]
    assert effective_cutoff(kernel_spectrum("biharmonic", fd, torch.float32), 1e-2) >= 70
    assert effective_cutoff(kernel_spectrum("biharmonic", ad, torch.float32), 1e-2) == counts[ad][0]
