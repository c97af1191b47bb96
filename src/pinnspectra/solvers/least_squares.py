"""Least squares by truncated SVD, at every truncation position from one factorisation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pinnspectra.spectra.decomposition import svd

BLOCK = 256
"""Truncation positions whose solutions are formed at once."""


@dataclass(frozen=True, eq=False)
class TruncatedSVD:
    """The solutions a_P = sum_(i<=P) v_i (u_i . f) / sigma_i of min ||A a - f|| (Eq. 14-15).

    `matrix` is A (N, M) and `right_side` is f (N,). Position P keeps the P largest singular values.
    Equivalent to torch.linalg.pinv with a cut-off, for every cut-off at once. There is no position
    if A is zero, not finite or without a decomposition that converges (singular values are NaN in
    the latter cases).
    """

    matrix: Tensor
    right_side: Tensor

    @cached_property
    def _factors(self) -> tuple[Tensor, Tensor, Tensor]:
        return svd(self.matrix)

    @property
    def singular_values(self) -> Tensor:
        """sigma_1 >= sigma_2 >= ..., (min(N, M),)."""
        return self._factors[1]

    @cached_property
    def positions(self) -> int:
        """The last position; singular values that are exactly zero cannot be kept."""
        return int((self.singular_values > 0).sum())

    def coefficients(self, position: int) -> Tensor:
        """Return a_P for one truncation position, (M,)."""
        U, s, Vh = self._factors
        weights = (U.mT @ self.right_side)[:position] / s[:position]
        return Vh[:position].mT @ weights

    def relative_errors(self, rows: int | None = None) -> Tensor:
        """Return ||A a_P - f|| / ||f|| for P = 1..positions, over the first `rows` or all rows.

        (positions,). Every a_P is formed and multiplied by A, which shows the errors of small
        singular values (Stages III and IV of Fig. 3); the projections u_i . f would hide them.
        """
        U, s, Vh = self._factors
        f = self.right_side
        n = self.positions
        weights = (U.mT @ f)[:n] / s[:n]
        A, f = self.matrix[:rows], f[:rows]
        errors = []
        for first in range(0, n, BLOCK):
            last = min(first + BLOCK, n)
            keep = torch.ones(last, last - first, dtype=s.dtype, device=s.device)
            keep = keep.triu(diagonal=-first)  # column c keeps the values 1..first + c + 1
            a = Vh[:last].mT @ (weights[:last, None] * keep)
            errors.append((A @ a - f[:, None]).norm(dim=0))
        return torch.cat(errors) / f.norm() if errors else f.new_zeros(0)
