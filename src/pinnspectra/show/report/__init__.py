"""One page of all runs under a folder, which opens from the disk and needs nothing else.

    python -m pinnspectra.report outputs/train_sweep/...

claim.py, settings.py and commands.py put in words what the runs' records say, table.py and
solutions.py show it; curves.py thins it for the charts (charts.py), which Vega draws in the browser
(script/, vendor/) and as SVG where there is no script and in print. page.py puts all of it into
page.html.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from pinnspectra.runs.folder import written_whole
from pinnspectra.runs.found import find_runs
from pinnspectra.runs.messages import first_line
from pinnspectra.runs.record import Run
from pinnspectra.show.tables.described import place

NAME = "report.html"


log = logging.getLogger(__name__)


def report(folder: Path) -> None:
    """Write the report of a sweep that has ended, and print where it is.

    A failure is logged, and the sweep stands as it is.
    """
    try:
        path = write_report(folder, find_runs(folder))
    except Exception as error:
        log.error("%s could not be made: %s", folder / NAME, first_line(error))
        log.debug("", exc_info=True)
    else:
        print(f"see {place(path)}", flush=True)


def write_report(folder: Path, runs: Sequence[Run]) -> Path:
    """Write DIR/report.html of the runs under DIR, whole; where it is.

    Raises:
        OSError: it cannot be written.
    """
    from pinnspectra.show.report.page import page

    text, path = page(folder, runs), folder / NAME
    with written_whole(path) as file:
        file.write(text.encode(errors="backslashreplace"))
    return path
