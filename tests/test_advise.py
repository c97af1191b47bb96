"""The advice: what is taken of invented methods, and the command as a user runs it."""

import re
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex
from scripts import run_here

from pinnspectra.show import figures
from pinnspectra.studies.advise.advice import Candidate, advice
from pinnspectra.studies.advise.figure import StepCurve, step_error_figure

ADVISE = "src/pinnspectra/commands/advise.py"
AD = Candidate("method=ad", None, 1e-7, 1e-8, 1.0)
GIVEN = Candidate("method=fd method.step=0.1", 0.1, 3.0, 1.5, 1.0)


def difference(error, cost, order=2):
    return Candidate(f"method=fd method.accuracy_order={order}", 0.2, error, 1e-3, cost)


@pytest.mark.parametrize(
    ("others", "taken"),
    [
        ([(1e-2, 1.5, 2), (1e-4, 0.95, 4)], AD.choice),  # slower, or hardly faster
        ([(1e-2, 0.2, 2)], AD.choice),  # fast, but not accurate
        (
            [(1e-2, 0.2, 2), (9e-4, 0.5, 4), (1e-4, 0.7, 6)],
            "method=fd method.accuracy_order=4",  # the fastest of the accurate
        ),
    ],
)
def test_differences_are_advised_where_they_are_accurate_and_faster_than_ad(others, taken):
    told = advice([AD, GIVEN, *(difference(*other) for other in others)])
    assert told.startswith(f"take {taken}: ")
    assert GIVEN.choice in told


def test_the_command_compares_the_methods_and_draws_the_error_over_the_step(tmp_path):
    done = run_here(
        ADVISE, "pde=biharmonic", "precision=float32", "compile=false", "model.width=20",
        "points.per_axis=20", "method=fd", "method.step=0.02", "method.accuracy_order=4",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("biharmonic, a network after 1000 gradient steps by AD in float32")
    rows = [re.split(r"\s{2,}", line) for line in lines[2:8]]
    assert [row[0] for row in rows[1:]] == [
        "method=ad",
        "method=fd method.step=0.02 method.accuracy_order=4",
        *(f"method=fd method.step=auto method.accuracy_order={p}" for p in (2, 4, 6)),
    ]
    steps, errors, floors = ([float(row[i]) for row in rows[2:]] for i in (1, 2, 3))
    assert steps[1] < steps[2] < steps[3]
    assert errors[0] > 1 > errors[1] > errors[2] > errors[3] > float(rows[1][2])
    assert floors[0] > 0.1 > floors[1] > floors[2] > floors[3] > float(rows[1][3])
    for row, floor in zip(rows[2:], floors, strict=True):
        assert float(row[4]) == pytest.approx(min(1.3 * floor, 1), rel=1e-3)
    assert lines[9].startswith("advice: take method=")
    (figure,) = tmp_path.glob("outputs/advise/*/figures/step_error.png")
    assert lines[10] == f"see {figure}"
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "overrides",
    [
        ["precision=float16"],
        ["model.weight_range=1e30", "compile=false", "model.width=5"],  # no finite network
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path, overrides):
    done = run_here(ADVISE, *overrides, cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert overrides[0].partition("=")[0] in line


def test_the_figure_has_what_is_expected_as_lines_and_what_is_measured_as_dots():
    steps = np.geomspace(1e-3, 1, 31)
    measured = np.where(np.arange(31) % 3 == 0, 1.1 * steps**2, np.nan)
    curves = [StepCurve(p, steps, steps**p, measured, (0.1, 0.1**p)) for p in (2, 4)]
    panels = {name: (curves, 1e-7) for name in ("float32", "float64")}
    figure = step_error_figure("title", panels, 0.5)
    assert [axes.get_title() for axes in figure.axes] == ["float32", "float64"]
    for axes in figure.axes:
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        lines = {line.get_label(): line for line in axes.lines}
        np.testing.assert_array_equal(lines["FD, order 4: expected"].get_ydata(), steps**4)
        dots = lines["FD, order 2: measured"]
        assert (dots.get_linestyle(), len(dots.get_xdata())) == ("None", 11)
        assert lines["FD, order 4: best step"].get_xydata().tolist() == [[0.1, 0.1**4]]
        assert set(lines["AD: rounding"].get_ydata()) == {1e-7}
        assert to_hex(lines["AD: rounding"].get_color()) == figures.METHOD_COLOURS["ad"].lower()
        assert set(lines["$h$ = 0.5"].get_xdata()) == {0.5}


@pytest.mark.slow
def test_the_command_runs_as_a_module_with_compiled_steps(tmp_path):
    command = [sys.executable, "-m", "pinnspectra.advise", "pde=poisson1d"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "advice: take method=" in done.stdout
