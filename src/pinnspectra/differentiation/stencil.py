"""Central finite-difference stencils: whole-number weights over a common denominator."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

from pinnspectra.differentiation.operators import DifferentialOperator, MultiIndex
from pinnspectra.differentiation.points import Points

Offset = tuple[int, ...]


@dataclass(frozen=True)
class Stencil:
    """D_h u(x) = factor / (denominator h^k) sum_s weight_s u(x + s h).

    `terms` is the operator, homogeneous of order k with whole-number coefficients; `factor` is
    their common factor. Whole-number weights sum to zero exactly in floating point; decimal ones
    (-1/12, 4/3, ...) do not, which would leave an error coherent over all points.
    """

    terms: tuple[tuple[MultiIndex, int], ...]
    accuracy_order: int
    weights: tuple[tuple[Offset, int], ...]
    denominator: int
    factor: float = 1.0

    def __post_init__(self) -> None:
        """Check the moment conditions, so that no stencil has a wrong weight.

        By Taylor's formula D_h u = sum_beta m_beta h^(|beta|-k) d^beta u / beta! with the moments
        m_beta = sum_s weight_s s^beta / denominator: those below k + accuracy_order must be
        c_alpha alpha! at the operator's own multi-indices and zero elsewhere.
        """
        wanted = {a: Fraction(c * math.prod(map(math.factorial, a))) for a, c in self.terms}
        span = range(self.order + self.accuracy_order)
        for beta in itertools.product(span, repeat=len(self.terms[0][0])):
            if sum(beta) in span:
                moment = self._moment(beta)
                if moment != wanted.get(beta, 0):
                    raise AssertionError(f"stencil for {self.terms}: moment {beta} is {moment}")

    @property
    def order(self) -> int:
        """The order k of the derivatives."""
        return sum(self.terms[0][0])

    @property
    def reach(self) -> int:
        """The largest offset along an axis."""
        return max(abs(s) for offset, _ in self.weights for s in offset)

    @cached_property
    def truncation(self) -> DifferentialOperator:
        """The leading error T, of order k + p: D_h u - L u = h^p T u + O(h^(p+1)).

        T = factor sum_beta m_beta / beta! d^beta over |beta| = k + p, the lowest moments that the
        conditions leave free.
        """
        dimension, degree = len(self.terms[0][0]), self.order + self.accuracy_order
        indices = itertools.product(range(degree + 1), repeat=dimension)
        leading = (beta for beta in indices if sum(beta) == degree)
        terms = [
            (beta, self.factor * float(self._moment(beta) / math.prod(map(math.factorial, beta))))
            for beta in leading
        ]
        return DifferentialOperator.from_terms(terms, dimension)

    def _moment(self, beta: MultiIndex) -> Fraction:
        """Return m_beta = sum_s weight_s s^beta / denominator, exact."""
        axes = ((w, zip(offset, beta, strict=True)) for offset, w in self.weights)
        total = sum(w * math.prod([s**b for s, b in powers]) for w, powers in axes)
        return Fraction(total, self.denominator)

    def divisor(self, step: float) -> float:
        """Return denominator h^k, the divisor of the whole-number weights."""
        return self.denominator * step**self.order

    def apply(self, values: Mapping[Offset, Any], divisor: Tensor | float) -> Any:
        """Apply the stencil to u(x + s h), given by offset: tensors or Rounded numbers.

        Outer pairs are summed first, then the centre: (u(x-h) + u(x+h)) - 2 u(x). The order of
        summation determines the rounding, and with it the tail of the spectra.
        """
        sign = -1 if self.order % 2 else 1
        total = None
        for offset, weight in self.weights:
            mirror = tuple(-s for s in offset)
            if offset < mirror:
                continue
            term = values[offset]
            if offset != mirror:
                term = values[mirror] + term if sign > 0 else term - values[mirror]
            term = term if weight == 1 else weight * term
            total = term if total is None else total + term
        assert total is not None
        if self.order:
            total = total / divisor
        return total if self.factor == 1 else self.factor * total


@lru_cache
def central_weights(order: int, accuracy_order: int) -> tuple[Fraction, ...]:
    """Return the weights of the central stencil for d^order/dx^order at -q..q, exact.

    They solve the moment conditions sum_s w_s s^b = b! [b = order], b = 0..2q.
    """
    if order == 0:
        return (Fraction(1),)
    q = (order + 1) // 2 - 1 + accuracy_order // 2
    n = 2 * q + 1
    rows = [[Fraction(s**b) for s in range(-q, q + 1)] for b in range(n)]
    right = [Fraction(math.factorial(b) if b == order else 0) for b in range(n)]
    for i in range(n):  # Gauss-Jordan elimination in exact arithmetic
        pivot = next(r for r in range(i, n) if rows[r][i] != 0)
        rows[i], rows[pivot], right[i], right[pivot] = rows[pivot], rows[i], right[pivot], right[i]
        for r in range(n):
            if r != i and rows[r][i] != 0:
                ratio = rows[r][i] / rows[i][i]
                rows[r] = [a - ratio * b for a, b in zip(rows[r], rows[i], strict=True)]
                right[r] -= ratio * right[i]
    return tuple(right[i] / rows[i][i] for i in range(n))


def _stencil(terms: tuple[tuple[MultiIndex, int], ...], accuracy: int, factor: float) -> Stencil:
    """Build the tensor-product stencil of a homogeneous operator, with its terms merged."""
    total: dict[Offset, Fraction] = {}
    for index, coefficient in terms:
        axes = [central_weights(order, accuracy) for order in index]
        spans = [range(-(len(w) // 2), len(w) // 2 + 1) for w in axes]
        for offset in itertools.product(*spans):
            weight = math.prod([w[s + len(w) // 2] for w, s in zip(axes, offset, strict=True)])
            total[offset] = total.get(offset, Fraction(0)) + coefficient * weight
    kept = {offset: w for offset, w in total.items() if w != 0}
    outermost_first = sorted(kept, key=lambda o: (-max(map(abs, o)), o))
    denominator = math.lcm(*(w.denominator for w in kept.values()))
    weights = tuple((o, int(kept[o] * denominator)) for o in outermost_first)
    return Stencil(terms, accuracy, weights, denominator, factor)


@lru_cache
def stencils(operator: DifferentialOperator, accuracy_order: int) -> tuple[Stencil, ...]:
    """Return the stencils whose sum approximates an operator.

    Terms of one order with whole-number coefficients share a stencil; those with one other
    coefficient share a stencil with that factor.
    """
    if not operator.terms:
        origin = (0,) * operator.dimension
        return (Stencil(((origin, 0),), accuracy_order, ((origin, 0),), 1),)
    groups: dict[tuple[int, float], list[tuple[MultiIndex, int]]] = {}
    for index, coefficient in operator.terms:
        whole = float(coefficient).is_integer()
        key = (sum(index), 1.0 if whole else coefficient)
        groups.setdefault(key, []).append((index, int(coefficient) if whole else 1))
    return tuple(_stencil(tuple(t), accuracy_order, key[1]) for key, t in groups.items())


def leading_error(operator: DifferentialOperator, accuracy_order: int) -> DifferentialOperator:
    """Return T with D_h u - L u = h^p T u + O(h^(p+1)), over all stencils of L."""
    parts = [stencil.truncation for stencil in stencils(operator, accuracy_order)]
    return sum(parts[1:], parts[0])


def weight_norm(operator: DifferentialOperator, accuracy_order: int) -> float:
    """Return ||c||, the 2-norm of the real weights of the operator's highest order k.

    Independent errors of u with standard deviation du cause an error ||c|| du / h^k in D_h u; terms
    of lower order add errors of lower powers of 1/h.
    """
    total: dict[Offset, float] = {}
    for stencil in stencils(operator, accuracy_order):
        if stencil.order == operator.order:
            for offset, weight in stencil.weights:
                c = stencil.factor * weight / stencil.denominator
                total[offset] = total.get(offset, 0.0) + c
    return math.hypot(*total.values())


def check_step(step: float, order: int, x: Points) -> None:
    """Check that a step suits derivatives of some order at the points.

    Raises:
        ValueError: step^order leaves the range of the dtype, or x + step rounds to x.
    """
    info = torch.finfo(x.coordinates.dtype)
    name, smallest = str(info.dtype), info.eps * x.largest_coordinate
    if not math.log(info.tiny) < order * math.log(step) < math.log(info.max):
        raise ValueError(
            f"step={step}: step^{order} leaves the range of {name}; "
            f"take a step near the grid spacing, at most 1"
        )
    if order and step < smallest:
        raise ValueError(
            f"step={step}: x + step rounds to x in {name}; at least {smallest:.1e} is "
            f"needed, and far more to keep rounding small"
        )
