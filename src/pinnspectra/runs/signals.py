"""Signals that end a process, as an exception, which training delays until it has saved.

SIGINT is Ctrl-C, and SIGUSR2 what Slurm is asked to send before a job's time limit.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2)


class Interrupted(SystemExit):
    """A signal asked the program to end; `code` is the exit code that a shell gives to it.

    A SystemExit, so that it is the exit code of a launcher's process too.
    """

    code: int

    def __init__(self, number: int, agreed: bool = False) -> None:
        super().__init__(number, agreed)
        self.code = 128 + number

    @property
    def agreed(self) -> bool:
        """Whether all processes of the run end by it, after the first has saved."""
        return self.args[1]

    def __str__(self) -> str:
        return f"interrupted by {signal.Signals(self.args[0]).name}"


class _Waiting:
    """Whether signals are to wait, the one that waits, and the last that was raised."""

    wanted = False
    number: int | None = None
    raised: int | None = None


def _handle(number: int, frame: Any) -> None:
    if not _Waiting.wanted or _Waiting.number is not None:  # a second signal does not wait
        _Waiting.raised = number
        raise Interrupted(number)
    _Waiting.number = number


@contextmanager
def interruptible() -> Iterator[None]:
    """Have signals raise Interrupted, also one that waits; those that are ignored stay so."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is told of signals
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    take_over(taken)
    waited, _Waiting.wanted = _Waiting.wanted, False
    try:
        raise_waiting()
        yield
    finally:
        _Waiting.wanted = waited
        for number in taken:
            signal.signal(number, before[number])


def take_over(numbers: Any = SIGNALS) -> None:
    """Handle signals that are not ignored; called again where a library has taken them."""
    if threading.current_thread() is threading.main_thread():
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _handle)


@contextmanager
def waiting() -> Iterator[None]:
    """Delay a first signal until it is asked for, at the latest until the end.

    At the end it is raised also where something else has failed.
    """
    before, _Waiting.wanted = _Waiting.wanted, True
    try:
        yield
    except Interrupted:
        _Waiting.number = None  # it has been raised
        raise
    finally:
        _Waiting.wanted = before
        if not before:
            raise_waiting()


def swallowed() -> Interrupted | None:
    """Return and forget the last interruption that was raised: a library may have caught it."""
    number, _Waiting.raised = _Waiting.raised, None
    return None if number is None else Interrupted(number)


def waiting_number() -> int:
    """Return the number of the signal that waits; 0 for none."""
    return _Waiting.number or 0


def raise_waiting() -> None:
    """Raise the signal that waits, if there is one.

    Raises:
        Interrupted: there is.
    """
    number, _Waiting.number = _Waiting.number, None
    if number is not None:
        raise Interrupted(number)
