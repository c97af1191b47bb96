"""The compiled driver against the eager loop, the optimizers against torch's, and ensembles."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import PROBLEMS, spacing
from scripts import SMALL, run_folders, run_here

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import (
    Automatic,
    FiniteDifference,
    GridDifference,
    NestedAutograd,
)
from pinnspectra.networks import MLP, TwoLayer
from pinnspectra.problems import Biharmonic, Poisson
from pinnspectra.runs.found import run_at
from pinnspectra.solvers import SGD, Adam
from pinnspectra.training import sine
from pinnspectra.training.compiled import OPTIONS, _Trace, compiled_segment
from pinnspectra.training.driver import (
    CACHE_BYTES,
    CompileError,
    FunctionalDriver,
    groups,
    pays,
)
from pinnspectra.training.problem import Problem, eager_segment
from pinnspectra.training.schedule import LearningRates

pytestmark = pytest.mark.usefixtures("undrawn")

PROGRAMS = {}


def problem(pde, method, optimizer, dtype, members=2, network=None):
    network = network or TwoLayer(12)
    collocation = Collocation(pde, method, pde.domain.grid(16), pde.domain.boundary(16)).to(dtype)

    def losses(parameters):
        parts = collocation.losses(network.field(parameters))
        return parts["interior"] + 3 * parts["boundary"]

    @torch.no_grad()
    def measure(parameters):
        return losses(parameters)[None].double()

    dimension = pde.domain.dimension
    parameters = network.initial_parameters(dimension, range(members), dtype)
    made = Problem((losses,), optimizer, measure)
    return made, (parameters, optimizer.initial_memory(parameters))


@pytest.mark.parametrize(
    ("pde", "method", "optimizer", "network"),
    [
        (Poisson([-1.0], [1.0]), Automatic(), Adam(1e-3), None),
        (Poisson([0.0, 0.0], [1.0, 1.0]), FiniteDifference(0.07), SGD(1e-3, 0.9), None),
        pytest.param(
            Biharmonic(), NestedAutograd(), SGD(1e-6), MLP(6, 2, "tanh"), marks=pytest.mark.slow
        ),
    ],
    ids=["ad-adam", "fd-momentum", "nested-sgd-mlp"],
)
def test_the_compiled_program_is_the_eager_loop(pde, method, optimizer, network):
    made, state = problem(pde, method, optimizer, torch.float64, network=network)
    compiled = compiled_segment(made, state, PROGRAMS)
    for steps in (7, 30, 1):  # one program for every number of steps
        rates = torch.full((steps, 2), optimizer.lr, dtype=torch.float64)
        results = [segment(state, rates) for segment in (compiled, eager_segment(made))]
        for name, value in results[0][0][0].items():
            torch.testing.assert_close(value, results[1][0][0][name], rtol=1e-11, atol=1e-13)
        for a, b in zip(results[0][1:], results[1][1:], strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("method", ["ad", "fd", "fd_grid", "nested"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_compiled_program_is_the_eager_loop_for_every_problem_method_and_dtype(
    name, method, dtype
):
    pde = PROBLEMS[name]
    h = spacing(pde, 16)
    made_methods = {
        "ad": Automatic(), "fd": FiniteDifference(0.7 * h), "fd_grid": GridDifference(h),
        "nested": NestedAutograd(),
    }  # fmt: skip
    made, state = problem(pde, made_methods[method], SGD(1e-7), dtype)
    rate = 1e-12 if method == "fd_grid" else 1e-7  # its end rows are of order h^-4
    rates = torch.full((20, 2), rate, dtype=torch.float64)
    compiled = compiled_segment(made, state, PROGRAMS)(state, rates)
    eager = eager_segment(made)(state, rates)
    # in float32 the sine and the order of sums differ, which stencils magnify by up to eps / h^4
    exact = dtype == torch.float64
    rel = 1e-10 if exact else 1e-4 if method in ("ad", "nested") else 2e-2
    torch.testing.assert_close(compiled[1], eager[1], rtol=rel, atol=0)
    torch.testing.assert_close(compiled[2], eager[2], rtol=rel, atol=0)


@pytest.mark.parametrize(
    ("ours", "make"),
    [
        (SGD(1e-3), lambda p: torch.optim.SGD(p, lr=1e-3)),
        (SGD(1e-3, 0.9), lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9)),
        (Adam(1e-3), lambda p: torch.optim.Adam(p, lr=1e-3)),
    ],
    ids=["sgd", "momentum", "adam"],
)
def test_optimizers_with_a_schedule_take_the_trajectories_of_torch(ours, make):
    made, state = problem(Poisson([-1.0], [1.0]), Automatic(), ours, torch.float64, members=1)
    theta = {name: value.clone().requires_grad_() for name, value in state[0].items()}
    optimizer = make(list(theta.values()))
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1000)
    rates = LearningRates(
        [1e-3], lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 1000)
    ).take(1000)
    finals = [
        segment(state, rates)[0]
        for segment in (eager_segment(made), compiled_segment(made, state, PROGRAMS))
    ]
    for _ in range(1000):
        optimizer.zero_grad()
        made.summands[0](theta).sum().backward()
        optimizer.step()
        scheduler.step()
    for name, value in theta.items():
        scale = float(value.detach().abs().max())
        for final, _ in finals:
            torch.testing.assert_close(final[name], value.detach(), rtol=0, atol=1e-12 * scale)


def test_runs_that_differ_in_numbers_alone_share_a_program():
    programs, sizes = {}, []
    for seed in (0, 1):
        pde = Poisson([-1.0], [1.0])
        made, (parameters, memory) = problem(pde, Automatic(), SGD(1e-3), torch.float64)
        moved = {name: value + seed for name, value in parameters.items()}
        compiled_segment(made, (moved, memory), programs)
        sizes.append(len(programs))
    assert sizes[0] == sizes[1]


def test_runs_that_differ_in_the_step_alone_share_a_program():
    square, rates = Poisson([0.0, 0.0], [1.0, 1.0]), torch.full((7, 2), 1e-3, dtype=torch.float64)
    sizes, losses = [], []
    for step in (0.07, 0.08):
        made, state = problem(square, FiniteDifference(step), SGD(1e-3, 0.9), torch.float64)
        compiled = compiled_segment(made, state, PROGRAMS)(state, rates)
        sizes.append(len(PROGRAMS))
        for a, b in zip(compiled[1:], eager_segment(made)(state, rates)[1:], strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=0)
        losses.append(compiled[1])
    assert sizes[0] == sizes[1]
    assert (losses[0] != losses[1]).all()


def test_a_number_that_is_no_tensor_is_not_shared():
    programs, sizes = {}, []
    for factor in (1.0, 2.0, 1.0):
        made, state = problem(Poisson([-1.0], [1.0]), Automatic(), SGD(1e-3), torch.float64)
        (losses,) = made.summands
        scaled = replace(made, summands=(lambda p, c=factor, f=losses: c * f(p),))
        compiled_segment(scaled, state, programs)
        sizes.append(len(programs))
    assert sizes[0] < sizes[1] == sizes[2]


def scaled_and_shifted(factor):
    outside = torch.full((3,), factor)

    def calculation(x):
        return x * torch.tensor([factor]) + outside

    return calculation


def test_a_tensor_that_is_made_on_the_way_keeps_its_value():
    known, x = {}, torch.arange(3.0)
    for factor in (2.0, 3.0, 2.0):
        calculation = scaled_and_shifted(factor)
        trace = _Trace.of(calculation, x, known=known)
        assert torch.equal(trace.graph(x, *trace.constants), calculation(x))


def test_the_compiled_sine_is_right_to_two_units_in_the_last_place_and_the_cosine_to_as_much_of_1():
    both = torch.compile(lambda z: (sine.sin(z), sine.cos(z)), dynamic=False, options=OPTIONS)
    for scale in (1.0, 10.0, 1000.0):
        z = torch.linspace(-scale, scale, 200_000)
        sin, cos = both(z)
        wanted = torch.sin(z.double())
        error = (sin.double() - wanted).abs()
        assert float(error.max()) < 1.3e-7  # 2 x 2^-24
        unit = torch.finfo(torch.float32).eps * wanted.abs().log2().floor().exp2()
        assert float((error / unit).quantile(0.999)) < 1.7
        rounding = (torch.sin(z).double() - wanted).square().mean().sqrt()
        assert error.square().mean().sqrt() < 1.5 * rounding
        assert float((cos.double() - torch.cos(z.double())).abs().max()) < 1.5e-7
    assert all(value.isnan().all() for value in both(torch.tensor([torch.inf, torch.nan])))


def test_groups_fit_the_cache_and_hold_every_member_once():
    for members, size in ((1, 10**9), (32, 40_000), (32, 1_600_000), (7, 300_000), (31, 100_000)):
        made = groups(members, size)
        assert [s for g in made for s in range(members)[g]] == list(range(members))
        lengths = [g.stop - g.start for g in made]
        assert max(lengths) - min(lengths) <= 1
        assert max(lengths) == 1 or max(lengths) * size <= CACHE_BYTES


def test_groups_are_of_one_size_where_that_is_close_by():
    assert [g.stop - g.start for g in groups(32, 45_000)] == [8] * 4
    assert len(groups(31, 100_000)) == 7  # 31 is a prime


def test_only_a_long_run_pays_for_compiling():
    assert not pays(100, 10**4)
    assert pays(10**5, 10**4)


def ensemble(cwd, *overrides):
    cwd.mkdir()
    done = run_here("train.py", *SMALL, "logger=[csv]", "spectrum.every=10", *overrides, cwd=cwd)
    (folder,) = run_folders(cwd)
    return done, folder, json.loads((folder / "result.json").read_text())


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "lbfgs"])
def test_a_member_is_the_run_it_stands_for(tmp_path, optimizer):
    common = (f"optimizer={optimizer}", "precision=float64", "schedule=cosine")
    both = ("ensemble.size=2", "ensemble.lr=[1e-3,1e-4]", "seed=4")
    _, _, result = ensemble(tmp_path / "all", *common, *both)
    members = result["members"]
    assert [(m["seed"], m["learning_rate"]) for m in members] == [
        (4, 1e-3), (5, 1e-3), (4, 1e-4), (5, 1e-4)
    ]  # fmt: skip
    for m in (members[1], members[2]):
        alone = (f"seed={m['seed']}", f"optimizer.lr={m['learning_rate']}")
        _, _, one = ensemble(tmp_path / str(m["member"]), *common, *alone)
        for key in ("loss", "loss_interior_ad64", "relative_l2_error", "truncated_entropy"):
            assert m[key] == pytest.approx(one[key], rel=1e-12), key


def test_a_member_that_diverges_is_marked_and_the_others_go_on(tmp_path):
    done, folder, result = ensemble(tmp_path / "run", "ensemble.lr=[1e-3,50]")
    good, bad = result["members"]
    assert done.returncode == 1
    assert "1 of 2 members diverged" in done.stderr
    assert (good["status"], good["step"]) == ("finished", 20)
    assert (bad["status"], bad["loss"]) == ("diverged", None)
    assert 0 < bad["step"] < 20
    _, _, alone = ensemble(tmp_path / "alone")
    assert good["loss"] == pytest.approx(alone["loss"], rel=1e-5)
    run = run_at(folder)
    assert np.isfinite(run.metrics["loss"][:, 0]).all()
    assert np.isnan(run.metrics["loss"][1:, 1]).all()
    assert np.isnan(run.spectra.truncated_entropy[1:, 1]).all()


def test_compiled_training_is_eager_training(tmp_path):
    results = [
        ensemble(tmp_path / str(compiled), f"compile={compiled}", "precision=float64")[2]
        for compiled in ("true", "false")
    ]
    for key in ("loss", "loss_interior_ad64", "truncated_entropy"):
        assert results[0][key] == pytest.approx(results[1][key], rel=1e-12)


@pytest.mark.parametrize("compiled", ["auto", True])
def test_without_a_compiler_steps_are_eager_or_refused_in_one_line(compiled, monkeypatch, caplog):
    monkeypatch.setitem(OPTIONS, "cpp.cxx", (None, "/nonexistent"))
    made, (parameters, _) = problem(Poisson([-1.0], [1.0]), Automatic(), SGD(1e-3), torch.float64)
    wanted = "cannot compile.*no C\\+\\+ compiler: install g\\+\\+"
    if compiled is True:
        with pytest.raises(CompileError, match=wanted):
            FunctionalDriver(made, parameters, 16, {}, compiled)
        return
    driver = FunctionalDriver(made, parameters, 16, {}, compiled)
    (line,) = [r.getMessage() for r in caplog.records if r.name.startswith("pinnspectra")]
    assert re.search(wanted, line)
    before = float(made.summands[0](parameters).sum())
    history, _ = driver.advance(torch.full((5, 2), 1e-3, dtype=torch.float64))
    assert history.shape == (5, 2)
    assert float(made.summands[0](parameters).sum()) < before


def test_what_cannot_be_compiled_is_said(tmp_path):
    done = run_here(
        "train.py", *SMALL, "logger=[csv]", "optimizer=lbfgs", "compile=true", cwd=tmp_path
    )
    assert done.returncode == 1
    assert "compile=true" in done.stderr
    assert "Traceback" not in done.stderr


def test_rates_follow_the_scheduler_of_torch():
    rates = LearningRates([1.0, 2.0, 1.0], lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.5))
    table = torch.cat([rates.take(2), rates.take(1)])
    assert table.tolist() == [[1.0, 2.0, 1.0], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]]
    assert math.isclose(float(LearningRates([3.0]).take(5).sum()), 15.0)
