"""The residual Jacobian J = d r / d theta and the training kernel G = J J^T (Eq. 19)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.func import grad, jvp, vmap

from pinnspectra.differentiation.base import Field
from pinnspectra.differentiation.jet import Jet, variable
from pinnspectra.differentiation.operators import DifferentialOperator
from pinnspectra.networks import AbstractNetwork, Parameters

Residual = Callable[[Field], Tensor]

POINTS_AT_ONCE = 1024
"""Points whose gradients are taken together."""

TANGENTS_AT_ONCE = 256
"""Columns of J that go through the method and the PDE together."""


@dataclass
class _Recorder:
    """A field that notes what a method asks of u: values, or derivatives of a jet, at points."""

    u: Field
    points: list[tuple[Tensor, DifferentialOperator | None]] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)

    def __call__(self, x: Tensor | Jet) -> Tensor | _RecordedJet:
        if isinstance(x, Jet):
            return _RecordedJet(self, x)
        return self.note(x, None, self.u(x))

    def note(self, x: Tensor, operator: DifferentialOperator | None, value: Tensor) -> Tensor:
        self.points.append((x, operator))
        self.values.append(value)
        return value


class _RecordedJet:
    """What Taylor mode gets from a recorder in place of a jet."""

    def __init__(self, recorder: _Recorder, x: Jet) -> None:
        self._recorder, self._x = recorder, x
        self._jet = recorder.u(x)

    def derivative(self, operator: DifferentialOperator) -> Tensor:
        value = self._jet.derivative(operator)
        return self._recorder.note(self._x.value.mT, operator, value)


class _Replay:
    """A field that answers the same questions, in the same order, with given values."""

    def __init__(self, values: list[Tensor]) -> None:
        self._values = iter(values)

    def __call__(self, x: Tensor | Jet) -> Tensor | _Replay:
        return self if isinstance(x, Jet) else next(self._values)

    def derivative(self, operator: DifferentialOperator) -> Tensor:
        return next(self._values)


def residual_jacobian(
    residual: Residual, network: AbstractNetwork, parameters: Parameters
) -> Tensor:
    """J, (S, N, P), in the dtype of the parameters; columns in the order of the parameters.

    Right for every method and PDE, with the residual's own rounding: the gradients of what the
    method asks of u are taken point by point, O((N + ghost points) P) in time and memory, and then
    go through the method and the PDE as the values of u do. J is held whole, with the gradients
    at the points beside it; what is in between is done in blocks.
    """
    members = len(parameters["coefficients"])
    one = [{name: value[s : s + 1] for name, value in parameters.items()} for s in range(members)]
    return torch.stack([_member_jacobian(residual, network, p) for p in one])


def _member_jacobian(
    residual: Residual, network: AbstractNetwork, parameters: Parameters
) -> Tensor:
    parameters = {name: value.detach() for name, value in parameters.items()}
    recorder = _Recorder(network.field(parameters))
    recorded = residual(recorder)
    if recorded.requires_grad or any(x.requires_grad for x, _ in recorder.points):
        return _by_rows(residual, network, parameters)
    gradients = [_gradients(network, parameters, x, operator) for x, operator in recorder.points]

    def replayed(*values: Tensor) -> Tensor:
        return residual(_Replay(list(values)))

    values = tuple(value[0] for value in recorder.values)
    push = vmap(lambda *tangents: jvp(replayed, values, tangents)[1], chunk_size=TANGENTS_AT_ONCE)
    return push(*gradients).mT


def _gradients(
    network: AbstractNetwork,
    parameters: Parameters,
    x: Tensor,
    operator: DifferentialOperator | None,
) -> Tensor:
    """d(T u)(x_i) / d theta for the asked T (the value where it is None), (P, n)."""

    def at_point(theta: Parameters, point: Tensor) -> Tensor:
        u = network.field(theta)
        if operator is None:
            return u(point[None]).squeeze()
        return u(variable(point[None])).derivative(operator).squeeze()

    per_point = vmap(grad(at_point), in_dims=(None, 0), chunk_size=POINTS_AT_ONCE)
    gradients = per_point(parameters, x)
    return torch.cat([g.flatten(start_dim=1) for g in gradients.values()], dim=1).mT


def _by_rows(residual: Residual, network: AbstractNetwork, parameters: Parameters) -> Tensor:
    """J by one backward pass a row, for methods that differentiate through u themselves."""
    theta = {name: value.requires_grad_() for name, value in parameters.items()}
    r = residual(network.field(theta)).squeeze(0)
    rows = [
        torch.autograd.grad(r_i, list(theta.values()), retain_graph=True, materialize_grads=True)
        for r_i in r.unbind()
    ]
    return torch.stack([torch.cat([g.flatten() for g in row]) for row in rows])


def training_kernel(jacobian: Tensor) -> Tensor:
    """G = J J^T, (..., N, N). Its eigenvalues are singular_values(J)^2; G loses half the digits."""
    return jacobian @ jacobian.mT
