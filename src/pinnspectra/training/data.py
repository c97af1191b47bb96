"""How a training run is cut: gradient steps into chunks, points into parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PART_VALUES = 2**21
"""Entries of an (M, n) array above which the interior points are taken in parts: memory does not
grow with their number, and the arrays of a part stay in a shared cache."""

CHUNKS_SAVED = 10
"""Chunks of the longest length from one checkpoint to the next, where no number is given."""


def longest_chunk(activation_entries: int, compiled: bool, log_every: int) -> int:
    """Return the largest number of gradient steps in a chunk, so that progress shows.

    They take a second or less where possible: a compiled step takes about 1e-9 s for each of the
    S M n activation entries, an eager one at least 1e-3 s. But the members are measured after a
    chunk, which takes as long as 20 steps on many points: so it has 500 steps, or ends where they
    are measured anyway. From the sizes alone, so that a run is cut the same way every time.
    """
    steps = min(20_000 if compiled else 500, int(5e8 / activation_entries))
    steps = max(steps, min(log_every, 500))
    return steps // log_every * log_every or steps


@dataclass(frozen=True)
class ChunkSchedule:
    """Chunks of gradient steps that end on every multiple of every interval, and on max_steps.

    A chunk is a batch of Lightning's, and what callbacks do at an interval (spectra, checkpoints)
    falls on the asked steps. A chunk depends on where it begins alone, so that a run that is
    resumed at `start` is cut as one that was not ended.
    """

    max_steps: int
    intervals: Sequence[int]
    longest: int
    start: int = 0

    def __iter__(self) -> Iterator[int]:
        """Yield the gradient steps of each chunk; they add up to max_steps - start."""
        step = self.start
        while step < self.max_steps:
            ends = [(step // interval + 1) * interval for interval in self.intervals]
            end = min(self.max_steps, step + self.longest, *ends)
            yield end - step
            step = end
