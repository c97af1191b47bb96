"""The Python blocks of docs/core.md, one after another, and the numbers in them."""

import json

import pytest
import torch
from pages import blocks
from scripts import ROOT, run_folders, run_here

PAGE = ROOT / "docs" / "core.md"


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """The names that the blocks leave."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("core"))
        names = {}
        for block in blocks(PAGE, "python"):
            exec(compile(block.text, str(block), "exec"), names)
        assert (tmp_path_factory.getbasetemp() / "core0" / "outputs" / "spectrum.png").exists()
    return names


def test_matrix_and_jacobian_are_those_of_the_stencil(names):
    w, b = (names["theta"][key][0] for key in ("weights_1", "biases_1"))
    x, h = names["pde"].domain.grid(100).coordinates, 0.02
    phi = lambda x: torch.sin(x @ w.mT + b)  # noqa: E731
    A = (phi(x + h) - 2 * phi(x) + phi(x - h)) / h**2
    torch.testing.assert_close(names["A"][0], A, rtol=0, atol=1e-11)
    assert names["J"].shape == (1, 100, 300)
    # r is linear in the coefficients, with the columns of A as their derivatives
    own = names["J"][0][:, -100:]
    torch.testing.assert_close(own, A, rtol=0, atol=1e-11)
    torch.testing.assert_close(
        names["eigenvalues"].sum(), names["J"].square().sum(), rtol=1e-12, atol=0
    )


def test_cutoff_and_entropy_are_those_of_the_script(names, undrawn, tmp_path):
    assert run_here("rfm_solve.py", "method=fd", cwd=tmp_path).returncode == 0
    (folder,) = run_folders(tmp_path)
    result = json.loads((folder / "result.json").read_text())
    assert int(names["e"]) == result["effective_cutoff"]
    assert float(names["H"]) == pytest.approx(result["truncated_entropy"], rel=1e-9)


def test_derivatives_are_right(names):
    x = names["x"].coordinates
    torch.testing.assert_close(names["slope"], torch.cos(x[:, 0]), rtol=0, atol=1e-11)
    torch.testing.assert_close(names["curvature"], -torch.sin(x[:, 0]), rtol=0, atol=1e-9)
    w, b, a = (names["theta"][key][0] for key in ("weights_1", "biases_1", "coefficients"))
    z, w = x @ w.mT + b, w[:, 0]
    wanted = (torch.sin(z) * (1 - w**2) + 3 * w * torch.cos(z)) @ a
    torch.testing.assert_close(names["by_ad"][0], wanted, rtol=0, atol=1e-13)


def test_the_table_has_what_there_is(names):
    problem, network, theta = names["problem"], names["network"], names["theta"]
    u = network.field(theta)
    assert problem.residual(u).shape == (1, 100)
    assert [r.shape for r in problem.boundary_residuals(u)] == [(1, 2)]
    shapes = {name: value.shape for name, value in problem.losses(u).items()}
    assert shapes == {"interior": (1,), "boundary": (1,)}
    assert type(problem.by_ad().method) is names["Automatic"]
    assert problem.to(torch.float32).forcing.dtype == torch.float32
    assert problem.fitted(u) is problem
