"""How much rounding a field carries, measured on the field itself."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pinnspectra.differentiation.base import Field
from pinnspectra.differentiation.points import Points

SAMPLE = 512
"""Points at which noise is measured at most: three differences at each of them give 2 %."""

ORDER, NEIGHBOURS = 6, 4
"""The order of the differences, and the points on either side of each that they are taken of."""


def subsample(x: Points, most: int = SAMPLE) -> Points:
    """At most so many of the points, evenly spread over their order and out of step with a grid."""
    count = len(x.coordinates)
    if count <= most:
        return x
    stride = -(-count // most)
    while math.gcd(stride, count) > 1:  # else it may take few of the lines of a grid
        stride += 1
    return Points(x.coordinates[::stride])


@torch.no_grad()
def noise_level(u: Field, x: Points) -> Tensor:
    """du, the deviation of the rounding errors of u (..., N) in the dtype of the points, (...).

    What is smooth drops out of the m-th difference of u at points a small distance d apart, and
    errors that are independent remain, with the variance binom(2m, m) du^2 (ECnoise: More and Wild,
    SIAM J. Sci. Comput. 33 (2011) 1292-1314). m = 6, 9 points in a row along the diagonal of the
    axes, so that every product with a coordinate is rounded anew, and d = sqrt(eps) / 3 of the
    largest coordinate, which is no power of two, so that the sum x + d is too. float64.
    """
    nodes = subsample(x)
    dimension, n = nodes.coordinates.shape[-1], len(nodes.coordinates)
    steps = range(-NEIGHBOURS, NEIGHBOURS + 1)
    distance = math.sqrt(torch.finfo(x.coordinates.dtype).eps) / 3 * x.extent
    offsets = tuple((s,) * dimension for s in steps)
    values = u(nodes.shifted(offsets, distance).coordinates).double()
    differences = values.unflatten(-1, (len(steps), n)).diff(n=ORDER, dim=-2)
    variance = differences.square().mean(dim=(-2, -1)) / math.comb(2 * ORDER, ORDER)
    return variance.sqrt()
