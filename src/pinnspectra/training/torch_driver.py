"""Gradient steps with torch's own optimizers, which need not be elementwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from pinnspectra.networks import Parameters
from pinnspectra.training.distributed import summed
from pinnspectra.training.driver import AbstractDriver
from pinnspectra.training.objective import Objective

MakeOptimizer = Callable[[Iterable[Tensor]], Optimizer]


class TorchDriver(AbstractDriver):
    """Advances every member with an optimizer of its own.

    Args:
        objective: what is minimised.
        make_optimizer: parameters of one member -> torch optimizer.
        parameters: the members' parameters, which are changed in place.
        memory: the state_dict of every optimizer; None at the start.
    """

    def __init__(
        self,
        objective: Objective,
        make_optimizer: MakeOptimizer,
        parameters: Parameters,
        memory: list[dict[str, Any]] | None = None,
    ) -> None:
        self._objective = objective
        size = len(parameters["coefficients"])
        self._members = [
            {name: value[s : s + 1].requires_grad_() for name, value in parameters.items()}
            for s in range(size)
        ]
        self._optimizers = [make_optimizer([*member.values()]) for member in self._members]
        for optimizer, state in zip(self._optimizers, memory or (), strict=bool(memory)):
            optimizer.load_state_dict(state)

    @property
    def memory(self) -> list[dict[str, Any]]:
        """The state_dict of every optimizer."""
        return [optimizer.state_dict() for optimizer in self._optimizers]

    def advance(self, rates: Tensor) -> tuple[Tensor, Tensor]:
        """Take gradient steps member by member."""
        columns = [self._member(s, rates[:, s].tolist()) for s in range(len(self._members))]
        measured = [self._objective.measure(member) for member in self._members]
        return torch.stack(columns, dim=1), torch.cat(measured, dim=1)

    @torch.no_grad()
    def restore(self, member: int, parameters: Parameters) -> None:
        """Set a member back, and forget what its optimizer remembers."""
        for name, value in self._members[member].items():
            value.copy_(parameters[name][member : member + 1])
        self._optimizers[member].state.clear()

    def _member(self, member: int, rates: list[float]) -> Tensor:
        """Take the gradient steps of a member; return the loss before each, (K,)."""
        optimizer, parameters = self._optimizers[member], self._members[member]
        evaluated: list[Tensor] = []

        def closure() -> Tensor:
            optimizer.zero_grad()
            total = torch.zeros(())
            for summand in self._objective.summands:
                losses = summand(parameters)
                losses.sum().backward()
                total = total.to(losses) + losses.detach()[0]
            evaluated.append(_summed(total, parameters))
            return evaluated[-1]

        if not any(rates):  # it has diverged and is frozen
            like = next(iter(parameters.values()))
            return torch.zeros(len(rates), dtype=like.dtype, device=like.device)
        history = []
        for rate in rates:
            for group in optimizer.param_groups:
                group["lr"] = rate
            evaluated.clear()
            optimizer.step(closure)  # pyright: ignore
            history.append(evaluated[0])
        return torch.stack(history)


def _summed(loss: Tensor, parameters: Parameters) -> Tensor:
    """Return the loss of all processes, and put their gradients in place."""
    gradients = [p.grad for p in parameters.values() if p.grad is not None]
    loss, *sums = summed(loss, *gradients)
    for gradient, total in zip(gradients, sums, strict=True):
        gradient.copy_(total)
    return loss
