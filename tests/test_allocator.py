"""Freed memory is kept: in a process of its own, since the setting stays."""

import platform
import sys

import pytest
from scripts import run_process

STEPS = """
import resource
import torch
from pinnspectra.training.allocator import keep_freed_memory

assert keep_freed_memory()
faults = []
for _ in range(60):
    arrays = [torch.ones(450_000) for _ in range(3)]  # 1.8 MB each, as of a step on 4 096 points
    del arrays
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
print(faults[-1] - faults[9])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_arrays_that_come_again_and_again_are_allocated_once():
    done = run_process(sys.executable, "-c", STEPS)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100  # 440 pages an array, 1 320 a step, where they are given back
