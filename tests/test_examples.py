"""The scripts of examples/ run, and what they say is so."""

import runpy

import pytest
import torch
from scripts import ROOT

from pinnspectra.spectra.entropy import effective_cutoff

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(name, tmp_path, monkeypatch):
    """The names that an example leaves, run in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(ROOT / "examples" / f"{name}.py"))
    assert (tmp_path / "outputs" / "examples" / f"{name}.png").stat().st_size > 10_000
    return names


def test_rounding_alone_is_what_fd_adds_to_the_spectrum(tmp_path, monkeypatch, capsys):
    names = run("spectra_of_ad_and_fd", tmp_path, monkeypatch)
    sigma, floors, cutoff = names["spectra"], names["floors"], names["CUTOFF"]
    e = {name: int(effective_cutoff(values, cutoff)) for name, values in sigma.items()}
    assert e["ad"] == e["fd_exact"] < e["fd"] / 5
    tail = slice(e["ad"] + 5, e["fd"] * 9 // 10)  # the lowest tenth of a square floor is lower
    ratio = sigma["fd"][tail] / floors["fd"][tail]
    assert 0.5 < float(ratio.min()) <= float(ratio.max()) < 2
    printed = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert {name: int(number) for name, number, *_ in printed} == e


def test_a_network_trains_by_ad_and_is_held_up_by_the_rounding_of_fd(tmp_path, monkeypatch, capsys):
    names = run("train_without_hydra", tmp_path, monkeypatch)
    loss = {"ad": [], "fd": []}
    for line in capsys.readouterr().out.splitlines():
        name, _, _, _, value, *_ = line.split()
        loss[name].append(float(value))
    assert len(loss["ad"]) == len(loss["fd"]) == names["STEPS"] // names["EVERY"] + 1
    assert loss["ad"][-1] < loss["ad"][0] / 5
    assert min(loss["fd"]) > 5 * loss["ad"][-1]
    kernels = names["kernels"]
    assert effective_cutoff(kernels["fd"], 1e-2) > 10 * effective_cutoff(kernels["ad"], 1e-2)
    assert loss["ad"][0] == pytest.approx(first_loss(names["initial"], names["pde"]), abs=6e-4)


def first_loss(theta, pde):
    """mean r^2 + 100 (mean u^2 + mean u'^2) of the network with sines, by its formulas."""
    w, b, a = (theta[name].double()[0] for name in ("weights_1", "biases_1", "coefficients"))
    x, y = pde.domain.grid(100).coordinates, pde.domain.boundary(100).coordinates
    residual = torch.sin(x @ w.mT + b) @ (a * w[:, 0] ** 4) - torch.exp(x[:, 0])
    ends = torch.sin(y @ w.mT + b) @ a, torch.cos(y @ w.mT + b) @ (a * w[:, 0])
    return float(residual.square().mean() + 100 * sum(end.square().mean() for end in ends))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short_and_in_cells(path):
    text = path.read_text()
    assert text.count("\n") < 60
    assert text.startswith("# %% [markdown]\n# # ")
    assert text.count("\n# %%") >= 3
