"""The multilayer perceptron."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pinnspectra.differentiation.activations import activation_named
from pinnspectra.networks.base import AbstractNetwork, check_width

MAX_DEPTH = 1000


@dataclass(frozen=True)
class MLP(AbstractNetwork):
    """A network of `depth` hidden layers, drawn as torch.nn.Linear draws weights and biases.

    A layer of K inputs draws from U(-1/sqrt(K), 1/sqrt(K)).
    """

    width: int
    depth: int = 2
    activation: str = "sin"

    def __post_init__(self) -> None:
        """Check the settings."""
        check_width(self.width)
        activation_named(self.activation)
        if not 1 <= self.depth <= MAX_DEPTH:
            raise ValueError(f"depth={self.depth}: a whole number from 1 to {MAX_DEPTH} is needed")

    def _bounds(self, dimension: int) -> list[tuple[float, int]]:
        inputs = [dimension, *[self.width] * (self.depth - 1)]
        return [(1 / math.sqrt(k), k) for k in inputs]
