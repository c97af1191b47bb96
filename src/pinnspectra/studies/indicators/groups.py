"""The groups of cases within which indicators are compared, and pairs of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from pinnspectra.studies.indicators.cases import Case
from pinnspectra.studies.indicators.correlation import Correlation, correlations

AD = "ad"

SAME = 0.01
"""Relative difference up to which two entropies are the same."""

Table = dict[str, dict[str, Correlation]]
"""Correlations by outcome and indicator."""


@dataclass(frozen=True)
class Pairs:
    """Networks of one problem and precision whose residual AD and another method take.

    number: pairs with the same network, learning rate and step.
    larger, smaller: in how many of them H is larger by AD, and smaller; in the others it is the
        same (SAME).
    ratio: the median of H by AD over H by the other method.
    better: in how many an outcome is better by AD, by outcome.
    foretold: in how many the method with the larger H has the better outcome, by outcome; where H
        is the same nothing is foretold.
    """

    problem: str
    precision: str
    other: str
    number: int
    larger: int
    smaller: int
    ratio: float
    better: dict[str, int]
    foretold: dict[str, int]


def grouped(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """All cases; those of each problem, method and precision; those that share all three."""
    groups = {"all": list(cases)}
    groups |= _by(cases, lambda case: case.problem)
    groups |= _by(cases, lambda case: case.method)
    groups |= _by(cases, lambda case: case.precision)
    return groups | _by(cases, lambda case: f"{case.problem}, {case.precision}, {case.method}")


def _by(cases: Sequence[Case], key: Callable[[Case], str]) -> dict[str, list[Case]]:
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[key(case)].append(case)
    return groups


def strata(cases: Sequence[Case]) -> list[list[Case]]:
    """The cases of each problem, precision and step of training; of solves, and width.

    Within these, neither the problem nor the time makes a correlation.
    """
    groups: dict[Hashable, list[Case]] = defaultdict(list)
    for case in cases:
        solved = case.width if case.step == 0 and case.learning_rate == 0 else None
        groups[case.problem, case.precision, case.step, solved].append(case)
    return list(groups.values())


def correlated(cases: Sequence[Case], indicators: Sequence[str]) -> tuple[int, Table]:
    """How many cases have all values, and the correlations of these."""
    outcomes = list(cases[0].outcomes)
    x = np.array([[case.indicators[name] for name in indicators] for case in cases])
    y = np.array([[case.outcomes[name] for name in outcomes] for case in cases])
    whole = np.flatnonzero(np.isfinite(np.hstack([x, y])).all(axis=1)).tolist()
    clusters = [cases[i].network for i in whole]
    found = correlations(x[whole], y[whole], clusters)
    table = {
        outcome: {name: found[i][j] for i, name in enumerate(indicators)}
        for j, outcome in enumerate(outcomes)
    }
    return len(clusters), table


def paired(cases: Sequence[Case], signs: dict[str, int]) -> list[Pairs]:
    """AD beside each other method, by problem and precision.

    Args:
        cases: of networks of one kind.
        signs: +1 for outcomes of which more is better, -1 for the others.
    """
    by_ad = {case.setting: case for case in cases if case.method == AD}
    groups: dict[tuple[str, str, str], list[tuple[Case, Case]]] = defaultdict(list)
    for case in cases:
        if case.method != AD and case.setting in by_ad:
            key = case.problem, case.precision, case.method
            groups[key].append((by_ad[case.setting], case))
    return [_pairs(*key, pairs, signs) for key, pairs in groups.items()]


def _pairs(
    problem: str,
    precision: str,
    other: str,
    pairs: Sequence[tuple[Case, Case]],
    signs: dict[str, int],
) -> Pairs:
    H = np.array([[case.indicators["H"] for case in pair] for pair in pairs])
    by_H = np.sign(H[:, 0] - H[:, 1]) * (np.abs(H[:, 0] - H[:, 1]) > SAME * H.max(axis=1))
    better = {}
    for name, sign in signs.items():
        by_ad, by_other = np.array([[case.outcomes[name] for case in pair] for pair in pairs]).T
        better[name] = np.sign(sign * (by_ad - by_other))
    return Pairs(
        problem,
        precision,
        other,
        number=len(pairs),
        larger=int((by_H > 0).sum()),
        smaller=int((by_H < 0).sum()),
        ratio=float(np.median(H[:, 0] / H[:, 1])),
        better={name: int((who > 0).sum()) for name, who in better.items()},
        foretold={name: int((who * by_H > 0).sum()) for name, who in better.items()},
    )
