"""The figures of all runs under a folder, drawn again from what the runs have recorded.

    python -m pinnspectra.figures outputs/train_sweep --format pdf

Runs draw PNGs when they end; this draws the same figures for print, or those of a run that is half
done.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from pinnspectra.commands import exit_code
from pinnspectra.runs.folder import SWEEP
from pinnspectra.runs.found import runs_under, tell_damage
from pinnspectra.runs.messages import Parser
from pinnspectra.runs.record import Run
from pinnspectra.show.figures.of_runs import Figures, comparison_figures, draw, run_figures
from pinnspectra.show.figures.style import FORMATS

ENDINGS = [suffix.removeprefix(".") for suffix in FORMATS]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 where there is nothing to draw or a file is damaged."""
    parser = Parser(
        prog="python -m pinnspectra.figures",
        description="The figures of every run under DIR, in its folder figures/, and the "
        "comparison of the runs of DIR and of every sweep in it.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="a run, a sweep, or any folder")
    some = f"some of {','.join(ENDINGS)}; png,pdf if not given"
    parser.add_argument("--format", default="png,pdf", metavar="A,B", help=some)
    return exit_code(_figures, parser, arguments)


def _figures(given: Namespace) -> int:
    endings = list(dict.fromkeys(given.format.split(",")))
    for ending in endings:
        if ending not in ENDINGS:
            known = ", ".join(ENDINGS)
            raise ValueError(f"--format {given.format}: no format {ending!r}; allowed are {known}")
    return 0 if _draw_all(given.folder, endings) else 1


def _draw_all(folder: Path, endings: Sequence[str]) -> bool:
    """Draw the figures of the runs under a folder and say where they are.

    Returns:
        Whether all files could be read and all figures be drawn.

    Raises:
        ValueError: there is no run under the folder.
    """
    runs = runs_under(folder)
    whole = [_drawn(run_figures(run), run.path / "figures", endings) for run in runs]
    for path, compared in _compared(runs, folder).items():
        whole.append(_drawn(comparison_figures(compared), path, endings))
    return tell_damage(runs) and all(whole)


def _compared(runs: Sequence[Run], folder: Path) -> dict[Path, Sequence[Run]]:
    """Return the runs of the folder that is given, and of every sweep of several, by folder."""
    sweeps = {run.path.parent for run in runs if (run.path.parent / SWEEP).exists()}
    of_sweeps = {path: [run for run in runs if run.path.parent == path] for path in sorted(sweeps)}
    several = {folder: runs} | of_sweeps
    return {path: compared for path, compared in several.items() if len(compared) > 1}


def _drawn(named: Figures, folder: Path, endings: Sequence[str]) -> bool:
    """Draw figures into a folder, each with every ending; return whether all are there."""
    paths = {folder / f"{name}.{e}": make for name, make in named.items() for e in endings}
    done = [draw(path, make) for path, make in paths.items()]
    if any(done):
        print(f"see {folder}: {', '.join(named)} ({', '.join(endings)})", flush=True)
    return all(done)


if __name__ == "__main__":
    sys.exit(main())
