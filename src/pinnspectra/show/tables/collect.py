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
from pinnspectra.runs.found import COLUMNS, Run, find_runs, versions_note
from pinnspectra.runs.messages import printable, say
from pinnspectra.runs.query import parsed, rows_of
from pinnspectra.show.figures.of_runs import comparison_figures, draw
from pinnspectra.show.tables.described import place
from pinnspectra.show.tables.overview import overview, query_table, titles


class NoRunError(ValueError):
    """There is no run under a folder."""


def collect(folder: Path) -> bool:
    """Print the overview of the runs under a folder, write summary.csv and the comparison figures.

    And on standard error what is damaged, whether versions differ, and the runs that are not
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
    written = [folder / "summary.csv", *_draw(runs, folder)]
    print(f"\nsee {place(folder)}: {', '.join(path.name for path in written)}")
    sys.stdout.flush()
    return _told(runs)


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
    damage = [line for run in runs for line in run.damage]
    for line in damage:
        say(line)
    return not damage


def runs_under(folder: Path) -> list[Run]:
    """The runs under a folder.

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


def _told(runs: Sequence[Run]) -> bool:
    """Tell what is damaged, of which versions the runs are, and which are not finished.

    Returns:
        Whether all are whole and finished.
    """
    damage = [line for run in runs for line in run.damage]
    for line in damage:
        say(line)
    note = versions_note(runs)
    if note:
        print(f"note: {note}", file=sys.stderr)
    missing = [
        (run, title) for run, title in zip(runs, titles(runs), strict=True) if not run.finished
    ]
    if missing:
        lines = [f"  {printable(f'{title}: {reason(run)}')}" for run, title in missing]
        said = f"{len(missing)} of {len(runs)} runs are not finished:"
        say("\n".join([said, *lines]))
    return not missing and not damage


def reason(run: Run) -> str:
    """Why a run is not finished, in one line."""
    counts = Counter(str(row["status"]) for row in run.rows if row["status"] != "finished")
    if any("result.json is damaged" in line for line in run.damage):
        return "result.json is damaged"
    if "error" in run.result:
        status, error = run.result.get("status"), run.result["error"]
        return str(error) if status == "finished" else f"{status}: {error}"  # some members did
    if "unfinished" in counts:
        return "unfinished: the same command goes on"
    of_members = len(run.rows) > 1
    return ", ".join(f"{n} {status}" if of_members else status for status, n in counts.items())


def _csv(runs: Sequence[Run]) -> str:
    text = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(row for run in runs for row in run.rows)
    return text.getvalue()


def _draw(runs: Sequence[Run], folder: Path) -> list[Path]:
    """The comparison figures that are drawn."""
    paths = {folder / f"{name}.png": make for name, make in comparison_figures(runs).items()}
    return [path for path, make in paths.items() if draw(path, make)]
