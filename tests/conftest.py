"""What several test files share: the problems, operators by multi-index, measured orders."""

import contextlib
import http.server
import itertools
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
import yaml
from hypothesis import settings
from scripts import ROOT
from torch import Tensor

from pinnspectra.command_line.components import build
from pinnspectra.differentiation import (
    AbstractDifferentiation,
    DifferentialOperator,
    FiniteDifference,
)
from pinnspectra.differentiation.points import Points
from pinnspectra.differentiation.stencil import stencils
from pinnspectra.networks import MLP, AbstractNetwork, TwoLayer
from pinnspectra.problems import AbstractPDE

settings.register_profile("tests", deadline=None, derandomize=True, database=None)
settings.load_profile("tests")

PROBLEMS: dict[str, AbstractPDE] = {
    path.stem: build("pde", yaml.safe_load(path.read_text())["pde"])
    for path in sorted((ROOT / "conf" / "pde").glob("*.yaml"))
}
"""Every problem that there is a YAML file for; a new one is held to all that holds for these."""


class _Order(AbstractDifferentiation):
    """A method that takes no derivative and notes the highest order it is asked for."""

    asked = 0

    def derivatives(self, u, x, *operators):
        self.asked = max(self.asked, *(operator.order for operator in operators))
        return tuple(torch.zeros(len(x.coordinates)) for _ in operators)


def _order(pde: AbstractPDE) -> int:
    method = _Order()
    pde.operator(torch.sin, pde.domain.grid(3), method)
    return method.asked


ORDERS = {name: _order(pde) for name, pde in PROBLEMS.items()}
"""The order of each problem's operator."""

NETWORKS: dict[str, AbstractNetwork] = {
    "two_layer": TwoLayer(width=5),
    "mlp": MLP(width=4, depth=2, activation="tanh"),
}


@pytest.fixture(autouse=True)
def _as_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed is as wide as in a file, wherever the tests run."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No figures from runs in this process, which spares most of the time of small ones."""
    monkeypatch.setattr("pinnspectra.show.figures.of_runs.draw", lambda *_: True)
    monkeypatch.setattr("pinnspectra.show.tables.collect.comparison_figures", lambda _: {})
    monkeypatch.setattr("pinnspectra.show.report.report", lambda _: None)


@pytest.fixture
def answering():
    """A server that gives every request the same status, after so many seconds; its address."""
    servers, closed = [], threading.Event()

    def start(status, seconds=0):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                closed.wait(seconds)
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_PUT = do_POST  # noqa: N815

            def log_message(self, *args):
                pass

            def handle(self):
                with contextlib.suppress(OSError):  # whoever asked has gone
                    super().handle()

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    closed.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def monomial(index: Sequence[int]) -> DifferentialOperator:
    """The operator d^alpha."""
    return DifferentialOperator.from_terms([(tuple(index), 1)], len(index))


def multi_indices(dimension: int, orders: Sequence[int]) -> list[tuple[int, ...]]:
    """All multi-indices of the given total orders."""
    span = range(max(orders) + 1)
    return [i for i in itertools.product(span, repeat=dimension) if sum(i) in orders]


def random_points(dimension: int, n: int, seed: int = 0) -> Points:
    """Scattered points in [-1, 1]^d, float64."""
    generator = torch.Generator().manual_seed(seed)
    return Points(2 * torch.rand(n, dimension, generator=generator, dtype=torch.float64) - 1)


def spacing(pde: AbstractPDE, per_axis: int) -> float:
    """The spacing of the problem's grid along its first axis."""
    return (pde.domain.upper[0] - pde.domain.lower[0]) / per_axis


def rounding_level(operator: DifferentialOperator, method: FiniteDifference, eps: float) -> float:
    """sum_s |c_s| eps / h^k: what one relative rounding of every value of u, |u| <= 1, may cause.

    A second part of the same size comes from rounding x + s h where |u'| <= 1.
    """
    parts = stencils(operator, method.accuracy_order)
    sizes = [
        abs(s.factor) * sum(abs(w) for _, w in s.weights) / (s.denominator * method.step**s.order)
        for s in parts
    ]
    return 2 * eps * sum(sizes)


def order_of_accuracy(error: Callable[[float], Tensor], steps: Sequence[float]) -> float:
    """The slope of log(rms error) over log(step)."""
    errors = [float(error(h).detach().square().mean().sqrt()) for h in steps]
    return float(np.polyfit(np.log(steps), np.log(errors), 1)[0])
