"""What is on disk, on each system."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from bot import durable

FULL = 51
"""F_FULLFSYNC of macOS."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the system is asked to do; it does nothing."""
    made: list[object] = []
    monkeypatch.setattr(os, "fsync", lambda file: made.append(("fsync", file)))
    monkeypatch.setattr(fcntl, "fcntl", lambda file, call: made.append((call, file)))
    return made


def test_on_linux(calls: list[object]) -> None:
    """`fsync` does it."""
    durable.sync(7, full=None)
    assert calls == [("fsync", 7)]


def test_on_macos(calls: list[object]) -> None:
    """Its `fsync` would leave it in the disk's cache."""
    durable.sync(7, full=FULL)
    assert calls == [(FULL, 7)]


def test_a_file_system_that_cannot(calls: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Then `fsync` is all there is."""

    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    durable.sync(7, full=FULL)
    assert calls == [("fsync", 7)]


def test_here(tmp_path: Path) -> None:
    """For real."""
    with (tmp_path / "file").open("w") as file:
        file.write("x")
        durable.sync(file.fileno())
    durable.sync_folder(tmp_path)
