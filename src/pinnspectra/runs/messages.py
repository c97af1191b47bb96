"""Messages to the user: one line on standard error."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn


def say(line: str) -> None:
    """Print an error."""
    print(f"error: {line}", file=sys.stderr)


def printable(text: str) -> str:
    """Return a text from a file as one line, without characters that a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def first_line(error: BaseException) -> str:
    """Return the first line of the message of an exception, or its name."""
    return (str(error).strip() or type(error).__name__).split("\n")[0]


def cannot_write(error: OSError, folder: Path | None = None) -> str:
    """Tell that a file, or the folder where the error names none, cannot be written."""
    place = error.filename or folder or ""
    return f"cannot write {place}: {error.strerror or first_line(error)}"


def cannot_read(error: OSError) -> str:
    """Tell that a file or folder cannot be read."""
    return printable(f"{error.filename} cannot be read: {error.strerror or first_line(error)}")


class SettingsError(ValueError):
    """A mistake in the configuration, in one line: what was given, what is allowed."""


class Parser(argparse.ArgumentParser):
    """A parser of arguments that tells a mistake in one line.

    Raises:
        ValueError: by parse_args, for arguments that the command does not take.
    """

    def error(self, message: str) -> NoReturn:
        """Raise the mistake."""
        raise ValueError(f"{message}; {self.prog} --help tells what there is")
