"""The line that says where a training run is, as a terminal and a file have it."""

import io
import os
import re
import sys
from types import SimpleNamespace

import pytest

from pinnspectra.training.callbacks import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def at(step, losses=(0.25,)):
    rows = dict(enumerate({"loss": loss} for loss in losses))
    return SimpleNamespace(gradient_step=step, max_steps=2000, rows=rows, members=len(losses))


def standard_error(monkeypatch, stream, term="xterm"):
    """Have it for the rest of a test; pytest sets its own before each."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", term)
    return stream


def screen(text):
    """What a terminal shows of a text without line ends: later writing goes over earlier."""
    shown = ""
    for part in text.split("\r"):
        shown = part + shown[len(part) :]
    return shown


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_a_terminal_has_one_line_that_fits_and_is_written_over(monkeypatch, columns):
    terminal = standard_error(monkeypatch, Terminal())
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((columns, 24)))
    progress = Progress()
    for step, losses in ((500, (0.25, 0.5, 1.0)), (2000, (0.125,))):
        progress._show(progress._line(at(step, losses), seconds=step / 100))
        last = screen(terminal.getvalue())
        assert len(last) < columns
    assert last.startswith("step 2000/2000  ")
    assert "members" not in last  # nothing is left of the longer line
    assert "loss 1.250e-01" in last
    assert "\x1b" not in terminal.getvalue()


def test_a_line_says_how_much_is_done_how_fast_and_how_long(monkeypatch):
    standard_error(monkeypatch, Terminal())
    progress = Progress()
    line = progress._line(at(500), seconds=50.0)
    assert re.split(r"  +", line) == [
        "step", "500/2000", "25%", "loss 2.500e-01", "10 steps/s", "2:30 left",
    ]  # fmt: skip
    assert progress._line(at(2000), seconds=200.0).endswith("  took 3:20")
    many = progress._line(at(500, (3.0, 1.0, 2.0)), seconds=50.0)
    assert "3/3 members, median loss 2.000e+00" in many


@pytest.mark.parametrize(("stream", "term"), [(io.StringIO, "xterm"), (Terminal, "dumb")])
def test_a_file_and_a_dumb_terminal_have_plain_lines(monkeypatch, stream, term):
    written = standard_error(monkeypatch, stream(), term)
    progress = Progress()
    for text in ("short", "x" * 300):
        progress._show(text)
    progress.on_train_end(SimpleNamespace(), None)
    assert written.getvalue() == "short\n" + "x" * 300 + "\n"


def test_a_run_that_ends_before_its_first_line_leaves_no_empty_one(monkeypatch):
    written = standard_error(monkeypatch, Terminal())
    Progress().on_train_end(SimpleNamespace(), None)
    assert written.getvalue() == ""


def test_what_is_said_after_an_interruption_has_a_line_of_its_own(monkeypatch):
    written = standard_error(monkeypatch, Terminal())
    progress = Progress()
    progress._show("step 1")
    progress.on_exception(SimpleNamespace(), None, KeyboardInterrupt())
    progress.on_train_end(SimpleNamespace(), None)
    assert written.getvalue() == "\rstep 1\n"
