"""The tables of the paper, outputs/paper/table.md, and docs/paper.md, which has the figures too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

Found = Mapping[str, list[Reading]]
"""The readings of each printed pair by its figure."""


def write_table(folder: Path) -> Path:
    """Write table.md from the finished experiments under a folder."""
    found = {p.figure: readings(p, folder) for p in PRINTED}
    measured = claims(folder)
    return _write(
        folder / "table.md",
        numbers=_numbers(found),
        counts=_counts(found),
        reasons="\n".join(_reasons(found)),
        readings=_readings(found),
        predicted=prediction_table(folder),
        summary=_summary(measured),
        claims=_claims(measured),
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
    header = ["Fig.", "H of", "method", "paper", "ours", "ratio", "verdict"]
    rows = [row for p in PRINTED for row in _number_rows(p, found[p.figure])]
    return table([*header, "nearest reading", "verdict"], rows)


def _number_rows(printed: Printed, found: list[Reading]) -> Iterator[list[str]]:
    first, other = found[0], nearest(found, printed.entropy)
    matrix = f"{printed.matrix}, {printed.pde}, a = {printed.cutoff:g}"
    for method, value in printed.entropy.items():
        yield [
            printed.figure,
            matrix,
            method.upper(),
            number(value),
            spread(first.entropy[method]),
            f"{np.median(first.entropy[method]) / value:.2f}",
            printed.verdict(method, first.entropy),
            spread(other.entropy[method]) if other is not first else "",
            printed.verdict(method, other.entropy) if other is not first else "",
        ]


def _counts(found: Found) -> str:
    """Tell how many numbers are reproduced at the printed settings and in the nearest reading."""
    first = [(p, found[p.figure][0]) for p in PRINTED]
    best = [(p, nearest(found[p.figure], p.entropy)) for p in PRINTED]
    as_printed, at_best = (
        sum(p.is_reproduced(method, of.entropy) for p, of in pairs for method in p.entropy)
        for pairs in (first, best)
    )
    total = sum(len(p.entropy) for p in PRINTED)
    settings = f"{as_printed} of {total} at the settings that the paper prints"
    return f"Reproduced: {settings}, {at_best} in the nearest reading of each pair."


def _reasons(found: Found) -> list[str]:
    """Tell why ours differ, of each pair with a number that is not reproduced."""
    return [
        f"- Fig. {p.figure} ({p.source}): {p.reason}"
        for p in PRINTED
        if not all(p.is_reproduced(method, found[p.figure][0].entropy) for method in p.entropy)
    ]


def _readings(found: Found) -> str:
    rows = []
    for printed in PRINTED:
        every = sorted(found[printed.figure], key=lambda r: r.factor(printed.entropy))
        for reading in dict.fromkeys([*every[:NEAREST], found[printed.figure][0]]):
            H = reading.entropy
            both = {printed.verdict(m, H) for m in H} == {REPRODUCED} and printed.is_ordered(H)
            rows.append([
                printed.figure,
                reading.label,
                spread(H["ad"]),
                spread(H["fd"]),
                number(reading.factor(printed.entropy)),
                f"{every.index(reading) + 1} of {len(every)}",
                "both reproduced" if both else "",
            ])  # fmt: skip
    return table(["Fig.", "reading", "AD", "FD", "factor", "nearest", ""], rows)


def _summary(measured: Sequence[Claim]) -> str:
    """Tell where each claim holds, and where it does not."""
    rows = []
    for claim, cases in _by_claim(measured).items():
        held = [c.case for c in cases if c.holds]
        failed = [c.case for c in cases if not c.holds]
        lists = ["; ".join(of) or "nowhere" for of in (held, failed)]
        rows.append([claim, f"{len(held)} of {len(cases)}", *lists])
    return table(["claim", "", "holds for", "does not hold for"], rows)


def _claims(measured: Sequence[Claim]) -> str:
    every = [c for cases in _by_claim(measured).values() for c in cases]
    rows = [[c.claim, c.case, c.measured, c.verdict] for c in every]
    return table(["claim", "case", "measured", "verdict"], rows)


def _by_claim(measured: Sequence[Claim]) -> dict[str, list[Claim]]:
    names = dict.fromkeys(c.claim for c in measured)
    return {name: [c for c in measured if c.claim == name] for name in names}


def _learning_rates(folder: Path) -> str:
    """Tell how many members diverged, and which rate is shown, the largest rate first."""
    rows = []
    for name in [name for of_figure in KERNELS.values() for name in of_figure]:
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
