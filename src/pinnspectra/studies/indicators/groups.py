"""The groups of cases within which indicators are compared, and pairs of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pinnspectra.studies.indicators.cases import SETTING, Outcome

SAME = 0.01
"""Relative difference up to which two entropies are the same."""


def grouped(cases: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return all cases; those of each problem, method and precision; those that share all three."""
    keys = (["problem"], ["method"], ["precision"], ["problem", "precision", "method"])
    every = (cases.groupby(key, sort=False) for key in keys)
    return {"all": cases} | {", ".join(values): of for groups in every for values, of in groups}


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
