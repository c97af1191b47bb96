"""A run that is ended at any moment goes on to the same bits as one that never was."""

import json
import random
import signal
import time

import numpy as np
import pytest
from forks import Forks

RUN = (
    "model.width=8", "points.per_axis=12", "max_steps=120", "log_every=10", "spectrum.every=30",
    "checkpoint.every=20", "logger=[csv]", "callbacks=[spectrum]",
)  # fmt: skip

KINDS = {
    "sgd": ("compile=false", "schedule=cosine", "callbacks=[spectrum,theorem1]"),
    "momentum_ensemble": ("optimizer.momentum=0.9", "ensemble.size=3", "ensemble.lr=[1e-2,1e-3]"),
    "adam_float64": ("optimizer=adam", "schedule=step", "schedule.step_size=50",
                     "precision=float64"),
    "adam_compiled": ("optimizer=adam", "compile=true", "ensemble.size=2"),
    "sgd_compiled": ("compile=true", "pde=poisson2d", "points.per_axis=5"),
    "lbfgs_ensemble": ("optimizer=lbfgs", "ensemble.size=2", "optimizer.max_iter=3",
                       "optimizer.history_size=5"),
    "adaptive": ("pde=biharmonic", "method=fd", "method.step=auto", "method.renew_every=30",
                 "optimizer=adam"),
    "exact": ("method=fd_exact", "method.step=0.3", "method.renew_every=50", "ensemble.size=2"),
    "diverging_member": ("ensemble.lr=[1e-3,30]",),
}  # fmt: skip
"""Overrides of RUN by what they have a run do."""

FAST = ("sgd", "momentum_ensemble")

TIMES = ("steps_per_second", "wall_seconds")


@pytest.fixture(scope="module")
def forks():
    server = Forks()
    yield server
    server.close()


def numbers(cwd):
    """What a run left: the bytes of metrics.csv, arrays, and result.json without its times."""
    (result,) = cwd.glob("outputs/train/*/result.json")
    left = json.loads(result.read_text())
    arrays = dict(np.load(result.parent / "spectra.npz"))
    theorem1 = result.parent / "theorem1.json"
    return {
        "metrics": (result.parent / "metrics.csv").read_bytes(),
        "result": {key: value for key, value in left.items() if key not in TIMES},
        "theorem1": theorem1.read_bytes() if theorem1.exists() else None,
        **{name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()},
    }


@pytest.fixture(scope="module")
def whole(forks, tmp_path_factory):
    """Kind -> overrides, exit code, numbers and files of a run that is never ended."""
    made = {}

    def run(kind):
        if kind not in made:
            cwd = tmp_path_factory.mktemp(kind)
            overrides = (*RUN, *KINDS[kind])
            code = forks.run("train.py", *overrides, cwd=cwd)
            assert code == (kind == "diverging_member"), (cwd / "err.txt").read_text()
            made[kind] = overrides, code, numbers(cwd), cwd
        return made[kind]

    return run


def ended_until_whole(forks, cwd, overrides, moments):
    """Run again and again, each time ended at the next moment; the number of times it was."""
    ended = 0
    for moment in moments:
        code = forks.run("train.py", *overrides, cwd=cwd, **moment)
        if code >= 0:
            return ended, code
        ended += 1
        for path in cwd.glob("outputs/train/*/result.json"):  # nothing half done looks done
            json.loads(path.read_text())
    return ended, forks.run("train.py", *overrides, cwd=cwd)


def make(folder):
    folder.mkdir()
    return folder


def files(cwd):
    return {str(path.relative_to(cwd)) for path in cwd.rglob("*") if path.is_file()}


def check_same(forks, whole, cwd, kind, moments, least):
    overrides, code, wanted, folder = whole(kind)
    ended, last = ended_until_whole(forks, cwd, overrides, moments)
    assert ended >= least
    assert last == code, (cwd / "err.txt").read_text()
    assert numbers(cwd) == wanted
    assert files(cwd) == files(folder)  # no other, and nothing half written


@pytest.mark.parametrize("kind", FAST)
def test_a_run_that_is_killed_in_its_writes_ends_with_the_same_bits(forks, whole, tmp_path, kind):
    moments = [{"at_write": n} for n in (8, 13, 11, 9)]
    check_same(forks, whole, tmp_path, kind, moments, least=3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_in_any_of_its_writes_ends_with_the_same_bits(
    forks, whole, tmp_path, kind
):
    """The n-th write of every attempt: of .hydra, spectra, checkpoints and result.json."""
    for n in (9, 13) if "compile=true" in KINDS[kind] else range(6, 20):
        moments = [{"at_write": n}] * 3
        check_same(forks, whole, make(tmp_path / str(n)), kind, moments, least=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_at_random_moments_ends_with_the_same_bits(
    forks, whole, tmp_path, kind
):
    """At 50, and at 12 where an attempt compiles, which takes long."""
    overrides, *_ = whole(kind)
    wanted = 12 if "compile=true" in overrides else 50
    generator, ended, runs = random.Random(kind), 0, 0
    started = time.monotonic()
    forks.run("train.py", *overrides, cwd=make(tmp_path / "timed"))
    longest = time.monotonic() - started
    while ended < wanted:
        cwd, runs = make(tmp_path / str(runs)), runs + 1
        moments = [{"after": generator.uniform(0, longest)} for _ in range(wanted - ended)]
        before = ended
        ended += ended_until_whole(forks, cwd, overrides, moments)[0]
        assert numbers(cwd) == whole(kind)[2]
        print(f"{kind}: ended {ended - before} times, then whole, with the same bits")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGUSR2, 140)]
)
def test_a_signal_saves_first_and_is_never_success(forks, whole, tmp_path, number, code):
    overrides, _, wanted, _ = whole("sgd")
    overrides = (*overrides, "checkpoint.every=100000")  # none but that of the signal
    ended = forks.run("train.py", *overrides, cwd=tmp_path, number=number, at_write=6)
    assert ended == code, (tmp_path / "err.txt").read_text()
    assert not list(tmp_path.rglob("result.json"))
    assert (tmp_path / "err.txt").read_text().count("error: interrupted by SIG") == 1
    assert forks.run("train.py", *overrides, cwd=tmp_path) == 0
    assert numbers(tmp_path) == wanted
