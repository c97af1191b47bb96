"""Cut-offs that keep what the precision alone makes: where that begins, and that it is said."""

import json

import numpy as np
import pytest
import torch
import yaml
from cases import EACH_PROBLEM, PROBLEMS, collocated, per_axis
from scripts import ROOT, SMALL, run_folders, run_here

from pinnspectra.differentiation import Automatic, FiniteDifference
from pinnspectra.networks import MLP, TwoLayer
from pinnspectra.spectra.decomposition import singular_values
from pinnspectra.spectra.entropy import cutoff_below_precision
from pinnspectra.spectra.kernel import residual_jacobian

EPS = {dtype: torch.finfo(dtype).eps for dtype in (torch.float32, torch.float64)}
NETWORKS = {
    "paper": TwoLayer(width=100),
    "large weights": TwoLayer(width=100, weight_range=10.0),
    "small weights": TwoLayer(width=50, weight_range=0.1),
    "tanh": TwoLayer(width=300, activation="tanh"),
    "deep": MLP(width=20, depth=2),
    "deeper": MLP(width=12, depth=3, activation="tanh"),
}


def matrices(pde, network, n, dtype, seed, method):
    """A and J of a method in a dtype, of parameters that are float32 numbers."""
    working = collocated(pde, method, n).to(dtype)
    drawn = network.initial_parameters(pde.domain.dimension, [seed], torch.float32)
    theta = {name: value.to(dtype) for name, value in drawn.items()}
    with torch.no_grad():
        A = working.system_matrix(network.features(theta))[0]
    return {"A": A, "J": residual_jacobian(working.residual, network, theta)[0]}


def float32_errors(pde, name, n, seed, method=Automatic()):  # noqa: B008
    """Errors of the singular values of A and of J in float32, in eps sigma_1."""
    both = [
        {key: singular_values(matrix) for key, matrix in found.items()}
        for found in (matrices(pde, NETWORKS[name], n, dtype, seed, method) for dtype in EPS)
    ]
    level = {key: EPS[torch.float32] * float(sigma[0]) for key, sigma in both[1].items()}
    return {key: (both[0][key] - both[1][key]).abs() / level[key] for key in level}


@EACH_PROBLEM
def test_singular_values_by_ad_are_right_to_eps(pde):
    worst = {
        name: max(float(e.max()) for e in float32_errors(pde, name, per_axis(pde, 100), 0).values())
        for name in ("paper", "large weights", "deep")
    }
    assert max(worst.values()) < 1
    assert max(worst.values()) > 0.05  # eps is the level, and not far above it


def test_those_of_a_difference_are_not():
    errors = float32_errors(PROBLEMS["biharmonic"], "paper", 60, 0, FiniteDifference(step=1 / 64))
    assert float(errors["A"].max()) > 1e4


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
@EACH_PROBLEM
def test_singular_values_of_all_networks_are_right_to_eps(pde, name):
    sizes = (64, 900) if pde.domain.dimension > 1 else (20, 100, 400)
    cases = [(per_axis(pde, size), seed) for size in sizes for seed in (0, 1)]
    errors = [float32_errors(pde, name, *case) for case in cases]
    worst = {key: max(float(e[key].max()) for e in errors) for key in ("A", "J")}
    print(pde, name, len(cases), {key: round(value, 3) for key, value in worst.items()})
    assert max(worst.values()) < 1


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no arithmetic of more bits")
@pytest.mark.parametrize(("problem", "order", "sign"), [("poisson1d", 2, -1), ("biharmonic", 4, 1)])
def test_float64_has_the_same_level(problem, order, sign):
    # A_ij = +-w_j^k sin(w_j x_i + b_j) with 64 bits; by Weyl no singular value is further off than
    # the 2-norm of the errors
    pde = PROBLEMS[problem]
    A = matrices(pde, NETWORKS["paper"], 100, torch.float64, 0, Automatic())["A"]
    theta = NETWORKS["paper"].initial_parameters(1, [0], torch.float32)
    wide = {name: value[0].numpy().astype(np.longdouble) for name, value in theta.items()}
    w, b = wide["weights_1"][:, 0], wide["biases_1"]
    x = pde.domain.grid(100).coordinates.numpy().astype(np.longdouble)
    exact = sign * w**order * np.sin(w * x + b)
    errors = torch.from_numpy((A.numpy() - exact).astype(np.float64))
    level = EPS[torch.float64] * float(singular_values(A)[0])
    assert 0.02 * level < float(singular_values(errors)[0]) < level


def test_eigenvalues_are_squares():
    for dtype, eps in EPS.items():
        assert cutoff_below_precision(0.99 * eps, dtype)
        assert not cutoff_below_precision(eps, dtype)
        assert cutoff_below_precision(0.99 * eps**2, dtype, power=2)
        assert not cutoff_below_precision(eps**2, dtype, power=2)
    assert cutoff_below_precision(0.0, torch.float64, power=2)


def result_of(script, *overrides, cwd):
    done = run_here(script, *overrides, cwd=cwd)
    assert done.returncode == 0, done.stderr + done.stdout
    (folder,) = run_folders(cwd)
    said = (done.stdout + done.stderr).count("what it keeps may be noise")
    return json.loads((folder / "result.json").read_text()), said


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_presets_are_not_below_the_precision_that_each_script_has(problem):
    composed = yaml.safe_load((ROOT / "conf" / "pde" / f"{problem}.yaml").read_text())["preset"]
    for script, key, power in (
        ("train", "kernel_cutoff", 2),
        ("rfm_solve", "system_matrix_cutoff", 1),
    ):
        said = yaml.safe_load((ROOT / "conf" / f"{script}.yaml").read_text())["precision"]
        assert not cutoff_below_precision(float(composed[key]), getattr(torch, said), power)


@pytest.mark.parametrize(
    ("script", "overrides", "flagged"),
    [
        ("rfm_solve.py", ("precision=float32",), True),
        ("rfm_solve.py", ("precision=float32", "spectrum.cutoff=auto"), False),
        ("rfm_solve.py", ("spectrum.cutoff=1e-17",), True),
        ("train.py", ("spectrum.cutoff=1e-15",), True),
        ("train.py", ("spectrum.cutoff=1e-15", "spectrum.dtype=float64"), False),
        ("train.py", ("spectrum.cutoff=1e-32", "precision=float64"), True),
    ],
)
@pytest.mark.usefixtures("undrawn")
def test_a_cutoff_below_the_precision_is_in_the_result_and_said_once(
    tmp_path, script, overrides, flagged
):
    more = (*SMALL, "logger=[csv]") if script == "train.py" else SMALL[:2]
    result, said = result_of(script, *more, *overrides, cwd=tmp_path)
    assert result["cutoff_below_precision"] is flagged
    assert said == int(flagged)
