"""The command: read run folders, print what was found, write it beside them."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from pinnspectra.commands import exit_code
from pinnspectra.runs.folder import written_whole
from pinnspectra.runs.messages import Parser
from pinnspectra.show import figures
from pinnspectra.studies.indicators.cases import find_cases
from pinnspectra.studies.indicators.figure import indicator_figure
from pinnspectra.studies.indicators.report import parts, report


def study(folder: Path) -> str:
    """Write indicators.md and the figures into a folder of runs; return the text.

    Raises:
        ValueError: there is no finished run.
    """
    found = find_cases(folder)
    if not parts(found):
        raise ValueError(f"{folder}: no finished run under this folder")
    text = report(found)
    with written_whole(folder / "indicators.md") as file:
        file.write(text.encode())
    for part in parts(found):
        drawn = [outcome for outcome in part.outcomes if outcome.label]
        figures.save(indicator_figure(part.title, part.cases, drawn), folder / part.figure)
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 1 where there is nothing to study."""
    parser = Parser(
        prog="python -m pinnspectra.indicators",
        description="What indicates the error of solves and the speed of training under DIR.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="a sweep, or any folder")
    return exit_code(_indicators, parser, arguments)


def _indicators(given: Namespace) -> int:
    print(study(given.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
