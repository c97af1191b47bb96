"""The ensemble against plain loops, its state, and the chunks in which Lightning runs it."""

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given
from hypothesis import strategies as st

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import (
    Automatic,
    ExactDifference,
    FiniteDifference,
    NestedAutograd,
)
from pinnspectra.networks import TwoLayer
from pinnspectra.problems import Biharmonic, Poisson
from pinnspectra.runs.files import read_arrays
from pinnspectra.runs.folder import RunFolder
from pinnspectra.solvers import SGD, AbstractOptimizer, Adam
from pinnspectra.training.callbacks import KernelSpectrum
from pinnspectra.training.data import ChunkSchedule, longest_chunk
from pinnspectra.training.ensemble import Ensemble
from pinnspectra.training.lightning import EnsembleModule, quiet_lightning
from pinnspectra.training.outcome import solution
from pinnspectra.training.rows import summarised
from pinnspectra.training.schedule import LearningRates

intervals = st.lists(st.integers(1, 2500), max_size=4)


@given(st.integers(1, 5000), intervals, st.integers(1, 6000))
def test_chunks_end_on_every_multiple_of_every_interval(max_steps, intervals, longest):
    chunks = list(ChunkSchedule(max_steps, intervals, longest))
    ends = set(np.cumsum(chunks))
    asked = {m for i in intervals for m in range(i, max_steps + 1, i)}
    assert sum(chunks) == max_steps
    assert asked <= ends
    assert all(1 <= chunk <= longest for chunk in chunks)
    unneeded = ends - asked - {max_steps}
    assert len(unneeded) <= max_steps // longest


def test_chunks_are_long_or_end_where_rows_are_logged():
    assert longest_chunk(10**4, compiled=True, log_every=100) == 20_000
    assert longest_chunk(10**4, compiled=True, log_every=300) == 19_800
    assert longest_chunk(10**4, compiled=False, log_every=100) == 500
    assert longest_chunk(10**7, compiled=True, log_every=10) == 50
    assert longest_chunk(10**8, compiled=True, log_every=100) == 100
    assert longest_chunk(10**8, compiled=True, log_every=10**6) == 500
    assert longest_chunk(10**12, compiled=True, log_every=1) == 1


def fit(
    ensemble, max_steps, intervals=(), callbacks=(), accelerator="cpu", log_every=10, **trainer
):
    """The module of an ensemble after Lightning has trained it."""
    quiet_lightning()
    trainer = pl.Trainer(
        max_epochs=1, accelerator=accelerator, logger=False, callbacks=list(callbacks),
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        **trainer,
    )  # fmt: skip
    module = EnsembleModule(ensemble, ChunkSchedule(max_steps, intervals, 1000), log_every)
    trainer.fit(module)
    return module


def ensemble_of(pde, method, optimizer, dtype=torch.float64, width=12, seeds=(5,), **more):
    collocation = Collocation(pde, method, pde.domain.grid(20), pde.domain.boundary(20))
    network = TwoLayer(width)
    parameters = network.initial_parameters(pde.domain.dimension, seeds, dtype)
    if isinstance(optimizer, AbstractOptimizer):
        lr = optimizer.lr
    else:
        lr = optimizer([torch.nn.Parameter(torch.zeros(1))]).param_groups[0]["lr"]
    rates = LearningRates([lr] * len(seeds))
    return Ensemble(collocation, network, parameters, optimizer, rates, **more)


def trained(*arguments, steps, **more):
    """An ensemble after some steps, without Lightning."""
    ensemble = ensemble_of(*arguments, **more)
    ensemble.start()
    ensemble.advance(steps)
    return ensemble


def plain_loss(theta, x, forcing, order):
    """mean residual^2 + boundary terms of Appendix B by nested autograd, all written out."""
    w, b, a = (theta[name] for name in ("weights_1", "biases_1", "coefficients"))

    def derivative(x, k):
        x = x.clone().requires_grad_()
        u = (a * torch.sin(x[:, None] * w[:, 0] + b)).sum(dim=1)
        for _ in range(k):
            (u,) = torch.autograd.grad(u.sum(), x, create_graph=True)
        return u

    ends = torch.tensor([-1.0, 1.0], dtype=x.dtype)
    interior = (derivative(x, order) - forcing).square().mean()
    boundary = sum(derivative(ends, k).square().mean() for k in range(order // 2))
    return interior, boundary


@pytest.mark.parametrize(
    "make_optimizer",
    [
        lambda p: torch.optim.SGD(p, lr=1e-4),
        lambda p: torch.optim.SGD(p, lr=1e-4, momentum=0.9),
        lambda p: torch.optim.Adam(p, lr=1e-3),
        lambda p: torch.optim.LBFGS(p, lr=0.5, max_iter=3),
        (SGD(1e-4), lambda p: torch.optim.SGD(p, lr=1e-4)),
        (SGD(1e-4, 0.9), lambda p: torch.optim.SGD(p, lr=1e-4, momentum=0.9)),
        (Adam(1e-3), lambda p: torch.optim.Adam(p, lr=1e-3)),
    ],
    ids=["sgd", "momentum", "adam", "lbfgs", "our-sgd", "our-momentum", "our-adam"],
)
@pytest.mark.parametrize(
    ("pde", "order", "weight"), [(Poisson([-1.0], [1.0]), 2, 1.0), (Biharmonic(), 4, 100.0)]
)
def test_training_is_the_plain_loop(pde, order, weight, make_optimizer):
    ours, make_optimizer = (
        make_optimizer if isinstance(make_optimizer, tuple) else (make_optimizer, make_optimizer)
    )
    module = fit(ensemble_of(pde, Automatic(), ours, boundary_weight=weight), 25, [10])
    start = TwoLayer(12).initial_parameters(1, [5], torch.float64)
    theta = {name: value[0].clone().requires_grad_() for name, value in start.items()}
    optimizer = make_optimizer(theta.values())
    x = -1 + torch.arange(1, 21, dtype=torch.float64) / 10
    forcing = pde.forcing(x[:, None])

    def closure():
        optimizer.zero_grad()
        interior, boundary = plain_loss(theta, x, forcing, order)
        loss = interior + weight * boundary
        loss.backward()
        return loss

    for _ in range(25):
        optimizer.step(closure)
    interior, boundary = plain_loss(theta, x, forcing, order)
    assert module.status == "finished"
    assert module.rows[0]["loss/interior"] == pytest.approx(interior.item(), rel=1e-9)
    assert module.rows[0]["loss/boundary"] == pytest.approx(boundary.item(), rel=1e-9)
    for name, value in theta.items():
        torch.testing.assert_close(module.theta[name][0], value, rtol=1e-7, atol=1e-9)


def test_float32_training_by_taylor_mode_and_by_nested_autograd_agree():
    losses = [
        trained(Biharmonic(), method, SGD(1e-4), torch.float32, steps=100).rows[0]["loss"]
        for method in (Automatic(), NestedAutograd())
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize(
    ("method", "make_optimizer", "compiled", "rel"),
    [
        (Automatic(), SGD(1e-4, 0.9), False, 1e-12),
        # sums in another order: stencils magnify it by 1 / h^2, L-BFGS by its curvatures
        (FiniteDifference(1 / 20, 4), Adam(1e-3), False, 1e-11),
        (Automatic(), lambda p: torch.optim.LBFGS(p, lr=0.5, max_iter=3), False, 1e-9),
        (Automatic(), Adam(1e-3), True, 1e-12),
    ],
    ids=["ad", "fd", "lbfgs", "compiled"],
)
def test_training_on_parts_of_the_points_is_training_on_all(
    method, make_optimizer, compiled, rel, monkeypatch
):
    square = Poisson([0.0, 0.0], [1.0, 1.0])
    whole = trained(square, method, make_optimizer, steps=25)
    monkeypatch.setattr("pinnspectra.training.objective.PART_VALUES", 12 * 160)
    parted = trained(square, method, make_optimizer, steps=25, compiled=compiled)
    for key, value in whole.rows[0].items():
        assert parted.rows[0][key] == pytest.approx(value, rel=rel), key
    torch.testing.assert_close(solution(parted), solution(whole), rtol=100 * rel, atol=1e-12)


class _Remembering(Poisson):
    """A problem that takes its solution once and keeps it."""

    def exact_solution(self, x):
        kept = self.__dict__.setdefault("kept", {})
        if id(x) not in kept:
            kept[id(x)] = (x, super().exact_solution(x))
        return kept[id(x)][1]

    def forcing(self, x):
        return -(torch.pi**2) * super().exact_solution(x)


def test_a_problem_that_keeps_what_it_has_taken_can_be_compiled():
    problem = _Remembering([-1.0], [1.0])
    assert trained(problem, Automatic(), SGD(1e-4), steps=10, compiled=True).gradient_step == 10


def test_a_chunk_counts_gradient_steps_and_lightning_counts_chunks():
    module = fit(ensemble_of(Biharmonic(), Automatic(), SGD(1e-6)), 25, [10, 4])
    assert module.ensemble.gradient_step == 25
    assert module.trainer.global_step == len({4, 8, 10, 12, 16, 20, 24, 25})


MAKERS = {
    "momentum": SGD(1e-4, 0.9),
    "adam-compiled": Adam(1e-3),
    "lbfgs": lambda p: torch.optim.LBFGS(p, lr=0.5, max_iter=3),
}


@pytest.mark.parametrize("optimizer", MAKERS.values(), ids=MAKERS)
def test_an_ensemble_goes_on_from_its_state_to_the_same_bits(optimizer, tmp_path):
    def made():
        method = ExactDifference(0.5, renew_every=15)
        compiled = isinstance(optimizer, Adam)
        return ensemble_of(Biharmonic(), method, optimizer, seeds=(1, 2), compiled=compiled)

    whole, first, second = made(), made(), made()
    whole.start()
    whole.advance(40)
    first.start()
    first.advance(20)
    torch.save(first.state(), tmp_path / "state.pt")
    second.load_state(torch.load(tmp_path / "state.pt"))
    second.start()
    second.advance(20)
    assert second.rows == whole.rows
    assert torch.equal(second.flow_time, whole.flow_time)
    for name, value in whole.members.parameters.items():
        assert torch.equal(second.members.parameters[name], value)


def test_the_spectrum_is_taken_in_the_asked_precision(tmp_path):
    cutoffs, floors, last = {}, {}, np.empty(0)
    for dtype in ("training", "float64"):
        folder = RunFolder(tmp_path / dtype, "biharmonic", "fd", "")
        folder.path.mkdir()
        callback = KernelSpectrum(folder, every=5, cutoff=1e-4, dtype=dtype)
        method = FiniteDifference(1 / 64)
        ensemble = ensemble_of(Biharmonic(), method, SGD(1e-6), torch.float32, width=40)
        fit(ensemble, 10, [5], [callback])
        spectra = read_arrays(folder.path / "spectra.npz")
        assert spectra["steps"].tolist() == [0, 5, 10]
        cutoffs[dtype] = spectra["effective_cutoff"][0, 0]
        floors[dtype], last = spectra["floor"][0], spectra["singular_values"][-1, 0]
        assert (floors[dtype] < 2 * last)[:5].all()
        assert (last < 2 * floors[dtype])[15:].all()  # rounding, in both
    assert cutoffs["float64"] <= 4  # as AD has it: 3 at width 100
    assert cutoffs["training"] == 20  # float32 rounding of the stencil fills all N = 20 values
    ratio = floors["training"] / floors["float64"]
    np.testing.assert_allclose(np.log2(ratio[:10]), 29, atol=1)


def test_a_median_of_two_members_is_between_them():
    rows = {0: {"loss": 1.0}, 1: {"loss": 3.0}}
    assert summarised(rows) == {"loss": 2.0, "loss/min": 1.0, "loss/max": 3.0}


def test_a_median_is_of_the_members_that_have_the_value():
    rows = {0: {"loss": 1.0}, 2: {"loss": 5.0, "h": 2.0}, 3: {"loss": 3.0, "h": 4.0}, 4: {"h": 3.0}}
    found = summarised({s: {"loss": 9.0, **row} for s, row in rows.items()})
    assert found == {"loss": 4.0, "h": 3.0, "loss/min": 1.0, "loss/max": 9.0}
    assert summarised({1: {"loss": 2.0}}) == {"loss": 2.0}
