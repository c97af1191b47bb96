"""Numbers with the variances of their rounding errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def rounding_variance(value: Tensor, eps: float) -> Tensor:
    """Return the variance of the error of rounding to nearest, in the shape of the value.

    Errors are uniform within half a unit in the last place, ulp = eps 2^floor(log2 |v|), so that
    their variance is ulp^2 / 12.
    """
    power = value / (2 * torch.frexp(value).mantissa)  # 2^floor(log2 |v|), exactly
    ulp = torch.where(value == 0, 0.0, power) * eps
    return ulp.square() / 12


@dataclass(frozen=True, eq=False)
class Rounded:
    """Values of exact arithmetic with the variances of their rounding errors.

    Every operation propagates the variances of its operands, taken as independent, and adds that
    of rounding the result, except for products with a power of two. A calculation written with
    + - * / runs on these as on tensors, in the same order.

    value: float64.
    variance: of the same shape.
    eps: the distance from 1 to the next number of the working precision.
    """

    value: Tensor
    variance: Tensor
    eps: float

    @staticmethod
    def exact(value: Tensor, eps: float) -> Rounded:
        """Wrap numbers without errors."""
        return Rounded(value, torch.zeros_like(value), eps)

    def __add__(self, other: Rounded) -> Rounded:
        """Add and round."""
        return self._rounded(self.value + other.value, self.variance + other.variance)

    def __sub__(self, other: Rounded) -> Rounded:
        """Subtract and round."""
        return self._rounded(self.value - other.value, self.variance + other.variance)

    def __mul__(self, factor: Tensor | float) -> Rounded:
        """Multiply by exact numbers and round."""
        value, variance = factor * self.value, factor * factor * self.variance
        if not isinstance(factor, Tensor) and abs(math.frexp(factor)[0]) == 0.5:
            return Rounded(value, variance, self.eps)
        return self._rounded(value, variance)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Rounded:
        """Divide by an exact number and round."""
        return self * (1 / divisor)

    def row(self, k: int) -> Rounded:
        """Return row k, (..., 1, n)."""
        here = (..., slice(k, k + 1), slice(None))
        return Rounded(self.value[here], self.variance[here], self.eps)

    def mapped(self, function: Callable[[Tensor], Tensor], slope: Tensor) -> Rounded:
        """Apply a function with a given slope and round once."""
        return self._rounded(function(self.value), slope.square() * self.variance)

    def _rounded(self, value: Tensor, variance: Tensor) -> Rounded:
        return Rounded(value, variance + rounding_variance(value, self.eps), self.eps)
