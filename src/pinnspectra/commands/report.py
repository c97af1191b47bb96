"""The command: DIR/report.html of all runs under DIR."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from pinnspectra.commands import exit_code
from pinnspectra.runs.found import runs_under, tell_damage, versions_note
from pinnspectra.runs.messages import Parser
from pinnspectra.show.report import NAME, write_report
from pinnspectra.show.tables.described import place


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; the exit code is 1 where there is no run or files of one are damaged."""
    parser = Parser(
        prog="python -m pinnspectra.report", description=f"All runs in DIR as a page, DIR/{NAME}."
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="a run, a sweep, or any folder")
    return exit_code(_report, parser, arguments)


def _report(given: Namespace) -> int:
    runs = runs_under(given.folder)
    path = write_report(given.folder, runs)
    are_whole = tell_damage(runs)
    if note := versions_note(runs):
        print(f"note: {note}", file=sys.stderr)
    print(f"see {place(path)}")
    return 0 if are_whole else 1


if __name__ == "__main__":
    sys.exit(main())
