"""What a run or a sweep says of itself on one screen: what ran, where it is, what came of it."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pinnspectra.condensed import MEASURED as MEASURED_OF_MEMBERS
from pinnspectra.condensed import condensed
from pinnspectra.found_runs import Row, Run, run_at
from pinnspectra.pairs import (
    QUANTITIES,
    Comparison,
    comparable,
    compared,
    is_number,
    method_pairs,
)
from pinnspectra.run_folder import SWEEP
from pinnspectra.tables import (
    HEADINGS,
    NAME_WIDTH,
    aligned,
    aligned_cells,
    cell,
    fitted,
    shortened,
    width,
)

SHOWN = (
    "run",
    "pde",
    "method",
    "seed",
    "member",
    "learning_rate",
    "status",
    "step",
    "loss",
    "loss_interior",
    "loss_interior_ad64",
    "relative_training_error_ad",
    "relative_l2_error",
    "effective_cutoff",
    "truncated_entropy",
    "truncation_position",
    "steps_per_second",
    "wall_seconds",
)
"""Columns of a table of runs; the others are in summary.csv."""

SAID = ("pde", "method", "seed", "learning_rate", "status", "step")
"""Columns that are left out where all rows have the same: it is said above the table."""

DISPENSABLE = (
    "steps_per_second",
    "truncation_position",
    "loss",
    "relative_training_error_ad",
    "step",
    "wall_seconds",
    "seed",
    "learning_rate",
    "pde",
    "method",
    "effective_cutoff",
    "relative_l2_error",
    "loss_interior",
    "member",
)
"""Columns that go where there is no room, the first first."""

OF_MEMBERS = ("member", "seed", "learning_rate", "status", "step", *MEASURED_OF_MEMBERS)
"""Columns of the table of one run's members."""

LEGEND = {
    "loss_interior": "believed, true: interior loss by the run's method, by AD in float64",
    "relative_training_error_ad": "true_error: relative training error by AD",
    "effective_cutoff": "e, H: effective cutoff, truncated entropy at a",
    "truncation_position": "p: truncation position",
}
"""What headings mean, by a column that is shown."""

MEASURED = {
    "loss": ("loss", "interior + weighted boundary"),
    "loss_boundary": ("boundary loss", ""),
    "loss_interior": ("interior loss, believed", "by {method} in {precision}"),
    "loss_interior_ad64": ("interior loss, true", "by ad in float64"),
    "relative_training_error": ("relative training error", ""),
    "relative_training_error_ad": ("the same, true", "by ad in float64"),
    "relative_l2_error": ("relative L2 error of u", ""),
    "truncated_entropy": ("truncated entropy H", "at a = {cutoff}"),
    "effective_cutoff": ("effective cutoff e", "values above a, of the largest"),
    "truncation_position": ("truncation position p", "values that are used"),
}
"""Rows of one run's summary: a name and a remark."""


def titles(runs: Sequence[Run]) -> list[str]:
    """What a table calls the runs: in a sweep the overrides that set one apart."""
    parents = {run.path.parent for run in runs}
    if len(parents) > 1 or not (parents.pop() / SWEEP).exists():
        return [run.name for run in runs]
    shared = set.intersection(*(set(run.overrides) for run in runs))
    return [" ".join(o for o in run.overrides if o not in shared) or run.name for run in runs]


def overview(runs: Sequence[Run]) -> str:
    """What ran, the table of the runs, a line a run or member, and AD against other methods."""
    room = width()
    named = list(zip(runs, titles(runs), strict=True))
    members = [[comparable(run, row) | {"run": title} for row in run.rows] for run, title in named]
    rows, note = condensed(members)
    columns = [c for c in SHOWN if _known(c, rows) and not _is_said(c, rows)]
    if all(len(run.rows) == 1 for run in runs):
        columns = [c for c in columns if c != "member"]
    lines, left_out = fitted(rows, columns, DISPENSABLE, room)
    legend = [LEGEND[c] for c in columns if c in LEGEND and c not in left_out]
    legend += [*([note] if note else []), "summary.csv has all"]
    blocks = [what_ran(runs, room), "\n".join(lines + wrapped(legend, "; ", room))]
    comparisons = compared(method_pairs(runs))
    blocks += ["\n".join(comparison_lines(comparisons, room))] if comparisons else []
    return "\n\n".join(blocks)


def _is_said(column: str, rows: Sequence[Row]) -> bool:
    """Whether a column is said above the table, or in the names of all runs."""
    if column not in SAID or len(rows) == 1:
        return False
    in_names = all(f"{column}={row[column]}" in row["run"].split() for row in rows)
    return in_names or all(row[column] == rows[0][column] for row in rows)


def query_table(rows: Sequence[Row], named: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The rows of a query's answer: the columns that it asks for, or the usual and those it names.

    Those that it names are not left out where there is little room.
    """
    if columns:
        return aligned(rows, ["run", *(c for c in columns if c != "run")])
    usual = [c for c in SHOWN if _known(c, rows)]
    several = any(row["member"] not in (0, None) for row in rows)
    usual = [c for c in usual if c in named or c != "member" or several]
    further = [c for c in dict.fromkeys(named) if c not in usual]
    dispensable = [c for c in DISPENSABLE if c not in named]
    return fitted(rows, [*usual, *further], dispensable, width())[0]


def _known(column: str, rows: Sequence[Row]) -> bool:
    return any(row[column] is not None for row in rows)


def wrapped(parts: Sequence[str], separator: str, room: int) -> list[str]:
    """Texts, one after the other, as lines that fit and break between two of them where they can."""
    text = separator.join(part.replace(" ", "\0") for part in parts)
    lines = textwrap.wrap(text, max(room, 20), break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


def what_ran(runs: Sequence[Run], room: int) -> str:
    """How many runs, how they ended, and the settings that all of them share."""
    first, *others = [_settings(run) for run in runs]
    shared = [text for text in first if all(text in its for its in others)]
    counts = Counter(str(row["status"]) for run in runs for row in run.rows)
    members = sum(counts.values())
    ended = ", ".join(
        f"{n} {status}" if len(counts) > 1 else status for status, n in counts.items()
    )
    many = f"{len(runs)} run{'s' * (len(runs) > 1)}"
    many += f" of {members} members" if members > len(runs) else ""
    many += f", {ended}" + (": " + shared.pop(0) if shared else "")
    return "\n".join(wrapped([many, *shared], ", ", room))


def _settings(run: Run) -> list[str]:
    """The settings of a run that tell what it is, as far as they are known."""
    config, row = run.config, run.rows[0]
    model, optimizer = _section(config, "model"), _section(config, "optimizer")
    rates = {row["learning_rate"] for row in run.rows if is_number(row["learning_rate"])}
    is_solve = bool(config) and "max_steps" not in config
    return [
        text.format(value)
        for text, value in (
            ("{}", row["pde"]),
            ("by {}", row["method"]),
            ("random features{}", "" if is_solve else None),
            ("{}", _class(model)),
            ("width {}", model.get("width")),
            ("depth {}", model.get("depth")),
            ("{} points an axis", _section(config, "points").get("per_axis")),
            ("{}", config.get("precision")),
            ("{}", _class(optimizer)),
            ("lr {:g}", next(iter(rates)) if len(rates) == 1 else None),
            ("{} steps", config.get("max_steps")),
            ("a = {:g}", row["cutoff"] if is_number(row["cutoff"]) else None),
        )
        if value is not None
    ]


def _section(config: dict[str, Any], name: str) -> dict[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _class(section: dict[str, Any]) -> str | None:
    """The class that a section names, as files of conf/ are called: TwoLayer is two_layer."""
    name = str(section.get("_target_", "")).rpartition(".")[2]
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() or None


def comparison_lines(comparisons: Sequence[Comparison], room: int) -> list[str]:
    """AD against other methods as a small table: of one comparison its medians, of more ratios."""
    columns = [c for c in QUANTITIES if any(c in found.values for found in comparisons)]
    alone = len(comparisons) == 1
    lines = []
    for found in comparisons:
        its = [found.values.get(c) for c in columns]
        if alone:
            lines += [
                [found.reference, *(cell(v and v.ad, c) for v, c in zip(its, columns, strict=True))]
            ]
            lines += [
                [found.other, *(cell(v and v.fd, c) for v, c in zip(its, columns, strict=True))]
            ]
        setting = "" if alone else f"  {found.setting}, {_pairs(found)}"
        ratios = [_ratio(v and v.ratio) for v in its]
        lines += [[f"{found.other} / {found.reference}{setting}", *ratios]]
    said = f"AD against others{f', {_pairs(comparisons[0])}' if alone else ''}"
    cells = [[said, *(HEADINGS[c] for c in columns)], *lines]
    names = max(len(line[0]) for line in cells)
    left = [True, *(False for _ in columns)]
    spare = room - max(map(len, aligned_cells(cells, left)))
    most = max(names + min(spare, 0), NAME_WIDTH)
    return aligned_cells([[shortened(line[0], most), *line[1:]] for line in cells], left)


def _ratio(value: float | None) -> str:
    """A ratio with three decimals, unless it is far from 1."""
    return cell(value) if value is None else f"{value:{'.3f' if 0.01 < value < 100 else '.2e'}}"


def _pairs(found: Comparison) -> str:
    pairs = f"{found.pairs} pair{'s' * (found.pairs != 1)}"
    medians = ", medians" if found.pairs > 1 else ""
    left_out = f", {found.left_out} not finished" if found.left_out else ""
    return f"{pairs}{medians}{left_out}"


def summary(folder: Path) -> str:
    """What one run was, what came of it, a table of its members, and where its files are."""
    run, room = run_at(folder, folder.name), width()
    rows, result = [comparable(run, row) for row in run.rows], run.result
    timed = [
        f"{duration(result['wall_seconds'])}" if is_number(result.get("wall_seconds")) else "",
        f"{result['steps_per_second']:.0f} steps/s"
        if is_number(result.get("steps_per_second"))
        else "",
    ]
    head = what_ran([run], room)
    blocks = [head, ", ".join(filter(None, timed))] if any(timed) else [head]
    if len(rows) == 1:
        said = {
            "method": rows[0]["method"],
            "precision": run.config.get("precision") or "its dtype",
        }
        said["cutoff"] = cell(rows[0]["cutoff"])
        lines = [
            [name, cell(rows[0][c], c), remark.format(**said)]
            for c, (name, remark) in MEASURED.items()
            if rows[0][c] is not None
        ]
        blocks += ["\n".join(aligned_cells(lines, [True, False, True]))] if lines else []
    else:
        shown, note = condensed([rows])
        own = [c for c in SHOWN if c in OF_MEMBERS and _known(c, shown)]
        lines, _ = fitted([{**row, "run": ""} for row in shown], own, DISPENSABLE, room)
        blocks += ["\n".join(lines + ([f"({note}; result.json has all)"] if note else []))]
    return "\n\n".join([*blocks, f"see {place(folder)} ({_size(folder)})"])


def place(path: Path) -> Path:
    """A path as it is called from here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def _size(folder: Path) -> str:
    """What a folder's files take."""
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return f"{size / 1e6:.1f} MB"


def duration(seconds: float) -> str:
    """A time as people say it: 12.3 s, 4 min 10 s, 2 h 5 min."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {s} s"
