"""The command: every run under a folder in one table, or the rows of it that are asked for.

python -m pinnspectra.results outputs/train_sweep
python -m pinnspectra.results outputs --sort truncated_entropy --where method=fd
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from pinnspectra.commands import exit_code
from pinnspectra.runs.messages import Parser
from pinnspectra.show.tables.collect import ask, collect


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 where there is nothing to show, or something is damaged."""
    parser = Parser(
        prog="python -m pinnspectra.results",
        description="The runs under DIR: their table, summary.csv and figures. With --where, "
        "--sort, --reverse or --columns the table alone, of what is asked for.",
        epilog="Columns are those of summary.csv and keys of the configuration, as model.width.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="a run, a sweep, or any folder")
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="rows with this value; also != < <= > >= (in quotes); all that are given must hold",
    )
    parser.add_argument("--sort", metavar="COLUMN", help="in this order; -COLUMN is descending")
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument("--columns", default="", metavar="A,B", help="these columns alone")
    given = list(sys.argv[1:] if arguments is None else arguments)
    return exit_code(_results, parser, _joined(given))


def _results(given: Namespace) -> int:
    query = (given.where, given.sort, given.reverse, given.columns)
    return 0 if (ask(given.folder, *query) if any(query) else collect(given.folder)) else 1


def _joined(arguments: Sequence[str]) -> list[str]:
    """Arguments of which --sort -loss is --sort=-loss, which argparse takes for two options."""
    joined = []
    for argument in arguments:
        if joined and joined[-1] == "--sort" and not argument.startswith("--"):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


if __name__ == "__main__":
    sys.exit(main())
