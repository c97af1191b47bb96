"""Learning rates of the members over gradient steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler


class LearningRates:
    """The members' learning rates at gradient steps 0, 1, 2, ... in turn.

    Any scheduler of torch.optim that needs no metric makes them from the rates at the start. It
    runs ahead of training on a stand-in, so that a compiled program gets its rates as numbers.

    Args:
        initial: the members' rates at the start, (S,).
        make_scheduler: torch optimizer -> scheduler; None keeps the rates.
    """

    def __init__(
        self,
        initial: Sequence[float],
        make_scheduler: Callable[[torch.optim.Optimizer], LRScheduler] | None = None,
    ) -> None:
        self.initial = torch.tensor(initial, dtype=torch.float64)
        different = sorted(set(initial))
        self._group = torch.tensor([different.index(rate) for rate in initial])
        groups = [{"params": [torch.zeros(())], "lr": rate} for rate in different]
        self._stand_in = torch.optim.SGD(groups, lr=1.0)
        self._scheduler = make_scheduler(self._stand_in) if make_scheduler else None

    def take(self, steps: int) -> Tensor:
        """Return the rates of the next gradient steps, (steps, S), float64, on the CPU."""
        if self._scheduler is None:
            return self.initial.expand(steps, -1)
        table = torch.tensor([self._next() for _ in range(steps)], dtype=torch.float64)
        return table[:, self._group]

    def state(self) -> dict[str, Any]:
        """Return what the rates of later steps depend on."""
        if self._scheduler is None:
            return {}
        return {
            "scheduler": self._scheduler.state_dict(),
            "stand_in": self._stand_in.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from the state of learning rates with the same arguments."""
        if self._scheduler is not None:
            self._stand_in.load_state_dict(state["stand_in"])
            self._scheduler.load_state_dict(state["scheduler"])

    def _next(self) -> list[float]:
        assert self._scheduler is not None
        rates = [float(group["lr"]) for group in self._stand_in.param_groups]
        self._stand_in.step()  # torch warns where a scheduler steps before its optimizer
        self._scheduler.step()
        return rates
