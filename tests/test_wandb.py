"""Whatever W&B's server does, the run goes on, offline, says so once and does not wait long."""

import contextlib
import http.server
import json
import threading
import time

import pytest
from pytorch_lightning.loggers import WandbLogger
from scripts import SMALL, run_folders, run_script

from pinnspectra.training import wandb_run

KEY = "0" * 40
RUN = (*SMALL, "callbacks=[]", "logger=[csv,wandb]")


@pytest.fixture
def answering():
    """A server that gives every request the same status, after so many seconds; its address."""
    servers, closed = [], threading.Event()

    def start(status, seconds=0):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                closed.wait(seconds)
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_PUT = do_POST  # noqa: N815

            def log_message(self, *args):
                pass

            def handle(self):
                with contextlib.suppress(OSError):  # whoever asked has gone
                    super().handle()

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    closed.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def assert_offline(cwd, address, key=KEY, jobs=1):
    sweep = ("-m", f"seed={','.join(map(str, range(jobs)))}") if jobs > 1 else ()
    started = time.monotonic()
    done = run_script(
        "train.py", *sweep, *RUN, cwd=cwd, WANDB_API_KEY=key, WANDB_BASE_URL=address,
        WANDB_MODE="online",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started < 60  # of which 10 are waiting
    said = [line for line in (done.stdout + done.stderr).splitlines() if "W&B" in line]
    assert len(said) == 1, said
    assert "logged offline (`wandb sync` sends it)" in said[0]
    assert "Traceback" not in done.stdout + done.stderr
    folders = run_folders(cwd)
    assert len(folders) == jobs
    for folder in folders:
        assert json.loads((folder / "result.json").read_text())["status"] == "finished"
        (offline,) = folder.glob("wandb/offline-run-*/*.wandb")
        assert offline.stat().st_size > 1000


def test_a_refused_key_is_said_once_in_a_sweep_and_the_runs_are_offline(tmp_path, answering):
    assert_offline(tmp_path, answering(401), jobs=2)


@pytest.mark.slow
def test_a_key_that_cannot_be_one_is_said(tmp_path):
    assert_offline(tmp_path, "http://127.0.0.1:9", key="short")


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer", [(500, 0), (404, 0), (200, 0), (200, 600), None], ids=lambda a: str(a)
)
def test_a_server_that_fails_is_slow_or_is_not_there_does_not_stop_a_run(
    tmp_path, answering, answer
):
    assert_offline(tmp_path, "http://127.0.0.1:9" if answer is None else answering(*answer))


class Broken(wandb_run._Logger):
    """As where W&B's own process has died: nothing reaches it."""

    def __init__(self):
        WandbLogger.__init__(self, mode="disabled")

    @property
    def experiment(self):
        raise ConnectionResetError("connection lost")


def test_a_logger_that_fails_on_the_way_is_said_once_and_left_alone(caplog):
    logger = Broken()
    for step in range(3):
        logger.log_metrics({"loss": 1.0}, step=step)
    logger.log_hyperparams({"seed": 0})
    logger.finalize("success")
    (record,) = caplog.records
    assert record.getMessage() == "W&B logs no more of this run: connection lost"


def test_what_cannot_be_sent_at_the_end_is_said(caplog, monkeypatch):
    import wandb

    def finish():
        raise TimeoutError("10 seconds\nare over")

    monkeypatch.setattr(wandb, "finish", finish)
    monkeypatch.setattr(wandb, "teardown", finish)
    wandb_run.finish()
    (record,) = caplog.records
    assert record.getMessage().startswith("W&B was not given all of this run")
    assert record.getMessage().endswith("10 seconds are over")
