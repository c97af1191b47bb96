"""Fixtures of several test files, and how hypothesis runs."""

import contextlib
import http.server
import threading

import pytest
from hypothesis import settings

settings.register_profile("tests", deadline=None, derandomize=True, database=None)
settings.load_profile("tests")


@pytest.fixture(autouse=True)
def _as_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed is as wide as in a file, wherever the tests run."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No figures from runs in this process, which spares most of the time of small ones."""
    monkeypatch.setattr("pinnspectra.show.figures.of_runs.draw", lambda *_: True)
    monkeypatch.setattr("pinnspectra.show.tables.collect.comparison_figures", lambda _: {})
    monkeypatch.setattr("pinnspectra.show.report.report", lambda _: None)


@pytest.fixture
def answering():
    """A server that gives every request a status, after so many seconds, and an answer to it.

    Its address.
    """
    servers, closed = [], threading.Event()

    def start(status, seconds=0, answer=lambda body: b"{}"):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                closed.wait(seconds)
                answered = answer(body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answered)))
                self.end_headers()
                self.wfile.write(answered)

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
