"""The same numbers on an accelerator; these run where there is one."""

import pytest
import torch
from scripts import SMALL, run_folders, run_script
from test_training import ensemble_of, fit

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Automatic, FiniteDifference
from pinnspectra.networks import TwoLayer
from pinnspectra.problems import Biharmonic, Poisson
from pinnspectra.runs.found import run_at
from pinnspectra.solvers import Adam
from pinnspectra.spectra.decomposition import singular_values
from pinnspectra.spectra.kernel import residual_jacobian

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize("method", [Automatic(), FiniteDifference(0.1)])
def test_the_kernel_spectrum_is_the_same(method):
    pde, network = Biharmonic(), TwoLayer(30)
    collocation = Collocation(pde, method, pde.domain.grid(50), pde.domain.boundary(50))
    theta = network.initial_parameters(1, [0], torch.float64)
    spectra = []
    for device in ("cpu", "cuda"):
        there = {name: value.to(device) for name, value in theta.items()}
        residual = collocation.to(torch.float64, device).residual
        J = residual_jacobian(residual, network, there)
        assert J.device.type == device
        spectra.append(singular_values(J)[0].cpu())
    # rounding of the stencil, 16 eps / h^4, bounds the FD spectra; AD is far inside it
    torch.testing.assert_close(*spectra, rtol=1e-9, atol=1e-10)


def losses(cwd, *overrides):
    """The losses that a run in float64 ends with, of every member."""
    cwd.mkdir()
    given = (*SMALL, "logger=[csv]", "precision=float64", *overrides)
    done = run_script("train.py", *given, cwd=cwd)
    assert done.returncode == 0, done.stderr
    (folder,) = run_folders(cwd)
    return [row["loss"] for row in run_at(folder).rows]


@pytest.mark.parametrize("compiled", ["true", "false"])
@pytest.mark.parametrize("ensemble", ["1", "4"])
def test_training_runs_there_and_gives_the_same_losses(tmp_path, compiled, ensemble):
    given = (f"compile={compiled}", f"ensemble.size={ensemble}")
    on_cpu, there = (
        losses(tmp_path / name, f"trainer.accelerator={name}", *given) for name in ("cpu", "gpu")
    )
    assert there == pytest.approx(on_cpu, rel=1e-9)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one CUDA device")
def test_two_devices_give_the_losses_of_one(tmp_path):
    one, two = (
        losses(tmp_path / count, "pde=poisson2d", f"trainer.devices={count}") for count in "12"
    )
    assert two == pytest.approx(one, rel=1e-6)


def test_a_step_on_parts_of_the_points_runs_there(monkeypatch):
    monkeypatch.setattr("pinnspectra.training.objective.PART_VALUES", 12 * 160)
    square = Poisson([0.0, 0.0], [1.0, 1.0])
    on_cpu, there = (
        fit(
            ensemble_of(square, Automatic(), Adam(1e-3), compiled=True), 25, accelerator=accelerator
        )
        for accelerator in ("cpu", "gpu")
    )
    assert there.ensemble.members.device.type == "cuda"
    assert there.rows[0]["loss"] == pytest.approx(on_cpu.rows[0]["loss"], rel=1e-9)
