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
    def from_terms(
        terms: Iterable[tuple[MultiIndex, float]], dimension: int
    ) -> DifferentialOperator:
        """Build the canonical form: multi-indices merged and sorted, zero terms dropped."""
        total: dict[MultiIndex, float] = {}
        for index, coefficient in terms:
            total[index] = total.get(index, 0) + coefficient
        kept = sorted((index, c) for index, c in total.items() if c != 0)
        return DifferentialOperator(tuple(kept), dimension)

    @property
    def order(self) -> int:
        """The highest total order of a term; 0 for the zero operator."""
        return max((sum(index) for index, _ in self.terms), default=0)

    def __add__(self, other: DifferentialOperator | float) -> DifferentialOperator:
        """Add; a number stands for that multiple of the identity."""
        return DifferentialOperator.from_terms(self.terms + self._lift(other).terms, self.dimension)

    def __mul__(self, other: DifferentialOperator | float) -> DifferentialOperator:
        """Compose; constant coefficients commute."""
        products = [
            (tuple(i + j for i, j in zip(a, b, strict=True)), c * e)
            for a, c in self.terms
            for b, e in self._lift(other).terms
        ]
        return DifferentialOperator.from_terms(products, self.dimension)

    def __pow__(self, exponent: int) -> DifferentialOperator:
        """Compose the operator with itself."""
        if exponent < 0:
            raise ValueError(f"exponent={exponent}: a whole number of at least 0 is needed")
        power = identity(self.dimension)
        for _ in range(exponent):
            power = power * self
        return power

    def __neg__(self) -> DifferentialOperator:
        """Negate."""
        return self * -1

    def __sub__(self, other: DifferentialOperator | float) -> DifferentialOperator:
        """Subtract."""
        return self + self._lift(other) * -1

    def __rsub__(self, other: float) -> DifferentialOperator:
        """Subtract from a multiple of the identity."""
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def _lift(self, other: DifferentialOperator | float) -> DifferentialOperator:
        if not isinstance(other, DifferentialOperator):
            return DifferentialOperator.from_terms([((0,) * self.dimension, other)], self.dimension)
        if other.dimension != self.dimension:
            raise ValueError(f"operators in {self.dimension} and {other.dimension} dimensions")
        return other


def monomial(index: MultiIndex) -> DifferentialOperator:
    """Return d^alpha."""
    return DifferentialOperator.from_terms([(index, 1)], len(index))


def identity(dimension: int) -> DifferentialOperator:
    """Return the identity, I u = u."""
    return monomial((0,) * dimension)


def partials(dimension: int) -> tuple[DifferentialOperator, ...]:
    """Return the first partial derivatives (d/dx_1, ..., d/dx_d)."""
    units = [tuple(int(i == j) for j in range(dimension)) for i in range(dimension)]
    return tuple(map(monomial, units))


def laplacian(dimension: int) -> DifferentialOperator:
    """Return the Laplacian, the sum of the second partial derivatives."""
    squares = [(index, c) for d in partials(dimension) for index, c in (d**2).terms]
    return DifferentialOperator.from_terms(squares, dimension)
