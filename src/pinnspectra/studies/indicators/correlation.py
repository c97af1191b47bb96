"""Spearman's rank correlation of cases that are not independent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pinnspectra.studies.indicators.cases import NETWORK

RESAMPLES = 400
"""Bootstrap samples of an interval."""

FEWEST = 5
"""Cases without which there is no correlation."""


@dataclass(frozen=True)
class Correlation:
    """Spearman's rho with the 95 % interval; NaN where there is none."""

    rho: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """+1 or -1 where the interval has one sign, 0 where it has not or there is none."""
        return int(self.low > 0) - int(self.high < 0)


def correlated(
    cases: pd.DataFrame,
    indicators: Sequence[str],
    outcomes: Sequence[str],
    resamples: int = RESAMPLES,
) -> tuple[int, dict[str, dict[str, Correlation]]]:
    """Return how many cases have all values, and their correlations by outcome and indicator.

    The intervals are from the bootstrap over networks (Davison and Hinkley, Bootstrap Methods and
    their Application, 1997, Sec. 3.8), since cases of one network are not independent: networks are
    drawn with replacement, whole. NaN for fewer than FEWEST cases, and where a column is constant.
    """
    whole = cases.loc[np.isfinite(cases[[*indicators, *outcomes]]).all(axis=1)]
    values, p = np.asarray(whole[[*indicators, *outcomes]], dtype=float), len(indicators)
    samples = _samples(whole, resamples) if len(whole) >= FEWEST else [np.arange(0)]
    tables = [pd.DataFrame(values[rows]).corr("spearman").to_numpy()[:p, p:] for rows in samples]
    low, high = pd.DataFrame([t.ravel() for t in tables]).quantile([0.025, 0.975]).to_numpy()
    found = np.stack([tables[0].ravel(), low, high], axis=-1).reshape(p, len(outcomes), 3)
    return len(whole), {
        outcome: {name: Correlation(*found[i, j]) for i, name in enumerate(indicators)}
        for j, outcome in enumerate(outcomes)
    }


def _samples(cases: pd.DataFrame, number: int) -> Iterator[np.ndarray]:
    """Yield the rows of the data and of samples of networks, drawn with replacement."""
    rows = np.arange(len(cases))
    yield rows
    network = np.asarray(cases.groupby(NETWORK, sort=False).ngroup())
    networks = int(network.max()) + 1
    for times in np.random.default_rng(0).multinomial(networks, [1 / networks] * networks, number):
        yield np.repeat(rows, times[network])
