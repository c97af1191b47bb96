"""Peak memory of spectra and solutions over many points, in processes of their own."""

import os
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

PROLOGUE = """
import sys
import torch
from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Automatic, FiniteDifference
from pinnspectra.kernel import kernel_singular_values
from pinnspectra.networks import TwoLayer
from pinnspectra.pde import Poisson
from pinnspectra.random_features import solve_random_features

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


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", ["ad", "fd"])
def test_a_million_points_take_the_memory_of_their_coordinates_and_two_gib_at_most(task, method):
    few, many = peak(task, 256, method), peak(task, 1024, method)
    assert many < 2 * GIB
    # a row of J has 400 numbers, 3 200 bytes; of A 101, 808 bytes; a point has 2 coordinates
    growth = (many - few) / (1024**2 - 256**2)
    assert growth < 300
