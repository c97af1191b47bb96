"""Boundary-value problems, written as they are printed."""

from pinnspectra.pde.base import AbstractPDE
from pinnspectra.pde.biharmonic import Biharmonic
from pinnspectra.pde.poisson import Poisson

__all__ = ["AbstractPDE", "Biharmonic", "Poisson"]
