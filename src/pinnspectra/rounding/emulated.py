"""Rounding, emulated: the errors in a matrix, and the floor that they put under its spectrum.

Where rounding.py has a law of a few numbers, this is sharper and knows any method and network. A
calculation is run in float64 and again with every result cut to t bits, which is arithmetic of t
bits. The difference is one realisation of its rounding errors, with the order of summation, the
powers of two that cost nothing and the nodes that neighbours share as they are in the program: by
any method, for any network and problem. No arithmetic wider than float64 is at hand to do so for
float64 itself, but errors are proportional to eps, so that those of 40 bits are scaled down.

The points stay as they are: that x + h is rounded too moves all columns alike, which raises the
largest few singular values of the errors and not the floor.

Reference: Higham and Pranesh, Simulating low precision floating-point arithmetic, SIAM J. Sci.
Comput. 41 (2019) C585-C602.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode  # in torch 2.13 not public yet

SIGNIFICANT_BITS = 53
"""Bits of float64's significand."""

EMULATED_BITS = {torch.float32: 24, torch.float64: 40}
"""Bits of the arithmetic that is run for that of a dtype; 40 leave float64's own errors behind."""


class ShortArithmetic(TorchDispatchMode):
    """Where it is entered, results of float64 operations are rounded to so many bits.

    Elementwise operations are rounded to nearest by Veltkamp's splitting, once each; products of
    matrices are summed term by term. What only moves numbers is exact, as it is in any arithmetic.
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self._splitter = 2.0 ** (SIGNIFICANT_BITS - bits) + 1

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to keep the compiler out would import it, which takes seconds

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one operation and round its result."""
        if func.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.bmm):
            return self._product(*args)
        result = func(*args, **(kwargs or {}))
        elementwise = torch.Tag.pointwise in func.tags
        if elementwise and isinstance(result, Tensor) and result.dtype == torch.float64:
            result.copy_(self._rounded(result))  # in place, for operations that are
        return result

    def _rounded(self, value: Tensor) -> Tensor:
        large = self._splitter * value
        return large - (large - value)

    def _product(self, A: Tensor, B: Tensor) -> Tensor:
        total = A.new_zeros(())
        for k in range(A.shape[-1]):
            total = self._rounded(total + A[..., :, k : k + 1] * B[..., k : k + 1, :])
        return total


def rounding_errors(calculation: Callable[[], Tensor], dtype: torch.dtype) -> Tensor:
    """What rounding in that dtype adds to the result of a calculation in float64, of its shape.

    The calculation is run twice, first in float64: points that it builds and keeps are exact.

    Args:
        calculation: a function whose numbers are all float64.
        dtype: float32 or float64.
    """
    exact = calculation()
    bits = EMULATED_BITS[dtype]
    with ShortArithmetic(bits):
        rounded = calculation()
    return (rounded - exact) * (torch.finfo(dtype).eps * 2.0 ** (bits - 1))
