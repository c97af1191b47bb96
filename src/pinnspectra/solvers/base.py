"""Optimizers as functions of parameters and gradients, which can run inside a compiled program.

They act on all members of an ensemble at once: parameters (S, ...), learning rates (S,).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

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


def zeros(parameters: Parameters) -> Parameters:
    """Zeros of the shapes of the parameters."""
    return {name: torch.zeros_like(value) for name, value in parameters.items()}
