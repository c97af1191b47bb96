"""The driver: a chunk of full-batch gradient steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor


def run_chunk(
    optimizer: LightningOptimizer, loss: Callable[[], Tensor], gradient_steps: int
) -> Tensor:
    """Take gradient steps on the sum of the members' losses; the loss before each, (K, S).

    All steps but the last go to the torch optimizer itself; the last goes through Lightning, which
    counts it. One counted step a chunk costs 6 % of a bare loop, one a gradient step many times it.
    """
    history: list[Tensor] = []
    evaluated: list[Tensor] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        losses = loss()
        total = losses.sum()
        total.backward()
        evaluated.append(losses.detach())
        return total

    for left in reversed(range(gradient_steps)):
        evaluated.clear()
        if left:
            optimizer.optimizer.step(closure)  # pyright: ignore
        else:
            optimizer.step(closure=closure)
        history.append(evaluated[0])
    return torch.stack(history)
