"""train.py on several processes, seen from outside: what it leaves, and that none is left over."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scripts import ROOT, run_here, run_script

from pinnspectra.runs.files import read_arrays, read_metrics

RUN = (
    "pde=poisson2d", "points.per_axis=10", "model.width=8", "precision=float64", "log_every=20",
    "max_steps=60", "spectrum.every=30", "logger=[csv]", "compile=false", "trainer.accelerator=cpu",
)  # fmt: skip
LONG = (*RUN, "max_steps=4000", "spectrum.every=4000", "checkpoint.every=100")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone")


def folder_of(cwd):
    (path,) = cwd.glob("outputs/train/*")
    return path


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def assert_same_numbers(folder, wanted):
    found, metrics = (read_metrics(path / "metrics.csv") for path in (folder, wanted))
    assert found.keys() == metrics.keys()
    for name, values in metrics.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=0)
    spectra, arrays = (read_arrays(path / "spectra.npz") for path in (folder, wanted))
    np.testing.assert_allclose(spectra["eigenvalues"], arrays["eigenvalues"], rtol=1e-6, atol=1e-9)


def started(*command, cwd, **environment):
    """A command that runs, its output in err.txt."""
    cwd.mkdir(exist_ok=True)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB", "HYDRA"))}
    with (cwd / "err.txt").open("a") as file:
        environment = {**inherited, "OMP_NUM_THREADS": "1", **environment}
        return subprocess.Popen(command, cwd=cwd, env=environment, stdout=file, stderr=file)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def trained(cwd, count, *overrides, rows=None):
    """train.py by torchrun; still running, with so many rows logged, where they are given."""
    script = (str(ROOT / "train.py"), *overrides, f"trainer.devices={count}")
    process = started(*TORCHRUN, f"--nproc-per-node={count}", *script, cwd=cwd)
    if rows is None:
        process.wait(200)
        return process
    deadline = time.monotonic() + 100
    while not any(path.read_text().count("\n") > rows for path in cwd.rglob("metrics.csv")):
        assert time.monotonic() < deadline, (cwd / "err.txt").read_text()
        assert process.poll() is None, (cwd / "err.txt").read_text()
        time.sleep(0.1)
    return process


def workers(process):
    """The processes that torchrun started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return list(map(int, children.read_text().split()))


def test_a_run_on_two_devices_leaves_what_a_run_on_one_does(tmp_path):
    for name, devices in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        run = run_here if devices == 1 else run_script
        done = run("train.py", *RUN, f"trainer.devices={devices}", cwd=tmp_path / name)
        assert done.returncode == 0, done.stderr + done.stdout
    one, two = (folder_of(tmp_path / name) for name in ("one", "two"))
    assert files(two) == files(one)
    assert_same_numbers(two, one)
    assert (done.stderr.count("step 60/60"), done.stdout.count("see ")) == (1, 1)
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert json.loads((two / "result.json").read_text())["status"] == "finished"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ("-m", "method=ad,fd", "trainer.devices=2"),
            "trainer.devices=2, trainer.num_nodes=1: a sweep",
        ),
        (("trainer.num_nodes=2",), "trainer.devices=1, trainer.num_nodes=2: a run on several"),
        (("trainer.devices=11",), "trainer.devices=11: 11 processes for 10 parts of the points"),
        (("+trainer.strategy=fsdp",), "trainer.strategy=fsdp: several devices divide the points"),
    ],
)
def test_what_cannot_be_divided_or_started_is_refused_in_one_line(tmp_path, overrides, said):
    done = run_here("train.py", *overrides, *RUN, cwd=tmp_path)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == (2 if "-m" in overrides else 1)  # a sweep says it of each job
    assert all(line.startswith(f"error: {said}") for line in lines)
    assert not list(tmp_path.rglob("metrics.csv"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        ("optimizer=lbfgs", "optimizer.max_iter=3", "max_steps=10"),  # it amplifies rounding
        ("optimizer=adam", "compile=true"),
        ("pde=biharmonic", "method=fd_exact", "method.step=0.3", "method.renew_every=20"),
        ("ensemble.lr=[1e-4,1e-5]", "ensemble.size=2"),
    ],
    ids=["lbfgs", "compiled", "renewed", "ensemble"],
)
def test_three_processes_by_torchrun_give_the_numbers_of_one(tmp_path, more):
    (tmp_path / "one").mkdir()
    assert run_here("train.py", *RUN, *more, cwd=tmp_path / "one").returncode == 0
    process = trained(tmp_path / "three", 3, *RUN, *more)
    assert process.returncode == 0, (tmp_path / "three" / "err.txt").read_text()
    one, three = folder_of(tmp_path / "one"), folder_of(tmp_path / "three")
    assert files(three) == files(one)
    assert_same_numbers(three, one)


@pytest.mark.slow
def test_a_member_that_diverges_does_so_in_all_processes(tmp_path):
    process = trained(tmp_path / "two", 2, *RUN, "ensemble.lr=[1e-4,50]")
    assert process.returncode == 1
    members = json.loads((folder_of(tmp_path / "two") / "result.json").read_text())["members"]
    assert [member["status"] for member in members] == ["finished", "diverged"]


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["starter", "first", "other"])
def test_a_signal_to_one_process_has_the_run_saved_which_goes_on_to_the_same_bits(tmp_path, whose):
    assert trained(tmp_path / "whole", 2, *LONG).returncode == 0
    process = trained(tmp_path / "cut", 2, *LONG, rows=10)
    ids = dict(zip(("first", "other"), workers(process), strict=True))
    os.kill(ids.get(whose, process.pid), signal.SIGTERM)
    assert process.wait(60) != 0
    folder = folder_of(tmp_path / "cut")
    assert not (folder / "result.json").exists()
    assert len(list(folder.glob("checkpoints/step=*.ckpt"))) in (1, 2)
    assert "error: interrupted by SIGTERM" in (tmp_path / "cut" / "err.txt").read_text()
    assert trained(tmp_path / "cut", 2, *LONG).returncode == 0
    wanted = folder_of(tmp_path / "whole")
    assert (folder / "metrics.csv").read_bytes() == (wanted / "metrics.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_dies_ends_the_others_and_the_run_goes_on_when_started_again(tmp_path, rank):
    assert trained(tmp_path / "whole", 2, *LONG).returncode == 0
    process = trained(tmp_path / "cut", 2, *LONG, rows=10)
    both = workers(process)
    os.kill(both[rank], signal.SIGKILL)
    assert process.wait(60) != 0
    assert not any(Path(f"/proc/{worker}").exists() for worker in both)
    if rank:  # the first is left to say it, of the lost process or of the starter's signal
        assert "the same command goes on" in (tmp_path / "cut" / "err.txt").read_text()
    assert not list((tmp_path / "cut").rglob("error.json"))  # it has not failed
    assert trained(tmp_path / "cut", 2, *LONG).returncode == 0
    folder, wanted = folder_of(tmp_path / "cut"), folder_of(tmp_path / "whole")
    assert (folder / "metrics.csv").read_bytes() == (wanted / "metrics.csv").read_bytes()


@pytest.mark.slow
def test_a_sweep_by_torchrun_goes_on_after_a_job_that_is_refused(tmp_path):
    sweep = ("-m", "method=fd", "method.step=1e-2,-1,2e-2", *RUN)
    process = trained(tmp_path / "two", 2, *sweep)
    text = (tmp_path / "two" / "err.txt").read_text()
    assert process.returncode == 1
    assert text.count("error: method.step=-1") == 1
    results = list((tmp_path / "two").rglob("result.json"))
    assert [json.loads(path.read_text())["status"] for path in results] == ["finished"] * 2
    assert len(list((tmp_path / "two").rglob("summary.csv"))) == 1


def on_nodes(rank, port):
    """How torchrun starts a process on one of two nodes, which are both this one."""
    node = (f"--node-rank={rank}", "--master-addr=127.0.0.1", f"--master-port={port}")
    return (*TORCHRUN[:-1], "--nnodes=2", "--nproc-per-node=1", *node), "trainer.num_nodes=2", {}


def by_srun(rank, port):
    """The variables that srun sets for one of two tasks."""
    variables = {
        "PROCID": rank, "LOCALID": rank, "NODEID": "0", "NTASKS": "2", "NTASKS_PER_NODE": "2",
        "NNODES": "1", "JOB_ID": "1", "JOB_NAME": "run", "NODELIST": "127.0.0.1",
    }  # fmt: skip
    slurm = {f"SLURM_{name}": value for name, value in variables.items()}
    return (sys.executable,), "trainer.devices=2", {**slurm, "MASTER_PORT": port}


@pytest.mark.slow
@pytest.mark.parametrize("starter", [on_nodes, by_srun])
def test_processes_that_are_started_one_by_one_find_each_other(tmp_path, starter):
    port, script, processes = free_port(), (str(ROOT / "train.py"), *RUN), []
    for rank in "01":
        command, two, variables = starter(rank, port)
        processes.append(started(*command, *script, two, cwd=tmp_path / "two", **variables))
    assert [process.wait(200) for process in processes] == [0, 0]
    (tmp_path / "one").mkdir()
    assert run_here("train.py", *RUN, cwd=tmp_path / "one").returncode == 0
    assert_same_numbers(folder_of(tmp_path / "two"), folder_of(tmp_path / "one"))
