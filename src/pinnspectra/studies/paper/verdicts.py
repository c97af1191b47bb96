"""Whether a number of the paper is ours: a rule that knows nothing of where the numbers are from.

reproduced: the paper's value is inside the range of our seeds, or within 10 % of our median.
same ordering: it is neither, but our medians of AD and FD are in the printed order.
not reproduced: else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

CLOSE = 0.1
"""Relative difference of our median up to which a number is reproduced."""

REPRODUCED, ORDERED, NOT = "reproduced", "same ordering", "not reproduced"


def is_reproduced(printed: float, ours: Sequence[float] | np.ndarray) -> bool:
    """Whether a printed value is inside the range of ours, (S,), or within 10 % of their median."""
    inside = min(ours) <= printed <= max(ours)
    return bool(inside or abs(float(np.median(ours)) / printed - 1) <= CLOSE)


def is_ordered(printed: Mapping[str, float], ours: Mapping[str, np.ndarray]) -> bool:
    """Whether the medians of AD and FD are in the printed order."""
    medians = {method: float(np.median(ours[method])) for method in printed}
    return bool((printed["ad"] - printed["fd"]) * (medians["ad"] - medians["fd"]) > 0)


def verdict(method: str, printed: Mapping[str, float], ours: Mapping[str, np.ndarray]) -> str:
    """The verdict on one number of a pair, by method."""
    if is_reproduced(printed[method], ours[method]):
        return REPRODUCED
    return ORDERED if is_ordered(printed, ours) else NOT
