"""A disk that is full, read-only or gone costs one clear line, and nothing half done looks done."""

import contextlib
import json
import os
import re
import resource
import shutil

import pytest
from scripts import SMALL, error_line, run_here

from pinnspectra.runs.folder import RunFolder
from pinnspectra.show import figures
from pinnspectra.show.tables.collect import collect
from pinnspectra.training.callbacks import KernelSpectrum

TRAIN = ("train.py", *SMALL, "logger=[csv]", "callbacks=[spectrum]")
SOLVE = ("rfm_solve.py", "model.width=10", "points.per_axis=16")
RUNS = pytest.mark.parametrize(
    "run", [pytest.param(TRAIN, marks=pytest.mark.slow), SOLVE], ids=["train", "rfm_solve"]
)
RESULTS = "src/pinnspectra/commands/results.py"


@contextlib.contextmanager
def full_disk(left):
    """No file may have more bytes than those left: writing fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (left, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def unprivileged():
    """As a user whom permissions hold for."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def check_cannot_write(done, *words):
    line = error_line(done)
    assert all(word in line for word in ("cannot write", *words)), line


def statuses(folder):
    return [json.loads(path.read_text())["status"] for path in folder.rglob("result.json")]


@pytest.mark.parametrize("left", [0, 1500])
@RUNS
def test_a_full_disk(tmp_path, run, left):
    with full_disk(left):
        check_cannot_write(run_here(*run, cwd=tmp_path), str(tmp_path), "File too large")
    assert statuses(tmp_path) == []
    again = run_here(*run, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert statuses(tmp_path) == ["finished"]
    assert not list(tmp_path.rglob("*.partial"))


def test_a_full_disk_during_a_sweep(tmp_path):
    sizes = ("model.width=300,301", "points.per_axis=300", "hydra.sweep.dir=sweep")
    with full_disk(600):  # no room for multirun.yaml
        done = run_here("rfm_solve.py", "-m", *sizes, cwd=tmp_path)
    check_cannot_write(done, "sweep", "File too large")
    with full_disk(8000):  # none for the spectra of 300 values
        done = run_here("rfm_solve.py", "-m", *sizes, cwd=tmp_path)
    assert done.returncode == 1
    assert len(re.findall("^error: cannot write ", done.stderr, re.MULTILINE)) == 2
    assert "2 of 2 runs" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert statuses(tmp_path) == []


def test_a_disk_that_is_full_when_a_sweeps_table_is_written(tmp_path):
    sweep = (SOLVE[0], "-m", *SOLVE[1:], "seed=0,1", f"hydra.sweep.dir={tmp_path}/sweep")
    assert run_here(*sweep, cwd=tmp_path).returncode == 0
    with full_disk(300):
        done = run_here(RESULTS, str(tmp_path / "sweep"), cwd=tmp_path)
    check_cannot_write(done, "sweep", "File too large")
    assert statuses(tmp_path) == ["finished"] * 2


@RUNS
def test_a_folder_that_may_not_be_written(tmp_path, run):
    assert run_here(*run, cwd=tmp_path).returncode == 0  # and everything is imported
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    for parent in tmp_path.parents[:3]:  # as pytest, and its workers, make them
        parent.chmod(parent.stat().st_mode | 0o111)
    tmp_path.chmod(0o755)
    with unprivileged():
        done = run_here(*run, f"hydra.run.dir={folder}/run", cwd=tmp_path)
    check_cannot_write(done, str(folder), "Permission denied")
    assert not list(folder.iterdir())


@RUNS
def test_a_folder_that_is_a_file(tmp_path, run):
    (tmp_path / "taken").write_text("mine")
    for place in ("hydra.run.dir=taken", "hydra.run.dir=taken/run", "hydra.sweep.dir=taken"):
        multirun = ["-m"] if "sweep" in place else []
        check_cannot_write(run_here(run[0], *multirun, *run[1:], place, cwd=tmp_path), "taken")
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize(
    ("run", "cls", "name"),
    [
        ((*TRAIN, "spectrum.every=10"), KernelSpectrum, "record"),
        (SOLVE, RunFolder, "write_arrays"),
    ],
)
def test_a_folder_that_is_removed_while_a_run_is_at_work(tmp_path, monkeypatch, run, cls, name):
    original = getattr(cls, name)

    def removed(self, *args, **kwargs):
        for folder in tmp_path.glob("outputs/*/*"):
            shutil.rmtree(folder)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(cls, name, removed)
    check_cannot_write(run_here(*run, cwd=tmp_path), str(tmp_path))
    assert statuses(tmp_path) == []


def broken(*args, **kwargs):
    raise RuntimeError("no canvas\nand more")


@RUNS
def test_figures_that_fail_cost_a_line_each_and_no_number(tmp_path, monkeypatch, run):
    for name in [name for name in figures.__all__ if name.endswith("_figure")]:
        monkeypatch.setattr(figures, name, broken)
    done = run_here(run[0], "-m", *run[1:], "seed=0,1", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    drawn = re.findall(r"(\w+)\.png .*: no canvas$", done.stdout, re.MULTILINE)
    assert {"comparison", "comparison_rfm"} & set(drawn)
    assert set(drawn) >= ({"loss", "solution", "eigenvalues"} if run == TRAIN else {"truncation"})
    assert not list(tmp_path.rglob("*.png"))
    assert statuses(tmp_path) == ["finished"] * 2
    assert next(tmp_path.rglob("summary.csv")).stat().st_size > 100
    assert len(list(tmp_path.rglob("spectr*.npz"))) == 2


def test_a_figure_for_which_there_is_no_room_is_not_left_in_part(tmp_path):
    assert run_here(*SOLVE, cwd=tmp_path).returncode == 0
    with full_disk(1000):
        assert collect(tmp_path / "outputs")
    assert not list(tmp_path.glob("outputs/*.png"))
