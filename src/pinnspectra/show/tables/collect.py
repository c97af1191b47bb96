"""Every run under a folder in one overview, one table and one figure; or the rows asked for.

Reads what is there: it can be run again at any time, on a sweep that is half done or partly failed.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from pinnspectra.runs.folder import written_whole
from pinnspectra.runs.found import runs_under, tell_damage, versions_note
from pinnspectra.runs.messages import printable, say
from pinnspectra.runs.quantities import QUANTITIES
from pinnspectra.runs.query import parsed, rows_of
from pinnspectra.runs.record import Run
from pinnspectra.show.figures.of_runs import comparison_figures, draw
from pinnspectra.show.tables.described import place
from pinnspectra.show.tables.overview import overview, query_table, titles


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
    are_whole = tell_damage(runs)
    if note := versions_note(runs):
        print(f"note: {note}", file=sys.stderr)
    return _tell_unfinished(runs) and are_whole


def ask(folder: Path, where: Sequence[str], sort: str | None, reverse: bool, columns: str) -> bool:
    """Print the rows of the runs under a folder that a query asks for, in its order.

    Nothing is written.

    Returns:
        Whether none of the runs is damaged.

    Raises:
        NoRunError: there is no run under the folder.
        QueryError: the query names an unknown column or value.
    """
    runs = runs_under(folder)
    query = parsed(where, sort, reverse, columns, runs)
    rows = rows_of(runs, titles(runs), query.named)
    found = query.answer(rows)
    if found:
        ensembles = len(rows) > len(runs)
        print("\n".join(query_table(found, query.named, query.columns, ensembles)), end="\n\n")
    print(f"{len(found)} of {len(rows)} rows", flush=True)
    return tell_damage(runs)


def _tell_unfinished(runs: Sequence[Run]) -> bool:
    """Tell which runs are not finished, each with the reason; return whether all are."""
    named = zip(runs, titles(runs), strict=True)
    missing = [f"{title}: {run.reason}" for run, title in named if run.reason]
    if missing:
        head = f"{len(missing)} of {len(runs)} runs are not finished:"
        say("\n".join([head, *(f"  {printable(line)}" for line in missing)]))
    return not missing


def _csv(runs: Sequence[Run]) -> str:
    text = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(text, QUANTITIES)
    writer.writeheader()
    writer.writerows(row for run in runs for row in run.rows)
    return text.getvalue()
