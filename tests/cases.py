"""Problems, methods and networks of conf/, and other things that tests of the mathematics share."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import yaml
from scripts import ROOT
from torch import Tensor

from pinnspectra.collocation import Collocation
from pinnspectra.command_line.components import build
from pinnspectra.differentiation import (
    AbstractDifferentiation,
    Automatic,
    DifferentialOperator,
    FiniteDifference,
    identity,
    partials,
)
from pinnspectra.differentiation.points import Points
from pinnspectra.differentiation.stencil import stencils
from pinnspectra.networks import MLP, AbstractNetwork
from pinnspectra.problems import AbstractPDE
from pinnspectra.problems.domains import Box


def sections(group: str) -> dict[str, dict]:
    """Every file of a folder of conf/, by name; a new one is held to all that holds for these."""
    return {
        path.stem: yaml.safe_load(path.read_text())
        for path in sorted((ROOT / "conf" / group).glob("*.yaml"))
    }


PROBLEMS: dict[str, AbstractPDE] = {
    name: build("pde", section["pde"]) for name, section in sections("pde").items()
}


def _method(section: dict) -> Callable[[float], AbstractDifferentiation]:
    """A method by its step, which is what its file takes from the rest of the configuration."""

    def made(step: float) -> AbstractDifferentiation:
        filled = {k: step if "${" in str(v) else v for k, v in section.items()}
        return build("method", filled)

    return made


METHODS = {name: _method(section) for name, section in sections("method").items()} | {
    "fd_off_grid": lambda h: FiniteDifference(0.7 * h, accuracy_order=4)
}
WITHOUT_STENCIL = ("ad", "nested_autograd", "fd_exact")
NETWORKS: dict[str, AbstractNetwork] = {
    name: build("model", {**section, "width": 5}) for name, section in sections("model").items()
} | {"deep_tanh": MLP(4, 2, "tanh")}


@dataclass(frozen=True)
class Burgers(AbstractPDE):
    """u_t + u u_x - nu u_xx = f on [0, 1]^2, not linear in u, with the solution exp(t - x)."""

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


def operators_of(pde: AbstractPDE) -> tuple[DifferentialOperator, ...]:
    """The operators that a problem asks for."""
    return Collocation(pde, Automatic(), pde.domain.grid(3), pde.domain.boundary(3)).operators


def highest_operator(pde: AbstractPDE) -> DifferentialOperator:
    """The operator of the highest order that a problem asks for."""
    return max(operators_of(pde), key=lambda operator: operator.order)


def order_of(pde: AbstractPDE) -> int:
    """The order of a problem."""
    return highest_operator(pde).order


def per_axis(pde: AbstractPDE, points: int) -> int:
    """Points per axis of a grid of about so many points."""
    return round(points ** (1 / pde.domain.dimension))


def collocated(pde: AbstractPDE, method: AbstractDifferentiation, n: int) -> Collocation:
    """A problem on its grid of n points per axis."""
    return Collocation(pde, method, pde.domain.grid(n), pde.domain.boundary(n))


@dataclass(frozen=True)
class Case:
    """A problem, a method and a network that meet."""

    problem: str = "poisson2d"
    method: str = "fd"
    network: str = "two_layer"

    @property
    def pde(self) -> AbstractPDE:
        return {**PROBLEMS, "burgers": Burgers()}[self.problem]

    @property
    def net(self) -> AbstractNetwork:
        return NETWORKS[self.network]

    def parameters(self, seeds=(0, 1), dtype=torch.float64) -> dict[str, Tensor]:
        return self.net.initial_parameters(self.pde.domain.dimension, seeds, dtype)

    def collocation(self, points: int = 50, dtype=torch.float64) -> Collocation:
        """The problem on a grid of about so many points, with the method fitted to the network."""
        n = per_axis(self.pde, points)
        c = collocated(self.pde, METHODS[self.method](spacing(self.pde, n)), n)
        return c.to(dtype).fitted(self.net.field(self.parameters(dtype=dtype)))

    def tolerance(self, points: int = 50, dtype=torch.float64) -> float:
        """What rounding may cause for values and gradients of order one; far below any mistake."""
        eps = torch.finfo(dtype).eps
        if self.method in WITHOUT_STENCIL:
            return 32 * eps
        h = 0.7 * spacing(self.pde, per_axis(self.pde, points))
        operator = partials(1)[0] ** order_of(self.pde)
        return 16 * rounding_level(operator, FiniteDifference(h, 4), eps)

    def __str__(self) -> str:
        return f"{self.problem}-{self.method}-{self.network}"


ONE_OF_EACH = tuple(dict.fromkeys([
    *(Case(problem, method) for problem in PROBLEMS for method in ("ad", "fd")),
    *(Case(method=name) for name in METHODS),
    *(Case(network=name) for name in NETWORKS),
]))  # fmt: skip
"""Every problem, every method and every network of conf/ with plain others: no cross product."""

EACH_PROBLEM = pytest.mark.parametrize("pde", PROBLEMS.values(), ids=PROBLEMS)
EACH_CASE = pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)


def multi_indices(dimension: int, orders: Sequence[int]) -> list[tuple[int, ...]]:
    """All multi-indices of the given total orders."""
    span = range(max(orders) + 1)
    return [i for i in itertools.product(span, repeat=dimension) if sum(i) in orders]


def random_points(dimension: int, n: int, seed: int = 0) -> Points:
    """Scattered points in [-1, 1]^d, float64."""
    generator = torch.Generator().manual_seed(seed)
    return Points(2 * torch.rand(n, dimension, generator=generator, dtype=torch.float64) - 1)


def spacing(pde: AbstractPDE, n: int) -> float:
    """The spacing of the problem's grid along its first axis."""
    return (pde.domain.upper[0] - pde.domain.lower[0]) / n


def rounding_level(operator: DifferentialOperator, method: FiniteDifference, eps: float) -> float:
    """sum_s |c_s| eps / h^k: what one relative rounding of every value of u, |u| <= 1, may cause.

    A second part of the same size comes from rounding x + s h where |u'| <= 1.
    """
    parts = stencils(operator, method.accuracy_order)
    sizes = [
        abs(s.factor) * sum(abs(w) for _, w in s.weights) / (s.denominator * method.step**s.order)
        for s in parts
    ]
    return 2 * eps * sum(sizes)


def order_of_accuracy(error: Callable[[float], Tensor], steps: Sequence[float]) -> float:
    """The slope of log(rms error) over log(step)."""
    errors = [float(error(h).detach().square().mean().sqrt()) for h in steps]
    return float(np.polyfit(np.log(steps), np.log(errors), 1)[0])
