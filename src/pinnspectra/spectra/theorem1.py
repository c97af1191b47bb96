"""Theorem 1: bounds on the loss from a window of modes that holds nearly all of the residual."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnspectra.spectra.modes import LossModes

WINDOW_SHARE = 0.99
"""The share of |rho|^2 that a window must exceed at every record; the theorem supposes 1."""


@dataclass(frozen=True)
class Bounds:
    """The bounds of Theorem 1 on L(T) / L(t*), and its measured value; modes count from 1.

    first_mode, last_mode: the smallest window that holds more than WINDOW_SHARE of |rho|^2 at every
        record of [t*, T].
    share: the smallest share that it holds.
    eta, zeta: the extremes of min rho_i^2 / max rho_i^2 and of its inverse over window and records.
    lower, upper: the bounds of Eq. 20.
    measured: L(T) / L(t*).
    exponential_rate: exp(-4 integral of rho^T G rho / rho^T rho dt), free of assumptions.
    vacuous: upper > 0.99 or lower < 0.01, so that at least one bound is useless.
    holds: lower <= measured <= upper, which may fail, since rho has a part outside the window.
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
    """Find the shortest window of modes first..last-1 with a share above WINDOW_SHARE.

    Of equally short windows the one with the largest share; all modes where there is none.

    Args:
        shares: (n + 1, n + 1), the share of the modes first..last-1 at [first, last].

    Returns:
        first, last and the share.
    """
    edges = torch.arange(len(shares), device=shares.device)
    length = (edges - edges[:, None]).double()
    # shares are at most 1, up to rounding, and so only order windows of equal length
    badness = (length - shares / 2).where(shares > WINDOW_SHARE, math.inf)
    at = int(badness.argmin()) if bool(badness.isfinite().any()) else len(shares) - 1
    first, last = divmod(at, len(shares))
    return first, last, float(shares[first, last])


def window_shares(squares: Tensor) -> Tensor:
    """Return the share of squares, (n,), in every window first..last-1, (n + 1, n + 1)."""
    ends = torch.cat([squares.new_zeros(1), squares.cumsum(dim=0)]) / squares.sum()
    return ends - ends[:, None]


def bounds(steps: Sequence[int], time: Tensor, modes: LossModes) -> list[Bounds]:
    """Evaluate Theorem 1 for every record t* before the last, T, in ascending order.

    With the window W of k modes and extremes over the records of [t*, T],
        exp(-4 zeta max mean_W lambda (T - t*)) <= L(T) / L(t*)
            <= exp(-4 eta min mean_W lambda (T - t*))        (Eq. 20),
    times being sums of learning rates. 4, not 2: L = |rho|^2 and grad L = 2 J^T rho (LossModes).
    The mean divides by the k modes of the sum; the paper divides by k - 1, for which the upper
    bound is false. It does not say how t* is chosen.

    Args:
        steps: gradient steps of the records, (K,).
        time: the sum of the learning rates up to each record, (K,), float64.
        modes: the modes at each record, (K, n).
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
