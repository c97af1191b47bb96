"""The quantities that a run records: what heads them and how they are printed."""

from __future__ import annotations

from typing import Any

import numpy as np

from pinnspectra.runs.found import COLUMNS
from pinnspectra.runs.messages import printable

HEADINGS = {
    "learning_rate": "lr",
    "loss_interior": "believed",
    "loss_interior_ad64": "true",
    "loss_boundary": "boundary",
    "relative_training_error": "train_error",
    "relative_training_error_ad": "true_error",
    "relative_l2_error": "L2_error",
    "cutoff": "a",
    "effective_cutoff": "e",
    "truncated_entropy": "H",
    "truncation_position": "p",
    "steps_per_second": "steps/s",
    "wall_seconds": "seconds",
}
"""Columns whose names are long, and what heads them."""

SCIENTIFIC = {name for name in COLUMNS if "loss" in name or "error" in name}

FORMATS = {
    **dict.fromkeys(SCIENTIFIC, ".3e"),
    "learning_rate": "g",
    "cutoff": "g",
    "steps_per_second": ".0f",
    "wall_seconds": ".1f",
}

LEAST_FIXED = 1e-3
"""Truncated entropies from here on are shown with four decimals."""


def cell(value: Any, column: str = "") -> str:
    """A value as a table has it; what a run does not have is -."""
    if value is None:
        return "-"
    if column == "truncated_entropy" and isinstance(value, float):
        return f"{value:.4f}" if abs(value) >= LEAST_FIXED else f"{value:.2e}"
    is_float = isinstance(value, float | np.floating)
    return format(value, FORMATS.get(column, ".4g")) if is_float else printable(str(value))
