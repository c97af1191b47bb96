"""One page of all runs under a folder, which opens from the disk and needs nothing else.

    python -m pinnspectra.report outputs/train_sweep/...

Reads what is there (contents.py), says what the numbers say (claim.py, differences.py,
commands.py), and shows it: as charts (charts.py, page.js) drawn by Chart.js (vendor/), and where
there is no script and in print as pictures (pictures.py, solutions.py). page.py puts all of it into
page.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pinnspectra.found_runs import Run
from pinnspectra.run_folder import written_whole

NAME = "report.html"


def write_report(folder: Path, runs: Sequence[Run]) -> Path:
    """Write DIR/report.html of the runs under DIR, whole; where it is.

    Raises:
        OSError: it cannot be written.
    """
    from pinnspectra.report.contents import shown
    from pinnspectra.report.page import page
    from pinnspectra.results import _titles as titles

    text = page(folder, shown(runs, titles(runs)))
    path = folder / NAME
    with written_whole(path) as file:
        file.write(text.encode(errors="backslashreplace"))
    return path
