"""What of a result is a number: files may hold anything."""

from __future__ import annotations

import sys
from typing import Any, TypeGuard


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value of a row is a number, and finite."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and abs(value) <= sys.float_info.max


def number(value: Any) -> float:
    """A value of a result as a number; NaN for what is none."""
    return float(value) if is_number(value) else float("nan")
