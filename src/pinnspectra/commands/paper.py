"""python -m pinnspectra.paper: run what is missing, draw the figures, write the table."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from pinnspectra.commands import exit_code
from pinnspectra.runs.lock import locked
from pinnspectra.runs.messages import Parser, SettingsError, say
from pinnspectra.show import figures
from pinnspectra.studies.paper.experiments import CHECKOUT, is_done, run_missing
from pinnspectra.studies.paper.figures import FIGURES
from pinnspectra.studies.paper.page import write_page, write_table
from pinnspectra.studies.paper.readings import EXPERIMENTS

FOLDER = Path("outputs/paper")

ALL = list(dict.fromkeys([*(e for f in FIGURES.values() for e in f.experiments), *EXPERIMENTS]))
"""All experiments, those of the figures first."""


def main(arguments: Sequence[str] | None = None, checkout: Path = CHECKOUT) -> int:
    """Run the command; 0 done, 1 where something is refused or failed, 128 + N after signal N."""
    parser = Parser(
        prog="python -m pinnspectra.paper",
        description="Every figure and printed number of the paper, into outputs/paper.",
    )
    some = f"only some of {', '.join(FIGURES)}"
    parser.add_argument("--only", nargs="+", metavar="FIGURE", help=some, default=[])
    docs = "also write docs/paper.md and docs/paper/, from a whole run"
    parser.add_argument("--docs", action="store_true", help=docs)

    def command(given: Namespace) -> int:
        _check(given.only, given.docs)
        with locked(FOLDER):
            return _paper(given.only, given.docs, checkout)

    return exit_code(command, parser, arguments)


def _check(only: Sequence[str], docs: bool) -> None:
    for name in only:
        if name not in FIGURES:
            raise SettingsError(f"--only {name}: no such figure; allowed are {', '.join(FIGURES)}")
    if only and docs:
        raise SettingsError("--only with --docs: the page is of the whole paper; leave one out")


def _paper(only: Sequence[str], docs: bool, checkout: Path) -> int:
    """Run, draw and tabulate; without --only also the experiments that no figure shows."""
    drawn = {name: FIGURES[name] for name in only or FIGURES}
    needed = list(dict.fromkeys(e for f in drawn.values() for e in f.experiments))
    errors = run_missing(needed if only else ALL, FOLDER, checkout)
    for line in errors:
        say(line)
    done = {e for e in ALL if is_done(e, FOLDER, checkout)}
    for name, figure in drawn.items():
        if done.issuperset(figure.experiments):
            picture = figure.draw(FOLDER)
            for path in (FOLDER / f"{name}.pdf", FOLDER / f"{name}.png"):
                figures.save(picture, path)
                print(f"see {path}")
    if done.issuperset(ALL):
        print(f"see {write_table(FOLDER)}")
    elif only:
        print("the table needs all experiments: run it without --only")
    if docs and not errors:
        print(f"see {write_page(FOLDER, checkout / 'docs')}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
