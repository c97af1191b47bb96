"""What solves a problem: an optimizer a file, least squares, random features."""

from pinnspectra.solvers.adam import Adam
from pinnspectra.solvers.base import AbstractOptimizer, Memory
from pinnspectra.solvers.sgd import SGD

__all__ = ["SGD", "AbstractOptimizer", "Adam", "Memory"]
