"""Sine and cosine in float32 as arithmetic that a compiler vectorises with what is around it.

With k the whole number next to z / pi, sin z = (-1)^k sin(z - k pi), and an odd polynomial takes
the sine on [-pi/2, pi/2]. pi is subtracted in three parts, so that what is left keeps its digits
(Cody and Waite, Software Manual for the Elementary Functions, 1980, ch. 8). The largest error is
about 2 units in the last place; library sines have 0.6 and take about three times as long, which
is most of a gradient step. Beyond |z| = 1e4 the error is still below one rounding of z.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

PI = (3.140625, 0.0009675025939941406, 1.5099579897537296e-07)
"""pi in parts of 8, 12 and 53 bits: k times the first two is exact in float32 for k < 4096."""

COEFFICIENTS = (-1.66666596e-01, 8.33306625e-03, -1.98096029e-04, 2.60578054e-06)
"""c_i of sin r = r + r^3 (c_0 + c_1 r^2 + ...): relative error 6e-9, by Lawson's iteration."""


def _sine(z: Tensor, multiple: Tensor, parity: Tensor) -> Tensor:
    """(-1)^(2 parity) sin(z - multiple * pi), parity in halves."""
    r = z
    for part in PI:
        r = r - multiple * part
    r = r.clamp(-math.pi / 2, math.pi / 2)  # for |z| > 1e7, whose own rounding exceeds pi
    s = r * r
    c0, c1, c2, c3 = COEFFICIENTS
    sine = (((c3 * s + c2) * s + c1) * s + c0) * s * r + r
    return sine * (1 - 4 * (parity - torch.floor(parity)))


def sin(z: Tensor) -> Tensor:
    """sin z, elementwise; left to torch in other dtypes than float32."""
    if z.dtype != torch.float32:
        return NotImplemented
    k = torch.round(z * (1 / math.pi))
    return _sine(z, k, 0.5 * k)


def cos(z: Tensor) -> Tensor:
    """cos z = -(-1)^k sin(z - (k + 1/2) pi), elementwise; left to torch outside float32."""
    if z.dtype != torch.float32:
        return NotImplemented
    k = torch.round(z * (1 / math.pi) - 0.5)
    return _sine(z, k + 0.5, 0.5 * k + 0.5)


DECOMPOSITIONS: dict[Any, Callable[..., Tensor]] = {
    torch.ops.aten.sin.default: sin,
    torch.ops.aten.cos.default: cos,
}
"""What tracing puts in place of torch's operations."""
