"""The paper's claims in words, measured: what holds, what does not, and in which precision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from pinnspectra.studies.paper.markdown import number
from pinnspectra.studies.paper.printed import PRINTED
from pinnspectra.studies.paper.readings import printed_solves
from pinnspectra.studies.paper.runs import (
    Solves,
    Trainings,
    solves,
    solves_by_width,
    trainings,
    truncated_entropy,
)
from pinnspectra.studies.paper.spectra import ratios, values_alike

STRONG = 0.5
"""Spearman's coefficient from which one quantity follows another."""

SLOWER = 1.1
"""Ratio of losses from which one method is slower than another."""

HOLDS, FAILS = "holds", "does not hold"

TRAININGS = {
    "fig4": ("poisson1d", "float32", 1e-5),
    "fig4_float64": ("poisson1d", "float64", 1e-5),
    "fig5c": ("poisson2d", "float32", 1e-4),
    "fig5c_float64": ("poisson2d", "float64", 1e-4),
    "fig6c": ("biharmonic, N = 100", "float32", 1e-2),
    "fig6c_float64": ("biharmonic, N = 100", "float64", 1e-2),
    "fig6c_4096": ("biharmonic, N = 4096", "float32", 1e-2),
}
"""Training experiments: problem, precision and the paper's cut-off on the eigenvalues of G."""

SWEEPS = {
    "fig1": ("poisson1d", 1e-12),
    "fig5a": ("poisson2d", 1e-13),
    "fig6a": ("biharmonic", 1e-13),
}
"""Random feature experiments that sweep over the width: problem and the paper's cut-off."""


@dataclass(frozen=True)
class Claim:
    """A claim, the case that it is tried on, what was measured, and whether it holds there."""

    claim: str
    case: str
    measured: str
    holds: bool

    @property
    def verdict(self) -> str:
        """In words."""
        return HOLDS if self.holds else FAILS


def claims(folder: Path) -> list[Claim]:
    """All claims, measured on the finished experiments under a folder."""
    trained = {name: _shown(trainings(folder / name)) for name in TRAININGS}
    return [
        *_entropy_is_larger(folder, trained),
        *_error_follows(folder, trained),
        *_width(folder),
        *_spectra_part(folder, trained),
        *_fd_is_slower(trained),
        _stages(solves(folder / "fig3")),
    ]


def _shown(found: Mapping[str, Trainings]) -> dict[str, Trainings]:
    """AD and FD at their best learning rates."""
    best = {method: found[method].best() for method in ("ad", "fd")}
    return {method: one for method, one in best.items() if one is not None}


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's rank correlation of two quantities, (n,) each; NaN where one is constant."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.asarray(spearmanr(x, y)[0]))


def pairs_above(ad: np.ndarray, fd: np.ndarray) -> str:
    """In how many pairs of the same seed AD's value is above FD's."""
    return f"{int((ad > fd).sum())} of {len(ad)}"


def _entropy_is_larger(
    folder: Path, trained: Mapping[str, Mapping[str, Trainings]]
) -> Iterator[Claim]:
    claim = "AD has the larger entropy"
    for printed in (p for p in PRINTED if p.matrix == "A"):
        found = printed_solves(printed, folder)
        H = {m: found[m].entropy(printed.cutoff) for m in ("ad", "fd")}
        yield _larger(claim, f"A, {printed.pde}, float64", H["ad"], H["fd"])
    for name, (pde, precision, cutoff) in TRAININGS.items():
        ad, fd = trained[name]["ad"], trained[name]["fd"]
        ad, fd = (a.only(np.isin(a.seeds, b.seeds)) for a, b in ((ad, fd), (fd, ad)))
        H = [truncated_entropy(one.eigenvalues[-1], cutoff) for one in (ad, fd)]
        yield _larger(claim, f"G at the end, {pde}, {precision}", *H)


def _larger(claim: str, case: str, ad: np.ndarray, fd: np.ndarray) -> Claim:
    medians = f"medians {number(float(np.median(ad)))} and {number(float(np.median(fd)))}"
    return Claim(claim, case, f"{medians}; in {pairs_above(ad, fd)} pairs", bool((ad > fd).all()))


def _error_follows(folder: Path, trained: Mapping[str, Mapping[str, Trainings]]) -> Iterator[Claim]:
    claim = "Training error follows entropy (larger entropy, smaller error)"
    found = {pde: _entropies_and_errors(folder / name, a) for name, (pde, a) in SWEEPS.items()}
    found["pooled"] = np.concatenate(list(found.values()), axis=1)
    for pde, (H, own, true) in found.items():
        yield _follows(claim, f"random features, {pde}, own error", H, own)
        yield _follows(claim, f"random features, {pde}, true error", H, true)
    networks = {
        f"{pde}, {precision}": _trained_entropies_and_errors(trained[name], cutoff)
        for name, (pde, precision, cutoff) in TRAININGS.items()
    }
    networks["pooled"] = np.concatenate(list(networks.values()), axis=1)
    for case, (H, true) in networks.items():
        yield _follows(claim, f"networks at the end, {case}, true error", H, true)


def _follows(claim: str, case: str, H: np.ndarray, error: np.ndarray) -> Claim:
    rho = spearman(H, error)
    return Claim(claim, case, f"Spearman {rho:.2f}, n = {len(H)}", rho <= -STRONG)


def _entropies_and_errors(folder: Path, cutoff: float) -> np.ndarray:
    """H, own and true training error, (3, n), of AD and FD at all widths."""
    columns = [
        np.stack([one.entropy(cutoff), one.training_error, one.training_error_ad])
        for found in solves_by_width(folder).values()
        for method, one in found.items()
        if method in ("ad", "fd")
    ]
    return np.concatenate(columns, axis=1)


def _trained_entropies_and_errors(found: Mapping[str, Trainings], cutoff: float) -> np.ndarray:
    """H of G and true training error at the end, (2, n), of AD and FD."""
    columns = [
        np.stack([truncated_entropy(one.eigenvalues[-1], cutoff), one.true_training_error()[-1]])
        for one in found.values()
    ]
    return np.concatenate(columns, axis=1)


def _width(folder: Path) -> Iterator[Claim]:
    by_width = solves_by_width(folder / "fig1")
    for method in ("ad", "fd"):
        at = [found[method] for found in by_width.values()]
        x = np.repeat(list(by_width), [len(one.training_error) for one in at])
        H = np.concatenate([one.entropy(1e-12) for one in at])
        error = np.concatenate([one.training_error for one in at])
        case = f"random features, poisson1d, {method}"
        rho = spearman(x, H)
        yield Claim("More neurons, less entropy (Fig. 1a)", case, f"Spearman {rho:.2f}",
                    rho <= -STRONG)  # fmt: skip
        rho = spearman(x, error)
        yield Claim("More neurons, larger error (Fig. 1b)", case, f"Spearman {rho:.2f}",
                    rho >= STRONG)  # fmt: skip


def _spectra_part(folder: Path, trained: Mapping[str, Mapping[str, Trainings]]) -> Iterator[Claim]:
    found = {name: solves(folder / name) for name in ("fig2a", "fig2b", "fig2c")}
    found |= {f"fig{p.figure}": printed_solves(p, folder) for p in PRINTED if p.matrix == "A"}
    for name, by_method in found.items():
        values = [by_method[method].singular_values for method in ("ad", "fd")]
        yield from _parted(f"A, {name}, float64", *values)
    for name, (pde, precision, _) in TRAININGS.items():
        values = [trained[name][method].eigenvalues[-1] for method in ("ad", "fd")]
        yield from _parted(f"G at the end, {pde}, {precision}", *values)


def _parted(case: str, ad: np.ndarray, fd: np.ndarray) -> Iterator[Claim]:
    K = values_alike(ad, fd)
    sigma = np.median(ad, axis=0)
    level = f", down to {sigma[K - 1] / sigma[0]:.0e} of the largest" if K else ""
    yield Claim("Large values of AD and FD are alike (within 10 %)", case,
                f"the first {K} of {len(sigma)}{level}", K > 0)  # fmt: skip
    others = ratios(ad, fd)[K:]
    measured = "none is left"
    if others.size:
        larger = f"{int((others > 1).sum())} of {others.size} larger"
        measured = f"{larger}, by a factor of {number(float(np.median(others)))} (median)"
    holds = bool(others.size and (others > 1).mean() >= 0.9 and np.median(others) > 1.1)
    yield Claim("Small values are larger for FD", case, measured, holds)


def _fd_is_slower(trained: Mapping[str, Mapping[str, Trainings]]) -> Iterator[Claim]:
    for name, (pde, precision, _) in TRAININGS.items():
        ad, fd = trained[name]["ad"], trained[name]["fd"]
        losses = [np.median(one.metrics["loss/interior_ad64"], axis=1) for one in (ad, fd)]
        ratio = losses[1] / losses[0]
        at = {f"{part:.0%}": ratio[int(part * (len(ratio) - 1))] for part in (0.1, 0.5, 1)}
        said = ", ".join(f"{number(float(value))} at {part}" for part, value in at.items())
        measured = f"true loss of FD over AD's: {said} of the steps"
        holds = bool(ratio[-1] >= SLOWER)
        yield Claim("FD trains more slowly", f"{pde}, {precision}", measured, holds)


def _stages(found: Mapping[str, Solves]) -> Claim:
    parts, rises = [], []
    for method in ("ad", "fd"):
        error = np.median(found[method].errors, axis=1)
        rises.append(error[-1] / error.min())
        parts.append(f"{method} {number(float(rises[-1]))}")
    measured = f"last error over the least: {', '.join(parts)}"
    claim = "Beyond the cut-off the error rises again (Stages III, IV of Fig. 3b)"
    return Claim(claim, "poisson1d, M = N = 400", measured, all(rise >= SLOWER for rise in rises))
