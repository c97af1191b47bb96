import pytest
import torch
from cases import EACH_CASE, METHODS, PROBLEMS, Case, collocated

from pinnspectra.differentiation import Automatic, FiniteDifference
from pinnspectra.networks import MLP, TwoLayer
from pinnspectra.spectra import kernel
from pinnspectra.spectra.decomposition import singular_values
from pinnspectra.spectra.entropy import effective_cutoff
from pinnspectra.spectra.kernel import kernel_singular_values, residual_jacobian

BURGERS = [Case("burgers", method) for method in METHODS]


def jacobian_row_by_row(residual, network, parameters):
    """One backward pass for every point of every member, columns in the parameters' order."""
    members = []
    for s in range(len(parameters["coefficients"])):
        theta = {k: v[s : s + 1].clone().requires_grad_() for k, v in parameters.items()}
        r = residual(network.field(theta))[0]
        rows = []
        for r_i in r:
            slopes = torch.autograd.grad(
                r_i, list(theta.values()), retain_graph=True, materialize_grads=True
            )
            rows.append(torch.cat([g.flatten() for g in slopes]))
        members.append(torch.stack(rows))
    return torch.stack(members)


def assert_is_the_jacobian(case):
    c, parameters = case.collocation(), case.parameters()
    before = {name: value.clone() for name, value in parameters.items()}

    def boundary(u):
        return torch.cat(c.boundary_residuals(u), dim=-1)

    for residual in (c.residual, boundary):
        J = residual_jacobian(residual, case.net, parameters)
        expected = jacobian_row_by_row(residual, case.net, parameters)
        torch.testing.assert_close(J, expected, rtol=0, atol=case.tolerance())
        assert not J.requires_grad
    for name, value in parameters.items():
        assert torch.equal(value, before[name])
        assert not value.requires_grad
        assert value.grad is None


@EACH_CASE
def test_the_jacobian_is_the_one_of_row_by_row_backward_passes(case):
    assert_is_the_jacobian(case)


@pytest.mark.parametrize("case", BURGERS, ids=str)
def test_the_jacobian_of_a_nonlinear_residual_is_so_too(case):
    assert_is_the_jacobian(case)


def test_a_method_that_differentiates_through_u_has_its_jacobian_without_gradients_too():
    case = Case(method="nested_autograd")
    c, parameters = case.collocation(), case.parameters()
    expected = residual_jacobian(c.residual, case.net, parameters)
    with torch.no_grad():
        assert torch.equal(residual_jacobian(c.residual, case.net, parameters), expected)


@pytest.mark.parametrize("method", METHODS)
def test_the_jacobian_does_not_depend_on_how_many_entries_are_taken_at_once(method, monkeypatch):
    case = Case(method=method)
    c, parameters = case.collocation(), case.parameters()
    whole = residual_jacobian(c.residual, case.net, parameters)
    for entries in (1, 300, 10_000):
        monkeypatch.setattr(kernel, "ENTRIES_AT_ONCE", entries)
        J = residual_jacobian(c.residual, case.net, parameters)
        torch.testing.assert_close(J, whole, rtol=0, atol=case.tolerance())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("method", ["ad", "fd", "fd_off_grid", "fd_grid", "fd_exact"])
def test_parts_have_the_rows_of_the_whole_jacobian_bit_for_bit(method, dtype):
    case = Case(method=method)
    c, parameters = case.collocation(24**2, dtype), case.parameters(dtype=dtype)
    whole = residual_jacobian(c.residual, case.net, parameters)
    parts = list(c.parts(len(c.interior.coordinates) // 5))
    rows = [residual_jacobian(part.residual, case.net, parameters) for part in parts]
    assert len(rows) > 4
    assert torch.equal(torch.cat(rows, dim=1), whole)
    assert whole.dtype == dtype


@EACH_CASE
def test_kernel_singular_values_by_parts_are_those_of_the_whole_jacobian(case, monkeypatch):
    monkeypatch.setattr(kernel, "ENTRIES_OF_A_PART", 1)  # as small as parts may be, 2 P rows
    points = 4 * case.net.parameter_count(case.pde.domain.dimension)
    for dtype in (torch.float32, torch.float64):
        c, parameters = case.collocation(points, dtype), case.parameters(dtype=dtype)
        J = residual_jacobian(c.residual, case.net, parameters)
        assert len(list(kernel.row_blocks(c, case.net, parameters))) > 1
        got, expected = kernel_singular_values(c, case.net, parameters), singular_values(J)
        assert got.shape == (2, min(J.shape[1:]))
        assert got.dtype == torch.float64
        # Weyl: entries within the rounding of the stencil, the norm of that, and rounding of QR
        size = (J.shape[1] * J.shape[2]) ** 0.5
        level = (
            size * case.tolerance(points, dtype) + 16 * torch.finfo(torch.float64).eps * J.norm()
        )
        torch.testing.assert_close(got, expected, rtol=0, atol=float(level))


@pytest.mark.parametrize("leading", [None, 5])
@pytest.mark.parametrize("name", ["weights_1", "coefficients"])
def test_a_member_that_is_not_finite_has_no_values_and_leaves_the_others_alone(name, leading):
    case = Case()
    network, c, parameters = case.net, case.collocation(), case.parameters((0, 1, 2))
    expected = kernel_singular_values(c, network, parameters, leading)
    parameters[name][1, 2] = float("nan")
    got = kernel_singular_values(c, network, parameters, leading)
    assert got[1].isnan().all()
    assert torch.equal(got[[0, 2]], expected[[0, 2]])


@pytest.mark.parametrize("method", ["ad", "fd"])
def test_leading_values_of_a_network_of_2700_parameters_are_those_of_all(method):
    network, c = MLP(width=50), Case("poisson1d", method).collocation(300)
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
    c = collocated(PROBLEMS[problem], method, 100).to(dtype)
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
