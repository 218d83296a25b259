"""Real processes for tests: started, watched, stopped, killed, and never left behind."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, overload

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from bot.store.embedded.binary import find_mongod
from bot.store.embedded.server import SMALL_JOURNAL

HOST = "127.0.0.1"
PATIENCE = 5
"""So many times longer than it takes is waited for something before a test gives up: machines differ."""

_POLL = 0.02
_T = TypeVar("_T")


@overload
async def wait_until(
    condition: Callable[[], Awaitable[_T]],
    timeout: float,
    what: str,
    *,
    poll: float = _POLL,
    otherwise: Callable[[], object] = lambda: "",
) -> _T: ...


@overload
async def wait_until(
    condition: Callable[[], object],
    timeout: float,
    what: str,
    *,
    poll: float = _POLL,
    otherwise: Callable[[], object] = lambda: "",
) -> object: ...


async def wait_until(
    condition: Callable[[], object],
    timeout: float,
    what: str,
    *,
    poll: float = _POLL,
    otherwise: Callable[[], object] = lambda: "",
) -> object:
    """Return the first true value of `condition`.

    Args:
        timeout: seconds that it may take on an ordinary machine.
        what: what is waited for, for the failure.
        otherwise: describes how far it came, for the failure.

    Raises:
        AssertionError: it did not become true in time.
    """
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        result = condition()
        value = await result if inspect.isawaitable(result) else result
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout * PATIENCE:g} s: {what} {otherwise()}")
        await asyncio.sleep(poll)


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_alive(pid: int) -> bool:
    """Whether a process runs (one that only waits to be reaped does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ran to its end."""

    status: int
    out: str
    err: str


async def run_to_end(
    arguments: Sequence[str], env: Mapping[str, str], cwd: Path, *, timeout: float = 60.0
) -> Finished:
    """Run a command; it is killed when it takes longer than `timeout` seconds."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        env=env,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), timeout * PATIENCE)
    except BaseException:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())


class Program:
    """A process that runs until it is ended; all it prints goes to a file."""

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path) -> None:
        self._arguments = list(arguments)
        self._env = dict(env)
        self._cwd = cwd
        self.log_file = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; it may not be ready for a while."""
        with self.log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments,
                env=self._env,
                cwd=self._cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process, running or ended."""
        assert self._process is not None, "not started"
        return self._process

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has been started and not ended since."""
        return self._process is not None and self._process.returncode is None

    @property
    def log(self) -> str:
        """All it has printed so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def kill(self) -> None:
        """`kill -9`; fine on one that has ended."""
        if self.is_running:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    async def ended(self, timeout: float) -> int:
        """Its exit status.

        Raises:
            AssertionError: it does not end in time.
        """
        try:
            return await asyncio.wait_for(self.process.wait(), timeout * PATIENCE)
        except TimeoutError:
            raise AssertionError(f"still running after {timeout * PATIENCE:g} s:\n{self.log}") from None

    async def terminate(self, timeout: float = 10.0) -> int:
        """SIGTERM, then its exit status."""
        self.signal(signal.SIGTERM)
        return await self.ended(timeout)


class Mongod(Program):
    """A one-node replica set of the test's own, to be killed, paused and started again on the same port.

    Args:
        options: more of mongod's.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        arguments = [
            str(find_mongod()),
            *("--dbpath", str(folder), "--port", str(self.port), "--bind_ip", HOST, "--nounixsocket"),
            *("--replSet", "rs0", "--wiredTigerCacheSizeGB", "0.25", "--quiet", *SMALL_JOURNAL),
            *("--networkMessageCompressors", "disabled"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--setParameter", "ttlMonitorEnabled=false"),  # tests with fixed dates outlive today's
            *options,
        ]
        super().__init__(arguments, {"PATH": os.defpath}, folder, folder / "mongod.log")

    @property
    def url(self) -> str:
        """The connection string."""
        return f"mongodb://{HOST}:{self.port}/?directConnection=true"

    async def start(self) -> None:
        """Start it and return once it takes writes."""
        await super().start()
        async with AsyncMongoClient[dict[str, Any]](self.url, serverSelectionTimeoutMS=300) as client:
            await wait_until(lambda: self._is_ready(client), 60, "mongod takes writes")

    async def _is_ready(self, client: AsyncMongoClient[dict[str, Any]]) -> bool:
        assert self.is_running, self.log[-2000:]
        try:
            hello = await client.admin.command("hello")
            if "setName" not in hello:
                member = {"_id": 0, "host": f"{HOST}:{self.port}"}
                await client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
        except OperationFailure:
            return False  # it already has its set, and is not there yet
        except PyMongoError:
            return False
        return bool(hello["isWritablePrimary"])

    async def restart(self) -> None:
        """Start it again, as a member of a set that is there already; it may not be ready for a while."""
        await super().start()

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """It holds its connections and answers nothing."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            if self.is_running:
                self.signal(signal.SIGCONT)


class ReplicaSet:
    """Three members on this machine. Use as an async context manager.

    Args:
        folder: for their files.
    """

    def __init__(self, folder: Path) -> None:
        self.members = [Mongod(folder / f"member-{number}") for number in range(3)]

    @property
    def url(self) -> str:
        """The connection string of the whole set."""
        hosts = ",".join(f"{HOST}:{member.port}" for member in self.members)
        return f"mongodb://{hosts}/?replicaSet=rs0"

    async def __aenter__(self) -> ReplicaSet:
        try:
            await self._begin()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _begin(self) -> None:
        for member in self.members:
            await member.restart()
        for member in self.members:
            await wait_until(partial(_is, member, "ok"), 60, "the member answers", poll=0.1)
        members = [
            {"_id": number, "host": f"{HOST}:{member.port}"} for number, member in enumerate(self.members)
        ]
        # Elections within two seconds instead of ten: a test has less patience.
        config = {"_id": "rs0", "members": members, "settings": {"electionTimeoutMillis": 2_000}}
        async with AsyncMongoClient[dict[str, Any]](self.members[0].url) as client:
            await client.admin.command("replSetInitiate", config)
        await self.primary()

    async def __aexit__(self, *_: object) -> None:
        for member in self.members:
            await member.kill()

    async def primary(self) -> Mongod:
        """The member that takes writes, once there is one."""

        async def find() -> Mongod | None:
            for member in self.members:
                if member.is_running and await _is_primary(member):
                    return member
            return None

        found = await wait_until(find, 60, "a member takes writes", poll=0.2)
        assert found is not None
        return found

    async def rejoin(self, member: Mongod) -> None:
        """Start a member that was killed, and return when it follows the others."""
        await member.restart()
        await wait_until(lambda: _is(member, "secondary"), 60, "the member follows", poll=0.2)


async def _is_primary(member: Mongod) -> bool:
    return await _is(member, "isWritablePrimary")


async def _is(member: Mongod, what: str) -> bool:
    async with AsyncMongoClient[dict[str, Any]](member.url, serverSelectionTimeoutMS=500) as client:
        try:
            return bool((await client.admin.command("hello")).get(what))
        except PyMongoError:
            return False
