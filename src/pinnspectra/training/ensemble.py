"""The ensemble: networks that are trained together, without anything that runs or records them."""

from __future__ import annotations

import math
import time
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from pinnspectra.collocation import Collocation
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.solvers import AbstractOptimizer
from pinnspectra.training.compiled import Programs
from pinnspectra.training.distributed import Share, processes
from pinnspectra.training.driver import AbstractDriver
from pinnspectra.training.fitted_method import FittedMethod
from pinnspectra.training.functional_driver import FunctionalDriver
from pinnspectra.training.members import Members
from pinnspectra.training.objective import CollocationLoss, interior_parts
from pinnspectra.training.rows import Row
from pinnspectra.training.schedule import LearningRates
from pinnspectra.training.torch_driver import MakeOptimizer, TorchDriver

COUNTED = ("gradient_step", "flow_time", "rows", "steps_taken", "seconds")
"""Attributes of an ensemble that its state holds as they are."""


class Ensemble:
    """Physics-informed networks, S of them, trained on full batches of collocation points.

    `start` it, then `advance` it. `gradient_step` counts the steps, `flow_time`, (S,), adds up
    their learning rates, and `rows` has what was measured last of every member that is left. A
    member whose loss is not finite ends, frozen at the parameters of its last row.

    The method is fitted to the networks at the start, and one that adapts again after every
    `renew_every` gradient steps; its metrics are in every row, as method/NAME.

    Args:
        collocation: residuals at float64 points; the working copy has the parameters' dtype.
        network: the network.
        parameters: the members' initial parameters, (S, ...), which are changed in place.
        optimizer: one of this project, which can be compiled, or one that makes a torch optimizer
            of a member's parameters.
        rates: the members' learning rates.
        boundary_weight: lambda in loss = interior + lambda boundary.
        compiled: compile the gradient steps; "auto" falls back to eager ones where that fails.
        programs: those compiled so far in this process.
    """

    def __init__(
        self,
        collocation: Collocation,
        network: AbstractNetwork,
        parameters: Parameters,
        optimizer: AbstractOptimizer | MakeOptimizer,
        rates: LearningRates,
        boundary_weight: float = 1.0,
        compiled: bool | str = False,
        programs: Programs | None = None,
    ) -> None:
        self.collocation, self.network, self.members = collocation, network, Members(parameters)
        self.optimizer, self.rates, self.boundary_weight = optimizer, rates, boundary_weight
        self.compiled, self.programs = compiled, programs
        self.method = FittedMethod(collocation, network)
        self.gradient_step, self.steps_taken, self.seconds = 0, 0, 0.0
        self.flow_time = torch.zeros(self.members.size, dtype=torch.float64)
        self.rows: dict[int, Row] = {}
        self._memory: Any = None

    @property
    def activation_entries(self) -> int:
        """Entries of an activation, (S, M, n), of which a gradient step makes many."""
        return self.members.size * self.network.width * self.collocation.nodes

    @cached_property
    def renew_every(self) -> int | None:
        """Gradient steps after which the method is fitted to the networks anew; None for never."""
        return self.method.renew_every(self.members.copied())

    def start(self) -> None:
        """Fit the method to the networks and measure them; after load_state, go on from there.

        Raises:
            FitError: the method cannot be fitted to the networks.
            CompileError: the steps are to be compiled, and torch cannot.
        """
        reference = self.collocation.by_ad().to(torch.float64, self.members.device)
        self._references = interior_parts(Share.of(reference).collocation, self.network)
        there = {n: v.to(self.members.device) for n, v in self.method.fitted_to.items()}
        self.method.fit(there or self.members.copied())
        measured = self._train(self._memory)
        if not self.rows:
            self._note(torch.ones(1, self.members.size, dtype=torch.bool), measured)

    def advance(self, steps: int) -> None:
        """Take gradient steps, as long as a member is left, and measure the networks.

        Raises:
            FitError: the method can no longer be fitted to any member.
        """
        started, end = time.perf_counter(), self.gradient_step + steps
        while self.gradient_step < end and self.members.live:
            every = self.renew_every or end
            due = self.gradient_step and self.gradient_step % every == 0
            if due and self.method.fit_anew(self.members, self.gradient_step):
                self._train(self.driver.memory)
            until = min(end, (self.gradient_step // every + 1) * every)
            self._advance(until - self.gradient_step)
        self.seconds += time.perf_counter() - started

    def state(self) -> dict[str, Any]:
        """Return all that the numbers of later steps depend on; its tensors are those in use."""
        return {
            "parameters": self.members.parameters,
            "ended": self.members.ended,
            "memory": self.driver.memory,
            "fitted_to": self.method.fitted_to,
            "rates": self.rates.state(),
            **{name: getattr(self, name) for name in COUNTED},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state of an ensemble of the same arguments; before `start`."""
        for name, value in self.members.parameters.items():
            value.copy_(state["parameters"][name])
        self.members.ended = state["ended"]
        self._memory, self.method.fitted_to = state["memory"], state["fitted_to"]
        self.rates.restore(state["rates"])
        for name in COUNTED:
            setattr(self, name, state[name])

    def _train(self, memory: Any) -> Tensor:
        """Train by the method as it is fitted from here on; return the metrics, (n, S)."""
        loss = CollocationLoss(
            self.method.working, self._references, self.network, self.boundary_weight
        )
        metrics = loss.metrics(self.members.parameters)
        self._names = tuple(metrics)
        self.driver = _driver(self, loss, memory)  # last: recorded with tensors without numbers
        return torch.stack([*metrics.values()])

    def _advance(self, steps: int) -> None:
        """Take gradient steps by the method as it is fitted."""
        before = {name: value.clone() for name, value in self.members.parameters.items()}
        rates = self.rates.take(steps).clone()
        rates[:, self.members.diverged] = 0.0
        history, measured = self.driver.advance(rates.to(self.members.device))
        times = torch.cat([self.flow_time[None], rates])
        self.flow_time = times.cumsum(dim=0)[-1]  # one by one: the same however it is cut
        self.steps_taken += steps
        self._note(history.isfinite().cpu(), measured, before)

    def _note(self, finite: Tensor, measured: Tensor, before: Parameters | None = None) -> None:
        """Count steps of which losses were finite, (K, S); end members and note the others' rows.

        Args:
            finite: whether each loss was.
            measured: the metrics after them, (n, S).
            before: the parameters before them; None where none were taken.
        """
        steps = len(finite) if before else 0
        whole = finite.all(dim=0)
        ended = ~(whole & measured[0].isfinite().cpu())
        for s in (s for s in self.members.live if ended[s]):
            last = steps if whole[s] else int(finite[:, s].int().argmin())
            self.members.ended[s] = self.gradient_step + last
            if before:
                self.driver.restore(s, before)
        self.gradient_step += steps
        values, metrics = measured.T.tolist(), self.method.metrics
        self.rows = {
            s: dict(zip(self._names, values[s], strict=True)) | metrics for s in self.members.live
        }
        if not self.members.live:
            self.gradient_step = max(step or 0 for step in self.members.ended)


def _driver(ensemble: Ensemble, loss: CollocationLoss, memory: Any) -> AbstractDriver:
    """Return the driver of the kind of optimizer that an ensemble has."""
    parameters, optimizer = ensemble.members.parameters, ensemble.optimizer
    if not isinstance(optimizer, AbstractOptimizer):
        return TorchDriver(loss.objective, optimizer, parameters, memory)
    nodes = math.ceil(loss.working.nodes / processes())
    compiling = ensemble.compiled, ensemble.programs
    return FunctionalDriver(loss.objective, optimizer, parameters, nodes, *compiling, memory)
