"""The batches of a full-batch training run: how many gradient steps to take at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONGEST = 1000
"""Gradient steps in a chunk at most, so that progress shows and Ctrl-C is heard."""


@dataclass(frozen=True)
class ChunkSchedule:
    """Chunks of gradient steps that end on every multiple of every interval, and on max_steps.

    A Lightning batch of a run is one number: the gradient steps of the next chunk. What happens
    every so many gradient steps (logging, spectra, checkpoints) then falls on the asked steps.
    """

    max_steps: int
    intervals: Sequence[int]

    def __iter__(self) -> Iterator[int]:
        """The lengths of the chunks; they add up to max_steps."""
        step = 0
        while step < self.max_steps:
            ends = [(step // interval + 1) * interval for interval in self.intervals]
            end = min(self.max_steps, step + LONGEST, *ends)
            yield end - step
            step = end
