"""W&B: a resumed run goes on in its own; whatever the server does, the run goes on, offline.

It says so once and does not wait long. What a run logs is in test_train.py and test_dashboard.py.
"""

import json
import signal
import time
from unittest.mock import Mock

import numpy as np
import pytest
from forks import Forks
from pytorch_lightning import Trainer
from scripts import SMALL, run_folders, run_here, run_script
from wandb_records import logged

from pinnspectra.runs.files import read_metrics
from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.record import Run
from pinnspectra.runs.signals import Interrupted
from pinnspectra.show.dashboard import tables
from pinnspectra.training import wandb_run

KEY = "0" * 40
RUN = (*SMALL, "callbacks=[]", "logger=[csv,wandb]")


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ((401,), KEY),
        *(
            pytest.param(answer, key, marks=pytest.mark.slow)
            for answer, key in (
                *((answer, KEY) for answer in ((500,), (404,), (200,), (200, 600), None)),
                (None, "short"),
            )
        ),
    ],
)
def test_a_server_that_refuses_fails_is_slow_or_is_not_there_is_said_once_in_a_sweep(
    tmp_path, answering, answer, key
):
    address = answering(*answer) if answer else "http://127.0.0.1:9"
    online = {"WANDB_API_KEY": key, "WANDB_BASE_URL": address, "WANDB_MODE": "online"}
    started = time.monotonic()
    done = run_script("train.py", "-m", "seed=0,1", *RUN, cwd=tmp_path, **online)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started < 60  # of which 10 are waiting
    (said,) = [line for line in (done.stdout + done.stderr).splitlines() if "W&B" in line]
    assert "wandb sync" in said
    assert "Traceback" not in done.stdout + done.stderr
    folders = run_folders(tmp_path)
    assert len(folders) == 2
    for folder in folders:
        assert json.loads((folder / "result.json").read_text())["status"] == "finished"
        (offline,) = folder.glob("wandb/offline-run-*/*.wandb")
        assert offline.stat().st_size > 1000


def raising(error):
    """What fails whenever it is called."""
    return Mock(side_effect=error)


def folder_at(path):
    return RunFolder(path, "poisson1d", "ad", "0" * 16)


def test_a_logger_that_fails_on_the_way_is_said_once_and_left_alone(tmp_path, caplog):
    died = Mock()  # W&B's own process
    died.log = died.config.update = raising(ConnectionResetError("connection lost"))
    logger = wandb_run.WandbRun(died, folder_at(tmp_path), None)
    for step in range(3):
        logger.log_metrics({"loss": 1.0}, step=step)
    logger.log_hyperparams({"seed": 0})
    logger.log_histogram("eigenvalues", np.ones(3), step=3)
    logger.log_outcome()
    logger.finalize("success")
    (record,) = caplog.records
    assert "connection lost" in record.getMessage()


def test_a_run_that_cannot_be_started_even_offline_is_said_and_nothing_more(
    tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr("wandb.init", raising(OSError("no space left")))
    monkeypatch.setenv("WANDB_MODE", "offline")
    logger = wandb_run.wandb_logger(folder_at(tmp_path))
    logger.log_metrics({"loss": 1.0}, step=0)
    (record,) = caplog.records
    assert "no space left" in record.getMessage()


def test_what_cannot_be_sent_at_the_end_is_said(caplog, monkeypatch):
    import wandb  # noqa: F401  else there is nothing to end

    for name in ("wandb.finish", "wandb.teardown"):
        monkeypatch.setattr(name, raising(TimeoutError("10 seconds\nare over")))
    wandb_run.finish(0)
    (record,) = caplog.records
    assert record.getMessage().endswith("10 seconds are over")


def test_a_histogram_is_of_finite_values_and_of_some(tmp_path):
    run = Mock()
    logger = wandb_run.WandbRun(run, folder_at(tmp_path), None)
    logger.log_histogram("h", np.array([np.inf, np.nan]), step=0)
    logger.log_histogram("h", np.array([np.inf, 1.0, 2.0, np.nan]), step=10)
    (logged_once,) = run.log.call_args_list
    assert logged_once.kwargs["step"] == 10
    assert sum(logged_once.args[0]["h"].histogram) == 2


def test_large_spectra_are_thinned_to_a_table_that_keeps_both_ends(tmp_path):
    steps, members, n = np.arange(0, 300, 10), 7, 400
    eigenvalues = np.exp(-np.arange(n)) + np.zeros((30, members, n))
    np.savez(
        tmp_path / "spectra.npz", steps=steps, eigenvalues=eigenvalues,
        singular_values=eigenvalues**0.5, effective_cutoff=np.ones((30, members)),
        truncated_entropy=np.ones((30, members)), floor=np.ones((members, n)),
    )  # fmt: skip
    rows = tables.spectra_rows(Run(tmp_path, "run", {"method": "ad", "members": [{}] * members}))
    assert 5_000 < len(rows) <= tables.ROWS
    member, step, index, *_ = map(set, zip(*rows, strict=True))
    assert {0, 290} <= step
    assert {1, 2, 3, 4, 5, 400} <= index
    assert {0, 6} <= member


RESUMED = (
    "model.width=8", "points.per_axis=12", "max_steps=60", "log_every=10", "spectrum.every=10",
    "checkpoint.every=20", "callbacks=[spectrum]", "logger=[csv,wandb]", "ensemble.size=3",
)  # fmt: skip


def medians(folder):
    """The medians over three members of what metrics.csv has, by name."""
    metrics = Run(folder, folder.name).metrics
    return {name: np.median(v, axis=-1).tolist() for name, v in metrics.items() if v.ndim == 2}


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """The folder of a run that has a checkpoint of step 20, and W&B's rows to step 40.

    It ends as by SIGTERM, and with what SIGKILL leaves: step 40 is not saved.
    """
    save = Trainer.save_checkpoint

    def stopped(self, path, *args, **kwargs):
        if path.name == "step=40.ckpt":
            raise Interrupted(signal.SIGTERM, agreed=True)
        save(self, path, *args, **kwargs)

    monkeypatch.setenv("WANDB_MODE", "offline")
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "save_checkpoint", stopped)
        assert run_here("train.py", *RESUMED, cwd=tmp_path).returncode == 128 + signal.SIGTERM
    (folder,) = run_folders(tmp_path)
    assert [path.name for path in (folder / "checkpoints").glob("step=*.ckpt")] == ["step=20.ckpt"]
    time.sleep(1 - time.time() % 1)  # W&B names the folder of a start by its second
    return folder


@pytest.mark.usefixtures("undrawn")
def test_a_resumed_run_goes_on_in_its_wandb_run_and_logs_no_step_twice(tmp_path, interrupted):
    assert run_here("train.py", *RESUMED, cwd=tmp_path).returncode == 0
    first, second = logged(interrupted)
    assert first.run["run_id"] == second.run["run_id"]
    assert first.run["resume"]
    assert second.run["resume"]
    assert first.steps == [0, 10, 20, 30, 40]
    assert second.steps == [50, 60]
    assert {"spectra._type", "curves._type"} <= second.rows[-1].keys()
    loss = [row["loss"] for run in (first, second) for row in run.rows]
    assert loss == medians(interrupted)["loss"]


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_a_run_that_was_killed_after_its_last_step_has_its_tables(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert run_here("train.py", *RESUMED, cwd=tmp_path).returncode == 0
    (folder,) = run_folders(tmp_path)
    (folder / "result.json").unlink()
    time.sleep(1 - time.time() % 1)
    assert run_here("train.py", *RESUMED, cwd=tmp_path).returncode == 0
    second = logged(folder)[1]
    assert second.steps == [61]
    assert {"spectra._type", "curves._type"} <= second.rows[-1].keys()


@pytest.mark.usefixtures("undrawn")
def test_what_a_killed_run_had_not_given_to_wandb_is_made_good_from_metrics_csv(
    tmp_path, interrupted
):
    (file,) = interrupted.glob("wandb/offline-run-*/*.wandb")
    file.write_bytes(file.read_bytes()[:7])  # as W&B leaves it that had not yet written
    assert run_here("train.py", *RESUMED, cwd=tmp_path).returncode == 0
    second = logged(interrupted)[1]
    assert second.steps == [*range(0, 61, 10)]
    for name, values in medians(interrupted).items():
        assert [row[name] for row in second.rows] == values


@pytest.fixture
def started(monkeypatch):
    """What W&B runs were started with; the mode is asked for anew, before and after."""
    started = []
    monkeypatch.setattr("wandb.init", lambda **given: started.append(given) or Mock())
    wandb_run.reachable_mode.cache_clear()
    yield started
    wandb_run.reachable_mode.cache_clear()


def test_a_run_that_is_made_anew_is_a_new_wandb_run(tmp_path, monkeypatch, started):
    monkeypatch.setenv("WANDB_MODE", "offline")
    for resumed in (False, True, False, True):
        wandb_run.wandb_logger(folder_at(tmp_path), resumed)
    first, again, anew, anew_again = [given["id"] for given in started]
    assert first == again != anew == anew_again


def test_a_run_that_began_offline_and_is_not_synced_goes_on_offline(tmp_path, monkeypatch, started):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setattr(wandb_run, "has_account", lambda: True)
    wandb_run.wandb_logger(folder_at(tmp_path))
    name = started[0]["id"]
    log = tmp_path / "wandb" / f"offline-run-20260101_000000-{name}" / f"run-{name}.wandb"
    log.parent.mkdir(parents=True)
    for file in (log, log.with_name(f"{log.name}.synced")):  # as wandb sync leaves it
        file.touch()
        wandb_run.wandb_logger(folder_at(tmp_path), resumed=True)
    assert [given["mode"] for given in started] == ["online", "offline", "online"]


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_is_one_wandb_run_with_every_row_once(tmp_path):
    forks = Forks()
    overrides = (
        *RESUMED,
        "ensemble.size=1",
        "max_steps=20000",
        "checkpoint.every=500",
        "compile=false",
    )
    code, kills = None, 0
    while code != 0:
        after = 4.0 if kills < 3 else None
        code = forks.run("train.py", *overrides, "log_every=500", "spectrum.every=5000",
                         cwd=tmp_path, after=after)  # fmt: skip
        kills += code == -signal.SIGKILL
        assert code in (0, -signal.SIGKILL)
    forks.close()
    assert kills
    (folder,) = run_folders(tmp_path)
    runs = logged(folder)
    metrics = read_metrics(folder / "metrics.csv")
    assert len({run.run["run_id"] for run in runs if run.records}) == 1
    assert [step for run in runs for step in run.steps] == metrics["step"].tolist()
