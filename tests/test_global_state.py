"""Nothing but the entry scripts sets what all of a process shares."""

import json
import sys

import pytest
from scripts import ROOT, run_process

PROGRAM = """
import importlib, json, pkgutil, sys

sys.path.insert(0, sys.argv[1])
# what these change is theirs
import hydra, matplotlib.pyplot, pytorch_lightning, torch, wandb_workspaces.workspaces

from global_state import global_state


def state():
    return {**global_state(), "threads": (torch.get_num_threads(), torch.get_num_interop_threads())}


before = state()
import pinnspectra

names = [m.name for m in pkgutil.walk_packages(pinnspectra.__path__, "pinnspectra.")]
for name in names:
    importlib.import_module(name)
changed = {"by imports": [key for key, value in state().items() if value != before[key]]}

from pinnspectra.rounding import floor, law
from pinnspectra.spectra import entropy, kernel, modes
from pinnspectra.solvers import SGD, random_features
from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import FiniteDifference
from pinnspectra.networks import TwoLayer
from pinnspectra.problems import Biharmonic
from pinnspectra.training.functional_driver import FunctionalDriver
from pinnspectra.training.objective import Objective

pde, network = Biharmonic(), TwoLayer(8)
points = pde.domain.grid(12), pde.domain.boundary(12)
collocation = Collocation(pde, FiniteDifference(step="auto"), *points)
theta = network.initial_parameters(1, [0, 1], torch.float32)
one = {key: value[:1] for key, value in theta.items()}
working = collocation.to(torch.float32).fitted(network.field(theta))


def losses(parameters):
    return working.residual(network.field(parameters)).square().mean(dim=-1)


objective = Objective([losses], lambda parameters: losses(parameters)[None])
rates = torch.full((3, 2), 1e-6, dtype=torch.float64)
ran = {
    "kernel": lambda: kernel.kernel_singular_values(working, network, theta),
    "leading": lambda: kernel.kernel_singular_values(working, network, theta, 3),
    "modes": lambda: modes.loss_modes(working, network, theta, 1.0),
    "features": lambda: random_features.solve_random_features(collocation, network, one, "auto"),
    "emulated": lambda: floor.kernel_floor(working, network, theta),
    "rounding": lambda: law.entry_deviation(working, network, theta),
    "entropy": lambda: entropy.truncated_entropy(torch.ones(3), 0.1),
    "eager": lambda: FunctionalDriver(objective, SGD(1e-3), theta, 12, False).advance(rates),
    "compiled": lambda: FunctionalDriver(objective, SGD(1e-3), theta, 12, True).advance(rates),
}
for name, function in ran.items():
    function()
    changed[name] = [key for key, value in state().items() if value != before[key]]
print(json.dumps([names, changed]))
"""


@pytest.mark.slow
def test_no_import_and_no_calculation_changes_what_all_share():
    done = run_process(sys.executable, "-W", "ignore", "-c", PROGRAM, ROOT / "tests")
    assert done.returncode == 0, done.stderr
    names, changed = json.loads(done.stdout.splitlines()[-1])
    assert {"pinnspectra.training.lightning", "pinnspectra.show.figures.spectra"} <= set(names)
    assert not [(what, keys) for what, keys in changed.items() if keys]
