"""The embedded MongoDB: real servers, really killed."""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import json
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from bot.core.shared.clock import system_clock
from bot.core.shared.errors import EmbeddedMongoError
from bot.store.embedded import primary
from bot.store.embedded import server as embedded
from bot.store.embedded.access import Access, key_file, read_key
from bot.store.embedded.binary import find_mongod
from bot.store.embedded.server import EmbeddedMongo
from bot.store.embedded.version import FilesVersion, note_version, read_version
from bot.store.probes import look
from bot.tasks import end_tasks
from tests.support.mongo import bare_mongod

_NEIGHBOUR = """
import asyncio, sys
from pathlib import Path
from bot.store.embedded import server
from bot.store.embedded.server import EmbeddedMongo

if len(sys.argv) > 2:
    server._LAUNCHER = server._LAUNCHER.replace("sys.platform", "'darwin'")

async def main():
    async with EmbeddedMongo(Path(sys.argv[1])) as mongo:
        print(mongo.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


class Neighbour:
    """Another process that uses the same data directory until told to leave."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url

    @classmethod
    async def join(cls, data_dir: Path, *, ends_orphans: bool = True) -> Self:
        """Start the process and wait until its MongoDB is there."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _NEIGHBOUR, str(data_dir), *([] if ends_orphans else ["darwin"])),
            stdin=pipe,
            stdout=pipe,
        )
        assert process.stdout is not None
        return cls(process, (await process.stdout.readline()).decode().strip())

    async def leave(self) -> None:
        """Let it end in good order."""
        await self.process.communicate(b"")
        assert self.process.returncode == 0

    async def kill(self) -> None:
        """End it without warning."""
        self.process.kill()
        await self.process.communicate(b"")


def mongods(data_dir: Path) -> list[int]:
    """Ids of the running servers of `data_dir`."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            if f"{data_dir}/mongodb".encode() in arguments and b"-c" not in arguments:
                found.append(int(process.name))
    return found


async def eventually_gone(data_dir: Path) -> None:
    """Wait until no server of `data_dir` runs."""
    deadline = time.monotonic() + 10
    while mongods(data_dir):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def disk_taken(folder: Path) -> int:
    """Bytes of disk below `folder`."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))


async def write(url: str, text: str) -> None:
    """Add a document, durably."""
    async with AsyncMongoClient[dict[str, Any]](url, w="majority", journal=True) as client:
        await client.test.notes.insert_one({"_id": text})


async def read(url: str) -> list[str]:
    """All documents."""
    async with AsyncMongoClient[dict[str, Any]](url) as client:
        return [document["_id"] async for document in client.test.notes.find().sort("_id")]


@asynccontextmanager
async def supervised(mongo: EmbeddedMongo) -> AsyncIterator[asyncio.Task[None]]:
    """Run `supervise` meanwhile."""
    task = asyncio.create_task(mongo.supervise())
    await asyncio.sleep(0.05)
    try:
        yield task
    finally:
        await end_tasks([task], 50)


async def test_restart_keeps_data_and_address(tmp_path: Path) -> None:
    """A second life has the first one's documents and port; nothing runs in between."""
    async with EmbeddedMongo(tmp_path / "deep" / "data") as mongo:
        url = mongo.url
        await write(url, "kept")
        [server] = mongods(tmp_path / "deep" / "data")
        assert os.getsid(server) != os.getsid(0), "Ctrl-C in the terminal must not reach it"
    assert mongods(tmp_path / "deep" / "data") == []
    assert (tmp_path / "deep" / "data").stat().st_mode & 0o777 == 0o700
    async with EmbeddedMongo(tmp_path / "deep" / "data") as mongo:
        assert mongo.url == url
        assert await read(url) == ["kept"]


async def test_a_start_takes_little_disk(tmp_path: Path) -> None:
    async with EmbeddedMongo(tmp_path) as mongo:
        await write(mongo.url, "small")
        assert 2**20 < disk_taken(tmp_path) < 100 * 2**20


async def test_kill_of_the_server_heals(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After `kill -9`, twice in a row, the same address serves the same data, with one warning each."""
    async with EmbeddedMongo(tmp_path) as mongo, supervised(mongo):
        for round_ in ("1", "2"):
            await write(mongo.url, round_)
            [server] = mongods(tmp_path)
            os.kill(server, signal.SIGKILL)
            assert await read(mongo.url) == ["1", "2"][: int(round_)]
        assert mongods(tmp_path) != [server]
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == ["The embedded MongoDB ended (killed by SIGKILL); starting it again"] * 2
    assert mongods(tmp_path) == []


async def test_kill_of_the_owner_takes_the_server_along(tmp_path: Path) -> None:
    """`kill -9` of the bot leaves no orphan, and the next start, at once, has the data."""
    owner = await Neighbour.join(tmp_path)
    await write(owner.url, "kept")
    [orphan] = mongods(tmp_path)
    await owner.kill()
    async with EmbeddedMongo(tmp_path) as mongo:
        assert mongo.url == owner.url
        assert await read(mongo.url) == ["kept"]
        assert orphan not in mongods(tmp_path)
        owner = await Neighbour.join(tmp_path)
        await owner.kill()
        assert await read(mongo.url) == ["kept"], "a guest's death is no matter"


async def test_kill_of_the_owner_leaves_nothing_running(tmp_path: Path) -> None:
    """Without a next start the server ends by itself."""
    owner = await Neighbour.join(tmp_path)
    await owner.kill()
    await eventually_gone(tmp_path)


async def test_a_system_that_ends_no_orphans(tmp_path: Path) -> None:
    """As on macOS: it goes on when its starter is killed; the next start ends it, and has the data."""
    owner = await Neighbour.join(tmp_path, ends_orphans=False)
    await write(owner.url, "kept")
    [orphan] = mongods(tmp_path)
    await owner.kill()
    await asyncio.sleep(0.5)
    assert mongods(tmp_path) == [orphan]
    async with EmbeddedMongo(tmp_path) as mongo:
        assert await read(mongo.url) == ["kept"]
        assert orphan not in mongods(tmp_path)


async def test_guest_and_owner(tmp_path: Path) -> None:
    """A guest shares the server and never stops it; a supervising guest takes over when the owner leaves."""
    owner = await Neighbour.join(tmp_path)
    servers = mongods(tmp_path)
    async with EmbeddedMongo(tmp_path) as guest:
        assert guest.url == owner.url
    assert mongods(tmp_path) == servers
    async with EmbeddedMongo(tmp_path) as guest, supervised(guest):
        await write(guest.url, "kept")
        await owner.leave()
        assert await read(guest.url) == ["kept"]
        assert len(mongods(tmp_path)) == 1
        assert mongods(tmp_path) != servers
    assert mongods(tmp_path) == []


async def test_brief_users_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who runs the server stops it after the last brief user; one that begins then gets a new server."""
    terminate, owner, guest, late, latest = (
        embedded._terminate,
        *(EmbeddedMongo(tmp_path, brief=True) for _ in range(4)),
    )
    begun: list[asyncio.Task[None]] = []

    async def stop(process: asyncio.subprocess.Process) -> None:
        begun.append(asyncio.create_task(latest.start()))
        await asyncio.sleep(0.3)
        assert not begun[0].done()
        await terminate(process)

    monkeypatch.setattr(embedded, "_terminate", stop)
    await owner.start()
    servers = mongods(tmp_path)
    await guest.start()
    leaving = asyncio.create_task(owner.__aexit__(None, None, None))
    await late.start()
    for user in (guest, late):
        assert not begun
        assert mongods(tmp_path) == servers
        await user.__aexit__(None, None, None)
    await leaving
    monkeypatch.setattr(embedded, "_terminate", terminate)
    await begun[0]
    assert mongods(tmp_path) not in ([], servers)
    await latest.__aexit__(None, None, None)
    assert mongods(tmp_path) == []


@pytest.mark.parametrize("reason", ["a lasting guest", "patience", "Ctrl-C", "Ctrl-C later", "it ended"])
async def test_the_server_is_stopped_although_others_use_it(
    reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Lasting users bear it, patience has an end, Ctrl-C means now, and what has ended is not waited for."""
    monkeypatch.setattr(embedded, "_TELL_AFTER", 0.1)
    if reason == "patience":
        monkeypatch.setattr(embedded, "_STAY_FOR", 0.4)
    async with (
        EmbeddedMongo(tmp_path, brief=True) as owner,
        EmbeddedMongo(tmp_path, brief=reason != "a lasting guest"),
    ):
        if reason == "it ended":
            os.kill(mongods(tmp_path)[0], signal.SIGKILL)
        kind = asyncio.CancelledError if reason == "Ctrl-C" else None
        leaving = asyncio.create_task(owner.__aexit__(kind, kind and kind(), None))
        if reason == "Ctrl-C later":
            await asyncio.sleep(0)
            leaving.cancel()
        await asyncio.wait({leaving}, timeout=10)
        assert leaving.done()
        assert mongods(tmp_path) == []
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    expected = "Other commands use this one's embedded MongoDB: waiting for up to 0 s"
    assert told == ([expected] if reason == "patience" else [])


async def test_starts_at_once_share_one_server(tmp_path: Path) -> None:
    """However many processes start together, one of them starts the server and all use it."""
    everyone = await asyncio.gather(*(Neighbour.join(tmp_path) for _ in range(3)))
    assert len({neighbour.url for neighbour in everyone}) == 1
    assert "@127.0.0.1:" in everyone[0].url
    assert len(mongods(tmp_path)) == 1
    await asyncio.gather(*(neighbour.leave() for neighbour in everyone))
    assert mongods(tmp_path) == []


async def test_taken_port(tmp_path: Path) -> None:
    """When somebody else has our port, another is taken and the replica set goes on there."""
    async with EmbeddedMongo(tmp_path) as mongo:
        url = mongo.url
        await write(url, "1")
    port = json.loads((tmp_path / "mongodb" / "server.json").read_text())["port"]
    somebody = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    async with somebody, EmbeddedMongo(tmp_path) as mongo:
        assert mongo.url != url
        await write(mongo.url, "2")
        assert await read(mongo.url) == ["1", "2"]


async def test_move_under_supervision_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the port is lost while the bot runs, its clients cannot follow: the bot must start again."""
    async with EmbeddedMongo(tmp_path) as mongo, supervised(mongo) as supervision:
        port = json.loads((tmp_path / "mongodb" / "server.json").read_text())["port"]
        is_free = embedded._is_free
        monkeypatch.setattr(embedded, "_is_free", lambda candidate: candidate != port and is_free(candidate))
        os.kill(mongods(tmp_path)[0], signal.SIGKILL)
        with pytest.raises(EmbeddedMongoError, match=r"moved from .* start the bot again"):
            await asyncio.wait_for(asyncio.shield(supervision), 50)
        assert await read(mongo.url) == []


async def test_cancelled_start_leaves_nothing(tmp_path: Path) -> None:
    """A start may be cancelled at any moment: no process stays, and the directory is free."""
    for delay in (0.01, 0.1, 0.3):
        mongo = EmbeddedMongo(tmp_path)
        with suppress(TimeoutError):
            await asyncio.wait_for(mongo.start(), delay)
            await mongo.stop()  # it was quicker
        assert mongods(tmp_path) == []
    async with EmbeddedMongo(tmp_path) as mongo:
        assert await read(mongo.url) == []


@pytest.mark.parametrize("moment", ["asking", "closing", "hanging"])
async def test_a_start_that_is_given_up_closes_its_client(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the driver swallows the cancellation, and if it comes while the client is being closed; but a
    goodbye that hangs holds up nobody."""
    reached, go_on, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Client(AsyncMongoClient[Any]):
        async def close(self) -> None:
            if moment != "asking":
                reached.set()
                await go_on.wait()
            await super().close()
            closed.set()

    async def is_primary(admin: Any, _address: str) -> bool:
        await admin.command("ping")
        if moment == "asking":
            reached.set()
            with suppress(asyncio.CancelledError):
                await go_on.wait()
        return moment != "asking"

    async with EmbeddedMongo(tmp_path) as mongo:
        port = int(mongo.address.split(":")[2].split("/")[0])
        monkeypatch.setattr(primary, "AsyncMongoClient", Client)
        monkeypatch.setattr(primary, "_is_primary", is_primary)
        if moment == "hanging":
            monkeypatch.setattr(primary, "_GOODBYE", 0.05)
        access = Access(port, read_key(tmp_path / "mongodb"))
        starting = asyncio.create_task(primary.become_primary(access))
        await reached.wait()
        starting.cancel()
        if moment != "hanging":
            await asyncio.sleep(0.1)
            assert starting.done() == (moment == "asking")
            go_on.set()
        await asyncio.wait({starting}, timeout=5)
        assert starting.cancelled()
        assert closed.is_set() == (moment != "hanging")
        go_on.set()
        await asyncio.wait_for(closed.wait(), 25)


async def test_nobody_gets_in_without_the_key(tmp_path: Path) -> None:
    """No other account of the machine can read it, and nothing that is told of the server has it."""
    async with EmbeddedMongo(tmp_path) as mongo:
        key = read_key(tmp_path / "mongodb")
        assert key in mongo.url
        assert key not in mongo.address
        assert key_file(tmp_path / "mongodb").stat().st_mode & 0o777 == 0o600
        await write(mongo.url, "mine")
        for url in (mongo.address, mongo.url.replace(key, "pw")):
            with pytest.raises(OperationFailure, match=r"requires authentication|Authentication failed"):
                await read(url)
        async with AsyncMongoClient[dict[str, Any]](mongo.url, tz_aware=True) as client:
            server, _ = await look(client.admin, system_clock)
            assert not server.takes_zlib
    async with EmbeddedMongo(tmp_path) as mongo:
        assert read_key(tmp_path / "mongodb") == key
        assert await read(mongo.url) == ["mine"]


async def test_a_directory_of_an_earlier_release_gets_a_password(tmp_path: Path) -> None:
    """Its data stay; as long as the earlier release's server runs, it is used as it is."""
    directory = tmp_path / "mongodb"
    directory.mkdir()
    with bare_mongod(directory, "--replSet", "rs0") as port:
        await primary.become_primary(Access(port, None))
        url = Access(port, None).url
        await write(url, "old")
        async with AsyncMongoClient[dict[str, Any]](url, tz_aware=True) as client:
            pid = (await client.admin.command("serverStatus"))["pid"]
            server, _ = await look(client.admin, system_clock)
            assert server.takes_zlib  # as `doctor` tells
        (directory / "server.json").write_text(json.dumps({"pid": pid, "port": port}))
        with (directory / "owner.lock").open("w") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX)
            async with EmbeddedMongo(tmp_path) as guest:
                assert guest.url == guest.address
                assert await read(guest.url) == ["old"]
    for text in ("new", "newer"):  # at the same port or another one
        async with EmbeddedMongo(tmp_path) as mongo:
            await write(mongo.url, text)
            with pytest.raises(OperationFailure):
                await read(mongo.address)
        (directory / "server.json").unlink()
    async with EmbeddedMongo(tmp_path) as mongo:
        assert await read(mongo.url) == ["new", "newer", "old"]


async def test_a_key_that_was_lost_is_made_anew(tmp_path: Path) -> None:
    """Whoever owns the directory owns its data."""
    async with EmbeddedMongo(tmp_path) as mongo:
        await write(mongo.url, "kept")
        before = mongo.url
    key_file(tmp_path / "mongodb").unlink()
    async with EmbeddedMongo(tmp_path) as mongo:
        assert mongo.url != before
        assert await read(mongo.url) == ["kept"]


async def test_the_address_for_other_programs(tmp_path: Path) -> None:
    """It is that of the server that runs, or ran last; before the first there is none."""
    assert EmbeddedMongo.last_url(tmp_path) is None
    async with EmbeddedMongo(tmp_path) as mongo:
        url = mongo.url
        assert EmbeddedMongo.last_url(tmp_path) == url
    assert EmbeddedMongo.last_url(tmp_path) == url
    key_file(tmp_path / "mongodb").unlink()
    with pytest.raises(EmbeddedMongoError, match="cannot be read"):
        EmbeddedMongo.last_url(tmp_path)


async def test_damaged_state_and_growing_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken state file costs the address only; the log is cut while running, and two old ones are kept."""
    monkeypatch.setattr(embedded, "_LOG_CHECK", 0.05)
    monkeypatch.setattr(embedded, "_LOG_BYTES", 20_000)
    directory = tmp_path / "mongodb"
    directory.mkdir()
    (directory / "server.json").write_text('{"pid": 1, "po')
    for name in ("mongod.log", "mongod.log.1", "mongod.log.2"):
        (directory / name).write_text(f"was {name}")
    async with EmbeddedMongo(tmp_path) as mongo, supervised(mongo):
        await asyncio.sleep(0.5)
        new, old, oldest = sorted(directory.glob("mongod.log*"))
        assert new.name == "mongod.log"
        assert 0 < new.stat().st_size < 20_000 < old.stat().st_size
        assert oldest.read_text() == "was mongod.log"


async def test_start_twice_is_one_start(tmp_path: Path) -> None:
    """Starting what runs changes nothing, and stopping what was not started neither."""
    mongo = EmbeddedMongo(tmp_path)
    await mongo.stop()
    with pytest.raises(RuntimeError):
        _ = mongo.url
    async with mongo:
        servers = mongods(tmp_path)
        await mongo.start()
        assert mongods(tmp_path) == servers


async def test_a_server_started_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A foreign mongod on the directory, and an owner that does not answer, are named after some patience."""
    monkeypatch.setattr(embedded, "_TELL_AFTER", 0.1)
    monkeypatch.setattr(embedded, "_PATIENCE", 0.3)
    directory = tmp_path / "mongodb"
    directory.mkdir()
    lock = directory / "mongod.lock"
    holder = (
        "import fcntl,sys; f=open(sys.argv[1],'w'); fcntl.flock(f,2); print(flush=True); sys.stdin.read()"
    )
    for name, message in ((lock.name, "Another mongod uses"), ("owner.lock", "Another process holds")):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", holder, str(directory / name)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        await process.stdout.readline()
        with pytest.raises(EmbeddedMongoError, match=message):
            await EmbeddedMongo(tmp_path).start()
        await process.communicate(b"")
    (waiting,) = [record.getMessage() for record in caplog.records if "waiting" in record.getMessage()]
    assert waiting.startswith(f"The embedded MongoDB of {directory} does not answer yet: waiting")


async def test_directory_that_cannot_be_used(tmp_path: Path) -> None:
    """A file in the directory's place is named, with the setting to change."""
    (tmp_path / "data").write_text("a file")
    with pytest.raises(EmbeddedMongoError, match=r"data/mongodb cannot be used .*: set DATA_DIR"):
        await EmbeddedMongo(tmp_path / "data").start()


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_python_that_cannot_be_run_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    """It is what starts the server; the data directory is not blamed, and is free again."""
    python = tmp_path / "python"
    if is_there:
        python.write_text("#!/bin/sh\n")  # not executable
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(python))
        with pytest.raises(
            EmbeddedMongoError, match=rf"^{python}, which starts it, cannot be run"
        ) as refused:
            await EmbeddedMongo(tmp_path / "data").start()
    assert "DATA_DIR" not in str(refused.value)
    async with EmbeddedMongo(tmp_path / "data") as mongo:
        assert mongo.url


async def test_data_that_this_version_cannot_open(tmp_path: Path) -> None:
    """mongod's own reason is given, with the path of its log."""
    directory = tmp_path / "mongodb"
    directory.mkdir()
    (directory / "WiredTiger").write_text("WiredTiger 99.0.0")
    (directory / "WiredTiger.wt").write_bytes(b"from the future" * 1000)
    (directory / "WiredTiger.turtle").write_text("WiredTiger version string\nWiredTiger 99.0.0\n")
    (directory / "storage.bson").write_bytes(b"")
    with pytest.raises(EmbeddedMongoError, match=r"cannot start on .*: \w.*\. Its log: .*mongod\.log$"):
        await EmbeddedMongo(tmp_path).start()
    assert mongods(tmp_path) == []


async def test_files_of_a_release_that_it_cannot_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that a Mac's package has written, say: it is told before anything is started on them."""
    async with EmbeddedMongo(tmp_path) as mongo:
        await write(mongo.url, "kept")
    directory = tmp_path / "mongodb"
    assert read_version(directory) == FilesVersion("6.0.5", "6.0")
    note_version(directory, FilesVersion("7.0.28", "7.0"))
    before = (directory / "mongod.log").stat()
    with pytest.raises(EmbeddedMongoError, match=r"are those of MongoDB 7\.0, and .*mongod is 6\.0\.5"):
        await EmbeddedMongo(tmp_path).start()
    assert (directory / "mongod.log").stat() == before

    note_version(directory, FilesVersion("6.0.5", "6.0"))
    newer = tmp_path / "bin" / "mongod"
    newer.parent.mkdir()
    newer.write_text('#!/bin/sh\necho "db version v8.0.17"\n')
    newer.chmod(0o755)
    monkeypatch.setenv("PATH", f"{newer.parent}:{os.environ['PATH']}")
    with pytest.raises(EmbeddedMongoError, match=r"6\.0, and .* is 8\.0\.17.*mongod 6\.0, or of the release"):
        await EmbeddedMongo(tmp_path).start()
    newer.unlink()
    (directory / "version.json").write_text("[")  # nobody knows: it is mongod's to judge
    async with EmbeddedMongo(tmp_path) as mongo:
        assert await read(mongo.url) == ["kept"]
    assert read_version(directory) == FilesVersion("6.0.5", "6.0")


async def test_no_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no mongod, the three ways out are named."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EmbeddedMongoError, match=r"`embedded`.* PATH.* MONGO_URL"):
        await EmbeddedMongo(tmp_path).start()


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (
            b"#!/bin/sh\necho 'mongod: libcrypto.so.3: no such file' >&2\nexit 127\n",
            "libcrypto.so.3: no such file",
        ),
        (b"\x7fELF of another machine", "Exec format error"),
        (b"#!/bin/sh\nkill -ILL $$\n", "killed by SIGILL"),
    ],
)
async def test_binary_that_cannot_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: bytes, reason: str
) -> None:
    """A mongod on the PATH is preferred; if it cannot run, the reason and the cure are given."""
    binary = tmp_path / "mongod"
    binary.write_bytes(program)
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert find_mongod() == binary
    with pytest.raises(
        EmbeddedMongoError, match=rf"mongod does not run on this machine \(.*{reason}.*MONGO_URL"
    ):
        await EmbeddedMongo(tmp_path).start()


@pytest.mark.parametrize(
    ("library", "cure"),
    [
        ("libcurl.so.4", "apt-get install libcurl4"),
        ("libcrypto.so.3", "OpenSSL 3"),
        ("libexotic.so.9", "install the package that brings it, or set MONGO_URL"),
    ],
)
async def test_a_library_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, cure: str
) -> None:
    """The system's loader names it, in glibc's words; the error says how to get it."""
    binary = tmp_path / "mongod"
    complaint = f"{binary}: error while loading shared libraries: {library}: cannot open shared object file"
    binary.write_text(f"#!/bin/sh\necho '{complaint}: No such file or directory' >&2\nexit 127\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(EmbeddedMongoError, match=rf"^mongod needs {library}, .*{cure}"):
        await EmbeddedMongo(tmp_path).start()


def test_packaged_binary_is_made_executable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's mongod is found without importing the package, and gets its executable bit."""
    package = tmp_path / "site" / "fiftyone"
    binary = package / "db" / "bin" / "mongod"
    binary.parent.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('must not be imported')")
    binary.write_bytes(b"")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(package.parent))
    assert find_mongod() == binary
    assert os.access(binary, os.X_OK)
