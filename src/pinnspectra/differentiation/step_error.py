"""The error of a difference as a function of its step, and the step at which it is least."""

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
    """The expected error of D_h u over the step h, rms: truncation C h^p beside rounding R / h^k.

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
    def of(
        u: Field, x: Points, operators: Sequence[DifferentialOperator], accuracy_order: int
    ) -> StepError:
        """The error of operators of one order k >= 1 on the functions u (..., N) at the points x.

        C by AD, at 512 of the points at most; root of the mean of the squares over the points and
        over the functions that are finite there, and of the sum over the operators.
        """
        order, x = operators[0].order, subsample(x)
        leading = [leading_error(operator, accuracy_order) for operator in operators]
        errors = Automatic().derivatives(u, x, *leading)
        truncation = math.hypot(*(_rms(e.double().square().mean(-1).sqrt()) for e in errors))
        norm = math.hypot(*(weight_norm(operator, accuracy_order) for operator in operators))
        return StepError(truncation, norm * _rms(noise_level(u, x)), order, accuracy_order)

    def at(self, step: float) -> float:
        """The expected error with a step, sqrt((C h^p)^2 + (R / h^k)^2)."""
        truncation = self.truncation * step**self.accuracy_order
        return math.hypot(truncation, self.rounding / step**self.order)

    @property
    def best_step(self) -> float:
        """h* = (sqrt(k/p) R / C)^(1 / (k+p)), where the expected error is least.

        0 where nothing is rounded, infinite where nothing is truncated, NaN where neither is seen.
        """
        k, p = self.order, self.accuracy_order
        if self.truncation == 0:
            return math.inf if self.rounding else math.nan
        return (math.sqrt(k / p) * self.rounding / self.truncation) ** (1 / (k + p))


def _rms(values: Tensor) -> float:
    """Root mean square of what is finite."""
    return float(values[values.isfinite()].square().mean().sqrt())
