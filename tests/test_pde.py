import math

import pytest
import torch
from cases import PROBLEMS, order_of_accuracy, random_points
from torch.func import grad, hessian, vmap

from pinnspectra.differentiation import FiniteDifference, NestedAutograd
from pinnspectra.differentiation.points import Points
from pinnspectra.problems import Biharmonic, Poisson

PDES = {
    **PROBLEMS,
    "poisson_oblong": Poisson([-2.0, 0.0], [1.0, 1.0]),
    "poisson3d": Poisson([0.0] * 3, [1.0] * 3),
}
EACH = pytest.mark.parametrize("pde", PDES.values(), ids=PDES)


def interior_points(pde, n=40):
    """Scattered points inside the box."""
    lower, upper = torch.tensor(pde.domain.lower), torch.tensor(pde.domain.upper)
    unit = (random_points(pde.domain.dimension, n).coordinates + 1) / 2
    return Points(lower + (upper - lower) * unit)


def at_point(function):
    """A function of points (N, d) as one of a single point (d,)."""
    return lambda x: function(x[None])[0]


def operator_by_nesting(pde, x):
    """L u* from torch.func alone."""
    u = at_point(pde.exact_solution)
    if isinstance(pde, Biharmonic):
        for _ in range(4):
            u = (lambda v: lambda x: grad(v)(x)[0])(u)
        return vmap(u)(x)
    return vmap(lambda x: hessian(u)(x).trace())(x)


@EACH
def test_the_exact_solution_solves_the_equation(pde):
    x = interior_points(pde)
    forcing = pde.forcing(x.coordinates)
    error = pde.operator(pde.exact_solution, x, NestedAutograd()) - forcing
    assert error.norm() < 1e-12 * forcing.norm()


@pytest.mark.parametrize("name", ["poisson1d", "poisson2d", "poisson3d", "biharmonic"])
def test_the_operator_is_the_one_of_the_paper(name):
    pde = PDES[name]
    x = interior_points(pde).coordinates
    forcing = pde.forcing(x)
    error = operator_by_nesting(pde, x) - forcing
    assert error.norm() < 1e-13 * forcing.norm()


@EACH
def test_the_exact_solution_meets_every_boundary_row(pde):
    y = pde.domain.boundary(8)
    rows = pde.boundary_operators(pde.exact_solution, y, NestedAutograd())
    for row in rows:
        assert row.shape == (len(y.coordinates),)
        # terms of size up to e cancel; sin(pi x) is pi eps at whole x
        torch.testing.assert_close(row.detach(), torch.zeros_like(row), rtol=0, atol=4e-15)


def test_boundary_rows_of_the_biharmonic_are_the_value_and_the_slope():
    y = Points(torch.tensor([[-1.0], [1.0]], dtype=torch.float64))
    cube = lambda x: x[:, 0] ** 3  # noqa: E731
    value, slope = Biharmonic().boundary_operators(cube, y, NestedAutograd())
    assert value.tolist() == [-1, 1]
    assert slope.tolist() == [3, 3]


@EACH
def test_sixth_order_differences_of_the_exact_solution_approach_the_forcing(pde):
    x = interior_points(pde)
    # the length on which the forcing varies: 1 / pi for sin(pi x), 1 for exp(x)
    f, curvature = pde.forcing(x.coordinates), vmap(hessian(at_point(pde.forcing)))(x.coordinates)
    length = float((f.norm() / curvature[:, 0, 0].norm()).sqrt())
    steps = [h * length for h in (0.31, 0.38, 0.47)]

    def error(step):
        method = FiniteDifference(step, accuracy_order=6)
        return pde.operator(pde.exact_solution, x, method) - pde.forcing(x.coordinates)

    assert order_of_accuracy(error, steps) == pytest.approx(6, abs=0.1)


E = math.e
PRINTED_COEFFICIENTS = {
    "Sec. 4": (-5 / (12 * E) - E / 4, 1 / (2 * E) - E / 2, 1 / (4 * E) - E / 4, -1 / (3 * E)),
    # the same four numbers with their labels moved by one
    "B.4": (-1 / (3 * E), -5 / (12 * E) - E / 4, 1 / (2 * E) - E / 2, 1 / (4 * E) - E / 4),
}


@pytest.mark.parametrize(("place", "miss"), [("Sec. 4", 0.245), ("B.4", 0.491)])
def test_the_printed_biharmonic_coefficients_miss_the_boundary(place, miss):
    c0, c1, c2, c3 = PRINTED_COEFFICIENTS[place]
    assert c0 - c1 + c2 - c3 + 1 / E == pytest.approx(miss, abs=5e-4)
    end = torch.tensor([[-1.0]], dtype=torch.float64)
    assert abs(float(Biharmonic().exact_solution(end))) < 2e-15


def test_the_printed_plane_forcing_is_half_of_the_right_one():
    # Appendix B.3 prints pi^2 sin(pi x) sin(pi y) for f, up to its sign
    x = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    pde = PROBLEMS["poisson2d"]
    assert float(pde.forcing(x)) == pytest.approx(-2 * math.pi**2, rel=1e-15)
    assert float(operator_by_nesting(pde, x)) == pytest.approx(-2 * math.pi**2, rel=1e-15)


@EACH
def test_forcing_and_solution_are_one_number_a_point_in_its_dtype(pde):
    x = interior_points(pde, n=7).coordinates.to(torch.float32)
    for value in (pde.forcing(x), pde.exact_solution(x)):
        assert value.shape == (7,)
        assert value.dtype == torch.float32


@pytest.mark.parametrize(
    ("lower", "upper", "message"),
    [
        ([0.0], [0.5], r"upper=\[0\.5\]: whole numbers"),
        ([-0.3, 0.0], [1.0, 1.0], r"lower=\[-0\.3, 0\.0\]: whole numbers"),
        ([0.0], [1.0, 1.0], r"lower=\[0\.0\]: as many ends as in upper"),
        ([], [], r"lower=\[\]"),
    ],
)
def test_boxes_on_whose_boundary_the_solution_is_not_zero_are_refused(lower, upper, message):
    with pytest.raises(ValueError, match=message):
        Poisson(lower, upper)
