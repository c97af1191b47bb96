"""Solutions beside the exact one: small pictures, one for each run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pinnspectra.show.figures import glance
from pinnspectra.show.figures.solution import grid_of
from pinnspectra.show.report.charts import evenly
from pinnspectra.show.report.claim import number
from pinnspectra.show.report.contents import Shown, Solution
from pinnspectra.show.report.pictures import Picture, uri

MOST = 50
"""Runs whose solution is shown; of more, so many that are evenly spread."""


@dataclass(frozen=True)
class Card:
    """A run's pictures: u and u - u* as maps, or both in one; the largest error."""

    run: int | None
    title: str
    pictures: Sequence[Picture]
    error: str


@dataclass(frozen=True)
class Problem:
    """The cards of runs of one problem; maps have the range of their colours, (low, high)."""

    pde: str
    cards: Sequence[Card]
    range: tuple[str, str] | None


def problems(runs: Sequence[Shown], colours: Sequence[str]) -> list[Problem]:
    """The runs' solutions by their problem, at most MOST, with their colours."""
    having = [i for i, shown in enumerate(runs) if shown.solution]
    found: dict[str, list[int]] = {}
    for i in (having[k] for k in evenly(len(having), MOST)):
        found.setdefault(str(runs[i].run.result.get("pde")), []).append(i)
    return [_problem(pde, runs, which, colours) for pde, which in found.items()]


def _problem(
    pde: str, runs: Sequence[Shown], which: Sequence[int], colours: Sequence[str]
) -> Problem:
    first = _solution(runs[which[0]])
    limits = float(first.exact.min()), float(first.exact.max())
    cards, maps = [], False
    for i in which:
        solution = _solution(runs[i])
        worst = float(np.nanmax(np.abs(solution.median - solution.exact)))
        said = f"max |u - u*| = {number(worst)}"
        pictures = _maps(solution, limits, worst) or _curve(solution, colours[i])
        maps = maps or len(pictures) > 1
        words = [
            Picture(p.source, f"{p.words}, {runs[i].title or 'the run'}: {said}") for p in pictures
        ]
        cards.append(Card(i, runs[i].title, words, said))
    if maps and (exact := _map(first, first.exact, limits, "viridis")):
        cards.insert(0, Card(None, "exact u*", [Picture(exact, "Exact solution as a map")], ""))
    return Problem(pde, cards, _range(*limits) if maps else None)


def _range(low: float, high: float) -> tuple[str, str]:
    """The ends of a range, of which one that is rounding of the other is 0."""
    small = 1e-9 * max(abs(low), abs(high))
    return number(0 if abs(low) < small else low), number(0 if abs(high) < small else high)


def _solution(shown: Shown) -> Solution:
    assert shown.solution
    return shown.solution


def _maps(solution: Solution, limits: tuple[float, float], worst: float) -> list[Picture]:
    u, error = solution.median, solution.median - solution.exact
    left = _map(solution, u, limits, "viridis")
    right = _map(solution, error, (-worst, worst), "RdBu_r")
    return (
        [Picture(left, "u as a map"), Picture(right, "u - u* as a map")] if left and right else []
    )


def _map(
    solution: Solution, values: np.ndarray, limits: tuple[float, float], colours: str
) -> str | None:
    """Values on the grid of the points as a picture; None where they are on none."""
    if solution.points.shape[1] != 2 or (grid := grid_of(solution.points)) is None:
        return None
    x, y, order = grid
    most = max(1, -(-max(x.size, y.size) // 64))  # pixels that nobody can see
    picture = values[order].reshape(y.size, x.size)[::most, ::most]
    return uri(glance.map_picture(picture, limits, colours), "png")


def _curve(solution: Solution, colour: str) -> list[Picture]:
    if solution.points.shape[1] != 1:
        return []
    x, n = solution.points[:, 0], max(1, len(solution.points) // 200)
    order = np.argsort(x)[::n]
    u, exact = solution.median[order], solution.exact[order]
    figure = glance.curve_picture(x[order], u, exact, colour)
    return [Picture(uri(glance.svg(figure), "svg+xml"), "u, the exact u* and u - u* over x")]
