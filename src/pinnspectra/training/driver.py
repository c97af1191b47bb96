"""The driver: many full-batch gradient steps of all members in one program.

A *segment* takes a state (parameters and what the optimizer remembers, every tensor with a leading
member dimension S) and the learning rates of K gradient steps, (K, S). It returns the state after
them, the losses before each, (K, S), and what is measured of the last parameters, (n, S). A
member's loss depends on its own parameters alone, so the gradient of the sum over the members holds
the gradient of each.

Eagerly a segment is a Python loop, where a step costs a hundred calls to torch whatever it computes
(problem.py). Compiled, it is one C++ program (compiled.py). Members are taken in groups, and the
points of large problems in parts, whose arrays fit the cache.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pinnspectra.networks import Parameters
from pinnspectra.runs.messages import first_line
from pinnspectra.solvers import Memory
from pinnspectra.training.compiled import compiled_segment
from pinnspectra.training.distributed import summed
from pinnspectra.training.problem import (
    Losses,
    Measure,
    Problem,
    State,
    eager_segment,
    flattened,
)

log = logging.getLogger(__name__)

CACHE_BYTES = 2**19
"""Bytes of an (S, M, n) array up to which members are trained together in a compiled program: half
of a small L2 cache, since a step works on two, a sine and a cosine."""

EAGER_BYTES = 2**23
"""The same in a Python loop, where a step takes its calls' time up to such sizes."""

EAGER_STEP_SECONDS, EAGER_VALUE_SECONDS = 1e-3, 1e-8
"""An eager gradient step takes about the first plus the second for each of its S N M values."""

COMPILE_SECONDS = 6.0
"""What compiling takes the first time, about; a run that is not longer than that stays eager."""


class CompileError(RuntimeError):
    """The gradient steps cannot be compiled."""


def pays(max_steps: int, values: int) -> bool:
    """Whether a run of gradient steps on (S, M, N) arrays of so many values is worth compiling.

    Decided from the sizes alone, so that a run gives the same numbers every time.
    """
    return max_steps * (EAGER_STEP_SECONDS + EAGER_VALUE_SECONDS * values) > COMPILE_SECONDS


def groups(members: int, bytes_per_member: int, most: int = CACHE_BYTES) -> list[slice]:
    """The members in groups of at most so many bytes, of one size where that is close by.

    Every size is a program of its own to compile.
    """
    fewest = math.ceil(members / max(1, most // bytes_per_member))
    equal = (n for n in range(fewest, min(2 * fewest, members) + 1) if members % n == 0)
    count = next(equal, fewest)
    ends = [members * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(ends)]


class FunctionalDriver:
    """Advances all members with an optimizer of this project, in groups that fit the cache.

    Args:
        problem: what is trained.
        theta: the members' parameters, which are changed in place.
        nodes: the number n of points at which the losses evaluate a network; the same number in all
            processes, which take the members in the same groups.
        programs: those compiled so far in this process.
        compiled: compile; "auto" falls back to the eager loop where that fails.
        memory: what the optimizer remembers; None at the start.

    Raises:
        CompileError: asked to compile, and torch cannot.
    """

    def __init__(
        self,
        problem: Problem,
        theta: Parameters,
        nodes: int,
        programs: dict[Any, Any],
        compiled: bool | str,
        memory: Memory | None = None,
    ) -> None:
        self._theta = theta
        self.memory = problem.optimizer.initial_memory(theta) if memory is None else memory
        coefficients = theta["coefficients"]
        members, width = coefficients.shape
        size = width * nodes * coefficients.element_size()
        self._groups = groups(members, size, CACHE_BYTES if compiled else EAGER_BYTES)
        self._segments = [eager_segment(problem)] * len(self._groups)
        if compiled:
            self._compile(problem, programs, compiled)

    def _compile(self, problem: Problem, programs: dict[Any, Any], wanted: bool | str) -> None:
        try:
            states = [self._state(group) for group in self._groups]
            self._segments = [compiled_segment(problem, state, programs) for state in states]
        except Exception as error:
            said = first_line(error)
            if "InvalidCxxCompiler" in said:
                said = "there is no C++ compiler: install g++, or name another in CXX"
            if wanted is True:
                raise CompileError(f"compile=true: cannot compile: {said}") from error
            log.warning("cannot compile, gradient steps are taken eagerly: %s", said)

    def _state(self, group: slice) -> State:
        theta = {name: value[group] for name, value in self._theta.items()}
        memory = {
            kept: {name: value[group] for name, value in values.items()}
            for kept, values in self.memory.items()
        }
        return theta, memory

    @torch.no_grad()
    def advance(self, rates: Tensor) -> tuple[Tensor, Tensor]:
        """Take len(rates) gradient steps; the losses before each, (K, S), and the measure, (n, S).

        Args:
            rates: learning rates, (K, S), float64.
        """
        histories, measured = [], []
        for group, segment in zip(self._groups, self._segments, strict=True):
            state = self._state(group)
            with torch.enable_grad():
                new, history, last = segment(state, rates[:, group])
            for old, tensor in zip(flattened(state)[0], flattened(new)[0], strict=True):
                old.copy_(tensor)
            histories.append(history)
            measured.append(last)
        return torch.cat(histories, dim=1), torch.cat(measured, dim=1)

    def restore(self, member: int, parameters: Parameters) -> None:
        """Set a member that diverged back to these parameters, and forget what it remembers."""
        for name, value in self._theta.items():
            value[member] = parameters[name][member]
        for values in self.memory.values():
            for value in values.values():
                value[member] = 0


class TorchDriver:
    """Advances every member with a torch optimizer of its own, which need not be elementwise.

    Args:
        summands: the members' loss is their sum, over all processes.
        optimizers: one a member, over its parameters (1, ...) in the order of the names.
        names: the parameters' names.
        measure: what is measured of a member.
    """

    def __init__(
        self,
        summands: Sequence[Losses],
        optimizers: list[torch.optim.Optimizer],
        names: list[str],
        measure: Measure,
    ) -> None:
        self._summands, self._optimizers, self._measure = summands, optimizers, measure
        self._names = names

    def _parameters(self, member: int) -> Parameters:
        groups = self._optimizers[member].param_groups
        return dict(zip(self._names, (p for g in groups for p in g["params"]), strict=True))

    def advance(self, rates: Tensor) -> tuple[Tensor, Tensor]:
        """Take len(rates) gradient steps; the losses before each, (K, S), and the measure, (n, S).

        Args:
            rates: learning rates, (K, S), float64.
        """
        columns = [self._member(s, rates[:, s].tolist()) for s in range(len(self._optimizers))]
        measured = [self._measure(self._parameters(s)) for s in range(len(self._optimizers))]
        return torch.stack(columns, dim=1), torch.cat(measured, dim=1)

    def _member(self, member: int, rates: list[float]) -> Tensor:
        optimizer, parameters = self._optimizers[member], self._parameters(member)
        evaluated: list[Tensor] = []

        def closure() -> Tensor:
            optimizer.zero_grad()
            total = torch.zeros(())
            for part in self._summands:
                losses = part(parameters)
                losses.sum().backward()
                total = total.to(losses) + losses.detach()[0]
            total = self._summed(total, parameters)
            evaluated.append(total)
            return total

        if not any(rates):  # it diverged and is frozen
            like = next(iter(parameters.values()))
            return torch.zeros(len(rates), dtype=like.dtype, device=like.device)
        history = []
        for rate in rates:
            for group in optimizer.param_groups:
                group["lr"] = rate
            evaluated.clear()
            optimizer.step(closure)  # pyright: ignore
            history.append(evaluated[0])
        return torch.stack(history)

    @staticmethod
    def _summed(loss: Tensor, parameters: Parameters) -> Tensor:
        """The loss, and the gradients in their places, of all processes."""
        gradients = [p.grad for p in parameters.values() if p.grad is not None]
        loss, *sums = summed(loss, *gradients)
        for gradient, total in zip(gradients, sums, strict=True):
            gradient.copy_(total)
        return loss

    @torch.no_grad()
    def restore(self, member: int, parameters: Parameters) -> None:
        """Set a member that diverged back to these parameters, and forget what it remembers."""
        for name, value in self._parameters(member).items():
            value.copy_(parameters[name][member : member + 1])
        self._optimizers[member].state.clear()
