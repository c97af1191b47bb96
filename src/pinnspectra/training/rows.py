"""Rows of metrics.csv, one for every member that is left, and what loggers without members show."""

from __future__ import annotations

from collections.abc import Mapping

import torch

Row = dict[str, float]
"""Values by the names of their metrics."""


def summarised(rows: Mapping[int, Row]) -> Row:
    """Return the row of one member; of several the medians, and the range of the loss.

    A median is of the members that have the value.
    """
    if len(rows) == 1:
        return next(iter(rows.values()))
    listed = list(rows.values())
    values = {
        name: torch.tensor([row[name] for row in listed if name in row], dtype=torch.float64)
        for name in dict.fromkeys(name for row in listed for name in row)
    }
    medians = {name: float(value.quantile(0.5)) for name, value in values.items()}
    extremes = {"loss/min": float(values["loss"].min()), "loss/max": float(values["loss"].max())}
    return {**medians, **extremes}
