"""A gradient step of another package beside one of nested autograd, in the peers' environment.

    .venv-peers/bin/python benchmarks/peer_step.py PACKAGE PROBLEM

Prints a JSON list of pairs, a round each: seconds of a step of the package, and of nested autograd.
Each problem is written as the package's own documentation writes one, with the network, points,
boundary terms and plain gradient descent of ours; loading, compiling and printing are not timed.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import math
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import by_hand
import torch
from measuring import round_of, use_one_core

ROUNDS = 5
POINTS, WIDTH, LR = 100, by_hand.WIDTH, 1e-6

ORDER = {"poisson1d": 2, "biharmonic": 4}
BOUNDARY_WEIGHT = {"poisson1d": 1.0, "biharmonic": 100.0}


def deepxde_steps(problem: str) -> Callable[[], float]:
    """DeepXDE: dde.Model(...).train, on PyTorch; 300 iterations, the seconds of one."""
    os.environ["DDE_BACKEND"] = "pytorch"
    dde: Any = importlib.import_module("deepxde")
    fourth = problem == "biharmonic"

    def pde(x: Any, y: Any) -> Any:
        if fourth:
            y = dde.grad.hessian(y, x)
            return dde.grad.hessian(y, x) - torch.exp(x)
        return dde.grad.hessian(y, x) + math.pi**2 * torch.sin(math.pi * x)

    def on_boundary(x: Any, at: bool) -> bool:
        return at

    geometry = dde.geometry.Interval(-1, 1)
    conditions = [dde.icbc.DirichletBC(geometry, lambda x: 0, on_boundary)]
    if fourth:
        conditions += [dde.icbc.NeumannBC(geometry, lambda x: 0, on_boundary)]
    data = dde.data.PDE(geometry, pde, conditions, POINTS - 2, 2, train_distribution="uniform")
    model = dde.Model(data, dde.nn.FNN([1, WIDTH, 1], "sin", "Glorot uniform"))
    model.compile("sgd", lr=LR, loss_weights=[1, *[BOUNDARY_WEIGHT[problem]] * len(conditions)])

    def steps() -> float:
        started = time.process_time()
        model.train(iterations=300, display_every=10**9, verbose=0)
        return (time.process_time() - started) / 300

    return steps


def jinns_steps(problem: str) -> Callable[[], float]:
    """jinns: jinns.solve, whose compiling two lengths tell apart; the seconds of an iteration."""
    jax: Any = importlib.import_module("jax")
    jinns: Any = importlib.import_module("jinns")
    optax: Any = importlib.import_module("optax")
    eqx: Any = importlib.import_module("equinox")
    facets_equal = jinns.loss.equation_on_all_facets_equal

    def function(u: Any, parameters: Any) -> Any:
        return lambda x: u(x[None], parameters).squeeze()

    class Equation(jinns.loss.PDEStatio):
        def equation(self, x: Any, u: Any, params: Any) -> Any:
            value = function(u, params)
            for _ in range(ORDER[problem]):
                value = jax.grad(value)
            x = x.squeeze()
            if problem == "biharmonic":
                return (value(x) - jax.numpy.exp(x))[None]
            return (value(x) + math.pi**2 * jax.numpy.sin(math.pi * x))[None]

    class Clamped(jinns.loss.BoundaryConditionAbstract):
        @facets_equal
        def equation_u(self, inputs: Any, u: Any, params: Any) -> Any:
            value, x = function(u, params), inputs.squeeze()
            return jax.numpy.stack([value(x), jax.grad(value)(x)])

        @facets_equal
        def equation_f(self, inputs: Any, params: Any, gridify: bool = False) -> Any:
            return jax.numpy.zeros(2)

    key = jax.random.PRNGKey(0)
    layers = ((eqx.nn.Linear, 1, WIDTH), (jax.numpy.sin,), (eqx.nn.Linear, WIDTH, 1))
    u, initial = jinns.nn.PINN_MLP.create(key=key, eqx_list=layers, eq_type="PDEStatio")
    parameters = jinns.parameters.Params(nn_params=initial, eq_params=None)
    data = jinns.data.CubicMeshPDEStatio(
        key=key, n=POINTS, nb=2, dim=1, min_pts=(-1.0,), max_pts=(1.0,), method="grid"
    )
    clamped = problem == "biharmonic"
    loss = jinns.loss.LossPDEStatio(
        u=u,
        dynamic_loss=Equation(),
        boundary_condition=Clamped() if clamped else jinns.loss.Dirichlet(),
        loss_weights=jinns.loss.LossWeightsPDEStatio(
            dyn_loss=1.0, boundary_loss=BOUNDARY_WEIGHT[problem]
        ),
        params=parameters,
    )

    def seconds(iterations: int) -> float:
        started = time.process_time()
        solved = jinns.solve(
            n_iter=iterations,
            init_params=parameters,
            data=data,
            loss=loss,
            optimizer=optax.sgd(LR),
            verbose=False,
        )
        jax.block_until_ready(solved[1])
        return time.process_time() - started

    return lambda: (seconds(21_000) - seconds(1_000)) / 20_000


def pina_steps(problem: str) -> Callable[[], float]:
    """PINA: pina.Trainer(...).train, an epoch a step; epochs 20 to 220, the seconds of one."""
    pina: Any = importlib.import_module("pina")
    lightning: Any = importlib.import_module("lightning.pytorch")
    problems: Any = importlib.import_module("pina.problem")
    solvers: Any = importlib.import_module("pina.solver")
    models: Any = importlib.import_module("pina.model")
    optim: Any = importlib.import_module("pina.optim")
    box = importlib.import_module("pina.domain").CartesianDomain
    equations: Any = importlib.import_module("pina.equation")
    weighting: Any = importlib.import_module("pina.weighting")
    grad = importlib.import_module("pina.operator").grad

    def interior(points: Any, u: Any) -> Any:
        for _ in range(ORDER[problem]):
            u = grad(u, points)
        x = points.tensor
        if problem == "biharmonic":
            return u.tensor - torch.exp(x)
        return u.tensor + math.pi**2 * torch.sin(math.pi * x)

    def clamped(points: Any, u: Any) -> Any:
        if problem == "poisson1d":
            return u.tensor
        return math.sqrt(2) * torch.cat([u.tensor, grad(u, points).tensor], dim=-1)

    condition, equation = pina.Condition, equations.Equation

    class Problem(problems.SpatialProblem):
        output_variables = ["u"]  # noqa: RUF012
        spatial_domain = box({"x": [-1.0, 1.0]})
        domains = {  # noqa: RUF012
            "inside": spatial_domain,
            "left": box({"x": -1.0}),
            "right": box({"x": 1.0}),
        }
        conditions = {  # noqa: RUF012
            "inside": condition(domain="inside", equation=equation(interior)),
            "left": condition(domain="left", equation=equation(clamped)),
            "right": condition(domain="right", equation=equation(clamped)),
        }

    class Clock(lightning.Callback):
        def on_train_epoch_start(self, trainer: Any, *args: Any) -> None:
            if trainer.current_epoch == 20:
                self.started = time.process_time()

    class Sine(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.sin(x)

    stated = Problem()
    stated.discretise_domain(POINTS, "grid", domains="inside")
    stated.discretise_domain(1, "grid", domains=["left", "right"])
    half = BOUNDARY_WEIGHT[problem] / 2
    solver = solvers.PhysicsInformedSingleModelSolver(
        stated,
        models.FeedForward(1, 1, layers=[WIDTH], func=Sine),
        optimizer=optim.TorchOptimizer(torch.optim.SGD, lr=LR),
        weighting=weighting.ScalarWeighting({"inside": 1.0, "left": half, "right": half}),
    )

    def steps() -> float:
        clock = Clock()
        trainer = pina.Trainer(
            solver,
            max_epochs=220,
            accelerator="cpu",
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            callbacks=[clock],
        )
        trainer.train()
        return (time.process_time() - clock.started) / 200

    return steps


PACKAGES = {"deepxde": deepxde_steps, "jinns": jinns_steps, "pina-mathlab": pina_steps}


def main(package: str, problem: str) -> None:
    """Print the pairs."""
    use_one_core()
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(io.StringIO()):
        steps, nested = PACKAGES[package](problem), by_hand.gradient_step(problem, POINTS)
        steps(), nested()
        pairs = [(steps(), round_of(nested, 0.3)) for _ in range(ROUNDS)]
    print(json.dumps(pairs))


if __name__ == "__main__":
    main(*sys.argv[1:])
