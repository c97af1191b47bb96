"""The claim of a sweep: what its numbers say of the methods, in a sentence and no more.

Methods are compared by pairs of members that share every setting but the method (pairs.py), so that
nothing else can be the cause of what is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from pinnspectra.runs.found import Row, Run
from pinnspectra.runs.numbers import is_number
from pinnspectra.runs.pairs import Pair, method_pairs
from pinnspectra.runs.quantities import QUANTITIES
from pinnspectra.show.report.words import counted, listed, number

ERRORS = (
    "relative_training_error_ad",
    "loss_interior_ad64",
    "relative_training_error",
    "relative_l2_error",
    "loss",
)
"""What is compared: the first that both runs of a pair have."""

OF_SOLVES = ("relative_training_error_ad",)
"""What random feature models alone have."""

MOST = 3
"""Comparisons that are told one by one."""

ALIKE = 0.005
"""Relative difference below which two numbers are told as the same."""


def claim(runs: Sequence[Run]) -> list[str]:
    """What the runs' numbers say, a sentence each for the problems and methods, at most MOST.

    And what they leave out: runs that are not finished.
    """
    groups: dict[tuple[str, str, str, str], list[Pair]] = {}
    for pair in method_pairs(runs):
        error = next((e for e in ERRORS if _positive(pair.ad[e]) and _positive(pair.fd[e])), "")
        if error and pair.finished:
            names = str(pair.ad["pde"]), pair.reference, pair.other
            groups.setdefault((*names, error), []).append(pair)
    ordered = sorted(groups, key=lambda names: names[-1] in OF_SOLVES)  # training runs first
    said = [_comparison(*names, groups[names]) for names in ordered]
    more = len(said) - MOST
    if more > 0:
        said[MOST:] = [f"{more} more comparison{'s' * (more > 1)}: see the table."]
    return [*(said or [_plain(runs)]), *_left_out(runs)]


def _comparison(pde: str, base: str, other: str, error: str, found: Sequence[Pair]) -> str:
    """One sentence: the ratio of the errors, and the entropies where both have one."""
    ratios = [pair.fd[error] / pair.ad[error] for pair in found]
    middle, low, high = median(ratios), min(ratios), max(ratios)
    alike = max(abs(ratio - 1) for ratio in ratios) < ALIKE
    size = "the same as" if alike else f"{number(middle)} times"
    spread = f" (median of {len(found)} pairs, {number(low)} to {number(high)})"
    if alike:
        pairs = {1: "", 2: " in both pairs"}.get(len(found), f" in all {len(found)} pairs")
        spread = f" within {100 * ALIKE:g} %{pairs}"
    elif len(found) == 1:
        spread = ""
    name = f"{other}'s {QUANTITIES[error].words} is {size} {base}'s{spread}"
    on = f"With random features on {pde}" if error in OF_SOLVES else f"On {pde}"
    return f"{on}{_after(found)}, {name}{_entropies(base, other, found)}."


def _after(found: Iterable[Pair]) -> str:
    steps = [row["step"] for pair in found for row in (pair.ad, pair.fd)]
    same = is_number(steps[0]) and all(step == steps[0] for step in steps)
    return f" after {number(steps[0])} gradient steps" if same else ""


def _entropies(base: str, other: str, found: Sequence[Pair]) -> str:
    name = "truncated_entropy"
    both = [p for p in found if is_number(p.ad[name]) and is_number(p.fd[name])]
    if not both:
        return ""
    H, H_other = (median(getattr(p, which)[name] for p in both) for which in ("ad", "fd"))
    words = "median truncated entropy" if len(both) > 1 else "truncated entropy"
    same = all(p.ad["cutoff"] == p.fd["cutoff"] for p in both)
    differ = "" if same else ", at cut-offs that differ"
    noisy = any(p.ad["cutoff_below_precision"] or p.fd["cutoff_below_precision"] for p in both)
    doubt = ", at a cut-off below the precision, so that it may be noise" if noisy else ""
    both_are = f"{number(H)} ({base}) against {number(H_other)} ({other})"
    if number(H) == number(H_other):
        both_are = f"{number(H)} for both"
    return f"; {words} is {both_are}{differ}{doubt}"


def _plain(runs: Sequence[Run]) -> str:
    """What there is, where no two runs can be compared."""
    rows = [row for run in runs for row in run.rows]
    done = [row for row in rows if row["status"] == "finished"]
    methods, problems = (listed(_names(rows, key)) for key in ("method", "pde"))
    what = f"{counted(len(runs), 'run')} of {methods} on {problems}"
    error = next((e for e in ERRORS if any(is_number(row[e]) for row in done)), "")
    if not error:
        return f"{what}: none has come to an end."
    values = [row[error] for row in done if is_number(row[error])]
    if len(values) == 1:
        return f"{what}: {QUANTITIES[error].words} {number(values[0])}."
    low, high, middle = (number(f(values)) for f in (min, max, median))
    several = len(_names(done, "method")) > 1
    alike = ", no two finished ones that differ in the method alone" if several else ""
    return f"{what}{alike}: {QUANTITIES[error].words} from {low} to {high}, median {middle}."


def _names(rows: Iterable[Row], key: str) -> list[str]:
    return list(dict.fromkeys(str(row[key]) for row in rows if row[key] is not None))


def _left_out(runs: Sequence[Run]) -> list[str]:
    """How many runs did not finish, and that they are in no comparison."""
    counts = Counter(
        str(row["status"]) for run in runs for row in run.rows if row["status"] != "finished"
    )
    if not counts:
        return []
    ensembles = any(len(run.rows) > 1 for run in runs)
    what = "members" if ensembles else "runs"
    total = sum(len(run.rows) for run in runs)
    told = listed([f"{n} {status}" for status, n in counts.items()])
    return [f"Of {total} {what} {told}: in no comparison."]


def _positive(value: Any) -> bool:
    return is_number(value) and value > 0
