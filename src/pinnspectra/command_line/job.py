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
from pinnspectra.runs.folder import FREE_SECTIONS, RUN_FILES, RunFolder, config_hash, flat
from pinnspectra.runs.lock import LockedError, locked
from pinnspectra.runs.messages import SettingsError, cannot_write, first_line, say
from pinnspectra.runs.signals import interruptible, waiting
from pinnspectra.runs.starters import LostProcessError, check_started, is_first, several

Job = Callable[[Settings, RunFolder], int]
"""The work of a script, with checked settings in a run folder; returns the exit code."""

REFUSALS = (SettingsError, OmegaConfBaseException)


def imports_are_done() -> None:
    """Collect garbage from here on, and leave out what was imported; in a sweep's first job."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def run_job(
    job: Job[Settings], config: DictConfig, schema: type[Settings], summarised: bool
) -> int:
    """Run one job; every failure becomes an exit code, so that a sweep goes on.

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
        with interruptible(), locked(path) if is_first(trainer) else _silent():
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

            print(summary(path))
        return code
    except REFUSALS as error:
        if is_first(trainer):
            say(first_line(error))
        return 1
    except (LockedError, LostProcessError) as error:
        say(str(error))
    except BrokenPipeError:  # the reader of what is printed has gone
        raise
    except OSError as error:
        _log_traceback()
        say(cannot_write(error, path))
    except Exception as error:
        place = _log_traceback()
        say(f"{_named(error)}{f'; see {place}' if place else ''}")
    finally:
        gc.enable()
    if several(trainer):  # the others wait for this process, also in a sweep
        sys.exit(1)
    return 1


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {first_line(error)}"


@contextmanager
def _silent() -> Iterator[None]:
    """Leave speaking to the first process of the run."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def _is_single() -> bool:
    return HydraConfig.get().mode == RunMode.RUN


def _folder(path: Path, config: DictConfig, settings: dict[str, Any]) -> RunFolder:
    """Return the run folder, which will hold the files by which Hydra describes a job."""
    found = HydraConfig.get()
    described = {
        "config": config,
        "hydra": OmegaConf.create({"hydra": found}),
        "overrides": found.overrides.task,
    }
    texts = {f".hydra/{name}.yaml": OmegaConf.to_yaml(value) for name, value in described.items()}
    choices = found.runtime.choices
    return RunFolder(path, choices["pde"], choices["method"], config_hash(settings), texts)


def _check_that_it_is_ours(folder: RunFolder, settings: dict[str, Any]) -> None:
    """Refuse a folder that holds a run of another configuration.

    Raises:
        SettingsError: it does.
    """
    fix = "name another hydra.run.dir, or remove it"
    try:
        found = plain(OmegaConf.load(folder.path / ".hydra" / "config.yaml"))  # pyright: ignore
    except (OSError, ValueError, YAMLError, AssertionError, OmegaConfBaseException):
        left = [name for name in ("result.json", *RUN_FILES) if (folder.path / name).exists()]
        if left and not (folder.result or folder.failure):
            raise SettingsError(
                f"{folder.path} holds {left[0]} and no .hydra/config.yaml that says of which run "
                f"it is: {fix}"
            ) from None
        return
    if config_hash(found) != folder.config_hash:
        theirs, ours = flat(found), flat(settings)
        differing = [key for key in {**ours, **theirs} if theirs.get(key) != ours.get(key)]
        key = next((key for key in differing if key.split(".")[0] not in FREE_SECTIONS), "")
        raise SettingsError(
            f"{folder.path} holds another run, with {key}={theirs.get(key)} and not "
            f"{ours.get(key)}: {fix}"
        )


def _code_of_done(folder: RunFolder, retry: str | None) -> int | None:
    """Return the exit code of a run that is not to run again, and tell it; None of one that is."""
    result, failure = folder.result, folder.failure
    if result is not None or failure is not None:
        if not (folder.path / ".hydra").exists():
            folder.describe()
        os.utime(folder.path / ".hydra")  # of runs with the same overrides the last started counts
    reason = ""
    if result is not None and not folder.has_lost_files:
        if all(m.get("status") == "finished" for m in result.get("members", [result])):
            print(f"finished already: {folder.path}")
            return 0
        reason = "it diverged"
    elif failure is not None and failure.get("status") == "failed":
        reason = f"it failed: {failure.get('error')}"
    if not reason or retry == "failed":
        return None
    say(f"{folder.path}: {reason}; retry=failed runs it again")
    return 1


@contextmanager
def _failures_kept(folder: RunFolder) -> Iterator[None]:
    """Note in a job's folder why it has no result, but for a single run that is refused.

    A file system that refuses is no failure of the run: it goes on when it is started again.
    """
    try:
        yield
    except OSError:
        raise
    except REFUSALS as error:
        if not _is_single():
            folder.describe()
            folder.write_failure("refused", first_line(error))
        raise
    except Exception as error:
        with suppress(OSError):  # the failure is told all the same
            folder.describe()
            folder.write_failure("failed", _named(error))
        raise


def _log_traceback() -> str:
    """Write the traceback to the log file alone; return the path of the file, "" of none."""
    files = [h for h in logging.root.handlers if isinstance(h, logging.FileHandler)]
    error = (logging.ERROR, __file__, 0, "the job failed", (), sys.exc_info())
    try:
        for file in files:
            file.handle(logging.LogRecord(__name__, *error))
    except OSError:
        return ""
    return files[0].baseFilename if files else ""
