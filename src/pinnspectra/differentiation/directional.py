"""Operators as sums of pure directional derivatives, and Faa di Bruno's formula.

References: Kan, J. Multivariate Anal. 99 (2008) 542-554 (polarisation); Griewank and Walther,
Evaluating Derivatives, 2nd ed. (2008), ch. 13.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from functools import lru_cache

from pinnspectra.differentiation.operators import DifferentialOperator, MultiIndex

Directional = tuple[tuple[MultiIndex, int, float], ...]
"""sum_j c_j D_(v_j)^(k_j) as triples (v_j, k_j, c_j), k_j >= 1, v_j of whole numbers."""


@lru_cache
def directional(operator: DifferentialOperator) -> tuple[float, Directional]:
    """Decompose an operator into c_0 I + sum_j c_j D_(v_j)^(k_j).

    A monomial is a sum of powers of linear forms (Kan): with k = |alpha|,

        x^alpha = 1 / (2^k k!) sum_(0 <= nu <= alpha) (-1)^|nu| binom(alpha, nu) (v . x)^k,

    v = alpha - 2 nu. Parallel directions are merged in exact arithmetic.
    """
    total: dict[tuple[MultiIndex, int], float] = {}
    constant = 0.0
    for index, coefficient in operator.terms:
        k = sum(index)
        if k == 0:
            constant += coefficient
        for (direction, order), weight in _polarised(index).items():
            key = (direction, order)
            total[key] = total.get(key, 0.0) + coefficient * float(weight)
    kept = sorted((v, k, c) for (v, k), c in total.items() if c != 0)
    return constant, tuple(kept)


def _polarised(index: MultiIndex) -> dict[tuple[MultiIndex, int], Fraction]:
    """Return the weights of D_v^k by (v, k) for d^alpha."""
    k = sum(index)
    total: dict[tuple[MultiIndex, int], Fraction] = {}
    if sum(i > 0 for i in index) == 1:  # a pure derivative is one term
        return {(tuple(int(i > 0) for i in index), k): Fraction(1)}
    for nu in itertools.product(*(range(i + 1) for i in index)):
        vector = [i - 2 * n for i, n in zip(index, nu, strict=True)]
        scale = math.gcd(*vector)
        if scale == 0:
            continue
        scale = scale if next(v for v in vector if v) > 0 else -scale
        binomials = math.prod(math.comb(i, n) for i, n in zip(index, nu, strict=True))
        weight = Fraction((-1) ** sum(nu) * binomials * scale**k, 2**k * math.factorial(k))
        key = (tuple(v // scale for v in vector), k)
        total[key] = total.get(key, Fraction(0)) + weight
    return total


@lru_cache
def partitions(k: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Return (n_p, blocks) for the partitions of k into at least two blocks (Faa di Bruno).

    n_p = k! / prod_b (b!^m_b m_b!) with m_b blocks of size b.
    """

    def split(rest: int, largest: int) -> list[tuple[int, ...]]:
        if rest == 0:
            return [()]
        sizes = range(min(rest, largest), 0, -1)
        return [(b, *others) for b in sizes for others in split(rest - b, b)]

    counted = []
    for blocks in split(k, k - 1):
        repeats = [blocks.count(b) for b in set(blocks)]
        divisor = math.prod(map(math.factorial, [*blocks, *repeats]))
        counted.append((math.factorial(k) // divisor, blocks))
    return tuple(counted)
