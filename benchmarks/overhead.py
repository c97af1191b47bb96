"""train.py over the bare driver.

The whole loop of `train.py` (Lightning, measuring, a CSV row every 100 gradient steps) against
`FunctionalDriver.advance` called directly, on the driver of the same run, with segments of as many
gradient steps. Rounds alternate in one process. The ratio is the time of a gradient step of
`train.py` over the driver's; with the spectrum callback, a spectrum every 1 000 steps is in it.
One thread, float32, M = 100, AD.
"""

from __future__ import annotations

from collections.abc import Iterator

from measuring import Row, at_most, benchmark, median, ratio, round_of, use_one_core
from training import train_in_turn

from pinnspectra.training.ensemble import Ensemble

LOG_EVERY = 100

PROBLEMS = [
    ("poisson1d", 100, 100, 1.1),
    ("biharmonic", 100, 100, 1.1),
    ("poisson2d", 64, 4096, 1.05),
    ("biharmonic", 4096, 4096, 1.05),
]
"""Problem, points per axis, points, the ratio at most."""


def bare_step(ensemble: Ensemble) -> float:
    """The seconds of a gradient step of the run's own driver."""
    rates = ensemble.rates.take(LOG_EVERY).clone()
    return round_of(lambda: ensemble.driver.advance(rates), 0.3) / LOG_EVERY


def rows() -> Iterator[Row]:
    """One a problem, without and with the spectrum."""
    for pde, per_axis, points, wanted in PROBLEMS:
        for callbacks, period in (("[]", LOG_EVERY), ("[spectrum]", 1000)):
            pairs = train_in_turn(
                [f"pde={pde}", f"points.per_axis={per_axis}", f"callbacks={callbacks}"],
                bare_step,
                seconds=0.3,
                log_every=LOG_EVERY,
                period=period,
            )
            measured = ratio(pairs)
            yield {
                "problem": pde,
                "points": points,
                "callbacks": callbacks,
                **measured,
                **at_most(measured["ratio"], wanted if callbacks == "[]" else None),
                "train.py (us)": 1e6 * median(first for first, _ in pairs),
                "driver (us)": 1e6 * median(second for _, second in pairs),
            }


if __name__ == "__main__":
    use_one_core()
    benchmark(__file__, __doc__, rows())
