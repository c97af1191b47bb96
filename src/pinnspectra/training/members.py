"""The members of an ensemble: their parameters, and which of them have diverged."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pinnspectra.networks import Parameters


class Members:
    """Networks that are trained together, S of them.

    `ended` has the gradient step at which each diverged, None where it has not.

    Args:
        parameters: by name, (S, ...), which training changes in place; taken in the order of names.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = dict(sorted(parameters.items()))
        self.ended: list[int | None] = [None] * self.size

    @property
    def size(self) -> int:
        """The number of members, S."""
        return len(self.parameters["coefficients"])

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the parameters, in which they are trained."""
        return self.parameters["coefficients"].dtype

    @property
    def device(self) -> torch.device:
        """The device of the parameters."""
        return self.parameters["coefficients"].device

    @property
    def live(self) -> list[int]:
        """The members that have not diverged."""
        return [s for s, step in enumerate(self.ended) if step is None]

    @property
    def diverged(self) -> list[int]:
        """The members that have diverged."""
        return [s for s, step in enumerate(self.ended) if step is not None]

    def copied(self, members: Sequence[int] | None = None) -> Parameters:
        """Return a copy of the parameters of some members, or of those that have not diverged."""
        chosen = self.live if members is None else list(members)
        return {name: value[chosen] for name, value in self.parameters.items()}

    def in_float64(self) -> Parameters:
        """Return a copy in float64 of the parameters of those that have not diverged."""
        return {name: value.double() for name, value in self.copied().items()}
