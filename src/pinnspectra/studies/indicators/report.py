"""What the study found, in Markdown: statements with values, tables, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pinnspectra.studies.indicators.cases import RECORDS, RESIDUAL_RATE, SOLVES, Case, Study
from pinnspectra.studies.indicators.correlation import Correlation
from pinnspectra.studies.indicators.groups import SAME, correlated, grouped, paired, strata
from pinnspectra.studies.indicators.values import INDICATORS

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

MEANING = {
    "relative_training_error": "What the solve believes, by its own method and precision.",
    "relative_training_error_ad": "The same coefficients' residual by AD in float64: what is true.",
    "rate of loss": "-d log L / d t of the loss that is minimised, from a record to the next; t is "
    "learning rate times gradient steps.",
    "rate of loss/interior_ad64": "The same of the interior loss by AD in float64: what is true.",
    "rate to the end of loss/interior_ad64": "The same from a record to the end of the run.",
    "loss/interior_ad64": "How far training has come: the true interior loss at the record.",
}
"""What an outcome is."""


@dataclass(frozen=True)
class Part:
    """One of the study's two questions, with the cases that answer it.

    signs: the sign that rho of H and an outcome has in the paper's claim, by outcome.
    within: what the cases have in common within which correlations are taken too.
    """

    title: str
    figure: str
    cases: list[Case]
    signs: dict[str, int]
    within: str


def parts(study: Study) -> list[Part]:
    """The questions to which there are cases."""
    both = [
        Part(
            "Random features: does H indicate the training error?",
            "indicators_rfm.png",
            study.solves,
            SOLVES,
            "problem, precision and width",
        ),
        Part(
            "Networks: does H indicate the speed of training?",
            "indicators_nn.png",
            study.records,
            RECORDS,
            "problem, precision and step",
        ),
    ]
    return [part for part in both if part.cases]


def report(study: Study) -> str:
    """The whole study as Markdown."""
    ended = ", ".join(f"{n} {status}" for status, n in sorted(study.ended.items()))
    lines = [
        INTRODUCTION,
        f"Solves and members of training runs: {ended}; only finished ones are used.",
        f"{len(study.solves)} cases are solves, {len(study.records)} records of training runs.",
        "",
        *(f"- {name}: {said}" for name, said in INDICATORS.items()),
        f"- {RESIDUAL_RATE}: the rate of the residual r of the whole loss, where it was recorded",
    ]
    for part in parts(study):
        lines += ["", *_part(part)]
    return "\n".join(lines) + "\n"


def _part(part: Part) -> list[str]:
    first = part.cases[0].indicators
    indicators = [name for name in first if all(name in case.indicators for case in part.cases)]
    found = {name: correlated(cases, indicators) for name, cases in grouped(part.cases).items()}
    inside = [correlated(cases, indicators)[1] for cases in strata(part.cases)]
    lines = [f"## {part.title}", "", f"![{part.title}]({part.figure})"]
    for outcome, sign in part.signs.items():
        tables = {name: table[outcome] for name, (_, table) in found.items()}
        lines += ["", f"### {outcome}", "", f"{MEANING[outcome]} {CLAIM[sign]}", ""]
        lines += [*_statements(tables, [table[outcome] for table in inside], sign, part.within), ""]
        lines += _aligned(
            ["cases of", "n", *indicators],
            [
                [name, str(n), *(_cell(table[outcome][i]) for i in indicators)]
                for name, (n, table) in found.items()
            ],
        )
    return [*lines, "", *_pairs(part)]


def _statements(
    tables: dict[str, dict[str, Correlation]],
    inside: Sequence[dict[str, Correlation]],
    sign: int,
    within: str,
) -> list[str]:
    """What holds of H, and what does better, in words."""
    pooled = tables["all"]
    as_claimed = [name for name, row in tables.items() if row["H"].sign == sign]
    opposite = [name for name, row in tables.items() if row["H"].sign == -sign]
    rho = np.array([row["H"].rho for row in inside])
    rho = rho[np.isfinite(rho)]
    best = max(pooled, key=lambda name: np.nan_to_num(abs(pooled[name].rho)))
    lines = [
        f"- H over all cases: {_cell(pooled['H'])}.",
        f"- H in {len(tables)} groups: as claimed in {_listed(as_claimed)}; the opposite in "
        f"{_listed(opposite)}; neither in {len(tables) - len(as_claimed) - len(opposite)}.",
        f"- Strongest over all cases: {best}, {_cell(pooled[best])}.",
    ]
    if rho.size:
        lines.insert(
            2,
            f"- H within one {within}: median {np.median(rho):.2f}, from {rho.min():.2f} to "
            f"{rho.max():.2f}; the sign is as claimed in {(rho * sign > 0).sum()} of {rho.size}.",
        )
    return lines


def _listed(names: Sequence[str]) -> str:
    return f"{len(names)} ({'; '.join(names)})" if names else "none"


def _pairs(part: Part) -> list[str]:
    """AD beside the other methods, network by network."""
    rows = [
        [
            pairs.problem,
            pairs.precision,
            pairs.other,
            str(pairs.number),
            f"{pairs.larger}, {pairs.smaller}",
            f"{pairs.ratio:.4g}",
            *(f"{pairs.better[name]}, {pairs.foretold[name]}" for name in part.signs),
        ]
        for pairs in paired(part.cases, part.signs)
    ]
    if not rows:
        return []
    header = ["problem", "precision", "AD beside", "pairs", "H larger, smaller", "ratio of H"]
    return [
        "### AD beside other methods, for the same network",
        "",
        f"In how many pairs H is larger by AD, and smaller (by more than {SAME:.0%}); the median",
        "of its ratio. Of each outcome: in how many pairs it is better by AD; in how many the",
        "method with the larger H has the better one.",
        "",
        *_aligned([*header, *part.signs], rows),
    ]


def _cell(correlation: Correlation) -> str:
    if np.isnan(correlation.rho):
        return "-"
    return f"{correlation.rho:.2f} [{correlation.low:.2f}, {correlation.high:.2f}]"


def _aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table that can be read as text too."""
    every = [list(header), *map(list, rows)]
    widths = [max(len(row[i]) for row in every) for i in range(len(header))]
    lines = [" | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in every]
    rule = " | ".join("-" * width for width in widths)
    return [f"| {line} |" for line in [lines[0], rule, *lines[1:]]]
