"""The line that tells where a training run is, as a terminal and a file have it."""

import io
import os
import sys

import pytest

from pinnspectra.training.callbacks.progress import Line, progress_line


class Terminal(io.StringIO):
    def isatty(self):
        return True


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
    line = Line()
    for step, losses in ((500, (0.25, 0.5, 1.0)), (2000, (0.125,))):
        line.show(progress_line(step, 2000, losses, len(losses), seconds=step / 100))
        last = screen(terminal.getvalue())
        assert len(last) < columns
    assert last.startswith("step 2000/2000  ")
    assert "members" not in last  # nothing is left of the longer line
    assert "loss 1.250e-01" in last
    assert "\x1b" not in terminal.getvalue()


def test_a_line_tells_how_much_is_done_how_fast_and_how_long():
    wanted = ["step  500/2000", " 25%", "loss 2.500e-01", "    10 steps/s", "2:30 left"]
    assert progress_line(500, 2000, [0.25], 1, seconds=50.0) == wanted
    resumed = progress_line(700, 2000, [0.25], 1, seconds=20.0, first=500)
    assert resumed[3:] == ["    10 steps/s", "2:10 left"]
    assert progress_line(2000, 2000, [0.25], 1, seconds=200.0)[-1] == "took 3:20"
    many = progress_line(500, 2000, [3.0, 1.0, 2.0], 4, seconds=50.0)
    assert many[2] == "3/4 members, median loss 2.000e+00"


@pytest.mark.parametrize(("stream", "term"), [(io.StringIO, "xterm"), (Terminal, "dumb")])
def test_a_file_and_a_dumb_terminal_have_plain_lines(monkeypatch, stream, term):
    written = standard_error(monkeypatch, stream(), term)
    line = Line()
    for parts in (["a", "b"], ["x" * 300]):
        line.show(parts)
    line.leave()
    assert written.getvalue() == "a  b\n" + "x" * 300 + "\n"


def test_what_is_written_next_has_a_line_of_its_own_and_none_is_left_empty(monkeypatch):
    written = standard_error(monkeypatch, Terminal())
    line = Line()
    line.leave()
    line.show(["step 1"])
    line.leave()
    line.leave()
    assert written.getvalue() == "\rstep 1\n"
