"""Callbacks of a training run. What happens every so often has a setting `every`."""

from pinnspectra.training.callbacks.checkpoint import Checkpoint
from pinnspectra.training.callbacks.progress import Progress
from pinnspectra.training.callbacks.spectrum import KernelSpectrum
from pinnspectra.training.callbacks.theorem1 import Theorem1

__all__ = ["Checkpoint", "KernelSpectrum", "Progress", "Theorem1"]
