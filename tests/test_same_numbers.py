"""The same command gives the same bits, whatever is logged, runs beside it or ran before it."""

import csv
import io
import json
import random
import zipfile

import numpy as np
import pytest
import torch
from global_state import global_state
from scripts import ROOT, SMALL, run_folders, run_here, run_script

from pinnspectra.runs.files import read_arrays
from pinnspectra.training.checkpoints import step_of

pytestmark = pytest.mark.usefixtures("undrawn")  # but those in processes of their own are

OTHER_EVERY_TIME = {"wall_seconds", "steps_per_second", "versions", "config_hash"}
"""What of a result is of the machine, or of settings that need not change a number."""

RUN = (*SMALL, "max_steps=60", "log_every=20", "spectrum.every=20", "logger=[csv]")
SOLVE = ("model.width=30", "points.per_axis=40")
CONF = ROOT / "conf"
FILES = ("metrics.csv", "spectra.npz", "spectrum.npz", "theorem1.json")

CASES = {
    "sgd": (),
    "momentum, ensemble": ("optimizer.momentum=0.9", "ensemble.size=3", "ensemble.lr=[1e-3,1e-4]"),
    "adam, float64, tanh": ("optimizer=adam", "precision=float64", "model.activation=tanh"),
    "cosine, deep": ("schedule=cosine", "model=mlp"),
    "fd": ("pde=biharmonic", "method=fd"),
    "auto": ("pde=biharmonic", "method=fd", "method.step=auto", "method.renew_every=25"),
    "exact": ("method=fd_exact", "method.renew_every=25"),
    "poisson2d": ("pde=poisson2d", "method=fd_grid", "optimizer.lr=1e-6"),
}
"""Overrides of runs that take their numbers in different ways."""


def numbers(folder):
    """All that a run says, but for times and versions: bytes, parameters, values of the result."""
    said = {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}
    checkpoints = sorted((folder / "checkpoints").glob("*.ckpt"), key=step_of)
    if checkpoints:
        kept = torch.load(checkpoints[-1], weights_only=True)["state_dict"]
        said["parameters"] = {name: value.numpy().tobytes() for name, value in kept.items()}
    result = json.loads((folder / "result.json").read_text())
    return said | {key: v for key, v in result.items() if key not in OTHER_EVERY_TIME}


def numbers_by_method(done, cwd):
    """The numbers of every run under a folder, by its method."""
    assert done.returncode == 0, done.stderr + done.stdout
    found = [numbers(folder) for folder in run_folders(cwd)]
    return {run["method"]: run for run in found}


@pytest.fixture
def here(tmp_path):
    """Runs a script in this process, in a folder of its own: the numbers of its only run."""

    def ran(script, *overrides, own_process=False, **environment):
        cwd = tmp_path / str(len(list(tmp_path.iterdir())))
        cwd.mkdir()
        run = run_script if own_process else run_here
        (found,) = numbers_by_method(run(script, *overrides, cwd=cwd, **environment), cwd).values()
        return found

    return ran


def rows(run):
    """The rows of a metrics.csv by step and member, as text."""
    table = csv.DictReader(io.StringIO(run["metrics.csv"].decode()))
    return {(row["step"], row["member"]): row for row in table}


def spectra(run):
    """The bytes of every array of a spectra.npz by step."""
    arrays = dict(np.load(io.BytesIO(run["spectra.npz"])))
    named = arrays.keys() - {"steps", "floor"}
    return {
        int(step): {name: arrays[name][i].tobytes() for name in named}
        for i, step in enumerate(arrays["steps"])
    }


def same_where_both_have(a, b):
    """How many logged values and spectra two runs have both; all of them are the same."""
    first, second = rows(a), rows(b)
    shared = [
        (first[at][name], second[at][name])
        for at in first.keys() & second.keys()
        for name in first[at].keys() & second[at].keys()
        if first[at][name] and second[at][name]
    ]
    assert all(one == other for one, other in shared)
    S, T = spectra(a), spectra(b)
    assert all(S[step] == T[step] for step in S.keys() & T.keys())
    return len(shared), len(S.keys() & T.keys())


@pytest.mark.parametrize(
    ("script", "overrides", "before"),
    [("train.py", (*RUN, "callbacks=[spectrum,theorem1]"), "precision=float64"),
     pytest.param("rfm_solve.py", SOLVE, "precision=float32", marks=pytest.mark.slow)],
)  # fmt: skip
def test_a_process_of_its_own_and_a_multirun_in_any_order_give_the_same_bits(
    tmp_path, script, overrides, before
):
    found = []
    for name, run, methods, more in (
        ("own", run_script, "ad", ()),
        ("before", run_here, "nested_autograd", ("model.width=7", "points.per_axis=9", before)),
        ("ad first", run_here, "ad,fd", ()),
        ("fd first", run_here, "fd,ad", ()),
    ):
        (tmp_path / name).mkdir()
        sweep = ("-m",) if "," in methods else ()
        done = run(script, *sweep, f"method={methods}", *overrides, *more, cwd=tmp_path / name)
        found.append(numbers_by_method(done, tmp_path / name))
    own, _, ad_first, fd_first = found
    assert own["ad"] == ad_first["ad"]
    assert ad_first == fd_first
    assert ad_first["ad"] != ad_first["fd"]


def test_what_else_is_logged_changes_no_number(here):
    by_default = here("train.py", *RUN)
    spectra_and_modes = here("train.py", *RUN, "callbacks=[theorem1,spectrum,progress]")
    assert same_where_both_have(by_default, spectra_and_modes) == (4 * 11, 4)
    nothing = here("train.py", *RUN, "callbacks=[]")
    assert nothing["parameters"] == by_default["parameters"]


def test_how_often_it_is_logged_changes_no_number(here):
    run = ("train.py", *RUN, *CASES["auto"])
    often = here(*run, "log_every=1", "spectrum.every=15")
    seldom = here(*run, "log_every=30", "checkpoint.every=7", "spectrum.every=30")
    values, taken = same_where_both_have(often, seldom)
    assert values >= 2 * 6
    assert taken == 3
    assert often["parameters"] == seldom["parameters"]


@pytest.fixture
def garbage():
    """Global generators and a default dtype that somebody else has set."""
    kept = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.manual_seed(123)
    np.random.seed(456)
    random.seed(789)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_rng_state(kept[0])
    np.random.set_state(kept[1])
    random.setstate(kept[2])


@pytest.mark.parametrize(
    ("script", "overrides"),
    [("train.py", (*RUN, "optimizer=lbfgs", "max_steps=20")),
     ("train.py", (*RUN, *CASES["auto"], "spectrum.leading=4")),
     ("rfm_solve.py", (*SOLVE, "method=fd", "method.step=auto", "precision=float32"))],
)  # fmt: skip
def test_global_generators_and_the_default_dtype_are_neither_read_nor_changed(
    here, garbage, script, overrides
):
    before = global_state()
    among_garbage = here(script, *overrides)
    after = global_state() | {"warnings": before["warnings"]}  # train.py silences Lightning's
    assert after == before
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    assert here(script, *overrides) == among_garbage


def test_the_seed_alone_decides(here):
    zero, one = (here("rfm_solve.py", *SOLVE, f"seed={seed}") for seed in (0, 1))
    assert zero["spectrum.npz"] != one["spectrum.npz"]


def folder_of(cwd, script, *overrides):
    done = run_here(script, *overrides, cwd=cwd)
    assert done.returncode == 0, done.stderr
    (folder,) = run_folders(cwd)
    return folder


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_spectra_are_float64_and_parameters_of_the_asked_dtype(tmp_path, precision):
    folder = folder_of(tmp_path, "train.py", *RUN, f"precision={precision}")
    dtypes = {name: str(v.dtype) for name, v in read_arrays(folder / "spectra.npz").items()}
    named = "singular_values", "eigenvalues", "effective_cutoff", "truncated_entropy", "floor"
    assert dtypes == {"steps": "int64", **dict.fromkeys(named, "float64")}
    checkpoint = torch.load(folder / "checkpoints" / "step=60.ckpt", weights_only=True)
    kept = {value.dtype for value in checkpoint["state_dict"].values()}
    assert kept == {getattr(torch, precision)}
    with zipfile.ZipFile(folder / "spectra.npz") as file:  # the same bytes at any time
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_what_is_solved_has_the_asked_dtype_and_spectrum_and_floor_float64(tmp_path, precision):
    folder = folder_of(tmp_path, "rfm_solve.py", *SOLVE, f"precision={precision}")
    dtypes = {name: str(v.dtype) for name, v in read_arrays(folder / "spectrum.npz").items()}
    assert dtypes == {
        "singular_values": "float64",
        "floor": "float64",
        "solved_singular_values": precision,
        "truncation_position": "int64",
        "relative_training_error": precision,
    }


@pytest.mark.slow
@pytest.mark.parametrize("compiled", ["false", "true"])
@pytest.mark.parametrize("case", CASES)
def test_every_case_in_every_way(here, tmp_path, case, compiled):
    run = ("train.py", *RUN, *CASES[case], f"compile={compiled}")
    first = here(*run)
    here("train.py", *RUN, f"compile={compiled}", "model.width=13", "precision=float64")
    assert here(*run) == first
    caches = tmp_path / "inductor"
    fresh = {"own_process": True, "TORCHINDUCTOR_CACHE_DIR": str(caches)}
    assert here(*run, **fresh, PYTHONHASHSEED="1", MALLOC_PERTURB_="165") == first
    assert here(*run, **fresh, PYTHONHASHSEED="2", OMP_NUM_THREADS="2") == first
    for more in (
        ("log_every=1", "spectrum.every=15"),
        ("log_every=60", "spectrum.every=30", "checkpoint.every=7"),
    ):
        values, taken = same_where_both_have(first, here(*run, *more))
        assert values >= 2 * 6
        assert taken >= 2
    everything = here(*run, "logger=[csv,wandb,tensorboard]", own_process=True)
    assert everything == first


@pytest.mark.slow
@pytest.mark.parametrize("compiled", ["false", "true"])
def test_points_that_are_taken_in_parts(here, compiled):
    run = (
        "train.py", *RUN, "model.width=300", "points.per_axis=10000", "max_steps=12",
        "log_every=3", "spectrum.every=6", f"compile={compiled}",
    )  # fmt: skip
    first = here(*run)
    assert here(*run, own_process=True, PYTHONHASHSEED="1", MALLOC_PERTURB_="77") == first
    other = here(*run, "log_every=4", "spectrum.every=12")
    assert same_where_both_have(first, other)[1] == 2


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(
    "choice",
    [
        f"{p.parent.name}={p.stem}"
        for kind in ("method", "pde")
        for p in CONF.glob(f"{kind}/*.yaml")
    ],
)
def test_every_random_feature_model(here, choice, precision):
    run = ("rfm_solve.py", *SOLVE, choice, f"precision={precision}")
    first = here(*run)
    assert here(*run) == first
    perturbed = {"PYTHONHASHSEED": "1", "MALLOC_PERTURB_": "165", "OMP_NUM_THREADS": "2"}
    assert here(*run, own_process=True, **perturbed) == first
