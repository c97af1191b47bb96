"""Optimizers as functions of parameters and gradients, which can run inside a compiled program.

They act on all members of an ensemble at once: parameters (S, ...), learning rates (S,).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnspectra.networks import Parameters

Memory = dict[str, Parameters]
"""What an optimizer remembers, by name and parameter; every tensor leads with the members S."""


class AbstractOptimizer(ABC):
    """A first-order optimizer. An implementation is one file and one YAML file.

    `lr` is the learning rate that a schedule starts from.
    """

    lr: float

    @abstractmethod
    def initial_memory(self, parameters: Parameters) -> Memory:
        """The memory before the first step."""

    @abstractmethod
    def update(
        self, parameters: Parameters, gradients: Parameters, memory: Memory, rate: Tensor
    ) -> tuple[Parameters, Memory]:
        """Parameters and memory after a step with a learning rate a member, (S,) float64.

        Returns new tensors; nothing is changed in place.
        """


def per_member(value: Tensor, like: Tensor) -> Tensor:
    """A number a member, (S,), in the dtype of `like`, (S, ...), and to be broadcast over it."""
    return value.to(like.dtype).reshape(-1, *[1] * (like.dim() - 1))


def _zeros(parameters: Parameters) -> Parameters:
    return {name: torch.zeros_like(value) for name, value in parameters.items()}


@dataclass(frozen=True)
class SGD(AbstractOptimizer):
    """theta <- theta - lr m, m <- momentum m + gradient: gradient descent on full batches.

    Equivalent to torch.optim.SGD(lr=lr, momentum=momentum).
    """

    lr: float
    momentum: float = 0.0

    def __post_init__(self) -> None:
        """Check the momentum."""
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum={self.momentum}: 0 <= momentum < 1 is needed")

    def initial_memory(self, parameters: Parameters) -> Memory:
        """m = 0, where there is momentum."""
        return {"momentum": _zeros(parameters)} if self.momentum else {}

    def update(
        self, parameters: Parameters, gradients: Parameters, memory: Memory, rate: Tensor
    ) -> tuple[Parameters, Memory]:
        """One step."""
        if self.momentum:
            old = memory["momentum"]
            gradients = {name: self.momentum * old[name] + g for name, g in gradients.items()}
            memory = {"momentum": gradients}
        new = {name: p - per_member(rate, p) * gradients[name] for name, p in parameters.items()}
        return new, memory


@dataclass(frozen=True)
class Adam(AbstractOptimizer):
    """Adam with bias correction (Kingma and Ba, 2015, arXiv:1412.6980, Algorithm 1).

    Equivalent to torch.optim.Adam(lr=lr, betas=betas, eps=eps). The corrections 1 - beta^t are
    taken in float64, as torch takes them.
    """

    lr: float
    betas: Sequence[float] = (0.9, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        """Check the decay rates and eps."""
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas={list(self.betas)}: two numbers 0 <= beta < 1 are needed")
        if not (math.isfinite(self.eps) and self.eps > 0):
            raise ValueError(f"eps={self.eps}: a finite number above 0 is needed")

    def initial_memory(self, parameters: Parameters) -> Memory:
        """Both moments zero, no step taken."""
        first = next(iter(parameters.values()))
        steps = torch.zeros(len(first), dtype=torch.float64, device=first.device)
        moments = {"first_moment": _zeros(parameters), "second_moment": _zeros(parameters)}
        return {**moments, "steps": {"taken": steps}}

    def update(
        self, parameters: Parameters, gradients: Parameters, memory: Memory, rate: Tensor
    ) -> tuple[Parameters, Memory]:
        """One step."""
        b1, b2 = self.betas
        t = memory["steps"]["taken"] + 1
        first, second, new = {}, {}, {}
        step_size, correction = rate / (1 - b1**t), (1 - b2**t).sqrt()
        for name, p in parameters.items():
            g = gradients[name]
            first[name] = b1 * memory["first_moment"][name] + (1 - b1) * g
            second[name] = b2 * memory["second_moment"][name] + (1 - b2) * g * g
            scale = second[name].sqrt() / per_member(correction, p) + self.eps
            new[name] = p - per_member(step_size, p) * first[name] / scale
        moments = {"first_moment": first, "second_moment": second}
        return new, {**moments, "steps": {"taken": t}}
