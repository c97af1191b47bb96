"""What is trained, and gradient steps on it one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnspectra.networks import Parameters
from pinnspectra.solvers import AbstractOptimizer, Memory
from pinnspectra.training.distributed import processes, summed

State = tuple[Parameters, Memory]
Losses = Callable[[Parameters], Tensor]
"""Parameters (S, ...) -> loss of every member, (S,)."""
Measure = Callable[[Parameters], Tensor]
"""Parameters (S, ...) -> n numbers of every member, (n, S)."""
Segment = Callable[[State, Tensor], tuple[State, Tensor, Tensor]]
Slopes = Callable[[Parameters], tuple[Parameters, Tensor]]
"""Parameters (S, ...) -> gradients of the members' losses, (S, ...), and the losses, (S,)."""


def slopes(losses: Losses) -> Slopes:
    """The gradients of losses, and the losses, by one backward pass."""

    def gradients_and_losses(parameters: Parameters) -> tuple[Parameters, Tensor]:
        theta = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        with torch.enable_grad():
            value = losses(theta)
        leaves = list(theta.values())
        gradients = torch.autograd.grad(value.sum(), leaves, materialize_grads=True)
        return dict(zip(theta, gradients, strict=True)), value.detach()

    return gradients_and_losses


@dataclass(frozen=True, eq=False)
class Problem:
    """What is trained: a loss, how parameters are updated, what is measured of them.

    summands: the loss is their sum, over all processes. More than one are taken one after another,
        so that memory and the cache hold the arrays of one.
    """

    summands: Sequence[Losses]
    optimizer: AbstractOptimizer
    measure: Measure

    def step(self, state: State, rate: Tensor, parts: Sequence[Slopes]) -> tuple[State, Tensor]:
        """The state after one gradient step, and the losses before it, (S,).

        Args:
            state: parameters and memory.
            rate: learning rates, (S,).
            parts: the slopes of the summands.
        """
        parameters, memory = state
        gradients, losses = parts[0](parameters)
        for part in parts[1:]:
            more, loss = part(parameters)
            gradients = {name: gradients[name] + more[name] for name in gradients}
            losses = losses + loss
        if processes() > 1:
            losses, *sums = summed(losses, *gradients.values())
            gradients = dict(zip(gradients, sums, strict=True))
        with torch.no_grad():
            return self.optimizer.update(parameters, gradients, memory, rate), losses


def eager_segment(problem: Problem, parts: Sequence[Slopes] | None = None) -> Segment:
    """A segment as a Python loop; the slopes of the summands may be given, as programs."""
    slopes_of_summands = parts or [slopes(losses) for losses in problem.summands]

    def segment(state: State, rates: Tensor) -> tuple[State, Tensor, Tensor]:
        history = []
        for rate in rates:
            state, losses = problem.step(state, rate, slopes_of_summands)
            history.append(losses)
        return state, torch.stack(history), problem.measure(state[0])

    return segment


def flattened(state: State) -> tuple[list[Tensor], Callable[[tuple[Tensor, ...]], State]]:
    """The tensors of a state in order, and the way back."""
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
