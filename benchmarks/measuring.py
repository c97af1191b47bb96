"""What the benchmarks share: one core, rounds in turn, a table and a JSON file.

Everything is measured in rounds of what is compared, in turn, in one process on one core: what
else the machine does falls on both sides alike. Times are of the processor (`process_time`), which
on an idle core are those of the clock. A ratio is the median of the rounds' ratios, and its range
that of their middle half: a shared machine may stop for a while, and that round tells nothing.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from report import shown

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "outputs" / "bench"

Row = dict[str, Any]
"""A row of a table: numbers and words by the names of their columns."""


def use_one_core() -> None:
    """Keep this process, and those that it starts, on one core and one thread."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)


def round_of(function: Callable[[], Any], seconds: float) -> float:
    """The seconds that a call takes, by as many calls as take so long together."""
    calls, started = 0, time.process_time()
    while True:
        function()
        calls += 1
        elapsed = time.process_time() - started
        if elapsed >= seconds:
            return elapsed / calls


def in_turn(
    first: Callable[[], Any], second: Callable[[], Any], rounds: int, seconds: float = 0.0
) -> list[tuple[float, float]]:
    """The seconds that a call of each takes, a pair a round, after one call of each to warm up."""
    first(), second()
    return [(round_of(first, seconds), round_of(second, seconds)) for _ in range(rounds)]


def process_seconds(command: list[str], folder: str, **environment: str) -> float:
    """The seconds of a process and of those that it starts, run in a folder without results.

    What an earlier one left is removed: what is done already is not done again.
    """
    shutil.rmtree(Path(folder) / "outputs", ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def ratio(pairs: Iterable[tuple[float, float]]) -> Row:
    """The columns `ratio` and `middle half` of the rounds' first / second."""
    low, middle, high = statistics.quantiles([a / b for a, b in pairs], n=4, method="inclusive")
    return {"ratio": middle, "middle half": f"{shown(low)} to {shown(high)}"}


def at_least(reached: float, wanted: float | None) -> Row:
    """The column `to reach` of a figure that should be large."""
    return {"to reach": _verdict(wanted, "at least", wanted is None or reached >= wanted)}


def at_most(reached: float, wanted: float | None) -> Row:
    """The column `to reach` of a figure that should be small."""
    return {"to reach": _verdict(wanted, "at most", wanted is None or reached <= wanted)}


def _verdict(wanted: float | None, bound: str, met: bool) -> str:
    return "" if wanted is None else f"{bound} {wanted:g}{'' if met else ' (missed)'}"


def median(values: Iterable[float]) -> float:
    """The median, of an iterable."""
    return statistics.median(values)


def machine() -> dict[str, str]:
    """What is measured on: the processor as lscpu says it, its cores, and versions."""
    try:
        said = subprocess.run(["lscpu"], capture_output=True, text=True, check=False).stdout
    except OSError:
        said = ""
    lines = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in lines.items()}
    processor = facts.get("Model name") or platform.processor() or platform.machine()
    family = [f"{key.lower()} {facts[key]}" for key in ("CPU family", "Model") if key in facts]
    caches = [f"{key[:-6]} {facts[key]}" for key in ("L2 cache", "L3 cache") if key in facts]
    return {
        "processor": ", ".join([processor, *family, *caches]),
        "cores": f"{os.cpu_count()}, of which one is used",
        "python": platform.python_version(),
        "torch": version("torch").partition("+")[0],
    }


def benchmark(file: str, doc: str | None, rows: Iterable[Row]) -> None:
    """Print the rows as they come and write outputs/bench/NAME.json.

    Args:
        file: the benchmark's own file; its stem is NAME.
        doc: its docstring: a title, and below it what is measured and how.
        rows: the table.
    """
    title, _, text = (doc or "").strip().partition("\n")
    print(f"\n{title}", flush=True)
    table: list[Row] = []
    for row in rows:
        print("  ".join(f"{name}: {shown(value)}" for name, value in row.items()), flush=True)
        table.append(row)
    result = {
        "title": title.rstrip("."),
        "text": text.strip(),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "rows": table,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{Path(file).stem}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
