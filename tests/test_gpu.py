"""The same numbers on an accelerator; these run where there is one."""

import json

import pytest
import torch
from scripts import SMALL, run_folders, run_script

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Automatic, FiniteDifference
from pinnspectra.kernel import residual_jacobian
from pinnspectra.networks import TwoLayer
from pinnspectra.pde import Biharmonic
from pinnspectra.spectrum import singular_values

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


def test_training_runs_there(tmp_path):
    losses = []
    for accelerator in ("cpu", "gpu"):
        cwd = tmp_path / accelerator
        cwd.mkdir()
        trainer = (f"trainer.accelerator={accelerator}", "logger=[csv]", "precision=float64")
        done = run_script("train.py", *SMALL, *trainer, cwd=cwd)
        assert done.returncode == 0, done.stderr
        (folder,) = run_folders(cwd)
        losses.append(json.loads((folder / "result.json").read_text())["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)
