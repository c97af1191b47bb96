"""The page: what it says in words and tables, put into page.html."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pinnspectra.condensed import ACROSS, standing_for
from pinnspectra.figures import method_colour
from pinnspectra.figures.glance import FEW_LISTED, colour_scale
from pinnspectra.found_runs import Row, versions_note
from pinnspectra.pairs import method_pairs
from pinnspectra.report import charts, solutions
from pinnspectra.report.claim import claim, counted, listed
from pinnspectra.report.commands import command, sweep_commands
from pinnspectra.report.contents import Curves, Shown
from pinnspectra.report.differences import differences, grouped, settings
from pinnspectra.report.pictures import MOST, pictures
from pinnspectra.results import reason

HERE = Path(__file__).parent

MARKS = {"finished": "✓", "diverged": "△", "failed": "✕", "refused": "⊘", "unfinished": "◐"}
"""A shape for each status, so that colour is not all that tells them apart."""

COLUMNS = (
    "run",
    "pde",
    "method",
    "seed",
    "member",
    "learning_rate",
    "status",
    "step",
    "loss_interior_ad64",
    "relative_training_error_ad",
    "relative_l2_error",
    "effective_cutoff",
    "truncated_entropy",
    "loss",
    "loss_interior",
    "relative_training_error",
    "truncation_position",
    "cutoff",
    "steps_per_second",
    "wall_seconds",
)
"""The table's columns, what matters before what does less."""

OF = ("method", "pde")
"""Columns that name what a sweep is of."""

AS_GIVEN = ("learning_rate", "cutoff")
"""Columns whose numbers somebody chose, which have few digits."""

TEXTS = ("run", "pde", "method", "status", "reason")
"""Those that are no numbers."""

FEW_MEMBERS = 20
"""Members of a run that the table has one by one; of more, minimum, median and maximum."""

NAMES = {
    "learning_rate": "learning rate",
    "loss_interior": "believed\N{NO-BREAK SPACE}interior loss",
    "loss_interior_ad64": "true\N{NO-BREAK SPACE}interior loss",
    "relative_training_error": "training error",
    "relative_training_error_ad": "true training error",
    "relative_l2_error": "L2\N{NO-BREAK SPACE}error of\N{NO-BREAK SPACE}u",
    "effective_cutoff": "e",
    "truncated_entropy": "entropy\N{NO-BREAK SPACE}H",
    "truncation_position": "truncated at",
    "steps_per_second": "steps\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}s",
    "wall_seconds": "time in\N{NO-BREAK SPACE}s",
}
"""What the table calls columns."""

MEANINGS = {
    "loss": "the loss that is trained, interior and weighted boundary",
    "loss_interior": "interior loss by the run's own method and precision",
    "loss_interior_ad64": "interior loss of the same parameters by AD in float64",
    "relative_training_error": "|A a - f| / |f|, by the run's method",
    "relative_training_error_ad": "the same by AD in float64",
    "relative_l2_error": "|u - u*| / |u*|",
    "cutoff": "the threshold a of Definitions 1 and 2",
    "effective_cutoff": "effective cut-off number e(a) of Definition 1",
    "truncated_entropy": "truncated entropy H(a) of Definition 2",
}

SHARED = ("pde", "seed", "learning_rate", "step", "cutoff")
"""Columns that are said once where all rows have the same value."""

FEW_COLUMNS = 8
"""Runs that have a column each in the table of differences."""


@dataclass(frozen=True)
class Cell:
    """What a table shows of a value, and the value that it is sorted by."""

    text: str
    value: str
    numeric: bool


def page(folder: Path, runs: Sequence[Shown]) -> str:
    """The report of the runs under a folder as one HTML page that needs no other file."""
    curves = charts.curves_of(runs)
    pair = _pair(runs, curves)
    data = charts.chart_data(runs, pair)
    still = pictures(data)
    first = {
        c.run: one["colour"] for c, one in reversed([*zip(curves, data["curves"], strict=True)])
    }
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    known = {i: shown.run for i, shown in enumerate(runs)}
    return environment.get_template("page.html").render(
        title=_title(runs),
        place=folder.absolute().name,
        summary=_summary(runs),
        claims=claim(list(known.values())),
        notes=_notes(folder, runs),
        columns=_columns(runs),
        texts=TEXTS,
        shared=_shared(runs),
        names=NAMES,
        meanings=MEANINGS,
        rows=_rows(runs, folder),
        unfinished=_unfinished(runs),
        methods=_methods(runs),
        drawn=MOST,
        listed=FEW_LISTED,
        of=[c.spectra.matrix for c in curves if c.spectra],
        data=data,
        still=still,
        problems=solutions.problems(runs, [first.get(i, "#555555") for i in known]),
        scales={name: colour_scale(name) for name in ("viridis", "RdBu_r")},
        differing=differences({i: settings(run.config) for i, run in known.items() if run.config}),
        made=grouped({i: _made(run.result) for i, run in known.items() if _made(run.result)}),
        titles=[shown.title or shown.run.name for shown in runs],
        few=len(runs) <= FEW_COLUMNS,
        commands=[(shown.run.name, command(shown.run)) for shown in runs],
        sweeps=sweep_commands(folder, list(known.values())),
        who=_who,
        counted=counted,
        style=Markup((HERE / "page.css").read_text()),
        script=Markup((HERE / "page.js").read_text()),
        library=Markup(_library()),
    )


def _library() -> str:
    """Chart.js without the line by which a browser would look for its source map."""
    text = (HERE / "vendor" / "chart.umd.min.js").read_text()
    return text.split("//# sourceMappingURL")[0].replace("</script", r"<\/script")


def _title(runs: Sequence[Shown]) -> str:
    """The methods and the problems."""
    rows = [row for shown in runs for row in shown.rows]
    methods, problems = (listed(list(dict.fromkeys(str(row[c]) for row in rows))) for c in OF)
    return f"{methods} on {problems}"


def _summary(runs: Sequence[Shown]) -> list[str]:
    """How many runs and members there are, and how they ended."""
    counts = Counter(str(row["status"]) for shown in runs for row in shown.rows)
    members = sum(counts.values())
    many = [counted(len(runs), "run")]
    many += [counted(members, "member")] if members > len(runs) else []
    return [*many, *(f"{n} {status}" for status, n in counts.items())]


def _methods(runs: Sequence[Shown]) -> dict[str, str]:
    return {shown.method: method_colour(shown.method) for shown in runs}


def _pair(runs: Sequence[Shown], curves: Sequence[Curves]) -> tuple[int, int]:
    """The first two curves of runs that differ in the method alone; else the first two."""
    having = [i for i, c in enumerate(curves) if c.spectra]
    by_run = {curves[i].run: i for i in reversed(having)}
    index = {shown.run.name: i for i, shown in enumerate(runs)}
    for pair in method_pairs([shown.run for shown in runs]):
        both = [by_run.get(index[row["run"]]) for row in (pair.ad, pair.fd)]
        if both[0] is not None and both[1] is not None:
            return both[0], both[1]
    left, right = [*having, *having, 0, 0][:2] if len(having) != 1 else having * 2
    return left, right


def _notes(folder: Path, runs: Sequence[Shown]) -> list[str]:
    """What is damaged, and what of many runs the page does not show."""
    said = [line.replace(f"{folder}/", "") for shown in runs for line in shown.run.damage]
    versions = versions_note([shown.run for shown in runs])
    said += [f"{versions[0].upper()}{versions[1:]}."] if versions else []
    solved = sum(shown.solution is not None for shown in runs)
    if solved > solutions.MOST:
        said.append(f"Of {solved} solutions the first {solutions.MOST} are shown.")
    members = sum(len(shown.rows) for shown in runs)
    if members > charts.POINTS:
        said.append(f"Of {members} members the first {charts.POINTS} are points of their own.")
    return said


def _columns(runs: Sequence[Shown]) -> list[str]:
    """The columns that a row has a value of, and why runs are not finished."""
    rows = [row for shown in runs for row in shown.rows]
    ensembles = any(len(shown.rows) > 1 for shown in runs)
    known = [c for c in COLUMNS if any(row[c] is not None for row in rows)]
    left_out = {*_shared(runs), *(() if ensembles else ("member",))}
    unfinished = not all(shown.run.finished for shown in runs)
    return [*(c for c in known if c not in left_out), *(["reason"] if unfinished else [])]


def _shared(runs: Sequence[Shown]) -> dict[str, str]:
    """What all rows of several have in common, as text by column."""
    rows = [row for shown in runs for row in shown.rows]
    same = [c for c in SHARED if all(row[c] == rows[0][c] for row in rows)]
    return {c: cell(rows[0][c], c).text for c in same if rows[0][c] is not None and len(rows) > 1}


def _rows(runs: Sequence[Shown], folder: Path) -> list[dict[str, Any]]:
    """The table's rows: the run's index and folder, its colour, and a cell for each column."""
    columns = _columns(runs)
    found = []
    for i, shown in enumerate(runs):
        for row in _condensed(shown.rows):
            kinds = [kind for kind in MARKS if kind in str(row["status"])] or ["unfinished"]
            finished = kinds == ["finished"]
            values = row | {"run": shown.title, "reason": None if finished else reason(shown.run)}
            found.append(
                {
                    "run": i,
                    "href": quote(str(shown.run.path.relative_to(folder))) + "/",
                    "color": method_colour(shown.method),
                    "finished": finished,
                    "mark": MARKS[kinds[-1]],
                    "also": " ".join(shown.run.overrides),
                    "cells": {c: cell(values[c], c) for c in columns},
                }
            )
    return found


def _condensed(rows: Sequence[Row]) -> Sequence[Row]:
    return rows if len(rows) <= FEW_MEMBERS else standing_for(rows, tuple(ACROSS))


def _unfinished(runs: Sequence[Shown]) -> list[tuple[str, str]]:
    """The runs that are not finished, each with the reason."""
    missing = [shown for shown in runs if not shown.run.finished]
    return [(shown.title or shown.run.name, reason(shown.run)) for shown in missing]


def cell(value: Any, column: str = "") -> Cell:
    """A value as the table shows it: numbers with four digits, and all of them to sort by."""
    if value is None:
        return Cell("\N{EN DASH}", "", False)
    if isinstance(value, float) and math.isfinite(value):
        text = f"{value:g}" if column in AS_GIVEN else f"{value:#.4g}".rstrip(".")
        return Cell(text, repr(value), True)
    if isinstance(value, int) and not isinstance(value, bool):
        return Cell(str(value), str(value), True)
    return Cell(str(value), str(value), False)


def breakable(text: str) -> Markup:
    """A text that may go on in a new line where a list or a path does."""
    parts = re.split(r"(?<=[,/_ ])", text)
    return Markup("<wbr>").join(parts)


def _made(result: Mapping[str, Any]) -> dict[str, str]:
    """What a result says of the versions and the machine that it was made by."""
    found = {}
    for name in ("versions", "machine"):
        section = result.get(name)
        if isinstance(section, Mapping):
            found |= {str(key): str(value) for key, value in section.items()}
    return found


def _who(runs: Sequence[int], total: int, titles: Sequence[str]) -> str:
    """Which runs have a value: by name where they are few."""
    if len(runs) == total:
        return "all runs"
    return "; ".join(titles[i] for i in runs) if len(runs) <= 2 else counted(len(runs), "run")
