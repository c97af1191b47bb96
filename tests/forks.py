"""Runs of the scripts that are ended at any moment: forks of a process with the imports done."""

import contextlib
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

from scripts import ROOT

IMPORTS = ("command_line", "show.tables.summary", "training.callbacks", "training.outcome")


class Forks:
    """Starts scripts by forking a server, which takes a tenth of the time of a new process."""

    def __init__(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB", "HYDRA"))}
        self.server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, "OMP_NUM_THREADS": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"},
        )

    def close(self):
        self.server.communicate()

    def run(self, script, *overrides, cwd, after=None, number=signal.SIGKILL, at_write=None):
        """Run a script and end it by a signal, if it has not ended; its exit code, or -number.

        Args:
            script: train.py or rfm_solve.py.
            overrides: what it is given.
            cwd: where it runs; its output is appended to out.txt and err.txt there.
            after: seconds after which the signal is sent.
            number: the signal.
            at_write: the fsync, from 0, in which it is sent instead, with half of the file there.
        """
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        job = [str(ROOT / script), list(overrides), str(cwd), number, at_write]
        self.server.stdin.write(json.dumps(job) + "\n")
        self.server.stdin.flush()
        child = int(self.server.stdout.readline())
        if after is not None:
            time.sleep(after)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
        self.server.stdin.write("wait\n")  # only now: until then the child's number is its own
        self.server.stdin.flush()
        return int(self.server.stdout.readline())


def _serve():
    for name in IMPORTS:
        importlib.import_module(f"pinnspectra.{name}")
    for line in sys.stdin:
        script, overrides, cwd, number, at_write = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(script, overrides, cwd, number, at_write)
        print(child, flush=True)
        sys.stdin.readline()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(script, overrides, cwd, number, at_write):
    """Be a process that runs the script."""
    os.chdir(cwd)
    for descriptor, name in ((0, os.devnull), (1, "out.txt"), (2, "err.txt")):
        flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(name, flags, 0o644), descriptor)
    sys.stdin = os.fdopen(0, "r")
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    if at_write is not None:
        _interrupt_write(number, at_write)
    sys.argv = [script, *overrides]
    code = 1
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _interrupt_write(number, at_write):
    """Cut the file of one fsync in half and send the signal, before it is renamed."""
    fsync, count = os.fsync, iter(range(10**9))

    def cut(handle):
        if next(count) == at_write:
            with contextlib.suppress(OSError):  # of a folder
                os.truncate(handle, os.fstat(handle).st_size // 2)
            os.kill(os.getpid(), number)
        fsync(handle)

    os.fsync = cut


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    _serve()
