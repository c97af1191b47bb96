"""The interface of a network."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pinnspectra.differentiation.activations import activation_named
from pinnspectra.differentiation.base import Field
from pinnspectra.differentiation.jet import activate, linear

Parameters = dict[str, Tensor]
"""Parameters by name, each with a leading member dimension S."""


def cast(
    parameters: Parameters, dtype: torch.dtype, device: torch.device | str | None = None
) -> Parameters:
    """Cast detached parameters to a dtype, and move them to a device if one is given."""
    return {name: p.detach().to(device=device, dtype=dtype) for name, p in parameters.items()}


def _uniform(bound: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    drawn = torch.rand(shape, generator=generator, dtype=torch.float64)
    return bound * (2 * drawn - 1)


def check_width(width: int) -> None:
    """Check the width.

    Raises:
        ValueError: it is below 1.
    """
    if width < 1:
        raise ValueError(f"width={width}: a whole number of at least 1 is needed")


class AbstractNetwork(ABC):
    """A network u = sum_j a_j phi_j(x): hidden layers and an output layer without bias (Eq. 3)."""

    width: int
    activation: str

    @abstractmethod
    def _bounds(self, dimension: int) -> list[tuple[float, int]]:
        """Return (bound of the uniform weights and biases, number of inputs) per hidden layer."""

    def parameter_count(self, dimension: int) -> int:
        """Return the number P of parameters of one member."""
        return self.width * (1 + sum(inputs + 1 for _, inputs in self._bounds(dimension)))

    def initial_parameters(
        self, dimension: int, seeds: Sequence[int], dtype: torch.dtype
    ) -> Parameters:
        """Draw the parameters of S = len(seeds) networks, member by member.

        weights_l (S, M, K) and biases_l (S, M) of hidden layer l; coefficients (S, M), the a_j,
        from U(-1/sqrt(M), 1/sqrt(M)). Drawn in float64 on the CPU and then rounded, so that a seed
        gives the same network in every precision, on every device and in every ensemble.
        """
        members = [self._member(dimension, torch.Generator().manual_seed(s)) for s in seeds]
        return {name: torch.stack([m[name] for m in members]).to(dtype) for name in members[0]}

    def _member(self, dimension: int, generator: torch.Generator) -> Parameters:
        parameters = {}
        for layer, (bound, inputs) in enumerate(self._bounds(dimension), start=1):
            parameters[f"weights_{layer}"] = _uniform(bound, (self.width, inputs), generator)
            parameters[f"biases_{layer}"] = _uniform(bound, (self.width,), generator)
        bound = 1 / math.sqrt(self.width)
        parameters["coefficients"] = _uniform(bound, (self.width,), generator)
        return parameters

    def features(self, parameters: Parameters) -> Field:
        """Return the last hidden layer, phi_1..phi_M, as a field (N, d) -> (S, M, N)."""
        activation = activation_named(self.activation)
        hidden_layers = sum(name.startswith("weights_") for name in parameters)

        def phi(x: Any) -> Any:
            h = x.mT
            for layer in range(1, hidden_layers + 1):
                z = linear(h, parameters[f"weights_{layer}"], parameters[f"biases_{layer}"])
                h = activate(z, activation)
            return h

        return phi

    def field(self, parameters: Parameters) -> Field:
        """Return the output u as a field (N, d) -> (S, N)."""
        phi = self.features(parameters)
        a = parameters["coefficients"].unsqueeze(-2)
        return lambda x: linear(phi(x), a)[..., 0, :]
