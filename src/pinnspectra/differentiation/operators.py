"""Linear differential operators with constant coefficients: polynomials in the partials."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MultiIndex = tuple[int, ...]


@dataclass(frozen=True)
class DifferentialOperator:
    """A polynomial in the partial derivatives, sum_alpha c_alpha d^alpha.

    Made by + - * ** from `partials(d)`, `identity(d)` and `laplacian(d)`, so that a PDE reads like
    its formula: `laplacian(2) + k**2`, `dx**4`, `dx * dy`.
    """

    terms: tuple[tuple[MultiIndex, float], ...]
    dimension: int

    @staticmethod
    def of(terms: Iterable[tuple[MultiIndex, float]], dimension: int) -> DifferentialOperator:
        """The operator with equal multi-indices added up, zero terms left out, in a fixed order."""
        total: dict[MultiIndex, float] = {}
        for index, coefficient in terms:
            total[index] = total.get(index, 0) + coefficient
        kept = sorted((index, c) for index, c in total.items() if c != 0)
        return DifferentialOperator(tuple(kept), dimension)

    @property
    def order(self) -> int:
        """The largest total order of a term; 0 for the zero operator."""
        return max((sum(index) for index, _ in self.terms), default=0)

    def __add__(self, other: DifferentialOperator | float) -> DifferentialOperator:
        """The sum; a number stands for that multiple of the identity."""
        return DifferentialOperator.of(self.terms + self._lift(other).terms, self.dimension)

    def __mul__(self, other: DifferentialOperator | float) -> DifferentialOperator:
        """The composition; constant coefficients commute."""
        products = [
            (tuple(i + j for i, j in zip(a, b, strict=True)), c * e)
            for a, c in self.terms
            for b, e in self._lift(other).terms
        ]
        return DifferentialOperator.of(products, self.dimension)

    def __pow__(self, exponent: int) -> DifferentialOperator:
        """The operator applied `exponent` times."""
        if exponent < 0:
            raise ValueError(f"exponent={exponent}: a whole number of at least 0 is needed")
        power = identity(self.dimension)
        for _ in range(exponent):
            power = power * self
        return power

    def __neg__(self) -> DifferentialOperator:
        """Minus the operator."""
        return self * -1

    def __sub__(self, other: DifferentialOperator | float) -> DifferentialOperator:
        """The difference."""
        return self + self._lift(other) * -1

    def __rsub__(self, other: float) -> DifferentialOperator:
        """A multiple of the identity minus the operator."""
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def _lift(self, other: DifferentialOperator | float) -> DifferentialOperator:
        if not isinstance(other, DifferentialOperator):
            return DifferentialOperator.of([((0,) * self.dimension, other)], self.dimension)
        if other.dimension != self.dimension:
            raise ValueError(f"operators in {self.dimension} and {other.dimension} dimensions")
        return other


def identity(dimension: int) -> DifferentialOperator:
    """The identity, I u = u."""
    return DifferentialOperator.of([((0,) * dimension, 1)], dimension)


def partials(dimension: int) -> tuple[DifferentialOperator, ...]:
    """The first partial derivatives (d/dx_1, ..., d/dx_d)."""
    units = [tuple(int(i == j) for j in range(dimension)) for i in range(dimension)]
    return tuple(DifferentialOperator.of([(unit, 1)], dimension) for unit in units)


def laplacian(dimension: int) -> DifferentialOperator:
    """The Laplacian, the sum of the second partial derivatives."""
    squares = [(index, c) for d in partials(dimension) for index, c in (d**2).terms]
    return DifferentialOperator.of(squares, dimension)
