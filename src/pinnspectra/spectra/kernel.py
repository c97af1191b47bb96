"""The residual Jacobian J = d r / d theta and the training kernel G = J J^T (Eq. 19)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.func import jvp, vmap

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation.base import Field
from pinnspectra.differentiation.jet import Jet, variable
from pinnspectra.differentiation.operators import DifferentialOperator
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.spectra.decomposition import (
    leading_singular_values,
    singular_values,
    triangular_factor,
)

Residual = Callable[[Field], Tensor]

ENTRIES_AT_ONCE = 2**18
"""Entries of J that are differentiated, or mapped through the method and the PDE, at once."""

ENTRIES_OF_A_PART = 2**22
"""Entries of J held at once where only its triangular factor is wanted."""


class _DifferentiatedThroughError(Exception):
    """A method differentiates through u itself."""


@dataclass
class _Recorder:
    """A field that records the values and derivatives of u in use, with their gradients."""

    network: AbstractNetwork
    parameters: Parameters
    values: list[Tensor] = field(default_factory=list)
    gradients: list[Tensor] = field(default_factory=list)

    def __call__(self, x: Tensor | Jet) -> Tensor | _RecordedJet:
        if isinstance(x, Jet):
            return _RecordedJet(self, x.value.mT)
        return self.record(x, None)

    def record(self, x: Tensor, operator: DifferentialOperator | None) -> Tensor:
        if x.requires_grad:
            raise _DifferentiatedThroughError
        value, gradient = _value_and_gradient(self.network, self.parameters, x, operator)
        self.values.append(value)
        self.gradients.append(gradient)
        return value


@dataclass
class _RecordedJet:
    """A recorder in place of a jet, for Taylor mode."""

    recorder: _Recorder
    x: Tensor

    def derivative(self, operator: DifferentialOperator) -> Tensor:
        return self.recorder.record(self.x, operator)


class _Replay:
    """A field that returns given values in the order in which they were recorded."""

    def __init__(self, values: tuple[Tensor, ...]) -> None:
        self._values = iter(values)

    def __call__(self, x: Tensor | Jet) -> Tensor | _Replay:
        return self if isinstance(x, Jet) else next(self._values)

    def derivative(self, operator: DifferentialOperator) -> Tensor:
        return next(self._values)


def residual_jacobian(
    residual: Residual, network: AbstractNetwork, parameters: Parameters
) -> Tensor:
    """Return J, (S, N, P), in the dtype of the parameters; columns in the order of the parameters.

    For every method and PDE, with the rounding of the residual: the gradients of the values and
    derivatives of u that the method uses are taken point by point, O((N + ghost points) P) in time
    and memory, and then mapped through the method and the PDE as u is. All members at once. J and
    the gradients at the points are held whole; the work between is done in blocks.
    """
    parameters = {name: value.detach() for name, value in parameters.items()}
    recorder = _Recorder(network, parameters)
    try:
        recorded = residual(recorder)
    except _DifferentiatedThroughError:
        return _by_rows(residual, network, parameters)
    values = tuple(recorder.values)

    def replayed(*values: Tensor) -> Tensor:
        return residual(_Replay(values))

    def push(*tangents: Tensor) -> Tensor:
        return jvp(replayed, values, tangents)[1]

    at_once = max(1, ENTRIES_AT_ONCE // recorded.numel())
    return vmap(push, chunk_size=at_once)(*recorder.gradients).movedim(0, -1)


def _value_and_gradient(
    network: AbstractNetwork,
    parameters: Parameters,
    x: Tensor,
    operator: DifferentialOperator | None,
) -> tuple[Tensor, Tensor]:
    """Return (T u)(x_i), (S, n), and d(T u)(x_i) / d theta, (P, S, n), with T = I for None.

    Points last: the next operations run along them, and QR needs contiguous columns.
    """
    members, count = _sizes(parameters)
    a = parameters["coefficients"]
    values, gradients = a.new_empty(members, len(x)), a.new_empty(count, members, len(x))
    first = 0
    for block in x.split(max(1, ENTRIES_AT_ONCE // (members * count))):
        here = slice(first, first := first + len(block))
        values[:, here], slopes = _at_points(network, parameters, block, operator)
        row = 0
        for slope in slopes:
            rows = slope.flatten(2).movedim(-1, 0)
            gradients[row : (row := row + len(rows)), :, here] = rows
    return values, gradients


def _at_points(
    network: AbstractNetwork,
    parameters: Parameters,
    x: Tensor,
    operator: DifferentialOperator | None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return (T u)(x_i), (S, n), and its gradient per parameter, (S, n, ...), by one backward pass.

    Every point has a copy of the parameters, and so its own gradient.
    """
    copies = {
        name: value.unsqueeze(1).expand(-1, len(x), *value.shape[1:]).requires_grad_()
        for name, value in parameters.items()
    }
    with torch.enable_grad():
        u, point = network.field(copies), x.unsqueeze(1)  # one point a copy: (n, 1, d)
        value = u(point) if operator is None else u(variable(point)).derivative(operator)
        slopes = torch.autograd.grad(value.sum(), list(copies.values()), materialize_grads=True)
    return value.detach()[..., 0], slopes


def _sizes(parameters: Parameters) -> tuple[int, int]:
    """Return the number S of members and the number P of parameters per member."""
    members = len(parameters["coefficients"])
    return members, sum(value[0].numel() for value in parameters.values())


def _by_rows(residual: Residual, network: AbstractNetwork, parameters: Parameters) -> Tensor:
    """Return J by one backward pass per row, for methods that differentiate through u."""
    theta = {name: value.requires_grad_() for name, value in parameters.items()}
    with torch.enable_grad():
        r = residual(network.field(theta))
        rows = [
            torch.autograd.grad(
                r_i.sum(), list(theta.values()), retain_graph=True, materialize_grads=True
            )
            for r_i in r.unbind(dim=1)
        ]
    return torch.stack([torch.cat([g.flatten(1) for g in row], dim=1) for row in rows], dim=1)


def kernel_singular_values(
    collocation: Collocation,
    network: AbstractNetwork,
    parameters: Parameters,
    leading: int | None = None,
) -> Tensor:
    """Return sigma(J), (S, min(N, P)), float64, descending; the squares are the eigenvalues of G.

    J is taken by parts of the points, each reduced to a triangular factor, so that memory grows
    with S P^2, not with N. NaN for a member whose J is not finite.

    The error is c eps sigma_1, so that the relative error of an eigenvalue lambda is
    2 c eps sqrt(lambda_1 / lambda). By AD in float64, N and M up to 100, c is measured below 2.5,
    and below 0.3 where lambda < 1e-5 lambda_1: ten digits down to 1e-12 lambda_1, six at 1e-20. The
    limit is the rounding of the entries of J, which no decomposition can undo.

    With `leading`, the largest values alone, (S, leading), by randomized subspace iteration
    (leading_singular_values): O(N P leading), for P above 2 000 or so, where O(N P^2) is too slow.
    This holds J whole.
    """
    blocks = (J for _, J in row_blocks(collocation, network, parameters))
    if leading is None:
        return singular_values(triangular_factor(blocks))
    return leading_singular_values(torch.cat(list(blocks), dim=-2), leading)


def row_blocks(
    collocation: Collocation, network: AbstractNetwork, parameters: Parameters
) -> Iterator[tuple[Collocation, Tensor]]:
    """Yield consecutive parts of the points and their J, (S, n, P).

    Each has more rows than columns, which keeps QR cheap.
    """
    members, count = _sizes(parameters)
    for part in collocation.parts(max(2 * count, ENTRIES_OF_A_PART // (members * count))):
        yield part, residual_jacobian(part.residual, network, parameters)
