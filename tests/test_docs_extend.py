"""The examples of docs/extend.md, taken from the page: they run, and their mathematics holds."""

import csv
import importlib
import json
import shutil
import sys

import numpy as np
import pytest
import torch
import yaml
from cases import order_of_accuracy, random_points
from pages import blocks
from scripts import ROOT, SMALL, run_folders, run_here

from pinnspectra.command_line.components import build
from pinnspectra.differentiation import NestedAutograd, partials

PAGE = ROOT / "docs" / "extend.md"
FILES = {block.file: block.text for block in blocks(PAGE) if block.file}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The scripts and conf/ with the page's files, whose modules this process finds too."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "conf", root / "conf")
    for script in ("train.py", "rfm_solve.py"):
        shutil.copy(ROOT / script, root / script)
    packages = []
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if path.suffix == ".py":
            package = ".".join(path.relative_to(root / "src").parent.parts)
            packages.append(importlib.import_module(package))
            packages[-1].__path__.append(str(path.parent))
    importlib.invalidate_caches()
    known = set(sys.modules)
    yield root
    for package in packages:
        package.__path__.pop()
    for module in set(sys.modules) - known:
        if str(getattr(sys.modules[module], "__file__", "")).startswith(str(root)):
            del sys.modules[module]


@pytest.fixture
def run(project, undrawn, tmp_path):
    """A script of the project on small settings; its run folders."""

    def run(script, *overrides):
        done = run_here(str(project / script), *overrides, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return run_folders(tmp_path)

    return run


def rows(folder, name):
    """A column of metrics.csv where it has a value, by step."""
    with (folder / "metrics.csv").open() as file:
        return {int(r["step"]): float(r[name]) for r in csv.DictReader(file) if r[name]}


def test_the_solution_of_the_new_problem_solves_it(project):
    section = yaml.safe_load(FILES["conf/pde/helmholtz.yaml"])["pde"]
    pde = build("pde", section)
    x = random_points(2, 40)
    f = pde.forcing(x.coordinates)
    residual = pde.operator(pde.exact_solution, x, NestedAutograd()) - f
    assert residual.norm() < 1e-13 * f.norm()
    (on_boundary,) = pde.boundary_operators(
        pde.exact_solution, pde.domain.boundary(8), NestedAutograd()
    )
    assert on_boundary.abs().max() < 1e-15


def test_the_new_problem_is_solved_by_random_features(run):
    better = ("boundary_rows=true", "model.weight_range=3.0")
    (folder,) = run("rfm_solve.py", "pde=helmholtz", *better)
    result = json.loads((folder / "result.json").read_text())
    assert result["pde"] == "helmholtz"
    assert result["relative_l2_error"] < 1e-6


def test_the_new_method_has_fourth_order(project):
    section = yaml.safe_load(FILES["conf/method/richardson.yaml"])
    (dx,) = partials(1)
    x = random_points(1, 30)

    def error(step):
        method = build("method", {**section, "step": step})
        u = lambda x: torch.sin(3 * x[:, 0])  # noqa: E731
        return method(u, x, dx**2) + 9 * u(x.coordinates)

    assert order_of_accuracy(error, [0.05, 0.1, 0.2]) == pytest.approx(4, abs=0.05)


@pytest.mark.slow
def test_the_new_method_makes_the_matrix_of_ad_and_has_a_floor_above_that_of_fd(run):
    small = ("pde=biharmonic", "model.width=20", "points.per_axis=20")
    folders = run("rfm_solve.py", "-m", "method=ad,fd,richardson", *small)
    ad, fd, new = (np.load(folder / "spectrum.npz") for folder in folders)
    sigma = {name: arrays["singular_values"] for name, arrays in (("ad", ad), ("new", new))}
    assert sigma["new"][0] == pytest.approx(sigma["ad"][0], rel=1e-6)
    # 16 times the rounding of a fourth derivative, 4/3 times its share
    assert 10 < np.median(new["floor"] / fd["floor"]) < 40


def test_the_new_method_trains_as_ad_does(run):
    small = (*SMALL, "logger=[csv]", "callbacks=[]", "precision=float64", "method.step=0.05")
    (new,) = run("train.py", "method=richardson", *small)
    result = json.loads((new / "result.json").read_text())
    assert result["loss_interior"] == pytest.approx(result["loss_interior_ad64"], rel=1e-5)


def test_the_new_optimizer_is_the_one_of_torch(run):
    small = (*SMALL, "logger=[csv]", "callbacks=[]", "precision=float64", "log_every=1")
    run("train.py", "optimizer=nesterov", *small)
    torchs = ("optimizer._target_=torch.optim.SGD", "+optimizer.nesterov=true")
    ours, theirs = run("train.py", *torchs, "optimizer.momentum=0.9", *small)
    loss = rows(ours, "loss")
    assert len(loss) == 21
    assert loss == pytest.approx(rows(theirs, "loss"), rel=1e-10)


def test_the_new_callback_records_the_residual_whose_mean_square_is_the_loss(run):
    (folder,) = run(
        "train.py", *SMALL, "logger=[csv]", "callbacks=[residuals]", "spectrum.every=10"
    )  # fmt: skip
    arrays = np.load(folder / "residuals.npz")
    assert arrays["steps"].tolist() == [0, 10, 20]
    squares = np.square(arrays["residual"].astype(float)).mean(axis=(1, 2))
    by_step = rows(folder, "loss/interior")
    assert squares.tolist() == pytest.approx([by_step[k] for k in (0, 10, 20)], rel=1e-6)
    largest = np.abs(arrays["residual"]).max(axis=(1, 2))
    assert list(rows(folder, "residual/largest").values()) == pytest.approx(largest.tolist())


def test_the_new_callback_goes_on_from_what_it_has(project):
    section = yaml.safe_load(FILES["conf/callbacks/residuals.yaml"])["residuals"]
    first, second = (build("callbacks.residuals", {**section, "every": 1}, folder=None)
                     for _ in range(2))  # fmt: skip
    first.records = {0: torch.ones(1, 4)}
    second.load_state_dict(first.state_dict())
    assert second.records[0].tolist() == [[1, 1, 1, 1]]
