"""The paper's claims in words, measured: what holds, what does not, and in which precision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pinnspectra.studies.markdown import median, number
from pinnspectra.studies.paper.members import (
    Solves,
    Trainings,
    best,
    ratios,
    solves,
    solves_by_width,
    trainings,
    values_alike,
)
from pinnspectra.studies.paper.printed import PRINTED
from pinnspectra.studies.paper.readings import printed_solves

STRONG = 0.5
"""Spearman's coefficient from which one quantity follows another."""

SLOWER = 1.1
"""Ratio of losses from which one method is slower than another."""

TRAININGS = {
    "fig4": ("poisson1d, float32", 1e-5),
    "fig4_float64": ("poisson1d, float64", 1e-5),
    "fig5c": ("poisson2d, float32", 1e-4),
    "fig5c_float64": ("poisson2d, float64", 1e-4),
    "fig6c": ("biharmonic, N = 100, float32", 1e-2),
    "fig6c_float64": ("biharmonic, N = 100, float64", 1e-2),
    "fig6c_4096": ("biharmonic, N = 4096, float32", 1e-2),
}
"""Training experiments: problem, precision and the paper's cut-off on the eigenvalues of G."""

SWEEPS = {
    "fig1": ("poisson1d", 1e-12),
    "fig5a": ("poisson2d", 1e-13),
    "fig6a": ("biharmonic", 1e-13),
}
"""Random feature experiments that sweep over the width: problem and the paper's cut-off."""

Trained = Mapping[str, Mapping[str, Trainings]]
"""The methods at their best learning rates, by training experiment."""


@dataclass(frozen=True)
class Claim:
    """A claim, the case that it is tried on, what was measured, and whether it holds there."""

    claim: str
    case: str
    measured: str
    holds: bool


def claims(folder: Path) -> list[Claim]:
    """Measure all claims on the finished experiments under a folder."""
    trained = {name: best(trainings(folder / name)) for name in TRAININGS}
    return [
        *_entropy_is_larger(folder, trained),
        *_error_follows(folder, trained),
        *_width(solves_by_width(folder / "fig1")),
        *_spectra_part(folder, trained),
        *_fd_is_slower(trained),
        _stages(solves(folder / "fig3")),
    ]


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Return Spearman's rank correlation of (n,) and (n,); NaN where one is constant."""
    return float(pd.DataFrame({"x": x, "y": y}).corr("spearman").to_numpy()[0, 1])


def _entropy_is_larger(folder: Path, trained: Trained) -> Iterator[Claim]:
    for printed in (p for p in PRINTED if p.matrix == "A"):
        found = printed_solves(printed, folder)
        H = [found[method].entropy(printed.cutoff) for method in ("ad", "fd")]
        yield _larger(f"A, {printed.pde}, float64", *H)
    for name, (case, cutoff) in TRAININGS.items():
        ad, fd = trained[name]["ad"], trained[name]["fd"]
        seeds = np.intersect1d(ad.column("seed"), fd.column("seed"))
        pair = [one.only(np.isin(one.column("seed"), seeds)) for one in (ad, fd)]
        yield _larger(f"G at the end, {case}", *(one.entropy(cutoff) for one in pair))


def _larger(case: str, ad: np.ndarray, fd: np.ndarray) -> Claim:
    above = f"in {int((ad > fd).sum())} of {len(ad)} pairs"
    measured = f"medians {median(ad)} and {median(fd)}; {above}"
    return Claim("AD has the larger entropy", case, measured, bool((ad > fd).all()))


def _error_follows(folder: Path, trained: Trained) -> Iterator[Claim]:
    swept = {pde: _swept(folder / name, cutoff) for name, (pde, cutoff) in SWEEPS.items()}
    for pde, (H, own, true) in _and_pooled(swept).items():
        yield _follows(f"random features, {pde}, own error", H, own)
        yield _follows(f"random features, {pde}, true error", H, true)
    networks = {case: _trained(trained[name], a) for name, (case, a) in TRAININGS.items()}
    for case, (H, true) in _and_pooled(networks).items():
        yield _follows(f"networks at the end, {case}, true error", H, true)


def _follows(case: str, H: np.ndarray, error: np.ndarray) -> Claim:
    claim = "Training error follows entropy (larger entropy, smaller error)"
    rho = spearman(H, error)
    return Claim(claim, case, f"Spearman {rho:.2f}, n = {len(H)}", rho <= -STRONG)


def _and_pooled(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return found | {"pooled": np.concatenate(list(found.values()), axis=1)}


def _swept(folder: Path, cutoff: float) -> np.ndarray:
    """Return H, own and true training error, (3, n), of AD and FD at all widths."""
    columns = [
        [one.entropy(cutoff), one.training_error, one.true_training_error]
        for found in solves_by_width(folder).values()
        for method, one in found.items()
        if method in ("ad", "fd")
    ]
    return np.concatenate(columns, axis=1)


def _trained(found: Mapping[str, Trainings], cutoff: float) -> np.ndarray:
    """Return H of G and the true training error at the end, (2, n), of AD and FD."""
    pair = [found[method] for method in ("ad", "fd") if method in found]
    columns = [[one.entropy(cutoff), one.true_training_error[-1]] for one in pair]
    return np.concatenate(columns, axis=1)


def _width(by_width: Mapping[int, Mapping[str, Solves]]) -> Iterator[Claim]:
    for method in ("ad", "fd"):
        case = f"random features, poisson1d, {method}"
        at = [found[method] for found in by_width.values()]
        x = np.repeat(list(by_width), [len(one.training_error) for one in at])
        rho = spearman(x, np.concatenate([one.entropy(1e-12) for one in at]))
        claim = "More neurons, less entropy (Fig. 1a)"
        yield Claim(claim, case, f"Spearman {rho:.2f}", rho <= -STRONG)
        rho = spearman(x, np.concatenate([one.training_error for one in at]))
        claim = "More neurons, larger error (Fig. 1b)"
        yield Claim(claim, case, f"Spearman {rho:.2f}", rho >= STRONG)


def _spectra_part(folder: Path, trained: Trained) -> Iterator[Claim]:
    found = {name: solves(folder / name) for name in ("fig2a", "fig2b", "fig2c")}
    found |= {f"fig{p.figure}": printed_solves(p, folder) for p in PRINTED if p.matrix == "A"}
    for name, of in found.items():
        yield from _parted(f"A, {name}, float64", of["ad"].spectrum, of["fd"].spectrum)
    for name, (case, _) in TRAININGS.items():
        of = trained[name]
        yield from _parted(f"G at the end, {case}", of["ad"].spectrum, of["fd"].spectrum)


def _parted(case: str, ad: np.ndarray, fd: np.ndarray) -> Iterator[Claim]:
    K = values_alike(ad, fd)
    sigma = np.median(ad, axis=0)
    level = f", down to {sigma[K - 1] / sigma[0]:.0e} of the largest" if K else ""
    alike = f"the first {K} of {len(sigma)}{level}"
    yield Claim("Large values of AD and FD are alike (within 10 %)", case, alike, K > 0)
    others = ratios(ad, fd)[K:]
    measured, holds = "none is left", False
    if others.size:
        larger = f"{int((others > 1).sum())} of {others.size} larger"
        measured = f"{larger}, by a factor of {median(others)} (median)"
        holds = bool((others > 1).mean() >= 0.9 and np.median(others) > 1.1)
    yield Claim("Small values are larger for FD", case, measured, holds)


def _fd_is_slower(trained: Trained) -> Iterator[Claim]:
    for name, (case, _) in TRAININGS.items():
        pair = [trained[name][method].metric("loss/interior_ad64") for method in ("ad", "fd")]
        ad, fd = (np.median(loss, axis=1) for loss in pair)
        ratio = fd / ad
        at = {part: float(ratio[int(part * (len(ratio) - 1))]) for part in (0.1, 0.5, 1)}
        measured = ", ".join(f"{number(value)} at {part:.0%}" for part, value in at.items())
        measured = f"true loss of FD over AD's: {measured} of the steps"
        yield Claim("FD trains more slowly", case, measured, at[1] >= SLOWER)


def _stages(found: Mapping[str, Solves]) -> Claim:
    errors = {method: np.median(found[method].errors, axis=1) for method in ("ad", "fd")}
    rises = {method: float(error[-1] / error.min()) for method, error in errors.items()}
    measured = ", ".join(f"{method} {number(rise)}" for method, rise in rises.items())
    claim = "Beyond the cut-off the error rises again (Stages III, IV of Fig. 3b)"
    holds = all(rise >= SLOWER for rise in rises.values())
    return Claim(claim, "poisson1d, M = N = 400", f"last error over the least: {measured}", holds)
