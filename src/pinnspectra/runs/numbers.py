"""Numbers in files that may hold anything."""

from __future__ import annotations

import sys
from typing import Any, TypeGuard


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a value is a number, and finite."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and abs(value) <= sys.float_info.max


def number(value: Any) -> float:
    """Return a value as a float; NaN where it is no finite number."""
    return float(value) if is_number(value) else float("nan")
