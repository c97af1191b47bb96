"""Charts of our own for W&B: Vega-Lite over the tables that a run logs at its end.

W&B supplies the rows of a chart's table of all shown runs as the data set `wandb`, with the columns
id and name of the run beside the table's own, and puts the column that a field stands for in the
place of ${field:NAME}. Its own ${string:NAME} are texts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pinnspectra.show.dashboard.panels import CURVES, SPECTRA, Table
from pinnspectra.show.figures.style import METHOD_COLOURS

RUN_COLUMNS = ("id", "name")
"""Columns that W&B adds to a table: of the run that a row is of."""

LITE = "https://vega.github.io/schema/vega-lite/v5.json"


@dataclass(frozen=True)
class Chart:
    """A chart of ours: what it is called, the table it shows, its marks as Vega-Lite.

    columns: the columns of the table that it takes, by the name of the field.
    """

    name: str
    title: str
    table: Table
    columns: tuple[str, ...]
    drawing: Mapping[str, Any] = field(repr=False)

    @property
    def spec(self) -> dict[str, Any]:
        """The Vega-Lite specification."""
        frame = {"$schema": LITE, "title": "${string:title}", "data": {"name": "wandb"}}
        size = {"width": "container", "height": "container", "autosize": "fit"}
        return {**frame, **size, **self.drawing}

    @property
    def key(self) -> str:
        """The name under which W&B keeps it: another specification has another one."""
        text = json.dumps(self.spec, sort_keys=True)
        return f"pinnspectra-{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def fields(self) -> dict[str, str]:
        """The columns of the table by field: they have the same names."""
        return {column: column for column in self.columns}


def _of(column: str) -> str:
    return f"${{field:{column}}}"


def _value(column: str) -> str:
    """A column in a Vega expression."""
    return f"datum['{_of(column)}']"


def _axis(column: str, title: str, **more: Any) -> dict[str, Any]:
    return {"field": _of(column), "type": "quantitative", "title": title, **more}


LOG = {"scale": {"type": "log"}, "axis": {"format": ".0e", "tickCount": 6}}

A_LINE = ["id", _of("member")]
"""What tells lines apart."""

LINES: dict[str, Any] = {
    "color": {
        "field": _of("method"),
        "type": "nominal",
        "title": "method",
        "scale": {"domain": list(METHOD_COLOURS), "range": list(METHOD_COLOURS.values())},
    },
    "detail": [{"field": column} for column in A_LINE],
}
"""A line for every run and member, in the colour that its method has in every figure."""


def _tooltip(*columns: str) -> list[dict[str, str]]:
    return [{"field": "name", "title": "run"}, *({"field": _of(c), "title": c} for c in columns)]


LOSS_ENTROPY = Chart(
    "loss-entropy",
    "Loss against truncated entropy",
    CURVES,
    ("member", "step", "loss", "truncated_entropy", "method"),
    {
        "transform": [{"filter": f"{_value('loss')} > 0"}],
        "mark": {"type": "line", "point": True},
        "encoding": {
            **LINES,
            "x": _axis("truncated_entropy", "truncated entropy H", scale={"zero": False}),
            "y": _axis("loss", "loss", **LOG),
            "order": {"field": _of("step"), "type": "quantitative"},
            "tooltip": _tooltip("method", "step", "loss", "truncated_entropy"),
        },
    },
)

ENTROPY_STEPS = Chart(
    "entropy-steps",
    "Truncated entropy over gradient steps",
    CURVES,
    ("member", "step", "truncated_entropy", "effective_cutoff", "method"),
    {
        "mark": {"type": "line", "point": True},
        "encoding": {
            **LINES,
            "x": _axis("step", "gradient step"),
            "y": _axis("truncated_entropy", "truncated entropy H"),
            "tooltip": _tooltip("method", "step", "truncated_entropy", "effective_cutoff"),
        },
    },
)

SPECTRUM = Chart(
    "spectrum",
    "Spectrum of the training kernel G at a chosen step",
    SPECTRA,
    ("member", "step", "index", "eigenvalue", "floor", "method"),
    {
        "params": [
            {
                "name": "share",
                "value": 1,
                "bind": {
                    "input": "range",
                    "min": 0,
                    "max": 1,
                    "step": 0.01,
                    "name": "of training ",
                },
            }
        ],
        "transform": [
            {"filter": f"{_value('eigenvalue')} > 0"},
            {
                "joinaggregate": [{"op": "max", "field": _of("step"), "as": "last_step"}],
                "groupby": A_LINE,
            },
            {"filter": f"{_value('step')} <= share * datum.last_step"},
            {
                "joinaggregate": [{"op": "max", "field": _of("step"), "as": "shown_step"}],
                "groupby": A_LINE,
            },
            {"filter": f"{_value('step')} == datum.shown_step"},
            {"calculate": f"pow({_value('floor')}, 2)", "as": "floor_of_G"},
        ],
        "encoding": {**LINES, "x": _axis("index", "index", scale={"zero": False})},
        "layer": [
            {
                "mark": {"type": "line", "point": True},
                "encoding": {
                    "y": _axis("eigenvalue", "eigenvalue of G", **LOG),
                    "tooltip": _tooltip("method", "step", "index", "eigenvalue"),
                },
            },
            {
                "transform": [{"filter": "datum.floor_of_G > 0"}],
                "mark": {"type": "line", "strokeDash": [4, 4], "opacity": 0.7},
                "encoding": {"y": {"field": "floor_of_G", "type": "quantitative"}},
            },
        ],
    },
)
"""The floor of what is rounding, dashed, is that of the last spectrum alone."""

CHARTS = (LOSS_ENTROPY, SPECTRUM, ENTROPY_STEPS)
"""All of them, in the order in which they are shown."""
