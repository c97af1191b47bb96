"""The curves and points that the page's charts draw: what runs have recorded, thinned and short."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_hex, to_rgb

from pinnspectra.runs.numbers import number
from pinnspectra.runs.quantities import QUANTITIES
from pinnspectra.runs.record import Run
from pinnspectra.show.dashboard.tables import LOSS_BESIDE
from pinnspectra.show.figures import METHOD_COLOURS, method_colour
from pinnspectra.show.figures.curves import by_learning_rate
from pinnspectra.show.figures.members import across, ended, labelled

ROWS = (40, 240, 12_000)
"""Logged rows that are drawn of a curve: at least, at most, and of all curves together."""

INDICES = (60, 120, 6_000)
"""Values that are drawn of a spectrum: at least, at most, and of all curves together."""

STEPS = (2, 25, 70_000)
"""Spectra that are drawn of a curve: at least, at most, and values of all spectra together."""

FEW_SHADES = 6
"""Curves of one method that shades can tell apart."""

LOSSES = {
    "believed": QUANTITIES["loss_interior"].metric,
    "true": QUANTITIES["loss_interior_ad64"].metric,
}
"""The metrics of the chart of losses, by column."""

ENTROPIES = {key: QUANTITIES[key].metric for key in ("truncated_entropy", "effective_cutoff")}
ENTROPIES |= {"path": LOSS_BESIDE}
"""The metrics of the charts of entropy, by column."""

Curve = dict[str, Any]
"""What is drawn as one: the members of a run that share a learning rate.

`run`, `id` and `name` say which it is, `method` and `colour` how it looks; `loss`, `entropy`,
`spectrum` and `truncation` hold its columns, or None.
"""


def curves_of(runs: Sequence[Run], names: Sequence[str]) -> list[Curve]:
    """Return the curves of all runs, in the order of their methods."""
    methods = methods_of(runs)
    found = [
        (i, run, labelled(name, rate) or run.method, which)
        for i, (run, name) in enumerate(zip(runs, names, strict=True))
        for rate, which in by_learning_rate(run.learning_rates, len(run.rows)).items()
    ]
    found.sort(key=lambda one: methods.index(one[1].method))
    colours = shades([run.method for _, run, _, _ in found])
    return [
        {"run": i, "id": k, "name": name, "method": run.method, "colour": colour}
        | _parts(run, which, len(found))
        for k, ((i, run, name, which), colour) in enumerate(zip(found, colours, strict=True))
    ]


def methods_of(runs: Sequence[Run]) -> list[str]:
    """Return the methods of runs in the order in which they are drawn."""
    found = dict.fromkeys(run.method for run in runs)
    return sorted(found, key=lambda method: [*METHOD_COLOURS, method].index(method))


def shades(methods: Sequence[str]) -> list[str]:
    """Return the colour of each curve: the method's, from dark to light where they are few."""
    total, seen = Counter(methods), Counter[str]()
    found = []
    for method in methods:
        n, i = total[method], seen[method]
        seen[method] += 1
        light = 0.3 * (2 * i / (n - 1) - 1) if 1 < n <= FEW_SHADES else 0.0
        end = 1.0 if light > 0 else 0.0
        red, green, blue = (c + abs(light) * (end - c) for c in to_rgb(method_colour(method)))
        found.append(to_hex((red, green, blue)))
    return found


def points_of(
    runs: Sequence[Run], names: Sequence[str], curves: Sequence[Curve], measures: Sequence[str]
) -> list[Curve]:
    """Return a point for every member that has an entropy: what it measures beside that."""
    colours = {curve["run"]: curve["colour"] for curve in curves}
    found = []
    for i, (run, name) in enumerate(zip(runs, names, strict=True)):
        for k, row in enumerate(run.meaningful_rows):
            member = f"seed = {row['seed']}" if len(run.rows) > 1 else ""
            about = {"run": i, "id": f"{i}.{k}", "name": labelled(name, member) or run.method}
            about |= {"method": run.method, "status": str(row["status"]), "colour": colours[i]}
            values = {key: row[key] for key in ("truncated_entropy", *measures)}
            if values["truncated_entropy"] is not None:
                found.append(about | dict(zip(values, short(values.values(), 6), strict=True)))
    return found


def evenly(size: int, most: int) -> np.ndarray:
    """Return at most `most` of `size` indices, evenly spread, with the first and the last."""
    return np.unique(np.linspace(0, size - 1, min(size, most)).round().astype(int))


def leading(size: int, most: int, marked: Sequence[int] = ()) -> np.ndarray:
    """Return at most `most` of the indices of `size`: the first half of them, then ever fewer.

    Those marked are among them.
    """
    if size <= most:
        return np.arange(size)
    first = most // 2
    rest = np.geomspace(first, size - 1, most - first - len(marked)).round().astype(int)
    return np.unique(np.concatenate([np.arange(first), rest, np.array(marked, dtype=int)]))


def _share(limits: tuple[int, int, int], curves: int) -> int:
    """Return the part of one of several curves in what is drawn of all."""
    least, most, together = limits
    return int(np.clip(together // max(curves, 1), least, most))


def _parts(run: Run, which: np.ndarray, together: int) -> Curve:
    """Return the columns of members of a run: of those that last to the end, if any does."""
    losses = run.losses[1]
    if losses.size:
        there = ~ended(losses[:, which])
        which = which[there] if there.any() else which
    return {
        "loss": _history(run.metrics, which, _share(ROWS, together), **LOSSES),
        "entropy": _history(run.metrics, which, ROWS[0], **ENTROPIES),
        "spectrum": _spectrum(run, which, together),
        "truncation": _truncations(run, _share(INDICES, together)),
    }


def _history(
    metrics: Mapping[str, np.ndarray], members: np.ndarray, most: int, **columns: str
) -> Curve | None:
    """Return metrics of members by column, over the steps at which the first of them is logged.

    Of several members the medians, and what the first column spans, `low` to `high`.
    """
    values = [metrics.get(metric) for metric in columns.values()]
    if values[0] is None or not (logged := np.isfinite(values[0]).any(axis=1)).any():
        return None
    rows = np.flatnonzero(logged)[evenly(logged.sum(), most)]
    none = np.full_like(values[0], np.nan)
    of_rows = [(none if v is None else v)[rows][:, members] for v in values]
    low, _, high = across(of_rows[0]) if len(members) > 1 else np.empty((3, 0))
    medians = {name: short(median(v)) for name, v in zip(columns, of_rows, strict=True)}
    steps = short(metrics["step"][rows], 12)
    return {"step": steps, **medians, "low": short(low), "high": short(high)}


def _spectrum(run: Run, members: np.ndarray, together: int) -> Curve | None:
    """Return the columns of the spectra of G, or of the singular values of A of a solve."""
    if run.spectra:
        name, steps = "eigenvalue", run.spectra.steps
        values = np.stack([median(v[members].T) for v in run.spectra.eigenvalues])
        floor = median(run.spectra.floor[members].T)
        e = median(run.spectra.effective_cutoff[:, members])
    elif run.solve:
        name, steps = "singular_value", np.zeros(1)
        values, floor = run.solve.singular_values[None], run.solve.floor
        e = np.array([number(run.rows[0]["effective_cutoff"])])
    else:
        return None
    e = np.clip(np.nan_to_num(e), 0, values.shape[1]).astype(int)
    which = leading(values.shape[1], _share(INDICES, together), [e[-1] - 1] if e[-1] else [])
    drawn = evenly(len(steps), _share((*STEPS[:2], STEPS[2] // which.size), together))
    last = np.where(e > 0, values[np.arange(len(e)), np.maximum(e - 1, 0)], np.nan)
    return {
        "of": name,
        "step": short(steps[drawn], 12),
        "index": [int(k) + 1 for k in which],
        name: [short(v[which]) for v in values[drawn]],
        "floor": short(floor[which[which < floor.size]]),
        "level": short(run.cutoff * values[drawn, 0]),
        "e": [int(k) or None for k in e[drawn]],
        "at": short(last[drawn]),
    }


def _truncations(run: Run, most: int) -> Curve | None:
    """Return the errors of the truncated solutions of a solve."""
    if run.solve is None or not run.solve.truncation_position.size:
        return None
    position = run.solve.truncation_position
    used = int(run.rows[0]["truncation_position"] or 0)
    which = leading(len(position), most, [*np.flatnonzero(position == used)[:1]])
    error = short(run.solve.relative_training_error[which])
    return {"position": [int(p) for p in position[which]], "error": error, "used": used}


def median(values: np.ndarray) -> np.ndarray:
    """Return the median over the members, (K,), of the finite values of (K, S)."""
    return across(values)[1]


def short(values: Iterable[float | None], digits: int = 4) -> list[float | int | None]:
    """Return numbers with few digits; None where they are not finite."""
    return [_short(value, digits) for value in values]


def _short(value: float | None, digits: int) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e6 else rounded
