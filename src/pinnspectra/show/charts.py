"""The interactive charts as Vega-Lite: one definition of each, for the page of runs and for W&B.

A chart draws rows that have an `id` and a `name` (of the run), a `method`, and the columns that its
function names. W&B supplies them from the tables that runs log; the page has them in itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from pinnspectra.show.figures import METHOD_COLOURS, method_colour

Spec = dict[str, Any]

LITE = "https://vega.github.io/schema/vega-lite/v5.json"

STEP = "gradient step"
ENTROPY = "truncated entropy H"

POWERS = (
    "!datum.label ? '' : abs(log(datum.value)) < 8 ? format(datum.value, '~g')"
    " : replace(datum.label, '+', '')"
)
"""A tick of a log axis as a Vega expression: 0.02, 1e-5; "" for one without a label."""

TEXTS = ("name", "method", "status")
"""The columns that hold texts."""

WIDTHS = (3.5, 1.5)
"""Widths of the first and the last method's lines: of two that coincide both show."""

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


def by_method(methods: Sequence[str] = tuple(METHOD_COLOURS)) -> Spec:
    """The encoding that gives every method the colour that it has in every figure."""
    scale = {"domain": list(methods), "range": [method_colour(method) for method in methods]}
    return {"field": "method", "type": "nominal", "title": "method", "scale": scale}


def axis(column: str, title: str, log: bool = False, **scale: Any) -> Spec:
    """The encoding of a column along x or y."""
    ticks = {"tickCount": 6} | ({"format": "~e", "labelExpr": POWERS} if log else {})
    kind = {"type": "log", "nice": False, "padding": 6} if log else {"zero": False}
    found = {"field": column, "type": "quantitative", "title": title}
    return {**found, "axis": ticks, "scale": kind | scale}


def lines(x: Spec, y: Spec, columns: Mapping[str, str], **look: Any) -> list[Spec]:
    """Layers: y over x as a line for each run and member, and what is said at the nearest point.

    Args:
        x: the encoding along x.
        y: the encoding along y.
        columns: the columns that are told of a point, with their names.
        look: how the line is marked; `points` shows its points, too.
    """
    name, points = y["field"], look.pop("points", False)
    some = [_usable(one) for one in (x, y)]
    place = {"x": x, "y": y}
    width = {"strokeWidth": {"value": look["strokeWidth"]}} if "strokeWidth" in look else {}
    near = {"type": "point", "on": "pointerover", "clear": "pointerout", "nearest": True}
    seen = {"condition": {"param": f"near_{name}", "empty": False, "value": 1}}
    return [
        {
            "name": f"{name}-line",
            "transform": some,
            "mark": {"type": "line", **look},
            "encoding": place | width,
        },
        {
            "name": f"{name}-{'points' if points else 'near'}",
            "transform": some,
            "mark": {"type": "point", "filled": True, "size": 25},
            "params": [{"name": f"near_{name}", "select": near}],
            "encoding": {
                **place,
                "opacity": {**seen, "value": 1 if points else 0},
                "tooltip": [_told("name", "run"), *(_told(*one) for one in columns.items())],
            },
        },
    ]


def band(x: Spec, low: str, high: str, y: Spec) -> Spec:
    """A layer: what the members of a run span, where they are several."""
    return {
        "transform": [_usable(x), _usable({**y, "field": low})],
        "mark": {"type": "area", "opacity": 0.13},
        "encoding": {"x": x, "y": {**y, "field": low}, "y2": {"field": high}},
    }


def chart(layers: Sequence[Spec], colour: Spec | None = None, **more: Any) -> Spec:
    """A chart of layers, in the methods' colours or those of another encoding."""
    colour = by_method() if colour is None else colour
    methods = list(METHOD_COLOURS)
    widths = {
        "type": "ordinal",
        "domain": methods,
        "range": [*WIDTHS[:1], *WIDTHS[1:] * (len(methods) - 1)],
    }
    encoding = {
        "color": colour,
        "detail": [{"field": "id"}, {"field": "member"}],
        "strokeWidth": {"field": "method", "type": "ordinal", "scale": widths, "legend": None},
    }
    return {"$schema": LITE, "config": CONFIG, "encoding": encoding, "layer": [*layers], **more}


def loss_over_steps(colour: Spec, log_steps: bool) -> Spec:
    """Interior losses over `step`: `believed`, as the run has it, and `true` (dashed).

    Parameters show_believed, show_true. The members span `low` to `high`.
    """
    x, title = axis("step", STEP, log_steps, nice=False), "interior loss"
    believed, true = axis("believed", title, log=True), axis("true", title, log=True)
    told = {"step": STEP, "believed": "believed", "true": "true"}
    layers = {
        "show_believed": [band(x, "low", "high", believed), *lines(x, believed, told)],
        "show_true": lines(x, true, told, strokeDash=[5, 3], strokeWidth=1.5),
    }
    for shown, some in layers.items():
        for layer in some:
            layer["transform"] = [{"filter": shown}, *layer["transform"]]
    params = [{"name": name, "value": True} for name in layers]
    return chart([*chain.from_iterable(layers.values())], colour, params=params)


def entropy_over_steps(colour: Spec | None = None, spread: bool = False) -> Spec:
    """`truncated_entropy` over `step`; where asked the members span `low` to `high`."""
    x, y = axis("step", STEP), axis("truncated_entropy", ENTROPY)
    told = {
        "method": "method",
        "step": STEP,
        "truncated_entropy": ENTROPY,
        "effective_cutoff": "effective cut-off number e",
    }
    around = [band(x, "low", "high", y)] if spread else []
    return chart([*around, *lines(x, y, told, points=True)], colour)


def loss_over_entropy(colour: Spec | None = None) -> Spec:
    """`loss` over `truncated_entropy`: the path of every run, in the order of `step`."""
    x, y = axis("truncated_entropy", ENTROPY), axis("loss", "loss", log=True)
    told = {"method": "method", "step": STEP, "loss": "loss", "truncated_entropy": ENTROPY}
    layers = lines(x, y, told, points=True)
    layers[0]["encoding"]["order"] = {"field": "step", "type": "quantitative"}
    return chart(layers, colour)


def members(measure: str, title: str, colour: Spec, many: bool) -> Spec:
    """`measure` over `truncated_entropy`: a point for every member, a triangle where it failed.

    The `path` of rows that have one is drawn below.
    """
    x, y = axis("truncated_entropy", ENTROPY, nice=True), axis(measure, title, log=True)
    told = {"method": "method", "status": "status", "truncated_entropy": ENTROPY, measure: title}
    path = lines(x, {**y, "field": "path"}, {})[0]
    points = lines(x, y, told, points=True)[1]
    finished = {"test": "datum.status === 'finished'", "value": "circle"}
    points["mark"] |= {"size": 30 if many else 110, "stroke": "black", "strokeWidth": 0.5}
    points["encoding"] |= {
        "shape": {"condition": finished, "value": "triangle-up"},
        "opacity": {"value": 0.85},
        "strokeWidth": {"value": 0.5},
    }
    path["mark"] |= {"opacity": 0.6}
    path["encoding"] |= {"strokeWidth": {"value": 1}}
    path["encoding"]["order"] = {"field": "step", "type": "quantitative"}
    return chart([path, points], colour)


def spectrum(
    value: str,
    title: str,
    floor: str,
    colour: Spec | None = None,
    cutoff: bool = False,
    **more: Any,
) -> Spec:
    """A spectrum, column `value`, over `index`, and its rounding floor, dotted.

    Args:
        value: the column of eigenvalues or singular values.
        title: what they are.
        floor: the floor as an expression, as `datum.floor`.
        colour: the encoding of colours.
        cutoff: whether rows have the cut-off `level` and, of the number `e` of values above it, the
            last one, `at`; and the parameters lowest and highest limit what is drawn.
        more: of the chart.
    """
    limits = {"domainMin": {"expr": "lowest"}, "domainMax": {"expr": "highest"}} if cutoff else {}
    x, y = axis("index", "index k", nice=False), axis(value, title, True, **limits)
    told = {"method": "method", "step": STEP, "index": "k", value: title, "floor": "floor"}
    below = {**y, "field": "floor_drawn"}
    return chart(
        [
            *lines(x, y, told, points=True),
            {
                "name": "floor",
                "transform": [{"calculate": floor, "as": "floor_drawn"}, _usable(below)],
                "mark": {"type": "line", "strokeDash": [1.5, 3]},
                "encoding": {"x": x, "y": below, "strokeWidth": {"value": 1.75}},
            },
            *(_cutoff(x, y) if cutoff else ()),
        ],
        colour,
        **more,
    )


def _cutoff(x: Spec, y: Spec) -> list[Spec]:
    """Layers: the cut-off, dashed, and a mark on the last value that is kept."""
    once = {"filter": "datum.index === 1"}
    level, at = {**y, "field": "level"}, {**y, "field": "at"}
    place = {"x": {**x, "field": "e"}, "y": at}
    name = {"calculate": "'e = ' + datum.e", "as": "e_name"}
    text = {"type": "text", "align": "left", "dx": 8, "dy": -8, "color": "black"}
    return [
        {
            "name": "cut-off",
            "transform": [once, _usable(level)],
            "mark": {"type": "rule", "strokeDash": [6, 4]},
            "encoding": {"y": level, "strokeWidth": {"value": 1.25}},
        },
        _mark("e", [once, _usable(at)], place),
        {
            "transform": [once, _usable(at), name],
            "mark": text,
            "encoding": {**place, "text": {"field": "e_name"}, "color": {"value": "black"}},
        },
    ]


def _mark(name: str, transform: Sequence[Spec], place: Spec) -> Spec:
    """A layer: a mark with an edge on a curve."""
    mark = {"type": "point", "filled": True, "size": 90, "opacity": 1, "stroke": "black"}
    encoding = {**place, "strokeWidth": {"value": 1}}
    return {"name": name, "transform": [*transform], "mark": mark, "encoding": encoding}


def at_step(upto: str) -> list[Spec]:
    """Transforms that keep the last of each line's steps up to an expression."""
    groups = ["id", "member"]
    of_line = [
        {"joinaggregate": [{"op": "max", "field": "step", "as": name}], "groupby": groups}
        for name in ("last_step", "shown_step")
    ]
    upto_it, at_it = {"filter": f"datum.step <= {upto}"}, "datum.step === datum.shown_step"
    return [of_line[0], upto_it, of_line[1], {"filter": at_it}]


def truncation(colour: Spec, log_positions: bool) -> Spec:
    """`error` over the truncation `position` of a solve, with a mark on the one that is `used`."""
    x = axis("position", "truncation position P", log_positions)
    y = axis("error", "relative training error", log=True)
    layers = lines(x, y, {"position": "P", "error": "relative training error"})
    taken = [{"filter": "datum.position === datum.used"}, _usable(y)]
    return chart([*layers, _mark("used", taken, {"x": x, "y": y})], colour)


def solution_over_x(colour: str) -> Spec:
    """A small picture: `u` over `x` with the `exact` one, dashed, and below the `error`."""
    x = axis("x", "")
    ticks = {"tickCount": 3, "format": "~g"}

    def line(column: str, title: str, **look: Any) -> Spec:
        y = axis(column, title) | {"axis": ticks}
        return {"mark": {"type": "line", "color": colour, **look}, "encoding": {"x": x, "y": y}}

    exact = line("exact", "u", color="black", strokeDash=[4, 3], strokeWidth=1)
    panels = [
        {"width": 200, "height": 100, "layer": [line("u", "u", strokeWidth=2.2), exact]},
        {"width": 200, "height": 50, **line("error", "u - u*")},
    ]
    return {"$schema": LITE, "config": CONFIG, "vconcat": panels, "spacing": 8}


def _usable(encoding: Spec) -> Spec:
    """The transform that leaves out what an axis cannot show."""
    value = f"datum['{encoding['field']}']"
    log = encoding["scale"].get("type") == "log"
    return {
        "filter": f"isValid({value}) && isFinite({value})" + (f" && {value} > 0" if log else "")
    }


def _told(column: str, title: str) -> Spec:
    """A line of a tooltip."""
    text = {"type": "nominal"} if column in TEXTS else {"type": "quantitative", "format": ".4~g"}
    return {"field": column, "title": title, **text}
