"""Running the scripts as a user does."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

SMALL = ("model.width=10", "points.per_axis=16", "max_steps=20", "log_every=10")
"""Overrides of a training run that takes no time."""


def run_script(script: str, *overrides: str, cwd: Path, **environment: str):
    """A script in a process of its own; the completed process, with its output as text."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB", "HYDRA"))}
    return subprocess.run(
        [sys.executable, str(ROOT / script), *overrides],
        cwd=cwd,
        env={**inherited, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run_folders(cwd: Path) -> list[Path]:
    """The folders of the jobs that were started under cwd, in order."""
    return sorted(path.parent for path in (cwd / "outputs").rglob(".hydra"))
