"""The error of a finite difference as a function of its step, and the step that minimises it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnspectra.differentiation.automatic import Automatic
from pinnspectra.differentiation.base import Field
from pinnspectra.differentiation.noise import noise_level, subsample
from pinnspectra.differentiation.operators import DifferentialOperator
from pinnspectra.differentiation.points import Points
from pinnspectra.differentiation.stencil import leading_error, weight_norm


@dataclass(frozen=True)
class StepError:
    """The expected rms error of D_h u: truncation C h^p and rounding R / h^k, independent.

    Args:
        truncation: C, the rms of the stencils' leading error on a field.
        rounding: R = ||c|| du, with the stencils' weights c and the noise du of the field.
        order: k.
        accuracy_order: p.
    """

    truncation: float
    rounding: float
    order: int
    accuracy_order: int

    @staticmethod
    @torch.no_grad()
    def estimate(
        u: Field, x: Points, operators: Sequence[DifferentialOperator], accuracy_order: int
    ) -> StepError:
        """Estimate the error of operators of one order k >= 1 on functions u (..., N) at x.

        C by AD, at no more than 512 of the points. Root of the mean of the squares over the points
        and over those functions that are finite, and of the sum over the operators.
        """
        order, x = operators[0].order, subsample(x)
        leading = [leading_error(operator, accuracy_order) for operator in operators]
        errors = Automatic().derivatives(u, x, *leading)
        truncation = math.hypot(*(_rms(e.double().square().mean(-1).sqrt()) for e in errors))
        norm = math.hypot(*(weight_norm(operator, accuracy_order) for operator in operators))
        return StepError(truncation, norm * _rms(noise_level(u, x)), order, accuracy_order)

    def at(self, step: float) -> float:
        """Return the expected error at a step, sqrt((C h^p)^2 + (R / h^k)^2)."""
        truncation = self.truncation * step**self.accuracy_order
        return math.hypot(truncation, self.rounding / step**self.order)

    @property
    def best_step(self) -> float:
        """h* = (sqrt(k/p) R / C)^(1 / (k+p)), which minimises the expected error.

        0 without rounding, infinite without truncation, NaN without either.
        """
        k, p = self.order, self.accuracy_order
        if self.truncation == 0:
            return math.inf if self.rounding else math.nan
        return (math.sqrt(k / p) * self.rounding / self.truncation) ** (1 / (k + p))


def _rms(values: Tensor) -> float:
    """Return the root mean square of the finite values."""
    return float(values[values.isfinite()].square().mean().sqrt())
