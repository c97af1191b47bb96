"""Methods compared on one network: their errors, and what a gradient step by them costs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import (
    AbstractDifferentiation,
    Automatic,
    Field,
    FiniteDifference,
)
from pinnspectra.differentiation.noise import noise_level
from pinnspectra.differentiation.points import Points
from pinnspectra.differentiation.step_error import StepError
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.rounding.law import entry_deviation, largest_error
from pinnspectra.solvers import Adam
from pinnspectra.solvers.random_features import FLOOR_MARGIN
from pinnspectra.spectra.decomposition import singular_values
from pinnspectra.studies.advise.figure import StepCurve
from pinnspectra.training.functional_driver import FunctionalDriver
from pinnspectra.training.objective import Objective

ORDERS = (2, 4, 6)
"""The accuracy orders that are compared."""

TRAINED_STEPS, LEARNING_RATE = 1000, 3e-3
"""Training by Adam before errors are taken."""

TIMED_SECONDS, TIMINGS = 0.1, 5
"""Gradient steps take at least this time in each of these timings; the shortest counts."""

SMALL_ERROR, SMALL_COST = 1e-3, 0.9
"""Error, relative to f, and cost, relative to AD, below which differences are preferred to AD."""

SCAN = np.geomspace(1 / 30, 30, 61)
"""Steps over the best one at which the figure has the expected error; every third is measured."""


@dataclass(frozen=True)
class Candidate:
    """A method, measured on one network.

    Attributes:
        choice: the overrides that choose it.
        step: h, of the operator inside; None for AD.
        error: the expected rms error of the operator over the rms of f.
        floor: the top of the rounding floor under the spectrum of A, of the hidden layers'
            features, over sigma_1.
        cost: the time of a gradient step over AD's.
    """

    choice: str
    step: float | None
    error: float
    floor: float
    cost: float

    @property
    def row(self) -> dict[str, str | float | None]:
        """The candidate's line of a table.

        The usable cut-off is the lowest that keeps rounding out of e and H; at most 1.
        """
        return {
            "method": self.choice,
            "step": self.step,
            "expected error / rms f": self.error,
            "floor / sigma_1": self.floor,
            "usable cutoff": min(FLOOR_MARGIN * self.floor, 1.0),
            "time / AD": self.cost,
        }


@dataclass(frozen=True, eq=False)
class Subject:
    """What methods are compared on: a problem at float64 points, and a network."""

    collocation: Collocation
    network: AbstractNetwork
    parameters: Parameters
    boundary_weight: float

    def field(self, dtype: torch.dtype) -> Field:
        """Return u in a dtype, whatever the parameters were trained in."""
        return self.network.field({n: value.to(dtype) for n, value in self.parameters.items()})

    @property
    def scale(self) -> float:
        """rms of f, or 1 where it is zero."""
        return _rms(self.collocation.forcing) or 1.0

    def working(self, method: AbstractDifferentiation, dtype: torch.dtype) -> Collocation:
        """Return the problem, differentiated by a method in a dtype."""
        return replace(self.collocation, method=method).to(dtype)

    def step_error(self, accuracy_order: int, dtype: torch.dtype) -> StepError:
        """Return the expected error of the operators of the highest order over the rms of f."""
        operators, x = self.collocation.leading_operators, self.collocation.interior.to(dtype)
        error = StepError.estimate(self.field(dtype), x, operators, accuracy_order)
        truncation, rounding = error.truncation / self.scale, error.rounding / self.scale
        return replace(error, truncation=truncation, rounding=rounding)

    def rounding_by_ad(self, dtype: torch.dtype) -> float:
        """Measure the rounding error of the operator by AD as noise, over the rms of f."""
        u, x = self.field(dtype), self.collocation.interior.to(dtype)

        def operator(x: Tensor) -> Tensor:
            return self.collocation.pde.operator(u, Points(x), Automatic())

        return float(noise_level(operator, x)) / self.scale

    def measured_error(self, method: AbstractDifferentiation, dtype: torch.dtype) -> float:
        """Measure the rms of the residual minus that by AD in float64, over the rms of f."""
        exact = self.collocation.by_ad().residual(self.field(torch.float64))
        residual = self.working(method, dtype).residual(self.field(dtype))
        return _rms(residual.double() - exact) / self.scale

    def floor(self, method: AbstractDifferentiation) -> float:
        """Predict the largest rounding error in the spectrum of A, over sigma_1."""
        collocation = replace(self.collocation, method=method)
        deviation = float(entry_deviation(collocation, self.network, self.parameters)[0])
        rows = len(self.collocation.interior.coordinates)
        dtype = self.parameters["coefficients"].dtype
        features = self.network.features(self.parameters)
        sigma = singular_values(self.collocation.to(dtype).system_matrix(features))[0]
        return largest_error(deviation, rows, self.network.width) / float(sigma[0])

    def driver(self, method: AbstractDifferentiation, compiled: bool | str) -> FunctionalDriver:
        """Return a driver that trains the subject's parameters by a method, with Adam."""
        dtype = self.parameters["coefficients"].dtype
        working = self.working(method, dtype)

        def losses(parameters: Parameters) -> Tensor:
            parts = working.losses(self.network.field(parameters))
            return parts["interior"] + self.boundary_weight * parts["boundary"]

        objective = Objective((losses,), lambda p: losses(p)[None].double())
        optimizer = Adam(LEARNING_RATE)
        return FunctionalDriver(objective, optimizer, self.parameters, working.nodes, compiled)


def candidates(
    subject: Subject, given_step: float, given_order: int, compiled: bool | str
) -> list[Candidate]:
    """Measure AD, the given differences, and those of each accuracy order with their best step.

    The subject's parameters are trained before, in place.

    Args:
        subject: what to compare on.
        given_step: a step to try beside the best ones.
        given_order: its accuracy order.
        compiled: compile the gradient steps, as training would.

    Raises:
        ValueError: training leaves no finite network.
    """
    dtype = subject.parameters["coefficients"].dtype
    by_ad = subject.driver(Automatic(), compiled)
    _, measured = by_ad.advance(torch.full((TRAINED_STEPS, 1), LEARNING_RATE, dtype=torch.float64))
    if not measured.isfinite().all():
        raise ValueError(
            f"the network is not finite after {TRAINED_STEPS} gradient steps: "
            f"take a smaller model.weight_range, or precision=float64"
        )
    second = _seconds(by_ad)
    error_by_ad, floor_by_ad = subject.rounding_by_ad(dtype), subject.floor(Automatic())
    found = [Candidate("method=ad", None, error_by_ad, floor_by_ad, 1.0)]

    def add(step: float | str, p: int, method: AbstractDifferentiation, h: float, e: float) -> None:
        choice = f"method=fd method.step={step} method.accuracy_order={p}"
        cost = _seconds(subject.driver(method, compiled)) / second
        found.append(Candidate(choice, h, e, subject.floor(method), cost))

    error = subject.step_error(given_order, dtype).at(given_step)
    add(given_step, given_order, FiniteDifference(given_step, given_order), given_step, error)
    for p in ORDERS:
        automatic = subject.working(FiniteDifference("auto", p), dtype)
        best = automatic.fitted(subject.field(dtype)).method
        add("auto", p, best, best.metrics["step"], best.metrics["expected_error"] / subject.scale)
    return found


def step_curves(subject: Subject, precision: str) -> tuple[list[StepCurve], float]:
    """Return the errors over the step in a precision, and the rounding error of AD there."""
    dtype = getattr(torch, precision)
    return [_curve(subject, p, dtype) for p in ORDERS], subject.rounding_by_ad(dtype)


def _curve(subject: Subject, accuracy_order: int, dtype: torch.dtype) -> StepCurve:
    error = subject.step_error(accuracy_order, dtype)
    steps = error.best_step * SCAN
    steps = steps[steps <= subject.collocation.interior.largest_coordinate]
    measured = np.full(steps.size, np.nan)
    for k in range(0, steps.size, 3):
        difference = FiniteDifference(float(steps[k]), accuracy_order)
        measured[k] = subject.measured_error(difference, dtype)
    expected = np.array([error.at(float(h)) for h in steps])
    best = error.best_step, error.at(error.best_step)
    return StepCurve(accuracy_order, steps, expected, measured, best)


def advice(found: Sequence[Candidate]) -> str:
    """Tell in a line what to take of AD, which comes first, given differences, and others."""
    ad, given, *others = found
    close = [c for c in others if c.error < SMALL_ERROR and c.cost < SMALL_COST]
    taken = min(close, key=lambda c: c.cost, default=ad)
    if taken is ad:
        best = min(others, key=lambda c: c.error)
        reason = f"its error is rounding alone, {ad.error:.1e} of f"
        reason += f"; of differences {best.choice} has the least, {best.error:.1e}"
    else:
        reason = f"{taken.cost:.2g} of the time of AD, error {taken.error:.1e}"
    return f"take {taken.choice}: {reason}; {given.choice} has {given.error:.1e}"


def _seconds(driver: FunctionalDriver) -> float:
    """Time a gradient step, with rates of zero, which leave the parameters as they are."""
    steps, elapsed = 1, 0.0
    while elapsed < TIMED_SECONDS:
        steps *= 2
        elapsed = _elapsed(driver, steps)
    return min(elapsed, *(_elapsed(driver, steps) for _ in range(TIMINGS - 1))) / steps


def _elapsed(driver: FunctionalDriver, steps: int) -> float:
    rates = torch.zeros(steps, 1, dtype=torch.float64)
    started = time.perf_counter()
    driver.advance(rates)
    return time.perf_counter() - started


def _rms(values: Tensor) -> float:
    return float(values.double().square().mean().sqrt())
