"""The numbers that the paper prints, whether ours are the same, and why where they are not.

reproduced: the paper's value is inside the range of our seeds, or within 10 % of our median.
same ordering: it is neither, but our medians of AD and FD are in the printed order.
not reproduced: else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from omegaconf import OmegaConf

CLOSE = 0.1
"""Relative difference of our median up to which a number is reproduced."""

REPRODUCED, ORDERED, NOT = "reproduced", "same ordering", "not reproduced"

Entropies = Mapping[str, np.ndarray]
"""Our entropies by method, (S,)."""


@dataclass(frozen=True)
class Printed:
    """A printed pair of truncated entropies, of AD and FD, and the experiment that is ours.

    Attributes:
        figure: of the paper.
        source: where it is printed.
        pde: the problem.
        matrix: A, whose singular values are meant, or G, whose eigenvalues are, after training.
        cutoff: the a of Definition 2.
        entropy: the printed values by method.
        experiment: ours.
        width: the M of the random features, where the experiment sweeps over it.
        reason: why ours differ; shown where one is not reproduced.
    """

    figure: str
    source: str
    pde: str
    matrix: Literal["A", "G"]
    cutoff: float
    entropy: dict[str, float]
    experiment: str
    width: int | None = None
    reason: str = ""

    def is_reproduced(self, method: str, ours: Entropies) -> bool:
        """Tell whether the range of ours has the printed value, or 10 % around their median."""
        value, found = self.entropy[method], ours[method]
        inside = found.min() <= value <= found.max()
        return bool(inside or abs(float(np.median(found)) / value - 1) <= CLOSE)

    def is_ordered(self, ours: Entropies) -> bool:
        """Tell whether our medians of AD and FD are in the printed order."""
        ad, fd = (np.median(ours[method]) for method in ("ad", "fd"))
        return bool((self.entropy["ad"] - self.entropy["fd"]) * (ad - fd) > 0)

    def verdict(self, method: str, ours: Entropies) -> str:
        """Return the verdict on our entropies by a method."""
        if self.is_reproduced(method, ours):
            return REPRODUCED
        return ORDERED if self.is_ordered(ours) else NOT


_ROWS = OmegaConf.to_container(OmegaConf.load(Path(__file__).with_name("printed.yaml")))
PRINTED = [Printed(**row) for row in cast("list[dict[str, Any]]", _ROWS)]
"""Every pair that the paper prints."""
