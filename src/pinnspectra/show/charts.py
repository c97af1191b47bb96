"""The interactive charts as Vega-Lite: one definition of each, for the page of runs and for W&B.

A chart draws rows that have an `id` and a `name` (of the run), a `method`, and the columns that its
function names. W&B supplies them from the tables that runs log; the page has them in itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from pinnspectra.runs.quantities import QUANTITIES
from pinnspectra.show.figures import METHOD_COLOURS

Spec = dict[str, Any]

LITE = "https://vega.github.io/schema/vega-lite/v5.json"

WORDS = {key: quantity.label for key, quantity in QUANTITIES.items()} | {
    "name": "run",
    "index": "index k",
    "eigenvalue": "eigenvalue of G",
    "singular_value": "singular value of A",
    "floor": "rounding floor",
    "believed": "believed interior loss",
    "true": "true interior loss",
    "position": "truncation position",
    "error": "relative training error",
}
"""Columns as axes and tooltips call them."""

POWERS = (
    "!datum.label ? '' : abs(log(datum.value)) < 8 ? format(datum.value, '~g')"
    " : replace(datum.label, '+', '')"
)
"""A tick of a log axis as a Vega expression: 0.02, 1e-5; "" for one without a label."""

WIDTHS = {method: 1.5 if i else 3.5 for i, method in enumerate(METHOD_COLOURS)}
"""Widths of lines: the first method's are wider, so that of two that coincide both show."""

BY_METHOD: Spec = {
    "field": "method",
    "type": "nominal",
    "title": "method",
    "scale": {"domain": [*METHOD_COLOURS], "range": [*METHOD_COLOURS.values()]},
}
"""The encoding that gives every method the colour that it has in every figure."""

CONFIG: Spec = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
    "axisX": {"labelFlush": True, "labelOverlap": "greedy"},
    "legend": {
        "orient": "bottom",
        "direction": "vertical",
        "labelLimit": 280,
        "labelFontSize": 12,
        "symbolOpacity": 1,
        "symbolStrokeWidth": 3,
    },
    "line": {"strokeJoin": "round"},
}


def loss_over_steps(colour: Spec, log_steps: bool) -> Spec:
    """Draw the interior losses over `step`: `believed`, and `true` dashed.

    Parameters show_believed and show_true hide either. The members span `low` to `high`.
    """
    x = axis("step", log_steps, nice=False)
    believed, true = (
        axis(kind, True) | {"title": "interior loss"} for kind in ("believed", "true")
    )
    told = ("step", "believed", "true")
    shown = {
        "show_believed": [_band(x, believed), *lines(x, believed, told)],
        "show_true": lines(x, true, told, strokeDash=[5, 3], strokeWidth=1.5),
    }
    for parameter, layers in shown.items():
        for layer in layers:
            layer["transform"].insert(0, {"filter": parameter})
    params = [{"name": parameter, "value": True} for parameter in shown]
    return chart([*chain(*shown.values())], colour, params=params)


def entropy_over_steps(colour: Spec = BY_METHOD, spread: bool = False) -> Spec:
    """Draw `truncated_entropy` over `step`; where asked the members span `low` to `high`."""
    x, y = axis("step"), axis("truncated_entropy")
    told = ("method", "step", "truncated_entropy", "effective_cutoff")
    return chart([*([_band(x, y)] if spread else ()), *lines(x, y, told, points=True)], colour)


def loss_over_entropy() -> Spec:
    """Draw `loss` over `truncated_entropy`: the path of every run, in the order of `step`."""
    told = ("method", "step", "loss", "truncated_entropy")
    layers = lines(axis("truncated_entropy"), axis("loss", True), told, points=True)
    layers[0]["encoding"]["order"] = {"field": "step", "type": "quantitative"}
    return chart(layers)


def members(measure: str, colour: Spec, many: bool) -> Spec:
    """Draw `measure` over `truncated_entropy`: a point for every member, a triangle if it failed.

    The `path` of rows that have one is drawn below. Points are small where there are many.
    """
    x, y = axis("truncated_entropy", padding=12), axis(measure, True)
    told = ("method", "status", "truncated_entropy", measure)
    path = lines(x, {**y, "field": "path"}, (), strokeWidth=1, opacity=0.6)[0]
    path["encoding"]["order"] = {"field": "step", "type": "quantitative"}
    points = lines(x, y, told, points=True)[1]
    points["mark"] |= {"stroke": "black"}
    sizes = {"type": "ordinal", "domain": [*WIDTHS], "range": [60 * w for w in WIDTHS.values()]}
    of_method = {"field": "method", "type": "ordinal", "scale": sizes, "legend": None}
    finished = {"test": "datum.status === 'finished'", "value": "circle"}
    points["encoding"] |= {
        "shape": {"condition": finished, "value": "triangle-up"},
        "size": {"value": 30} if many else of_method,
        "opacity": {"value": 0.85},
        "strokeWidth": {"value": 0.5},
    }
    return chart([path, points], colour)


def spectrum(
    value: str, floor: str, colour: Spec = BY_METHOD, cutoff: bool = False, **more: Any
) -> Spec:
    """Draw a spectrum over `index`, and its rounding floor, dotted.

    Args:
        value: the column of eigenvalues or singular values.
        floor: the floor as an expression, as `datum.floor`.
        colour: the encoding of colours.
        cutoff: whether rows have the cut-off `level` and, of the number `e` of values above it, the
            last one, `at`; and the parameters lowest and highest limit what is drawn.
        more: of the chart.
    """
    limits = {"domainMin": {"expr": "lowest"}, "domainMax": {"expr": "highest"}} if cutoff else {}
    x, y = axis("index", nice=False), axis(value, True, **limits)
    below = {**y, "field": "floor_drawn"}
    dashes = {"type": "line", "strokeDash": [1.5, 3]}
    place = {"x": x, "y": below, "strokeWidth": {"value": 1.75}}
    dotted = _layer("floor", dashes, place, {"calculate": floor, "as": "floor_drawn"})
    points = lines(x, y, ("method", "step", "index", value, "floor"), points=True)
    return chart([*points, dotted, *(_cutoff(x, y) if cutoff else ())], colour, **more)


def _cutoff(x: Spec, y: Spec) -> list[Spec]:
    """Draw the cut-off, dashed, and a mark on the last value that is kept."""
    once = {"filter": "datum.index === 1"}
    level, place = {**y, "field": "level"}, {"x": {**x, "field": "e"}, "y": {**y, "field": "at"}}
    mark = {"type": "text", "align": "left", "dx": 8, "dy": -8}
    name = {"calculate": "'e = ' + datum.e", "as": "e_name"}
    words = {**place, "text": {"field": "e_name"}, "color": {"value": "black"}}
    dashed = {"y": level, "strokeWidth": {"value": 1.25}}
    return [
        _layer("cut-off", {"type": "rule", "strokeDash": [6, 4]}, dashed, once),
        _mark("e", once, place),
        _layer("e-name", mark, words, once, name),
    ]


def at_step(upto: str) -> list[Spec]:
    """Keep, by transforms, the last of each line's steps up to an expression."""
    last, shown = (
        {
            "joinaggregate": [{"op": "max", "field": "step", "as": name}],
            "groupby": ["id", "member"],
        }
        for name in ("last_step", "shown_step")
    )
    at_it = {"filter": "datum.step === datum.shown_step"}
    return [last, {"filter": f"datum.step <= {upto}"}, shown, at_it]


def truncation(colour: Spec, log_positions: bool) -> Spec:
    """Draw `error` over the truncation `position` of a solve, with a mark on the one `used`."""
    x, y = axis("position", log_positions), axis("error", True)
    used = {"filter": "datum.position === datum.used"}
    layers = lines(x, y, ("name", "position", "error"))
    return chart([*layers, _mark("used", used, {"x": x, "y": y})], colour)


def solution_over_x(colour: str) -> Spec:
    """Draw, small, `u` over `x` with the `exact` one, dashed, and below the `error`."""

    def line(column: str, title: str, **look: Any) -> Spec:
        ticks = {"axis": {"tickCount": 3, "format": "~g"}, "title": title}
        place = {"x": axis("x") | {"title": ""}, "y": axis(column) | ticks}
        return {"mark": {"type": "line", "color": colour, **look}, "encoding": place}

    exact = line("exact", "u", color="black", strokeDash=[4, 3], strokeWidth=1)
    panels = [
        {"width": 200, "height": 100, "layer": [line("u", "u", strokeWidth=2.2), exact]},
        {"width": 200, "height": 50, **line("error", "u - u*")},
    ]
    return {"$schema": LITE, "config": CONFIG, "vconcat": panels, "spacing": 8}


def axis(column: str, log: bool = False, **scale: Any) -> Spec:
    """Return the encoding of a column along x or y."""
    ticks = {"tickCount": 6} | ({"format": "~e", "labelExpr": POWERS} if log else {})
    kind = {"type": "log", "nice": False, "padding": 6} if log else {"zero": False}
    found = {"field": column, "type": "quantitative", "title": WORDS.get(column, column)}
    return {**found, "axis": ticks, "scale": kind | scale}


def lines(x: Spec, y: Spec, told: Sequence[str], points: bool = False, **look: Any) -> list[Spec]:
    """Return layers: a line for each run and member, and points that tell columns of the nearest.

    Points are seen under the pointer alone, or always where asked.
    """
    name, place = y["field"], {"x": x, "y": y}
    width = {"strokeWidth": {"value": look["strokeWidth"]}} if "strokeWidth" in look else {}
    near = {"type": "point", "on": "pointerover", "clear": "pointerout", "nearest": True}
    seen = {"condition": {"param": f"near_{name}", "empty": False, "value": 1}}
    told_there = {
        "opacity": seen | {"value": 1 if points else 0},
        "tooltip": [_told(column) for column in ("name", *told)],
    }
    mark = {"type": "point", "filled": True, "size": 25}
    marks = _layer(f"{name}-{'points' if points else 'near'}", mark, place | told_there)
    marks["params"] = [{"name": f"near_{name}", "select": near}]
    return [_layer(f"{name}-line", {"type": "line", **look}, place | width), marks]


def chart(layers: Sequence[Spec], colour: Spec = BY_METHOD, **more: Any) -> Spec:
    """Return a chart of layers, in the methods' colours or those of another encoding."""
    widths = {"type": "ordinal", "domain": [*WIDTHS], "range": [*WIDTHS.values()]}
    encoding = {
        "color": colour,
        "detail": [{"field": "id"}, {"field": "member"}],
        "strokeWidth": {"field": "method", "type": "ordinal", "scale": widths, "legend": None},
    }
    return {"$schema": LITE, "config": CONFIG, "encoding": encoding, "layer": [*layers], **more}


def _layer(name: str, mark: Spec, encoding: Spec, *transform: Spec) -> Spec:
    """Return a layer of a chart: a mark for each of the rows that its axes can show."""
    usable = [_usable(encoding[channel]) for channel in ("x", "y") if channel in encoding]
    transforms = [*transform, *usable]
    return {"name": name, "transform": transforms, "mark": mark, "encoding": encoding}


def _band(x: Spec, y: Spec) -> Spec:
    """Return a layer: the span of the members of a run, where they are several."""
    place = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
    return _layer(f"{y['field']}-band", {"type": "area", "opacity": 0.13}, place)


def _mark(name: str, which: Spec, place: Spec) -> Spec:
    """Return a layer: a mark with an edge, of the rows that a transform keeps."""
    mark = {"type": "point", "filled": True, "size": 90, "opacity": 1, "stroke": "black"}
    return _layer(name, mark, {**place, "strokeWidth": {"value": 1}}, which)


def _usable(encoding: Spec) -> Spec:
    """Return the transform that leaves out what an axis cannot show."""
    value = f"datum['{encoding['field']}']"
    positive = f" && {value} > 0" if encoding["scale"].get("type") == "log" else ""
    return {"filter": f"isValid({value}) && isFinite({value}){positive}"}


def _told(column: str) -> Spec:
    """Return a line of a tooltip."""
    is_text = column == "name" or (column in QUANTITIES and QUANTITIES[column].format == "text")
    text = {"type": "nominal"} if is_text else {"type": "quantitative", "format": ".4~g"}
    return {"field": column, "title": WORDS.get(column, column), **text}
