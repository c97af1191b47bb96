"""Sweeps that lose nothing: what is done is skipped, what failed is told, one process at a time."""

import fcntl
import json
import shutil
import threading
import time

import pytest
from scripts import SMALL, error_line, run_here, run_script

pytestmark = pytest.mark.usefixtures("undrawn")

SWEEP = ("-m", *SMALL, "logger=[csv]", "callbacks=[spectrum]")


def jobs(cwd):
    return sorted(path.parent for path in (cwd / "outputs").rglob(".hydra"))


def again(cwd, script, *sweep, finished):
    """Start a sweep again, of which so many runs are finished."""
    done = run_here(script, *sweep, cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("finished already") == finished


def written(folders):
    """When the results were written."""
    return {f.name: (f / "result.json").stat().st_mtime_ns for f in folders}


def test_the_same_sweep_does_only_what_is_missing(tmp_path):
    sweep = (*SWEEP, "method=ad,fd,fd_grid")
    assert run_here("train.py", *sweep, cwd=tmp_path).returncode == 0
    folders = jobs(tmp_path)
    first = written(folders)
    half_done = folders[1]
    (half_done / "result.json").unlink()
    metrics = (half_done / "metrics.csv").read_bytes()
    (half_done / "metrics.csv").write_bytes(metrics[: len(metrics) // 2])
    again(tmp_path, "train.py", *sweep, finished=2)
    assert jobs(tmp_path) == folders
    new = written(folders)
    assert {name for name in first if first[name] != new[name]} == {half_done.name}
    assert (half_done / "metrics.csv").read_bytes() == metrics


def test_a_sweep_and_a_job_of_it_are_resumed_by_their_folder(tmp_path):
    sweep = (*SWEEP, "method=ad,fd", "compile=false")
    assert run_here("train.py", *sweep, cwd=tmp_path).returncode == 0
    folders = jobs(tmp_path)
    assert [f.name.rpartition("_")[0] for f in folders] == ["method=ad", "method=fd"]
    first = written(folders)
    for resumed, missing in ((folders[0].parent, folders[1]), (folders[0], folders[0])):
        (missing / "result.json").unlink()
        beside = ("logger=[csv]", "hydra/launcher=basic")
        done = run_here("train.py", f"resume={resumed}", *beside, cwd=tmp_path)
        assert done.returncode == 0
        assert jobs(tmp_path) == folders
        new = written(folders)
        assert [f for f in folders if first[f.name] != new[f.name]] == [missing]
        first = new


def test_the_order_of_the_overrides_makes_no_other_sweep(tmp_path):
    for sweep in (("method=ad,fd", "seed=2"), ("seed=2", "method=ad,fd")):
        assert run_here("train.py", *SWEEP, *sweep, cwd=tmp_path).returncode == 0
    assert len(jobs(tmp_path)) == 2


def test_what_a_changed_configuration_asks_for_is_run_beside_what_is_there(tmp_path):
    sweep = ("-m", "model.width=8,9", "points.per_axis=12", "hydra.sweep.dir=outputs/sweep")
    first = run_here("rfm_solve.py", *sweep, cwd=tmp_path)
    assert first.returncode == 0
    old = written(jobs(tmp_path))
    again(tmp_path, "rfm_solve.py", *sweep, "model.width=8,9,10", finished=2)
    again(tmp_path, "rfm_solve.py", *sweep, "model.weight_range=2", finished=0)
    new = written(jobs(tmp_path))
    assert len(new) == 5
    assert {name: new[name] for name in old} == old


def test_of_runs_with_the_same_overrides_the_table_has_the_last_started(tmp_path):
    sweep = ("-m", "model.width=8,9", "points.per_axis=12", "hydra.sweep.dir=outputs/sweep")
    run_here("rfm_solve.py", *sweep, cwd=tmp_path)
    folder = jobs(tmp_path)[0]
    older = folder.with_name(f"{folder.name[:-8]}00000000")
    (older / ".hydra").mkdir(parents=True)
    overrides = (folder / ".hydra" / "overrides.yaml").read_text()
    (older / ".hydra" / "overrides.yaml").write_text(overrides)
    done = run_here("rfm_solve.py", *sweep, cwd=tmp_path)  # all is done, and is what was asked for
    assert done.returncode == 0
    assert "unfinished" not in done.stdout
    assert (older / ".hydra").exists()


def test_jobs_that_diverge_or_fail_stop_no_other_and_are_listed(tmp_path):
    sweep = (*SWEEP, "optimizer.lr=1e-3,50,-1")
    done = run_here("train.py", *sweep, cwd=tmp_path)
    assert done.returncode == 1
    *_, said, first, second = done.stderr.splitlines()
    assert said == "error: 2 of 3 runs are not finished:"
    assert {line.split(": ")[1] for line in (first, second)} == {"diverged", "refused"}
    assert "optimizer.lr=-1" in first + second
    assert ": diverged: the loss is not finite at gradient step " in first + second
    assert "Traceback" not in done.stderr + done.stdout
    refused = next(f for f in jobs(tmp_path) if (f / "error.json").exists())
    assert json.loads((refused / "error.json").read_text())["status"] == "refused"
    table = done.stdout[done.stdout.rindex("run ") :]
    assert all(status in table for status in ("finished", "diverged", "refused"))
    done = run_here("train.py", *sweep, cwd=tmp_path)
    assert done.returncode == 1
    assert "it diverged; retry=failed runs it again" in done.stderr


def test_a_job_that_fails_says_why_in_its_folder_and_is_run_again_on_demand(tmp_path, monkeypatch):
    from pinnspectra.training.callbacks import KernelSpectrum

    def broken(self, ensemble):
        if ensemble.boundary_weight == 3:
            raise RuntimeError("a mistake\nin two lines")
        return {}

    sweep = (*SWEEP, "boundary_weight=2,3")
    with monkeypatch.context() as patch:
        patch.setattr(KernelSpectrum, "record", broken)
        done = run_here("train.py", *sweep, cwd=tmp_path)
    finished, failed = jobs(tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert f"error: RuntimeError: a mistake; see {failed / 'train.log'}" in done.stderr
    assert "boundary_weight=3: failed: RuntimeError: a mistake" in done.stderr.splitlines()[-1]
    assert "in two lines" in (failed / "train.log").read_text()  # the traceback
    assert not (finished / "train.log").exists()
    line = "it failed: RuntimeError: a mistake; retry=failed runs it again"
    assert line in run_here("train.py", *sweep, cwd=tmp_path).stderr
    again(tmp_path, "train.py", *sweep, "retry=failed", finished=1)
    assert not (failed / "error.json").exists()


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["metrics.csv", "result.json", "spectrum.npz", "big.partial"])
def test_files_of_others_stay_and_a_folder_of_other_results_is_refused(tmp_path, name):
    mine = tmp_path / "mine"
    (mine / "sub").mkdir(parents=True)
    for path in (mine / name, mine / "sub" / ".x.abc.partial"):
        path.write_text("{}")
    before = contents(mine)
    done = run_here("rfm_solve.py", "model.width=8", f"hydra.run.dir={mine}", cwd=tmp_path)
    if name == "big.partial":
        assert done.returncode == 0
        assert before.items() <= contents(mine).items()
    else:
        assert f"{mine} holds {name} and no .hydra/config.yaml" in error_line(done)
        assert contents(mine) == before


def test_advice_in_the_folder_of_a_run_leaves_it_as_it_is(tmp_path):
    run = (*SMALL, "logger=[csv]", "compile=false", "hydra.run.dir=run")
    assert run_here("train.py", *run, cwd=tmp_path).returncode == 0
    before = contents(tmp_path / "run")
    done = run_here("src/pinnspectra/commands/advise.py", *run, cwd=tmp_path)
    assert "advice: " in done.stdout, done.stderr
    assert before.items() <= contents(tmp_path / "run").items()


def test_what_a_whole_run_has_lost_is_there_again(tmp_path):
    assert run_here("train.py", *SWEEP, "seed=1,2", cwd=tmp_path).returncode == 0
    undescribed, emptied = jobs(tmp_path)
    wanted = {name: (emptied / name).read_bytes() for name in ("metrics.csv", "spectra.npz")}
    shutil.rmtree(undescribed / ".hydra")
    for name in wanted:
        (emptied / name).unlink()
    again(tmp_path, "train.py", *SWEEP, "seed=1,2", finished=1)
    assert jobs(tmp_path) == [undescribed, emptied]
    assert {name: (emptied / name).read_bytes() for name in wanted} == wanted


def hold(folder):
    """Hold a folder's lock as another process does."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / ".lock").open("w")
    file.write(json.dumps({"pid": 4321, "host": "elsewhere", "since": "2026-01-01 00:00:00"}))
    file.flush()
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


@pytest.mark.parametrize("mode", ["hydra.sweep.dir", "hydra.run.dir"])
def test_a_second_process_is_told_who_works_in_a_folder(tmp_path, mode):
    folder = tmp_path / "held"
    multirun = ["-m"] if "sweep" in mode else []
    command = ["rfm_solve.py", *multirun, "model.width=8", f"{mode}={folder}"]
    with hold(folder):
        line = error_line(run_here(*command, cwd=tmp_path))
        assert line.startswith(f"error: {folder}: process 4321 on elsewhere since 2026-01-01")
        assert [p.name for p in folder.iterdir()] == [".lock"]
    assert run_here(*command, cwd=tmp_path).returncode == 0
    assert not list(tmp_path.rglob(".lock"))


@pytest.mark.slow
def test_two_sweeps_that_are_started_at_once_do_not_meet(tmp_path):
    """The second is refused; what the first leaves is whole."""
    codes = {}

    def start(name, wait):
        time.sleep(wait)
        codes[name] = run_script("train.py", *SWEEP, "max_steps=20000", "seed=1,2", cwd=tmp_path)

    threads = [threading.Thread(target=start, args=(i, 4 * i)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes[0].returncode == 0, codes[0].stderr
    assert codes[1].returncode == 1
    assert "works in this folder" in codes[1].stderr
    assert [json.loads((f / "result.json").read_text())["step"] for f in jobs(tmp_path)] == [
        20000
    ] * 2
