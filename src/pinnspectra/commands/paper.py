"""python -m pinnspectra.paper: run what is missing, draw the figures, write the table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from pinnspectra.runs.lock import LockedError, locked
from pinnspectra.runs.messages import Parser, SettingsError, say
from pinnspectra.runs.signals import Interrupted, interruptible
from pinnspectra.show import figures
from pinnspectra.studies.paper.drawing import FIGURES
from pinnspectra.studies.paper.experiments import CHECKOUT, Experiment, is_done, run_missing
from pinnspectra.studies.paper.page import write_page
from pinnspectra.studies.paper.readings import EXPERIMENTS
from pinnspectra.studies.paper.table import write_table

FOLDER = Path("outputs/paper")

ALL = list(dict.fromkeys([*(e for f in FIGURES.values() for e in f.experiments), *EXPERIMENTS]))
"""All experiments, those of the figures first."""


def main(arguments: Sequence[str] | None = None, checkout: Path = CHECKOUT) -> int:
    """The command; 0 done, 1 where something is refused or failed, 128 + N after signal N."""
    try:
        given = _parser().parse_args(arguments)
        names = given.only or list(FIGURES)
        _check(names, bool(given.only), given.docs)
        with interruptible(), locked(FOLDER):
            return _paper(names, bool(given.only), given.docs, checkout)
    except Interrupted as interrupted:
        say(f"{interrupted}; run it again to go on where it was")
        return interrupted.code
    except (ValueError, LockedError, OSError) as error:
        say(str(error))
        return 1


def _parser() -> Parser:
    parser = Parser(
        prog="python -m pinnspectra.paper",
        description="Every figure and printed number of the paper, into outputs/paper.",
    )
    some = f"only some of {', '.join(FIGURES)}"
    parser.add_argument("--only", nargs="+", metavar="FIGURE", help=some)
    docs = "also write docs/paper.md and docs/paper/, from a whole run"
    parser.add_argument("--docs", action="store_true", help=docs)
    return parser


def _check(names: Sequence[str], some: bool, docs: bool) -> None:
    """Refuse what cannot be asked for.

    Raises:
        SettingsError: there is no such figure, or docs of a part are asked for.
    """
    for name in names:
        if name not in FIGURES:
            raise SettingsError(f"--only {name}: no such figure; allowed are {', '.join(FIGURES)}")
    if some and docs:
        raise SettingsError("--only with --docs: the page is of the whole paper; leave one out")


def _paper(names: Sequence[str], some: bool, docs: bool, checkout: Path) -> int:
    """Run, draw and tabulate; without --only also the experiments that no figure shows."""
    shown = dict.fromkeys(experiment for name in names for experiment in FIGURES[name].experiments)
    errors = run_missing(list(shown) if some else ALL, FOLDER, checkout)
    for line in errors:
        say(line)
    for name in names:
        if _are_whole(FIGURES[name].experiments, checkout):
            figure = FIGURES[name].draw(FOLDER)
            for path in (FOLDER / f"{name}.pdf", FOLDER / f"{name}.png"):
                figures.save(figure, path)
                print(f"see {path}")
    if _are_whole(ALL, checkout):
        print(f"see {write_table(FOLDER)}")
    elif some:
        print("the table needs all experiments: run it without --only")
    if docs and not errors:
        print(f"see {write_page(FOLDER, checkout / 'docs')}")
    return 1 if errors else 0


def _are_whole(experiments: Sequence[Experiment], checkout: Path) -> bool:
    """Whether all are there, of these settings: the table is not of older ones."""
    return all(is_done(FOLDER / e.name, e.hash(checkout)) for e in experiments)


if __name__ == "__main__":
    sys.exit(main())
