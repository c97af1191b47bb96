"""Sweeps by joblib and by Slurm: the same runs, and jobs that Slurm is to queue again."""

import importlib.util
import json
import os
import pickle
import signal
import subprocess

import pytest
from omegaconf import OmegaConf
from scripts import run_here, run_script

from pinnspectra.command_line.slurm import PUT_BACK, SlurmJobs
from pinnspectra.runs.files import read_arrays
from pinnspectra.runs.signals import Interrupted

SWEEP = ("-m", "model.width=10,-5", "points.per_axis=16", "method=ad,fd")

INSTALLED = importlib.util.find_spec("joblib") and importlib.util.find_spec("submitit")


def left(cwd):
    """What the jobs of a sweep leave: results without times, spectra, and why there are none."""
    found = {}
    for path in sorted((cwd / "outputs").rglob("*.json")):
        kept = {k: v for k, v in json.loads(path.read_text()).items() if "second" not in k}
        spectrum = read_arrays(path.parent / "spectrum.npz").get("singular_values")
        bits = None if spectrum is None else spectrum.tobytes()
        found[str(path.relative_to(cwd))] = kept, bits
    return found


@pytest.mark.skipif(not INSTALLED, reason="requirements-launchers.txt is not installed")
def test_a_sweep_by_joblib_leaves_what_one_without_it_leaves(tmp_path):
    (tmp_path / "basic").mkdir()
    (tmp_path / "joblib").mkdir()
    basic = run_here("rfm_solve.py", *SWEEP, cwd=tmp_path / "basic")
    parallel = (*SWEEP, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    done = run_script("rfm_solve.py", *parallel, cwd=tmp_path / "joblib")
    assert done.returncode == basic.returncode == 1  # since half of the jobs are refused
    assert done.stderr.count(": refused: model.width=-5: ") == 2, done.stderr
    assert len(left(tmp_path / "joblib")) == 4
    assert left(tmp_path / "joblib") == left(tmp_path / "basic")


@pytest.mark.skipif(bool(INSTALLED), reason="requirements-launchers.txt is installed")
@pytest.mark.parametrize("launcher", ["joblib", "submitit_slurm"])
def test_a_launcher_that_is_not_installed_says_how_it_is(tmp_path, launcher):
    refused = run_script("rfm_solve.py", *SWEEP, f"hydra/launcher={launcher}", cwd=tmp_path)
    assert refused.returncode == 1
    assert "pip install -r requirements-launchers.txt" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def queued_again(folder, code, state="RUNNING", **environment):
    """The job that is queued again where a batch script ends so; with a Slurm that says state."""
    (folder / "scontrol").write_text(
        "#!/bin/bash\n"
        f'test "$1" = show && echo "JobId=7 JobState={state} Reason=None"\n'
        'test "$1" = show || echo "$@"\n'
    )
    (folder / "scontrol").chmod(0o755)
    ended = subprocess.run(
        ["bash", "-c", f"{PUT_BACK}\n(exit {code})"],
        env={"PATH": f"{folder}:{os.environ['PATH']}", "SLURM_JOB_ID": "7", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == ""
    return ended.stdout.removeprefix("requeue ").strip()


def test_an_interrupted_job_is_queued_again(tmp_path):
    array = {"SLURM_ARRAY_JOB_ID": "5", "SLURM_ARRAY_TASK_ID": "2"}
    assert queued_again(tmp_path, 143) == "7"
    assert queued_again(tmp_path, 140, SLURM_RESTART_COUNT="99") == "7"
    assert queued_again(tmp_path, 140, SLURM_RESTART_COUNT="100") == ""
    assert queued_again(tmp_path, 143, **array) == "5_2"  # 7 may be the number of the whole array
    assert queued_again(tmp_path, 137, SLURM_RESTART_COUNT="2") == "7"
    assert queued_again(tmp_path, 137, SLURM_RESTART_COUNT="3") == ""  # it needs more memory


def test_a_job_that_ended_or_was_cancelled_is_not_queued_again(tmp_path):
    assert queued_again(tmp_path, 0) == ""
    assert queued_again(tmp_path, 1) == ""
    assert queued_again(tmp_path, 143, "COMPLETING") == ""
    assert queued_again(tmp_path, 143, "CANCELLED") == ""
    assert queued_again(tmp_path, 137, "REQUEUED") == ""


def test_what_the_user_sets_up_stays(tmp_path):
    launcher = {
        "_target_": "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
        "submitit_folder": f"{tmp_path}/.submitit/%j",
        "setup": ["module load gcc"],
    }
    config = OmegaConf.create({"hydra": {"launcher": launcher}})
    OmegaConf.set_struct(config, True)
    SlurmJobs().on_multirun_start(config)
    assert OmegaConf.to_container(config.hydra.launcher.setup, resolve=True) == [
        PUT_BACK,
        "module load gcc",
    ]


def test_an_interruption_is_the_exit_code_of_a_launchers_process():
    error = pickle.loads(pickle.dumps(Interrupted(signal.SIGINT)))
    assert isinstance(error, SystemExit)
    assert (error.code, str(error)) == (130, "interrupted by SIGINT")
