"""Many full-batch gradient steps of all members in one program.

A *segment* (steps.py) takes many gradient steps of some members. A member's loss depends on its own
parameters alone, so the gradient of the sum over the members holds the gradient of each.

Eagerly a segment is a Python loop, where a step costs a hundred calls to torch whatever it
computes. Compiled, it is one C++ program (compiled.py). Members are taken in groups, and the points
of large problems in parts, whose arrays fit the cache.
"""

from __future__ import annotations

import itertools
import logging
import math

import torch
from torch import Tensor

from pinnspectra.networks import Parameters
from pinnspectra.runs.messages import first_line
from pinnspectra.solvers import AbstractOptimizer, Memory
from pinnspectra.training.compiled import CompileError, Programs, compiled_segment
from pinnspectra.training.driver import AbstractDriver
from pinnspectra.training.objective import Objective
from pinnspectra.training.steps import Segment, State, eager_segment, flattened

log = logging.getLogger(__name__)

CACHE_BYTES = 2**19
"""Bytes of an (S, M, n) array up to which members are trained together in a compiled program: half
of a small L2 cache, since a step works on two, a sine and a cosine."""

EAGER_BYTES = 2**23
"""Those in a Python loop, where a step takes the time of its calls up to such sizes."""


def groups(members: int, bytes_per_member: int, most: int = CACHE_BYTES) -> list[slice]:
    """Divide members into groups of at most `most` bytes, of one size where that is close by.

    Every size is a program of its own to compile.
    """
    fewest = math.ceil(members / max(1, most // bytes_per_member))
    equal = (n for n in range(fewest, min(2 * fewest, members) + 1) if members % n == 0)
    count = next(equal, fewest)
    ends = [members * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(ends)]


class FunctionalDriver(AbstractDriver):
    """Advances the members with an optimizer of this project, in groups that fit the cache.

    Args:
        objective: what is minimised.
        optimizer: how parameters are updated.
        parameters: the members' parameters, which are changed in place.
        nodes: the number n of points at which the losses evaluate a network; the same number in all
            processes, which take the members in the same groups.
        compiled: compile; "auto" falls back to the eager loop where that fails.
        programs: those compiled so far in this process.
        memory: what the optimizer remembers; None at the start.

    Raises:
        CompileError: asked to compile, and torch cannot.
    """

    def __init__(
        self,
        objective: Objective,
        optimizer: AbstractOptimizer,
        parameters: Parameters,
        nodes: int,
        compiled: bool | str = False,
        programs: Programs | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._parameters = parameters
        coefficients = parameters["coefficients"]
        self._memory = {
            kept: {name: value.to(coefficients.device) for name, value in values.items()}
            for kept, values in (memory or optimizer.initial_memory(parameters)).items()
        }
        members, width = coefficients.shape
        size = width * nodes * coefficients.element_size()
        self._groups = groups(members, size, CACHE_BYTES if compiled else EAGER_BYTES)
        self._segments = [eager_segment(objective, optimizer)] * len(self._groups)
        if compiled:
            try:
                known = Programs() if programs is None else programs
                self._segments = self._compiled(objective, optimizer, known)
            except Exception as error:
                if compiled is True:
                    raise CompileError(f"compile=true: cannot compile: {_reason(error)}") from error
                log.warning("cannot compile, gradient steps are taken eagerly: %s", _reason(error))

    def _compiled(
        self, objective: Objective, optimizer: AbstractOptimizer, programs: Programs
    ) -> list[Segment]:
        states = [self._state(group) for group in self._groups]
        return [compiled_segment(objective, optimizer, state, programs) for state in states]

    @property
    def memory(self) -> Memory:
        """What the optimizer remembers of all members."""
        return self._memory

    def _state(self, group: slice) -> State:
        memory = {
            kept: {name: value[group] for name, value in values.items()}
            for kept, values in self._memory.items()
        }
        return {name: value[group] for name, value in self._parameters.items()}, memory

    @torch.no_grad()
    def advance(self, rates: Tensor) -> tuple[Tensor, Tensor]:
        """Take gradient steps group by group."""
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
        """Set a member back, and forget what the optimizer remembers of it."""
        for name, value in self._parameters.items():
            value[member] = parameters[name][member]
        for values in self._memory.values():
            for value in values.values():
                value[member] = 0


def _reason(error: Exception) -> str:
    """Return why torch cannot compile, in one line."""
    line = first_line(error)
    missing = "there is no C++ compiler: install g++, or name another in CXX"
    return missing if "InvalidCxxCompiler" in line else line
