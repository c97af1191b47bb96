"""Spearman's rank correlation of cases that are not independent, in groups; pairs of cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pinnspectra.studies.indicators.cases import NETWORK, SETTING, Outcome

RESAMPLES = 400
"""Bootstrap samples of an interval."""

FEWEST = 5
"""Cases without which there is no correlation."""

SAME = 0.01
"""Relative difference up to which two entropies are the same."""


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


def grouped(cases: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return all cases; those of each problem, method and precision; those that share all three."""
    found = {"all": cases}
    for key in (["problem"], ["method"], ["precision"], ["problem", "precision", "method"]):
        found |= {", ".join(of[key].iloc[0]): of for _, of in cases.groupby(key, sort=False)}
    return found


def paired(cases: pd.DataFrame, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Compare AD with each other method, by problem and precision, on the same networks.

    The number of pairs; in how many of them H is larger by AD, and smaller (by more than SAME); the
    median ratio of H; and of each outcome in how many it is better by AD, and in how many the
    method with the larger H has the better one.
    """
    by_ad = cases.loc[cases["method"] == "ad"].drop_duplicates(SETTING, keep="last")
    others = cases.loc[cases["method"] != "ad"]
    both = others.merge(by_ad, on=SETTING, suffixes=("", " by AD"))
    rows = []
    kinds = both.groupby(["problem", "precision", "method"], sort=False)
    for (problem, precision, other), pairs in kinds:
        H, H_ad = (np.asarray(pairs[name]) for name in ("H", "H by AD"))
        by_H = np.sign(H_ad - H) * (np.abs(H_ad - H) > SAME * np.maximum(H, H_ad))
        row = {"problem": problem, "precision": precision, "AD beside": other, "pairs": len(pairs)}
        row["H larger, smaller"] = int((by_H > 0).sum()), int((by_H < 0).sum())
        row["ratio of H"] = float(np.median(H_ad / H))
        for one in outcomes:
            better = np.sign(one.sign * (pairs[f"{one.name} by AD"] - pairs[one.name]))
            row[one.name] = int((better > 0).sum()), int((better * by_H > 0).sum())
        rows.append(row)
    return rows
