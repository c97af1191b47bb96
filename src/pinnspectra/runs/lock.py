"""A folder that one process works in at a time."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)

NAME = ".lock"

UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What a file system says that has no locks."""


class LockedError(RuntimeError):
    """Another process works in the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder, which is made where there is none.

    An flock on FOLDER/.lock, which the system releases however a process ends, so that none can be
    left over. The file says who holds it, and is removed at the end.

    Raises:
        LockedError: another process holds it; says which.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = _acquired(folder / NAME)
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%F %T")}
    try:
        file.truncate(0)
        file.write(json.dumps(holder))
        file.flush()
        yield
    finally:
        if _is(file, folder / NAME):  # and not another's, in a folder that was made anew
            (folder / NAME).unlink()
        file.close()


def _acquired(path: Path) -> IO[str]:
    """The lock file, locked.

    Raises:
        LockedError: another process holds it.
    """
    while True:
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                file.seek(0)
                raise LockedError(_refusal(path, file.read())) from None
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                file.close()
                raise
            log.warning("%s: this file system has no locks; start nothing else in here", path)
            return file
        if _is(file, path):
            return file
        file.close()  # its holder has removed it since it was opened


def _is(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _refusal(path: Path, holder: str) -> str:
    try:
        found = json.loads(holder)
        said = f"process {found['pid']} on {found['host']} since {found['since']}"
    except (ValueError, KeyError, TypeError):
        said = "another process"
    return f"{path.parent}: {said} works in this folder; wait for it, or name another folder"
