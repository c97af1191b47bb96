"""The page: what it says in words and tables, put into page.html."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pinnspectra.runs.found import versions_note
from pinnspectra.runs.pairs import method_pairs
from pinnspectra.show.figures import method_colour
from pinnspectra.show.figures.glance import FEW_LISTED, colour_scale
from pinnspectra.show.report import charts, solutions, table
from pinnspectra.show.report.claim import claim, counted, listed
from pinnspectra.show.report.commands import command, sweep_commands
from pinnspectra.show.report.contents import Curves, Shown
from pinnspectra.show.report.differences import differences, grouped, settings
from pinnspectra.show.report.pictures import MOST, pictures

HERE = Path(__file__).parent

SCRIPT = (
    "state",
    "colours",
    "numbers",
    "drawing",
    "losses",
    "spectra",
    "entropy",
    "truncation",
    "table",
)
"""The parts of the page's script: each uses what those before it define."""

FEW_COLUMNS = 8
"""Runs that have a column each in the table of differences."""


def page(folder: Path, runs: Sequence[Shown], numbered: Sequence[str]) -> str:
    """The report of the runs under a folder as one HTML page that needs no other file.

    Args:
        folder: what the runs are under.
        runs: the runs.
        numbered: the folders of the sweeps whose numbers are in the runs' titles.
    """
    curves = charts.curves_of(runs)
    pair = _pair(runs, curves)
    data = charts.chart_data(runs, pair)
    still = pictures(data)
    first = {
        c.run: one["colour"] for c, one in reversed([*zip(curves, data["curves"], strict=True)])
    }
    known = {i: shown.run for i, shown in enumerate(runs)}
    differing = differences({i: settings(r.config) for i, r in known.items() if r.config})
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=_title(runs),
            place=folder.absolute().name,
            summary=_summary(runs),
            claims=claim(list(known.values())),
            notes=_notes(folder, runs),
            columns=table.columns(runs),
            texts=table.TEXTS,
            shared=table.shared(runs),
            names=table.NAMES,
            meanings=table.MEANINGS,
            rows=table.rows(runs, folder),
            unfinished=table.unfinished(runs),
            methods={method: method_colour(method) for method in charts.methods_of(runs)},
            drawn=MOST,
            listed=FEW_LISTED,
            of=[c.spectra.matrix for c in curves if c.spectra],
            data=data,
            still=still,
            problems=solutions.problems(runs, [first.get(i, "#555555") for i in known]),
            scales={name: colour_scale(name) for name in ("viridis", "RdBu_r")},
            differing=differing.keys,
            of_some=differing.of_some,
            made=grouped({i: _made(run.result) for i, run in known.items() if _made(run.result)}),
            titles=[shown.title or shown.run.name for shown in runs],
            few=len(runs) <= FEW_COLUMNS,
            commands=[(shown.run.name, command(shown.run)) for shown in runs],
            numbered=numbered,
            sweeps=sweep_commands(folder, list(known.values())),
            who=_who,
            counted=counted,
            style=Markup((HERE / "page.css").read_text()),
            script=Markup(_script()),
            library=Markup(_library()),
            scripts=Markup(" ".join(map(_allowed, (_library(), _script())))),
        )
    )


def _environment() -> Environment:
    """What escapes every text that goes into the page."""
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    return environment


def _library() -> str:
    """Chart.js without the line by which a browser would look for its source map."""
    text = (HERE / "vendor" / "chart.umd.min.js").read_text()
    return text.split("//# sourceMappingURL")[0].replace("</script", r"<\/script")


def _script() -> str:
    """The parts of the page's script, in their order, as one that leaves no names behind."""
    parts = "\n".join((HERE / "script" / f"{name}.js").read_text() for name in SCRIPT)
    return f'"use strict";\n(() => {{\n{parts}}})();'


def _allowed(script: str) -> str:
    """What lets a browser run a script that is in the page, and no other."""
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


def _title(runs: Sequence[Shown]) -> str:
    """The methods and the problems."""
    problems = dict.fromkeys(str(shown.run.result.get("pde")) for shown in runs)
    return f"{listed(charts.methods_of(runs))} on {listed(list(problems))}"


def _summary(runs: Sequence[Shown]) -> list[str]:
    """How many runs and members there are, and how they ended."""
    counts = Counter(str(row["status"]) for shown in runs for row in shown.rows)
    members = sum(counts.values())
    many = [counted(len(runs), "run")]
    many += [counted(members, "member")] if members > len(runs) else []
    return [*many, *(f"{n} {status}" for status, n in counts.items())]


def _pair(runs: Sequence[Shown], curves: Sequence[Curves]) -> tuple[int, int]:
    """The first two curves of runs that differ in the method alone; else the first two."""
    having = [i for i, c in enumerate(curves) if c.spectra]
    by_run = {curves[i].run: i for i in reversed(having)}
    index = {shown.run.name: i for i, shown in enumerate(runs)}
    found = []
    for pair in method_pairs([shown.run for shown in runs]):
        left, right = (by_run.get(index[row["run"]]) for row in (pair.ad, pair.fd))
        if left is not None and right is not None:
            found.append((left, right))
    trained = [pair for pair in found if _has_steps(curves[pair[0]])]
    if found:
        return (trained or found)[0]
    left, right = [*having, *having, 0, 0][:2] if len(having) != 1 else having * 2
    return left, right


def _has_steps(curves: Curves) -> bool:
    return curves.spectra is not None and curves.spectra.matrix == "G"


def _notes(folder: Path, runs: Sequence[Shown]) -> list[str]:
    """What is damaged, and what of many runs the page does not show."""
    said = [line.replace(f"{folder}/", "") for shown in runs for line in shown.run.damage]
    versions = versions_note([shown.run for shown in runs])
    said += [f"{versions[0].upper()}{versions[1:]}."] if versions else []
    solved = sum(shown.solution is not None for shown in runs)
    if solved > solutions.MOST:
        said.append(f"Of {solved} solutions {solutions.MOST} are shown, evenly chosen.")
    members = sum(len(shown.rows) for shown in runs)
    if members > charts.POINTS:
        said.append(f"Of {members} members the first {charts.POINTS} are points of their own.")
    return said


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
