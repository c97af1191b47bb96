"""A folder that one process works in at a time."""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

log = logging.getLogger(__name__)

NAME = ".lock"

UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""The errors of a file system that has no locks."""


class LockedError(RuntimeError):
    """Another process works in the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder, which is made where there is none.

    FOLDER/.lock is locked by the system, which releases it however the process ends. It says who
    holds it, and is removed at the end.

    Raises:
        LockedError: another process holds it; says which.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    lock = FileLock(path, fallback_to_soft=False)  # a soft one would outlive a process
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LockedError(_refusal(path)) from None
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        log.warning("%s: this file system has no locks; start nothing else in here", folder)
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%F %T")}
    path.write_text(json.dumps(holder))
    own = path.stat()
    try:
        yield
    finally:
        if path.exists() and os.path.samestat(own, path.stat()):  # else the folder was made anew
            path.unlink()
        lock.release()


def _refusal(path: Path) -> str:
    try:
        found = json.loads(path.read_text())
        holder = f"process {found['pid']} on {found['host']} since {found['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        holder = "another process"
    return f"{path.parent}: {holder} works in this folder; wait for it, or name another folder"
