"""`health`, by which containers learn whether the service is well."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bot.app.instance_lock import journal_file
from bot.cli import main
from bot.cli.installation import container
from bot.store.inbox.journal_connection import take


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """What `/healthz` says."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status":"ok"}')

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def serving() -> Iterator[int]:
    """A port at which a bot seems to answer."""
    with HTTPServer(("127.0.0.1", 0), _Healthy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without settings of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def test_with_http_it_answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where another program answers, or none, the service is not well."""
    monkeypatch.setenv("HTTP_TOKEN", "t" * 32)
    monkeypatch.setenv("HTTP_HOST", "127.0.0.1")
    with serving() as port:
        monkeypatch.setenv("HTTP_PORT", str(port))
        assert main(["health"]) == 0
        assert capsys.readouterr().out == f"the service at 127.0.0.1:{port} answers\n"
    assert main(["health"]) == 1
    assert capsys.readouterr().err.startswith(
        f"error: no service answers at 127.0.0.1:{port}; `run` starts it"
    )
    monkeypatch.setattr(container, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", port)):  # it takes the connection, and says nothing
        assert main(["health"]) == 1


def test_without_http_it_holds_its_directory(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As `run` does: its journal is locked."""
    assert main(["health"]) == 1
    assert capsys.readouterr().err == f"error: no service runs on {place / 'data'}; `run` starts it\n"
    (place / "data").mkdir()
    lock = take(journal_file(place / "data"))
    assert main(["health"]) == 0
    lock.release()
