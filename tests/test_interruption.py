"""Signals that are raised, wait, and are never lost; locks that are nobody else's."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from pinnspectra.runs.lock import NAME, LockedError, locked
from pinnspectra.runs.signals import Interrupted, interruptible, waiting, waiting_number


def send(number=signal.SIGTERM):
    os.kill(os.getpid(), number)


def test_a_signal_is_raised_with_the_exit_code_of_a_shell():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted) as raised, interruptible():
        send()
    assert (raised.value.code, str(raised.value)) == (143, "interrupted by SIGTERM")
    assert signal.getsignal(signal.SIGTERM) is before


def interrupted(body):
    """What is raised where a body is interruptible and signals wait in it."""
    with pytest.raises(Interrupted) as raised, interruptible(), waiting():
        body()
    assert waiting_number() == 0
    return raised.value


def test_a_signal_waits_to_the_end_and_a_second_does_not():
    done = []

    def once():
        send()
        done.append(waiting_number())

    def twice():
        once()
        send(signal.SIGINT)
        done.append("never")

    assert interrupted(once).code == 143
    assert interrupted(twice).code == 130
    assert done == [signal.SIGTERM, signal.SIGTERM]


def test_a_signal_that_waits_is_not_lost_where_something_fails():
    def fails():
        send()
        raise ValueError("something else")

    assert isinstance(interrupted(fails).__context__, ValueError)


def test_what_is_interruptible_raises_a_signal_that_waits_and_waiting_goes_on_after_it():
    reached = []

    def nested():
        with interruptible():
            reached.append("interruptible")
        send()
        reached.append("after")
        with interruptible():
            reached.append("never")

    interrupted(nested)
    assert reached == ["interruptible", "after"]


def test_signals_that_are_ignored_still_are():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            send(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_lock_is_of_one_and_goes_with_it(tmp_path):
    folder = tmp_path / "folder"
    with locked(folder):
        with pytest.raises(LockedError, match=f"process {os.getpid()} on "), locked(folder):
            pass
        assert (folder / NAME).exists()
    assert not list(folder.iterdir())


def test_the_lock_of_a_folder_that_was_made_anew_is_left_to_its_holder(tmp_path):
    folder = tmp_path / "folder"
    first = locked(folder)
    first.__enter__()
    shutil.rmtree(folder)
    with locked(folder):
        first.__exit__(None, None, None)
        with pytest.raises(LockedError), locked(folder):
            pass


def test_a_lock_that_a_killed_process_has_left_keeps_nobody_out(tmp_path):
    program = f"""
import os, signal
from pathlib import Path
from pinnspectra.runs.lock import locked
with locked(Path({str(tmp_path)!r})):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    assert (tmp_path / NAME).exists()
    with locked(tmp_path):
        pass
    assert not list(tmp_path.iterdir())
