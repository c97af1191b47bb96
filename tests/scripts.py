"""Running the scripts as a user does."""

import contextlib
import io
import logging
import os
import runpy
import subprocess
import sys
from pathlib import Path

import hydra

import pinnspectra.command_line  # noqa: F401  registers the resolvers
from pinnspectra.command_line.configuration import plain
from pinnspectra.command_line.settings import RandomFeatureSettings, TrainSettings, check

ROOT = Path(__file__).parent.parent


def choices(group: str) -> list[str]:
    """The choices of a group: the files of a folder of conf/."""
    return sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml"))


def composed(script: str, *overrides: str, conf: Path = ROOT / "conf"):
    """The checked configuration of train, rfm_solve or advise."""
    with hydra.initialize_config_dir(str(conf), version_base="1.3"):
        config = hydra.compose(script, list(overrides))
    return check(plain(config), RandomFeatureSettings if script == "rfm_solve" else TrainSettings)


SMALL = ("model.width=10", "points.per_axis=16", "max_steps=20", "log_every=10")
"""Overrides of a training run that takes no time."""


def run_process(*command: object, cwd: Path = ROOT, timeout=300, **environment: str):
    """A command in a process of its own; the completed process, with its output as text."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB", "HYDRA"))}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**inherited, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def run_script(script: str, *overrides: str, cwd: Path, **environment: str):
    """A script in a process of its own."""
    return run_process(sys.executable, ROOT / script, *overrides, cwd=cwd, **environment)


def run_here(script: str, *overrides: str, cwd: Path):
    """A script in this process, which spares its imports; the same completed process."""
    out, err = io.StringIO(), io.StringIO()
    argv, handlers = sys.argv, list(logging.root.handlers)
    sys.argv = [str(ROOT / script), *overrides]
    try:
        redirected = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
        with contextlib.chdir(cwd), redirected[0], redirected[1]:
            runpy.run_path(sys.argv[0], run_name="__main__")
        code = 0
    except SystemExit as stop:
        code = stop.code
    finally:
        sys.argv = argv
        for handler in set(logging.root.handlers) - set(handlers):  # Hydra's, on files of cwd
            logging.root.removeHandler(handler)
            with contextlib.suppress(OSError):  # of a disk that is full; logging.shutdown does so
                handler.close()
        logging.root.handlers[:] = handlers
    return subprocess.CompletedProcess(overrides, code, out.getvalue(), err.getvalue())


def error_line(done) -> str:
    """The one line by which a command that ends with exit code 1 says why."""
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines)) == (1, 1), f"{done.args}\n{done.stderr}{done.stdout}"
    assert lines[0].startswith("error: ")
    assert "Traceback" not in done.stdout
    return lines[0]


def run_folders(cwd: Path) -> list[Path]:
    """The folders of the jobs that were accepted under cwd, in the order of their start."""
    found = (cwd / "outputs").rglob(".hydra")
    return [path.parent for path in sorted(found, key=lambda path: path.stat().st_mtime_ns)]
