"""Tables and numbers in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def table(header: Sequence[str], rows: Sequence[Sequence[str]], padded: bool = False) -> str:
    """Format a table; padded, it can be read as text too."""
    cells = [[cell.replace("|", r"\|") for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) if padded else 0 for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * (width or 3) for width in widths])
    return "\n".join(f"| {' | '.join(map(str.ljust, row, widths))} |" for row in cells)


def number(value: float) -> str:
    """Format a number to three significant digits; - where it is not finite."""
    return f"{value:.3g}" if np.isfinite(value) else "-"


def median(values: Sequence[float] | np.ndarray) -> str:
    """Format the median of values."""
    return number(float(np.median(values)))


def spread(values: Sequence[float] | np.ndarray) -> str:
    """Format values as their median and [minimum, maximum]."""
    return f"{median(values)} [{number(min(values))}, {number(max(values))}]"
