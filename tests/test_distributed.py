"""One run on several processes against the same run on one."""

import os
import socket
from dataclasses import dataclass
from multiprocessing import set_forkserver_preload
from typing import Any

import pytest
import torch
from test_training import ensemble_of, fit
from torch import multiprocessing

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Automatic, ExactDifference, FiniteDifference, GridDifference
from pinnspectra.networks import TwoLayer
from pinnspectra.problems import Biharmonic, Poisson
from pinnspectra.runs.messages import SettingsError
from pinnspectra.solvers import SGD, Adam
from pinnspectra.training import distributed, objective
from pinnspectra.training.lightning import AbstractRecorder

set_forkserver_preload(["pinnspectra.training.lightning"])  # imported once for all processes

SQUARE = Poisson([0.0, 0.0], [1.0, 1.0])


def lbfgs(parameters):
    return torch.optim.LBFGS(parameters, lr=0.5, max_iter=3)


@dataclass
class Case:
    pde: Any
    method: Any
    optimizer: Any
    steps: int = 30
    compiled: bool = False
    part_values: int = objective.PART_VALUES
    dtype: torch.dtype = torch.float64


CASES = {
    "square-ad-adam": Case(SQUARE, Automatic(), Adam(1e-3)),
    "biharmonic-fd-sgd": Case(Biharmonic(), FiniteDifference(0.1), SGD(1e-5)),
    # the memory of L-BFGS amplifies rounding, on differences a hundredfold in every step
    "biharmonic-fd-lbfgs": Case(Biharmonic(), FiniteDifference(0.1), lbfgs, 10),
}

MORE_CASES = CASES | {
    "square-fd-momentum": Case(SQUARE, FiniteDifference(0.05), SGD(1e-4, 0.9)),
    "square-fd_grid-sgd": Case(SQUARE, GridDifference(0.05), SGD(1e-6)),
    "square-ad-lbfgs": Case(SQUARE, Automatic(), lbfgs),
    "square-in-parts": Case(SQUARE, Automatic(), Adam(1e-3), part_values=12 * 60),
    "square-compiled": Case(SQUARE, Automatic(), Adam(1e-3), compiled=True),
    "square-compiled-parts": Case(SQUARE, Automatic(), SGD(1e-4), 30, True, 12 * 160),
    "biharmonic-float32": Case(Biharmonic(), Automatic(), Adam(1e-3), dtype=torch.float32),
    "biharmonic-ad-sgd": Case(Biharmonic(), Automatic(), SGD(1e-5)),
    "biharmonic-fd-adam": Case(Biharmonic(), FiniteDifference(0.1), Adam(1e-3)),
    "biharmonic-renewed": Case(Biharmonic(), ExactDifference(0.5, renew_every=10), Adam(1e-3)),
}


class Rows(AbstractRecorder):
    """The rows at every tenth gradient step; none where it is not the first process."""

    every = 10

    def __init__(self):
        self.rows = []

    def record(self, ensemble):
        self.rows.append(ensemble.rows[0])
        return {}

    def write(self):
        pass


def trained(case, **trainer):
    """The logged rows and the last parameters of a run."""
    objective.PART_VALUES, rows = case.part_values, Rows()
    started = ensemble_of(case.pde, case.method, case.optimizer, case.dtype, compiled=case.compiled)
    ended = fit(started, case.steps, [10], [rows], **trainer)
    objective.PART_VALUES = Case.part_values
    return rows.rows, {name: value.detach() for name, value in ended.theta.items()}


def work(rank, count, port, cases, folder):
    torch.set_num_threads(1)
    os.environ |= {
        "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    results = {name: trained(case, devices=count) for name, case in cases.items()}
    torch.save(results, folder / f"{rank}.pt")


def on_processes(count, cases, folder):
    """What every process has after all cases."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.start_processes(
        work, (count, port, cases, folder), count, start_method="forkserver"
    )
    return [torch.load(folder / f"{rank}.pt") for rank in range(count)]


@pytest.mark.parametrize(
    ("count", "cases"),
    [
        pytest.param(2, CASES, id="2"),
        pytest.param(2, MORE_CASES, marks=pytest.mark.slow, id="2-more"),
        pytest.param(3, MORE_CASES, marks=pytest.mark.slow, id="3-more"),  # of 20 layers or points
    ],
)
def test_processes_that_share_the_points_train_as_one_does(count, cases, tmp_path):
    first, *others = on_processes(count, cases, tmp_path)
    for name, case in cases.items():
        rows, parameters = first[name]
        wanted, _ = trained(case)
        assert rows == [pytest.approx(row, rel=1e-6, abs=0) for row in wanted]
        for other_rows, same in (other[name] for other in others):
            assert other_rows == []
            assert all(torch.equal(same[key], value) for key, value in parameters.items())


@pytest.mark.parametrize("count", [1, 2, 3, 5])  # the interval has a boundary of two points
@pytest.mark.parametrize("pde", [SQUARE, Biharmonic()], ids=["square", "biharmonic"])
@pytest.mark.parametrize("method", [Automatic(), FiniteDifference(0.1), GridDifference(0.1)])
def test_the_losses_are_the_sums_of_those_of_the_shares(monkeypatch, pde, method, count):
    spacing = pde.domain.grid(16).axes[0].spacing
    method = GridDifference(spacing) if isinstance(method, GridDifference) else method
    whole = Collocation(pde, method, pde.domain.grid(16), pde.domain.boundary(16))
    network = TwoLayer(10)
    parameters = network.initial_parameters(pde.domain.dimension, [0, 1], torch.float64)
    u = network.field(parameters)
    monkeypatch.setattr(distributed, "processes", lambda: count)
    squares, boundary = torch.zeros(2), torch.zeros(2)
    for rank in range(count):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        share = distributed.Share.of(whole)
        squares = squares + share.collocation.residual(u).square().sum(dim=-1)
        boundary = boundary + share.boundary * share.collocation.boundary_loss(u)
    losses = {"interior": squares / len(whole.interior.coordinates), "boundary": boundary}
    torch.testing.assert_close(losses, whole.losses(u), rtol=1e-11, atol=0)


def test_more_processes_than_parts_of_the_points_are_refused():
    points = Collocation(SQUARE, Automatic(), SQUARE.domain.grid(4), SQUARE.domain.boundary(4))
    distributed.check_processes(4, 2, points)
    with pytest.raises(SettingsError, match="devices=5: 5 processes for 4 parts"):
        distributed.check_processes(5, 5, points)
