"""Finite differences in exact arithmetic: truncation without rounding."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from pinnspectra.differentiation.base import (
    AbstractDifferentiation,
    Field,
    check_dimension,
    check_renewal,
)
from pinnspectra.differentiation.finite_difference import check_difference
from pinnspectra.differentiation.jet import variable
from pinnspectra.differentiation.operators import DifferentialOperator, MultiIndex, monomial
from pinnspectra.differentiation.points import Points
from pinnspectra.differentiation.stencil import central_weights

MAX_NODES = 41
"""Gauss nodes per axis at which the quadrature has to have converged."""

TOLERANCE = 64
"""Admissible difference between n and n + 2 Gauss nodes, in eps of the largest derivative. The
quadrature converges geometrically, so that the error with n + 2 nodes is far smaller."""


@dataclass(frozen=True)
class ExactDifference(AbstractDifferentiation):
    """The central difference of FiniteDifference, free of cancellation, for any step.

    By Peano's theorem a difference is an average of the derivative that it approximates,

        D_h u(x) = h^-k sum_s c_s u(x + s h) = int K(t) u^(k)(x + t h) dt,
        K(t) = sum_s c_s (s - t)_+^(k-1) / (k-1)!,

    with a spline K on [-q, q], q the reach of the stencil (Davis, Interpolation and Approximation
    (1963), Sec. 3.7). Gauss nodes t_j with interpolatory weights W_j make it a sum of derivatives
    by AD, sum_j W_j u^(k)(x + t_j h): no differences of close numbers, no division by h^k. Mixed
    derivatives take products over the axes. The number of nodes is found by comparing n and n + 2,
    in every call, or once for a field by `fitted`, which training needs.

    The field must be built from `linear` and `activate`, as networks are.

    Args:
        step: h.
        accuracy_order: p of the difference, 2, 4 or 6.
        renew_every: gradient steps after which `nodes` is determined anew, as weights grow.
        nodes: Gauss nodes per axis; None to determine them in every call.
    """

    step: float
    accuracy_order: int = 2
    renew_every: int = 1000
    nodes: int | None = None

    def __post_init__(self) -> None:
        """Check the settings."""
        check_difference(self.step, self.accuracy_order)
        check_renewal(self.renew_every)
        if self.nodes is not None and not (1 <= self.nodes <= MAX_NODES and self.nodes % 2):
            raise ValueError(f"nodes={self.nodes}: an odd number up to {MAX_NODES} is needed")

    def derivatives(
        self, u: Field, x: Points, *operators: DifferentialOperator
    ) -> tuple[Tensor, ...]:
        """Average derivatives by AD over shifted points, (..., N) each.

        Raises:
            ValueError: the quadrature does not converge.
        """
        check_dimension(operators, x)
        if self.nodes is None:
            return self._converged(u, x, operators)[1]
        return tuple(self._difference(u, x, operator, self.nodes) for operator in operators)

    def fitted(
        self, u: Field, x: Points, operators: Sequence[DifferentialOperator]
    ) -> ExactDifference:
        """Determine the number of nodes for the operators on this field.

        Raises:
            ValueError: the quadrature does not converge.
        """
        with torch.no_grad():
            return replace(self, nodes=self._converged(u, x, operators)[0])

    def _converged(
        self, u: Field, x: Points, operators: Sequence[DifferentialOperator]
    ) -> tuple[int, tuple[Tensor, ...]]:
        """Find the first number of nodes that suffices for all operators, and their values.

        With fewer than p + 1 nodes the quadrature is the derivative itself, since the moments of K
        below p vanish, and convergence would be detected too early.
        """
        by_ad = [self._difference(u, x, operator, 1) for operator in operators]
        sizes = [_largest(derivative) for derivative in by_ad]
        fewest = self.accuracy_order + 1
        coarse = tuple(self._difference(u, x, operator, fewest) for operator in operators)
        for nodes in range(fewest + 2, MAX_NODES + 1, 2):
            fine = tuple(self._difference(u, x, operator, nodes) for operator in operators)
            if all(map(_agree, coarse, fine, sizes)):
                return nodes, fine
            coarse = fine
        raise ValueError(
            f"step={self.step}: the exact difference does not converge with {MAX_NODES} nodes; "
            f"take a smaller step, or a smaller model.weight_range"
        )

    def _difference(
        self, u: Field, x: Points, operator: DifferentialOperator, nodes: int
    ) -> Tensor:
        terms: list[Tensor] = [c * self._term(u, x, alpha, nodes) for alpha, c in operator.terms]
        if not terms:
            return u(variable(x.coordinates)).derivative(operator)
        return sum(terms[1:], terms[0])

    def _term(self, u: Field, x: Points, alpha: MultiIndex, nodes: int) -> Tensor:
        """Average d^alpha u."""
        axes = [_quadrature(k, self.accuracy_order, nodes) for k in alpha]
        offsets = tuple(itertools.product(*(t for t, _ in axes)))
        weights = [math.prod(W) for W in itertools.product(*(W for _, W in axes))]
        values = u(variable(x.shifted(offsets, self.step).coordinates)).derivative(monomial(alpha))
        parts = values.unflatten(-1, (len(offsets), len(x.coordinates))).unbind(-2)
        weighted: list[Tensor] = [W * part for W, part in zip(weights, parts, strict=True)]
        return sum(weighted[1:], weighted[0])


def _agree(coarse: Tensor, fine: Tensor, size: Tensor) -> bool:
    """Return whether two averages agree up to the rounding of the averaged derivatives.

    Member by member, so that a large member does not hide the others. Members that are not finite
    count as converged: more nodes would not help.
    """
    largest, difference = torch.maximum(size, _largest(fine)), _largest(fine - coarse)
    enough = difference <= TOLERANCE * torch.finfo(fine.dtype).eps * largest
    return bool((enough | ~difference.isfinite()).all())


def _largest(values: Tensor) -> Tensor:
    """Return the largest magnitude per member, (S,) of (S, ..., N); () of (N,)."""
    magnitude = values.detach().abs()
    return magnitude.flatten(1).amax(dim=1) if values.ndim > 1 else magnitude.amax()


@lru_cache
def _quadrature(order: int, accuracy: int, nodes: int) -> tuple[tuple[float, ...], ...]:
    """Return t_j and W_j with sum_j W_j g(t_j) = int K(t) g(t) dt for g of degree < nodes.

    With Gauss-Legendre nodes s_j and weights w_j on [-1, 1] and t = q s,

        W_j = w_j sum_(m < nodes) (m + 1/2) P_m(s_j) int K(t) P_m(t / q) dt,

    whose integrals follow exactly from the moments of the difference,

        int K(t) t^i dt = i! / (k+i)! sum_s c_s s^(k+i).
    """
    if order == 0:
        return (0.0,), (1.0,)
    c = central_weights(order, accuracy)
    q = len(c) // 2
    moments = [
        Fraction(math.factorial(i), math.factorial(order + i))
        * sum(w * s ** (order + i) for s, w in enumerate(c, start=-q))
        for i in range(nodes)
    ]
    integrals = [
        float(sum(p * moment / q**i for i, (p, moment) in enumerate(zip(P, moments, strict=False))))
        for P in _legendre_polynomials(nodes)
    ]
    s, w = np.polynomial.legendre.leggauss(nodes)
    scaled = [(m + 0.5) * integral for m, integral in enumerate(integrals)]
    W = w * np.polynomial.legendre.legval(s, scaled)
    return tuple((q * s).tolist()), tuple(W.tolist())


def _legendre_polynomials(count: int) -> list[list[Fraction]]:
    """Return P_0, P_1, ..., lowest power first: (m+1) P_(m+1) = (2m+1) s P_m - m P_(m-1)."""
    polynomials = [[Fraction(1)], [Fraction(0), Fraction(1)]]
    for m in range(1, count - 1):
        raised = [Fraction(0), *((2 * m + 1) * p for p in polynomials[m])]
        lower = [*(m * p for p in polynomials[m - 1]), Fraction(0), Fraction(0)]
        polynomials.append([(a - b) / (m + 1) for a, b in zip(raised, lower, strict=True)])
    return polynomials[:count]
