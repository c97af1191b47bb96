"""A script from its command line to its exit code."""

from __future__ import annotations

import gc
import inspect
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

import pinnspectra.command_line.names  # noqa: F401  registers the resolvers
from pinnspectra.command_line.composing import check_flags, checked_composition
from pinnspectra.command_line.job import Job, run_job
from pinnspectra.command_line.mistakes import one_line
from pinnspectra.command_line.resume import with_resumed
from pinnspectra.command_line.settings import Settings
from pinnspectra.command_line.slurm import awaited
from pinnspectra.runs.folder import SWEEP
from pinnspectra.runs.lock import LockedError, locked
from pinnspectra.runs.messages import SettingsError, cannot_write, first_line, say
from pinnspectra.runs.signals import Interrupted, interruptible, swallowed
from pinnspectra.runs.starters import leads

SECONDS_TO_SPEAK = 5.0
"""The other processes of a run wait as long at an error, for a starter ends the first with them."""


class SweepFolder(Callback):
    """Hydra callback that learns where Hydra is going to write, and locks a sweep's folder.

    Folders in which nothing came to be are removed at the end.
    """

    path: Path | None = None
    held = ExitStack()

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Note the folder of a single run."""
        with suppress(OmegaConfBaseException):  # which Hydra meets next
            SweepFolder.held.enter_context(_removed_if_empty(Path(config.hydra.run.dir)))

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Note and lock the folder of a sweep."""
        try:
            path = Path(config.hydra.sweep.dir).absolute()
            with suppress(OmegaConfBaseException):  # has no name itself, but keeps what is given
                _ = config.hydra.sweep.subdir
            SweepFolder.held.enter_context(_removed_if_empty(path))
            if leads():
                SweepFolder.held.enter_context(locked(path))
                SweepFolder.path = path
        except OmegaConfBaseException:
            return  # which Hydra meets next
        except (LockedError, OSError) as error:  # Hydra makes warnings of exceptions, and goes on
            say(str(error) if isinstance(error, LockedError) else cannot_write(error))
            sys.exit(1)


@contextmanager
def _removed_if_empty(path: Path) -> Iterator[None]:
    """Remove a folder and those above it that are made in here, where they are empty at the end."""
    missing = [p for p in (path, *path.parents) if not p.exists()]
    try:
        yield
    finally:
        with suppress(OSError):
            for folder in missing:
                folder.rmdir()


def run(
    job: Job[Settings],
    config_name: str,
    schema: type[Settings],
    folder: Path | None = None,
    summarised: bool = True,
) -> None:
    """Run a script's job, or a sweep over it, and exit.

    Exit codes: 0 done; 1 refused, failed or diverged; 128 + N where signal N interrupted it.
    Garbage is not collected until the job has made its imports (`imports_are_done`), which create
    many objects and no garbage: looking for it takes a fifth of their time.

    Args:
        job: the work.
        config_name: the configuration in conf/, and the name of the job.
        schema: checks the configuration.
        folder: conf/, where it is not beside the file of the job.
        summarised: show the results that jobs leave, and a sweep's table.
    """
    gc.disable()
    folder = folder or Path(inspect.getfile(job)).parent / "conf"
    wanted = os.environ.get("HYDRA_FULL_ERROR", "0")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come here, where they become one line
    tracebacks, logging.raiseExceptions = logging.raiseExceptions, False  # of a log on a full disk
    SweepFolder.path = None
    codes: list[int] = []
    swallowed()  # forget an interruption of an earlier run in this process

    def task(config: DictConfig) -> None:
        codes.append(run_job(job, config, schema, summarised))

    try:
        with interruptible(), SweepFolder.held:
            sys.argv[1:] = with_resumed(sys.argv[1:], config_name)
            check_flags(sys.argv[1:])
            with checked_composition(), _sweep_shown(codes, summarised), awaited():
                hydra.main(str(folder), config_name, version_base="1.3")(task)()
    except BrokenPipeError:  # the reader of `--help | head` has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Interrupted as signal:
        _end(signal)
    except SettingsError as error:
        say(str(error))
        codes.append(1)
    except Exception as error:  # of Hydra alone: jobs report their own
        signal = swallowed()
        if signal is not None:
            _end(signal)
        if wanted == "1":
            raise
        say(one_line(error, folder, config_name, SweepFolder.path))
        codes.append(1)
    finally:
        os.environ["HYDRA_FULL_ERROR"] = wanted
        logging.raiseExceptions = tracebacks
    code = max(codes, default=0)
    if code and not leads():
        time.sleep(SECONDS_TO_SPEAK)
    sys.exit(code)


def _end(signal: Interrupted) -> NoReturn:
    """End by a signal; where all processes agreed on it, the first has its exit code."""
    logging.root.handlers.clear()  # libraries log at their exit, to a file that may be gone
    if not leads():
        sys.exit(0 if signal.agreed else signal.code)
    say(f"{signal}: the same command goes on from what is saved")
    sys.exit(signal.code)


@contextmanager
def _sweep_shown(codes: list[int], summarised: bool) -> Iterator[None]:
    """Show the results of a sweep at the end, also where Hydra ended it early."""
    try:
        yield
    except Exception:
        codes.append(1)
        raise
    finally:
        interrupted = isinstance(sys.exception(), Interrupted)
        if summarised and SweepFolder.path is not None and not interrupted:
            codes.append(_show(SweepFolder.path))


def _show(folder: Path) -> int:
    """Show table, figure and report of a sweep; 1 where there is none or a run is unfinished."""
    from pinnspectra.runs.found import NoRunError
    from pinnspectra.show.report import report
    from pinnspectra.show.tables.collect import collect

    try:
        code = 0 if collect(folder) else 1
    except NoRunError:  # the sweep was refused before its first job, which has been told
        (folder / SWEEP).unlink(missing_ok=True)
        return 1
    except Exception as error:
        say(cannot_write(error, folder) if isinstance(error, OSError) else first_line(error))
        code = 1
    report(folder)
    return code
