"""The compiled driver against the eager loop, the optimizers against torch's, and ensembles."""

import json
import re

import numpy as np
import pytest
import torch
from cases import PROBLEMS, spacing
from scripts import SMALL, run_folders, run_here
from test_training import ensemble_of

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
from pinnspectra.training.compiled import (
    OPTIONS,
    CompileError,
    Programs,
    compiled_segment,
    is_worth_compiling,
    programs_of_this_process,
)
from pinnspectra.training.functional_driver import CACHE_BYTES, FunctionalDriver, groups
from pinnspectra.training.objective import Objective
from pinnspectra.training.schedule import LearningRates
from pinnspectra.training.steps import eager_segment

pytestmark = pytest.mark.usefixtures("undrawn")

INTERVAL, SQUARE = Poisson([-1.0], [1.0]), Poisson([0.0, 0.0], [1.0, 1.0])


def problem(pde, method, optimizer, dtype=torch.float64, members=2, network=None, factor=1.0):
    """An objective and an optimizer, and the state that they start from."""
    network = network or TwoLayer(12)
    collocation = Collocation(pde, method, pde.domain.grid(16), pde.domain.boundary(16)).to(dtype)

    def losses(parameters):
        parts = collocation.losses(network.field(parameters))
        return factor * (parts["interior"] + 3 * parts["boundary"])

    @torch.no_grad()
    def measure(parameters):
        return losses(parameters)[None].double()

    parameters = network.initial_parameters(pde.domain.dimension, range(members), dtype)
    state = parameters, optimizer.initial_memory(parameters)
    return (Objective((losses,), measure), optimizer), state


def program_of(made, state, programs=None):
    return compiled_segment(*made, state, programs or programs_of_this_process())


@pytest.mark.parametrize(
    ("pde", "method", "optimizer", "network"),
    [
        (INTERVAL, Automatic(), Adam(1e-3), None),
        (SQUARE, FiniteDifference(0.07), SGD(1e-3, 0.9), None),
        pytest.param(
            Biharmonic(), NestedAutograd(), SGD(1e-6), MLP(6, 2, "tanh"), marks=pytest.mark.slow
        ),
    ],
    ids=["ad-adam", "fd-momentum", "nested-sgd-mlp"],
)
def test_the_compiled_program_is_the_eager_loop(pde, method, optimizer, network):
    made, state = problem(pde, method, optimizer, network=network)
    segments = program_of(made, state), eager_segment(*made)
    for steps in (7, 30, 1):  # one program for every number of steps
        rates = torch.full((steps, 2), optimizer.lr, dtype=torch.float64)
        (by_program, *one), (by_loop, *other) = (segment(state, rates) for segment in segments)
        torch.testing.assert_close(by_program[0], by_loop[0], rtol=1e-11, atol=1e-13)
        torch.testing.assert_close(one, other, rtol=1e-12, atol=0)


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
    by_program = program_of(made, state)(state, rates)
    by_loop = eager_segment(*made)(state, rates)
    # in float32 the sine and the order of sums differ, which stencils magnify by up to eps / h^4
    exact = dtype == torch.float64
    rel = 1e-10 if exact else 1e-4 if method in ("ad", "nested") else 2e-2
    torch.testing.assert_close(by_program[1:], by_loop[1:], rtol=rel, atol=0)


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
    made, state = problem(INTERVAL, Automatic(), ours, members=1)
    theta = {name: value.clone().requires_grad_() for name, value in state[0].items()}
    optimizer = make(list(theta.values()))
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1000)
    rates = LearningRates(
        [1e-3], lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 1000)
    ).take(1000)
    segments = eager_segment(*made), program_of(made, state)
    finals = [segment(state, rates)[0][0] for segment in segments]
    for _ in range(1000):
        optimizer.zero_grad()
        made[0].summands[0](theta).sum().backward()
        optimizer.step()
        scheduler.step()
    for name, value in theta.items():
        scale = float(value.detach().abs().max())
        for final in finals:
            torch.testing.assert_close(final[name], value.detach(), rtol=0, atol=1e-12 * scale)


def test_runs_that_differ_in_tensors_alone_share_a_program_and_keep_their_numbers():
    programs, losses = Programs(), []
    rates = torch.full((7, 2), 1e-3, dtype=torch.float64)
    for step in (0.07, 0.08):
        made, state = problem(SQUARE, FiniteDifference(step), SGD(1e-3, 0.9))
        found = program_of(made, state, programs)(state, rates)[1:]
        torch.testing.assert_close(found, eager_segment(*made)(state, rates)[1:])
        losses.append(found[0])
    assert programs.count == 1
    assert (losses[0] != losses[1]).all()


def test_a_number_that_is_no_tensor_is_not_shared():
    programs, sizes = Programs(), []
    for factor in (1.0, 2.0, 1.0):
        program_of(*problem(INTERVAL, Automatic(), SGD(1e-3), factor=factor), programs)
        sizes.append(programs.count)
    assert sizes == [1, 2, 2]


def scaled_and_shifted(factor):
    outside = torch.full((3,), factor)

    def calculation(x):
        return x * torch.tensor([factor]) + outside

    return calculation


def test_a_tensor_that_is_made_on_the_way_keeps_its_value():
    programs, x = Programs(), torch.arange(3.0)
    for factor in (2.0, 3.0, 2.0):
        calculation = scaled_and_shifted(factor)
        trace = programs.trace(calculation, x)
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
    assert not is_worth_compiling(100, 10**4)
    assert is_worth_compiling(10**5, 10**4)


def run_of(cwd, *overrides):
    cwd.mkdir()
    done = run_here("train.py", *SMALL, "logger=[csv]", "spectrum.every=10", *overrides, cwd=cwd)
    (folder,) = run_folders(cwd)
    assert (folder / "result.json").exists(), done.stderr + done.stdout
    return done, folder, json.loads((folder / "result.json").read_text())


@pytest.mark.parametrize(
    "optimizer",
    [SGD(1e-4), Adam(1e-3), lambda p: torch.optim.LBFGS(p, lr=0.5, max_iter=3)],
    ids=["sgd", "adam", "lbfgs"],
)
def test_a_member_is_the_network_that_is_trained_alone(optimizer):
    common = Biharmonic(), FiniteDifference(0.1), optimizer
    all_, one = ensemble_of(*common, seeds=(4, 5)), ensemble_of(*common, seeds=(5,))
    for ensemble in (all_, one):
        ensemble.start()
        ensemble.advance(20)
    assert all_.rows[1] == pytest.approx(one.rows[0], rel=1e-9)


def test_an_ensemble_has_every_seed_at_every_rate(tmp_path):
    overrides = ("ensemble.size=2", "ensemble.lr=[1e-3,1e-4]", "seed=4", "max_steps=1")
    members = run_of(tmp_path / "run", *overrides, "callbacks=[]")[2]["members"]
    found = [(m["seed"], m["learning_rate"]) for m in members]
    assert found == [(4, 1e-3), (5, 1e-3), (4, 1e-4), (5, 1e-4)]


def test_a_member_that_diverges_is_marked_and_the_others_go_on(tmp_path):
    done, folder, result = run_of(tmp_path / "run", "ensemble.lr=[1e-3,50]")
    good, bad = result["members"]
    assert done.returncode == 1
    assert "1 of 2 members diverged" in done.stderr
    assert (good["status"], good["step"]) == ("finished", 20)
    assert (bad["status"], bad["loss"]) == ("diverged", None)
    assert 0 < bad["step"] < 20
    _, _, alone = run_of(tmp_path / "alone")
    assert good["loss"] == pytest.approx(alone["loss"], rel=1e-5)
    run = run_at(folder)
    assert np.isfinite(run.metrics["loss"][:, 0]).all()
    assert np.isnan(run.metrics["loss"][1:, 1]).all()
    assert np.isnan(run.spectra.truncated_entropy[1:, 1]).all()


def test_compiled_training_is_eager_training(tmp_path):
    results = [
        run_of(tmp_path / str(compiled), f"compile={compiled}", "precision=float64")[2]
        for compiled in ("true", "false")
    ]
    for key in ("loss", "loss_interior_ad64", "truncated_entropy"):
        assert results[0][key] == pytest.approx(results[1][key], rel=1e-12)


@pytest.mark.parametrize("compiled", ["auto", True])
def test_without_a_compiler_steps_are_eager_or_refused_in_one_line(compiled, monkeypatch, caplog):
    monkeypatch.setitem(OPTIONS, "cpp.cxx", (None, "/nonexistent"))
    made, (parameters, _) = problem(INTERVAL, Automatic(), SGD(1e-3))
    wanted = "cannot compile.*install g\\+\\+"
    if compiled is True:
        with pytest.raises(CompileError, match=wanted):
            FunctionalDriver(*made, parameters, 16, compiled)
        return
    driver = FunctionalDriver(*made, parameters, 16, compiled)
    (line,) = [r.getMessage() for r in caplog.records if r.name.startswith("pinnspectra")]
    assert re.search(wanted, line)
    before = float(made[0].summands[0](parameters).sum())
    history, _ = driver.advance(torch.full((5, 2), 1e-3, dtype=torch.float64))
    assert history.shape == (5, 2)
    assert float(made[0].summands[0](parameters).sum()) < before


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
    assert LearningRates([3.0]).take(5).tolist() == [[3.0]] * 5
