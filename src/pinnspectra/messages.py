"""How a user is told of what went wrong: one line on standard error."""

from __future__ import annotations

import sys
from pathlib import Path


def say(line: str) -> None:
    """Tell what went wrong."""
    print(f"error: {line}", file=sys.stderr)


def first_line(error: BaseException) -> str:
    """The first line of what an exception says, or its name."""
    return (str(error).strip() or type(error).__name__).split("\n")[0]


def cannot_write(error: OSError, folder: Path | None = None) -> str:
    """A file system that refuses; a folder to name where the error does not name a file."""
    place = error.filename or folder or ""
    return f"cannot write {place}: {error.strerror or first_line(error)}"
