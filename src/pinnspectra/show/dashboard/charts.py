"""The charts of show/charts.py as W&B takes them: over the tables that a run logs at its end.

W&B supplies the rows of a chart's table of all shown runs as the data set `wandb`, with the columns
id and name of the run beside the table's own, and puts the column that a field stands for in the
place of ${field:NAME}. Its own ${string:NAME} are texts.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from pinnspectra.show import charts
from pinnspectra.show.charts import Spec
from pinnspectra.show.dashboard.tables import CURVES, SPECTRA, Table


@dataclass(frozen=True)
class Chart:
    """A chart of a table that a run logs, as it is kept in an account of W&B."""

    name: str
    title: str
    table: Table
    drawing: Spec = field(repr=False)

    @property
    def spec(self) -> Spec:
        """The Vega-Lite specification, in which the table's columns are fields of W&B."""
        frame = {"title": "${string:title}", "data": {"name": "wandb"}, "autosize": "fit"}
        size = {"width": "container", "height": "container"}
        return {**_with_fields(self.drawing, self.table.columns), **frame, **size}

    @property
    def key(self) -> str:
        """The name under which W&B keeps it: another specification has another one."""
        text = json.dumps(self.spec, sort_keys=True)
        return f"pinnspectra-{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def fields(self) -> dict[str, str]:
        """The columns of the table by field: they have the same names."""
        used = set(re.findall(r"\$\{field:(.*?)\}", json.dumps(self.spec)))
        return {column: column for column in self.table.columns if column in used}


def _with_fields(value: Any, columns: tuple[str, ...], key: str = "") -> Any:
    """Return a specification with ${field:NAME} for the columns that it names."""
    if isinstance(value, dict):
        return {k: _with_fields(v, columns, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_with_fields(v, columns, key) for v in value]
    if key in ("field", "groupby") and value in columns:
        return f"${{field:{value}}}"
    if key in ("filter", "calculate", "test"):
        of_table = "|".join(columns)
        return re.sub(rf"datum(?:\.|\[')({of_table})\b(?:'\])?", r"datum['${field:\1}']", value)
    return value


SHARE: Spec = {"input": "range", "min": 0, "max": 1, "step": 0.01, "name": "of training "}
"""A slider from the first step of a run to its last."""

CHARTS = (
    Chart("loss-entropy", "Loss against truncated entropy", CURVES, charts.loss_over_entropy()),
    Chart(
        "spectrum",
        "Spectrum of the training kernel G at a chosen step",
        SPECTRA,
        charts.spectrum(
            "eigenvalue",
            "datum.floor * datum.floor",
            params=[{"name": "share", "value": 1, "bind": SHARE}],
            transform=charts.at_step("share * datum.last_step"),
        ),
    ),
    Chart(
        "entropy-steps",
        "Truncated entropy over gradient steps",
        CURVES,
        charts.entropy_over_steps(),
    ),
)
"""All of them, in the order in which they are shown; the floor is that of the last spectrum."""
