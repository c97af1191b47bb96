"""The figures of the paper: which experiments each needs, and how it is drawn from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinnspectra.show.figures.panels import finished
from pinnspectra.show.figures.style import STYLE
from pinnspectra.studies.paper.cause import cause
from pinnspectra.studies.paper.experiments import RFM, TRAIN, Experiment
from pinnspectra.studies.paper.members import (
    Solves,
    Trainings,
    best,
    solves,
    solves_by_width,
    trainings,
    values_alike,
)
from pinnspectra.studies.paper.panels import (
    SHORT,
    Histories,
    draw_curves,
    draw_errors,
    draw_spectrum,
    paper_panels,
    ring_last_alike,
)

ERROR = r"relative training error $\|r\| \,/\, \|f\|$"
SEEDS = "median and min-max band of 5 seeds"
SINGULAR_VALUES = "singular values of $A$"
STEP = "gradient step"


@dataclass(frozen=True)
class PaperFigure:
    """A figure: the experiments that it shows, and the function that draws it from their folder."""

    experiments: tuple[Experiment, ...]
    function: Callable[[Path], Figure]

    @property
    def title(self) -> str:
        """What it shows, in a line."""
        return (self.function.__doc__ or "").splitlines()[0]

    @rc_context(STYLE)
    def draw(self, folder: Path) -> Figure:
        """Draw it from the experiments in a folder."""
        return finished(self.function(folder))


def fig1(folder: Path) -> Figure:
    """Entropy and training error of random features over M = N."""
    by_width = solves_by_width(folder / "fig1")

    def over_width(values: Callable[[Solves], np.ndarray]) -> Histories:
        x, every = np.array(list(by_width)), list(by_width.values())
        return {m: (x, np.stack([values(found[m]) for found in every])) for m in every[0]}

    figure, axes = paper_panels(f"Fig. 1: random features, poisson1d; {SEEDS}", 2, 2)
    draw_curves(axes[0], over_width(lambda one: one.entropy(1e-12)))
    axes[0].set(title="truncated entropy", ylabel="truncated entropy $H_A(10^{-12})$")
    axes[1].set(yscale="log", title="training error at $p = e(10^{-12})$", ylabel=ERROR)
    true = over_width(lambda one: one.true_training_error)
    draw_curves(axes[1], over_width(lambda one: one.training_error), true)
    for one in axes:
        one.set_xlabel("$M = N$")
    return figure


def fig2(folder: Path) -> Figure:
    """Singular values of A for other dimensions and activations."""
    titles = {
        "fig2a": r"$d = 1$, sin, $M = N = 100$",
        "fig2b": r"$d = 1$, tanh, $M = N = 300$",
        "fig2c": r"$d = 2$, sin, $M = 200$, $N = 64^2$",
    }
    figure, axes = paper_panels(f"Fig. 2: {SINGULAR_VALUES}; {SEEDS}", 3, 3)
    for one, (name, title) in zip(axes, titles.items(), strict=True):
        draw_spectrum(one, title, solves(folder / name))
    return figure


def fig3(folder: Path) -> Figure:
    """Singular values with their truncation, and the error over the truncation position.

    The stages end at the last value alike (I), at AD's least error (II) and at FD's cut-off (III).
    """
    found = solves(folder / "fig3")
    ad, fd = found["ad"], found["fd"]
    K = values_alike(ad.spectrum, fd.spectrum)
    stages = (K, 1 + int(np.median(ad.errors, axis=1).argmin()), fd.used(1e-12))
    title = f"Fig. 3: random features, poisson1d, $M = N = 400$; {SEEDS}"
    figure, axes = paper_panels(title, 2, 2)
    draw_spectrum(axes[0], SINGULAR_VALUES, found, 1e-12)
    if K:
        ring_last_alike(axes[0], ad.spectrum, K)
    draw_errors(axes[1], found, 1e-12, stages)
    return figure


def fig4(folder: Path) -> Figure:
    """Network on poisson1d: spectrum of G at the end, relative training error, loss."""
    found = trainings(folder / "fig4")
    figure, axes = paper_panels(_training_title("Fig. 4: network, poisson1d", found), 3, 3)
    _draw_training(axes, found, 1e-5)
    _draw_loss(axes[2], found)
    return figure


def fig5(folder: Path) -> Figure:
    """Random features and network on poisson2d."""
    title = "Fig. 5: poisson2d, $M = 100$, $N = 64^2$"
    solved = solves_by_width(folder / "fig5a")[100]
    return _solves_and_training(title, solved, trainings(folder / "fig5c"), 1e-4)


def fig6(folder: Path) -> Figure:
    """Random features and network on biharmonic."""
    title = "Fig. 6: biharmonic; random features $M = N = 500$, network $M = N = 100$"
    solved = solves_by_width(folder / "fig6a")[500]
    return _solves_and_training(title, solved, trainings(folder / "fig6c"), 1e-2)


def figB21(folder: Path) -> Figure:  # noqa: N802
    """Singular values of A for several M = N."""
    by_width = solves_by_width(folder / "fig1")
    title = f"Fig. B.2.1: {SINGULAR_VALUES}, poisson1d; {SEEDS}"
    figure, axes = paper_panels(title, 4, 2)
    for one, width in zip(axes, (100, 200, 300, 500), strict=True):
        draw_spectrum(one, f"$M = N = {width}$", by_width[width])
    return figure


def figB31(folder: Path) -> Figure:  # noqa: N802
    """Training curve of the loss, poisson2d."""
    found = trainings(folder / "fig5c")
    figure, axes = paper_panels(_training_title("Fig. B.3.1: network, poisson2d", found), 1, 1)
    _draw_loss(axes[0], found)
    return figure


def figB41(folder: Path) -> Figure:  # noqa: N802
    """Training curve of the loss, biharmonic, on 100 points and on those of Appendix B.4."""
    found = {100: trainings(folder / "fig6c"), 4096: trainings(folder / "fig6c_4096")}
    title = _training_title("Fig. B.4.1: network, biharmonic", found[100])
    figure, axes = paper_panels(title, 2, 2)
    for one, (N, on_points) in zip(axes, found.items(), strict=True):
        _draw_loss(one, on_points, f"loss, $N = {N}$")
    return figure


FIGURES: dict[str, PaperFigure] = {
    "fig1": PaperFigure((Experiment("fig1", RFM),), fig1),
    "fig2": PaperFigure(tuple(Experiment(f"fig2{p}", RFM) for p in "abc"), fig2),
    "fig3": PaperFigure((Experiment("fig3", RFM),), fig3),
    "fig4": PaperFigure((Experiment("fig4", TRAIN),), fig4),
    "fig5": PaperFigure((Experiment("fig5a", RFM), Experiment("fig5c", TRAIN)), fig5),
    "fig6": PaperFigure((Experiment("fig6a", RFM), Experiment("fig6c", TRAIN)), fig6),
    "figB21": PaperFigure((Experiment("fig1", RFM),), figB21),
    "figB31": PaperFigure((Experiment("fig5c", TRAIN),), figB31),
    "figB41": PaperFigure((Experiment("fig6c", TRAIN), Experiment("fig6c_4096", TRAIN)), figB41),
    "cause": PaperFigure((Experiment("cause_A", RFM), Experiment("cause_G", TRAIN)), cause),
}
"""The figures of the paper, in its order, and one of our own."""


def _solves_and_training(
    title: str, solved: Mapping[str, Solves], found: Mapping[str, Trainings], cutoff: float
) -> Figure:
    """Draw spectra and errors of random features above those of networks."""
    figure, axes = paper_panels(_training_title(title, found), 4, 2)
    draw_spectrum(axes[0], SINGULAR_VALUES, solved, 1e-13)
    draw_errors(axes[1], solved, 1e-13)
    _draw_training(axes[2:], found, cutoff)
    return figure


def _draw_training(axes: list[Axes], found: Mapping[str, Trainings], cutoff: float) -> None:
    """Draw the spectra of G at the end, and the training errors over the steps."""
    shown = best(found)
    draw_spectrum(axes[0], "eigenvalues of $G$ at the end", shown, cutoff, eigenvalues=True)
    axes[1].set(yscale="log", title="relative training error", xlabel=STEP, ylabel=ERROR)
    own = {m: (one.steps, one.metric("relative_training_error")) for m, one in shown.items()}
    true = {m: (one.steps, one.true_training_error) for m, one in shown.items()}
    draw_curves(axes[1], own, true)


def _draw_loss(axes: Axes, found: Mapping[str, Trainings], title: str = r"loss $L_{PINN}$") -> None:
    axes.set(yscale="log", title=title, xlabel=STEP, ylabel=r"$L_{PINN}$")
    draw_curves(axes, {m: (one.steps, one.metric("loss")) for m, one in best(found).items()})


def _training_title(title: str, found: Mapping[str, Trainings]) -> str:
    """Add to a title which learning rate is shown, and what diverged."""
    shown = best(found)
    rates = [
        f"{SHORT.get(m, m)} {one.rates[0]:g}{f' ({one.lost} diverged)' if one.lost else ''}"
        for m, one in shown.items()
    ]
    gone = ", ".join(SHORT.get(m, m) for m in found if m not in shown)
    lost = f"; {gone}: diverges at every rate" if gone else ""
    return f"{title}; {SEEDS}\nlearning rate of the least median loss: {', '.join(rates)}{lost}"
