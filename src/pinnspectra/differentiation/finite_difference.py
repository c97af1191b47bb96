"""Finite differences: central stencils at shifted points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pinnspectra.differentiation.base import (
    AbstractDifferentiation,
    Field,
    check_dimension,
    check_renewal,
)
from pinnspectra.differentiation.operators import DifferentialOperator
from pinnspectra.differentiation.points import Axis, Points
from pinnspectra.differentiation.stencil import Offset, Stencil, check_step, stencils
from pinnspectra.differentiation.step_error import StepError


def check_difference(step: float, accuracy_order: int) -> None:
    """Check the step and the accuracy order of a difference.

    Raises:
        ValueError: the step is not a finite number above 0, or there is no such stencil.
    """
    if not (math.isfinite(step) and step > 0):
        raise ValueError(f"step={step}: a finite number above 0 is needed")
    if accuracy_order not in (2, 4, 6):
        raise ValueError(f"accuracy_order={accuracy_order}: allowed are 2, 4, 6")


def grid_values(
    u: Tensor, axes: tuple[Axis, ...], offsets: Iterable[Offset], reach: int, stride: int
) -> dict[Offset, Tensor]:
    """Slice u on a grid extended by `reach` nodes into u(x + s h) for every offset s, (..., N).

    `stride` is the step h in grid spacings.
    """
    on_grid = u.unflatten(-1, tuple(axis.count + 2 * reach for axis in axes))

    def shifted(offset: Offset) -> Tensor:
        values = on_grid
        for i, (s, axis) in enumerate(zip(offset, axes, strict=True)):
            values = values.narrow(i - len(axes), reach + s * stride, axis.count)
        return values.flatten(-len(axes))

    return {offset: shifted(offset) for offset in offsets}


def apply_stencils(
    chosen: tuple[tuple[Stencil, ...], ...],
    values: Mapping[Offset, Tensor],
    step: float,
    x: Points,
) -> tuple[Tensor, ...]:
    """Apply and sum the stencils of every operator, given u(x + s h) by offset, (..., N) each.

    Divisors are tensors cached by x, which makes them inputs of compiled programs: runs that differ
    in the step alone share a program.
    """
    totals = []
    for group in chosen:
        parts = [stencil.apply(values, x.scalar(stencil.divisor(step))) for stencil in group]
        totals.append(sum(parts[1:], parts[0]))
    return tuple(totals)


def _saves_evaluations(axes: tuple[Axis, ...], reach: int, offsets: int) -> bool:
    """Return whether the extended grid has no more nodes than there are shifted points.

    Decided for the whole grid, so that its parts are rounded alike.
    """
    nodes = math.prod([axis.whole_count + 2 * reach for axis in axes])
    return nodes <= offsets * math.prod([axis.whole_count for axis in axes])


def _stride(step: float, x: Points) -> int | None:
    """Return the step in grid spacings, if it is the same whole number along every axis."""
    ratios = {step / axis.spacing for axis in x.axes or ()}
    strides = {round(ratio) for ratio in ratios}
    whole = all(r >= 0.5 and abs(r - round(r)) < 1e-9 * r for r in ratios)
    return strides.pop() if whole and len(strides) == 1 else None


@dataclass(frozen=True)
class FiniteDifference(AbstractDifferentiation):
    """Central differences of a given accuracy order, evaluating u outside the domain, too.

    The paper's FD as its numbers require it (Eq. 8, B.2.3, B.3.3, B.4.3): u is evaluated at
    x + s h in the dtype of the points, also where that is outside the domain. Where h is a whole
    number of grid spacings u is evaluated once on the extended grid, unless that has more nodes
    than there are shifted points. The error is O(h^p), with p = accuracy_order, plus rounding of
    O(eps / h^k).

    step="auto" balances the two for a field (`fitted`); without a field it is
    max|x| eps^(1/(k+p)), which balances them where all derivatives are of one size.

    Args:
        step: h, or auto.
        accuracy_order: p, 2, 4 or 6.
        renew_every: gradient steps after which an automatic step is determined anew.
    """

    step: float | Literal["auto"]
    accuracy_order: int = 2
    renew_every: int = 1000

    def __post_init__(self) -> None:
        """Check the settings."""
        check_difference(1.0 if self.step == "auto" else self.step, self.accuracy_order)
        check_renewal(self.renew_every)

    def derivatives(
        self, u: Field, x: Points, *operators: DifferentialOperator
    ) -> tuple[Tensor, ...]:
        """Apply stencils to values of u that all operators share, (..., N) each.

        Raises:
            ValueError: the step leaves the range or the resolution of the dtype.
        """
        check_dimension(operators, x)
        order = max(operator.order for operator in operators)
        step = self.step_for(order, x)
        check_step(step, order, x)
        chosen = tuple(stencils(operator, self.accuracy_order) for operator in operators)
        offsets = tuple(sorted({o for group in chosen for s in group for o, _ in s.weights}))
        return apply_stencils(chosen, self._values(u, x, offsets, step), step, x)

    def fitted(
        self, u: Field, x: Points, operators: Sequence[DifferentialOperator]
    ) -> AbstractDifferentiation:
        """Determine the best step for every order of derivative; keep a step that is given."""
        orders = sorted({operator.order for operator in operators} - {0})
        p = self.accuracy_order
        if self.step != "auto" or not orders:
            return self
        errors = {
            order: StepError.estimate(u, x, [o for o in operators if o.order == order], p)
            for order in orders
        }
        steps = {order: self._admissible_step(error, x) for order, error in errors.items()}
        expected = errors[orders[-1]].at(steps[orders[-1]])
        return FittedDifference(tuple(steps.items()), p, expected)

    def step_for(self, order: int, x: Points) -> float:
        """Return the step for derivatives of some order at the points, without a field."""
        return self._default_step(order, x) if self.step == "auto" else self.step

    def _admissible_step(self, error: StepError, x: Points) -> float:
        """Return the best step, limited to steps that move x and are no longer than max|x|."""
        best, eps = error.best_step, torch.finfo(x.coordinates.dtype).eps
        if not best > 0:  # neither truncation nor rounding was seen
            return self._default_step(error.order, x)
        return min(max(best, 2 * eps * x.largest_coordinate), x.largest_coordinate)

    def _default_step(self, order: int, x: Points) -> float:
        """Return max|x| eps^(1/(k+p)), where C h^p = eps / h^k for C = max|x|^-(k+p)."""
        eps = torch.finfo(x.coordinates.dtype).eps
        return x.largest_coordinate * eps ** (1 / (order + self.accuracy_order))

    def _values(
        self, u: Field, x: Points, offsets: tuple[Offset, ...], step: float
    ) -> dict[Offset, Tensor]:
        farthest = max(abs(s) for offset in offsets for s in offset)
        if farthest == 0:
            return {offsets[0]: u(x.coordinates)}
        stride = _stride(step, x)
        reach = farthest * (stride or 0)
        if x.axes is not None and stride and _saves_evaluations(x.axes, reach, len(offsets)):
            on_grid = u(x.extended(reach).coordinates)
            return grid_values(on_grid, x.axes, offsets, reach, stride)
        values = u(x.shifted(offsets, step).coordinates)
        parts = values.unflatten(-1, (len(offsets), len(x.coordinates))).unbind(-2)
        return dict(zip(offsets, parts, strict=True))


@dataclass(frozen=True)
class FittedDifference(AbstractDifferentiation):
    """Finite differences with a fitted step for every order of derivative.

    The operators of a call share their points, and so the step of the highest order among them.

    Args:
        steps: (k, h) for every order k, ascending.
        accuracy_order: p, 2, 4 or 6.
        expected_error: expected rms error of the operators of the highest order.
    """

    steps: tuple[tuple[int, float], ...]
    accuracy_order: int
    expected_error: float

    def derivatives(
        self, u: Field, x: Points, *operators: DifferentialOperator
    ) -> tuple[Tensor, ...]:
        """Apply stencils to values of u that all operators share, (..., N) each."""
        highest = max(operator.order for operator in operators)
        return self.of_order(highest).derivatives(u, x, *operators)

    def of_order(self, order: int) -> FiniteDifference:
        """Return the difference for derivatives of some order."""
        step = next(step for k, step in self.steps if k >= order)
        return FiniteDifference(step, self.accuracy_order)

    @property
    def metrics(self) -> dict[str, float]:
        """The step and the expected error of the highest order."""
        return {"step": self.steps[-1][1], "expected_error": self.expected_error}
