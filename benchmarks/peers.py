"""Other packages, the same problems.

A gradient step of each package as its documentation has one written, in rounds in turn with nested
autograd, in an environment of its own (`make bench-peers`); and ours, `train.py` with AD, in turn
with the same nested autograd. `package / nested` and `nested / ours` are measured. Their product,
`package / ours`, is how many times faster ours is. Plain gradient descent, one thread, float32,
M = 100, N = 100, sin; loading and compiling are left out on all sides.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from functools import cache

import by_hand
from measuring import ROOT, Row, benchmark, median, ratio, round_of, use_one_core
from training import train_in_turn

PYTHON = ROOT / ".venv-peers" / "bin" / "python"
PACKAGES = ("deepxde", "jinns", "pina-mathlab")
PROBLEMS = ("poisson1d", "biharmonic")


def installed(package: str) -> str:
    """The version of a package in the peers' environment; empty where it is not installed."""
    asked = f"from importlib.metadata import version; print(version('{package}'))"
    try:
        said = subprocess.run([PYTHON, "-c", asked], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return said.stdout.strip()


@cache
def ours(problem: str) -> tuple[float, float]:
    """The ratio nested / ours, and the seconds of our step."""
    step = by_hand.gradient_step(problem, 100)
    pairs = [
        (nested, seconds)
        for seconds, nested in train_in_turn(
            [f"pde={problem}", "callbacks=[]"], lambda ensemble: round_of(step, 0.1)
        )
    ]
    return ratio(pairs)["ratio"], median(seconds for _, seconds in pairs)


def measured(package: str, problem: str) -> Row:
    """The columns of a package that is installed."""
    script = ROOT / "benchmarks" / "peer_step.py"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    said = subprocess.run(
        [PYTHON, script, package, problem],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if said.returncode:
        reason = (said.stderr.strip() or "no word").splitlines()[-1]
        return {"package / ours": f"failed: {reason}"}
    pairs = json.loads(said.stdout)
    over_nested, (nested_over_ours, seconds) = ratio(pairs), ours(problem)
    return {
        "package / ours": over_nested["ratio"] * nested_over_ours,
        "package / nested": over_nested["ratio"],
        "middle half": over_nested["middle half"],
        "nested / ours": nested_over_ours,
        "package (us)": 1e6 * median(first for first, _ in pairs),
        "ours (us)": 1e6 * seconds,
    }


def rows() -> Iterator[Row]:
    """One a package and problem; a package that is not installed has one."""
    for package in PACKAGES:
        version = installed(package)
        if not version:
            yield {"package": package, "problem": "", "package / ours": "not installed"}
            continue
        for problem in PROBLEMS:
            row = {"package": f"{package} {version}", "problem": problem}
            yield {**row, **measured(package, problem)}


if __name__ == "__main__":
    use_one_core()
    benchmark(__file__, __doc__, rows())
