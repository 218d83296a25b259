"""Whose data are backed up, and by whom."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.cli import main
from bot.services.health import doctor_machine
from tests.unit.store.backups.test_archive import write


@pytest.mark.parametrize("has_name", [True, False])
@pytest.mark.parametrize("command", ["backup", "restore"])
def test_somebody_else_is_told_as_whom(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    *,
    has_name: bool,
) -> None:
    """Root would leave files behind that the service cannot use."""
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MONGO_URL", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=10")
    if command == "restore":
        write(tmp_path / "b.zip")
    monkeypatch.setattr(doctor_machine.os, "geteuid", lambda: os.getuid() + 1)  # type: ignore[attr-defined]

    def owner(_: Path) -> str:
        if not has_name:
            raise KeyError
        return "athletics"

    monkeypatch.setattr(Path, "owner", owner)
    assert main([command, "b.zip"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    who = "athletics; run this as that user, with sudo -u athletics" if has_name else f"user {os.getuid()};"
    assert line.startswith(f"error: DATA_DIR: data belongs to {who}")
