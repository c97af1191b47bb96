"""The driver: many full-batch gradient steps of all members in one program.

A *segment* takes a state (parameters and what the optimizer remembers, every tensor with a leading
member dimension S) and the learning rates of K gradient steps, (K, S). It returns the state after
them, the losses before each, (K, S), and what is measured of the last parameters, (n, S). A
member's loss depends on its own parameters alone, so the gradient of the sum over the members holds
the gradient of each.

Eagerly a segment is a Python loop, where a step costs a hundred calls to torch whatever it
computes. Compiled, one gradient step is recorded as a graph of tensor operations, by running it:
the derivatives of the method, the backward pass and the optimizer are all in it, whatever Python
they are written in. A scan over the learning rates has that graph as its body and becomes one C++
program for every K, whose loops run over all members and stay in the cache; the points are among
its inputs, so that runs that differ in numbers alone share it.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pinnspectra.networks import Parameters
from pinnspectra.optimizers import AbstractOptimizer, Memory
from pinnspectra.training.sine import DECOMPOSITIONS

log = logging.getLogger(__name__)

State = tuple[Parameters, Memory]
Losses = Callable[[Parameters], Tensor]
"""Parameters (S, ...) -> loss of every member, (S,)."""
Measure = Callable[[Parameters], Tensor]
"""Parameters (S, ...) -> n numbers of every member, (n, S)."""
Segment = Callable[[State, Tensor], tuple[State, Tensor, Tensor]]
Program = Callable[[list[Tensor], Tensor], tuple[list[Tensor], Tensor, Tensor]]

CACHE_BYTES = 2**19
"""Bytes of an (S, M, n) array up to which members are trained together: half of a small L2 cache,
since a step works on two, a sine and a cosine."""

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


def groups(members: int, bytes_per_member: int) -> list[slice]:
    """The members in groups whose arrays fit the cache, of one size where that is close by.

    Every size is a program of its own to compile.
    """
    fewest = math.ceil(members / max(1, CACHE_BYTES // bytes_per_member))
    equal = (n for n in range(fewest, min(2 * fewest, members) + 1) if members % n == 0)
    count = next(equal, fewest)
    ends = [members * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(ends)]


OPTIONS: dict[str, Any] = {
    "cpp_wrapper": True,  # no Python between the kernels
    "cpp.vec_isa_ok": True,  # vectors as the CPU has them; asking the compiler too takes 4 s
    "realize_opcount_threshold": 15,  # a sine is taken once and kept, not taken again at every use
    "cpp.enable_floating_point_contract_flag": "fast",  # a * b + c as one instruction
}
"""Inductor's options on a CPU."""


Slopes = Callable[[Parameters], tuple[Parameters, Tensor]]
"""Parameters (S, ...) -> gradients of the members' losses, (S, ...), and the losses, (S,)."""


def slopes(losses: Losses) -> Slopes:
    """The gradients of losses, and the losses, by one backward pass."""

    def gradients_and_losses(parameters: Parameters) -> tuple[Parameters, Tensor]:
        theta = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        with torch.enable_grad():
            value = losses(theta)
        leaves = list(theta.values())
        gradients = torch.autograd.grad(value.sum(), leaves, materialize_grads=True)
        return dict(zip(theta, gradients, strict=True)), value.detach()

    return gradients_and_losses


@dataclass(frozen=True, eq=False)
class Problem:
    """What is trained: a loss, how parameters are updated, what is measured of them.

    summands: the loss is their sum. More than one are taken one after another, so that memory and
        the cache hold the arrays of one.
    """

    summands: Sequence[Losses]
    optimizer: AbstractOptimizer
    measure: Measure

    def step(self, state: State, rate: Tensor, parts: Sequence[Slopes]) -> tuple[State, Tensor]:
        """The state after one gradient step, and the losses before it, (S,).

        Args:
            state: parameters and memory.
            rate: learning rates, (S,).
            parts: the slopes of the summands.
        """
        parameters, memory = state
        gradients, losses = parts[0](parameters)
        for part in parts[1:]:
            more, loss = part(parameters)
            gradients = {name: gradients[name] + more[name] for name in gradients}
            losses = losses + loss
        with torch.no_grad():
            return self.optimizer.update(parameters, gradients, memory, rate), losses


def eager_segment(problem: Problem, parts: Sequence[Slopes] | None = None) -> Segment:
    """A segment as a Python loop; the slopes of the summands may be given, as programs."""
    slopes_of_summands = parts or [slopes(losses) for losses in problem.summands]

    def segment(state: State, rates: Tensor) -> tuple[State, Tensor, Tensor]:
        history = []
        for rate in rates:
            state, losses = problem.step(state, rate, slopes_of_summands)
            history.append(losses)
        return state, torch.stack(history), problem.measure(state[0])

    return segment


def compiled_segment(problem: Problem, state: State, programs: dict[Any, Any]) -> Segment:
    """A segment as one compiled program for states of the shapes of this one.

    Where the loss has several summands, the slopes of each are a program, and a step, which takes
    long then, is a loop over them.

    Args:
        problem: what is trained.
        state: a state, for its shapes.
        programs: those compiled so far, to which new ones are added.

    Raises:
        Exception: of torch, where it cannot trace or compile.
    """
    if len(problem.summands) > 1:
        parts = [_compiled_slopes(losses, state[0], programs) for losses in problem.summands]
        return eager_segment(problem, parts)
    leaves, rebuild = _flattened(state)
    rate = torch.zeros(len(leaves[0]), dtype=torch.float64, device=leaves[0].device)
    part = slopes(problem.summands[0])

    def flat_step(*inputs: Tensor) -> tuple[Tensor, ...]:
        new, losses = problem.step(rebuild(inputs[:-1]), inputs[-1], [part])
        return (*_flattened(new)[0], losses)

    def flat_measure(*inputs: Tensor) -> Tensor:
        return problem.measure(rebuild(inputs)[0])

    step, measure = _Trace.of(flat_step, *leaves, rate), _Trace.of(flat_measure, *leaves)
    key = (step.key, measure.key, torch.get_num_threads())
    if key not in programs:
        programs[key] = _compiled_scan(step, measure)
    program, constants = programs[key], [*step.constants, *measure.constants]

    def segment(state: State, rates: Tensor) -> tuple[State, Tensor, Tensor]:
        final, history, measured = program([*_flattened(state)[0], *constants], rates)
        return rebuild(tuple(final)), history, measured

    return segment


def _compiled_slopes(losses: Losses, parameters: Parameters, programs: dict[Any, Any]) -> Slopes:
    """The slopes of losses as a program, which those of one shape share."""
    names, part = list(parameters), slopes(losses)

    def flat_slopes(*inputs: Tensor) -> tuple[Tensor, ...]:
        gradients, value = part(dict(zip(names, inputs, strict=True)))
        return (*gradients.values(), value)

    trace = _Trace.of(flat_slopes, *parameters.values())
    key = (trace.key, torch.get_num_threads())
    if key not in programs:
        options = OPTIONS if trace.on_cpu else None
        programs[key] = torch.compile(  # pyright: ignore
            trace.graph, fullgraph=True, dynamic=False, isolate_recompiles=True, options=options
        )
    program, constants = programs[key], trace.constants

    def compiled(parameters: Parameters) -> tuple[Parameters, Tensor]:
        with torch.no_grad():
            *gradients, value = program(*parameters.values(), *constants)
        return dict(zip(names, gradients, strict=True)), value

    return compiled


def _flattened(state: State) -> tuple[list[Tensor], Callable[[tuple[Tensor, ...]], State]]:
    """The tensors of a state in order, and the way back."""
    parameters, memory = state
    names = [(None, name) for name in parameters]
    names += [(kept, name) for kept, values in memory.items() for name in values]

    def rebuild(tensors: tuple[Tensor, ...]) -> State:
        new: dict[str | None, Parameters] = {kept: {} for kept in (None, *memory)}
        for (kept, name), tensor in zip(names, tensors, strict=True):
            new[kept][name] = tensor
        return new.pop(None), new  # pyright: ignore

    values = [*parameters.values(), *(t for kept in memory.values() for t in kept.values())]
    return values, rebuild


@dataclass(frozen=True, eq=False)
class _Trace:
    """A function of tensors as a graph whose last inputs are the tensors that it had captured."""

    graph: torch.fx.GraphModule
    constants: list[Tensor]
    key: Any = field(repr=False)

    @staticmethod
    def of(function: Callable[..., Any], *inputs: Tensor) -> _Trace:
        """Record what the function does with these inputs, from which only shapes are taken."""
        from torch.fx.experimental.proxy_tensor import make_fx

        record = make_fx(
            function,
            decomposition_table=DECOMPOSITIONS,
            tracing_mode="fake",  # computes nothing
            _allow_non_fake_inputs=True,
        )
        traced = record(*inputs)
        nodes = list(traced.graph.nodes)
        last = [node for node in nodes if node.op == "placeholder"][-1]
        captured: dict[str, Any] = {}
        for node in nodes:
            if node.op == "get_attr":
                if node.target not in captured:
                    with traced.graph.inserting_after(last):
                        last = captured[node.target] = traced.graph.placeholder(node.target)
                node.replace_all_uses_with(captured[node.target])
                traced.graph.erase_node(node)
        traced.recompile()
        constants = [getattr(traced, name) for name in captured]
        shapes = [(t.shape, t.stride(), t.dtype, t.device) for t in (*inputs, *constants)]
        return _Trace(traced, constants, (traced.code, tuple(shapes)))

    @property
    def on_cpu(self) -> bool:
        """Whether all inputs are on the CPU."""
        return all(shape[-1].type == "cpu" for shape in self.key[1])


def _compiled_scan(step: _Trace, measure: _Trace) -> Program:
    """The scan of a step over the learning rates and then the measure, compiled.

    `scan` and what it needs to be kept between processes are private to torch: only this function
    uses them. Torch keeps no program with a loop unless it is told what distinguishes it.
    """
    from torch._dynamo.decorators import mark_unbacked
    from torch._higher_order_ops.scan import scan

    body, last = step.graph, measure.graph
    own = len(step.constants)
    size = sum(node.op == "placeholder" for node in body.graph.nodes) - own - 1

    def advance(inputs: list[Tensor], rates: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        torch._check(rates.shape[0] >= 1)
        state, constants = inputs[:size], inputs[size:]

        def combine(carry: list[Tensor], rate: Tensor) -> tuple[list[Tensor], Tensor]:
            *new, losses = body(*carry, rate, *constants[:own])
            return new, losses.clone()

        final, history = scan(combine, state, rates)
        return final, history, last(*final, *constants[own:])

    code = hashlib.sha256(repr((step.key, measure.key)).encode()).hexdigest()
    loops = ("torch.ops.higher_order.scan", "torch.ops.higher_order.while_loop")
    options = {"unsafe_marked_cacheable_functions": dict.fromkeys(loops, code)}
    program = torch.compile(  # pyright: ignore
        advance,
        fullgraph=True,
        isolate_recompiles=True,
        options={**options, **(OPTIONS if step.on_cpu else {})},
    )

    def run(inputs: list[Tensor], rates: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        rates = rates.contiguous()
        mark_unbacked(rates, 0)  # one program for any number of steps
        with torch.no_grad():
            return program(inputs, rates)

    return run


class FunctionalDriver:
    """Advances all members with an optimizer of this project, in groups that fit the cache.

    Args:
        problem: what is trained.
        theta: the members' parameters, which are changed in place.
        nodes: the number n of points at which the losses evaluate a network.
        programs: those compiled so far in this process.
        compiled: compile; "auto" falls back to the eager loop where that fails.

    Raises:
        CompileError: asked to compile, and torch cannot.
    """

    def __init__(
        self,
        problem: Problem,
        theta: Parameters,
        nodes: int,
        programs: dict[Any, Program],
        compiled: bool | str,
    ) -> None:
        self._theta = theta
        self.memory = problem.optimizer.initial_memory(theta)
        coefficients = theta["coefficients"]
        members, width = coefficients.shape
        self._groups = groups(members, width * nodes * coefficients.element_size())
        self._eager = eager_segment(problem)
        self._segments = [self._eager] * len(self._groups)
        if compiled:
            self._compile(problem, programs, compiled)

    def _compile(self, problem: Problem, programs: dict[Any, Program], wanted: bool | str) -> None:
        try:
            made = []
            for group in self._groups:
                state = self._state(group)
                made.append(compiled_segment(problem, state, programs))
                rates = torch.zeros(1, len(state[0]["coefficients"]), dtype=torch.float64)
                made[-1](state, rates.to(state[0]["coefficients"].device))  # compiles now
            self._segments = made
        except Exception as error:
            said = (str(error).strip() or type(error).__name__).split("\n")[0]
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
            for old, tensor in zip(_flattened(state)[0], _flattened(new)[0], strict=True):
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
        summands: the members' loss is their sum.
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
            evaluated.append(total)
            return total

        if not any(rates):  # it diverged and is frozen
            return torch.zeros(len(rates))
        history = []
        for rate in rates:
            for group in optimizer.param_groups:
                group["lr"] = rate
            evaluated.clear()
            optimizer.step(closure)  # pyright: ignore
            history.append(evaluated[0])
        return torch.stack(history)

    @torch.no_grad()
    def restore(self, member: int, parameters: Parameters) -> None:
        """Set a member that diverged back to these parameters, and forget what it remembers."""
        for name, value in self._parameters(member).items():
            value.copy_(parameters[name][member : member + 1])
        self._optimizers[member].state.clear()
