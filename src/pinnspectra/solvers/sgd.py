"""Gradient descent."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pinnspectra.networks import Parameters
from pinnspectra.solvers.base import AbstractOptimizer, Memory, per_member, zeros


@dataclass(frozen=True)
class SGD(AbstractOptimizer):
    """theta <- theta - lr m, m <- momentum m + gradient: full-batch gradient descent.

    Equivalent to torch.optim.SGD(lr=lr, momentum=momentum).
    """

    lr: float
    momentum: float = 0.0

    def __post_init__(self) -> None:
        """Check the momentum."""
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum={self.momentum}: 0 <= momentum < 1 is needed")

    def initial_memory(self, parameters: Parameters) -> Memory:
        """Return m = 0; nothing without momentum."""
        return {"momentum": zeros(parameters)} if self.momentum else {}

    def update(
        self, parameters: Parameters, gradients: Parameters, memory: Memory, rate: Tensor
    ) -> tuple[Parameters, Memory]:
        """Take a step."""
        if self.momentum:
            old = memory["momentum"]
            gradients = {name: self.momentum * old[name] + g for name, g in gradients.items()}
            memory = {"momentum": gradients}
        new = {name: p - per_member(rate, p) * gradients[name] for name, p in parameters.items()}
        return new, memory
