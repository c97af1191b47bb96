"""A gradient step of train.py against nested autograd as people write it, in one process.

    python benchmarks/gradient_step.py

Prints ratios of microseconds per gradient step and member: one thread, float32, M = 100, metrics
logged to CSV every 100 steps, compiling left out. Nested autograd is timed before and after every
run of train.py; its smaller time counts.
"""

from __future__ import annotations

import contextlib
import io
import json
import runpy
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).parent.parent
WIDTH = 100
ROUNDS = 5

PROBLEMS = {
    "poisson1d": (1, 100, 2, 20_000),
    "biharmonic": (1, 100, 4, 20_000),
    "poisson2d": (2, 64, 2, 1_000),
    "biharmonic 4096": (1, 4096, 4, 1_000),
}
"""Dimension, points per axis, order and gradient steps of a timed run."""


def nested_step(dimension: int, per_axis: int, order: int) -> Callable[[], None]:
    """One gradient step by torch.autograd.grad with create_graph=True, order by order."""
    torch.manual_seed(0)
    sizes = ((dimension, WIDTH), (WIDTH,), (WIDTH,))
    w, b, a = (torch.nn.Parameter(2 * torch.rand(size) - 1) for size in sizes)
    optimizer = torch.optim.SGD([w, b, a], lr=1e-6)
    axis = torch.arange(1, per_axis + 1) / per_axis
    x = torch.cartesian_prod(*[axis] * dimension).reshape(-1, dimension).requires_grad_()
    y = torch.rand(2 if dimension == 1 else 4 * per_axis, dimension).requires_grad_()
    forcing = torch.sin(x.detach()).sum(dim=1)

    def u(points: torch.Tensor) -> torch.Tensor:
        return torch.sin(points @ w + b) @ a

    def derivative(values: torch.Tensor, points: torch.Tensor, i: int) -> torch.Tensor:
        (slope,) = torch.autograd.grad(values.sum(), points, create_graph=True)
        return slope[:, i]

    def operator() -> torch.Tensor:
        values = u(x)
        if dimension == 1:
            for _ in range(order):
                values = derivative(values, x, 0)
            return values
        (slopes,) = torch.autograd.grad(values.sum(), x, create_graph=True)
        return torch.stack([derivative(slopes[:, i], x, i) for i in range(dimension)]).sum(dim=0)

    def step() -> None:
        optimizer.zero_grad()
        on_boundary = u(y)
        loss = (operator() - forcing).square().mean() + on_boundary.square().mean()
        if order == 4:
            loss = loss + derivative(on_boundary, y, 0).square().mean()
        loss.backward()
        optimizer.step()

    return step


def nested_microseconds(step: Callable[[], None], seconds: float = 1.0) -> float:
    """The median of a few rounds, of this long in all."""
    step()
    started = time.perf_counter()
    step()
    count = max(1, int(seconds / ROUNDS / (time.perf_counter() - started)))
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(count):
            step()
        rounds.append((time.perf_counter() - started) / count)
    return 1e6 * sorted(rounds)[ROUNDS // 2]


def trained_microseconds(problem: str, method: str, members: int, steps: int) -> float:
    """Of train.py, with its measuring and logging."""
    pde, _, points = problem.partition(" ")
    overrides = [f"pde={pde}", f"method={method}", f"max_steps={steps}", "compile=true"]
    overrides += [f"ensemble.size={members}", "logger=[csv]", "callbacks=[]", "optimizer.lr=1e-6"]
    overrides += [f"points.per_axis={points}"] if points else []
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        sys.argv = [str(ROOT / "train.py"), *overrides, f"hydra.run.dir={folder}"]
        with contextlib.suppress(SystemExit):
            runpy.run_path(sys.argv[0], run_name="__main__")
        result = json.loads((Path(folder) / "result.json").read_text())
    return 1e6 / result["steps_per_second"] / members


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print(f"{'problem':<18}{'method':<8}{'S':>4}{'nested':>10}{'train.py':>10}{'ratio':>8}")
    for problem, (dimension, per_axis, order, steps) in PROBLEMS.items():
        step = nested_step(dimension, per_axis, order)
        for method in ("ad", "fd"):
            for members in (1, 32) if dimension * per_axis == 100 else (1,):
                before = nested_microseconds(step)
                ours = trained_microseconds(problem, method, members, steps // min(members, 10))
                nested = min(before, nested_microseconds(step))
                line = f"{problem:<18}{method:<8}{members:>4}{nested:>10.1f}{ours:>10.1f}"
                print(f"{line}{nested / ours:>8.1f}", flush=True)


if __name__ == "__main__":
    main()
