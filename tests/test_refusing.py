"""Whatever is wrong with the overrides: one line, exit code 1, nothing written. No good one is."""

import json
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts import run_here

from pinnspectra.runs.folder import RunFolder

ACCEPTED = 77
"""The exit code of a run that is stopped where everything is built and nothing has run."""


def refused(script, *overrides):
    """Run what has a mistake; what it says."""
    with tempfile.TemporaryDirectory() as name:
        done = run_here(script, *overrides, cwd=Path(name))
        left = sorted(str(path.relative_to(name)) for path in Path(name).rglob("*"))
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines)) == (1, 1), f"{overrides}\n{done.stderr}{done.stdout}"
    assert lines[0].startswith("error: ")
    assert len(lines[0]) > len("error: ") + 5
    assert done.stdout == ""
    assert left == []
    return lines[0]


def accepted(script, *overrides):
    """Run what has none, until everything is built."""
    stopped = patch.object(RunFolder, "begin", lambda *args, **kwargs: sys.exit(ACCEPTED))
    with tempfile.TemporaryDirectory() as name, stopped:
        done = run_here(script, *overrides, cwd=Path(name))
    assert done.returncode == ACCEPTED, f"{overrides}\n{done.stderr}{done.stdout}"
    assert done.stderr == ""


def any_of(*values):
    return st.sampled_from(values)


def at_random(*choices):
    """One of several strategies, or of values."""
    return st.one_of(c if isinstance(c, st.SearchStrategy) else st.just(c) for c in choices)


WORDS = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=3, max_size=12).map(lambda w: f"q{w}")
NO_NUMBER = any_of(
    "abc", "nan", "-inf", "inf", "''", "null", "[1]", "[]", "{a: 1}", "'1'", "1e", "0x", "1,",
    "--1", "1 2", "日", "'\\t'", "???", "${nothing}", "${oc.env:NO_SUCH_VARIABLE}", "${seed",
    "!!int",
)  # fmt: skip
NO_INTEGER = at_random(NO_NUMBER, "true", "1.5", "2.0", "1e3", "-1", "-100000000000000000000")
HUGE = any_of(10**12, 10**15, 10**18, 10**30, 10**400)
SHORT = any_of("", "fd,", "{", "[1,", "'", '"', "${", "}", "(", "a=b", "\\", ",")


def key(name, values):
    return values.map(lambda value: f"{name}={value}")


COMMON = [
    *(key(k, at_random(NO_INTEGER, "0")) for k in ("model.width", "points.per_axis", "threads")),
    *(key(k, HUGE) for k in ("model.width", "points.per_axis", "threads")),
    key("points.per_axis", any_of("1", "true", "-3")),
    key("seed", at_random(NO_INTEGER, str(2**32), HUGE.filter(lambda n: n > 2**32))),
    *(key(k, at_random(NO_NUMBER, "0", "-1", "true")) for k in
      ("boundary_weight", "model.weight_range", "preset.step", "preset.learning_rate")),
    key("points.spacing", at_random(NO_NUMBER, "0", "-1", "0.5", "1e300")),
    key("model.activation", at_random(WORDS, "1", "null", "[sin]", "{a: sin}", "SIN")),
    key("model.initialization", at_random(WORDS, "2", "null")),
    key("precision", at_random(WORDS, "float16", "32", "null", "[float32]", "true")),
    *(key(k, at_random(WORDS, "null", "[]", "../x", "1", "a/b"))
      for k in ("pde", "method", "model")),
    key("pde.lower", any_of("[]", "[nan]", "[1,2,3]", "[2]", "[0.5]", "x", "null", "[-inf]")),
    key("retry", at_random(WORDS, "1", "true")),
    st.tuples(WORDS, any_of("1", "x", "null", "{a: 1}")).map("=".join),
    st.tuples(st.just("+"), WORDS, any_of("=1", "=x", "={a: 1}")).map("".join),
    st.tuples(any_of("model", "points", "spectrum", "preset", "method", "pde"), WORDS).map(
        lambda parts: f"{parts[0]}.{parts[1]}=1"
    ),
    st.tuples(any_of("model", "points", "spectrum", "preset", "method", "pde"), WORDS).map(
        lambda parts: f"+{parts[0]}.{parts[1]}=1"
    ),
    st.tuples(WORDS, any_of("hydra/", "hydra.", "hydra.job.", "hydra.run.")).map(
        lambda parts: f"{parts[1]}{parts[0]}=1"
    ),
    any_of("~model.width", "~points", "~pde", "~seed", "~precision", "~method", "~nothing",
           "~spectrum.cutoff", "~points.per_axis", "~model"),
    any_of("model.width.x=1", "seed.x=1", "model=5", "points=3", "points=null",
           "spectrum=1", "preset=[]", "model.width={x: 1}"),
    key("hydra.mode", WORDS),
    key("hydra/launcher", at_random(WORDS, "null")),
    key("hydra/job_logging", WORDS),
    key("hydra.run.dir", any_of("null", "'\\0'", "[1]", "${nothing}", "???")),
    key("hydra.verbose", any_of("{a: 1}")),
    key("hydra.searchpath", any_of("5", "[5]", "x")),
    key("model.width", SHORT),
    any_of("=", "=1", "model.width", "1=2", "@", "a b", "+", "~", "model..width=1", ".=1", "日=1",
           "model.width =1", " =", "'", "%", "model[0]=1", "--nothing", "-z", "--cfg=x"),
    st.text(max_size=15).filter(lambda t: "\0" not in t and not t.isspace() and not GOOD_FLAG(t)),
]  # fmt: skip


def GOOD_FLAG(text):
    """What Hydra takes without an override, and what resumes."""
    return text in ("", "-h", "-c", "-r", "-m", "-p") or text.startswith(("-", "resume="))


TRAIN = [
    *(key(k, at_random(NO_INTEGER, "0", 10**13))
      for k in ("max_steps", "log_every", "spectrum.every")),
    key("checkpoint.every", at_random("0", "-1", "1.5", "abc", 10**13)),
    key("ensemble.size", at_random(NO_INTEGER, "0", HUGE)),
    key("ensemble.lr", any_of("[]", "1", "[0]", "[nan]", "[1e-3,x]", "[inf]", "x", "[-1]")),
    key("optimizer.lr", at_random(NO_NUMBER, "0", "-1e-3", "true")),
    key("optimizer.momentum", at_random(NO_NUMBER.filter("null".__ne__), "-1", "1", "2")),
    key("spectrum.cutoff", at_random(NO_NUMBER, "1", "-1e-3", "2", "auto", "true")),
    key("spectrum.leading", at_random("0", "-1", "x", "1.5", "true", "[1]")),
    key("spectrum.dtype", at_random(WORDS, "float32", "null", "1")),
    key("compile", at_random(WORDS, "1", "null", "[true]")),
    key("callbacks", at_random("[nothing]", "[spectrum,nothing]", "nothing", "[1]")),
    key("logger", at_random("[nothing]", "[wandb]", "[]", "null", "nothing")),
    key("optimizer", at_random(WORDS, "null", "[sgd,adam]")),
    key("schedule", at_random(WORDS, "null")),
    key("trainer.accelerator", at_random(WORDS, "1")),
    key("trainer.devices", any_of("x", "-5", "0", "[]")),
    any_of("+trainer.precision=16", "+trainer.max_steps=3", "+trainer.nothing=1", "~optimizer.lr",
           "+callbacks.x.every=3", "+callbacks.x={}", "+logger.x=1", "callbacks.spectrum.every=0",
           "callbacks.spectrum.every=nan", "+callbacks.spectrum.cutoff=0.1"),
]  # fmt: skip
SOLVE = [
    key("spectrum.cutoff", at_random(NO_NUMBER.filter("null".__ne__), "1", "-1", "high", "true")),
    key("boundary_rows", at_random(WORDS, "1", "null", "[true]")),
    key("optimizer.lr", any_of("1")),
    key("max_steps", any_of("5")),
]
PAIRS = [
    key("method.step", at_random(NO_NUMBER, "0", "-1", "true", "1e200", "1e-300")).map(
        lambda o: ("method=fd", o)
    ),
    key("method.accuracy_order", at_random(NO_INTEGER, "1", "3", "8", "0", HUGE)).map(
        lambda o: ("method=fd", o)
    ),
    key("method.renew_every", at_random(NO_INTEGER, "0")).map(lambda o: ("method=fd", o)),
    key("method.step", at_random("0.5", "x", "0", "auto")).map(lambda o: ("method=fd_grid", o)),
    key("model.depth", at_random(NO_INTEGER, "0", HUGE)).map(lambda o: ("model=mlp", o)),
    st.just(("pde=biharmonic", "method=fd_grid", "points.per_axis=4")),
]

SMALL = st.tuples(
    key("model.width", st.integers(3, 12)), key("points.per_axis", st.integers(8, 16))
)
"""What stands beside a mistake, so that nothing but it is the reason."""


@st.composite
def mistakes(draw):
    """A script and overrides with a mistake among them."""
    script = draw(any_of("train.py", "rfm_solve.py"))
    own = TRAIN if script == "train.py" else SOLVE
    bad = draw(st.one_of(st.one_of(*own, *COMMON).map(lambda o: (o,)), *PAIRS))
    keys = {o.split("=")[0] for o in bad}
    beside = [o for o in draw(SMALL) if o.split("=")[0] not in keys]
    first = draw(st.booleans())
    return script, [*bad, *beside] if first else [*beside, *bad]


def logger(script, overrides):
    """W&B and its seconds left out, where the loggers are not what is tried."""
    tried = any("logger" in o for o in overrides)
    return ["logger=[csv]"] if script == "train.py" and not tried else []


@given(mistakes())
@settings(max_examples=25)
def test_a_mistake_is_told_in_one_line_and_nothing_is_written(mistake):
    script, overrides = mistake
    refused(script, *overrides, *logger(script, overrides))


@pytest.mark.slow
@given(mistakes())
@settings(max_examples=1000)
def test_a_thousand_mistakes_are_told_in_one_line_and_nothing_is_written(mistake):
    script, overrides = mistake
    refused(script, *overrides, *logger(script, overrides))


def number(low, high):
    return st.floats(low, high).map(repr)


@st.composite
def good(draw):
    """A script and overrides without a mistake, of a small run."""
    script = draw(any_of("train.py", "rfm_solve.py"))
    pde, method = (
        draw(any_of("poisson1d", "poisson2d", "biharmonic")),
        draw(any_of("ad", "fd", "fd_grid", "fd_exact", "nested_autograd")),
    )
    overrides = [
        f"pde={pde}",
        f"method={method}",
        draw(key("precision", any_of("float32", "float64"))),
        draw(key("model.width", st.integers(1, 12))),
        draw(key("points.per_axis", st.integers(5, 12))),
        draw(key("seed", st.integers(0, 2**32 - 10))),
        draw(key("boundary_weight", number(1e-3, 1e3))),
        draw(key("model.activation", any_of("sin", "tanh", "'sin'"))),
        draw(key("threads", any_of(1, 2))),
    ]
    if method in ("fd", "fd_exact"):
        overrides += [draw(key("method.accuracy_order", any_of(2, 4, 6)))]
        overrides += [draw(key("method.step", number(0.05, 0.3)))]
    if draw(st.booleans()):
        overrides += ["model=mlp", draw(key("model.depth", st.integers(1, 3)))]
    else:
        overrides += [draw(key("model.weight_range", number(0.1, 5)))]
        overrides += [draw(key("model.initialization", any_of("uniform", "pytorch")))]
    if script == "rfm_solve.py":
        overrides += [draw(key("boundary_rows", any_of("true", "false")))]
        overrides += [draw(key("spectrum.cutoff", at_random("auto", "0", number(1e-15, 0.9))))]
        return script, overrides
    optimizer = draw(any_of("sgd", "adam", "lbfgs"))
    callbacks = draw(st.lists(any_of("spectrum", "progress"), unique=True).map(",".join))
    overrides += [
        "logger=[csv]",
        "compile=false",
        f"optimizer={optimizer}",
        f"callbacks=[{callbacks}]",
        draw(key("schedule", any_of("constant", "cosine", "exponential", "step"))),
        draw(key("optimizer.lr", number(1e-9, 1e-6))),
        draw(key("max_steps", st.integers(1, 6))),
        draw(key("log_every", any_of(1, 3, 10**12))),
        draw(key("spectrum.every", any_of(1, 3, 10**12))),
        draw(key("spectrum.cutoff", number(0, 0.99))),
        draw(key("spectrum.dtype", any_of("training", "float64"))),
        draw(key("spectrum.leading", any_of("null", 1, 5, 10**12))),
        draw(key("checkpoint.every", any_of("null", 1, 10**12))),
        draw(key("ensemble.size", st.integers(1, 3))),
        draw(key("ensemble.lr", any_of("null", "[1e-7]", "[1e-7,1e-8]"))),
    ]
    if optimizer == "sgd":
        overrides += [draw(key("optimizer.momentum", number(0, 0.99)))]
    return script, overrides


@given(good())
@settings(max_examples=6)
def test_what_has_no_mistake_is_built(run):
    accepted(run[0], *run[1])


@pytest.mark.slow
@given(good())
@settings(max_examples=200)
def test_much_that_has_no_mistake_is_built(run):
    accepted(run[0], *run[1])


@pytest.mark.slow
@given(good())
@settings(max_examples=40)
def test_what_has_no_mistake_runs_to_its_end(run):
    with tempfile.TemporaryDirectory() as name:
        done = run_here(run[0], *run[1], cwd=Path(name))
        assert done.returncode == 0, f"{run}\n{done.stderr}{done.stdout}"
        (result,) = Path(name).rglob("result.json")
        assert json.loads(result.read_text())["status"] == "finished"
