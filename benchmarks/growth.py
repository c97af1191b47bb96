"""How time grows: with points, with width, with the jobs of a sweep.

Points and width: the time of a gradient step of `train.py` (poisson1d, AD, float32, one thread,
without callbacks; M = 100 where N grows, N = 100 where M grows). Jobs: a whole sweep of short runs
over seeds, in one process. `over linear` is the growth since the row before over the growth of the
size: 1 is linear growth, less is better.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator

from measuring import ROOT, Row, benchmark, median, process_seconds, use_one_core
from training import train_in_turn

POINTS = (100, 1_000, 10_000, 100_000, 1_000_000)
WIDTHS = (10, 100, 1_000, 10_000)
JOBS = (1, 2, 4, 8)


def step_seconds(points: int, width: int) -> float:
    """A gradient step of train.py."""
    values = points * width
    pairs = train_in_turn(
        [f"points.per_axis={points}", f"model.width={width}", "callbacks=[]"],
        rounds=5 if values < 10**7 else 2,
        period=100,
    )
    return median(seconds for seconds, _ in pairs)


def sweep_seconds(jobs: int) -> float:
    """A whole sweep of so many runs, of a hundred gradient steps each, in one process."""
    seeds = ",".join(map(str, range(jobs)))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "train.py"), "-m", f"seed={seeds}"]
        command += ["max_steps=100", "logger=[csv]"]
        return process_seconds(command, folder)


def growth(what: str, sizes: tuple[int, ...], seconds_of: Callable[[int], float]) -> Iterator[Row]:
    """One row a size."""
    before: tuple[int, float] | None = None
    for size in sizes:
        seconds = seconds_of(size)
        row: Row = {"what": what, "size": size}
        if before:
            linear = seconds / before[1] / (size / before[0])
            row |= {"over linear": linear}
        yield row | {"time (ms)": 1e3 * seconds}
        before = size, seconds


def rows() -> Iterator[Row]:
    """The three in turn."""
    yield from growth("points N", POINTS, lambda points: step_seconds(points, 100))
    yield from growth("width M", WIDTHS, lambda width: step_seconds(100, width))
    yield from growth("jobs J of a sweep", JOBS, sweep_seconds)


if __name__ == "__main__":
    use_one_core()
    benchmark(__file__, __doc__, rows())
