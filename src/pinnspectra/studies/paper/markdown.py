"""Tables and numbers in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; a bar within a cell is no column."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", r"\|") for c in row) + " |" for row in lines)


def number(value: float) -> str:
    """Three significant digits; -, where it is not a number."""
    return f"{value:.3g}" if np.isfinite(value) else "-"


def spread(values: Sequence[float] | np.ndarray) -> str:
    """Median, and [minimum, maximum]."""
    return f"{number(float(np.median(values)))} [{number(min(values))}, {number(max(values))}]"
