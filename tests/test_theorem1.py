"""The modes of the loss and Theorem 1's bounds: invented residuals, an exact run, real runs."""

import json
import math

import pytest
import torch
from cases import ONE_OF_EACH, PROBLEMS, Case, collocated
from scripts import SMALL, run_folders, run_here
from test_training import fit
from torch.func import jacrev

from pinnspectra.differentiation import Automatic
from pinnspectra.differentiation.activations import activation_named
from pinnspectra.differentiation.jet import activate, linear
from pinnspectra.networks import TwoLayer
from pinnspectra.runs.files import read_metrics
from pinnspectra.runs.folder import RunFolder
from pinnspectra.solvers import SGD, Adam
from pinnspectra.spectra import kernel
from pinnspectra.spectra.modes import LossModes, loss_modes
from pinnspectra.spectra.theorem1 import bounds, smallest_window, window_shares
from pinnspectra.training.callbacks import Theorem1
from pinnspectra.training.ensemble import Ensemble
from pinnspectra.training.schedule import LearningRates

pytestmark = pytest.mark.usefixtures("undrawn")

WEIGHT = 7.0


def rho(c, network, theta):
    """The rows of the whole loss of one network, written out."""
    u = network.field(theta)
    rows = [c.residual(u)[0] / math.sqrt(len(c.interior.coordinates))]
    for b in c.boundary_residuals(u):
        rows.append(math.sqrt(WEIGHT / b.shape[-1]) * b[0])
    return torch.cat(rows)


def member(parameters, s):
    return {name: value[s : s + 1] for name, value in parameters.items()}


def by_torch_func(c, network, theta):
    """J of those rows, (n, P)."""
    blocks = jacrev(lambda t: rho(c, network, t))(theta)
    return torch.cat([block.flatten(1) for block in blocks.values()], dim=1)


FEW = [(case, 8) for case in ONE_OF_EACH if case.method != "nested_autograd"]
MANY = [(Case("burgers"), 24**2), (Case("biharmonic"), 24)]


@pytest.mark.parametrize(("case", "points"), [*FEW, *MANY], ids=str)  # rows, against parameters
def test_modes_are_those_of_the_kernel_of_the_rows_written_out(case, points):
    network, c, parameters = case.net, case.collocation(points), case.parameters()
    modes = loss_modes(c, network, parameters, WEIGHT)
    losses = c.losses(network.field(parameters))
    torch.testing.assert_close(modes.loss, losses["interior"] + WEIGHT * losses["boundary"])
    for s in range(2):
        theta = member(parameters, s)
        J, r = by_torch_func(c, network, theta), rho(c, network, theta)
        values, vectors = torch.linalg.eigh(J @ J.mT)
        values, squares = values.flip(0), (vectors.mT @ r).square().flip(0)
        n = min(len(r), J.shape[1] + 1)
        assert modes.squares.shape == (2, n)
        torch.testing.assert_close(
            modes.eigenvalues[s], values[:n], rtol=0, atol=1e-12 * float(values[0])
        )
        torch.testing.assert_close(modes.rate[s], r @ J @ J.mT @ r / (r @ r), rtol=1e-10, atol=0)
        clear = values > 1e-8 * values[0]  # below, a Gram matrix does not know its eigenvectors
        clear &= (values - torch.roll(values, 1)).abs() > 1e-6 * values
        assert int(clear.sum()) >= 3
        torch.testing.assert_close(
            modes.squares[s][clear[:n]], squares[clear], rtol=1e-6, atol=1e-9 * float(r @ r)
        )


def test_what_no_parameter_moves_is_the_last_mode():
    network, c = TwoLayer(1), collocated(PROBLEMS["poisson1d"], Automatic(), 60)
    parameters = network.initial_parameters(1, [0], torch.float64)
    modes = loss_modes(c, network, parameters, WEIGHT)
    J, r = by_torch_func(c, network, parameters), rho(c, network, parameters)
    Q, _ = torch.linalg.qr(J)
    outside = (r - Q @ (Q.mT @ r)).square().sum()
    assert modes.squares.shape == (1, J.shape[1] + 1)
    assert float(modes.eigenvalues[0, -1]) == 0
    assert float(outside) > 0.1 * float(modes.loss)
    torch.testing.assert_close(modes.squares[0, -1], outside, rtol=1e-9, atol=0)


def test_modes_by_parts_are_those_of_all_points_at_once(monkeypatch):
    case = Case()
    network, c, parameters = case.net, case.collocation(144), case.parameters()
    whole = loss_modes(c, network, parameters, WEIGHT)
    monkeypatch.setattr(kernel, "ENTRIES_OF_A_PART", 1)
    assert len(list(kernel.row_blocks(c, network, parameters))) > 2
    parted = loss_modes(c, network, parameters, WEIGHT)
    large = whole.eigenvalues > 1e-12 * whole.eigenvalues[:, :1]
    torch.testing.assert_close(
        parted.eigenvalues[large], whole.eigenvalues[large], rtol=1e-6, atol=0
    )
    torch.testing.assert_close(parted.squares[large], whole.squares[large], rtol=1e-6, atol=1e-12)
    torch.testing.assert_close(parted.loss, whole.loss)


def test_a_member_that_is_not_finite_has_no_modes_and_leaves_the_others_alone():
    case = Case("poisson1d")
    network, c, parameters = case.net, case.collocation(12), case.parameters((0, 1, 2))
    before = loss_modes(c, network, parameters, WEIGHT)
    parameters["coefficients"][1, 2] = float("inf")
    after = loss_modes(c, network, parameters, WEIGHT)
    assert after.eigenvalues[1].isnan().all()
    assert after.squares[1].isnan().all()
    assert torch.equal(after.squares[[0, 2]], before.squares[[0, 2]])


# Windows


@pytest.mark.parametrize(
    ("squares", "window"),
    [
        ([1.0, 0, 0], (0, 1)),
        ([0, 0, 2.0], (2, 3)),
        ([1.0, 0, 1.0], (0, 3)),
        ([0.001, 0.5, 0.5, 0.001], (1, 3)),
        ([0.02, 0.5, 0.48], (0, 3)),
        ([1.0, 1.0, 1.0, 1.0], (0, 4)),
    ],
)
def test_the_window_is_the_smallest_that_holds_99_percent(squares, window):
    values = torch.tensor(squares, dtype=torch.float64)
    first, last, share = smallest_window(window_shares(values))
    assert (first, last) == window
    assert share == pytest.approx(float(values[first:last].sum() / values.sum()), rel=1e-14)


def test_the_window_is_the_one_of_a_search_through_all_of_them():
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        values = 10 ** (-4 * torch.rand(9, generator=generator, dtype=torch.float64))
        first, last, share = smallest_window(window_shares(values))
        shares = {
            (a, b): float(values[a:b].sum() / values.sum())
            for a in range(9) for b in range(a + 1, 10)
        }  # fmt: skip
        holding = {w: s for w, s in shares.items() if s > 0.99}
        least = min(b - a for a, b in holding)
        assert last - first == least
        assert share == pytest.approx(max(s for (a, b), s in holding.items() if b - a == least))


# Bounds of invented residuals: r_i^2 = c_i exp(-4 lambda_i t), the exact flow where G is constant


def flow(eigenvalues, at_start, time):
    lam = torch.tensor(eigenvalues, dtype=torch.float64)
    squares = torch.tensor(at_start, dtype=torch.float64) * torch.exp(-4 * lam * time[:, None])
    return LossModes(lam.expand(len(time), -1), squares)


def bounds_of(eigenvalues, at_start, end, records=201):
    time = torch.linspace(0, end, records, dtype=torch.float64)
    return bounds(list(range(records)), time, flow(eigenvalues, at_start, time))


def test_of_one_mode_both_bounds_are_the_loss():
    for entry in bounds_of([5.0, 0.3, 1e-9], [0.0, 2.0, 0.0], 1.0):
        assert (entry.first_mode, entry.last_mode, entry.share) == (2, 2, 1)
        assert entry.eta == entry.zeta == 1
        for value in (entry.lower, entry.upper, entry.exponential_rate):
            assert value == pytest.approx(entry.measured, rel=1e-12)
    assert entry.T == 200


def test_bounds_hold_and_are_those_of_the_formula_where_nothing_is_outside_the_window():
    lam, start = [3.0, 1.0], [1.0, 2.0]
    entry = bounds_of(lam, start, 0.5)[0]
    loss = [
        sum(c * math.exp(-4 * x * t) for c, x in zip(start, lam, strict=True)) for t in (0, 0.5)
    ]
    eta = 0.5 * math.exp(-4 * 2 * 0.5)  # falls as the faster mode does
    assert entry.eta == pytest.approx(eta, rel=1e-12)
    assert entry.zeta == pytest.approx(1 / eta, rel=1e-12)
    assert entry.lower == pytest.approx(math.exp(-4 * 2 * 0.5 / eta), rel=1e-12)
    assert entry.upper == pytest.approx(math.exp(-4 * 2 * 0.5 * eta), rel=1e-12)
    assert entry.measured == pytest.approx(loss[1] / loss[0], rel=1e-12)
    assert entry.holds
    # the trapezoid over 201 records
    assert entry.exponential_rate == pytest.approx(entry.measured, rel=1e-4)


def test_a_later_start_has_the_window_of_the_modes_that_are_left():
    found = bounds_of([8.0, 1.0, 0.01], [1.0, 1.0, 1e-9], 1.0)
    windows = [(entry.first_mode, entry.last_mode) for entry in found]
    assert windows[0] == (1, 2)
    assert windows[-1] == (2, 2)
    assert windows == sorted(windows)
    one = next(entry for entry in found if entry.first_mode == 2)
    assert one.eta == 1
    assert abs(math.log(one.upper / one.measured)) < 0.05


def test_bounds_hold_whatever_the_modes_of_the_window():
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        lam = torch.rand(4, generator=generator, dtype=torch.float64).sort(descending=True).values
        start = torch.rand(4, generator=generator, dtype=torch.float64)
        for entry in bounds_of(lam.tolist(), start.tolist(), 2.0, records=21):
            whole = (entry.first_mode, entry.last_mode) == (1, 4)
            assert entry.holds or not whole
            assert entry.lower <= entry.upper


def test_the_papers_divisor_would_make_the_upper_bound_false():
    # two equal modes: L = L(0) exp(-4 lambda t), eta = 1, and the sum over both is 2 lambda, which
    # the paper divides by e(a) - e(b) = 1
    entry = bounds_of([1.0, 1.0], [1.0, 1.0], 0.3)[0]
    assert entry.upper == pytest.approx(entry.measured, rel=1e-12)
    assert math.exp(-4 * 2.0 * 0.3) < entry.measured


def test_a_residual_outside_the_window_can_break_the_bound():
    # 0.9 % of the residual in a fast mode
    entry = bounds_of([100.0, 0.1], [0.009, 1.0], 0.02, records=401)[0]
    assert (entry.first_mode, entry.last_mode) == (2, 2)
    assert not entry.holds
    assert entry.measured < entry.lower
    assert entry.exponential_rate == pytest.approx(entry.measured, rel=1e-3)


def test_a_mode_without_residual_makes_the_bounds_vacuous():
    entry = bounds_of([2.0, 1.0, 0.5], [1.0, 0.0, 1.0], 0.1)[0]
    assert (entry.first_mode, entry.last_mode) == (1, 3)
    assert (entry.eta, entry.zeta, entry.lower, entry.upper) == (0, math.inf, 0, 1)
    assert entry.vacuous
    assert entry.holds


def test_one_record_has_no_bounds():
    assert bounds_of([1.0], [1.0], 0.0, records=1) == []


# Runs


class Sine(TwoLayer):
    """u = a sin(pi x): the first feature alone is trained, the others are none."""

    def features(self, parameters):
        weights = torch.full((1, 1, 1), math.pi, dtype=parameters["coefficients"].dtype)
        return lambda x: activate(linear(x.mT, weights), activation_named("sin"))

    def initial_parameters(self, dimension, seeds, dtype):
        return {"coefficients": torch.full((len(seeds), 1), 0.25, dtype=dtype)}


def theorem1(folder, ensemble, every, max_steps):
    callback = Theorem1(folder, every=every, optimizer=ensemble.optimizer)
    fit(ensemble, max_steps, [every], [callback])
    return json.loads((folder.path / "theorem1.json").read_text())


def ensemble_of(network, rates, problem="poisson1d", method=None, per_axis=20, seeds=(0,)):
    c = collocated(PROBLEMS[problem], method or Automatic(), per_axis)
    theta = network.initial_parameters(c.pde.domain.dimension, seeds, torch.float64)
    return Ensemble(c, network, theta, SGD(1e-3), rates, WEIGHT)


def halving(optimizer):
    return torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.5)


@pytest.mark.parametrize("scheduler", [None, halving], ids=["constant", "halving"])
def test_a_network_of_one_mode_is_trained_as_the_bounds_say(tmp_path, scheduler):
    # L = (1/N) sum_i pi^4 (a - 1)^2 sin(pi x_i)^2 = lambda (a - 1)^2, lambda = pi^4 / 2, and
    # gradient descent does (a - 1) <- (1 - 2 lr lambda)(a - 1): exp(-4 lr lambda) but for O(lr^2)
    lam, lr, steps = math.pi**4 / 2, 1e-5, 40
    folder = RunFolder(tmp_path, "poisson1d", "ad", "")
    ensemble = ensemble_of(Sine(1), LearningRates([lr], scheduler))
    entries = theorem1(folder, ensemble, 10, steps)
    rates = [lr * (0.5 ** (k // 7) if scheduler else 1) for k in range(steps)]
    assert [entry["t_star"] for entry in entries] == [0, 10, 20, 30]
    for entry in entries:
        later = rates[entry["t_star"] :]
        exact = math.prod((1 - 2 * rate * lam) ** 2 for rate in later)
        exponential = math.exp(-4 * lam * sum(later))
        assert (entry["first_mode"], entry["last_mode"]) == (1, 1)
        assert entry["measured"] == pytest.approx(exact, rel=1e-12)
        for name in ("lower", "upper", "exponential_rate"):
            assert entry[name] == pytest.approx(exponential, rel=1e-12)
        # -2 log(1 - z) = 2 z + z^2 + ..., z = 2 lr lambda
        gap = sum((2 * rate * lam) ** 2 for rate in later)
        assert gap < math.log(entry["upper"] / entry["measured"]) < gap / (1 - 2 * lr * lam)


@pytest.mark.parametrize(("problem", "lr"), [("poisson1d", 1e-4), ("biharmonic", 1e-6)])
def test_the_error_of_the_rate_halves_with_the_learning_rate(tmp_path, problem, lr):
    errors = []
    for halvings in (0, 1):  # over the same time
        steps = 20 * 2**halvings
        ensemble = ensemble_of(TwoLayer(20), LearningRates([lr / 2**halvings]), problem)
        entry = theorem1(RunFolder(tmp_path, problem, "ad", ""), ensemble, 1, steps)[0]
        assert entry["measured"] < 0.999
        errors.append(abs(math.log(entry["exponential_rate"] / entry["measured"])))
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.02)


def test_members_with_learning_rates_of_their_own_have_bounds_of_their_own(tmp_path):
    folder = RunFolder(tmp_path, "poisson1d", "ad", "")
    seeds = (3, 3, 4)
    entries = theorem1(
        folder, ensemble_of(TwoLayer(8), LearningRates([1e-5, 1e-4, 1e-5]), seeds=seeds), 5, 15
    )
    assert [(e["member"], e["t_star"]) for e in entries] == [
        (s, step) for s in range(3) for step in (0, 5, 10)
    ]
    alone = theorem1(folder, ensemble_of(TwoLayer(8), LearningRates([1e-4]), seeds=(3,)), 5, 15)
    for one, among in zip(alone, entries[3:6], strict=True):
        assert among["measured"] == pytest.approx(one["measured"], rel=1e-9)
        assert among["exponential_rate"] == pytest.approx(one["exponential_rate"], rel=1e-9)


def test_a_member_that_diverges_has_bounds_until_then_and_the_others_to_the_end(tmp_path):
    folder = RunFolder(tmp_path, "poisson1d", "ad", "")
    ensemble = ensemble_of(TwoLayer(8), LearningRates([1e-5, 1e6]), seeds=(0, 1))
    entries = theorem1(folder, ensemble, 1, 30)
    assert ensemble.members.ended[0] is None
    assert ensemble.members.ended[1] is not None
    assert {e["T"] for e in entries if e["member"] == 0} == {30}
    assert all(e["T"] <= ensemble.members.ended[1] for e in entries if e["member"] == 1)
    text = (tmp_path / "theorem1.json").read_text()
    json.loads(text, parse_constant=pytest.fail)  # no NaN, no Infinity


def test_a_run_that_is_stopped_leaves_the_bounds_until_then(tmp_path):
    class StopError(Exception):
        pass

    class Stopping(Theorem1):
        def record(self, ensemble):
            rows = super().record(ensemble)
            if ensemble.gradient_step == 20:
                raise StopError
            return rows

    folder = RunFolder(tmp_path, "poisson1d", "ad", "")
    ensemble = ensemble_of(TwoLayer(8), LearningRates([1e-5]))
    callback = Stopping(folder, every=10, optimizer=ensemble.optimizer)
    with pytest.raises(StopError):
        fit(ensemble, 100, [10], [callback])
    entries = json.loads((tmp_path / "theorem1.json").read_text())
    assert [(e["t_star"], e["T"]) for e in entries] == [(0, 20), (10, 20)]


def test_the_theorem_is_of_gradient_descent_alone(tmp_path):
    folder = RunFolder(tmp_path, "poisson1d", "ad", "")
    for optimizer in (Adam(1e-3), SGD(1e-3, momentum=0.9), lambda parameters: None):
        with pytest.raises(ValueError, match="of plain gradient descent: take optimizer=sgd"):
            Theorem1(folder, 10, optimizer)


@pytest.mark.parametrize(
    "overrides", [["optimizer=adam"], ["optimizer.momentum=0.5"], ["optimizer=lbfgs"]]
)
def test_another_optimizer_is_refused_in_one_line(tmp_path, overrides):
    done = run_here(
        "train.py", *SMALL, *overrides, "callbacks=[theorem1]", "logger=[csv]", cwd=tmp_path
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: callbacks.theorem1: Theorem 1 is of plain gradient descent")


def test_a_run_of_train_logs_the_rate_and_writes_the_bounds(tmp_path):
    done = run_here(
        "train.py", *SMALL, "callbacks=[theorem1]", "spectrum.every=5", "ensemble.size=2",
        "logger=[csv]", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder,) = run_folders(tmp_path)
    entries = json.loads((folder / "theorem1.json").read_text())
    assert [(e["member"], e["t_star"]) for e in entries] == [
        (s, k) for s in range(2) for k in (0, 5, 10, 15)
    ]
    metrics = read_metrics(folder / "metrics.csv")
    for s in range(2):
        own = metrics["member"] == s
        steps, loss, rate = (metrics[name][own] for name in ("step", "loss", "theorem1/rate"))
        assert steps.tolist() == [0, 5, 10, 15, 20]
        first = next(e for e in entries if e["member"] == s)
        assert first["measured"] == pytest.approx(loss[-1] / loss[0], rel=1e-5)
        # the logged rate and the step give the logged loss
        predicted = math.exp(-4 * 1e-3 * (rate[-1] + rate[-2]) / 2 * 5)
        assert predicted == pytest.approx(loss[-1] / loss[-2], rel=0.02)


@pytest.mark.slow
def test_the_rate_predicts_training_by_ad_and_not_by_fd_in_float32(tmp_path):
    # FD at h = 1/64: the gradient that is followed is that of the stencil's rounding, not J^T rho
    found = {}
    for method in ("ad", "fd"):
        cwd = tmp_path / method
        cwd.mkdir()
        done = run_here(
            "train.py", "pde=biharmonic", f"method={method}", "max_steps=1000", "spectrum.every=50",
            "callbacks=[theorem1]", "logger=[csv]", cwd=cwd,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        entries = json.loads((run_folders(cwd)[0] / "theorem1.json").read_text())
        found[method] = next(e for e in entries if e["t_star"] == 500)
    ad, fd = found["ad"], found["fd"]
    assert ad["exponential_rate"] == pytest.approx(ad["measured"], rel=1e-3)
    assert fd["exponential_rate"] < 0.8 * fd["measured"]
