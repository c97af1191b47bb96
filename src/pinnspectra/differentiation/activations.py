"""Activations with derivatives of every order, for Taylor mode."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

Derivatives = Callable[[int], tuple[float, Tensor]]


class AbstractActivation(ABC):
    """An activation sigma with its derivatives of every order."""

    @abstractmethod
    def __call__(self, z: Tensor) -> Tensor:
        """Evaluate sigma(z) elementwise."""

    @abstractmethod
    def derivatives(self, z: Tensor) -> Derivatives:
        """Return a table m -> (sign, tensor) with sigma^(m)(z) = sign * tensor, m = 0, 1, 2, ...

        Work common to several orders is done once. The sign is kept apart, so that orders that
        differ in sign alone share a tensor.
        """


@dataclass(frozen=True)
class Sin(AbstractActivation):
    """sigma(z) = sin z, the paper's activation."""

    def __call__(self, z: Tensor) -> Tensor:
        """Evaluate the sine elementwise."""
        return torch.sin(z)

    def derivatives(self, z: Tensor) -> Derivatives:
        """Tabulate sin, cos, -sin, -cos, periodically."""
        known: dict[int, Tensor] = {}

        def derivative(m: int) -> tuple[float, Tensor]:
            if m % 2 not in known:
                known[m % 2] = torch.cos(z) if m % 2 else torch.sin(z)
            return (1.0, 1.0, -1.0, -1.0)[m % 4], known[m % 2]

        return derivative


@lru_cache
def _tanh_polynomial(m: int) -> tuple[int, ...]:
    """Return the coefficients of P_m, lowest first, with tanh^(m) = P_m(tanh).

    P_0 = t and P_(m+1) = (1 - t^2) P_m', since t' = 1 - t^2.
    """
    if m == 0:
        return (0, 1)
    slope = [i * c for i, c in enumerate(_tanh_polynomial(m - 1))][1:]
    shifted = [0, 0, *slope]
    return tuple(c - s for c, s in zip([*slope, 0, 0], shifted, strict=True))


@dataclass(frozen=True)
class Tanh(AbstractActivation):
    """sigma(z) = tanh z."""

    def __call__(self, z: Tensor) -> Tensor:
        """Evaluate the hyperbolic tangent elementwise."""
        return torch.tanh(z)

    def derivatives(self, z: Tensor) -> Derivatives:
        """Tabulate polynomials in t = tanh z; each is even or odd, and so evaluated in t^2."""
        known: dict[int, Tensor] = {0: torch.tanh(z)}

        def derivative(m: int) -> tuple[float, Tensor]:
            if m not in known:
                t = known[0]
                coefficients = _tanh_polynomial(m)
                odd = (m + 1) % 2
                total = torch.full_like(t, coefficients[-1])
                for c in coefficients[-3::-2]:
                    total = total * t**2 + c
                known[m] = total * t if odd else total
            return 1.0, known[m]

        return derivative


ACTIVATIONS: dict[str, AbstractActivation] = {"sin": Sin(), "tanh": Tanh()}
"""The activations by name, as `model.activation` takes them."""


def activation_named(name: str) -> AbstractActivation:
    """Look up an activation.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"activation={name}: allowed are {', '.join(sorted(ACTIVATIONS))}")
    return ACTIVATIONS[name]
