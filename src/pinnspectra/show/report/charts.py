"""The charts of the page: their definitions, and the pictures that stand in for them.

The browser draws the charts of show/charts.py with Vega; a picture is the same chart as SVG.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import vl_convert

from pinnspectra.show import charts
from pinnspectra.show.charts import Spec
from pinnspectra.show.report.curves import Curve, evenly
from pinnspectra.show.report.words import listed, number

MOST = 24
"""Curves in a picture; of more, as many that are evenly spread over the methods."""

MOST_POINTS = 400
"""Points in a picture."""

FEW = 8
"""Curves that a legend lists."""

FEW_TOLD = 4
"""Curves whose numbers a description has one by one."""

MANY_POINTS = 200
"""Points from which on they are small."""

SIZE = {"width": 460, "height": 280}
"""Pixels of a picture without its axes."""

PARAMETERS = {"step": 1e300, "lowest": 1e-16, "highest": 1.0}
"""Parameters of a spectrum: the step, which no run reaches, and the limits of the axis."""

DRAWN = {"loss": ("loss", "believed"), "entropy-steps": ("entropy", "truncated_entropy")}
DRAWN |= {"truncation": ("truncation", "error")}
"""The part of the curves that a chart draws, and the column that describes it."""

VERSION = "5.21"
"""The Vega-Lite of the pictures."""


@dataclass(frozen=True)
class Picture:
    """A picture as the source of an <img>, and what it shows in words."""

    source: str
    words: str


def definitions(
    curves: Sequence[Curve], points: Sequence[Curve], measures: Sequence[str]
) -> dict[str, Spec]:
    """Return the charts by name, each over the rows of a part of the curves.

    NAME:log has a logarithmic x axis; spectra and points have one for each column along y.
    """
    colour = {part: _colour([c for c in curves if c[part]]) for part, _ in DRAWN.values()}
    one, many = _colour(curves) | {"legend": None}, len(points) > MANY_POINTS
    found = {
        "entropy-steps": _flattened(
            charts.entropy_over_steps(one, spread=True),
            *("step", "truncated_entropy", "effective_cutoff", "low", "high"),
        )
    }
    for log, ends in ((False, ""), (True, ":log")):
        loss = charts.loss_over_steps(colour["loss"], log)
        found[f"loss{ends}"] = _flattened(loss, "step", "believed", "true", "low", "high")
        error = charts.truncation(colour["truncation"], log)
        found[f"truncation{ends}"] = _flattened(error, "position", "error")
    for column in ("eigenvalue", "singular_value"):
        found[f"spectrum:{column}"] = _spectrum(column, one)
    for measure in measures:
        found[f"entropy-loss:{measure}"] = charts.members(measure, one, many)
    return found


def _colour(curves: Sequence[Curve]) -> Spec:
    """Return the encoding of the curves' colours by name, which a legend lists if they are few."""
    colours = {curve["name"]: curve["colour"] for curve in curves}
    scale = {"domain": [*colours], "range": [*colours.values()]}
    keys = {"title": None, "columns": 2, "symbolType": "stroke"}
    legend = keys if 1 < len(curves) <= FEW else None
    return {"field": "name", "type": "nominal", "scale": scale, "legend": legend}


def _flattened(spec: Spec, *columns: str) -> Spec:
    return {**spec, "transform": [{"flatten": [*columns]}]}


def _spectrum(column: str, colour: Spec) -> Spec:
    """Return the chart of the spectra at a step, with the parameters PARAMETERS."""
    params = [{"name": name, "value": value} for name, value in PARAMETERS.items()]
    of_step, of_index = ["step", column, "level", "e", "at"], ["index", column, "floor"]
    transform = [{"flatten": of_step}, *charts.at_step("step"), {"flatten": of_index}]
    more = {"params": params, "transform": transform}
    return charts.spectrum(column, "datum.floor", colour, cutoff=True, **more)


def pictures(
    curves: Sequence[Curve], points: Sequence[Curve], pair: Sequence[int], specs: dict[str, Spec]
) -> dict[str, Picture]:
    """Return a picture of every chart that has something to draw, by the chart's name."""
    found = {}
    for name, (part, column) in DRAWN.items():
        rows = [row for row in having(curves, part) if _known(row[column])]
        if rows:
            ends = {row["name"]: _known(row[column])[-1] for row in rows}
            some = [rows[i] for i in evenly(len(rows), MOST)]
            found[name] = picture(specs[name], some, _told(column, "ends at", ends))
    for side, curve in zip(("left", "right"), pair, strict=False):
        (row,) = having([curves[curve]], "spectrum")
        found[f"spectrum-{side}"] = _of_spectrum(specs[f"spectrum:{row['of']}"], row)
    for name in [name for name in specs if name.startswith("entropy-loss:")][:1]:
        measure = name.partition(":")[2]
        ends = {p["name"]: p[measure] for p in points if p[measure]}
        some = [points[i] for i in evenly(len(points), MOST_POINTS)]
        found["entropy-loss"] = picture(specs[name], some, _told(measure, "is at", ends))
    return found


def having(curves: Sequence[Curve], part: str) -> list[Curve]:
    """Return the curves that have a part, with the columns of that beside what they are."""
    about = ("run", "id", "name", "method")
    return [{key: c[key] for key in about} | c[part] for c in curves if c[part]]


def _told(column: str, verb: str, ends: Mapping[str, float]) -> str:
    """Describe numbers by name, one by one or from the least to the largest."""
    told = [f"{name} {verb} {number(end)}" for name, end in ends.items()]
    if len(told) > FEW_TOLD:
        told = [
            f"{len(told)} between {number(min(ends.values()))} and {number(max(ends.values()))}"
        ]
    words = charts.WORDS[column]
    return f"{words[0].upper()}{words[1:]}: {listed(told)}."


def _of_spectrum(spec: Spec, row: Curve) -> Picture:
    values, level, floor = row[row["of"]][-1], row["level"][-1:], row["floor"]
    shown = [value for value in (*values, *level, *floor) if value and value > 0] or [1]
    largest = {f"the largest of {row['name']}": max(_known(values), default=0.0)}
    limits = {"lowest": min(shown) / 3, "highest": max(shown) * 3}
    return picture(spec, [row], _told(row["of"], "is", largest), **limits)


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def picture(spec: Spec, rows: Sequence[Mapping[str, Any]], words: str, **params: float) -> Picture:
    """Draw a chart of rows as SVG, with values of its parameters and nothing for a pointer."""
    spec = {**spec, "data": {"values": [*rows]}}
    if "layer" in spec:
        layers = [layer for layer in spec["layer"] if not layer["name"].endswith("-near")]
        given = [{**p, "value": params.get(p["name"], p["value"])} for p in spec.get("params", ())]
        spec |= {"layer": layers, "params": given, **SIZE}
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VERSION)
    return Picture(address(svg.encode(), "svg+xml"), words)


def address(picture: bytes, kind: str) -> str:
    """Return a picture as a data: address."""
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"
