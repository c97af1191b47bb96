"""Theorem 1: bounds on the loss from a window of modes that holds nearly all of the residual."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnspectra.spectra.modes import LossModes

SHARE = 0.99
"""What a window must hold of |rho|^2 at every record; the theorem supposes all of it."""


@dataclass(frozen=True)
class Bounds:
    """What Theorem 1 says of L(T) / L(t*), and what it was; modes are counted from 1.

    first_mode, last_mode: the smallest window that holds more than SHARE of |rho|^2 at every
        record of [t*, T].
    share: the least that it holds.
    eta, zeta: the extremes of min rho_i^2 / max rho_i^2 and of its inverse over window and records.
    lower, upper: the bounds of Eq. 20.
    measured: L(T) / L(t*).
    exponential_rate: exp(-4 integral of rho^T G rho / rho^T rho dt), which supposes nothing.
    vacuous: upper > 0.99 or lower < 0.01, so that at least one side says next to nothing.
    holds: lower <= measured <= upper. It need not, since the rest of rho is not zero.
    """

    t_star: int
    T: int
    first_mode: int
    last_mode: int
    share: float
    eta: float
    zeta: float
    lower: float
    upper: float
    measured: float
    exponential_rate: float
    vacuous: bool
    holds: bool


def smallest_window(shares: Tensor) -> tuple[int, int, float]:
    """The shortest window of modes first..last-1 with a share above SHARE, and that share.

    Of several as short the one that holds most. The window of all modes where none does.

    Args:
        shares: (n + 1, n + 1), what the modes first..last-1 hold at [first, last].
    """
    edges = torch.arange(len(shares), device=shares.device)
    length = (edges - edges[:, None]).double()
    # a share is at most 1 (but for rounding), which orders windows of one length
    badness = (length - shares / 2).where(shares > SHARE, math.inf)
    at = int(badness.argmin()) if bool(badness.isfinite().any()) else len(shares) - 1
    first, last = divmod(at, len(shares))
    return first, last, float(shares[first, last])


def window_shares(squares: Tensor) -> Tensor:
    """The share of all squares, (n,), in every window, (n + 1, n + 1): first..last-1."""
    ends = torch.cat([squares.new_zeros(1), squares.cumsum(dim=0)]) / squares.sum()
    return ends - ends[:, None]


def bounds(steps: Sequence[int], time: Tensor, modes: LossModes) -> list[Bounds]:
    """Theorem 1 for every t* but the last record, T being the last, in ascending order.

    With the window W of k modes and extremes over the records of [t*, T],
        exp(-4 zeta max mean_W lambda (T - t*)) <= L(T) / L(t*)
            <= exp(-4 eta min mean_W lambda (T - t*))        (Eq. 20),
    times being sums of learning rates. 4, not 2: L = |rho|^2 and grad L = 2 J^T rho (LossModes).
    The mean divides by the k modes of the sum; the paper divides by k - 1, for which the upper
    bound is false. How t* is chosen it does not say.

    Args:
        steps: gradient steps of the records, (K,).
        time: the sum of the learning rates until then, (K,), float64.
        modes: the modes then, (K, n).
    """
    found: list[Bounds] = []
    held = torch.ones((), dtype=torch.float64)
    for i in reversed(range(len(steps))):
        held = torch.minimum(held, window_shares(modes.squares[i]))
        if i < len(steps) - 1:
            later = LossModes(modes.eigenvalues[i:], modes.squares[i:])
            found.append(_bounds(steps[i:], time[i:], later, *smallest_window(held)))
    return found[::-1]


def _bounds(
    steps: Sequence[int], time: Tensor, modes: LossModes, first: int, last: int, share: float
) -> Bounds:
    squares = modes.squares[:, first:last]
    means = modes.eigenvalues[:, first:last].mean(dim=1)
    loss, length = modes.loss, float(time[-1] - time[0])
    eta = float((squares.amin(dim=1) / squares.amax(dim=1)).min())
    lower = math.exp(-4 / eta * float(means.max()) * length) if eta > 0 else 0.0
    upper = math.exp(-4 * eta * float(means.min()) * length)
    measured = float(loss[-1] / loss[0])
    return Bounds(
        t_star=steps[0],
        T=steps[-1],
        first_mode=first + 1,
        last_mode=last,
        share=share,
        eta=eta,
        zeta=1 / eta if eta > 0 else math.inf,
        lower=lower,
        upper=upper,
        measured=measured,
        exponential_rate=math.exp(-4 * float(torch.trapezoid(modes.rate, time))),
        vacuous=upper > 0.99 or lower < 0.01,
        holds=lower <= measured <= upper,
    )
