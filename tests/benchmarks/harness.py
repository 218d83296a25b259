"""What the benchmarks share: processes, the local Bot API server, memory, and rounds that take turns."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pymongo import AsyncMongoClient

from bot.sandbox.control import SandboxClient
from bot.store.mongodb.client import Database, Document

TOKEN = "123456:" + "b" * 35
ATHLETE = 42
PATIENCE = 240.0

_T = TypeVar("_T")
_NEXT_TO_NOTHING = 0.1  # seconds of processor time
_SAID = 2_000  # bytes of a failed process's last words


@dataclass(frozen=True, slots=True)
class Bench:
    """What a benchmark is given.

    Attributes:
        mongo_url, client: the MongoDB of this run; the client writes with majority and journal.
        rounds: how often each contender has its turn.
        quick: smaller sizes.
        given: what the command line asks for by name, such as `taps`; without it the benchmark decides.
        aiogram_python: the interpreter that has aiogram; None: none has.
    """

    mongo_url: str
    client: AsyncMongoClient[Document]
    rounds: int
    quick: bool
    given: Mapping[str, int]
    aiogram_python: str | None

    def size(self, name: str, usual: int, quick: int) -> int:
        """A size: as given, else the usual one, or a smaller one."""
        return self.given.get(name, quick if self.quick else usual)

    @asynccontextmanager
    async def database(self, name: str) -> AsyncIterator[Database]:
        """An empty database, dropped at the end."""
        await self.client.drop_database(name)
        try:
            yield self.client[name]
        finally:
            await self.client.drop_database(name)


def say(text: str) -> None:
    """Tell who waits how far it is; standard output is for the table alone."""
    print(text, file=sys.stderr, flush=True)


async def take_turns(
    rounds: int, contenders: Mapping[str, Callable[[], Awaitable[_T]]]
) -> dict[str, list[_T]]:
    """Measure every contender once a round, in alternating order; the results stand in order of rounds."""
    results: dict[str, list[_T]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name in reversed(list(contenders)) if number % 2 else contenders:
            begun = time.monotonic()
            results[name].append(await contenders[name]())
            say(f"  round {number + 1} of {rounds}: {name}, {time.monotonic() - begun:.1f} s")
    return results


class Failed(Exception):
    """A contender did not do what is measured: the figures would be worth nothing."""


@dataclass(frozen=True, slots=True)
class Started:
    """A process, and where its standard error goes."""

    process: asyncio.subprocess.Process
    errors: Path

    @property
    def pid(self) -> int:
        """Its id."""
        return self.process.pid

    def last_words(self) -> str:
        """The end of its standard error."""
        return self.errors.read_bytes()[-_SAID:].decode("utf-8", "replace")


@asynccontextmanager
async def process(
    *arguments: str,
    python: str = sys.executable,
    is_killed: bool = False,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Started]:
    """A Python process that is ended at the end.

    Args:
        is_killed: it is not asked first, because it would wait for its long poll.
    """
    with tempfile.NamedTemporaryFile() as errors:
        started = await asyncio.create_subprocess_exec(
            python,
            *arguments,
            env={"PATH": os.environ["PATH"], **(environment or {})},
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
        try:
            yield Started(started, Path(errors.name))
        finally:
            if started.returncode is None:
                (started.kill if is_killed else started.terminate)()
            await started.communicate()


@asynccontextmanager
async def telegram(limits: str = "--no-limits") -> AsyncIterator[tuple[str, SandboxClient]]:
    """A local Bot API server in a process of its own: its address, and its control."""
    async with process(
        "-m", "bot.sandbox", "--port", "0", "--token", TOKEN, limits, "--ledger", "counts"
    ) as it:
        assert it.process.stdout is not None
        url = (await it.process.stdout.readline()).decode().split()[-1]
        async with SandboxClient(url) as client:
            yield url, client


@asynccontextmanager
async def data_directory(parent: str | None = None) -> AsyncIterator[Path]:
    """An empty directory for the journal."""
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as name:
        yield Path(name)


def settings_of(url: str, mongo_url: str, db: str, data_dir: Path) -> dict[str, str]:
    """The environment of this bot."""
    return {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_API_URL": url,
        "MONGO_URL": mongo_url,
        "MONGO_DB": db,
        "DATA_DIR": str(data_dir),
        "ATHLETE_IDS": str(ATHLETE),
    }


async def until(
    condition: Callable[[], Awaitable[Any]],
    who: Started,
    *,
    every: float = 0.01,
    patience: float = PATIENCE,
) -> None:
    """Wait for a condition, looking again and again.

    Raises:
        Failed: it does not come about in time, or the process has ended.
    """
    deadline = time.monotonic() + patience
    while not await condition():
        if who.process.returncode is not None:
            raise Failed(f"a contender has ended: {who.last_words()}")
        if time.monotonic() > deadline:
            raise Failed(f"a contender does not get on: {who.last_words()}")
        await asyncio.sleep(every)


async def is_delivering(client: SandboxClient) -> bool:
    """Whether a poll has brought a tap."""
    return bool((await client.counts())["taps"]["delivered"])


async def at_rest(who: Started) -> float:
    """Wait until a process does next to nothing for a second; returns how many seconds it took to come there.

    Raises:
        Failed: it stays busy.
    """
    begun = time.monotonic()
    while True:
        quiet_since, spent = time.monotonic(), _processor_seconds(who.pid)
        await asyncio.sleep(1.0)
        if _processor_seconds(who.pid) - spent < _NEXT_TO_NOTHING:
            return quiet_since - begun
        if time.monotonic() - begun > PATIENCE:
            raise Failed(f"a contender does not come to rest: {who.last_words()}")


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Resident memory of a process in MiB."""
    return _memory(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """The most resident memory that a process ever had, in MiB."""
    return _memory(pid, "VmHWM")


def _memory(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise Failed(f"the system does not tell {field}")
