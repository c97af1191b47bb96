"""The page: what it says in words and tables, and its charts, put into page.html."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from os.path import relpath
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pinnspectra.runs.folder import SWEEP
from pinnspectra.runs.found import versions_note
from pinnspectra.runs.pairs import method_pairs
from pinnspectra.runs.record import Run
from pinnspectra.show.figures import method_colour
from pinnspectra.show.report import charts, solutions, table
from pinnspectra.show.report.claim import claim
from pinnspectra.show.report.commands import command, sweep_commands
from pinnspectra.show.report.curves import Curve, curves_of, methods_of, points_of
from pinnspectra.show.report.settings import differences, grouped, settings
from pinnspectra.show.report.words import counted, listed
from pinnspectra.show.tables.overview import titles
from pinnspectra.show.tables.text import shortened

HERE = Path(__file__).parent

VENDOR = ("vega", "vega-lite", "vega-interpreter")
"""The libraries of the page, which nothing of them evaluates."""

SCRIPTS = ("charts", "spectra", "table")
"""The parts of the page's own script: each uses what those before it define."""

POINTS = 4_000
"""Members that have a point of their own."""

LONGEST_NAME = 48
"""Characters of the name of a folder."""


def page(folder: Path, runs: Sequence[Run]) -> str:
    """Return the report of the runs under a folder as one HTML page that needs no other file."""
    names, numbered = _names(folder, runs)
    curves, measures = curves_of(runs, names), table.measures(runs)
    points = points_of(runs, names, curves, [*measures])[:POINTS]
    pair = _pair(runs, curves)
    definitions = charts.definitions(curves, points, [*measures])
    data = {"curves": curves, "points": points, "pair": pair, "charts": definitions}
    scripts = [*map(_library, VENDOR), _script()]
    versions = {i: found for i, run in enumerate(runs) if (found := _versions(run.result))}
    configured = {i: settings(run.config) for i, run in enumerate(runs) if run.config}
    differing, of_some = differences(configured)
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=f"{listed(methods_of(runs))} on {listed([*dict.fromkeys(r.pde for r in runs)])}",
            place=folder.absolute().name,
            summary=_summary(runs),
            claims=claim(runs),
            notes=_notes(folder, runs),
            folder=folder,
            runs=runs,
            table=table.table(runs, names),
            unfinished=[(n, r.reason) for n, r in zip(names, runs, strict=True) if r.reason],
            methods={method: method_colour(method) for method in methods_of(runs)},
            drawn=charts.MOST,
            listed=charts.FEW,
            of_steps=any(c["spectrum"] and c["spectrum"]["of"] == "eigenvalue" for c in curves),
            data=data,
            measures=measures,
            still=charts.pictures(curves, points, pair, definitions),
            problems=solutions.problems(runs, names, {c["run"]: c["colour"] for c in curves}),
            scales=solutions.SCALES,
            differing=differing,
            of_some=of_some,
            made=grouped(versions),
            names=names,
            commands=[(run.name, command(run)) for run in runs],
            numbered=numbered,
            sweeps=sweep_commands(folder, runs),
            who=_who,
            style=Markup((HERE / "page.css").read_text()),
            scripts=[Markup(script) for script in scripts],
            allowed=Markup(" ".join(map(_allowed, scripts))),
        )
    )


def _names(folder: Path, runs: Sequence[Run]) -> tuple[list[str], list[str]]:
    """Return the names of the runs under a folder, and the sweeps that are numbered in them.

    In one sweep the overrides that set a run apart; of several sweeps with the number of its sweep.
    A run of no sweep is called by its folder.
    """
    parents = dict.fromkeys(run.path.parent for run in runs)
    sweeps = [parent for parent in parents if (parent / SWEEP).exists()]
    if len(parents) == len(sweeps) == 1:
        return titles(runs), []
    found = {run.path: shortened(run.path.name, LONGEST_NAME) for run in runs}
    for number, sweep in enumerate(sweeps, 1):
        own = [run for run in runs if run.path.parent == sweep]
        named = zip(own, titles(own), strict=True)
        found |= {run.path: f"{number} · {title}" for run, title in named}
    return [found[run.path] for run in runs], [relpath(sweep, folder) for sweep in sweeps]


def _environment() -> Environment:
    """Return the templates, which escape every text that goes into the page."""
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    return environment


def _library(name: str) -> str:
    """Return a library without the line by which a browser would look for its source map."""
    text = (HERE / "vendor" / f"{name}.min.js").read_text()
    return text.split("//# sourceMappingURL")[0].replace("</script", r"<\/script")


def _script() -> str:
    """Return the parts of the page's script, in their order, as one that leaves no names behind."""
    parts = "\n".join((HERE / "script" / f"{name}.js").read_text() for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();'


def _allowed(script: str) -> str:
    """Return the rule that lets a browser run this script, and no other."""
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


def _summary(runs: Sequence[Run]) -> list[str]:
    """Count the runs and members, and how they ended."""
    counts = Counter(str(row["status"]) for run in runs for row in run.rows)
    members = sum(counts.values())
    many = [counted(len(runs), "run")]
    many += [counted(members, "member")] if members > len(runs) else []
    return [*many, *(f"{n} {status}" for status, n in counts.items())]


def _pair(runs: Sequence[Run], curves: Sequence[Curve]) -> list[int]:
    """Return the curves whose spectra stand side by side first, by id: at most two.

    Those of runs that differ in the method alone, trained ones before solves; else the first two.
    """
    having = [curve for curve in curves if curve["spectrum"]]
    first = {runs[c["run"]].name: c for c in reversed(having)}
    pairs = [(first.get(p.ad["run"]), first.get(p.fd["run"])) for p in method_pairs(runs)]
    whole = [(left, right) for left, right in pairs if left and right]
    whole.sort(key=lambda pair: pair[0]["spectrum"]["of"] == "singular_value")
    return [curve["id"] for curve in (whole or [having[:2]])[0]]


def _notes(folder: Path, runs: Sequence[Run]) -> list[str]:
    """Return notes on damaged files, and on runs that the page leaves out."""
    told = [line.replace(f"{folder}/", "") for run in runs for line in run.damage]
    versions = versions_note(runs)
    told += [f"{versions[0].upper()}{versions[1:]}."] if versions else []
    solved = len(solutions.solved(runs))
    if solved > solutions.MOST:
        told.append(f"Of {solved} solutions {solutions.MOST} are shown, evenly chosen.")
    members = sum(len(run.rows) for run in runs)
    if members > POINTS:
        told.append(f"Of {members} members the first {POINTS} are points of their own.")
    return told


def breakable(text: str) -> Markup:
    """Return a text that may go on in a new line where a list or a path does."""
    parts = re.split(r"(?<=[,/_ ])", text)
    return Markup("<wbr>").join(parts)


def _versions(result: Mapping[str, Any]) -> dict[str, str]:
    """Return the versions and the machine that a result records."""
    sections = [result.get(name) for name in ("versions", "machine")]
    known = [section for section in sections if isinstance(section, Mapping)]
    return {str(key): str(value) for section in known for key, value in section.items()}


def _who(runs: Sequence[int], names: Sequence[str]) -> str:
    """Name the runs that have a value, or count them where they are many."""
    if len(runs) == len(names):
        return "all runs"
    return "; ".join(names[i] for i in runs) if len(runs) <= 2 else counted(len(runs), "run")
