"""Runs in words: what ran, how it ended, how long it took and where it is."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pinnspectra.runs.found import Run
from pinnspectra.runs.messages import printable
from pinnspectra.runs.numbers import is_number


def what_ran(runs: Sequence[Run], room: int) -> str:
    """How many runs, how they ended, and the settings that all of them share."""
    first, *others = [_settings(run) for run in runs]
    shared = [text for text in first if all(text in its for its in others)]
    counts = Counter(str(row["status"]) for run in runs for row in run.rows)
    members = sum(counts.values())
    said = f"{len(runs)} runs, " if len(runs) > 1 else ""
    said += f"{members} members, " if members > len(runs) else ""
    ended = (f"{n} {status}" if len(counts) > 1 else status for status, n in counts.items())
    said += printable(", ".join(ended))
    if len(runs) == 1:
        step = runs[0].rows[0]["step"]
        said += f" at step {step}" if [*counts] == ["diverged"] and members == 1 else ""
        said += ", " * (len(counts) > 1) + _time(runs[0].result)
    said += ": " + shared.pop(0) if shared else ""
    return "\n".join(wrapped([said, *shared], ", ", room))


def _settings(run: Run) -> list[str]:
    """The settings of a run that tell what it is, as far as they are known."""
    config, row = run.config, run.rows[0]
    model, optimizer = _section(config, "model"), _section(config, "optimizer")
    rates = {row["learning_rate"] for row in run.rows if is_number(row["learning_rate"])}
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
            ("{} points an axis", _section(config, "points").get("per_axis")),
            ("{}", config.get("precision")),
            ("{}", _class(optimizer)),
            ("lr {:g}", next(iter(rates)) if len(rates) == 1 else None),
            ("{} steps", config.get("max_steps")),
            ("a = {:g}", row["cutoff"] if is_number(row["cutoff"]) else None),
        )
        if value is not None
    ]


def _section(config: dict[str, Any], name: str) -> dict[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _class(section: dict[str, Any]) -> str | None:
    """The class that a section names, as files of conf/ are called: TwoLayer is two_layer."""
    name = str(section.get("_target_", "")).rpartition(".")[2]
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() or None


def _time(result: dict[str, Any]) -> str:
    """How long a run took and how fast it was, as far as it says."""
    seconds, rate = result.get("wall_seconds"), result.get("steps_per_second")
    took = f" in {duration(seconds)}" if is_number(seconds) else ""
    return took + (f" at {rate:.0f} steps/s" if is_number(rate) else "")


def duration(seconds: float) -> str:
    """A time as people say it: 12.3 s, 4 min 10 s, 2 h 5 min."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {s} s"


def wrapped(parts: Sequence[str], separator: str, room: int) -> list[str]:
    """Texts, one after the other, as lines that fit and break between two of them."""
    text = separator.join(part.replace(" ", "\0") for part in parts)
    lines = textwrap.wrap(text, max(room, 20), break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


def place(path: Path) -> Path:
    """A path as it is called from here."""
    return path.relative_to(here) if path.is_relative_to(here := Path.cwd()) else path


def size(folder: Path) -> str:
    """What a folder's files take."""
    total = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return f"{total / 1e6:.1f} MB"
