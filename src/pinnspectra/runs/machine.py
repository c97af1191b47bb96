"""What a run was made on, as far as its speed and its last bits may hang on it."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path


def machine() -> dict[str, str | int]:
    """The system, the processor and its cores; with torch imported the device and the threads.

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
    """The processor's name, which Linux has in a file of its own; else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
