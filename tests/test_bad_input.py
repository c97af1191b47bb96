"""Every mistake gives one line with the key, the value and what is allowed, and exit code 1."""

import re

import pytest
from scripts import run_folders, run_here, run_script

pytestmark = pytest.mark.usefixtures("undrawn")

MISTAKES = [
    # a misspelled key
    (["model.widht=5"], r"model.widht=5: there is no key .* did you mean model.width\?"),
    (["max_step=5"], r"max_step=5: there is no key .* did you mean max_steps\?"),
    (["+model.foo=3"], "model.foo=3: unknown; settings are width, activation"),
    (["method=ad", "method.step=0.1"], "method.step=0.1: there is no key method.step"),
    # a wrong type
    (["model.width=abc"], "model.width=abc: .*integer"),
    (["model.width=2.5"], "model.width=2.5: .*integer"),
    (["seed=1.5"], "seed=1.5: .*integer"),
    (["points.per_axis=x"], "points.per_axis=x: .*integer"),
    # an unknown choice
    (["pde=heat"], "pde=heat: no such choice; allowed are biharmonic, poisson1d, poisson2d"),
    (["pde=[poisson1d,biharmonic]"], r"pde=\[.*\]: one choice is needed; allowed are biharmonic"),
    (["model=null"], "model=null: one choice is needed; allowed are mlp, two_layer"),
    (["hydra/job_logging=foo"], "hydra/job_logging=foo: no such choice; allowed are .*default"),
    (["method=ad,fd"], "method=ad,fd: several values are a sweep: add -m$"),
    (["ensemble.lr=1e-3,1e-4"], r"several values are .*; one list is ensemble.lr=\[1e-3,1e-4\]"),
    (["seed=range(0,3)"], r"seed=range\(0,3\): several values are a sweep: add -m$"),
    (["callbacks=[spectrum,foo]"], "callbacks=foo: no such choice; .*spectrum"),
    (["model.activation=relu"], "model.activation=relu: allowed are sin, tanh"),
    (["precision=float16"], "precision=float16: .*'float32' or 'float64'"),
    # out of range
    (["model.width=-5"], "model.width=-5: .*at least 1"),
    (["optimizer.lr=0"], "optimizer.lr=0: .*greater than 0"),
    (["optimizer.lr=nan"], "optimizer.lr=nan: .*finite"),
    (["spectrum.cutoff=2"], "spectrum.cutoff=2: .*less than 1"),
    (["spectrum.cutoff=auto"], "spectrum.cutoff=auto: only rfm_solve.py takes auto; a number from"),
    (["points.per_axis=1"], "points.per_axis=1: .*2"),
    (["points.per_axis=0"], "points.per_axis=0: .*2"),
    (["method=fd", "method.step=0"], "method.step=0: .*above 0"),
    (["max_steps=-1"], "max_steps=-1: .*1"),
    (["seed=-1"], "seed=-1: .*0"),
    (["method=fd", "method.accuracy_order=3"], "method.accuracy_order=3: allowed are 2, 4, 6"),
    (["checkpoint.every=0"], "checkpoint.every=0: .*at least 1"),
    (["checkpoint.every=often"], "checkpoint.every=often: an integer .*, or auto"),
    (["retry=all"], "retry=all: .*'failed'"),
    (["hydra.output_subdir=x"], "hydra.output_subdir=x: a run writes .hydra/ itself"),
    (["seed=4294967296"], "seed=4294967296: .*less than 4294967296"),
    (["seed=4294967295", "ensemble.size=2"], r"ensemble.size=2: seeds up to .* below 2\^32"),
    (["callbacks.spectrum.every=0"], "callbacks.spectrum.every=0: .*1"),
    (["pde.lower=[2]"], r"pde: box \[2, 1.0\]: finite ends with lower < upper"),
    (["pde.lower=[-inf]"], "pde.lower=.*whole numbers"),
    (["optimizer=adam", "optimizer.betas=[2,3]"], r"optimizer.betas=\[2.*\]: two numbers"),
    # what does not fit together
    (["method=fd", "method.step=1e200"], r"method.step=1e\+200: step\^2 leaves the range"),
    (["method=fd", "method.step=1e25", "precision=float32"], "method.step=.* range of .*float32"),
    (["method=fd", "method.step=1e-9", "precision=float32"], "method.step=1e-09: .* rounds to x"),
    (["pde=biharmonic", "method=fd_grid", "points.per_axis=4"], "points.per_axis=4: .*at least 5"),
    (["points.spacing=0.5"], "points.spacing=0.5: it is 0.02, which follows"),
    (["trainer.accelerator=nonsense"], "trainer: .*nonsense.* Available names are"),
    (["+trainer.precision=64-true"], "trainer.precision=64-true: unknown"),
    (["method=fd_grid", "method.step=0.1"], "method.step=0.1: .*grid spacing, 0.02"),
    (["logger=[wandb]"], r"logger=\[wandb\]: .*take logger=\[csv,wandb\]"),
    # what must never run
    (["method._target_=os.system"], "method._target_=os.system: not a class of"),
    (
        ["method._target_=pinnspectra.show.tables.json.loads"],
        "_target_=.*json.loads: not a class of",
    ),
    (["model._target_=pinnspectra.runs.folder.os.getcwd"], "_target_=.*: not a class of"),
]


def check(done, cwd, message):
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert len(lines) == 1, done.stderr + done.stdout
    assert lines[0].startswith("error: ")
    assert "Traceback" not in done.stdout
    assert re.search(message, lines[0]), lines[0]
    assert not list(cwd.rglob("*"))  # nothing is written


@pytest.mark.parametrize(("overrides", "message"), MISTAKES, ids=[" ".join(m[0]) for m in MISTAKES])
def test_a_mistake_in_train_is_told_in_one_line(tmp_path, overrides, message):
    logger = [] if overrides[0].startswith("logger") else ["logger=[csv]"]
    check(run_here("train.py", *overrides, *logger, cwd=tmp_path), tmp_path, message)


@pytest.mark.parametrize(("overrides", "message"), [MISTAKES[0], MISTAKES[12], MISTAKES[-1]])
def test_a_mistake_is_told_in_one_line_also_from_a_shell(tmp_path, overrides, message):
    check(run_script("train.py", *overrides, cwd=tmp_path), tmp_path, message)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.width=0"], "model.width=0: .*at least 1"),
        (["optimizer.lr=1"], "optimizer.lr=1: there is no key optimizer.lr"),
        (["method=fd", "method.step=inf"], "method.step=inf: a finite number is needed"),
        (["boundary_rows=3"], "boundary_rows=3: .*boolean"),
        (["spectrum.cutoff=2"], "spectrum.cutoff=2: a number from 0 to below 1, or auto"),
        (["spectrum.cutoff=high"], "spectrum.cutoff=high: a number from 0 to below 1, or auto"),
        (["spectrum.every=3"], "spectrum.every=3: .* in spectrum there are: cutoff"),
    ],
)
def test_a_mistake_in_rfm_solve_is_told_in_one_line(tmp_path, overrides, message):
    check(run_here("rfm_solve.py", *overrides, cwd=tmp_path), tmp_path, message)


def test_a_sweep_with_an_unknown_choice_does_not_start(tmp_path):
    check(run_script("rfm_solve.py", "-m", "method=ad,foo", cwd=tmp_path), tmp_path, "method=foo")


def test_a_refused_job_does_not_stop_the_others_of_its_sweep(tmp_path):
    done = run_script("rfm_solve.py", "-m", "model.width=0,10,-1,20", cwd=tmp_path)
    assert done.returncode == 1
    assert [line.split(":")[1].strip() for line in done.stderr.splitlines()[:2]] == [
        "model.width=0",
        "model.width=-1",
    ]
    finished = [(f / "result.json").exists() for f in run_folders(tmp_path)]
    assert finished == [False, True, False, True]
    assert done.stdout.count(" refused ") == 2


def test_a_folder_that_holds_another_run_is_refused_and_left_as_it_is(tmp_path):
    small = ("model.width=10", "points.per_axis=16", "hydra.run.dir=outputs/same")
    assert run_here("rfm_solve.py", *small, cwd=tmp_path).returncode == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = run_here("rfm_solve.py", *small, "seed=1", cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert "holds another run, with seed=0 and not 1: name another hydra.run.dir" in line
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_an_overflowing_system_matrix_is_told_in_one_line(tmp_path):
    done = run_here(
        "rfm_solve.py", "pde=biharmonic", "precision=float32", "model.weight_range=1e20",
        cwd=tmp_path,
    )  # fmt: skip
    check(done, tmp_path, "system matrix is not finite in torch.float32: take precision=float64")
