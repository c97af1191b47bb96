"""Networks as fields (S, N) and as features (S, M, N); one file each."""

from pinnspectra.networks.base import AbstractNetwork, Parameters, cast
from pinnspectra.networks.mlp import MLP
from pinnspectra.networks.two_layer import TwoLayer

__all__ = ["MLP", "AbstractNetwork", "Parameters", "TwoLayer", "cast"]
