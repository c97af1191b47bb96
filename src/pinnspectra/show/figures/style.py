"""The look that every figure shares: colours, fonts, and how it is written."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

METHOD_COLOURS = {
    "ad": "#0072B2",
    "fd": "#D55E00",
    "fd_grid": "#009E73",
    "fd_exact": "#E69F00",
    "nested_autograd": "#CC79A7",
}
"""The colours of Okabe and Ito, which colour-blind readers can tell apart."""

OTHER_COLOURS = ("#56B4E9", "#882255", "#999933", "#332288")

LINE_STYLES = ("-", "--", "-.", ":")

MARKERS = "oD^v<>ph"

DOTS_PER_INCH = 150

FORMATS = (".png", ".pdf", ".svg")
"""Formats of figures."""

STYLE: dict[Any, Any] = {
    "agg.path.chunksize": 10_000,  # long noisy curves overflow the rasteriser in one piece
    "axes.axisbelow": True,
    "axes.formatter.limits": (-3, 5),
    "axes.formatter.use_mathtext": True,
    "axes.grid": True,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.titlesize": 11,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 5,
    "path.simplify_threshold": 0.5,  # points that lie that close to a long line, in pixels
    "pdf.fonttype": 42,  # TrueType: text that can be searched, and that journals accept
    "svg.fonttype": "none",
    "svg.hashsalt": "pinnspectra",
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}


def method_colour(method: str) -> str:
    """Return the colour of a method, the same in every figure, also of one that is not listed."""
    fallback = OTHER_COLOURS[zlib.crc32(method.encode()) % len(OTHER_COLOURS)]
    return METHOD_COLOURS.get(method, fallback)


@rc_context(STYLE)
def save(figure: Figure, path: Path | str) -> None:
    """Write a figure as its path ends: .png at 150 dots per inch, or .pdf or .svg.

    The folder is made if it is missing. The same figure gives the same bytes, without a date, and
    the same picture in every format: where its parts are is settled when it is first written, and
    once, which `Figure.savefig` does twice.

    Raises:
        ValueError: the path has another ending.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ValueError(f"{path}: a figure is written as one of {', '.join(FORMATS)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.set_dpi(DOTS_PER_INCH)
    canvas = FigureCanvasAgg(figure)
    if layout := figure.get_layout_engine():
        layout.execute(figure)
        figure.set_layout_engine("none")
    if path.suffix == ".pdf":
        from matplotlib.backends.backend_pdf import FigureCanvasPdf  # slow, and no run needs it

        FigureCanvasPdf(figure).print_pdf(path, metadata={"CreationDate": None})
    elif path.suffix == ".svg":
        FigureCanvasSVG(figure).print_svg(path, metadata={"Date": None})
    else:
        canvas.print_png(path)
