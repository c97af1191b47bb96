"""The C library's allocator, set for programs that allocate the same arrays again and again."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3), from glibc's malloc.h."""


def keep_freed_memory() -> bool:
    """Keep what is freed for the next allocation; False where the C library has no such setting.

    A gradient step allocates and frees arrays of a megabyte or so. By default glibc gives such an
    array back to the system when it is freed, depending on where it lies, and the next step then
    waits for the same pages, zeroed again: four times the time of a step on 4 096 points, in some
    runs and not in others. Memory in arrays above 32 MiB, glibc's limit, is returned as ever.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, 2**25) and mallopt(M_TRIM_THRESHOLD, 2**30))
