"""Figures of one run and of runs side by side, drawn from plain arrays.

Every function returns a matplotlib Figure that belongs to no window and no global state; `save`
writes it. A method keeps its colour in every figure. Every quantity is nondimensional.
"""

from pinnspectra.figures.cause import Panel, Spectrum, cause_figure
from pinnspectra.figures.comparison import (
    RunCurves,
    SpectrumCurves,
    comparison_figure,
    rfm_comparison_figure,
)
from pinnspectra.figures.indicators import Cloud, indicator_figure
from pinnspectra.figures.members import by_learning_rate
from pinnspectra.figures.paper import (
    CurvePanel,
    SpectrumPanel,
    TruncationPanel,
    paper_figure,
)
from pinnspectra.figures.random_features import spectrum_figure, truncation_figure
from pinnspectra.figures.solution import solution_figure
from pinnspectra.figures.spectra import EIGENVALUE, SINGULAR_VALUE
from pinnspectra.figures.step_error import StepCurve, StepPanel, step_error_figure
from pinnspectra.figures.style import METHOD_COLOURS, OTHER_COLOURS, method_colour, save
from pinnspectra.figures.training import (
    eigenvalue_figure,
    entropy_figure,
    entropy_loss_figure,
    loss_figure,
)

__all__ = [
    "EIGENVALUE",
    "METHOD_COLOURS",
    "OTHER_COLOURS",
    "SINGULAR_VALUE",
    "Cloud",
    "CurvePanel",
    "Panel",
    "RunCurves",
    "Spectrum",
    "SpectrumCurves",
    "SpectrumPanel",
    "StepCurve",
    "StepPanel",
    "TruncationPanel",
    "by_learning_rate",
    "cause_figure",
    "comparison_figure",
    "eigenvalue_figure",
    "entropy_figure",
    "entropy_loss_figure",
    "indicator_figure",
    "loss_figure",
    "method_colour",
    "paper_figure",
    "rfm_comparison_figure",
    "save",
    "solution_figure",
    "spectrum_figure",
    "step_error_figure",
    "truncation_figure",
]
