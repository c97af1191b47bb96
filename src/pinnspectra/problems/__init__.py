"""Boundary-value problems, one file each."""

from pinnspectra.problems.base import AbstractPDE
from pinnspectra.problems.biharmonic import Biharmonic
from pinnspectra.problems.poisson import Poisson

__all__ = ["AbstractPDE", "Biharmonic", "Poisson"]
