"""Gradient steps as one compiled program.

A gradient step is recorded as a graph of tensor operations, by running it: the derivatives of the
method, the backward pass and the optimizer are all in it, whatever Python they are written in. A
scan over the learning rates has that graph as its body and becomes one C++ program for every number
of steps, whose loops run over all members and stay in the cache. The points are among its inputs,
so that runs that differ in numbers alone share it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from pinnspectra.networks import Parameters
from pinnspectra.solvers import AbstractOptimizer
from pinnspectra.training.distributed import processes
from pinnspectra.training.objective import Losses, Objective
from pinnspectra.training.operations import Operations
from pinnspectra.training.sine import DECOMPOSITIONS
from pinnspectra.training.steps import (
    Segment,
    Slopes,
    State,
    eager_segment,
    flattened,
    gradient_step,
    slopes,
)

Program = Callable[[list[Tensor], Tensor], tuple[list[Tensor], Tensor, Tensor]]

OPTIONS: dict[str, Any] = {
    "cpp_wrapper": True,  # no Python between the kernels
    "cpp.vec_isa_ok": True,  # vectors as the CPU has them; asking the compiler too takes 4 s
    "realize_opcount_threshold": 15,  # a sine is taken once and kept, not taken again at every use
    "cpp.enable_floating_point_contract_flag": "fast",  # a * b + c as one instruction
}
"""Inductor's options on a CPU."""

EAGER_STEP_SECONDS, EAGER_VALUE_SECONDS = 1e-3, 1e-8
"""An eager gradient step takes about the first plus the second for each of the S N M entries."""

COMPILE_SECONDS = 6.0
"""What compiling takes the first time, about; a run that is not longer than that stays eager."""


class CompileError(RuntimeError):
    """The gradient steps cannot be compiled."""


def is_worth_compiling(max_steps: int, activation_entries: int) -> bool:
    """Return whether eager gradient steps on (S, M, N) activations take longer than compiling.

    Decided from the sizes alone, so that a run gives the same numbers every time.
    """
    seconds = EAGER_STEP_SECONDS + EAGER_VALUE_SECONDS * activation_entries
    return max_steps * seconds > COMPILE_SECONDS


@dataclass(frozen=True, eq=False)
class Trace:
    """A calculation as a graph whose last inputs are the tensors that it takes from outside.

    Attributes:
        graph: the calculation.
        constants: the tensors from outside.
        key: what tells two graphs, and the shapes of their inputs, apart.
    """

    graph: torch.fx.GraphModule
    constants: list[Tensor]
    key: Any = field(repr=False)

    @property
    def options(self) -> dict[str, Any]:
        """Inductor's options where the inputs are."""
        if all(shape[-1].type == "cpu" for shape in self.key[1]):
            return {**OPTIONS, "cpp.threads": torch.get_num_threads()}
        return {}


class Programs:
    """The compiled programs of a process, and the graphs they were made of, by what they compute.

    Calculations that differ in the values of tensors alone share both.
    """

    def __init__(self) -> None:
        self._traces: dict[str, tuple[Trace, list[int]]] = {}
        self._programs: dict[Any, Any] = {}

    @property
    def count(self) -> int:
        """The number of programs."""
        return len(self._programs)

    def trace(self, function: Callable[..., Any], *inputs: Tensor) -> Trace:
        """Return the graph of a function of tensors, recorded unless it is known.

        Args:
            function: a calculation on tensors.
            inputs: its inputs, from which only shapes are taken.
        """
        operations = Operations(function, *inputs)
        if operations.key in self._traces:
            trace, places = self._traces[operations.key]
            return replace(trace, constants=[operations.captured[i] for i in places])
        trace = _recorded(function, *inputs)
        places = operations.places(trace.constants)
        if places is not None:
            self._traces[operations.key] = (replace(trace, constants=[]), places)
        return trace

    def compiled(self, make: Callable[..., Any], *traces: Trace) -> Any:
        """Return the program that `make` compiles of traces, compiled once for a thread count."""
        key = (*(trace.key for trace in traces), torch.get_num_threads())
        if key not in self._programs:
            self._programs[key] = make(*traces)
        return self._programs[key]


@functools.cache
def programs_of_this_process() -> Programs:
    """Return the programs that the runs of a process share."""
    return Programs()


def compiled_segment(
    objective: Objective, optimizer: AbstractOptimizer, state: State, programs: Programs
) -> Segment:
    """Compile a segment for states of the shapes of this one.

    Where the loss has several summands, or other processes have some, the slopes of each are a
    program, and a step, which takes long then, is a loop over them.

    Raises:
        Exception: of torch, where it cannot trace or compile.
    """
    if len(objective.summands) > 1 or processes() > 1:
        parts = [_compiled_slopes(losses, state[0], programs) for losses in objective.summands]
        for part in parts:
            part(state[0])  # compiles now
        return eager_segment(objective, optimizer, parts)
    leaves, rebuild = flattened(state)
    rates = torch.zeros(1, len(leaves[0]), dtype=torch.float64, device=leaves[0].device)
    summands = [slopes(objective.summands[0])]

    def flat_step(*inputs: Tensor) -> tuple[Tensor, ...]:
        new, losses = gradient_step(rebuild(inputs[:-1]), inputs[-1], summands, optimizer)
        return (*flattened(new)[0], losses)

    def flat_measure(*inputs: Tensor) -> Tensor:
        return objective.measure(rebuild(inputs)[0])

    step = programs.trace(flat_step, *leaves, rates[0])
    measure = programs.trace(flat_measure, *leaves)
    program = programs.compiled(_compiled_scan, step, measure)
    constants = [*step.constants, *measure.constants]

    def segment(state: State, rates: Tensor) -> tuple[State, Tensor, Tensor]:
        final, history, measured = program([*flattened(state)[0], *constants], rates)
        return rebuild(tuple(final)), history, measured

    segment(state, rates)  # compiles now
    return segment


def _compiled_slopes(losses: Losses, parameters: Parameters, programs: Programs) -> Slopes:
    """Compile the slopes of losses."""
    names, part = list(parameters), slopes(losses)

    def flat_slopes(*inputs: Tensor) -> tuple[Tensor, ...]:
        gradients, value = part(dict(zip(names, inputs, strict=True)))
        return (*gradients.values(), value)

    trace = programs.trace(flat_slopes, *parameters.values())
    program = programs.compiled(_compiled_graph, trace)

    def compiled(parameters: Parameters) -> tuple[Parameters, Tensor]:
        with torch.no_grad():
            *gradients, value = program(*parameters.values(), *trace.constants)
        return dict(zip(names, gradients, strict=True)), value

    return compiled


def _compiled_graph(trace: Trace) -> Any:
    return torch.compile(  # pyright: ignore
        trace.graph,
        fullgraph=True,
        dynamic=False,
        isolate_recompiles=True,
        options=trace.options,
    )


def _recorded(function: Callable[..., Any], *inputs: Tensor) -> Trace:
    """Record a function as a graph."""
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
    for name in captured:
        delattr(traced, name)  # or the first run's points are kept with the program
    shapes = [(t.shape, t.stride(), t.dtype, t.device) for t in (*inputs, *constants)]
    return Trace(traced, constants, (traced.code, tuple(shapes)))


def _compiled_scan(step: Trace, measure: Trace) -> Program:
    """Compile the scan of a step over the learning rates, and then the measure.

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
    kept = {"unsafe_marked_cacheable_functions": dict.fromkeys(loops, code)}
    program = torch.compile(  # pyright: ignore
        advance,
        fullgraph=True,
        isolate_recompiles=True,
        options={**step.options, **kept},
    )

    def run(inputs: list[Tensor], rates: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        rates = rates.contiguous()
        mark_unbacked(rates, 0)  # one program for any number of steps
        with torch.no_grad():
            return program(inputs, rates)

    return run
