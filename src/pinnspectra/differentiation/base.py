"""The interface of a differentiation method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from pinnspectra.differentiation.operators import DifferentialOperator
from pinnspectra.differentiation.points import Points

Field = Callable[[Any], Any]
"""A field (N, d) -> (..., N): any number of functions at N points, points last.

Built from `linear` and `activate` (jet.py), it also maps a Jet to a Jet, which Taylor mode needs.
"""


def check_dimension(operators: tuple[DifferentialOperator, ...], x: Points) -> None:
    """Check that operators and points are of the same dimension.

    Raises:
        ValueError: an operator is of another dimension.
    """
    for operator in operators:
        if operator.dimension != x.coordinates.shape[-1]:
            raise ValueError(
                f"an operator in {operator.dimension} dimension(s) at points in "
                f"{x.coordinates.shape[-1]}: take partials({x.coordinates.shape[-1]})"
            )


def check_renewal(renew_every: int) -> None:
    """Check the number of gradient steps between fits of a method.

    Raises:
        ValueError: it is below 1.
    """
    if renew_every < 1:
        raise ValueError(f"renew_every={renew_every}: a whole number of at least 1 is needed")


class AbstractDifferentiation(ABC):
    """A differentiation method. An implementation is one Python file and one YAML file."""

    @abstractmethod
    def derivatives(
        self, u: Field, x: Points, *operators: DifferentialOperator
    ) -> tuple[Tensor, ...]:
        """Apply the operators to u at the points x, (..., N) each.

        A PDE asks for all its derivatives in one call, so that evaluations are shared.

        Raises:
            ValueError: the method cannot take these derivatives at these points.
        """

    def fitted(
        self, u: Field, x: Points, operators: Sequence[DifferentialOperator]
    ) -> AbstractDifferentiation:
        """Adapt the method to a field and to the operators of a problem at points x.

        Returns the method itself where there is nothing to adapt. A method with an attribute
        `renew_every` is adapted again every `renew_every` gradient steps.

        Raises:
            ValueError: the method cannot take these derivatives of this field.
        """
        return self

    @property
    def metrics(self) -> dict[str, float]:
        """The quantities to log of a fitted method, by name."""
        return {}

    def __call__(self, u: Field, x: Points, operator: DifferentialOperator) -> Tensor:
        """Apply one operator to u at the points x, (..., N)."""
        return self.derivatives(u, x, operator)[0]
