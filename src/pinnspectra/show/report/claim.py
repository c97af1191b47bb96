"""The claim of a sweep: what its numbers say of the methods, in a sentence and no more.

Methods are compared by pairs of members that share every setting but the method (runs/pairs.py), so
that nothing else can be the cause of what the page says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from pinnspectra.runs.pairs import Pair, method_pairs
from pinnspectra.runs.quantities import QUANTITIES
from pinnspectra.runs.record import Run
from pinnspectra.show.report.words import counted, listed, number

ERRORS = (
    "relative_training_error_ad",
    "loss_interior_ad64",
    "relative_training_error",
    "relative_l2_error",
    "loss",
)
"""What is compared: the first that both runs of a pair have."""

OF_SOLVES = "relative_training_error_ad"
"""The error that random feature models alone have."""

MOST = 3
"""Comparisons that are told one by one."""

ALIKE = 0.005
"""Relative difference below which two numbers are told as the same."""


def claim(runs: Sequence[Run]) -> list[str]:
    """Return what the numbers say, a sentence for each problem and method, and what they leave out.

    Training runs come before solves; the runs that are not finished are left out.
    """
    groups: dict[tuple[str, str, str, str], list[Pair]] = {}
    for pair in method_pairs(runs):
        both = (e for e in ERRORS if all((row[e] or 0) > 0 for row in (pair.ad, pair.fd)))
        if pair.finished and (error := next(both, "")):
            names = str(pair.ad["pde"]), pair.reference, pair.other, error
            groups.setdefault(names, []).append(pair)
    ordered = sorted(groups, key=lambda names: names[-1] == OF_SOLVES)
    told = [_comparison(*names, groups[names]) for names in ordered]
    if len(told) > MOST:
        told[MOST:] = [f"{counted(len(told) - MOST, 'more comparison')}: see the table."]
    return [*(told or [_plain(runs)]), *_left_out(runs)]


def _comparison(pde: str, base: str, other: str, error: str, pairs: Sequence[Pair]) -> str:
    """Compare the errors by their ratio, and the entropies where both have one."""
    ratios = [pair.fd[error] / pair.ad[error] for pair in pairs]
    of_pairs = f" (median of {len(pairs)} pairs, {number(min(ratios))} to {number(max(ratios))})"
    size = f"{number(median(ratios))} times {base}'s{of_pairs if len(pairs) > 1 else ''}"
    if max(abs(ratio - 1) for ratio in ratios) < ALIKE:
        size = f"the same as {base}'s within {100 * ALIKE:g} %"
    steps = {row["step"] for pair in pairs for row in (pair.ad, pair.fd)}
    same = len(steps) == 1 and None not in steps
    after = f" after {number(steps.pop())} gradient steps" if same else ""
    on = f"With random features on {pde}" if error == OF_SOLVES else f"On {pde}"
    words = f"{other}'s {QUANTITIES[error].words} is {size}{_entropies(base, other, pairs)}"
    return f"{on}{after}, {words}."


def _entropies(base: str, other: str, pairs: Sequence[Pair]) -> str:
    """Compare the entropies, with what speaks against it."""
    H = "truncated_entropy"
    both = [pair for pair in pairs if None not in (pair.ad[H], pair.fd[H])]
    if not both:
        return ""
    first, second = (number(median(getattr(p, which)[H] for p in both)) for which in ("ad", "fd"))
    each = f"{first} ({base}) against {second} ({other})"
    values = f"{first} for both" if first == second else each
    differ = any(pair.ad["cutoff"] != pair.fd["cutoff"] for pair in both)
    noisy = any(row["cutoff_below_precision"] for p in both for row in (p.ad, p.fd))
    doubts = [", at cut-offs that differ"] if differ else []
    doubts += [", at a cut-off below the precision, so that it may be noise"] if noisy else []
    return f"; {'median ' if len(both) > 1 else ''}truncated entropy is {values}{''.join(doubts)}"


def _plain(runs: Sequence[Run]) -> str:
    """Describe the runs, where no two can be compared."""
    rows = [row for run in runs for row in run.rows]
    done = [row for row in rows if row["status"] == "finished"]
    methods, problems = ({str(r[k]): 0 for r in rows if r[k]} for k in ("method", "pde"))
    what = f"{counted(len(runs), 'run')} of {listed([*methods])} on {listed([*problems])}"
    found = {e: [row[e] for row in done if row[e] is not None] for e in ERRORS}
    error, values = next(((e, some) for e, some in found.items() if some), ("", []))
    if not values:
        return f"{what}: none has come to an end."
    if len({row["method"] for row in done}) > 1:
        what += ", no two finished ones that differ in the method alone"
    if len(values) == 1:
        return f"{what}: {QUANTITIES[error].words} {number(values[0])}."
    low, high, middle = (number(f(values)) for f in (min, max, median))
    return f"{what}: {QUANTITIES[error].words} from {low} to {high}, median {middle}."


def _left_out(runs: Sequence[Run]) -> list[str]:
    """Return how many runs did not finish, and that they are in no comparison."""
    counts = Counter(str(row["status"]) for run in runs for row in run.rows)
    what = counted(counts.total(), "member" if counts.total() > len(runs) else "run")
    told = listed([f"{n} {status}" for status, n in counts.items() if status != "finished"])
    return [f"Of {what} {told}: in no comparison."] if set(counts) - {"finished"} else []
