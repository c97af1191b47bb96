"""Peak memory in processes of its own: over many points, and against what is estimated before."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import hydra
import pytest
import torch
from omegaconf import OmegaConf
from scripts import ROOT, run_here

import pinnspectra.command_line  # noqa: F401  registers the resolvers
from pinnspectra.command_line import free_memory, memory
from pinnspectra.command_line.components import build
from pinnspectra.command_line.settings import (
    RandomFeatureSettings,
    SettingsError,
    TrainSettings,
    check,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

PROLOGUE = """
import sys
import torch
from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Automatic, FiniteDifference
from pinnspectra.spectra.kernel import kernel_singular_values
from pinnspectra.networks import TwoLayer
from pinnspectra.problems import Poisson
from pinnspectra.solvers.random_features import solve_random_features

torch.set_num_threads(1)
per_axis = int(sys.argv[1])
method = {"ad": Automatic(), "fd": FiniteDifference(1 / per_axis)}[sys.argv[2]]
pde = Poisson((0.0, 0.0), (1.0, 1.0))
collocation = Collocation(pde, method, pde.domain.grid(per_axis), pde.domain.boundary(per_axis))
network = TwoLayer(100)
parameters = network.initial_parameters(2, [0], torch.float64)
"""
EPILOGUE = """
(line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(line.split()[1]) * 1024)
"""
TASKS = {
    "spectrum": "kernel_singular_values(collocation, network, parameters)",
    "solution": "solve_random_features(collocation, network, parameters, 1e-12)",
}
GIB = 2**30


def peak(task, per_axis, method):
    """Bytes that a process has held at most.

    What is freed goes back to the system (glibc's fixed threshold): else the peak has holes in it.
    """
    done = subprocess.run(
        [sys.executable, "-c", PROLOGUE + TASKS[task] + EPILOGUE, str(per_axis), method],
        env={**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "1000000"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", ["ad", "fd"])
def test_a_million_points_take_the_memory_of_their_coordinates_and_two_gib_at_most(task, method):
    few, many = peak(task, 256, method), peak(task, 1024, method)
    assert many < 2 * GIB
    # a row of J has 400 numbers, 3 200 bytes; of A 101, 808 bytes; a point has 2 coordinates
    growth = (many - few) / (1024**2 - 256**2)
    assert growth < 300


def composed(script, *overrides):
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = hydra.compose(script, list(overrides))
    schema = RandomFeatureSettings if script == "rfm_solve" else TrainSettings
    return check(OmegaConf.to_container(config, resolve=True), schema)


NEEDS = {
    "train": memory.need_of_training,
    "rfm_solve": memory.need_of_solving,
    "advise": memory.need_of_advice,
}
TRAIN = ("train", "logger=[csv]", "max_steps=4", "callbacks=[]")
SPECTRUM = ("train", "logger=[csv]", "max_steps=4", "callbacks=[spectrum]")
LARGE = [
    ("rfm_solve", "pde=poisson2d", "points.per_axis=1500"),
    ("rfm_solve", "pde=poisson2d", "points.per_axis=1500", "method=fd_grid"),
    ("rfm_solve", "pde=poisson2d", "points.per_axis=600", "method=fd", "method.step=0.0123",
     "method.accuracy_order=6"),
    ("rfm_solve", "model.width=3000", "points.per_axis=9000"),
    ("rfm_solve", "model.width=2500", "points.per_axis=2500"),
    (*TRAIN, "pde=poisson2d", "points.per_axis=1000", "model.width=20"),
    (*TRAIN, "pde=poisson2d", "points.per_axis=1000", "model.width=20", "method=fd",
     "method.step=0.0123"),
    (*TRAIN, "ensemble.size=5000"),
    (*TRAIN, "ensemble.size=400", "optimizer=lbfgs"),
    (*TRAIN, "model=mlp", "model.width=2000", "model.depth=4", "points.per_axis=50"),
    (*TRAIN, "max_steps=100000", "log_every=1", "model.width=2", "points.per_axis=4",
     "compile=false"),
    (*SPECTRUM, "pde=poisson2d", "points.per_axis=700"),
    (*SPECTRUM, "model.width=1000", "points.per_axis=2000"),
    (*SPECTRUM, "ensemble.size=60", "points.per_axis=300"),
    (*SPECTRUM, "spectrum.leading=20", "model.width=10000", "points.per_axis=2000"),
    ("train", "logger=[csv]", "max_steps=4", "callbacks=[theorem1]", "model.width=600",
     "points.per_axis=2000"),
]  # fmt: skip
"""Runs that hold more than half a gigabyte, each because of another of its sizes."""

MARKED = """
import runpy, sys
from pinnspectra.command_line import free_memory
from pinnspectra.command_line import memory

def held(name):
    (line,) = (line for line in open("/proc/self/status") if line.startswith(name))
    return int(line.split()[1]) * 1024

def require(estimate, on_accelerator=False):
    print("estimated", held("VmRSS") + estimate.peak, file=sys.stderr)

memory.require = require
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print("held", held("VmHWM"), file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.parametrize("run", LARGE, ids=" ".join)
def test_the_peak_of_a_process_is_one_to_two_times_the_estimate(tmp_path, run):
    done = subprocess.run(
        [sys.executable, "-c", MARKED, str(ROOT / f"{run[0]}.py"), *run[1:]],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = dict(line.split() for line in done.stderr.splitlines() if line.startswith(("e", "h")))
    estimated, held = int(said["estimated"]), int(said["held"])
    print(f"held {held / 1e6:.0f} MB, {held / estimated:.2f} of the estimate")
    assert held > 4e8
    assert estimated <= held <= 2 * estimated


HUGE = 10**18
TOO_LARGE = [
    ("train", "points.per_axis", 10**12, (), "the points"),
    ("train", "points.per_axis", 10**6, ("pde=poisson2d",), "the points"),
    ("train", "model.width", HUGE, (), "callbacks.spectrum"),
    ("train", "model.width", 10**6, ("model=mlp", "callbacks=[]"), "the parameters"),
    ("train", "model.width", 3000, ("model=mlp",), "callbacks.spectrum"),
    ("train", "model.width", 10**8, ("spectrum.leading=5",), "callbacks.spectrum"),
    ("train", "ensemble.size", 10**6, (), "callbacks.spectrum"),
    ("train", "ensemble.size", 10**6, ("callbacks=[]",), "the losses of all members"),
    ("train", "log_every", 1, ("max_steps=1000000000000",), "metrics.csv"),
    ("train", "callbacks.spectrum.every", 1, ("max_steps=1000000000", "log_every=1000000000"),
     "the spectra"),
    ("train", "model.width", 10**7, ("callbacks=[theorem1]",), "callbacks.theorem1"),
    ("rfm_solve", "points.per_axis", HUGE, (), "the points"),
    ("rfm_solve", "points.per_axis", HUGE, ("pde=poisson2d",), "the points"),
    ("rfm_solve", "points.per_axis", 20000, ("pde=poisson2d", "method=fd"), "the points"),
    ("rfm_solve", "model.width", HUGE, (), "the system matrix"),
    ("rfm_solve", "model.width", 10**6, ("pde=poisson2d", "points.per_axis=1000"),
     "the system matrix"),
    ("advise", "points.per_axis", HUGE, (), "the points"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "key", "value", "others", "what"), TOO_LARGE)
def test_a_size_that_cannot_fit_is_refused_by_name(script, key, value, others, what):
    settings = composed(script, f"{key}={value}", *others)
    with pytest.raises(SettingsError) as caught:
        memory.require(NEEDS[script](settings))
    said = str(caught.value)
    assert said.startswith(f"{key}={value}: the run needs at least ")
    assert f"most of it for {what}" in said
    assert " are free: " in said


@pytest.mark.parametrize("script", ["train.py", "rfm_solve.py"])
def test_nothing_is_allocated_for_it(tmp_path, script):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = run_here(script, "pde=poisson2d", "points.per_axis=1000000", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_the_limit_of_the_address_space_counts(monkeypatch):
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + 10**7
    assert free_memory.available() > 10**8
    monkeypatch.setattr(resource, "getrlimit", {resource.RLIMIT_AS: (limit, limit)}.get)
    assert abs(free_memory.available() - 10**7) < 10**6


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"memory.max": "max\n", "memory.current": "5\n", "memory.stat": "anon 3\n"}, []),
        ({"memory.max": "100\n", "memory.current": "60\n",
          "memory.stat": "anon 3\ninactive_file 20\n"}, [60]),
        ({"memory.max": "100\n"}, []),
        ({}, []),
    ],
)  # fmt: skip
def test_what_a_control_group_has_left(tmp_path, files, left):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert list(free_memory._left(tmp_path, "memory.max", "memory.current")) == left


@pytest.mark.parametrize(
    ("bytes_", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (4 * 10**9, "4 GB"),
     (10**18 - 1, "1e+03 PB"), (10**18, "1000 PB"), (10**400, "1000 PB")],
)  # fmt: skip
def test_sizes_are_said_in_the_unit_that_suits_them(bytes_, said):
    assert memory._size(bytes_) == said


@pytest.mark.parametrize("model", ["two_layer", "mlp"])
def test_parameters_are_counted_as_they_are(model):
    network = build("model", composed("train", f"model={model}", "model.width=7").model)
    for dimension in (1, 2):
        drawn = network.initial_parameters(dimension, [0], torch.float32)
        assert network.parameter_count(dimension) == sum(v.numel() for v in drawn.values())
