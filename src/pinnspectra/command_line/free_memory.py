"""The memory that this process may still take."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path


def available() -> int:
    """Bytes that this process may still take: the least that any limit leaves it.

    On Linux those of the system, of its control groups and of RLIMIT_AS; elsewhere all that there
    is in the computer.
    """
    if sys.platform != "linux":
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(_free_in_the_system(), *_free_in_control_groups(), _free_address_space())


def _free_in_the_system() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return 1024 * (kilobytes["MemAvailable"] + kilobytes.get("SwapFree", 0))


def _free_in_control_groups() -> Iterator[int]:
    """What the limit of the process's control group, and of those around it, leaves."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:  # there are none
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            root, limit, used = Path("/sys/fs/cgroup"), "memory.max", "memory.current"
        elif controllers == "memory":
            root = Path("/sys/fs/cgroup/memory")
            limit, used = "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        place = root / group.lstrip("/")
        for folder in (place, *place.parents):
            if folder.is_relative_to(root):
                yield from _left(folder, limit, used)


def _left(folder: Path, limit: str, used: str) -> Iterator[int]:
    """What a control group has left; the pages of files that it holds can be given back."""
    try:
        text, taken = (folder / limit).read_text(), int((folder / used).read_text())
        lines = (folder / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):
        return
    if text.strip() != "max":
        statistics = dict(line.split() for line in lines)
        cached = int(statistics.get("total_inactive_file", statistics.get("inactive_file", 0)))
        yield int(text) - taken + cached


def _free_address_space() -> int:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return limit - pages * resource.getpagesize()
