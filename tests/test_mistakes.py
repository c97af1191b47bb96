"""A mistake on the command line costs one line, exit code 1 and nothing written."""

import json
import re
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts import choices, error_line, run_folders, run_here, run_script

from pinnspectra.command_line.keys import keys
from pinnspectra.command_line.settings import RandomFeatureSettings, TrainSettings
from pinnspectra.command_line.targets import allowed_target
from pinnspectra.networks import AbstractNetwork, TwoLayer
from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.messages import SettingsError

pytestmark = pytest.mark.usefixtures("undrawn")

MISTAKES = [
    # a misspelled key
    (["model.widht=5"], r"model.widht=5: there is no key .* did you mean model.width\?"),
    (["max_step=5"], r"max_step=5: there is no key .* did you mean max_steps\?"),
    (["+model.foo=3"], "model.foo=3: unknown; settings are width, activation"),
    (["method=ad", "method.step=0.1"], "method.step=0.1: there is no key method.step"),
    # a wrong type
    (["model.width=abc"], "model.width=abc: .*integer"),
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
    (["spectrum.cutoff=auto"], "spectrum.cutoff=auto: .*number"),
    (["points.per_axis=1"], "points.per_axis=1: .*2"),
    (["method=fd", "method.step=0"], "method.step=0: .*above 0"),
    (["method=fd", "method.accuracy_order=3"], "method.accuracy_order=3: allowed are 2, 4, 6"),
    (["checkpoint.every=often"], "checkpoint.every=often: an integer .*, or auto"),
    (["retry=all"], "retry=all: .*'failed'"),
    (["hydra.output_subdir=x"], "hydra.output_subdir=x: a run writes .hydra/ itself"),
    (["seed=4294967296"], "seed=4294967296: .*less than 4294967296"),
    (["seed=4294967295", "ensemble.size=2"], r"ensemble.size=2: seeds up to .* below 2\^32"),
    (["callbacks.spectrum.every=0"], "callbacks.spectrum.every=0: .*1"),
    (["pde.lower=[2]"], r"pde: box \[2, 1.0\]: finite ends with lower < upper"),
    (["pde.lower=[-inf]"], "pde.lower.*finite"),
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
]

SOLVE_MISTAKES = [
    (["model.width=0"], "model.width=0: .*at least 1"),
    (["optimizer.lr=1"], "optimizer.lr=1: there is no key optimizer.lr"),
    (["method=fd", "method.step=inf"], "method.step=inf: .*finite"),
    (["boundary_rows=3"], "boundary_rows=3: .*boolean"),
    (["spectrum.cutoff=2"], "spectrum.cutoff=2: .*less than 1 or 'auto'"),
    (["spectrum.cutoff=high"], "spectrum.cutoff=high: .*number or 'auto'"),
    (["spectrum.every=3"], "spectrum.every=3: .* in spectrum there are: cutoff"),
    (
        ["pde=biharmonic", "precision=float32", "model.weight_range=1e20"],
        "system matrix is not finite in torch.float32: take precision=float64",
    ),
]


HOSTILE = [
    ["method._target_=os.system"],
    ["method._target_=pinnspectra.show.tables.json.loads"],
    ["model._target_=pinnspectra.runs.folder.os.getcwd"],
    ["method._target_=evil.Evil"],
    ["model.activation={_target_: evil.Evil}"],
    ["+hydra.callbacks.x._target_=evil.Evil"],
    ["+hydra.callbacks.x={_target_: hydra.experimental.callback.Callback, y: {_target_: evil.E}}"],
    ["+hydra.callbacks.x={_target_: hydra.utils.get_object, path: evil.Evil}"],
    ["+hydra.callbacks.x=${method}"],
    ["+hydra.callbacks.x={_target_: '${method._target_}'}"],
    ["+hydra.callbacks.x=${hydra:job.env_set}"],
    ["hydra.callbacks.sweep_folder._target_=pinnspectra.show.tables.main"],
    ["hydra.launcher._target_=evil.Evil"],
    ["hydra.sweeper._target_=evil.Evil"],
    ["+hydra.sweeper.sampler._target_=evil.Evil"],
    ["hydra.job_logging.handlers.console.class=evil.Evil"],
    ["hydra.job_logging.handlers.console={(): evil.Evil}"],
    ["hydra.job_logging.handlers.console.stream=ext://evil.Evil"],
    ["hydra.job_logging.formatters.simple={(): logging.config.fileConfig, fname: evil.ini}"],
    ["hydra.job_logging.formatters.simple.class=logging.os.system"],
    ["+hydra.job_logging.filters.x={(): evil.Evil}"],
    ["hydra.job_logging.handlers.console.class=${hydra:job.name}"],
    ["hydra.hydra_logging.handlers.console.class=evil.Evil"],
    ["hydra.searchpath=[pkg://evil]"],
    ["--config-path=pkg://evil"],
    ["--experimental-rerun=PLACE/evil.pickle"],
    ["--exp=PLACE/evil.pickle"],
    ["--config-dir=PLACE", "hydra/callbacks=mine"],
    ["-m", "seed=0,1", "+hydra.callbacks.x._target_=evil.Evil"],
    ["-m", "seed=0,1", "hydra.launcher._target_=evil.Evil"],
    ["-m", "seed=0,1", "hydra.job_logging.handlers.console.class=evil.Evil"],
]
"""Overrides that would run evil.py, or something else, where they are not refused."""

FLAGS = [["--foo"], ["--cfg=x"], ["--config-name"], ["-x"], ["--package"]]

EVIL = """
import logging
from hydra.experimental.callback import Callback
open("ran", "w").close()
class Evil(Callback, logging.StreamHandler):
    pass
"""


@pytest.fixture
def evil(tmp_path_factory, monkeypatch):
    """A folder with a module that writes a file when it is imported, and with what names it."""
    place = tmp_path_factory.mktemp("evil")
    (place / "evil.py").write_text(EVIL)
    (place / "evil.pickle").write_bytes(b"cevil\nEvil\n.")  # pickle's "global": imports it
    (place / "hydra" / "callbacks").mkdir(parents=True)
    (place / "hydra" / "callbacks" / "mine.yaml").write_text("x: {_target_: evil.Evil}\n")
    monkeypatch.syspath_prepend(place)
    yield place
    sys.modules.pop("evil", None)


def check_refused(done, cwd, pattern=""):
    """One line that matches, exit code 1, nothing printed, nothing written."""
    line = error_line(done)
    assert re.search(pattern, line), line
    assert len(line) > len("error: ") + 5
    assert done.stdout == ""
    assert not list(cwd.rglob("*"))


def without_wandb(script, overrides):
    """W&B and its seconds left out, where the loggers are not what is tried."""
    tried = any("logger" in o for o in overrides)
    return ["logger=[csv]"] if script == "train.py" and not tried else []


CASES = [
    *(("train.py", *case) for case in MISTAKES),
    *(("rfm_solve.py", *case) for case in SOLVE_MISTAKES),
    *(("rfm_solve.py", overrides, "") for overrides in [*HOSTILE, *FLAGS]),
    ("rfm_solve.py", ["-m", "method=ad,foo"], "method=foo"),
]


@pytest.mark.parametrize(
    ("script", "overrides", "pattern"), CASES, ids=[" ".join([c[0], *c[1]]) for c in CASES]
)
def test_a_mistake_is_told_with_the_key_the_value_and_what_is_allowed(
    tmp_path, evil, script, overrides, pattern
):
    given = [override.replace("PLACE", str(evil)) for override in overrides]
    done = run_here(script, *given, *without_wandb(script, overrides), cwd=tmp_path)
    check_refused(done, tmp_path, pattern)
    assert "evil" not in sys.modules


def test_the_evil_class_would_run_where_hydra_is_left_alone(evil, tmp_path):
    # else the cases above would show nothing
    (evil / "app.py").write_text("import hydra\nhydra.main(None, None, '1.3')(lambda c: None)()\n")
    named = "+hydra.callbacks.x._target_=evil.Evil"
    assert run_here(str(evil / "app.py"), named, cwd=tmp_path).returncode == 0
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "allowed",
    [
        "+hydra.callbacks.x._target_=hydra.experimental.callbacks.LogJobReturnCallback",
        "hydra.job_logging.handlers.file={class: logging.handlers.RotatingFileHandler, "
        "filename: own.log}",
        "hydra.job_logging.handlers.console.stream=ext://sys.stderr",
        "hydra.launcher._target_=hydra._internal.core_plugins.basic_launcher.BasicLauncher",
        "hydra.searchpath=[file://more]",
        "--config-dir=more",
    ],
)
def test_a_class_that_hydra_offers_is_taken(tmp_path, allowed):
    (tmp_path / "more").mkdir()
    done = run_here("rfm_solve.py", allowed, "model.width=5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", [
    None, 3, "", "pinnspectra", "pinnspectra.", ".pinnspectra.networks.TwoLayer",
    "pinnspectra..networks", "pinnspectra.networks.", "pinnspectra.\0.x", "pinnspectra.a b",
    "pinnspectrax.networks.TwoLayer", "pinnspectra.networks.TwoLayer.field", "x" * 10**6,
    "pinnspectra.problems.Poisson", "pinnspectra.networks", "pinnspectra.runs.folder.config_hash",
])  # fmt: skip
def test_only_a_class_of_the_kind_is_taken(path):
    kind = (["pinnspectra"], [AbstractNetwork])
    assert allowed_target("model", "pinnspectra.networks.TwoLayer", *kind) is TwoLayer
    with pytest.raises(SettingsError, match=r"not a (class|kind) of"):
        allowed_target("model", path, *kind)


@pytest.mark.parametrize(("overrides", "pattern"), [MISTAKES[0], (["--foo"], "--help")])
def test_a_mistake_is_told_in_one_line_also_from_a_shell(tmp_path, overrides, pattern):
    check_refused(run_script("train.py", *overrides, cwd=tmp_path), tmp_path, pattern)


def test_a_refused_job_does_not_stop_the_others_of_its_sweep(tmp_path):
    done = run_script("rfm_solve.py", "-m", "model.width=0,10,-1,20", cwd=tmp_path)
    assert done.returncode == 1
    assert re.findall(r"^error: (model.width=\S+):", done.stderr, re.MULTILINE) == [
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
    line = error_line(run_here("rfm_solve.py", *small, "seed=1", cwd=tmp_path))
    assert re.search("another run, with seed=0 and not 1: .*hydra.run.dir", line)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


WORDS = ["qwerty", "SIN", "float16", "../x", "a/b", "日"]
NO_NUMBER = [
    "abc", "nan", "-inf", "inf", "''", "null", "[1]", "[]", "{a: 1}", "'1'", "1e", "0x", "1,",
    "--1", "1 2", "日", "'\\t'", "???", "${nothing}", "${oc.env:NO_SUCH_VARIABLE}", "${seed",
    "!!int", "true",
]  # fmt: skip
NO_INTEGER = [*NO_NUMBER, "1.5", "2.0", "1e3", "-1", "-100000000000000000000"]
HUGE = [str(10**n) for n in (13, 15, 18, 30, 400)]
WRONG = {
    "integer": NO_INTEGER,
    "number": NO_NUMBER,
    "string": [*WORDS, "1", "null", "[qwerty]", "true", "{a: sin}"],
    "boolean": [*WORDS, "1", "null", "[true]"],
    "array": ["[]", "1", "x", "[0]", "[nan]", "[inf]", "[1e-3,x]", "[-1]"],
}
"""Values that a key of a type does not take."""


def wrong(schema):
    """Values that the JSON schema of a key refuses."""
    if "anyOf" in schema:
        kinds = [s for s in schema["anyOf"] if s.get("type") != "null"]
        takes_null = len(kinds) < len(schema["anyOf"])
        refused = set.intersection(*(set(wrong(kind)) for kind in kinds))
        return sorted(refused - ({"null"} if takes_null else set()))
    values = list(WRONG[schema["type"]])
    for name, beyond in (("minimum", -1), ("exclusiveMinimum", 0), ("exclusiveMaximum", 0)):
        values += [str(schema[name] + beyond)] if name in schema else []
    return values + (HUGE if {"maximum", "exclusiveMaximum"} & schema.keys() else [])


def key(name, values):
    return st.sampled_from([f"{name}={value}" for value in values])


def of_schema(schema):
    return [key(name, wrong(allowed)) for name, allowed in keys(schema)]


SECTIONS = ["model", "points", "spectrum", "preset", "method", "pde"]
NEW = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=3, max_size=12).map(lambda w: f"q{w}")
COMMON = [
    key("model.width", [*NO_INTEGER, "0", *HUGE]),
    key("model.weight_range", [*NO_NUMBER, "0", "-1"]),
    key("model.activation", [*WORDS, "1", "null", "[sin]", "{a: sin}"]),
    key("model.initialization", [*WORDS, "2", "null"]),
    *(key(group, [*WORDS, "null", "[]", "1"]) for group in ("pde", "method", "model")),
    key("pde.lower", ["[]", "[nan]", "[1,2,3]", "[2]", "[0.5]", "x", "null", "[-inf]"]),
    st.tuples(st.sampled_from(["", "+", "hydra/", "hydra.", "hydra.run."]), NEW).map(
        lambda parts: f"{parts[0]}{parts[1]}=1"
    ),
    st.tuples(st.sampled_from(["", "+"]), st.sampled_from(SECTIONS), NEW).map(
        lambda parts: f"{parts[0]}{parts[1]}.{parts[2]}=1"
    ),
    st.sampled_from([
        "~model.width", "~points", "~pde", "~seed", "~precision", "~method", "~nothing", "~model",
        "~spectrum.cutoff", "~points.per_axis", "model.width.x=1", "seed.x=1", "model=5",
        "points=3", "points=null", "spectrum=1", "preset=[]", "model.width={x: 1}",
    ]),
    key("hydra.mode", WORDS),
    key("hydra/launcher", [*WORDS, "null"]),
    key("hydra/job_logging", WORDS),
    key("hydra.run.dir", ["null", "'\\0'", "[1]", "${nothing}", "???"]),
    key("hydra.verbose", ["{a: 1}"]),
    key("hydra.searchpath", ["5", "[5]", "x"]),
    key("model.width", ["", "fd,", "{", "[1,", "'", '"', "${", "}", "(", "a=b", "\\", ","]),
    st.sampled_from(
        ["=", "=1", "model.width", "1=2", "@", "a b", "+", "~", "model..width=1", ".=1", "日=1",
         "model.width =1", " =", "'", "%", "model[0]=1", "--nothing", "-z", "--cfg=x"]
    ),
    st.text(max_size=15).filter(
        lambda t: "\0" not in t and t.strip() and not t.startswith(("-", "resume="))
    ),
]  # fmt: skip
TRAIN = [
    *of_schema(TrainSettings),
    key("spectrum.cutoff", ["auto"]),
    key("optimizer.lr", [*NO_NUMBER, "0", "-1e-3"]),
    key("optimizer.momentum", ["abc", "nan", "inf", "[1]", "true", "-1", "1", "2"]),
    key("callbacks", ["[nothing]", "[spectrum,nothing]", "nothing", "[1]"]),
    key("logger", ["[nothing]", "[wandb]", "[]", "null", "nothing"]),
    key("optimizer", [*WORDS, "null", "[sgd,adam]"]),
    key("schedule", [*WORDS, "null"]),
    key("trainer.accelerator", [*WORDS, "1"]),
    key("trainer.devices", ["x", "-5", "0", "[]"]),
    st.sampled_from(
        ["+trainer.precision=16", "+trainer.max_steps=3", "+trainer.nothing=1", "~optimizer.lr",
         "+callbacks.x.every=3", "+callbacks.x={}", "+logger.x=1", "callbacks.spectrum.every=0",
         "callbacks.spectrum.every=nan", "+callbacks.spectrum.cutoff=0.1"]
    ),
]  # fmt: skip
SOLVE = [*of_schema(RandomFeatureSettings), key("optimizer.lr", ["1"]), key("max_steps", ["5"])]
BESIDE = [
    (("method=fd",), key("method.step", [*NO_NUMBER, "0", "-1", "1e200", "1e-300"])),
    (("method=fd",), key("method.accuracy_order", [*NO_INTEGER, "1", "3", "8", "0", *HUGE])),
    (("method=fd",), key("method.renew_every", [*NO_INTEGER, "0"])),
    (("method=fd_grid",), key("method.step", ["0.5", "x", "0", "auto"])),
    (("model=mlp",), key("model.depth", [*NO_INTEGER, "0", *HUGE])),
    (("pde=biharmonic", "method=fd_grid"), st.just("points.per_axis=4")),
]
"""Mistakes that depend on a choice."""

SMALL = [key("model.width", range(3, 13)), key("points.per_axis", range(8, 17))]
"""What stands beside a mistake, so that nothing but it is the reason."""


@st.composite
def mistakes(draw):
    """A script and overrides with a mistake among them."""
    script = draw(st.sampled_from(["train.py", "rfm_solve.py"]))
    alone = [*COMMON, *(TRAIN if script == "train.py" else SOLVE)]
    chosen, bad = draw(st.sampled_from([*(((), one) for one in alone), *BESIDE]))
    bad = [*chosen, draw(bad)]
    named = {o.split("=")[0] for o in bad}
    beside = [o for o in map(draw, SMALL) if o.split("=")[0] not in named]
    return script, [*bad, *beside] if draw(st.booleans()) else [*beside, *bad]


def check_mistake(mistake):
    script, overrides = mistake
    with tempfile.TemporaryDirectory() as name:
        done = run_here(script, *overrides, *without_wandb(script, overrides), cwd=Path(name))
        check_refused(done, Path(name))


@given(mistakes())
@settings(max_examples=25)
def test_any_mistake_is_told_in_one_line(mistake):
    check_mistake(mistake)


@pytest.mark.slow
@given(mistakes())
@settings(max_examples=1000)
def test_a_thousand_mistakes_are_told_in_one_line(mistake):
    check_mistake(mistake)


RUN = {
    "pde": choices("pde"),
    "method": choices("method"),
    "model": choices("model"),
    "precision": ["float32", "float64"],
    "model.width": [1, 2, 7, 12],
    "points.per_axis": [5, 8, 12],
    "seed": [0, 7, 2**32 - 10],
    "boundary_weight": [1e-3, 1, 1e3],
    "model.activation": ["sin", "tanh", "'sin'"],
    "threads": [1, 2],
}
SOLVING = {"boundary_rows": ["true", "false"], "spectrum.cutoff": ["auto", 0, 1e-15, 0.9]}
TRAINING = {
    "logger": ["[csv]"],
    "compile": ["false"],
    "optimizer": choices("optimizer"),
    "callbacks": ["[]", "[spectrum]", "[progress,spectrum]"],
    "schedule": choices("schedule"),
    "optimizer.lr": [1e-9, 1e-6],
    "max_steps": [1, 4, 6],
    "log_every": [1, 3, 10**12],
    "spectrum.every": [1, 3, 10**12],
    "spectrum.cutoff": [0, 1e-5, 0.99],
    "spectrum.dtype": ["training", "float64"],
    "spectrum.leading": ["null", 1, 5, 10**12],
    "checkpoint.every": ["null", "auto", 1, 10**12],
    "ensemble.size": [1, 3],
    "ensemble.lr": ["null", "[1e-7]", "[1e-7,1e-8]"],
}
OF_A_CHOICE = {
    "method=fd": {"method.accuracy_order": [2, 4, 6], "method.step": [0.05, 0.3]},
    "model=mlp": {"model.depth": [1, 3]},
    "model=two_layer": {
        "model.weight_range": [0.1, 5],
        "model.initialization": ["uniform", "pytorch"],
    },
    "optimizer=sgd": {"optimizer.momentum": [0, 0.99]},
}
"""Values that a key takes."""


@st.composite
def sound(draw):
    """A script and overrides without a mistake, of a small run."""
    script, own = draw(st.sampled_from([("train.py", TRAINING), ("rfm_solve.py", SOLVING)]))
    overrides = [draw(key(name, values)) for name, values in {**RUN, **own}.items()]
    chosen = [OF_A_CHOICE[override] for override in overrides if override in OF_A_CHOICE]
    further = [draw(key(name, values)) for keys in chosen for name, values in keys.items()]
    return script, [*overrides, *further]


ACCEPTED = 77
"""The exit code of a run that is stopped where everything is built and nothing has run."""


def check_accepted(run):
    script, overrides = run
    stopped = patch.object(RunFolder, "begin", lambda *args, **kwargs: sys.exit(ACCEPTED))
    with tempfile.TemporaryDirectory() as name, stopped:
        done = run_here(script, *overrides, cwd=Path(name))
    assert (done.returncode, done.stderr) == (ACCEPTED, ""), f"{run}\n{done.stderr}{done.stdout}"


@given(sound())
@settings(max_examples=6)
def test_what_has_no_mistake_is_built(run):
    check_accepted(run)


@pytest.mark.slow
@given(sound())
@settings(max_examples=40)
def test_what_has_no_mistake_runs_to_its_end(run):
    with tempfile.TemporaryDirectory() as name:
        done = run_here(run[0], *run[1], cwd=Path(name))
        assert done.returncode == 0, f"{run}\n{done.stderr}{done.stdout}"
        (result,) = Path(name).rglob("result.json")
        assert json.loads(result.read_text())["status"] == "finished"
