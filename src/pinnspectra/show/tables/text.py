"""Tables and lists as text, as wide as there is room for."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Collection, Sequence

from pinnspectra.runs.quantities import QUANTITIES, heading, shown
from pinnspectra.runs.record import Row

FILE_WIDTH = 100
"""Columns of text where it does not go to a terminal."""

NAME_WIDTH = 40
"""Columns that a run's name keeps where there is little room."""


def width() -> int:
    """Return the columns of the terminal, or of a file."""
    return shutil.get_terminal_size((FILE_WIDTH, 24)).columns


def aligned(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """Return the lines of a table: its header, and rows with text to the left, numbers right."""
    left = [all(isinstance(row[c], str | None) for row in rows) for c in columns]
    cells = [[shown(row[c], c) for c in columns] for row in rows]
    return aligned_cells([[heading(c) for c in columns], *cells], left)


def aligned_cells(cells: Sequence[Sequence[str]], left: Sequence[bool]) -> list[str]:
    """Return lines of texts in columns that are aligned to the left or to the right."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            text.ljust(wide) if to_the_left else text.rjust(wide)
            for text, wide, to_the_left in zip(row, widths, left, strict=True)
        ).rstrip()
        for row in cells
    ]


def fitted(
    rows: Sequence[Row], columns: Sequence[str], room: int, kept: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Return the lines of a table that is as wide as there is room, and the columns that it has.

    Columns go by their rank, but for those that are to be kept, until all fits with NAME_WIDTH
    columns of the names `run`, which are shortened.
    """
    columns, ranks = list(columns), {c: QUANTITIES[c].rank for c in columns if c in QUANTITIES}
    going = sorted((r, c) for c, r in ranks.items() if r is not None and c not in kept)
    longest = max(len(shown(row["run"])) for row in rows)
    while (over := max(map(len, aligned(rows, columns))) - room) > max(0, longest - NAME_WIDTH):
        if not going:
            break
        columns.remove(going.pop(0)[1])
    most = max(longest - max(over, 0), NAME_WIDTH)
    named = [row | {"run": shortened(shown(row["run"]), most)} for row in rows]
    return aligned(named, columns), columns


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters, without its middle."""
    if len(text) <= most:
        return text
    end = (most - 2) // 2
    return f"{text[: most - 2 - end]}..{text[len(text) - end :]}"


def wrapped(parts: Sequence[str], separator: str, room: int) -> list[str]:
    """Return texts, one after the other, as lines that fit and break between two of them."""
    text = separator.join(part.replace(" ", "\0") for part in parts)
    lines = textwrap.wrap(text, max(room, 20), break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]
