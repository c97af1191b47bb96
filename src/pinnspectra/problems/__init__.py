"""Boundary-value problems, written as they are printed."""

from pinnspectra.problems.base import AbstractPDE
from pinnspectra.problems.biharmonic import Biharmonic
from pinnspectra.problems.poisson import Poisson

__all__ = ["AbstractPDE", "Biharmonic", "Poisson"]
