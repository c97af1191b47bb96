"""The numbers of a spectrum that could indicate something, and the rate at which a loss falls."""

from __future__ import annotations

import numpy as np
import torch

from pinnspectra.spectra.entropy import effective_cutoff, truncated_entropy

INDICATORS = {
    "H": "the truncated entropy (Definition 2)",
    "e": "the effective cut-off number (Definition 1)",
    "condition": "the largest value over the smallest above the cut-off",
    "mean": "the mean of the values above the cut-off (what Theorem 1's bounds hold of G)",
    "log det": "the sum of the logarithms of the values above the cut-off",
    "largest": "the largest value",
}
"""What is taken of every spectrum."""

NEXT, LAST = slice(1, None), slice(-1, None)
"""Of records, the one after each, and the last."""


def spectrum_indicators(spectra: np.ndarray, cutoff: float) -> dict[str, np.ndarray]:
    """The INDICATORS of spectra, (..., n), each (...), float64; NaN where a spectrum is not finite.

    Above the cut-off are the values of at least cutoff times the largest (Eq. 1).
    """
    values = torch.from_numpy(np.asarray(spectra, dtype=float))
    largest, e = values.amax(dim=-1), effective_cutoff(values, cutoff)
    kept = values >= cutoff * largest[..., None]
    found = {
        "H": truncated_entropy(values, cutoff),
        "e": e,
        "condition": largest / values.where(kept, torch.inf).amin(dim=-1),
        "mean": values.where(kept, 0.0).sum(dim=-1) / e,
        "log det": values.where(kept, 1.0).log().sum(dim=-1),
        "largest": largest,
    }
    finite = values.isfinite().all(dim=-1)
    return {name: value.where(finite, torch.nan).numpy() for name, value in found.items()}


def rate(
    steps: np.ndarray, loss: np.ndarray, learning_rates: np.ndarray, until: slice
) -> np.ndarray:
    """-d log L / d t from each record but the last, (K - 1, S); NaN where a loss is not positive.

    t = learning rate times steps is the time of the gradient flow (Eq. 16), so that runs with
    different learning rates can be compared.

    Args:
        steps: gradient steps of the records, (K,).
        loss: L at them, (K, S).
        learning_rates: of the members, (S,).
        until: the records to which, NEXT or LAST.
    """
    log = np.log(np.where(loss > 0, loss, np.nan))
    return (log[:-1] - log[until]) / ((steps[until] - steps[:-1])[:, None] * learning_rates)
