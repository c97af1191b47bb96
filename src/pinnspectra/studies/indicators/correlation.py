"""Spearman's rank correlation of cases that are not independent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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


def correlations(
    indicators: np.ndarray, outcomes: np.ndarray, clusters: np.ndarray
) -> list[list[Correlation]]:
    """Return Spearman's rho of columns (n, p) with columns (n, q): p lists of q correlations.

    Equivalent to scipy.stats.spearmanr, ties included. The intervals are from the bootstrap over
    clusters (Davison and Hinkley, Bootstrap Methods and their Application, 1997, Sec. 3.8), since
    cases of one network are not independent: clusters are drawn with replacement, whole. All NaN
    for fewer than FEWEST cases; NaN where a column is constant.

    Args:
        indicators: finite values.
        outcomes: finite values of the same cases.
        clusters: the number, from 0, of the cluster of each case, (n,).
    """
    if len(clusters) < FEWEST:
        none = Correlation(np.nan, np.nan, np.nan)
        return [[none] * outcomes.shape[1] for _ in indicators.T]
    weights = _resamples(clusters)
    ranked = [_standard_scores(midranks(y, weights), weights) for y in outcomes.T]
    found = []
    for x in indicators.T:
        score = _standard_scores(midranks(x, weights), weights)
        found.append([_correlation((weights * score * other).sum(axis=1)) for other in ranked])
    return found


def _resamples(clusters: np.ndarray) -> np.ndarray:
    """Return how often each case is in each sample, (1 + B, n); the first sample is the data."""
    number = int(clusters.max()) + 1
    drawn = np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), RESAMPLES)
    return np.vstack([np.ones(clusters.size), drawn[:, clusters]])


def midranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rank values, (n,), in samples that have each of them as often as weights, (B, n), say.

    Equal values share the mean of their ranks. Without weights, scipy.stats.rankdata less 1/2.
    """
    order = np.argsort(values, kind="stable")
    sorted_values = values[order]
    first = np.flatnonzero(np.r_[True, sorted_values[1:] != sorted_values[:-1]])
    counts = np.add.reduceat(weights[:, order], first, axis=1)
    shared = np.cumsum(counts, axis=1) - counts / 2
    group = np.empty(values.size, dtype=int)
    group[order] = np.repeat(np.arange(first.size), np.diff(np.r_[first, values.size]))
    return shared[:, group]


def _standard_scores(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Subtract the weighted mean of (B, n), divide by the weighted norm; NaN if constant."""
    total = weights.sum(axis=1, keepdims=True)
    centred = values - (weights * values).sum(axis=1, keepdims=True) / total
    norm = np.sqrt((weights * centred**2).sum(axis=1, keepdims=True))
    return centred / np.where(norm > 1e-9 * total, norm, np.nan)


def _correlation(rho: np.ndarray) -> Correlation:
    """Return rho with its interval, from that of the data and of the samples, (1 + B,)."""
    if np.isnan(rho[0]):
        return Correlation(np.nan, np.nan, np.nan)
    low, high = np.nanquantile(rho, [0.025, 0.975])
    return Correlation(float(rho[0]), float(low), float(high))
