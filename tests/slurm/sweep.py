"""A sweep of six jobs by Slurm, each of which is ended in another way: six results, to the bit.

Started by tests/slurm/run, which sets up the Slurm.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import yaml

ROOT = Path(__file__).parent.parent.parent

JOBS = [(method, seed) for method in ("ad", "fd") for seed in (0, 1, 2)]

SWEEP = (
    "-m",
    "method=ad,fd",
    "seed=0,1,2",
    "model.width=20",
    "points.per_axis=50",
    "max_steps=12000",
    "compile=false",
    "checkpoint.every=1000",
    "logger=[csv]",
)

SLURM = ("hydra/launcher=submitit_slurm", "hydra.launcher.timeout_min=60")

ROWS = ("-X", "-n", "-P", "-o")
"""How sacct prints a column of jobs without their steps."""

UNEQUAL = ("wall_seconds", "steps_per_second", "versions")
"""What of a result is no number of the run."""

PATIENCE = 600.0
"""Seconds after which what has not happened will not."""


def said(*command: str) -> str:
    """The output of one of Slurm's commands."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def until(what: str, happened: Callable[[], object]) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.3)


def start(cwd: Path, *overrides: str) -> subprocess.Popen[bytes]:
    """The sweep in a process of its own, which writes what it says to cwd/said.txt."""
    cwd.mkdir(exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB", "HYDRA"))}
    script = [sys.executable, str(ROOT / "train.py"), *SWEEP, *overrides]
    with (cwd / "said.txt").open("w") as file:
        return subprocess.Popen(script, cwd=cwd, env=environment, stdout=file, stderr=file)


def folders(cwd: Path) -> dict[tuple[str, int], Path]:
    """The run folders by method and seed, of jobs that have begun."""
    found = {}
    for path in cwd.glob("outputs/train_sweep/*/*/.hydra/overrides.yaml"):
        given = dict(o.split("=", 1) for o in yaml.safe_load(path.read_text()))
        found[given["method"], int(given["seed"])] = path.parent.parent
    return found


class Job:
    """A job by its name in Slurm, ARRAY_TASK."""

    def __init__(self, name: str, cwd: Path):
        self.name, self.cwd = name, cwd
        self.task = int(name.partition("_")[2])

    @property
    def folder(self) -> Path | None:
        """Its run folder, once it is there."""
        return folders(self.cwd).get(JOBS[self.task])

    @property
    def has_saved(self) -> bool:
        """Whether there is a checkpoint of it."""
        return self.folder is not None and any(self.folder.glob("checkpoints/step=*.ckpt"))

    @property
    def resumed(self) -> list[int]:
        """The gradient steps that it went on from, one for each further attempt."""
        logs = self.cwd.glob(f"outputs/train_sweep/*/.submitit/{self.name}/*_log.*")
        printed = "".join(path.read_text() for path in logs)
        return [int(step) for step in re.findall(r"goes on from gradient step (\d+)", printed)]

    @property
    def ends(self) -> list[str]:
        """How each of its attempts ended, as Slurm has it."""
        rows = said("sacct", "-D", *ROWS, "State", "-j", self.name).splitlines()
        return [row.split()[0] for row in rows]

    def process(self) -> int:
        """The number of its Python process."""
        task = f"SLURM_ARRAY_TASK_ID={self.task}".encode()
        for path in Path("/proc").glob("[0-9]*"):
            try:
                arguments = (path / "cmdline").read_bytes().split(b"\0")
                environment = (path / "environ").read_bytes().split(b"\0")
            except OSError:
                continue  # it has ended
            ours = b"submitit.core._submit" in arguments and b"srun" not in arguments
            if ours and task in environment:
                return int(path.name)
        raise AssertionError(f"job {self.name} has no process")


def kill(job: Job) -> None:
    """End its process as a lack of memory would."""
    os.kill(job.process(), signal.SIGKILL)


def requeue(job: Job) -> None:
    """Have Slurm put it back."""
    said("scontrol", "requeue", job.name)


def run_out_of_time(job: Job) -> None:
    """Have Slurm tell it that its time is nearly over.

    Slurm looks at time limits twice a minute: the job is held still until it has done so.
    """
    process, minutes = job.process(), int(said("sacct", *ROWS, "ElapsedRaw", "-j", job.name)) // 60
    os.kill(process, signal.SIGSTOP)
    said("scontrol", "update", f"JobId={job.name}", f"TimeLimit={minutes + 2}")
    until("the signal before a time limit", lambda: is_told(process))
    said("scontrol", "update", f"JobId={job.name}", "TimeLimit=60")
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGCONT)


def is_told(process: int) -> bool:
    """Whether a process that has been stopped goes on, or a signal waits for it."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return True
    masks = re.findall(r"^(?:Sig|Shd)Pnd:\s*(\w+)", status, re.MULTILINE)
    return "State:\tT" not in status or any(int(mask, 16) for mask in masks)


def cancel(job: Job) -> None:
    """End it for good."""
    said("scancel", job.name)


def interrupt(cwd: Path) -> dict[str, Job]:
    """End the jobs of the sweep, each in its way and once it has saved; which was ended how."""
    ended: dict[str, Job] = {}

    def ready() -> list[Job]:
        running = said("squeue", "-h", "-r", "-p", "ordinary", "-t", "R", "-o", "%i").split()
        touched = {job.name for job in ended.values()}
        jobs = [Job(name, cwd) for name in running if name not in touched]
        return [job for job in jobs if job.has_saved]

    def end(way: str, how: Callable[[Job], None]) -> None:
        until(f"a job to be {way}", ready)
        ended[way] = ready()[0]
        print(f"job {ended[way].name} is {way}", flush=True)
        how(ended[way])

    end("killed", kill)
    end("requeued", requeue)
    until("two jobs to be pre-empted", lambda: len(ready()) == 2)
    ended["pre-empted"], ended["pre-empted beside it"] = pair = ready()
    print("jobs", *(job.name for job in pair), "are pre-empted", flush=True)
    said("sbatch", "-p", "urgent", "-n", "2", "-o", "/dev/null", "--wrap", "sleep 1")
    end("cancelled", cancel)
    end("out of time", run_out_of_time)
    return ended


def numbers(folder: Path) -> dict[str, object]:
    """All that a run computed, to be compared bit for bit."""
    result = json.loads((folder / "result.json").read_text())
    assert result["status"] == "finished", f"{folder}: {result['status']}"
    arrays = np.load(folder / "spectra.npz")
    return {
        "result.json": {key: value for key, value in result.items() if key not in UNEQUAL},
        "metrics.csv": (folder / "metrics.csv").read_bytes(),
        "spectra.npz": {name: (arrays[name].dtype, arrays[name].tobytes()) for name in arrays},
    }


def written(cwd: Path) -> dict[tuple[str, int], int]:
    """When the results were written."""
    paths = {job: folder / "result.json" for job, folder in folders(cwd).items()}
    return {job: path.stat().st_mtime_ns for job, path in paths.items() if path.exists()}


def check(cwd: Path) -> None:
    """The whole of it.

    Raises:
        AssertionError: something was lost.
    """
    alone, cluster = cwd / "alone", cwd / "cluster"
    print("six jobs one after the other, undisturbed", flush=True)
    assert start(alone).wait() == 0
    print("the same sweep by Slurm", flush=True)
    sweep = start(cluster, *SLURM)
    try:
        ended = interrupt(cluster)
    except BaseException:
        sweep.terminate()
        raise
    assert sweep.wait(PATIENCE) == 1, "a sweep with a cancelled job is not done"
    first, missing = (cluster / "said.txt").read_text(), ended.pop("cancelled")
    assert f"error: Slurm ended {missing.name} (CANCELLED" in first, first
    results = written(cluster)
    assert results.keys() == {JOBS[job.task] for job in ended.values()}

    print("the same command again", flush=True)
    assert start(cluster, *SLURM).wait() == 0
    again = written(cluster)
    assert again.keys() == set(JOBS)
    assert {job: again[job] for job in results} == results, "a whole result was written again"
    assert start(cluster, *SLURM).wait() == 0
    assert written(cluster) == again, "a finished sweep was run again"

    undisturbed = folders(alone)
    for job, folder in folders(cluster).items():
        theirs = numbers(undisturbed[job])
        for name, value in numbers(folder).items():
            assert value == theirs[name], f"{folder}: {name} is not that of an undisturbed run"
    print("\nsix whole results, bit for bit those of the undisturbed sweep")
    for way, job in ended.items():
        assert job.resumed, f"job {job.name}, {way}, began anew"
        steps, states = ", ".join(map(str, job.resumed)), ", ".join(job.ends)
        print(f"{way:22}{states:24}went on from step {steps}")
    print(f"{'cancelled':22}{', '.join(missing.ends):24}done by the same command again")


if __name__ == "__main__":
    try:
        check(Path(sys.argv[1]))
    except AssertionError as error:
        sys.exit(f"failed: {error}")
