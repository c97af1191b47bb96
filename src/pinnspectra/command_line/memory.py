"""Refusing a run that cannot fit into memory, before anything is allocated.

The largest arrays alone are counted, by the setting that decides their size ("key=value"), so that
no run is refused that would fit.
"""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Mapping
from pathlib import Path

from pinnspectra.command_line.components import build, build_pde
from pinnspectra.command_line.settings import RandomFeatureSettings, RunSettings, TrainSettings
from pinnspectra.runs.messages import SettingsError

POINT_BYTES, ROW_BYTES, VALUE_BYTES = 72, 1000, 32
"""Bytes of a coordinate in all its copies, of a row of metrics.csv, of a recorded eigenvalue."""

TAKE_J = (".KernelSpectrum", ".Theorem1")
"""Callbacks that decompose the Jacobian J."""


def _sizes(settings: RunSettings) -> tuple[int, int, int, dict[str, int]]:
    """Points N, width M, parameters P; the bytes of the points."""
    d, per_axis = build_pde(settings).domain.dimension, settings.points.per_axis
    network = build("model", settings.model)
    points = {f"points.per_axis={per_axis}": POINT_BYTES * d * per_axis**d}
    return per_axis**d, network.width, network.parameter_count(d), points


def need_of_solving(settings: RandomFeatureSettings) -> dict[str, int]:
    """Count two copies of a part of A, (2 M, M), and three of its triangular factor, (M, M)."""
    N, M, _, points = _sizes(settings)
    return {**points, f"model.width={M}": 8 * (2 * min(N, 2 * M) * M + 3 * min(N, M) ** 2)}


def need_of_advice(settings: TrainSettings) -> dict[str, int]:
    """Count one network with its gradients and what Adam remembers."""
    _, M, P, points = _sizes(settings)
    return {**points, f"model.width={M}": 64 * P}


def need_of_training(settings: TrainSettings) -> dict[str, int]:
    """Count the parameters of S members, metrics.csv, J where a callback takes it, and spectra."""
    N, M, P, points = _sizes(settings)
    S, T = settings.ensemble.size * len(settings.ensemble.lr or [0]), settings.max_steps
    leading = settings.spectrum.leading
    taking = {n: c for n, c in settings.callbacks.items() if c.target.endswith(TAKE_J)}
    # four copies of a part of J, (2 P, P); of all of J two, where leading values are wanted
    jacobian = 8 * P * (2 * N if leading else 4 * min(N, 2 * P)) if taking else 0
    members = f"ensemble.size={settings.ensemble.size}" if S > 1 else f"model.width={M}"
    need = {
        **points,
        members: S * (40 * P + jacobian),
        f"log_every={settings.log_every}": ROW_BYTES * S * (T // settings.log_every),
    }
    for name, callback in taking.items():
        values, every = min(N, P, leading or N), callback.every or T
        need[f"callbacks.{name}.every={every}"] = VALUE_BYTES * S * values * (T // every)
    return need


def require(need: Mapping[str, int], on_accelerator: bool = False) -> None:
    """Refuse what does not fit into the memory that is free, here or on the accelerator.

    Raises:
        SettingsError: says what is needed, what there is, and which setting decides most of it.
    """
    import torch

    needed = sum(need.values())
    free = torch.cuda.mem_get_info()[0] if on_accelerator else available()
    if needed > free:
        setting = max(need, key=lambda setting: need[setting])
        fix = "raise it" if "every=" in setting else "lower it"
        raise SettingsError(
            f"{setting}: the run needs at least {min(needed, 10**18) / 1e9:.3g} GB of memory, most "
            f"of it by this setting, and {free / 1e9:.3g} GB are there: {fix}"
        )


def available(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the least of what the system has free, RLIMIT_AS and the limits of control groups."""
    free = re.findall(r"^(?:MemAvailable|SwapFree): +(\d+)", _text(proc / "meminfo"), re.M)
    limits = [
        os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        resource.getrlimit(resource.RLIMIT_AS)[0],
        1024 * sum(map(int, free)),
    ]
    for line in _text(proc / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        group = groups / controllers / path.lstrip("/")
        for folder in (group, *group.parents):
            for name in ("memory.max", "memory.limit_in_bytes"):  # of versions 2 and 1
                limits += map(int, re.findall(r"^\d+$", _text(folder / name), re.M))
    return min(limit for limit in limits if limit > 0)  # others are no limits


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""
