"""The charts of the page: their definitions, with what they draw, and the pictures that stand in.

The browser draws the charts of charts.py with Vega; a picture is the same chart as SVG.
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

SIZE = {"width": 460, "height": 280}
"""Pixels of a picture without its axes."""

ALWAYS = 1e300
"""A step that no run reaches."""

MATRICES = {"G": "eigenvalue of G", "A": "singular value of A"}

FLATTENED = {
    "loss": ["step", "believed", "true", "low", "high"],
    "entropy": ["step", "truncated_entropy", "effective_cutoff", "low", "high"],
    "truncation": ["position", "error"],
}
"""The columns of each part of a curve, which Vega makes rows of."""


CURVES = {
    "loss": ("loss", "believed", "Interior loss"),
    "entropy-steps": ("entropy", "truncated_entropy", "Truncated entropy"),
    "truncation": ("truncation", "error", "Relative training error over the truncation position"),
}
"""The charts of curves: the part, the column, and what that is."""

VERSION = "5.21"
"""The Vega-Lite that draws pictures."""


@dataclass(frozen=True)
class Picture:
    """A picture as the source of an <img>, and what it shows in words."""

    source: str
    words: str


def definitions(
    curves: Sequence[Curve], points: Sequence[Curve], measures: dict[str, str]
) -> dict[str, Spec]:
    """The charts that there is something for, each over the rows of its part of the curves."""
    found = {}
    for log in (False, True):
        ends = ":log" if log else ""
        found[f"loss{ends}"] = charts.loss_over_steps(_colour(curves, "loss"), log)
        found[f"truncation{ends}"] = charts.truncation(_colour(curves, "truncation"), log)
    found["entropy-steps"] = charts.entropy_over_steps(_colour(curves, "", False), spread=True)
    found = {key: _flattened(spec, FLATTENED[_part(key)]) for key, spec in found.items()}
    for matrix in MATRICES:
        found[f"spectrum:{matrix}"] = _spectrum(matrix, _colour(curves, "", False))
    for key, name in measures.items():
        many, colour = len(points) > 200, _colour(points, "", False)
        found[f"entropy-loss:{key}"] = charts.members(key, name, colour, many)
    return found


def _part(key: str) -> str:
    return key.partition(":")[0].partition("-")[0]


def having(curves: Sequence[Curve], part: str) -> list[Curve]:
    """The curves that have a part, each with the columns of that beside what it is."""
    about = ("run", "id", "name", "method")
    return [{key: c[key] for key in about} | c[part] for c in curves if c[part]]


def _colour(curves: Sequence[Curve], part: str, legend: bool = True) -> Spec:
    """A colour for every name, which a legend lists where they are few."""
    some = [curve for curve in curves if not part or curve[part]]
    colours = {curve["name"]: curve["colour"] for curve in some}
    scale = {"domain": [*colours], "range": [*colours.values()]}
    listed = legend and 1 < len(some) <= FEW
    keys = {"title": None, "columns": 2, "symbolType": "stroke"} if listed else None
    return {"field": "name", "type": "nominal", "scale": scale, "legend": keys}


def _flattened(spec: Spec, columns: Sequence[str]) -> Spec:
    return {**spec, "transform": [{"flatten": [*columns]}, *spec.get("transform", ())]}


def _spectrum(matrix: str, colour: Spec) -> Spec:
    """The spectrum at parameter `step`, between parameters `lowest` and `highest`."""
    transform = [
        {"flatten": ["step", "value", "level", "e", "at"]},
        *charts.at_step("step"),
        {"flatten": ["index", "value", "floor"]},
    ]
    params = [
        {"name": name, "value": value}
        for name, value in {"step": ALWAYS, "lowest": 1e-16, "highest": 1}.items()
    ]
    return charts.spectrum(
        "value",
        MATRICES[matrix],
        "datum.floor",
        colour,
        cutoff=True,
        params=params,
        transform=transform,
    )


def pictures(
    curves: Sequence[Curve],
    points: Sequence[Curve],
    pair: Sequence[int],
    charts: Mapping[str, Spec],
) -> dict[str, Picture]:
    """A picture for every chart that there is something for, by the chart that it stands for."""
    found = {}
    for name, (part, column, title) in CURVES.items():
        rows = [row for row in having(curves, part) if _known(row[column])]
        if rows:
            some = [rows[i] for i in evenly(len(rows), MOST)]
            found[name] = _picture(charts[name], some, f"{title}: {_ends(rows, column)}.")
    for side, curve in zip(("left", "right"), pair, strict=False):
        (row,) = having([curves[curve]], "spectrum")
        found[f"spectrum-{side}"] = _of_spectrum(charts[f"spectrum:{row['of']}"], row)
    measured = next((key for key in charts if key.startswith("entropy-loss:")), "")
    if measured and points:
        found["entropy-loss"] = _of_points(charts[measured], points, measured.partition(":")[2])
    return found


def _ends(rows: Sequence[Curve], column: str) -> str:
    """Where curves end, one by one or from the least to the largest."""
    ends = [number(_known(row[column])[-1]) for row in rows]
    if len(rows) > FEW_TOLD:
        return f"{len(rows)} curves end at {_range([_known(r[column])[-1] for r in rows])}"
    return listed([f"{row['name']} ends at {end}" for row, end in zip(rows, ends, strict=True)])


def _of_spectrum(spec: Spec, row: Curve) -> Picture:
    last = {"value": row["value"][-1], "level": row["level"][-1:], "floor": row["floor"]}
    lowest, highest = (f(v for part in last.values() for v in _positive(part)) for f in (min, max))
    words = f"Last spectrum, {row['name']}: {_range(_positive(last['value']))}"
    return _picture(spec, [row], words, lowest=lowest / 3, highest=highest * 3)


def _of_points(spec: Spec, points: Sequence[Curve], measure: str) -> Picture:
    some = [point for point in points if point[measure]]
    told = [f"{p['name']} at {number(p[measure])}" for p in some if len(some) <= FEW_TOLD]
    words = listed(told) if told else f"{len(some)} points at {_range([p[measure] for p in some])}"
    drawn = [some[i] for i in evenly(len(some), MOST_POINTS)] if some else []
    return _picture(spec, drawn, f"Truncated entropy and {measure}: {words}.")


def _range(values: Sequence[float]) -> str:
    return f"{number(min(values))} to {number(max(values))}" if values else "no value"


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _positive(values: Sequence[float | None]) -> list[float]:
    return [value for value in _known(values) if value > 0]


def _picture(spec: Spec, rows: Sequence[Curve], words: str, **params: float) -> Picture:
    """A chart of rows with values of its parameters, without what the pointer shows."""
    layers = [layer for layer in spec["layer"] if not layer.get("name", "").endswith("-near")]
    given = [{**p, "value": params.get(p["name"], p["value"])} for p in spec.get("params", ())]
    return picture({**spec, "layer": layers, "params": given} | SIZE, rows, words)


def picture(spec: Spec, rows: Sequence[Mapping[str, Any]], words: str) -> Picture:
    """A chart of rows as an SVG."""
    data = {"values": [*rows]}
    svg = vl_convert.vegalite_to_svg({**spec, "data": data}, vl_version=VERSION)
    return Picture(address(svg.encode(), "svg+xml"), words)


def address(picture: bytes, kind: str) -> str:
    """A picture as a data: address."""
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"
