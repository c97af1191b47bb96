"""A disk that is full, read-only or gone costs one clear line, and nothing half done looks done."""

import contextlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys

import pytest
from scripts import SMALL, run_here

from pinnspectra.runs.files import read_arrays
from pinnspectra.runs.folder import RunFolder
from pinnspectra.show import figures
from pinnspectra.show.tables.collect import collect
from pinnspectra.training.callbacks import KernelSpectrum

TRAIN = ("train.py", *SMALL, "logger=[csv]", "callbacks=[spectrum]")
SOLVE = ("rfm_solve.py", "model.width=10", "points.per_axis=16")
RUNS = pytest.mark.parametrize(
    "run", [pytest.param(TRAIN, marks=pytest.mark.slow), SOLVE], ids=["train", "rfm_solve"]
)


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


def assert_one_line(done, *words):
    lines = done.stderr.splitlines()
    assert done.returncode == 1, done.stdout
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("left", [0, 1500])
@RUNS
def test_a_full_disk(tmp_path, run, left):
    with full_disk(left):
        done = run_here(*run, cwd=tmp_path)
    assert_one_line(done, "cannot write", str(tmp_path), "File too large")
    assert not list(tmp_path.rglob("result.json"))
    again = run_here(*run, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    (result,) = tmp_path.rglob("result.json")
    assert json.loads(result.read_text())["status"] == "finished"
    assert not list(tmp_path.rglob("*.partial"))


def test_a_full_disk_during_a_sweep(tmp_path):
    sweep = (
        "rfm_solve.py",
        "-m",
        "model.width=300,301",
        "points.per_axis=300",
        "hydra.sweep.dir=sweep",
    )
    with full_disk(600):  # no room for multirun.yaml
        assert_one_line(run_here(*sweep, cwd=tmp_path), "cannot write", "sweep", "File too large")
    with full_disk(8000):  # none for the spectra of 300 values
        done = run_here(*sweep, cwd=tmp_path)
    said = done.stderr.splitlines()
    assert done.returncode == 1
    assert [line for line in said[:2] if line.startswith("error: cannot write ")] == said[:2]
    assert "2 of 2 runs are not finished" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not list(tmp_path.rglob("result.json"))


def test_a_disk_that_is_full_when_a_sweeps_table_is_written(tmp_path):
    sweep = (SOLVE[0], "-m", *SOLVE[1:], "seed=0,1", f"hydra.sweep.dir={tmp_path}/sweep")
    assert run_here(*sweep, cwd=tmp_path).returncode == 0
    collected = [sys.executable, "-m", "pinnspectra.results", str(tmp_path / "sweep")]
    with full_disk(300):
        done = subprocess.run(collected, capture_output=True, text=True, check=False)
    assert_one_line(done, "cannot write", "sweep", "File too large")
    assert len(list(tmp_path.rglob("result.json"))) == 2  # the jobs are as they were


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
    assert_one_line(done, "cannot write", str(folder), "Permission denied")
    assert not list(folder.iterdir())


@RUNS
def test_a_folder_that_is_a_file(tmp_path, run):
    (tmp_path / "taken").write_text("mine")
    for place in ("taken", "taken/run"):
        done = run_here(*run, f"hydra.run.dir={place}", cwd=tmp_path)
        assert_one_line(done, "cannot write", "taken")
    assert (tmp_path / "taken").read_text() == "mine"
    swept = run_here(run[0], "-m", *run[1:], "hydra.sweep.dir=taken", cwd=tmp_path)
    assert_one_line(swept, "cannot write", "taken")


def test_a_folder_that_is_removed_while_a_network_is_trained(tmp_path, monkeypatch):
    record = KernelSpectrum.record

    def removed(self, ensemble):
        if ensemble.gradient_step == 10:
            shutil.rmtree(self.folder.path)
        return record(self, ensemble)

    monkeypatch.setattr(KernelSpectrum, "record", removed)
    done = run_here(*TRAIN, "spectrum.every=10", cwd=tmp_path)
    assert_one_line(done, "cannot write", str(tmp_path), "the folder is gone")
    assert not list(tmp_path.rglob("result.json"))


def test_a_folder_that_is_removed_while_a_system_is_solved(tmp_path, monkeypatch):
    write = RunFolder.write_arrays

    def removed(self, *args, **kwargs):
        shutil.rmtree(self.path)
        write(self, *args, **kwargs)

    monkeypatch.setattr(RunFolder, "write_arrays", removed)
    done = run_here(*SOLVE, cwd=tmp_path)
    assert_one_line(done, "cannot write", str(tmp_path), "the folder is gone")
    assert not list(tmp_path.rglob("result.json"))


def broken(*args, **kwargs):
    raise RuntimeError("no canvas\nand more")


ALL = [name for name in figures.__all__ if name.endswith("_figure")]


@RUNS
def test_figures_that_fail_cost_a_line_each_and_no_number(tmp_path, monkeypatch, run):
    for name in ALL:
        monkeypatch.setattr(figures, name, broken)
    done = run_here(run[0], "-m", *run[1:], "seed=0,1", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    said = re.findall(r"(\S+)\.png could not be drawn: (.*)", done.stdout)
    assert {reason for _, reason in said} == {"no canvas"}
    names = {name.rpartition("/")[2] for name, _ in said}
    assert names & {"comparison", "comparison_rfm"}
    assert names >= ({"loss", "solution", "eigenvalues"} if run == TRAIN else {"truncation"})
    assert not list(tmp_path.rglob("*.png"))
    results = [json.loads(path.read_text()) for path in tmp_path.rglob("result.json")]
    assert [result["status"] for result in results] == ["finished"] * 2
    assert (next(tmp_path.rglob("summary.csv"))).stat().st_size > 100
    name = "spectra.npz" if run == TRAIN else "spectrum.npz"
    assert all(read_arrays(path)["singular_values"].size for path in tmp_path.rglob(name))


def test_a_figure_for_which_there_is_no_room_is_not_left_in_part(tmp_path):
    assert run_here(*SOLVE, cwd=tmp_path).returncode == 0
    with full_disk(1000):
        assert collect(tmp_path / "outputs")
    assert not list(tmp_path.glob("outputs/*.png"))
