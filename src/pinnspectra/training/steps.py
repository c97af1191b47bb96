"""Gradient steps on an objective, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pinnspectra.networks import Parameters
from pinnspectra.solvers import AbstractOptimizer, Memory
from pinnspectra.training.distributed import processes, summed
from pinnspectra.training.objective import Losses, Objective

State = tuple[Parameters, Memory]
Segment = Callable[[State, Tensor], tuple[State, Tensor, Tensor]]
"""A state and the learning rates of K gradient steps, (K, S) -> the state after them, the losses
before each, (K, S), and what is measured of the last parameters, (n, S)."""
Slopes = Callable[[Parameters], tuple[Parameters, Tensor]]
"""Parameters (S, ...) -> gradients of the members' losses, (S, ...), and the losses, (S,)."""


def slopes(losses: Losses) -> Slopes:
    """Return a function that takes gradients and losses by one backward pass."""

    def gradients_and_losses(parameters: Parameters) -> tuple[Parameters, Tensor]:
        theta = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        with torch.enable_grad():
            value = losses(theta)
        leaves = list(theta.values())
        gradients = torch.autograd.grad(value.sum(), leaves, materialize_grads=True)
        return dict(zip(theta, gradients, strict=True)), value.detach()

    return gradients_and_losses


def gradient_step(
    state: State, rate: Tensor, summands: Sequence[Slopes], optimizer: AbstractOptimizer
) -> tuple[State, Tensor]:
    """Return the state after a gradient step with learning rates (S,), and the losses before it."""
    parameters, memory = state
    gradients, losses = summands[0](parameters)
    for summand in summands[1:]:
        more, loss = summand(parameters)
        gradients = {name: gradients[name] + more[name] for name in gradients}
        losses = losses + loss
    if processes() > 1:
        losses, *sums = summed(losses, *gradients.values())
        gradients = dict(zip(gradients, sums, strict=True))
    with torch.no_grad():
        return optimizer.update(parameters, gradients, memory, rate), losses


def eager_segment(
    objective: Objective,
    optimizer: AbstractOptimizer,
    summands: Sequence[Slopes] | None = None,
) -> Segment:
    """Return a segment as a Python loop; the slopes of the summands may be given, as programs."""
    taken = summands or [slopes(losses) for losses in objective.summands]

    def segment(state: State, rates: Tensor) -> tuple[State, Tensor, Tensor]:
        history = []
        for rate in rates:
            state, losses = gradient_step(state, rate, taken, optimizer)
            history.append(losses)
        return state, torch.stack(history), objective.measure(state[0])

    return segment


def flattened(state: State) -> tuple[list[Tensor], Callable[[tuple[Tensor, ...]], State]]:
    """Return the tensors of a state in order, and the way back."""
    parameters, memory = state
    names = [(None, name) for name in parameters]
    names += [(kept, name) for kept, values in memory.items() for name in values]

    def rebuild(tensors: tuple[Tensor, ...]) -> State:
        new: dict[str | None, Parameters] = {kept: {} for kept in (None, *memory)}
        for (kept, name), tensor in zip(names, tensors, strict=True):
            new[kept][name] = tensor
        return new.pop(None), new  # pyright: ignore

    values = [*parameters.values(), *(t for kept in memory.values() for t in kept.values())]
    return values, rebuild
