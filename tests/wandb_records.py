"""What a run has given to W&B, read back from its offline files by W&B's own program."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import run_process


@dataclass(frozen=True)
class Logged:
    """The records of one .wandb file, in their order."""

    records: list[dict[str, Any]]

    @property
    def run(self) -> dict[str, Any]:
        """The run: its id, name, group, tags."""
        return next(r["run"] for r in self.records if r["type"] == "run")

    @property
    def config(self) -> dict[str, Any]:
        updates = [r["config"].get("update", {}) for r in self.records if r["type"] == "config"]
        return {key: value for update in updates for key, value in update.items()}

    @property
    def axes(self) -> dict[str, str]:
        """The metrics that have an axis of their own."""
        metrics = [r["metric"] for r in self.records if r["type"] == "metric"]
        return {m["name"]: m["step_metric"] for m in metrics if "step_metric" in m}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the history; what belongs to a histogram, table or image is KEY.PART."""
        return [r["history"]["item"] for r in self.records if r["type"] == "history"]

    @property
    def steps(self) -> list[int]:
        return [row["_step"] for row in self.rows]

    @property
    def keys(self) -> set[str]:
        """All keys of the history, those of scalars as well as of histograms, tables and images."""
        return {
            key.partition("._type")[0]
            for row in self.rows
            for key in row
            if "." not in key or key.endswith("._type")
        }


def logged(folder: Path) -> list[Logged]:
    """What a run folder has for W&B, one for every time that the run was started."""
    files = sorted(folder.glob("wandb/offline-run-*/*.wandb"))
    return [_inspected(file) for file in files]


def table(folder: Path, key: str) -> tuple[list[str], list[list[Any]]]:
    """The columns and rows of a table that a run has logged."""
    (file,) = folder.glob(f"wandb/offline-run-*/files/media/table/{key}_*.table.json")
    found = json.loads(file.read_text())
    return found["columns"], found["data"]


def _inspected(file: Path) -> Logged:
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    return Logged([json.loads(line) for line in run_process(*command).stdout.splitlines()])
