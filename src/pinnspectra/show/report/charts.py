"""The numbers that the page's charts draw, as few and as short as they need be."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from pinnspectra.runs.found import Row
from pinnspectra.runs.numbers import is_number
from pinnspectra.show.figures import METHOD_COLOURS, method_colour
from pinnspectra.show.figures.glance import shades
from pinnspectra.show.figures.members import across
from pinnspectra.show.report.contents import Curves, History, Shown, Spectra, Truncation, median

ROWS = (40, 300, 12_000)
"""Logged rows of a curve that are drawn: at least, at most, and of all curves together."""

INDICES = (60, 120, 6_000)
"""The same of the values of a spectrum."""

STEPS = (2, 25, 70_000)
"""The same of the steps at which spectra are drawn, counted in values of all spectra."""

POINTS = 4_000
"""Members that have a point of their own."""

MEASURES = {
    "loss": "loss",
    "loss_interior": "interior loss, as believed",
    "loss_interior_ad64": "true interior loss",
    "relative_training_error": "relative training error",
    "relative_training_error_ad": "true relative training error",
    "relative_l2_error": "relative L2 error of u",
}
"""What stands over truncated entropy, and its name."""


def chart_data(runs: Sequence[Shown], pair: tuple[int, int]) -> dict[str, Any]:
    """All that the charts draw: curves, spectra, and a point for every member.

    Args:
        runs: the runs.
        pair: the indices of the curves whose spectra stand side by side first.
    """
    every = curves_of(runs)
    colours = shades([curves.method for curves in every])
    several = Counter(curves.run for curves in every)
    own = {
        curves.run: colour if several[curves.run] == 1 else method_colour(curves.method)
        for curves, colour in zip(every, colours, strict=True)
    }
    return {
        "curves": [
            _curves(c, colour, len(every)) for c, colour in zip(every, colours, strict=True)
        ],
        "points": _points(runs, own)[:POINTS],
        "measures": _measured(runs),
        "methods": methods_of(runs),
        "pair": pair,
    }


def curves_of(runs: Sequence[Shown]) -> list[Curves]:
    """The curves of all runs."""
    return [curves for run in runs for curves in run.curves]


def methods_of(runs: Sequence[Shown]) -> list[str]:
    """The runs' methods in the order in which they are drawn: AD's curves beneath the others'."""
    order = {method: i for i, method in enumerate(METHOD_COLOURS)}
    found = dict.fromkeys(shown.method for shown in runs)
    return sorted(found, key=lambda method: order.get(method, len(order)))


def evenly(size: int, most: int) -> np.ndarray:
    """At most so many of `size` indices, evenly spread, the first and the last among them."""
    if size <= most:
        return np.arange(size)
    return np.unique(np.linspace(0, size - 1, most).round().astype(int))


def leading(size: int, most: int, marked: Sequence[int] = ()) -> np.ndarray:
    """At most so many of `size` indices: the first half as they are, then ever fewer.

    Those that a mark stands at are among them.
    """
    if size <= most:
        return np.arange(size)
    first = most // 2
    rest = np.geomspace(first, size - 1, most - first - len(marked)).round().astype(int)
    return np.unique(np.concatenate([np.arange(first), rest, np.array(marked, dtype=int)]))


def share(limits: tuple[int, int, int], curves: int) -> int:
    """What of a budget one of so many curves has, within its limits."""
    least, most, all_together = limits
    return int(np.clip(all_together // max(curves, 1), least, most))


def drawn_steps(spectra: Spectra, curves: int) -> np.ndarray:
    """The indices of the steps at which spectra are drawn, (t,)."""
    values = len(drawn_indices(spectra, curves)) * max(curves, 1)
    return evenly(len(spectra.steps), int(np.clip(STEPS[2] // values, *STEPS[:2])))


def drawn_indices(spectra: Spectra, curves: int) -> np.ndarray:
    """The indices of the values of a spectrum that are drawn, (n,), from 0: the last e's too."""
    size = spectra.values.shape[-1]
    e = _cutoff_number(spectra.at(-1, np.arange(size)), spectra.cutoff)
    return leading(size, share(INDICES, curves), [e - 1] if e else [])


def _curves(curves: Curves, colour: str, together: int) -> dict[str, Any]:
    return {
        "run": curves.run,
        "label": curves.label,
        "method": curves.method,
        "colour": colour,
        "loss": _history(curves.history, together) if curves.history else None,
        "spectrum": _spectra(curves.spectra, together) if curves.spectra else None,
        "entropy": _entropy(curves.spectra, curves.history) if curves.spectra else None,
        "truncation": _truncation(curves.truncation, together) if curves.truncation else None,
    }


def _history(history: History, together: int) -> dict[str, Any]:
    which = evenly(len(history.steps), share(ROWS, together))
    return {
        "steps": short(history.steps[which], 12),
        "believed": short(median(history.believed[which])),
        "true": short(median(history.true[which])),
        **_band(history.believed[which]),
    }


def _band(values: np.ndarray) -> dict[str, Any]:
    """The smallest and the largest of the members' values, (K, S), where they are several."""
    if values.shape[1] == 1:
        return {}
    low, _, high = across(values)
    return {"low": short(low), "high": short(high)}


def _spectra(spectra: Spectra, together: int) -> dict[str, Any]:
    which, steps = drawn_indices(spectra, together), drawn_steps(spectra, together)
    floor = spectra.floor[which[which < spectra.floor.size]]
    taken = [spectra.at(step, np.arange(spectra.values.shape[-1])) for step in steps]
    return {
        "of": spectra.matrix,
        "steps": short(spectra.steps[steps], 12),
        "index": [int(k) + 1 for k in which],
        "log10": [logarithms(values[which]) for values in taken],
        "floor": logarithms(floor),
        "cutoff": json_number(spectra.cutoff),
        "e": [_cutoff_number(values, spectra.cutoff) for values in taken],
        "largest": [json_number(float(values[0])) for values in taken],
    }


def _cutoff_number(values: np.ndarray, cutoff: float) -> int | None:
    finite = np.isfinite(values).any() and math.isfinite(cutoff)
    return int((values >= cutoff * values[0]).sum()) if finite else None


def _entropy(spectra: Spectra, history: History | None) -> dict[str, Any] | None:
    """The entropy over steps, and the loss at these steps: the path of the run."""
    if spectra.matrix != "G":
        return None
    which = evenly(len(spectra.steps), ROWS[0])
    steps = spectra.steps[which]
    return {
        "steps": short(steps, 12),
        "H": short(median(spectra.entropy[which])),
        "loss": short(_loss_at(history, steps)) if history else None,
        **_band(spectra.entropy[which]),
    }


def _loss_at(history: History, steps: np.ndarray) -> np.ndarray:
    """The loss at steps, (T,) -> (T,); NaN where none is logged."""
    loss, place = median(history.total), np.searchsorted(history.steps, steps)
    place = np.minimum(place, len(loss) - 1)
    return np.where(history.steps[place] == steps, loss[place], np.nan)


def _truncation(truncation: Truncation, together: int) -> dict[str, Any]:
    used = np.flatnonzero(truncation.position == truncation.used)[:1]
    which = leading(len(truncation.position), share(INDICES, together), [*used])
    return {
        "position": [int(p) for p in truncation.position[which]],
        "error": short(truncation.error[which]),
        "used": truncation.used,
    }


def _points(runs: Sequence[Shown], colours: dict[int, str]) -> list[dict[str, Any]]:
    """A point for every member that has an entropy and an error."""
    found = []
    for i, shown in enumerate(runs):
        rows = shown.rows
        for row in rows:
            values = {name: _finite(row[name]) for name in ("truncated_entropy", *MEASURES)}
            if values["truncated_entropy"] is None:
                continue
            name = shown.title if len(rows) == 1 else f"{shown.title}, {_member(row)}"
            about = {"name": name, "method": shown.method, "status": str(row["status"])}
            found.append({"run": i, "colour": colours[i], **about, **values})
    return found


def _member(row: Row) -> str:
    rate = f", lr = {row['learning_rate']:g}" if _finite(row["learning_rate"]) else ""
    return f"seed = {row['seed']}{rate}"


def _measured(runs: Sequence[Shown]) -> dict[str, str]:
    rows = [row for shown in runs for row in shown.rows]
    return {k: name for k, name in MEASURES.items() if any(_finite(row[k]) for row in rows)}


def _finite(value: Any) -> float | None:
    return json_number(float(value), 6) if is_number(value) else None


def json_number(value: float, digits: int = 6) -> float | int | None:
    """A number with so many digits; null where it is not finite."""
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e6 else rounded


def short(values: np.ndarray, digits: int = 4) -> list[float | int | None]:
    """Numbers with so many digits, null where they are not finite."""
    return [json_number(float(value), digits) for value in values]


def logarithms(values: np.ndarray) -> list[float | None]:
    """Logarithms to base 10 with three decimals; null of what is not positive and finite."""
    return [
        round(math.log10(value), 3) if math.isfinite(value) and value > 0 else None
        for value in map(float, values)
    ]
