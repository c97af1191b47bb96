"""The pictures that stand in a page for its charts where there is no script, and in print."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pinnspectra.show.figures import glance
from pinnspectra.show.figures.glance import Line, TwoSpectra
from pinnspectra.show.report.charts import evenly
from pinnspectra.show.report.claim import listed, number

MOST = 24
"""Curves in a picture; of more, so many that are evenly spread over the methods."""

MOST_POINTS = 400
"""The same of points."""

FEW = 4
"""Curves whose numbers a description has one by one."""


@dataclass(frozen=True)
class Picture:
    """A picture as the source of an <img>, and what it shows in words."""

    source: str
    words: str


def pictures(data: dict[str, Any]) -> dict[str, Picture]:
    """Pictures of what the charts draw (charts.chart_data), by the chart that each stands for."""
    pair = [data["curves"][i] for i in dict.fromkeys(data["pair"]) if i < len(data["curves"])]
    curves = sorted(data["curves"], key=lambda curve: data["methods"].index(curve["method"]))
    training_error = "Relative training error over the truncation position"
    found = {
        "loss": _drawn(glance.losses_overview, map(_loss, curves), "Interior loss"),
        "entropy-steps": _drawn(glance.entropies_overview, map(_entropy, curves), "Entropy"),
        "truncation": _drawn(glance.truncation_overview, map(_truncation, curves), training_error),
        "entropy-loss": _points(data),
        "spectrum": _spectra(pair),
    }
    return {name: picture for name, picture in found.items() if picture}


def _drawn(
    draw: Callable[[Sequence[Line]], Any], lines: Iterable[Line | None], what: str
) -> Picture | None:
    some = [line for line in lines if line and np.isfinite(line.y).any()]
    if not some:
        return None
    some_of_all = [some[i] for i in evenly(len(some), MOST)]
    return Picture(_svg(draw(some_of_all)), f"{what}: {_words(some)}.")


def _words(lines: Sequence[Line]) -> str:
    """Where the curves end, one by one or from the least to the largest."""
    ends = [_last(line.y) for line in lines]
    if len(lines) > FEW:
        return f"{len(lines)} curves end between {number(min(ends))} and {number(max(ends))}"
    truly = ["" if line.dashed is None else f", truly {_said(line.dashed)}" for line in lines]
    return "; ".join(
        f"{line.label or 'the run'} ends at {number(y)}{true}"
        for line, y, true in zip(lines, ends, truly, strict=True)
    )


def _last(values: np.ndarray) -> float:
    return float(values[np.isfinite(values)][-1])


def _said(values: np.ndarray) -> str:
    return number(_last(values)) if np.isfinite(values).any() else "unknown"


def _array(values: Sequence[float | None]) -> np.ndarray:
    return np.array(values, dtype=float)  # None is NaN


def _named(curve: dict[str, Any]) -> tuple[str, str, str]:
    return curve["label"], curve["method"], curve["colour"]


def _loss(curve: dict[str, Any]) -> Line | None:
    if (loss := curve["loss"]) is None:
        return None
    steps, believed, true = (_array(loss[key]) for key in ("steps", "believed", "true"))
    return Line(*_named(curve), steps, believed, true)


def _entropy(curve: dict[str, Any]) -> Line | None:
    if (entropy := curve["entropy"]) is None:
        return None
    steps, H = _array(entropy["steps"]), _array(entropy["H"])
    return Line(*_named(curve), steps, H)


def _truncation(curve: dict[str, Any]) -> Line | None:
    if (truncation := curve["truncation"]) is None:
        return None
    position, error = _array(truncation["position"]), _array(truncation["error"])
    return Line(*_named(curve), position, error, used=truncation["used"])


def _points(data: dict[str, Any]) -> Picture | None:
    measure = next(iter(data["measures"]), "")
    points = [p for p in data["points"] if measure and p[measure] is not None]
    points.sort(key=lambda point: data["methods"].index(point["method"]))
    if not points:
        return None
    name, which = data["measures"][measure], evenly(len(points), MOST_POINTS)
    H, loss = (_array([p[key] for p in points]) for key in ("truncated_entropy", measure))
    colours = [points[i]["colour"] for i in which]
    figure = glance.entropy_loss_overview(H[which], loss[which], colours, name)
    if len(points) <= FEW:
        each = zip(points, H, loss, strict=True)
        said = listed([f"{p['name']} at {number(h)} and {number(y)}" for p, h, y in each])
        return Picture(_svg(figure), f"Truncated entropy and {name}: {said}.")
    ranges = [f"from {number(v.min())} to {number(v.max())}" for v in (H, loss)]
    said = f"truncated entropy {ranges[0]}, {name} {ranges[1]}"
    return Picture(_svg(figure), f"{len(points)} points: {said}.")


def _spectra(curves: Sequence[dict[str, Any]]) -> Picture | None:
    shown = [found for curve in curves if (found := _two(curve))]
    if not shown:
        return None
    figure = glance.spectra_overview(shown[0], shown[1] if len(shown) > 1 else None)
    ranges = [
        f"{number(np.nanmax(one.last))} down to {number(np.nanmin(one.last))}" for one in shown
    ]
    said = "; ".join(f"{o.label or 'the run'}, {r}" for o, r in zip(shown, ranges, strict=True))
    what = "eigenvalues of G at the last step" if shown[0].of_kernel else "singular values of A"
    return Picture(_svg(figure), f"Spectra, {what}: {said}.")


def _two(curve: dict[str, Any]) -> TwoSpectra | None:
    if (spectrum := curve["spectrum"]) is None:
        return None
    first, last = (10 ** _array(spectrum["log10"][i]) for i in (0, -1))
    if not np.isfinite(last).any():
        return None
    cutoff, largest = _array([spectrum["cutoff"], spectrum["largest"][-1]])
    return TwoSpectra(
        label=curve["label"],
        color=curve["colour"],
        index=np.array(spectrum["index"]),
        first=first,
        last=last,
        floor=10 ** _array(spectrum["floor"]),
        level=float(cutoff * largest),
        e=spectrum["e"][-1] or 0,
        of_kernel=spectrum["of"] == "G",
    )


def _svg(figure: Any) -> str:
    return uri(glance.svg(figure), "svg+xml")


def uri(picture: bytes, kind: str) -> str:
    """A picture as a data: address."""
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"
