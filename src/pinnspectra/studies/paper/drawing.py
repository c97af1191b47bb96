"""The figures of the paper: which experiments each needs, and how it is put together from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pinnspectra.show import figures
from pinnspectra.studies.paper.cause import cause
from pinnspectra.studies.paper.experiments import Experiment, random_features, training
from pinnspectra.studies.paper.panels import (
    CurvePanel,
    SpectrumPanel,
    TruncationPanel,
    paper_figure,
)
from pinnspectra.studies.paper.runs import (
    Solves,
    Trainings,
    solves,
    solves_by_width,
    trainings,
    truncated_entropy,
)
from pinnspectra.studies.paper.spectra import values_alike

if TYPE_CHECKING:
    from matplotlib.figure import Figure

A_LABEL = figures.SINGULAR_VALUE
G_LABEL = figures.EIGENVALUE
ERROR_LABEL = r"relative training error $\|r\| \,/\, \|f\|$"
TRUTH = "true (by AD in float64)"
STEP = "gradient step"
SHORT = {"ad": "AD", "fd": "FD", "fd_grid": "printed matrix"}
SEEDS = "median and min-max band of 5 seeds"


@dataclass(frozen=True)
class PaperFigure:
    """A figure: the experiments that it shows, and the function that draws it from their folder."""

    experiments: tuple[Experiment, ...]
    draw: Callable[[Path], Figure]


def fig1(folder: Path) -> Figure:
    """Entropy and training error of random features over M = N."""
    by_width = solves_by_width(folder / "fig1")
    at = list(by_width.values())
    x = {method: np.array(list(by_width)) for method in at[0]}
    H = {m: np.stack([one[m].entropy(1e-12) for one in at]) for m in x}
    own = {m: np.stack([one[m].training_error for one in at]) for m in x}
    true = {m: np.stack([one[m].training_error_ad for one in at]) for m in x if m != "ad"}
    label = "truncated entropy $H_A(10^{-12})$"
    panels = [
        CurvePanel("truncated entropy", "$M = N$", label, x, H, log_y=False),
        CurvePanel("training error at $P = e(10^{-12})$", "$M = N$", ERROR_LABEL, x, own, true,
                   TRUTH),
    ]  # fmt: skip
    return paper_figure(f"Fig. 1: random features, poisson1d; {SEEDS}", panels, 2)


def fig2(folder: Path) -> Figure:
    """Singular values of A for other dimensions and activations."""
    titles = {
        "fig2a": r"$d = 1$, sin, $M = N = 100$",
        "fig2b": r"$d = 1$, tanh, $M = N = 300$",
        "fig2c": r"$d = 2$, sin, $M = 200$, $N = 64^2$",
    }
    panels = [_singular_value_panel(title, solves(folder / name)) for name, title in titles.items()]
    return paper_figure(f"Fig. 2: singular values of $A$; {SEEDS}", panels, 3)


def fig3(folder: Path) -> Figure:
    """Singular values with their truncation, and the error over the truncation position.

    The stages end at the last value alike (I), at AD's least error (II) and at FD's cut-off (III).
    """
    found = solves(folder / "fig3")
    ad, fd = found["ad"], found["fd"]
    K = values_alike(ad.singular_values, fd.singular_values)
    stages = (K, 1 + int(np.median(ad.errors, axis=1).argmin()), fd.used(1e-12))
    spectrum, truncation = _solve_panels(found, 1e-12)
    panels = [replace(spectrum, alike=K), replace(truncation, stages=stages)]
    title = f"Fig. 3: random features, poisson1d, $M = N = 400$; {SEEDS}"
    return paper_figure(title, panels, 2)


def fig4(folder: Path) -> Figure:
    """Network on poisson1d: spectrum of G at the end, relative training error, loss."""
    found = _best(trainings(folder / "fig4"))
    panels = [_kernel_panel(found, 1e-5), _error_panel(found), _loss_panel(found)]
    return paper_figure(_training_title("Fig. 4: network, poisson1d", found), panels, 3)


def fig5(folder: Path) -> Figure:
    """Random features and network on poisson2d."""
    found = _best(trainings(folder / "fig5c"))
    solved = solves_by_width(folder / "fig5a")[100]
    panels = [*_solve_panels(solved, 1e-13), _kernel_panel(found, 1e-4), _error_panel(found)]
    title = _training_title("Fig. 5: poisson2d, $M = 100$, $N = 64^2$", found)
    return paper_figure(title, panels, 2)


def fig6(folder: Path) -> Figure:
    """Random features and network on biharmonic."""
    found = _best(trainings(folder / "fig6c"))
    solved = solves_by_width(folder / "fig6a")[500]
    panels = [*_solve_panels(solved, 1e-13), _kernel_panel(found, 1e-2), _error_panel(found)]
    title = "Fig. 6: biharmonic; random features $M = N = 500$, network $M = N = 100$"
    return paper_figure(_training_title(title, found), panels, 2)


def figB21(folder: Path) -> Figure:  # noqa: N802
    """Singular values of A for several M = N."""
    at = solves_by_width(folder / "fig1")
    panels = [
        _singular_value_panel(f"$M = N = {width}$", at[width]) for width in (100, 200, 300, 500)
    ]
    title = f"Fig. B.2.1: singular values of $A$, poisson1d; {SEEDS}"
    return paper_figure(title, panels, 2)


def figB31(folder: Path) -> Figure:  # noqa: N802
    """Training curve of the loss, poisson2d."""
    found = _best(trainings(folder / "fig5c"))
    title = _training_title("Fig. B.3.1: network, poisson2d", found)
    return paper_figure(title, [_loss_panel(found)], 1)


def figB41(folder: Path) -> Figure:  # noqa: N802
    """Training curve of the loss, biharmonic, on 100 points and on those of Appendix B.4."""
    found = {N: _best(trainings(folder / name)) for N, name in BIHARMONIC.items()}
    panels = [_loss_panel(one, f"loss, $N = {N}$") for N, one in found.items()]
    title = _training_title("Fig. B.4.1: network, biharmonic", found[100])
    return paper_figure(title, panels, 2)


BIHARMONIC = {100: "fig6c", 4096: "fig6c_4096"}

FIGURES: dict[str, PaperFigure] = {
    "fig1": PaperFigure((random_features("fig1"),), fig1),
    "fig2": PaperFigure(tuple(random_features(f"fig2{p}") for p in "abc"), fig2),
    "fig3": PaperFigure((random_features("fig3"),), fig3),
    "fig4": PaperFigure((training("fig4"),), fig4),
    "fig5": PaperFigure((random_features("fig5a"), training("fig5c")), fig5),
    "fig6": PaperFigure((random_features("fig6a"), training("fig6c")), fig6),
    "figB21": PaperFigure((random_features("fig1"),), figB21),
    "figB31": PaperFigure((training("fig5c"),), figB31),
    "figB41": PaperFigure((training("fig6c"), training("fig6c_4096")), figB41),
    "cause": PaperFigure((random_features("cause_A"), training("cause_G")), cause),
}
"""The figures of the paper, in its order, and one of our own."""


def _singular_value_panel(
    title: str, found: Mapping[str, Solves], cutoff: float | None = None, note: str = ""
) -> SpectrumPanel:
    values = {method: one.singular_values for method, one in found.items()}
    floors = {method: one.floor for method, one in found.items()}
    return SpectrumPanel(title, A_LABEL, values, cutoff, floors, note=note)


def _solve_panels(
    found: Mapping[str, Solves], cutoff: float
) -> tuple[SpectrumPanel, TruncationPanel]:
    """Singular values and training errors over the truncation position, at one cut-off."""
    H = {method: one.entropy(cutoff) for method, one in found.items()}
    used = {method: one.used(cutoff) for method, one in found.items()}
    errors = {method: one.errors for method, one in found.items()}
    note = _entropies(H, cutoff)
    spectrum = _singular_value_panel("singular values of $A$", found, cutoff, note)
    return spectrum, TruncationPanel("truncated SVD", errors, used)


def _best(found: Mapping[str, Trainings]) -> dict[str, Trainings | None]:
    """The members of each method's best learning rate; None where all have diverged."""
    return {method: one.best() for method, one in found.items()}


def _left(found: Mapping[str, Trainings | None]) -> dict[str, Trainings]:
    return {method: one for method, one in found.items() if one is not None}


def _kernel_panel(found: Mapping[str, Trainings | None], cutoff: float) -> SpectrumPanel:
    last = {method: one.eigenvalues[-1] for method, one in _left(found).items()}
    floors = {method: one.floor**2 for method, one in _left(found).items()}
    H = {method: truncated_entropy(values, cutoff) for method, values in last.items()}
    title, note = "eigenvalues of $G$ at the end", _entropies(H, cutoff)
    return SpectrumPanel(title, G_LABEL, last, cutoff, floors, squares=True, note=note)


def _error_panel(found: Mapping[str, Trainings | None]) -> CurvePanel:
    left = _left(found)
    own = {method: one.metrics["relative_training_error"] for method, one in left.items()}
    true = {method: one.true_training_error() for method, one in left.items() if method != "ad"}
    x = {method: one.steps for method, one in left.items()}
    return CurvePanel("relative training error", STEP, ERROR_LABEL, x, own, true, TRUTH)


def _loss_panel(
    found: Mapping[str, Trainings | None], title: str = r"loss $L_{PINN}$"
) -> CurvePanel:
    left = _left(found)
    loss = {method: one.metrics["loss"] for method, one in left.items()}
    return CurvePanel(title, STEP, r"$L_{PINN}$",
                      {method: one.steps for method, one in left.items()}, loss)  # fmt: skip


def _entropies(H: Mapping[str, np.ndarray], cutoff: float) -> str:
    """The median entropies."""
    exponent = round(np.log10(cutoff))
    values = [f"{SHORT.get(m, m)} {np.median(values):.3g}" for m, values in H.items()]
    return f"$H(10^{{{exponent}}})$:  {',  '.join(values)}"


def _training_title(title: str, found: Mapping[str, Trainings | None]) -> str:
    """A title that says which learning rate is shown, and what diverged."""
    rates = ", ".join(f"{SHORT.get(m, m)} {one.rate:g}{_lost(one)}"
                      for m, one in _left(found).items())  # fmt: skip
    gone: Sequence[str] = [SHORT.get(m, m) for m, one in found.items() if one is None]
    lost = f"; {', '.join(gone)}: diverges at every rate" if gone else ""
    return f"{title}; {SEEDS}\nlearning rate of the least median loss: {rates}{lost}"


def _lost(one: Trainings) -> str:
    return f" ({one.lost} diverged)" if one.lost else ""
