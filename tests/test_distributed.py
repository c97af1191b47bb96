"""One run on several processes against the same run on one."""

import os
import socket

import pytest
import torch
from test_training import fit, pinn
from torch import multiprocessing

from pinnspectra.differentiation import Automatic, FiniteDifference, GridDifference
from pinnspectra.optimizers import SGD, Adam
from pinnspectra.pde import Biharmonic, Poisson
from pinnspectra.training.callbacks.recorder import AbstractRecorder

SQUARE = Poisson([0.0, 0.0], [1.0, 1.0])


class Losses(AbstractRecorder):
    """The rows at every tenth gradient step."""

    every = 10

    def __init__(self):
        self.rows = []

    def record(self, module):
        self.rows.append(dict(module.last_rows[0]))

    def write(self):
        pass


def lbfgs(parameters):
    return torch.optim.LBFGS(parameters, lr=0.5, max_iter=3)


CASES = {
    "square-ad-adam": (SQUARE, Automatic(), Adam(1e-3)),
    "square-fd-momentum": (SQUARE, FiniteDifference(0.05), SGD(1e-4, 0.9)),
    "square-fd_grid-sgd": (SQUARE, GridDifference(0.05), SGD(1e-6)),
    "square-ad-lbfgs": (SQUARE, Automatic(), lbfgs),
    "biharmonic-ad-sgd": (Biharmonic(), Automatic(), SGD(1e-5)),
    "biharmonic-fd-adam": (Biharmonic(), FiniteDifference(0.1), Adam(1e-3)),
    "biharmonic-fd-lbfgs": (Biharmonic(), FiniteDifference(0.1), lbfgs),
}


def trained(case, **trainer):
    losses = Losses()
    pde, method, optimizer = CASES[case]
    module = fit(pinn(pde, method, optimizer), 30, [10], [losses], **trainer)
    return losses.rows, {name: value.detach() for name, value in module.theta.items()}


def work(rank, count, port, cases, folder):
    torch.set_num_threads(1)
    os.environ |= {
        "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    results = {case: trained(case, devices=count, strategy="ddp") for case in cases}
    torch.save(results, folder / f"{rank}.pt")


def on_processes(count, cases, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(work, (count, port, cases, folder), count)
    return [torch.load(folder / f"{rank}.pt") for rank in range(count)]


@pytest.mark.parametrize("count", [2, 3])
def test_processes_that_share_the_points_train_as_one_does(count, tmp_path):
    found = on_processes(count, list(CASES), tmp_path)
    for case in CASES:
        rows, _ = trained(case, accelerator="cpu")
        first = found[0][case]
        for wanted, row in zip(rows, first[0], strict=True):
            print(case, max(abs(row[k] / wanted[k] - 1) for k in wanted))
            assert row == pytest.approx(wanted, rel=1e-6, abs=0)
        for other in found[1:]:
            for name, value in first[1].items():
                assert torch.equal(other[case][1][name], value)
