"""outputs/paper/table.md: every printed number beside ours, the readings, and the claims."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pinnspectra.runs.folder import written_whole
from pinnspectra.studies.paper.claims import Claim, claims
from pinnspectra.studies.paper.learning_rates import HEADER, rate_rows
from pinnspectra.studies.paper.markdown import number, spread, table
from pinnspectra.studies.paper.prediction import HEADER as PREDICTION
from pinnspectra.studies.paper.prediction import prediction_rows
from pinnspectra.studies.paper.printed import PRINTED, Printed
from pinnspectra.studies.paper.readings import KERNELS, Reading, nearest, readings
from pinnspectra.studies.paper.verdicts import REPRODUCED, is_ordered, is_reproduced, verdict

NEAREST = 3
"""Readings of a pair that the second table has, beside the first of each kind."""

NUMBERS = """## Every printed number

Truncated entropies H (Definition 2, natural logarithm), of the singular values of A in float64 and
of the eigenvalues of G in float32 at the end of training. Ours: median and range of the seeds, at
the settings that the paper prints. A number is *reproduced* if it is inside the range of ours or
within 10 % of their median; *same ordering* means that only AD and FD are in the printed order. The
last two columns are of the nearest of the readings in the next table, where it is not the first.
The paper does not print the M = N of Fig. 3: 400 is ours.
"""

READINGS = """## What the paper leaves open

Readings of each pair, the nearest first, and the first, which is that of the table above. The
factor is the larger of those that lie between the medians and the printed numbers of AD and FD.
"""

PREDICTED = """## Rounding, predicted

The entropies of A by FD, of the runs of the first table, as they are foretold without a difference
being taken ([rounding.md](rounding.md)): in exact arithmetic, where FD has AD's entropy; by the law
of the rounding floor, from dtype, stencil, step, points and features; and with rounding emulated,
which knows the order of summation and the nodes that neighbours share.
"""

CLAIMS = """## The claims

Alike means within 10 %; one quantity follows another from a Spearman coefficient of 0.5 on; FD is
slower where its true loss (interior, by AD in float64) at the end is 1.1 times AD's. Each method
is taken at its best learning rate. A true error is that of the same solution by AD in float64.
"""


RATES = """## Learning rates

Of each network experiment that which is shown has the least median loss at the end, of those at
which fewer members diverged than did not. Diverged members are left out.
"""


def write_table(folder: Path) -> Path:
    """Write table.md from the finished experiments under a folder."""
    found = {p.figure: readings(p, folder) for p in PRINTED}
    measured = claims(folder)
    trained = [name for of_figure in KERNELS.values() for name in of_figure]
    text = "\n".join([
        NUMBERS, _numbers(found), "", _counts(found), "", *_reasons(found), "",
        READINGS, _readings(found), "",
        PREDICTED, table(PREDICTION, list(prediction_rows(folder))), "",
        CLAIMS, _summary(measured), "", _claims(measured), "",
        RATES, table(HEADER, list(rate_rows(folder, trained))), "",
    ])  # fmt: skip
    path = folder / "table.md"
    with written_whole(path) as file:
        file.write(text.encode())
    return path


def _numbers(found: dict[str, list[Reading]]) -> str:
    header = [
        "Fig.",
        "H of",
        "method",
        "paper",
        "ours",
        "ratio",
        "verdict",
        "nearest reading",
        "verdict",
    ]
    rows = [row for p in PRINTED for row in _number_rows(p, found[p.figure])]
    return table(header, rows)


def _number_rows(printed: Printed, found: list[Reading]) -> list[list[str]]:
    first, other = found[0], nearest(found, printed.entropy)
    rows = []
    for method, value in printed.entropy.items():
        ours = first.entropy[method]
        again = ["", ""]
        if other is not first:
            there = other.entropy[method]
            again = [spread(there), verdict(method, printed.entropy, other.entropy)]
        rows.append([
            printed.figure,
            f"{printed.matrix}, {printed.pde}, a = {printed.cutoff:g}",
            method.upper(),
            number(value),
            spread(ours),
            f"{np.median(ours) / value:.2f}",
            verdict(method, printed.entropy, first.entropy),
            *again,
        ])  # fmt: skip
    return rows


def _counts(found: dict[str, list[Reading]]) -> str:
    """How many numbers are reproduced at the printed settings, and in the nearest reading."""
    first = {p.figure: found[p.figure][0] for p in PRINTED}
    best = {p.figure: nearest(found[p.figure], p.entropy) for p in PRINTED}
    as_printed, at_best = (
        sum(
            is_reproduced(p.entropy[m], of[p.figure].entropy[m]) for p in PRINTED for m in p.entropy
        )
        for of in (first, best)
    )
    total = sum(len(p.entropy) for p in PRINTED)
    return (
        f"Reproduced: {as_printed} of {total} at the settings that the paper prints, {at_best} in "
        f"the nearest reading of each pair."
    )


def _reasons(found: dict[str, list[Reading]]) -> list[str]:
    """Why ours differ, of each pair that has a number which is not reproduced."""
    return [
        f"- Fig. {p.figure} ({p.source}): {p.reason}"
        for p in PRINTED
        if not all(is_reproduced(p.entropy[m], found[p.figure][0].entropy[m]) for m in p.entropy)
    ]


def _readings(found: dict[str, list[Reading]]) -> str:
    rows = []
    for printed in PRINTED:
        every = sorted(found[printed.figure], key=lambda r: r.factor(printed.entropy))
        shown = [*every[:NEAREST], found[printed.figure][0]]
        for reading in dict.fromkeys(shown):
            H = reading.entropy
            both = all(verdict(m, printed.entropy, H) == REPRODUCED for m in H)
            both = both and is_ordered(printed.entropy, H)
            place = f"{every.index(reading) + 1} of {len(every)}"
            said = [spread(H[m]) for m in ("ad", "fd")]
            factor = number(reading.factor(printed.entropy))
            rows.append([printed.figure, reading.label, *said, factor, place,
                         "both reproduced" if both else ""])  # fmt: skip
    return table(["Fig.", "reading", "AD", "FD", "factor", "nearest", ""], rows)


def _summary(measured: Sequence[Claim]) -> str:
    """Where each claim holds, and where it does not."""
    rows = []
    for claim in dict.fromkeys(c.claim for c in measured):
        cases = [c for c in measured if c.claim == claim]
        held = "; ".join(c.case for c in cases if c.holds) or "nowhere"
        failed = "; ".join(c.case for c in cases if not c.holds) or "nowhere"
        rows.append([claim, f"{sum(c.holds for c in cases)} of {len(cases)}", held, failed])
    return table(["claim", "", "holds for", "does not hold for"], rows)


def _claims(measured: Sequence[Claim]) -> str:
    order = list(dict.fromkeys(c.claim for c in measured))
    by_claim = sorted(measured, key=lambda c: order.index(c.claim))
    rows = [[c.claim, c.case, c.measured, c.verdict] for c in by_claim]
    return table(["claim", "case", "measured", "verdict"], rows)
