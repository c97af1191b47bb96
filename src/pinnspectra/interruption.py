"""SIGINT (Ctrl-C), SIGTERM, SIGHUP: an exception, which training lets wait until it has saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked the program to end; `code` is the exit code that a shell gives to it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.code = 128 + number


class _Waiting:
    """Signals that wait: whether they are to, and the one that does."""

    wanted = False
    number: int | None = None


def _handle(number: int, frame: Any) -> None:
    if not _Waiting.wanted or _Waiting.number is not None:  # a second signal does not wait
        raise Interrupted(number)
    _Waiting.number = number


@contextmanager
def interruptible() -> Iterator[None]:
    """Signals raise Interrupted in here; those that are ignored, as under nohup, still are."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is told of signals
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    take_over(taken)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])


def take_over(numbers: Any = SIGNALS) -> None:
    """Handle signals here, unless they are ignored; again where a library has taken them."""
    if threading.current_thread() is threading.main_thread():
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _handle)


@contextmanager
def waiting() -> Iterator[None]:
    """A first signal waits in here for `raise_waiting`, at the latest until the end."""
    _Waiting.wanted, _Waiting.number = True, None
    try:
        yield
        raise_waiting()
    finally:
        _Waiting.wanted, _Waiting.number = False, None


def waiting_number() -> int:
    """The signal that waits to be raised; 0 for none."""
    return _Waiting.number or 0


def raise_waiting() -> None:
    """Raise the signal that waits, if there is one.

    Raises:
        Interrupted: there is.
    """
    number, _Waiting.number = _Waiting.number, None
    if number is not None:
        raise Interrupted(number)
