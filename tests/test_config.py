"""Every YAML file under conf/: composed, checked, built, and held to its mathematics."""

import pytest
import torch
from scripts import SMALL, choices, composed, run_folders, run_here

from pinnspectra.command_line.components import (
    build,
    build_collocation,
    build_optimizer,
    build_scheduler,
)
from pinnspectra.differentiation import partials
from pinnspectra.networks import TwoLayer
from pinnspectra.problems.domains import Box
from pinnspectra.solvers import AbstractOptimizer
from pinnspectra.training.schedule import LearningRates

pytestmark = pytest.mark.usefixtures("undrawn")


def check_residual(script, *overrides):
    """A residual that is finite, (1, N), of what a configuration builds."""
    settings = composed(script, *overrides, "points.per_axis=8")
    collocation = build_collocation(settings)
    network = TwoLayer(4)
    theta = network.initial_parameters(collocation.pde.domain.dimension, [0], torch.float64)
    residual = collocation.residual(network.field(theta))
    assert residual.shape == (1, 8**collocation.pde.domain.dimension)
    assert residual.isfinite().all()


@pytest.mark.parametrize("script", ["train", "rfm_solve", "advise"])
def test_every_script_builds_its_defaults(script):
    check_residual(script)


@pytest.mark.parametrize("pde", choices("pde"))
@pytest.mark.parametrize("method", choices("method"))
def test_every_problem_meets_every_method(pde, method):
    check_residual("train", f"pde={pde}", f"method={method}")


@pytest.mark.parametrize("method", choices("method"))
def test_every_method_takes_the_second_derivative(method):
    settings = composed("train", f"method={method}", "points.per_axis=400")
    D = build("method", settings.method)
    network = TwoLayer(6)
    theta = network.initial_parameters(1, [0], torch.float64)
    w, b, a = theta["weights_1"][0], theta["biases_1"][0], theta["coefficients"][0]
    x = Box((-1.0,), (1.0,)).grid(settings.points.per_axis)
    (dx,) = partials(1)
    got = D(network.field(theta), x, dx**2)[0]
    wanted = -(a * w[:, 0] ** 2) @ torch.sin(w @ x.coordinates.mT + b[:, None])
    inner = slice(1, -1)  # fd_grid's end rows are cut off
    torch.testing.assert_close(got[inner], wanted[inner], rtol=0, atol=1e-5)


@pytest.mark.parametrize("optimizer", choices("optimizer"))
def test_every_optimizer_builds_with_the_asked_rate(optimizer):
    settings = composed("train", f"optimizer={optimizer}", "optimizer.lr=0.125")
    made = build_optimizer(settings)
    if isinstance(made, AbstractOptimizer):
        assert made.lr == 0.125
    else:
        assert made([torch.zeros(2, requires_grad=True)]).param_groups[0]["lr"] == 0.125


@pytest.mark.parametrize("schedule", choices("schedule"))
def test_every_schedule_starts_at_the_asked_rate(schedule):
    settings = composed("train", f"schedule={schedule}")
    assert LearningRates([0.25], build_scheduler(settings)).take(1).tolist() == [[0.25]]


def test_any_other_optimizer_of_torch_is_its_name_and_its_arguments():
    section = {"_target_": "torch.optim.AdamW", "weight_decay": 0.25, "betas": [0.8, 0.9]}
    built = build("optimizer", section, [torch.zeros(2, requires_grad=True)])
    assert isinstance(built, torch.optim.AdamW)
    assert built.defaults["weight_decay"] == 0.25


def test_every_callback_runs(tmp_path):
    callbacks = f"callbacks=[{','.join(choices('callbacks'))}]"
    done = run_here("train.py", *SMALL, callbacks, "logger=[csv]", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (folder,) = run_folders(tmp_path)
    assert (folder / "spectra.npz").exists()
    assert (folder / "checkpoints" / "step=20.ckpt").exists()


@pytest.mark.parametrize("pde", ["poisson1d", "poisson2d", "biharmonic"])
def test_defaults_are_the_papers(pde):
    train, rfm = (composed(script, f"pde={pde}", "method=fd") for script in ("train", "rfm_solve"))
    # Appendix B.2-B.4 and the cut-offs of Figs. 3-6
    n, step, weight, kernel, system = {
        "poisson1d": (100, 0.02, 1, 1e-5, 1e-12),
        "poisson2d": (64, 1 / 64, 1, 1e-4, 1e-13),
        "biharmonic": (100, 1 / 64, 100, 1e-2, 1e-13),
    }[pde]
    assert (train.points.per_axis, train.boundary_weight) == (n, weight)
    assert train.method["step"] == step
    assert (train.spectrum.cutoff, rfm.spectrum.cutoff) == (kernel, system)
    assert (train.precision, rfm.precision) == ("float32", "float64")
    finer = composed("train", f"pde={pde}", "method=fd", f"points.per_axis={4 * n}")
    assert finer.method["step"] == (step if pde == "biharmonic" else step / 4)
