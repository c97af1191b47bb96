"""Optimizers, one file each; least squares and random features."""

from pinnspectra.solvers.adam import Adam
from pinnspectra.solvers.base import AbstractOptimizer, Memory
from pinnspectra.solvers.sgd import SGD

__all__ = ["SGD", "AbstractOptimizer", "Adam", "Memory"]
