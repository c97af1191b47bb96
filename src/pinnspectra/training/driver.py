"""What takes the gradient steps of all members of an ensemble."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor

from pinnspectra.networks import Parameters


class AbstractDriver(ABC):
    """Advances the members' parameters, in place, by gradient steps on an objective."""

    @property
    @abstractmethod
    def memory(self) -> Any:
        """What the optimizer remembers, of which another driver can be made that goes on."""

    @abstractmethod
    def advance(self, rates: Tensor) -> tuple[Tensor, Tensor]:
        """Take K gradient steps; return the losses before each, (K, S), and the measure, (n, S).

        Args:
            rates: learning rates, (K, S), float64.
        """

    @abstractmethod
    def restore(self, member: int, parameters: Parameters) -> None:
        """Set a member back to its row of parameters (S, ...), and forget what it remembers."""
