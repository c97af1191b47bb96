"""The interface of a first-order optimizer.

Optimizers are pure functions of parameters and gradients, so that compiled programs can contain
them. They act on all members of an ensemble at once: parameters (S, ...), learning rates (S,).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from pinnspectra.networks import Parameters

Memory = dict[str, Parameters]
"""The state of an optimizer, by name and parameter; every tensor has a leading dimension S."""


class AbstractOptimizer(ABC):
    """A first-order optimizer. An implementation is one Python file and one YAML file.

    `lr` is the initial learning rate of a schedule.
    """

    lr: float

    @abstractmethod
    def initial_memory(self, parameters: Parameters) -> Memory:
        """Return the memory before the first step."""

    @abstractmethod
    def update(
        self, parameters: Parameters, gradients: Parameters, memory: Memory, rate: Tensor
    ) -> tuple[Parameters, Memory]:
        """Take a step with one learning rate per member, (S,), float64.

        Returns new parameters and memory; nothing is changed in place.
        """


def per_member(value: Tensor, like: Tensor) -> Tensor:
    """Cast one number per member, (S,), to the dtype of `like`, (S, ...), for broadcasting."""
    return value.to(like.dtype).reshape(-1, *[1] * (like.dim() - 1))


def zeros(parameters: Parameters) -> Parameters:
    """Return zeros in the shapes of the parameters."""
    return {name: torch.zeros_like(value) for name, value in parameters.items()}
