"""Every run under a folder in one table and one figure.

    python -m pinnspectra.results outputs/train_sweep

Reads what is there: it can be run again at any time, on a sweep that is half done or partly failed.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from pinnspectra.found_runs import CHOICES, COLUMNS, Row, Run, find_runs, run_at
from pinnspectra.messages import cannot_write, say
from pinnspectra.run_figures import comparison_figures
from pinnspectra.run_folder import SWEEP, draw, written_whole

HIDDEN = ("loss_interior", "loss_boundary", "cutoff_below_precision", "config_hash", "wall_seconds")
"""Columns that the printed table leaves out, since nobody compares them."""

PRINTED = tuple(column for column in COLUMNS if column not in HIDDEN)

FEW_MEMBERS = 20
"""Members of a run that the printed table has one by one; of more, minimum, median and maximum."""

MEASURED = (
    "step",
    "loss",
    "loss_interior_ad64",
    "relative_training_error",
    "relative_l2_error",
    "effective_cutoff",
    "truncated_entropy",
)
"""Printed columns that a training run measures of every member."""

MEMBER = ("seed", "member", "learning_rate", "status")
"""What tells the members of a run apart."""

ACROSS: dict[str, Callable[[list[Any]], Any]] = {"min": min, "median": median, "max": max}
"""What the printed table has of many members."""


class NoRunError(ValueError):
    """There is no run under a folder."""


def collect(folder: Path) -> bool:
    """Print the table of the runs under a folder, write summary.csv and the comparison figures.

    And on standard error a list of the runs that are not finished, each with the reason.

    Returns:
        Whether there are runs and all of them are finished.

    Raises:
        NoRunError: there is no run under the folder.
    """
    runs = find_runs(folder)
    if not runs:
        raise NoRunError(f"{folder}: no run under this folder")
    with written_whole(folder / "summary.csv") as file:
        file.write(_csv(runs).encode())
    print(table(runs))
    written = [folder / "summary.csv", *_draw(runs, folder)]
    print("\n" + "\n".join(f"see {path}" for path in written))
    missing = [
        (run, title) for run, title in zip(runs, _titles(runs), strict=True) if not run.finished
    ]
    if missing:
        lines = [f"  {title}: {_reason(run)}" for run, title in missing]
        said = f"error: {len(missing)} of {len(runs)} runs are not finished:"
        print("\n".join(["", said, *lines]), file=sys.stderr, flush=True)
    return not missing


def _reason(run: Run) -> str:
    """Why a run is not finished, in one line."""
    counts = Counter(str(row["status"]) for row in run.rows if row["status"] != "finished")
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


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _titles(runs: Sequence[Run]) -> list[str]:
    """What the table calls the runs: in a sweep the overrides that set one apart."""
    parents = {run.path.parent for run in runs}
    if len(parents) > 1 or not (parents.pop() / SWEEP).exists():
        return [run.name for run in runs]
    shared = set.intersection(*(set(run.overrides) for run in runs))
    return [" ".join(o for o in run.overrides if o not in shared) or run.name for run in runs]


def table(runs: Sequence[Run]) -> str:
    """The runs as aligned text, a member a line, without columns that no run has."""
    titles = zip(runs, _titles(runs), strict=True)
    rows = [row | {"run": title} for run, title in titles for row in _condensed(run.rows)]
    ensembles = any(len(run.rows) > 1 for run in runs)
    columns = [c for c in _known(rows) if c != "member" or ensembles]
    many = max(len(run.rows) for run in runs)
    return "\n".join([*aligned(rows, columns), *_note(many, "summary.csv")])


def _note(members: int, file: str) -> list[str]:
    """Where the members are whose minimum, median and maximum the table has."""
    note = "min, median, max: each column's own, without diverged members"
    return [f"({note}; every member is in {file})"] if members > FEW_MEMBERS else []


def _known(rows: Sequence[Row]) -> list[str]:
    """The printed columns that a row has a value of."""
    return [c for c in PRINTED if any(row[c] is not None for row in rows)]


def aligned(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """Lines of a table: its header and its rows, names to the left and numbers to the right."""
    cells = [columns, *([_cell(row[c]) for c in columns] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    return [
        "  ".join(
            cell.ljust(width) if name in ("run", *CHOICES) else cell.rjust(width)
            for cell, width, name in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in cells
    ]


def _condensed(rows: Sequence[Row]) -> Sequence[Row]:
    """The members of a run, or where they are many three rows for each of their learning rates."""
    if len(rows) <= FEW_MEMBERS:
        return rows
    rates = [_cell(row["learning_rate"]) for row in rows]
    groups = [
        [row for row, its in zip(rows, rates, strict=True) if its == rate]
        for rate in dict.fromkeys(rates)
    ]
    return [_across(group, name, take) for group in groups for name, take in ACROSS.items()]


def _across(rows: Sequence[Row], name: str, take: Callable[[list[Any]], Any]) -> Row:
    """One row of members: the minimum, median or maximum of each column, without the diverged."""
    kept = [row for row in rows if row["status"] != "diverged"] or rows
    values = {c: [row[c] for row in kept if _is_number(row[c])] for c in MEASURED}
    seeds = [row["seed"] for row in rows if _is_number(row["seed"])]
    counts = Counter(_cell(row["status"]) for row in rows)
    return {
        **rows[0],
        **{c: take(of_all) if of_all else None for c, of_all in values.items()},
        "member": name,
        "seed": f"{min(seeds)}..{max(seeds)}" if seeds else None,
        "status": ", ".join(f"{n} {status}" for status, n in counts.items()),
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def summary(folder: Path) -> str:
    """One run's result as aligned lines, a table of its members, and where its files are."""
    run = run_at(folder, folder.name)
    rows = run.rows
    own = rows[0] if len(rows) == 1 else {c: run.result.get(c) for c in COLUMNS}
    values = {c: own[c] for c in _known([own]) if c not in ("run", "member")}
    width = max(map(len, values))
    lines = [f"{name:<{width}}  {_cell(value)}" for name, value in values.items()]
    if len(rows) > 1:
        columns = [c for c in _known(rows) if c in MEMBER or c in MEASURED]
        lines += ["", *aligned(_condensed(rows), columns)]
        lines += [*_note(len(rows), "result.json"), ""]
    return "\n".join([*lines, f"see {folder}"])


def _draw(runs: Sequence[Run], folder: Path) -> list[Path]:
    """The comparison figures that are drawn."""
    paths = {folder / f"{name}.png": make for name, make in comparison_figures(runs).items()}
    return [path for path, make in paths.items() if draw(path, make)]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; the exit code is 1 where there is nothing to show."""
    parser = argparse.ArgumentParser(
        prog="python -m pinnspectra.results", description="Table and figure of all runs in DIR."
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="a run, a sweep, or any folder")
    folder = parser.parse_args(arguments).folder
    try:
        collect(folder)
    except ValueError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(cannot_write(error, folder))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
