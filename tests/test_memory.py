"""Peak memory: over many points, and refused by its estimate before anything is allocated."""

import resource
import sys

import pytest
import torch
from scripts import ROOT, choices, composed, run_here, run_process

from pinnspectra.command_line import memory
from pinnspectra.command_line.components import build
from pinnspectra.runs.messages import SettingsError

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
TASKS = {
    "spectrum": "kernel_singular_values(collocation, network, parameters)",
    "solution": "solve_random_features(collocation, network, parameters, 1e-12)",
}
GIB = 2**30


MEASURED = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    (line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print("held", 1024 * int(line.split()[1]), file=sys.stderr)
"""


def peak(cwd, *command, **environment):
    """Bytes that a script has held at most."""
    measured = (sys.executable, "-c", MEASURED, *command)
    done = run_process(*measured, cwd=cwd, timeout=600, **environment)
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split("held ")[1])


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", ["ad", "fd"])
def test_a_million_points_take_the_memory_of_their_coordinates_and_two_gib_at_most(
    tmp_path, task, method
):
    script = tmp_path / "task.py"
    script.write_text(PROLOGUE + TASKS[task])
    # what is freed goes back to the system (glibc's fixed threshold): else the peak has holes in it
    given = {"MALLOC_MMAP_THRESHOLD_": "1000000"}
    few, many = (peak(tmp_path, script, size, method, **given) for size in (256, 1024))
    assert many < 2 * GIB
    # a row of J has 400 numbers, 3 200 bytes; of A 101, 808 bytes; a point has 2 coordinates
    growth = (many - few) / (1024**2 - 256**2)
    assert growth < 300


NEEDS = {
    "train": memory.need_of_training,
    "rfm_solve": memory.need_of_solving,
    "advise": memory.need_of_advice,
}
TRAIN = ("train", "logger=[csv]", "max_steps=4", "callbacks=[]")
SPECTRUM = ("train", "logger=[csv]", "max_steps=4", "callbacks=[spectrum]")
LARGE = [
    ("rfm_solve", "pde=poisson2d", "points.per_axis=1500"),
    ("rfm_solve", "model.width=3000", "points.per_axis=9000"),
    (*TRAIN, "pde=poisson2d", "points.per_axis=1000", "model.width=20"),
    (*TRAIN, "model=mlp", "model.width=2000", "model.depth=4", "points.per_axis=50"),
    (*TRAIN, "max_steps=100000", "log_every=1", "model.width=2", "points.per_axis=4",
     "compile=false"),
    (*SPECTRUM, "model.width=1000", "points.per_axis=2000"),
    (*SPECTRUM, "ensemble.size=60", "points.per_axis=300"),
    (*SPECTRUM, "spectrum.leading=20", "model.width=10000", "points.per_axis=2000"),
    ("train", "logger=[csv]", "max_steps=4", "callbacks=[theorem1]", "model.width=600",
     "points.per_axis=2000"),
]  # fmt: skip
"""Runs that hold more than half a gigabyte, each because of another of its sizes."""


@pytest.mark.slow
@pytest.mark.parametrize("run", LARGE, ids=" ".join)
def test_the_estimate_is_a_lower_bound(tmp_path, run):
    estimated = sum(NEEDS[run[0]](composed(*run)).values())
    held = peak(tmp_path, ROOT / f"{run[0]}.py", *run[1:])
    assert held / 10 < estimated < held


HUGE = 10**18
TOO_LARGE = [
    ("train", "points.per_axis", 10**12, ()),
    ("train", "points.per_axis", 10**6, ("pde=poisson2d",)),
    ("train", "model.width", HUGE, ()),
    ("train", "model.width", 10**400, ()),
    ("train", "model.width", 10**6, ("model=mlp", "callbacks=[]")),
    ("train", "model.width", 3000, ("model=mlp",)),
    ("train", "model.width", 10**8, ("spectrum.leading=5",)),
    ("train", "ensemble.size", 10**6, ()),
    ("train", "log_every", 1, ("max_steps=1000000000000",)),
    ("train", "callbacks.spectrum.every", 1, ("max_steps=1000000000", "log_every=1000000000")),
    ("train", "model.width", 10**7, ("callbacks=[theorem1]",)),
    ("rfm_solve", "points.per_axis", HUGE, ()),
    ("rfm_solve", "points.per_axis", HUGE, ("pde=poisson2d",)),
    ("rfm_solve", "points.per_axis", 30000, ("pde=poisson2d", "method=fd")),
    ("rfm_solve", "model.width", HUGE, ()),
    ("rfm_solve", "model.width", 10**6, ("pde=poisson2d", "points.per_axis=1000")),
    ("advise", "points.per_axis", HUGE, ()),
]


@pytest.mark.parametrize(("script", "key", "value", "others"), TOO_LARGE)
def test_a_size_that_cannot_fit_is_refused_by_name(script, key, value, others):
    need = NEEDS[script](composed(script, f"{key}={value}", *others))
    with pytest.raises(SettingsError, match=f"^{key}={value}: .* at least .* GB of memory"):
        memory.require(need)


@pytest.mark.parametrize("script", ["train.py", "rfm_solve.py"])
def test_nothing_is_allocated_for_it(tmp_path, script):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = run_here(script, "pde=poisson2d", "points.per_axis=1000000", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_the_limit_of_the_address_space_counts(monkeypatch):
    assert memory.available() > 10**8
    monkeypatch.setattr(resource, "getrlimit", {resource.RLIMIT_AS: (10**7, 10**7)}.get)
    assert memory.available() == 10**7


@pytest.mark.parametrize(
    ("cgroup", "file", "limit", "found"),
    [
        ("0::/job/step\n", "job/step/memory.max", "5000", 5000),
        ("0::/job/step\n", "job/memory.max", "5000", 5000),
        ("0::/job/step\n", "memory.max", "max", 2048 * 1024),
        ("4:memory:/job\n1:cpu:/\n", "memory/job/memory.limit_in_bytes", "6000", 6000),
        ("4:memory:/elsewhere\n", "memory/memory.limit_in_bytes", "6000", 6000),
        ("", "memory.max", "5000", 2048 * 1024),
    ],
)
def test_the_limits_of_control_groups_count(tmp_path, cgroup, file, limit, found):
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "cgroup").write_text(cgroup)
    (tmp_path / "meminfo").write_text("MemFree: 1 kB\nMemAvailable:   2000 kB\nSwapFree: 48 kB\n")
    (tmp_path / "groups" / file).parent.mkdir(parents=True)
    (tmp_path / "groups" / file).write_text(f"{limit}\n")
    assert memory.available(tmp_path, tmp_path / "groups") == found


@pytest.mark.parametrize("model", choices("model"))
def test_parameters_are_counted_as_they_are(model):
    network = build("model", composed("train", f"model={model}", "model.width=7").model)
    for dimension in (1, 2):
        drawn = network.initial_parameters(dimension, [0], torch.float32)
        assert network.parameter_count(dimension) == sum(v.numel() for v in drawn.values())
