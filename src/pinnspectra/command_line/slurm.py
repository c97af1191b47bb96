"""A sweep by Slurm (hydra/launcher=submitit_slurm): jobs are queued again, and all waited for."""

from __future__ import annotations

import glob
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict

from pinnspectra.runs.signals import Interrupted

log = logging.getLogger(__name__)

PUT_BACK = r"""
put_back() {
  case $? in 143 | 140) limit=100 ;; 137) limit=3 ;; *) return ;; esac
  job=$SLURM_JOB_ID
  test -z "$SLURM_ARRAY_JOB_ID" || job="$SLURM_ARRAY_JOB_ID"_"$SLURM_ARRAY_TASK_ID"
  test "0$SLURM_RESTART_COUNT" -lt $limit || return
  scontrol show job -o "$job" | grep -q ' JobState=RUNNING ' && scontrol requeue "$job"
}
trap put_back EXIT
"""
"""Shell code that has Slurm queue a job again whose process was ended.

By SIGTERM (143, pre-emption) and SIGUSR2 (140, the time limit is near) after it has saved, by
SIGKILL (137, too little memory among others) a few times only. A job that is cancelled, or that
Slurm queues again by itself, is no longer running by then.
"""


LOST = ("UncompletedJobError", "FailedJobError")
"""Errors of submitit for a job that Slurm ended, or that could not be started."""


class SlurmJobs(Callback):
    """Hydra callback that has Slurm queue interrupted jobs again, and knows the jobs of a sweep."""

    folder: str | None = None
    earlier: frozenset[Path] = frozenset()

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Put PUT_BACK before the setup of the user."""
        launcher = config.hydra.launcher
        if not str(launcher.get("_target_")).endswith(".SlurmLauncher"):
            return
        SlurmJobs.folder = str(launcher.submitit_folder)
        SlurmJobs.earlier = frozenset(_submitted())
        with open_dict(launcher):
            launcher.setup = [PUT_BACK, *(launcher.setup or [])]


@contextmanager
def awaited() -> Iterator[None]:
    """Wait for all of Slurm's jobs, also those that the launcher leaves when it has lost one.

    Raises:
        RuntimeError: Slurm ended jobs that left no result; says which.
    """
    SlurmJobs.folder = None
    try:
        yield
    except Exception as error:
        if SlurmJobs.folder is None or type(error).__name__ not in LOST:
            raise
        lost = _lost()
        if lost:
            raise RuntimeError(lost) from error
    except Interrupted:
        if SlurmJobs.folder is not None:
            log.warning("the jobs go on in Slurm; scancel ends them")
        raise


def _submitted() -> list[Path]:
    """List the files that submitit writes, ID_submitted.pkl in a folder for each job."""
    folder = glob.escape(SlurmJobs.folder or "").replace("%j", "*")
    return [Path(path) for path in glob.glob(f"{folder}/*_submitted.pkl")]


def _lost() -> str:
    """Wait for all jobs; name those that have no result, "" where every one has."""
    from submitit.slurm.slurm import SlurmJob  # pyright: ignore[reportMissingImports]

    new = [path for path in sorted(_submitted()) if path not in SlurmJobs.earlier]
    jobs = [SlurmJob(path.parent, path.name.removesuffix("_submitted.pkl")) for path in new]
    for job in jobs:
        job.wait()
    lost = [job for job in jobs if not job.paths.result_pickle.exists() or job.exception()]
    if not lost:
        return ""
    named = ", ".join(f"{job.job_id} ({job.state})" for job in lost)
    return (
        f"Slurm ended {named}: the same command runs what is missing; what they printed is in "
        f"{Path(SlurmJobs.folder or '').parent}"
    )
