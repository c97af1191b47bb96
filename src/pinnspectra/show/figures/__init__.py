"""Figures of one run and of runs side by side.

    from pinnspectra.show.figures import save, spectrum_figure

    figure = spectrum_figure({"ad": sigma_ad, "fd": sigma_fd}, cutoff=1e-12)
    save(figure, "spectra.pdf")

Arrays may be lists, NumPy arrays or torch tensors; `Curves` holds those of a training run. Every
function returns a matplotlib Figure that belongs to no window and no global state; `save` writes it
as PNG, PDF or SVG. In a notebook it is shown as the value of a cell once `%matplotlib inline` was
run, which tells IPython to show figures. A method keeps its colour in every figure. Every quantity
is nondimensional.

`python -m pinnspectra.figures DIR` draws the figures of the runs under a folder again.
"""

from pinnspectra.show.figures.comparison import comparison_figure, rfm_comparison_figure
from pinnspectra.show.figures.curves import Curves
from pinnspectra.show.figures.solution import solution_figure
from pinnspectra.show.figures.spectra import spectrum_figure, truncation_figure
from pinnspectra.show.figures.style import METHOD_COLOURS, method_colour, save
from pinnspectra.show.figures.training import (
    eigenvalue_figure,
    entropy_figure,
    entropy_loss_figure,
    loss_figure,
)

__all__ = [
    "METHOD_COLOURS",
    "Curves",
    "comparison_figure",
    "eigenvalue_figure",
    "entropy_figure",
    "entropy_loss_figure",
    "loss_figure",
    "method_colour",
    "rfm_comparison_figure",
    "save",
    "solution_figure",
    "spectrum_figure",
    "truncation_figure",
]
