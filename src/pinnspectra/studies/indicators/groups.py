"""The groups of cases within which indicators are compared, and pairs of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pinnspectra.studies.indicators.cases import NETWORK, SETTING, Outcome
from pinnspectra.studies.indicators.correlation import Correlation, correlations

SAME = 0.01
"""Relative difference up to which two entropies are the same."""


def shared(cases: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Yield the cases that share the values of columns, with these values."""
    yield from cases.groupby(list(columns), sort=False)


def grouped(cases: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return all cases; those of each problem, method and precision; those that share all three."""
    keys = (["problem"], ["method"], ["precision"], ["problem", "precision", "method"])
    groups = {", ".join(values): of for key in keys for values, of in shared(cases, key)}
    return {"all": cases} | groups


def correlated(
    cases: pd.DataFrame, indicators: Sequence[str], outcomes: Sequence[str]
) -> tuple[int, dict[str, dict[str, Correlation]]]:
    """Return how many cases have all values, and their correlations by outcome and indicator."""
    whole = cases.loc[np.isfinite(cases[[*indicators, *outcomes]]).all(axis=1)]
    networks = np.asarray(whole.groupby(NETWORK, sort=False).ngroup())
    x, y = (np.asarray(whole[[*names]]) for names in (indicators, outcomes))
    found = zip(*correlations(x, y, networks), strict=True)
    by_outcome = [dict(zip(indicators, of_one, strict=True)) for of_one in found]
    return len(whole), dict(zip(outcomes, by_outcome, strict=True))


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
    for (problem, precision, other), pairs in shared(both, ["problem", "precision", "method"]):
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
