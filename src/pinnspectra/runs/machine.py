"""The machine of a run, as far as speed and last bits may depend on it."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path


def machine() -> dict[str, str | int]:
    """Return the system, the processor and its cores; with torch imported device and threads.

    The device is an accelerator's name where this process has used one. Neither the machine's name
    nor its user is among them.
    """
    found: dict[str, str | int] = {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
    }
    torch = sys.modules.get("torch")  # which takes seconds, and whoever computed has it
    if torch is None:
        return found
    used = torch.cuda.is_initialized()
    device = torch.cuda.get_device_name() if used else "cpu"
    return {**found, "device": device, "threads": torch.get_num_threads()}


def _processor() -> str:
    """Return the processor's name where Linux tells it; else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
