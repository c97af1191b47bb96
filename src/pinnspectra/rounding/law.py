"""The rounding floor of finite differences as a law of dtype, stencil, step, points and features.

A stencil causes errors in the entries of A with a standard deviation s of about eps ||c|| / h^k,
nearly independent of each other and of A. The singular values of such a matrix follow the law of
Marchenko and Pastur, and add to those of A in squares,

    sigma_k^2 = sigma_k(exact)^2 + s^2 mp_(k-K)^2,

with K values above the errors, which are confined to the remaining dimensions.

Variances are propagated through the network and the stencil operation by operation (rounded.py).
The rounding of x + h is neglected: it is common to all columns, so that it is of low rank and
raises the largest singular values of the errors, not the floor.

References: Marchenko and Pastur, Math. USSR Sbornik 1 (1967) 457-483; the entries' variance is a
statistical form of running error analysis (Higham, Accuracy and Stability of Numerical Algorithms,
2nd ed. (2002), Sec. 3.3).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Automatic, FiniteDifference, GridDifference
from pinnspectra.differentiation.activations import activation_named
from pinnspectra.differentiation.finite_difference import FittedDifference
from pinnspectra.differentiation.noise import subsample
from pinnspectra.differentiation.stencil import Stencil, stencils
from pinnspectra.networks import AbstractNetwork, Parameters, cast
from pinnspectra.rounding.rounded import Rounded

MAX_POINTS = 256
"""Points at which the deviation of an entry is estimated, at most."""

AD_DEVIATION = 0.2
"""Standard deviation of the errors of AD in an entry, in units of eps rms(A), as measured."""

QUANTILES = 4096
"""Nodes of the quadrature of the law of Marchenko and Pastur."""


def marchenko_pastur(rows: int, columns: int) -> Tensor:
    """Return the singular values of independent errors with deviation 1, (min(rows, columns),).

    Quantiles of the law of Marchenko and Pastur, descending, float64. With beta = m / n, n >= m,
    and sigma^2 = n (1 + beta + 2 sqrt(beta) cos t) its density is 2 sin^2 t / (pi (1 + beta +
    2 sqrt(beta) cos t)) over 0 < t < pi. The edges are sqrt(n) +- sqrt(m).
    """
    n, m = max(rows, columns), min(rows, columns)
    t = torch.linspace(0, math.pi, QUANTILES, dtype=torch.float64)
    square = 1 + m / n + 2 * math.sqrt(m / n) * torch.cos(t)
    density = torch.where(square > 1e-12, torch.sin(t).square() / square.clamp(min=1e-12), 1.0)
    share = torch.cumulative_trapezoid(density, t)
    share = torch.cat([share.new_zeros(1), share]) / share[-1]
    wanted = (torch.arange(m, dtype=torch.float64) + 0.5) / m
    right = torch.searchsorted(share, wanted).clamp(1, QUANTILES - 1)
    left = right - 1
    part = (wanted - share[left]) / (share[right] - share[left])
    values = (n * square.clamp(min=0)).sqrt()
    return values[left] + part * (values[right] - values[left])


@torch.no_grad()
def entry_deviation(
    collocation: Collocation, network: AbstractNetwork, parameters: Parameters
) -> Tensor:
    """Return s, the standard deviation of the rounding errors of A's entries, (S,), float64.

    In the dtype and on the device of the parameters; root mean square over the features and at most
    MAX_POINTS points. For methods without a stencil that of AD, AD_DEVIATION eps rms(A).
    """
    coefficients = parameters["coefficients"]
    eps = torch.finfo(coefficients.dtype).eps
    x = subsample(collocation.interior, MAX_POINTS).to(torch.float64, coefficients.device)
    theta = cast(parameters, torch.float64)
    exact = collocation.pde.operator(network.features(theta), x, Automatic())
    by_ad = AD_DEVIATION * eps * exact.square().mean(dim=(-2, -1)).sqrt()
    variance = torch.zeros_like(by_ad)
    for stencil, step in _stencils(collocation):
        values = {
            offset: _features(network, theta, x.shifted((offset,), step).coordinates, eps)
            for offset, _ in stencil.weights
        }
        rounded = stencil.apply(values, stencil.divisor(step))
        variance = variance + rounded.variance.mean(dim=(-2, -1))
    return torch.hypot(variance.sqrt(), by_ad)


def largest_error(deviation: float, rows: int, columns: int) -> float:
    """Return the largest singular value of independent errors, s (sqrt(rows) + sqrt(columns)).

    The top of the floor, below which a spectrum is a tail of errors.
    """
    return deviation * (math.sqrt(rows) + math.sqrt(columns))


@torch.no_grad()
def jacobian_deviation(
    collocation: Collocation, network: AbstractNetwork, parameters: Parameters
) -> Tensor:
    """Return the standard deviation of J's errors over M columns, (S,), float64.

    For the two layers of Eq. 3. The columns d r / d a_j are those of A; d r / d b_j and d r / d w_j
    are a_j times as noisy, and add to them: s sqrt(1 + mean a^2 (1 + mean |x|^2)).
    """
    a = parameters["coefficients"].detach().double()
    x = collocation.interior.coordinates.double()
    others = a.square().mean(dim=-1) * (1 + x.square().sum(dim=-1).mean().to(a.device))
    return entry_deviation(collocation, network, parameters) * (1 + others).sqrt()


def predicted_floor(exact: Tensor, deviation: Tensor, rows: int, columns: int) -> Tensor:
    """Predict the rounding floor of a spectrum, by index, (S, n), float64.

    The k values above s (sqrt(rows) + sqrt(columns)) take k dimensions from the errors, which then
    follow the law of rows - k rows and columns - k columns. Without that the floor of a nearly
    square matrix that is nearly all signal would be far too low.

    Args:
        exact: singular values without rounding, (S, n), descending.
        deviation: the deviation of an entry, (S,) (entry_deviation; or jacobian_deviation with
            columns = M).
        rows: the number of rows.
        columns: the number of noisy columns.
    """
    found = [
        s * _errors_below(values, float(s), rows, columns)
        for values, s in zip(exact, deviation, strict=True)
    ]
    return torch.stack(found)


def _errors_below(values: Tensor, s: float, rows: int, columns: int) -> Tensor:
    """Return the singular values of unit errors in the dimensions that the signal leaves, (n,)."""
    most, k = min(rows, columns, len(values)), 0
    while k < most and values[k] > largest_error(s, rows - k, columns - k):
        k += 1
    errors = values.new_zeros(len(values))
    largest = marchenko_pastur(max(rows - k, 1), max(columns - k, 1))  # at least one
    errors[:k] = largest[0]
    errors[k : k + len(largest)] = largest[: len(values) - k].to(errors.device)
    return errors


def predicted_spectrum(exact: Tensor, floor: Tensor) -> Tensor:
    """Predict singular values with rounding, sqrt(exact^2 + floor^2), by index, (S, n).

    Errors are independent of the matrix, so that squares add.
    """
    return torch.hypot(exact, floor)


def _stencils(collocation: Collocation) -> list[tuple[Stencil, float]]:
    """Return the stencils of the operators of the highest order, each with the step."""
    operators, method = collocation.leading_operators, collocation.method
    order = operators[0].order
    if isinstance(method, FittedDifference):
        method = method.of_order(order)
    if isinstance(method, GridDifference):
        method = FiniteDifference(method.step)
    if not isinstance(method, FiniteDifference):
        return []
    step = method.step_for(order, collocation.interior)
    return [(s, step) for operator in operators for s in stencils(operator, method.accuracy_order)]


def _features(network: AbstractNetwork, parameters: Parameters, x: Tensor, eps: float) -> Rounded:
    """Evaluate phi_1..phi_M at points (n, d) with their rounding, (S, M, n).

    Layer by layer as AbstractNetwork.features; products of matrices are summed term by term.
    """
    activation = activation_named(network.activation)
    h = Rounded.exact(x.mT, eps)
    for layer in range(1, sum(name.startswith("weights_") for name in parameters) + 1):
        z = _linear(h, parameters[f"weights_{layer}"], parameters[f"biases_{layer}"])
        sign, slope = activation.derivatives(z.value)(1)
        h = z.mapped(activation, sign * slope)
    return h


def _linear(h: Rounded, weight: Tensor, bias: Tensor) -> Rounded:
    """Return W h + b, (S, M, n), for h (K, n) or (S, K, n)."""
    z = None
    for k in range(weight.shape[-1]):
        term = h.row(k) * weight[..., k : k + 1]
        z = term if z is None else z + term
    assert z is not None
    return z + Rounded.exact(bias.unsqueeze(-1), h.eps)
