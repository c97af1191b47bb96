"""Adam."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnspectra.networks import Parameters
from pinnspectra.solvers.base import AbstractOptimizer, Memory, per_member, zeros


@dataclass(frozen=True)
class Adam(AbstractOptimizer):
    """Adam with bias correction (Kingma and Ba, 2015, arXiv:1412.6980, Algorithm 1).

    Equivalent to torch.optim.Adam(lr=lr, betas=betas, eps=eps). The corrections 1 - beta^t are
    calculated in float64, as in torch.
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
        """Return zero moments and no step taken."""
        first = next(iter(parameters.values()))
        steps = torch.zeros(len(first), dtype=torch.float64, device=first.device)
        moments = {"first_moment": zeros(parameters), "second_moment": zeros(parameters)}
        return {**moments, "steps": {"taken": steps}}

    def update(
        self, parameters: Parameters, gradients: Parameters, memory: Memory, rate: Tensor
    ) -> tuple[Parameters, Memory]:
        """Take a step."""
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
