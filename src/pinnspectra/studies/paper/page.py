"""The tables of the paper, outputs/paper/table.md, and docs/paper.md, which has the figures too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from shutil import copy

import numpy as np
from PIL import Image

from pinnspectra.runs.folder import written_whole
from pinnspectra.studies.markdown import median, number, spread, table
from pinnspectra.studies.paper.claims import Claim, claims
from pinnspectra.studies.paper.figures import FIGURES
from pinnspectra.studies.paper.members import trainings
from pinnspectra.studies.paper.prediction import prediction_table
from pinnspectra.studies.paper.printed import PRINTED, REPRODUCED, Printed
from pinnspectra.studies.paper.readings import KERNELS, Reading, nearest, readings

NEAREST = 3
"""Readings of a pair that the table of readings has, beside the first."""

Found = Sequence[tuple[Printed, list[Reading]]]
"""The printed pairs, each with its readings."""


def write_table(folder: Path) -> Path:
    """Write table.md from the finished experiments under a folder."""
    found = [(printed, readings(printed, folder)) for printed in PRINTED]
    by_claim: dict[str, list[Claim]] = {}
    for one in claims(folder):
        by_claim.setdefault(one.claim, []).append(one)
    return _write(
        folder / "table.md",
        numbers=_numbers(found),
        counts=_counts(found),
        reasons=_reasons(found),
        readings=_readings(found),
        predicted=prediction_table(folder),
        summary=_summary(by_claim),
        claims=_claims(by_claim),
        rates=_learning_rates(folder),
    )


def write_page(folder: Path, docs: Path) -> Path:
    """Write docs/paper.md and docs/paper/ from the table and the figures in a folder."""
    pictures = docs / "paper"
    pictures.mkdir(parents=True, exist_ok=True)
    figures = []
    for name, figure in FIGURES.items():
        with Image.open(folder / f"{name}.png") as image:  # 256 colours: a third of the size
            image.convert("RGB").quantize(256).save(pictures / f"{name}.png", optimize=True)
        copy(folder / f"{name}.pdf", pictures / f"{name}.pdf")
        picture = f"![{figure.title}](paper/{name}.png)"
        figures.append(f"{picture}\n\n[{name}.pdf](paper/{name}.pdf) for print")
    text = (folder / "table.md").read_text().rstrip()
    return _write(docs / "paper.md", "page.md", table=text, figures="\n\n".join(figures))


def _write(path: Path, template: str = "table.md", **parts: str) -> Path:
    """Write one of the templates beside this file with its parts."""
    text = Path(__file__).with_name(template).read_text()
    with written_whole(path) as file:
        file.write(text.format(**parts).encode())
    return path


def _numbers(found: Found) -> str:
    rows = []
    for printed, every in found:
        first, other = every[0], nearest(every, printed.entropy)
        matrix = f"{printed.matrix}, {printed.pde}, a = {printed.cutoff:g}"
        for method, value in printed.entropy.items():
            H = first.entropy[method]
            row = [printed.figure, matrix, method.upper(), number(value), spread(H)]
            row += [f"{np.median(H) / value:.2f}", printed.verdict(method, first.entropy)]
            again = [spread(other.entropy[method]), printed.verdict(method, other.entropy)]
            rows.append(row + (["", ""] if other is first else again))
    header = ["Fig.", "H of", "method", "paper", "ours", "ratio", "verdict"]
    return table([*header, "nearest reading", "verdict"], rows)


def _counts(found: Found) -> str:
    """Tell how many numbers are reproduced at the printed settings and in the nearest reading."""
    as_printed, at_best, total = 0, 0, 0
    for printed, every in found:
        best = nearest(every, printed.entropy)
        for method in printed.entropy:
            as_printed += printed.is_reproduced(method, every[0].entropy)
            at_best += printed.is_reproduced(method, best.entropy)
            total += 1
    settings = f"{as_printed} of {total} at the settings that the paper prints"
    return f"Reproduced: {settings}, {at_best} in the nearest reading of each pair."


def _reasons(found: Found) -> str:
    """Tell why ours differ, of each pair with a number that is not reproduced."""
    return "\n".join(
        f"- Fig. {p.figure} ({p.source}): {p.reason}"
        for p, every in found
        if not all(p.is_reproduced(method, every[0].entropy) for method in p.entropy)
    )


def _readings(found: Found) -> str:
    rows = []
    for printed, every in found:
        ranked = sorted(every, key=lambda r: r.factor(printed.entropy))
        for reading in dict.fromkeys([*ranked[:NEAREST], every[0]]):
            H = reading.entropy
            both = {printed.verdict(m, H) for m in H} == {REPRODUCED} and printed.is_ordered(H)
            row = [printed.figure, reading.label, spread(H["ad"]), spread(H["fd"])]
            row += [number(reading.factor(printed.entropy))]
            row += [f"{ranked.index(reading) + 1} of {len(every)}", "both reproduced" * both]
            rows.append(row)
    return table(["Fig.", "reading", "AD", "FD", "factor", "nearest", ""], rows)


def _summary(by_claim: Mapping[str, list[Claim]]) -> str:
    """Tell where each claim holds, and where it does not."""
    rows = []
    for claim, cases in by_claim.items():
        held = [c.case for c in cases if c.holds]
        failed = [c.case for c in cases if not c.holds]
        lists = ["; ".join(of) or "nowhere" for of in (held, failed)]
        rows.append([claim, f"{len(held)} of {len(cases)}", *lists])
    return table(["claim", "", "holds for", "does not hold for"], rows)


def _claims(by_claim: Mapping[str, list[Claim]]) -> str:
    rows = [
        [c.claim, c.case, c.measured, "holds" if c.holds else "does not hold"]
        for cases in by_claim.values()
        for c in cases
    ]
    return table(["claim", "case", "measured", "verdict"], rows)


def _learning_rates(folder: Path) -> str:
    """Tell how many members diverged, and which rate is shown, the largest rate first."""
    rows = []
    for name in chain(*KERNELS.values()):
        for method, every in trainings(folder / name).items():
            best = every.best()
            for rate in every.rates[::-1]:
                left = every.at_rate(rate)
                size, loss = len(left.members), left.metric("loss")[-1]
                counts = [f"{rate:g}", str(size + left.lost), str(left.lost)]
                shown = "shown" if best and best.rates[0] == rate else ""
                rows.append([name, method, *counts, median(loss) if size else "-", shown])
    header = ["experiment", "method", "learning rate", "members", "diverged", "median loss", ""]
    return table(header, rows)
