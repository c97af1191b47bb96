"""Networks as fields (S, N) and as features (S, M, N) of their points; a network a file."""

from pinnspectra.networks.base import AbstractNetwork, Parameters
from pinnspectra.networks.mlp import MLP
from pinnspectra.networks.two_layer import TwoLayer

__all__ = ["MLP", "AbstractNetwork", "Parameters", "TwoLayer"]
