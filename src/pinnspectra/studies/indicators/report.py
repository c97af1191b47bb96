"""What the study found, in Markdown: statements with values, tables, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pinnspectra.studies.indicators.cases import (
    INDICATORS,
    RECORDS,
    RESIDUAL_RATE,
    SOLVES,
    Outcome,
    Study,
)
from pinnspectra.studies.indicators.correlation import (
    SAME,
    Correlation,
    correlated,
    grouped,
    paired,
)
from pinnspectra.studies.markdown import table

INTRODUCTION = """\
# Indicators

Made by `python -m pinnspectra.indicators DIR`; `make indicators` runs all of it. The paper takes
the truncated entropy H for a metric of the training error of random feature models (Fig. 1) and of
the training speed of networks (Theorem 1, Remark 1). Here H and other numbers of the same spectra
are held against both. Cells are Spearman's rank correlation and its 95 % interval (bootstrap over
networks, since cases of one network are not independent).
"""

CLAIM = {
    -1: "The claim: the larger H, the smaller this (rho near -1).",
    1: "The claim: the larger H, the larger this (rho near 1).",
}
"""The paper's claim by the sign of rho."""


@dataclass(frozen=True)
class Part:
    """One of the study's two questions.

    Attributes:
        title: the question.
        figure: the name of the file.
        cases: those that answer it.
        outcomes: of these cases.
        within: a column; correlations are also taken of the cases that share it, the problem and
            the precision.
    """

    title: str
    figure: str
    cases: pd.DataFrame
    outcomes: Sequence[Outcome]
    within: str


def parts(study: Study) -> list[Part]:
    """Return the questions to which there are cases."""
    error = "Random features: does H indicate the training error?"
    speed = "Networks: does H indicate the speed of training?"
    both = [
        Part(error, "indicators_rfm.png", study.solves, SOLVES, "width"),
        Part(speed, "indicators_nn.png", study.records, RECORDS, "step"),
    ]
    return [part for part in both if len(part.cases)]


def report(study: Study) -> str:
    """Format the whole study as Markdown."""
    ended = ", ".join(f"{n} {status}" for status, n in sorted(study.ended.items()))
    lines = [
        INTRODUCTION,
        f"Solves and members of training runs: {ended}; only finished ones are used.",
        f"{len(study.solves)} cases are solves, {len(study.records)} records of training runs.",
        "",
        *(f"- {name}: {meaning}" for name, meaning in INDICATORS.items()),
        f"- {RESIDUAL_RATE}: the rate of the residual r of the whole loss, where it was recorded",
    ]
    for part in parts(study):
        lines += ["", f"## {part.title}", "", f"![{part.title}]({part.figure})"]
        lines += [*_correlations(part), "", *_pairs(part)]
    return "\n".join(lines) + "\n"


def _correlations(part: Part) -> list[str]:
    """Format a section for each outcome: what holds of H, and the correlations in all groups."""
    names = [name for name in (*INDICATORS, RESIDUAL_RATE) if name in part.cases]
    outcomes = [one.name for one in part.outcomes]
    groups = grouped(part.cases)
    found = {name: correlated(cases, names, outcomes) for name, cases in groups.items()}
    strata = part.cases.groupby(["problem", "precision", part.within], sort=False)
    inside = [correlated(of, names, outcomes, resamples=0)[1] for _, of in strata]
    lines = []
    for one in part.outcomes:
        by_group = {name: of[one.name] for name, (_, of) in found.items()}
        rho = np.array([of[one.name]["H"].rho for of in inside])
        lines += ["", f"### {one.name}", "", f"{one.meaning} {CLAIM[one.sign]}", ""]
        lines += [*_statements(by_group, rho[np.isfinite(rho)], one.sign, part.within), ""]
        rows = [
            [name, str(n), *map(_cell, by_group[name].values())] for name, (n, _) in found.items()
        ]
        lines.append(table(["cases of", "n", *names], rows, padded=True))
    return lines


def _statements(
    by_group: Mapping[str, Mapping[str, Correlation]],
    inside: np.ndarray,
    sign: int,
    within: str,
) -> list[str]:
    """Tell what holds of H, whose rho within the strata are `inside`, and what does better."""
    pooled = by_group["all"]
    as_claimed = [name for name, of in by_group.items() if of["H"].sign == sign]
    opposite = [name for name, of in by_group.items() if of["H"].sign == -sign]
    neither = len(by_group) - len(as_claimed) - len(opposite)
    best = max(pooled, key=lambda name: np.nan_to_num(abs(pooled[name].rho)))
    lines = [
        f"- H over all cases: {_cell(pooled['H'])}.",
        f"- H in {len(by_group)} groups: as claimed in {_listed(as_claimed)}; the opposite in "
        f"{_listed(opposite)}; neither in {neither}.",
    ]
    if inside.size:
        middle = f"median {np.median(inside):.2f}, from {inside.min():.2f} to {inside.max():.2f}"
        right = f"the sign is as claimed in {(inside * sign > 0).sum()} of {inside.size}"
        lines.append(f"- H within one problem, precision and {within}: {middle}; {right}.")
    return [*lines, f"- Strongest over all cases: {best}, {_cell(pooled[best])}."]


def _listed(names: Sequence[str]) -> str:
    return f"{len(names)} ({'; '.join(names)})" if names else "none"


def _pairs(part: Part) -> list[str]:
    """Format AD beside the other methods, network by network."""
    rows = paired(part.cases, part.outcomes)
    if not rows:
        return []
    return [
        "### AD beside other methods, for the same network",
        "",
        f"In how many pairs H is larger by AD, and smaller (by more than {SAME:.0%}); the median",
        "of its ratio. Of each outcome: in how many pairs it is better by AD; in how many the",
        "method with the larger H has the better one.",
        "",
        table(list(rows[0]), [[*map(_value, row.values())] for row in rows], padded=True),
    ]


def _value(value: str | float | tuple[int, int]) -> str:
    if isinstance(value, tuple):
        return f"{value[0]}, {value[1]}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cell(correlation: Correlation) -> str:
    if np.isnan(correlation.rho):
        return "-"
    return f"{correlation.rho:.2f} [{correlation.low:.2f}, {correlation.high:.2f}]"
