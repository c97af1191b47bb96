"""Whole processes: how long a user waits before anything is trained.

Processor seconds of a process and what it starts, files being in memory: on an idle core, those on
the clock. The median of several, in turn with the bare imports, what such a run cannot do without
(`python -c "import torch, pytorch_lightning, hydra, pydantic, matplotlib.figure"`; without
Lightning for random features). Compiling is what `compile=true` adds to a short run of poisson1d:
with an empty cache of inductor's, in a second process with that cache, and in the second job of a
multirun.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measuring import ROOT, Row, at_most, benchmark, median, process_seconds, use_one_core
from report import shown

ROUNDS = 3

TRAINING_IMPORTS = "import torch, pytorch_lightning, hydra, pydantic, matplotlib.figure"
RANDOM_FEATURE_IMPORTS = "import torch, hydra, pydantic, matplotlib.figure"

ONE_STEP = ["train.py", "max_steps=1", "logger=[csv]"]
SHORT = ["max_steps=200", "logger=[csv]", "callbacks=[]"]
COLD_SECONDS = 10

WAITS = [
    ("train.py --help", ["train.py", "--help"], None, 1.0),
    ("train.py --cfg job", ["train.py", "--cfg", "job"], None, 1.0),
    ("rfm_solve.py --help", ["rfm_solve.py", "--help"], None, 1.0),
    ("train.py max_steps=1 logger=[csv]", ONE_STEP, TRAINING_IMPORTS, 1.3),
    ("rfm_solve.py", ["rfm_solve.py"], RANDOM_FEATURE_IMPORTS, 1.3),
]
"""Name, arguments, the imports that it needs, the most it should take (of those, or seconds)."""


def seconds_of(arguments: list[str], folder: str, **environment: str) -> float:
    """How long Python takes with these arguments, run in a folder."""
    script = [
        str(ROOT / argument) if argument.endswith(".py") else argument for argument in arguments
    ]
    return process_seconds([sys.executable, *script], folder, **environment)


def waits(folder: str) -> Iterator[Row]:
    """One a command, against the bare imports where the figure to reach is relative to them."""
    for name, arguments, imports, most in WAITS:
        seconds, bare = [], []
        for _ in range(ROUNDS):
            seconds.append(seconds_of(arguments, folder))
            bare.append(seconds_of(["-c", imports or "pass"], folder))
        taken, least = median(seconds), median(bare)
        yield {
            "what": name,
            "seconds": taken,
            "range": f"{shown(min(seconds))} to {shown(max(seconds))}",
            "bare imports (s)": least if imports else "",
            "ratio": taken / least if imports else "",
            **at_most(taken / least if imports else taken, most),
        }


def compiling(folder: str) -> Iterator[Row]:
    """What compiling adds, in seconds."""
    cache = str(Path(folder) / "cache")

    def run(compiled: bool, jobs: int = 1) -> float:
        sweep = ["-m", f"seed={','.join(map(str, range(jobs)))}"] if jobs > 1 else []
        arguments = ["train.py", *sweep, *SHORT, f"compile={compiled}".lower()]
        return seconds_of(arguments, folder, TORCHINDUCTOR_CACHE_DIR=cache)

    eager, cold = median(run(False) for _ in range(3)), run(True)
    warm = median(run(True) for _ in range(3))
    second_job = median(run(True, jobs=2) - run(False, jobs=2) for _ in range(3))
    measured = [
        ("compiling, from cold", cold - eager, COLD_SECONDS),
        ("compiling, a second process", warm - eager, None),
        ("compiling, the second job of a multirun", second_job - (warm - eager), None),
    ]
    for name, seconds, most in measured:
        yield {
            "what": name,
            "seconds": seconds,
            "range": "",
            "bare imports (s)": "",
            "ratio": "",
            **at_most(seconds, most),
        }


def rows() -> Iterator[Row]:
    """The commands, then compiling."""
    with tempfile.TemporaryDirectory() as folder:
        yield from waits(folder)
        yield from compiling(folder)


if __name__ == "__main__":
    use_one_core()
    benchmark(__file__, __doc__, rows())
