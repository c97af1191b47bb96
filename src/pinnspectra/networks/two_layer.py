"""The two-layer network of the paper: one hidden layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from pinnspectra.differentiation.activations import activation_named
from pinnspectra.networks.base import AbstractNetwork, check_width

Initialization = Literal["uniform", "pytorch"]


@dataclass(frozen=True)
class TwoLayer(AbstractNetwork):
    """u = sum_j a_j sigma(w_j . x + b_j), the paper's network (Eq. 3).

    initialization="uniform" draws w_j and b_j from U(-weight_range, weight_range), as the paper
    does; "pytorch" from U(-1/sqrt(d), 1/sqrt(d)), as torch.nn.Linear does.
    """

    width: int
    activation: str = "sin"
    weight_range: float = 1.0
    initialization: Initialization = "uniform"

    def __post_init__(self) -> None:
        """Check the settings."""
        check_width(self.width)
        activation_named(self.activation)
        allowed = get_args(Initialization)
        if self.initialization not in allowed:
            raise ValueError(
                f"initialization={self.initialization}: allowed are {', '.join(allowed)}"
            )
        if not (math.isfinite(self.weight_range) and self.weight_range > 0):
            raise ValueError(f"weight_range={self.weight_range}: a finite number above 0 is needed")

    def _bounds(self, dimension: int) -> list[tuple[float, int]]:
        pytorch = self.initialization == "pytorch"
        return [(1 / math.sqrt(dimension) if pytorch else self.weight_range, dimension)]
