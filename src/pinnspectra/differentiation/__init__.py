"""Differentiation methods: how the derivatives of a field are taken."""

from pinnspectra.differentiation.automatic import Automatic
from pinnspectra.differentiation.base import AbstractDifferentiation, Field
from pinnspectra.differentiation.exact_difference import ExactDifference
from pinnspectra.differentiation.finite_difference import FiniteDifference
from pinnspectra.differentiation.grid_difference import GridDifference
from pinnspectra.differentiation.nested_autograd import NestedAutograd
from pinnspectra.differentiation.operators import (
    DifferentialOperator,
    identity,
    laplacian,
    partials,
)

__all__ = [
    "AbstractDifferentiation",
    "Automatic",
    "DifferentialOperator",
    "ExactDifference",
    "Field",
    "FiniteDifference",
    "GridDifference",
    "NestedAutograd",
    "identity",
    "laplacian",
    "partials",
]
