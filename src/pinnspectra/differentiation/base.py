"""The interface of a differentiation method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from pinnspectra.differentiation.operators import DifferentialOperator
from pinnspectra.differentiation.points import Points

Field = Callable[[Any], Any]
"""A field (N, d) -> (..., N): any number of functions at N points, POINTS LAST.

A field that is built from `linear` and `activate` (jet.py) also maps a Jet to a Jet, which is what
Taylor-mode differentiation needs.
"""


def check_dimension(operators: tuple[DifferentialOperator, ...], x: Points) -> None:
    """Check that the operators differentiate along the axes that the points have.

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
    """Check after how many gradient steps a method is to be fitted anew.

    Raises:
        ValueError: it is below 1.
    """
    if renew_every < 1:
        raise ValueError(f"renew_every={renew_every}: a whole number of at least 1 is needed")


class AbstractDifferentiation(ABC):
    """How derivatives of a field are taken. An implementation is one file and one YAML file."""

    @abstractmethod
    def derivatives(
        self, u: Field, x: Points, *operators: DifferentialOperator
    ) -> tuple[Tensor, ...]:
        """The operators applied to u at the points x, one (..., N) each.

        A PDE asks for all that it needs in one call, so that evaluations are shared.

        Raises:
            ValueError: the method cannot take these derivatives at these points.
        """

    def fitted(
        self, u: Field, x: Points, operators: Sequence[DifferentialOperator]
    ) -> AbstractDifferentiation:
        """The method adapted to a field and to the operators that a problem asks for at points x.

        Itself, where it has nothing to adapt. A method that adapts and has an attribute
        `renew_every` is adapted again after so many gradient steps.

        Raises:
            ValueError: the method cannot take these derivatives of this field.
        """
        return self

    @property
    def metrics(self) -> dict[str, float]:
        """What there is to log of the method as it was fitted, by name."""
        return {}

    def __call__(self, u: Field, x: Points, operator: DifferentialOperator) -> Tensor:
        """One operator applied to u at the points x, (..., N)."""
        return self.derivatives(u, x, operator)[0]
