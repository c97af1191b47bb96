"""Emulated rounding: the errors of a calculation by arithmetic of fewer bits.

More accurate than the law (law.py), and for any method, network and problem. A calculation is run
in float64 and again with every result rounded to t bits. The difference is one realisation of its
rounding errors, with the program's own order of summation, exact products with powers of two and
nodes shared by neighbours. For float64 no wider arithmetic is at hand, but errors are proportional
to eps, so that those of 40 bits are scaled down.

The points are exact: the rounding of x + h is common to all columns, so that it raises the largest
few singular values of the errors and not the floor.

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
"""Bits of the significand of float64."""

EMULATED_BITS = {torch.float32: 24, torch.float64: 40}
"""Bits that stand in for a dtype; with 40 the errors of float64 itself are negligible."""


class ShortArithmetic(TorchDispatchMode):
    """A context in which results of float64 operations are rounded to `bits` bits.

    Elementwise operations are rounded to nearest by Veltkamp's splitting, once each; products of
    matrices are summed term by term. Operations that only move numbers are exact.
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self._splitter = 2.0 ** (SIGNIFICANT_BITS - bits) + 1

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # skipping would import the compiler, which takes seconds

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one operation and round its result."""
        if func.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.bmm):
            return self._product(*args)
        result = func(*args, **(kwargs or {}))
        elementwise = torch.Tag.pointwise in func.tags
        if elementwise and isinstance(result, Tensor) and result.dtype == torch.float64:
            result.copy_(self._rounded(result))  # in place, as some operations are
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
    """Return one realisation of the rounding errors of a calculation, in the shape of its result.

    The calculation is run twice, first in float64: points that it caches are exact.

    Args:
        calculation: a function that calculates in float64 throughout.
        dtype: float32 or float64.
    """
    exact = calculation()
    bits = EMULATED_BITS[dtype]
    with ShortArithmetic(bits):
        rounded = calculation()
    return (rounded - exact) * (torch.finfo(dtype).eps * 2.0 ** (bits - 1))
