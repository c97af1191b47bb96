"""Runs in words: what ran, how it ended, how long it took and where it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pinnspectra.runs.messages import printable
from pinnspectra.runs.record import Run
from pinnspectra.show.tables.text import wrapped


def what_ran(runs: Sequence[Run], room: int) -> str:
    """Return how many runs ended in which way, and the settings that all of them share."""
    first, *others = [_settings(run) for run in runs]
    shared = [text for text in first if all(text in settings for settings in others)]
    counts = Counter(str(row["status"]) for run in runs for row in run.rows)
    members = counts.total()
    numbers = [(len(runs), "runs")] if len(runs) > 1 else []
    numbers += [(members, "members")] if members > len(runs) else []
    ended = [f"{n} {status}" if len(counts) > 1 else status for status, n in counts.items()]
    text = ", ".join([*(f"{n} {name}" for n, name in numbers), *ended])
    if len(runs) == 1:
        row = runs[0].rows[0]
        text += f" at step {row['step']}" if [*counts] == ["diverged"] and members == 1 else ""
        text += (", " if len(counts) > 1 else " ") + _time(row)
    head = [printable(text) + (f": {shared.pop(0)}" if shared else "")]
    return "\n".join(wrapped([*head, *shared], ", ", room))


def _settings(run: Run) -> list[str]:
    """Return the settings of a run that tell what it is, as far as they are known."""
    config, row = run.config, run.rows[0]
    model, optimizer, points = (_section(config, name) for name in ("model", "optimizer", "points"))
    rates = {row["learning_rate"] for row in run.rows} - {None}
    is_solve = bool(config) and "max_steps" not in config
    return [
        printable(text.format(value))
        for text, value in (
            ("{}", row["pde"]),
            ("by {}", row["method"]),
            ("seed {}", row["seed"] if len(run.rows) == 1 else None),
            ("random features{}", "" if is_solve else None),
            ("{}", _class(model)),
            ("width {}", model.get("width")),
            ("depth {}", model.get("depth")),
            ("{} points an axis", points.get("per_axis")),
            ("{}", config.get("precision")),
            ("{}", _class(optimizer)),
            ("lr {:g}", rates.pop() if len(rates) == 1 else None),
            ("{} steps", config.get("max_steps")),
            ("a = {:g}", row["cutoff"]),
        )
        if value is not None
    ]


def _section(config: dict[str, Any], name: str) -> dict[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _class(section: dict[str, Any]) -> str | None:
    """Return the class that a section names, as files of conf/ are called: two_layer."""
    name = str(section.get("_target_", "")).rpartition(".")[2]
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() or None


def _time(row: dict[str, Any]) -> str:
    """Return how long a run took and how fast it was, as far as it is known."""
    seconds, rate = row["wall_seconds"], row["steps_per_second"]
    took = "" if seconds is None else f"in {duration(seconds)}"
    return took + ("" if rate is None else f" at {rate:.0f} steps/s")


def duration(seconds: float) -> str:
    """Return a time as people say it: 12.3 s, 4 min 10 s, 2 h 5 min."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {s} s"


def place(path: Path) -> Path:
    """Return a path as it is called from the working directory."""
    return path.relative_to(here) if path.is_relative_to(here := Path.cwd()) else path


def size(folder: Path) -> str:
    """Return the size of a folder's files together."""
    total = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return f"{total / 1e6:.1f} MB"
