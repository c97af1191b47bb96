"""Tables as aligned text, as wide as there is room for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from pinnspectra.runs.found import Row
from pinnspectra.runs.quantities import heading, shown

FILE_WIDTH = 100
"""Columns of text where it does not go to a terminal."""

NAME_WIDTH = 40
"""Columns that a run's name keeps where there is little room."""


def width() -> int:
    """Columns of the terminal, or of a file."""
    return shutil.get_terminal_size((FILE_WIDTH, 24)).columns


def aligned(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """Lines of a table: its header and its rows, text to the left and numbers to the right."""
    head = [heading(c) for c in columns]
    left = [all(isinstance(row[c], str | None) for row in rows) for c in columns]
    return aligned_cells([head, *([shown(row[c], c) for c in columns] for row in rows)], left)


def aligned_cells(cells: Sequence[Sequence[str]], left: Sequence[bool]) -> list[str]:
    """Lines of cells that are texts: columns to the left, or to the right."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            text.ljust(wide) if to_the_left else text.rjust(wide)
            for text, wide, to_the_left in zip(row, widths, left, strict=True)
        ).rstrip()
        for row in cells
    ]


def fitted(
    rows: Sequence[Row], columns: Sequence[str], dispensable: Sequence[str], room: int
) -> tuple[list[str], list[str]]:
    """Lines of a table that is as wide as the room there is, and the columns that it lacks.

    Columns go, in the order of dispensable, until all fits with NAME_WIDTH columns of the names
    `run`, which are shortened.
    """
    names = max((len(shown(row["run"])) for row in rows), default=0)
    widest = [{**row, "run": "x" * names} for row in rows]
    kept, left_out, going = list(columns), [], [c for c in dispensable if c in columns]
    while (over := max(map(len, aligned(widest, kept))) - room) > max(0, names - NAME_WIDTH):
        if not going:
            break
        left_out.append(going.pop(0))
        kept.remove(left_out[-1])
    most = max(names - max(over, 0), NAME_WIDTH)
    named = [{**row, "run": shortened(shown(row["run"]), most)} for row in rows]
    return aligned(named, kept), left_out


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters, without its middle."""
    if len(text) <= most:
        return text
    end = (most - 2) // 2
    return f"{text[: most - 2 - end]}..{text[len(text) - end :]}"
