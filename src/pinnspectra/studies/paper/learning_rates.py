"""The learning rates of the training experiments: which is shown, and how many members diverged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from pinnspectra.studies.paper.markdown import number
from pinnspectra.studies.paper.runs import trainings

HEADER = ("experiment", "method", "learning rate", "members", "diverged", "median loss", "")


def rate_rows(folder: Path, experiments: Iterable[str]) -> Iterator[list[str]]:
    """A row for each experiment, method and learning rate, the largest rate first."""
    for name in experiments:
        for method, every in trainings(folder / name).items():
            best = every.best()
            for rate in np.unique(every.learning_rates)[::-1]:
                group = every.at_rate(rate)
                left = len(group.seeds)
                loss = float(np.median(group.metrics["loss"][-1])) if left else float("nan")
                shown = "shown" if best is not None and best.rate == rate else ""
                size, lost = str(left + group.lost), str(group.lost)
                yield [name, method, f"{rate:g}", size, lost, number(loss), shown]
