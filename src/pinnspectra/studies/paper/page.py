"""docs/paper.md: the table and the figures of a whole run, none of it by hand."""

from __future__ import annotations

from pathlib import Path
from shutil import copy

from PIL import Image

from pinnspectra.runs.folder import written_whole
from pinnspectra.studies.paper.drawing import FIGURES

INTRODUCTION = """# The paper, reproduced

Made by `make paper-docs`: every figure and printed number of *Automatic Differentiation is
Essential in Training Neural Networks for Solving Differential Equations*, ours beside the paper's.
The experiments are `conf/experiment/*.yaml`; `python -m pinnspectra.paper --only fig3` makes one
figure. Bands are from the minimum to the maximum of five seeds. FD is the stencil at shifted points
(`method=fd`); the printed matrices, whose end rows are cut off, are a third line (`fd_grid`).
"""


def write_page(folder: Path, docs: Path) -> Path:
    """Write docs/paper.md and its figures in docs/paper/ from those and the table in a folder."""
    pictures = docs / "paper"
    pictures.mkdir(parents=True, exist_ok=True)
    parts = [INTRODUCTION, (folder / "table.md").read_text(), "## The figures\n"]
    for name, figure in FIGURES.items():
        _copy_small(folder / f"{name}.png", pictures / f"{name}.png")
        copy(folder / f"{name}.pdf", pictures / f"{name}.pdf")
        said = (figure.draw.__doc__ or name).splitlines()[0]
        parts.append(f"![{said}](paper/{name}.png)\n\n[{name}.pdf](paper/{name}.pdf) for print\n")
    path = docs / "paper.md"
    with written_whole(path) as file:
        file.write("\n".join(parts).encode())
    return path


def _copy_small(picture: Path, to: Path) -> None:
    """A copy in 256 colours, which is what a figure has: a third of the size."""
    with Image.open(picture) as image:
        image.convert("RGB").quantize(256).save(to, optimize=True)
