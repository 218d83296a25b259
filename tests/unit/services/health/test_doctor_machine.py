"""What is looked at on this machine."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bot.services.health.doctor_machine import (
    is_ours,
    is_short_lived,
    look_at_data_dir,
    look_at_port,
    machine_zone,
)
from tests.support.processes import HOST, free_port


async def test_who_has_the_port() -> None:
    """Free, another program's, and an address that is not this machine's."""
    assert await look_at_port(HOST, free_port()) == ("free", "")
    server = await asyncio.start_server(lambda _, writer: writer.close(), HOST, 0)
    async with server:
        assert await look_at_port(HOST, server.sockets[0].getsockname()[1]) == ("taken", "")
    state, reason = await look_at_port("192.0.2.1", 8080)
    assert (state, bool(reason)) == ("unusable", True)


async def test_an_answer_in_pieces_is_read_to_its_end() -> None:
    """The head of an HTTP answer may come long before its body."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in (b"HTTP/1.1 200 OK\r\n\r\n", b'{"status":', b'"ok"}'):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        assert await look_at_port(HOST, server.sockets[0].getsockname()[1]) == ("ours", "")


def test_a_data_dir_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """It can be made below a directory, and not below a file; root makes it for nobody."""
    absent = tmp_path / "new" / "data"
    found, is_usable = look_at_data_dir(absent)
    assert (is_usable, [finding.level for finding in found][:1]) == (True, ["ok"])
    assert "is not there yet" in found[0].message
    assert not (tmp_path / "new").exists()
    assert is_ours(absent) == (os.geteuid() != 0)
    (tmp_path / "file").write_text("")
    found, is_usable = look_at_data_dir(tmp_path / "file" / "data")
    assert (is_usable, [finding.level for finding in found]) == (False, ["FAIL"])


def test_a_data_dir_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner could not use what is made there."""
    assert is_ours(tmp_path)
    assert [finding.check for finding in look_at_data_dir(tmp_path)[0]] == ["data", "disk"]
    uid = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    assert not is_ours(tmp_path)
    *_, last = look_at_data_dir(tmp_path)[0]
    assert (last.level, last.check) == ("warn", "data")
    assert f"sudo -u {tmp_path.owner()} " in (last.cure or "")


def test_the_zone_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TZ before the link that the system goes by, before the name that Debian notes; rubbish counts for
    nothing."""
    zones = tmp_path / "zoneinfo" / "Europe"
    zones.mkdir(parents=True)
    (zones / "Madrid").touch()
    localtime, noted = tmp_path / "localtime", tmp_path / "timezone"
    monkeypatch.delenv("TZ", raising=False)
    assert machine_zone(localtime, noted) is None
    noted.write_text("Asia/Tokyo\n", encoding="utf-8")
    assert str(machine_zone(localtime, noted)) == "Asia/Tokyo"
    localtime.touch()  # a copy tells no name
    assert str(machine_zone(localtime, noted)) == "Asia/Tokyo"
    localtime.unlink()
    localtime.symlink_to(zones / "Madrid")
    assert str(machine_zone(localtime, noted)) == "Europe/Madrid"
    monkeypatch.setenv("TZ", ":America/Lima")
    assert str(machine_zone(localtime, noted)) == "America/Lima"
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    assert str(machine_zone(localtime, noted)) == "Europe/Madrid"


def test_a_data_dir_that_goes_with_each_restart(tmp_path: Path) -> None:
    """On a platform, and on the disk of the root; a volume of its own, or another machine, lasts."""
    heroku = {"DYNO": "worker.1"}
    assert is_short_lived(tmp_path / "not" / "yet", heroku, root=tmp_path) == "Heroku"
    assert is_short_lived(tmp_path, {}, root=tmp_path) is None
    assert is_short_lived(tmp_path, heroku, root=Path("/proc")) is None
