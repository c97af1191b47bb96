"""The commands: `python -m pinnspectra.NAME` is commands/NAME.py."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence

from pinnspectra.runs.lock import LockedError
from pinnspectra.runs.messages import Parser, cannot_write, say
from pinnspectra.runs.signals import Interrupted, interruptible


def exit_code(
    command: Callable[[Namespace], int], parser: Parser, arguments: Sequence[str] | None
) -> int:
    """Run a command with arguments, None for those of the process; return the exit code.

    That of the command; 1 with one line on standard error where it is refused or cannot write;
    128 + N after signal N.
    """
    try:
        with interruptible():
            return command(parser.parse_args(arguments))
    except Interrupted as interrupted:
        say(f"{interrupted}; run it again to go on where it was")
        return interrupted.code
    except BrokenPipeError:  # the reader of what is printed has gone; nothing is left for the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, LockedError) as error:
        say(str(error))
    except OSError as error:
        say(cannot_write(error))
    return 1
