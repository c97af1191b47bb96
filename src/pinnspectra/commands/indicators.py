"""The command: read run folders, print what was found, write it beside them."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pinnspectra.runs.folder import written_whole
from pinnspectra.runs.messages import Parser, say
from pinnspectra.show import figures
from pinnspectra.studies.indicators.cases import Case, find_cases
from pinnspectra.studies.indicators.figure import Cloud, indicator_figure
from pinnspectra.studies.indicators.report import Part, parts, report

LABELS = {
    "relative_training_error": "relative training error",
    "relative_training_error_ad": "the same, by AD in float64",
    "rate of loss": r"$-\mathrm{d} \log L \,/\, \mathrm{d} t$, to the next record",
    "rate of loss/interior_ad64": r"the same of $L_F$, by AD in float64",
}
"""Outcomes that are drawn."""


def study(folder: Path) -> str:
    """Write indicators.md and the figures into a folder of runs; the text.

    Raises:
        ValueError: there is no finished run.
    """
    found = find_cases(folder)
    if not found.solves and not found.records:
        raise ValueError(f"{folder}: no finished run under this folder")
    text = report(found)
    with written_whole(folder / "indicators.md") as file:
        file.write(text.encode())
    for part in parts(found):
        labels = {name: LABELS[name] for name in part.signs if name in LABELS}
        figures.save(indicator_figure(part.title, _clouds(part), labels), folder / part.figure)
    return text


def _clouds(part: Part) -> list[Cloud]:
    groups: dict[tuple[str, str, str], list[Case]] = defaultdict(list)
    for case in part.cases:
        groups[case.problem, case.method, case.precision].append(case)
    return [
        Cloud(
            *names,
            np.array([case.indicators["H"] for case in cases]),
            {o: np.array([case.outcomes[o] for case in cases]) for o in part.signs},
        )
        for names, cases in groups.items()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; the exit code is 1 where there is nothing to study."""
    parser = Parser(
        prog="python -m pinnspectra.indicators",
        description="What indicates the error of solves and the speed of training under DIR.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="a sweep, or any folder")
    try:
        print(study(parser.parse_args(arguments).folder))
    except (ValueError, OSError) as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
