"""Gradient steps as one compiled program.

A gradient step is recorded as a graph of tensor operations, by running it: the derivatives of the
method, the backward pass and the optimizer are all in it, whatever Python they are written in. A
scan over the learning rates has that graph as its body and becomes one C++ program for every number
of steps, whose loops run over all members and stay in the cache. The points are among its inputs,
so that runs that differ in numbers alone share it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from pinnspectra.networks import Parameters
from pinnspectra.training.distributed import processes
from pinnspectra.training.operations import Operations
from pinnspectra.training.problem import (
    Losses,
    Problem,
    Segment,
    Slopes,
    State,
    eager_segment,
    flattened,
    slopes,
)
from pinnspectra.training.sine import DECOMPOSITIONS

Program = Callable[[list[Tensor], Tensor], tuple[list[Tensor], Tensor, Tensor]]

OPTIONS: dict[str, Any] = {
    "cpp_wrapper": True,  # no Python between the kernels
    "cpp.vec_isa_ok": True,  # vectors as the CPU has them; asking the compiler too takes 4 s
    "realize_opcount_threshold": 15,  # a sine is taken once and kept, not taken again at every use
    "cpp.enable_floating_point_contract_flag": "fast",  # a * b + c as one instruction
}
"""Inductor's options on a CPU."""


def compiled_segment(problem: Problem, state: State, programs: dict[Any, Any]) -> Segment:
    """A segment as one compiled program for states of the shapes of this one.

    Where the loss has several summands, or other processes have some, the slopes of each are a
    program, and a step, which takes long then, is a loop over them.

    Args:
        problem: what is trained.
        state: a state, for its shapes.
        programs: those compiled so far and their traces, to which new ones are added.

    Raises:
        Exception: of torch, where it cannot trace or compile.
    """
    if len(problem.summands) > 1 or processes() > 1:
        parts = [_compiled_slopes(losses, state[0], programs) for losses in problem.summands]
        for part in parts:
            part(state[0])  # compiles now
        return eager_segment(problem, parts)
    leaves, rebuild = flattened(state)
    rates = torch.zeros(1, len(leaves[0]), dtype=torch.float64, device=leaves[0].device)
    part = slopes(problem.summands[0])

    def flat_step(*inputs: Tensor) -> tuple[Tensor, ...]:
        new, losses = problem.step(rebuild(inputs[:-1]), inputs[-1], [part])
        return (*flattened(new)[0], losses)

    def flat_measure(*inputs: Tensor) -> Tensor:
        return problem.measure(rebuild(inputs)[0])

    step = _Trace.of(flat_step, *leaves, rates[0], known=programs)
    measure = _Trace.of(flat_measure, *leaves, known=programs)
    key = (step.key, measure.key, torch.get_num_threads())
    if key not in programs:
        programs[key] = _compiled_scan(step, measure)
    program, constants = programs[key], [*step.constants, *measure.constants]

    def segment(state: State, rates: Tensor) -> tuple[State, Tensor, Tensor]:
        final, history, measured = program([*flattened(state)[0], *constants], rates)
        return rebuild(tuple(final)), history, measured

    segment(state, rates)  # compiles now
    return segment


def _compiled_slopes(losses: Losses, parameters: Parameters, programs: dict[Any, Any]) -> Slopes:
    """The slopes of losses as a program, which those of one shape share."""
    names, part = list(parameters), slopes(losses)

    def flat_slopes(*inputs: Tensor) -> tuple[Tensor, ...]:
        gradients, value = part(dict(zip(names, inputs, strict=True)))
        return (*gradients.values(), value)

    trace = _Trace.of(flat_slopes, *parameters.values(), known=programs)
    key = (trace.key, torch.get_num_threads())
    if key not in programs:
        programs[key] = torch.compile(  # pyright: ignore
            trace.graph,
            fullgraph=True,
            dynamic=False,
            isolate_recompiles=True,
            options=trace.options,
        )
    program, constants = programs[key], trace.constants

    def compiled(parameters: Parameters) -> tuple[Parameters, Tensor]:
        with torch.no_grad():
            *gradients, value = program(*parameters.values(), *constants)
        return dict(zip(names, gradients, strict=True)), value

    return compiled


@dataclass(frozen=True, eq=False)
class _Trace:
    """A function of tensors as a graph whose last inputs are the tensors that it had captured."""

    graph: torch.fx.GraphModule
    constants: list[Tensor]
    key: Any = field(repr=False)

    @staticmethod
    def of(function: Callable[..., Any], *inputs: Tensor, known: dict[Any, Any]) -> _Trace:
        """What the function does with these inputs, recorded unless it is known but for values.

        Args:
            function: a calculation on tensors.
            inputs: its inputs, from which only shapes are taken.
            known: traces by the key of their operations, to which a new one is added.
        """
        operations = Operations(function, *inputs)
        if operations.key in known:
            trace, places = known[operations.key]
            return replace(trace, constants=[operations.captured[i] for i in places])
        trace = _Trace._recorded(function, *inputs)
        places = operations.places(trace.constants)
        if places is not None:
            known[operations.key] = (replace(trace, constants=[]), places)
        return trace

    @staticmethod
    def _recorded(function: Callable[..., Any], *inputs: Tensor) -> _Trace:
        """Record the function as a graph."""
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
        return _Trace(traced, constants, (traced.code, tuple(shapes)))

    @property
    def options(self) -> dict[str, Any]:
        """Inductor's options where the inputs are."""
        if all(shape[-1].type == "cpu" for shape in self.key[1]):
            return {**OPTIONS, "cpp.threads": torch.get_num_threads()}
        return {}


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
