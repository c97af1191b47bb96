"""One job: skipped where it is done, resumed where it is half done, its failure kept."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from pinnspectra.command_line.configuration import plain
from pinnspectra.command_line.settings import Settings, check
from pinnspectra.runs.folder import FREE, LEFT, RunFolder, config_hash, flat
from pinnspectra.runs.lock import LockedError, locked
from pinnspectra.runs.messages import SettingsError, cannot_write, first_line, say
from pinnspectra.runs.signals import interruptible, waiting
from pinnspectra.runs.starters import LostProcessError, check_started, is_first, several

Job = Callable[[Settings, RunFolder], int]
"""What a script does with checked settings in a run folder; returns the exit code."""


def imports_are_done() -> None:
    """Collect garbage from here on, and leave out what was imported; in a sweep's first job."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def run_job(
    job: Job[Settings], config: DictConfig, schema: type[Settings], summarised: bool
) -> int:
    """One job; every failure becomes an exit code, so that a sweep goes on.

    Raises:
        Interrupted: by a signal, which ends a sweep too.
    """
    path = Path(HydraConfig.get().runtime.output_dir)
    trainer: dict[str, Any] = {}
    try:
        settings = plain(config)
        trainer = settings.get("trainer", trainer)
        check_started(trainer, not _is_single())
        folder = _folder(path, config, settings)
        with interruptible(), locked(folder.path) if is_first(trainer) else _silent():
            _check_that_it_is_ours(folder, settings)
            code = _code_of_done(folder, settings.get("retry")) if summarised else None
            if code is None:
                with _failures_kept(folder) if is_first(trainer) else nullcontext():
                    accepted = check(settings, schema)
                    with waiting():  # torch's import does not survive an interruption
                        import_module("torch")
                    code = job(accepted, folder)
        if summarised and _is_single() and is_first(trainer):
            from pinnspectra.show.tables.summary import summary

            print(summary(folder.path))
        return code
    except (SettingsError, OmegaConfBaseException) as error:
        if is_first(trainer):
            say(first_line(error))
        return 1
    except (LockedError, LostProcessError) as error:  # of which the other processes do not know
        say(str(error))
    except BrokenPipeError:  # the reader of what is printed has gone
        raise
    except OSError as error:
        _log_traceback()
        say(cannot_write(error, path))
    except Exception as error:
        place = _log_traceback()
        say(f"{type(error).__name__}: {first_line(error)}{place}")
    finally:
        gc.enable()
    if several(trainer):  # the others wait for this process, also in a sweep
        sys.exit(1)
    return 1


@contextmanager
def _silent() -> Iterator[None]:
    """What a process that is not the first of its run does: the first says it."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def _is_single() -> bool:
    return HydraConfig.get().mode == RunMode.RUN


def _folder(path: Path, config: DictConfig, settings: dict[str, Any]) -> RunFolder:
    """The run folder, which will hold the files by which Hydra describes a job."""
    hydra_config = HydraConfig.get()
    described = {
        "config.yaml": config,
        "hydra.yaml": OmegaConf.create({"hydra": hydra_config}),
        "overrides.yaml": hydra_config.overrides.task,
    }
    return RunFolder(
        path,
        hydra_config.runtime.choices["pde"],
        hydra_config.runtime.choices["method"],
        config_hash(settings),
        {f".hydra/{name}": OmegaConf.to_yaml(value) for name, value in described.items()},
    )


def _check_that_it_is_ours(folder: RunFolder, settings: dict[str, Any]) -> None:
    """Refuse a folder that holds a run of another configuration.

    Raises:
        SettingsError: it does.
    """
    try:
        found = plain(OmegaConf.load(folder.path / ".hydra" / "config.yaml"))  # pyright: ignore
    except (OSError, ValueError, YAMLError, AssertionError, OmegaConfBaseException):
        left = [name for name in ("result.json", *LEFT) if (folder.path / name).exists()]
        if not left or folder.result or folder.failure:
            return
        raise SettingsError(
            f"{folder.path} holds {left[0]} and no .hydra/config.yaml that says of which run it "
            f"is: name another hydra.run.dir, or remove it"
        ) from None
    if config_hash(found) != folder.config_hash:
        theirs, ours = flat(found), flat(settings)
        deciding = (k for k in {**ours, **theirs} if k.split(".")[0] not in FREE)
        differing = (k for k in deciding if theirs.get(k) != ours.get(k))
        key = next(differing, "")
        raise SettingsError(
            f"{folder.path} holds another run, with {key}={theirs.get(key)} and not "
            f"{ours.get(key)}: name another hydra.run.dir, or remove it"
        )


def _code_of_done(folder: RunFolder, retry: str | None) -> int | None:
    """The exit code of a run that need not run again; None where it is to run."""
    again = "retry=failed runs it again"
    result, failure = folder.result, folder.failure
    if result is not None or failure is not None:
        if not (folder.path / ".hydra").exists():
            folder.describe()
        os.utime(folder.path / ".hydra")  # of runs with the same overrides the last started counts
    if result is not None and not folder.has_lost_files:
        finished = all(m.get("status") == "finished" for m in result.get("members", [result]))
        if finished:
            print(f"finished already: {folder.path}")
        elif retry != "failed":
            say(f"{folder.path}: it diverged; {again}")
        return 0 if finished else None if retry == "failed" else 1
    if failure is not None and failure.get("status") == "failed" and retry != "failed":
        say(f"{folder.path}: it failed: {failure.get('error')}; {again}")
        return 1
    return None


@contextmanager
def _failures_kept(folder: RunFolder) -> Iterator[None]:
    """Have a job's folder say why it has no result; that of a single run that is refused is none.

    A file system that refuses is no failure of the run: it goes on when it is started again.
    """
    try:
        yield
    except OSError:
        raise
    except (SettingsError, OmegaConfBaseException) as error:
        if not _is_single():
            folder.describe()
            folder.write_failure("refused", first_line(error))
        raise
    except Exception as error:
        with suppress(OSError):  # what failed is told all the same
            folder.describe()
            folder.write_failure("failed", f"{type(error).__name__}: {first_line(error)}")
        raise


def _log_traceback() -> str:
    """Write the traceback to the log file alone; where it is, to be said."""
    files = [h for h in logging.root.handlers if isinstance(h, logging.FileHandler)]
    level, said = logging.ERROR, "the job failed"
    try:
        for file in files:
            record = logging.LogRecord(__name__, level, __file__, 0, said, (), sys.exc_info())
            file.handle(record)
    except OSError:
        return ""
    return f"; see {files[0].baseFilename}" if files else ""
