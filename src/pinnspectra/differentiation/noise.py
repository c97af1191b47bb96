"""The rounding noise of a field, measured on the field itself."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pinnspectra.differentiation.base import Field
from pinnspectra.differentiation.points import Points

MAX_POINTS = 512
"""Points at which noise is measured at most: three differences at each of them give 2 %."""

ORDER, NEIGHBOURS = 6, 4
"""The order of the differences, and the points on either side of each that enter them."""


def subsample(x: Points, count: int = MAX_POINTS) -> Points:
    """Return at most `count` points, evenly spread and with a stride coprime to their number."""
    total = len(x.coordinates)
    if total <= count:
        return x
    stride = -(-total // count)
    while math.gcd(stride, total) > 1:  # else few lines of a grid might be hit
        stride += 1
    return Points(x.coordinates[::stride])


@torch.no_grad()
def noise_level(u: Field, x: Points) -> Tensor:
    """Estimate du, the standard deviation of the rounding errors of u (..., N), (...), float64.

    An m-th difference of u over points a small distance d apart annihilates smooth functions and
    leaves independent errors, with the variance binom(2m, m) du^2 (ECnoise: More and Wild, SIAM J.
    Sci. Comput. 33 (2011) 1292-1314). m = 6, on 9 points along the diagonal of the axes, so that
    every product with a coordinate is rounded anew; d is sqrt(eps) / 3 of the largest coordinate,
    not a power of two, so that x + d is rounded anew, too. u is taken in the dtype of the points.
    """
    nodes = subsample(x)
    dimension, n = nodes.coordinates.shape[-1], len(nodes.coordinates)
    steps = range(-NEIGHBOURS, NEIGHBOURS + 1)
    distance = math.sqrt(torch.finfo(x.coordinates.dtype).eps) / 3 * x.largest_coordinate
    offsets = tuple((s,) * dimension for s in steps)
    values = u(nodes.shifted(offsets, distance).coordinates).double()
    differences = values.unflatten(-1, (len(steps), n)).diff(n=ORDER, dim=-2)
    variance = differences.square().mean(dim=(-2, -1)) / math.comb(2 * ORDER, ORDER)
    return variance.sqrt()
