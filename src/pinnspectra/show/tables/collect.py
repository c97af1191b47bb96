"""Every run under a folder in one overview, one table and one figure; or the rows asked for.

Reads what is there: it can be run again at any time, on a sweep that is half done or partly failed.
"""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pinnspectra.runs.folder import written_whole
from pinnspectra.runs.found import find_runs, versions_note
from pinnspectra.runs.messages import printable, say
from pinnspectra.runs.quantities import QUANTITIES
from pinnspectra.runs.query import parsed, rows_of
from pinnspectra.runs.record import Run
from pinnspectra.show.figures.of_runs import comparison_figures, draw
from pinnspectra.show.tables.described import place
from pinnspectra.show.tables.overview import overview, query_table, titles


class NoRunError(ValueError):
    """There is no run under a folder."""


def collect(folder: Path) -> bool:
    """Print the overview of the runs under a folder, write summary.csv and the comparison figures.

    And tell on standard error what is damaged, whether versions differ, and which runs are not
    finished, each with the reason.

    Returns:
        Whether there are runs, all of them finished and whole.

    Raises:
        NoRunError: there is no run under the folder.
    """
    runs = runs_under(folder)
    print(overview(runs))
    with written_whole(folder / "summary.csv") as file:
        file.write(_csv(runs).encode())
    figures = {folder / f"{name}.png": make for name, make in comparison_figures(runs).items()}
    drawn = [path for path, make in figures.items() if draw(path, make)]
    names = [path.name for path in (folder / "summary.csv", *drawn)]
    print(f"\nsee {place(folder)}: {', '.join(names)}", flush=True)
    are_whole, are_finished = _tell_damage(runs), _tell_unfinished(runs)
    return are_whole and are_finished


def ask(folder: Path, where: Sequence[str], sort: str | None, reverse: bool, columns: str) -> bool:
    """Print the rows of the runs under a folder that a query asks for, in its order.

    Nothing is written.

    Returns:
        Whether none of the runs is damaged.

    Raises:
        NoRunError: there is no run under the folder.
        QueryError: the query names what there is not.
    """
    runs = runs_under(folder)
    query = parsed(where, sort, reverse, columns, runs)
    rows = rows_of(runs, titles(runs), query.named)
    found = query.answer(rows)
    if found:
        ensembles = len(rows) > len(runs)
        print("\n".join(query_table(found, query.named, query.columns, ensembles)), end="\n\n")
    print(f"{len(found)} of {len(rows)} rows", flush=True)
    return _tell_damage(runs)


def runs_under(folder: Path) -> list[Run]:
    """Return the runs under a folder.

    Raises:
        NoRunError: there is none.
    """
    if not folder.exists():
        raise NoRunError(f"{folder}: there is no such folder")
    if not folder.is_dir():
        raise NoRunError(f"{folder} is a file: name the folder of a run or a sweep")
    runs = find_runs(folder)
    if not runs:
        raise NoRunError(f"{folder}: no run under this folder")
    return runs


def _tell_damage(runs: Sequence[Run]) -> bool:
    """Tell what is damaged, a line a file; return whether nothing is."""
    damage = [line for run in runs for line in run.damage]
    for line in damage:
        say(line)
    return not damage


def _tell_unfinished(runs: Sequence[Run]) -> bool:
    """Tell of which versions the runs are, and which are not finished; return whether all are."""
    if note := versions_note(runs):
        print(f"note: {note}", file=sys.stderr)
    named = zip(runs, titles(runs), strict=True)
    missing = [f"{title}: {reason(run)}" for run, title in named if not run.finished]
    if missing:
        head = f"{len(missing)} of {len(runs)} runs are not finished:"
        say("\n".join([head, *(f"  {printable(line)}" for line in missing)]))
    return not missing


def reason(run: Run) -> str:
    """Return why a run is not finished, in one line."""
    counts = Counter(str(row["status"]) for row in run.rows if row["status"] != "finished")
    if any("result.json is damaged" in line for line in run.damage):
        return "result.json is damaged"
    if "error" in run.result:
        error = str(run.result["error"])
        return error if run.status == "finished" else f"{run.status}: {error}"  # some members did
    if "unfinished" in counts:
        return "unfinished: the same command goes on"
    of_members = len(run.rows) > 1
    return ", ".join(f"{n} {status}" if of_members else status for status, n in counts.items())


def _csv(runs: Sequence[Run]) -> str:
    text = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(text, QUANTITIES)
    writer.writeheader()
    writer.writerows(row for run in runs for row in run.rows)
    return text.getvalue()
