"""Nothing that a configuration names runs unless it is a class of the kind that its place takes."""

import logging
import sys
from functools import partial

import pytest
from scripts import ROOT, run_here, run_script

import pinnspectra.networks
from pinnspectra.command_line.targets import allowed_target
from pinnspectra.networks import AbstractNetwork, TwoLayer
from pinnspectra.runs.messages import SettingsError

RAN = "ran"
"""The file that EVIL leaves in the working folder where it runs."""

EVIL = f"""
import logging
from hydra.experimental.callback import Callback
open({RAN!r}, "w").close()
class Evil(Callback, logging.StreamHandler):
    pass
"""

NAMED = [
    "method._target_=evil.Evil",
    "model.activation={_target_: evil.Evil}",
    "+model.more={_target_: evil.Evil}",
    "+hydra.callbacks.x._target_=evil.Evil",
    "+hydra.callbacks.x={_target_: hydra.experimental.callback.Callback, y: {_target_: evil.Evil}}",
    "+hydra.callbacks.x={_target_: hydra.utils.get_object, path: evil.Evil}",
    "+hydra.callbacks.x=${method}",
    "+hydra.callbacks.x={_target_: '${method._target_}'}",
    "+hydra.callbacks.x=${hydra:job.env_set}",
    "hydra.callbacks.sweep_folder._target_=pinnspectra.runs.folder.os.getcwd",
    "hydra.callbacks.sweep_folder._target_=pinnspectra.show.tables.main",
    "hydra.launcher._target_=evil.Evil",
    "hydra.sweeper._target_=evil.Evil",
    "+hydra.sweeper.sampler._target_=evil.Evil",
    "hydra.job_logging.handlers.console.class=evil.Evil",
    "hydra.job_logging.handlers.console={(): evil.Evil}",
    "hydra.job_logging.handlers.console.stream=ext://evil.Evil",
    "hydra.job_logging.formatters.simple={(): logging.config.fileConfig, fname: evil.ini}",
    "hydra.job_logging.formatters.simple.class=logging.os.system",
    "+hydra.job_logging.filters.x={(): evil.Evil}",
    "hydra.job_logging.handlers.console.class=${hydra:job.name}",
    "hydra.hydra_logging.handlers.console.class=evil.Evil",
    "hydra.searchpath=[pkg://evil]",
    "--config-path=pkg://evil",
    "--experimental-rerun=evil.pickle",
    "--exp=evil.pickle",
]


@pytest.fixture
def evil(tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text(EVIL)
    (tmp_path / "evil.pickle").write_bytes(b"cevil\nEvil\n.")  # pickle's "global": imports it
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("evil", None)


SWEPT = [
    "+hydra.callbacks.x._target_=evil.Evil",
    "hydra.launcher._target_=evil.Evil",
    "hydra.job_logging.handlers.console.class=evil.Evil",
]
"""Those that Hydra would take at a sweep's start or at a job's."""


@pytest.mark.parametrize("overrides", [[n] for n in NAMED] + [["-m", "seed=0,1", n] for n in SWEPT])
def test_what_is_named_is_refused_and_does_not_run(evil, overrides):
    done = run_here("rfm_solve.py", *overrides, "model.width=5", cwd=evil)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith("error: ")
    assert not (evil / RAN).exists()
    assert "evil" not in sys.modules


def test_what_a_file_of_the_users_names_does_not_run_either(evil):
    (evil / "conf" / "hydra" / "callbacks").mkdir(parents=True)
    (evil / "conf" / "hydra" / "callbacks" / "mine.yaml").write_text("x: {_target_: evil.Evil}\n")
    done = run_here("rfm_solve.py", "--config-dir=conf", "hydra/callbacks=mine", cwd=evil)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "hydra.callbacks.x._target_=evil.Evil: not a class of" in done.stderr
    assert not (evil / RAN).exists()


def test_the_evil_class_would_run_where_hydra_is_left_alone(evil):
    # else the tests above would show nothing
    (evil / "app.py").write_text("import hydra\nhydra.main(None, None, '1.3')(lambda c: None)()\n")
    named = "+hydra.callbacks.x._target_=evil.Evil"
    assert run_script(str(evil / "app.py"), named, cwd=evil).returncode == 0
    assert (evil / RAN).exists()


@pytest.mark.parametrize(
    "allowed",
    [
        "+hydra.callbacks.x._target_=hydra.experimental.callback.Callback",
        "+hydra.callbacks.x._target_=hydra.experimental.callbacks.LogJobReturnCallback",
        "hydra.job_logging.handlers.file={class: logging.handlers.RotatingFileHandler, "
        "filename: own.log}",
        "hydra.job_logging.handlers.console.stream=ext://sys.stderr",
        "hydra.launcher._target_=hydra._internal.core_plugins.basic_launcher.BasicLauncher",
        "hydra.searchpath=[file://more]",
        "--config-dir=more",
    ],
)
def test_what_hydra_offers_is_still_taken(tmp_path, allowed):
    (tmp_path / "more").mkdir()
    done = run_here("rfm_solve.py", allowed, "model.width=5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


NETWORK = ["pinnspectra"], [AbstractNetwork]


def test_a_class_is_found_and_one_of_another_kind_refused():
    assert allowed_target("model", "pinnspectra.networks.TwoLayer", *NETWORK) is TwoLayer
    with pytest.raises(SettingsError, match="not a kind of AbstractNetwork"):
        allowed_target("model", "pinnspectra.problems.Poisson", *NETWORK)


@pytest.mark.parametrize("alias", [partial(TwoLayer, 3), TwoLayer(3), TwoLayer(3).field, logging])
def test_what_is_no_class_is_refused(monkeypatch, alias):
    monkeypatch.setattr(pinnspectra.networks, "alias", alias, raising=False)
    with pytest.raises(SettingsError, match=r"not a (class|kind) of"):
        allowed_target("model", "pinnspectra.networks.alias", *NETWORK)


@pytest.mark.parametrize(
    "path", [None, 3, "", "pinnspectra", "pinnspectra.", ".pinnspectra.networks.TwoLayer",
             "pinnspectra..networks", "pinnspectra.networks.", "pinnspectra.\0.x",
             "pinnspectra.a b", "pinnspectrax.networks.TwoLayer",
             "pinnspectra.networks.TwoLayer.field", "x" * 10**6]
)  # fmt: skip
def test_what_is_no_dotted_name_is_refused(path):
    with pytest.raises(SettingsError, match="not a class of pinnspectra"):
        allowed_target("model", path, *NETWORK)


def test_flags_are_shown_and_configurations_too():
    for flag in ("--help", "--version", "--cfg=job"):
        done = run_script("train.py", flag, cwd=ROOT / "tests")
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("flag", ["--foo", "--cfg=x", "--config-name", "-x", "--package"])
def test_an_unknown_flag_is_told_in_one_line(tmp_path, flag):
    done = run_here("train.py", flag, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (1, 1, "")
    assert done.stderr.startswith("error: ")
