"""What systemd is told, over a real datagram socket."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from bot.systemd import Notifier


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket as systemd has one, and its address in NOTIFY_SOCKET."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@test-{uuid4().hex}"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(address.replace("@", "\0", 1))
        listening.settimeout(0)
        yield listening, address


def heard(listening: socket.socket) -> list[str]:
    """Everything that was said so far."""
    messages = []
    while True:
        try:
            messages.append(listening.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_ready_once_alive_at_each_turn(listener: tuple[socket.socket, str]) -> None:
    """The first turn says that the service is up; a status is said when it changes."""
    listening, address = listener
    notifier = Notifier(address)
    notifier.turned()
    notifier.status("well")
    notifier.status("well")
    notifier.turned()
    notifier.status("broken: mongodb")
    notifier.stopping()
    assert heard(listening) == [
        "READY=1\nWATCHDOG=1",
        "STATUS=well",
        "WATCHDOG=1",
        "STATUS=broken: mongodb",
        "STOPPING=1\nSTATUS=stopping",
    ]


def test_a_full_queue_holds_nothing_up(listener: tuple[socket.socket, str]) -> None:
    """When systemd does not listen for a while, what it misses is dropped."""
    listening, address = listener
    notifier = Notifier(address)
    for _ in range(5_000):
        notifier.turned()
    assert 0 < len(heard(listening)) < 5_000
    notifier.turned()
    assert heard(listening) == ["WATCHDOG=1"]


def test_what_was_not_heard_is_said_again(tmp_path: Path) -> None:
    """That the service is up, and how it is."""
    address = str(tmp_path / "late")
    notifier = Notifier(address)
    notifier.turned()
    notifier.status("well")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(address)
        listening.settimeout(0)
        notifier.turned()
        notifier.status("well")
        notifier.turned()
        notifier.status("well")
        assert heard(listening) == ["READY=1\nWATCHDOG=1", "STATUS=well", "WATCHDOG=1"]


@pytest.mark.parametrize("address", [None, "", "/nowhere/at/all", "@nobody-listens-here"])
def test_nobody_listens(address: str | None) -> None:
    """That is no trouble."""
    notifier = Notifier(address)
    notifier.turned()
    notifier.status("well")
    notifier.stopping()


UNIT = Path(__file__).resolve().parents[2] / "config" / "feedback-bot.service"
ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze (Debian: systemd)")
def test_the_unit_leaves_little_of_the_machine_to_the_service() -> None:
    """By systemd's own measure, where 0 is nothing and 10 everything."""
    command = [str(ANALYZE), "security", "--offline=true", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    level = re.search(r"Overall exposure level for feedback-bot\.service: ([\d.]+)", done.stdout)
    assert level is not None, done.stderr
    assert float(level[1]) <= 2.5
