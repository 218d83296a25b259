"""The bots that are compared, each as a process that polls the local Bot API server at an address."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

from bot.sandbox.control import SandboxClient, tap
from bot.store.mongodb.client import Database
from tests.benchmarks.harness import (
    ATHLETE,
    TOKEN,
    Bench,
    Started,
    data_directory,
    is_delivering,
    process,
    settings_of,
    until,
)
from tests.support.processes import free_port

OURS, PLAIN, AIOGRAM = "this bot", "python-telegram-bot", "aiogram"

Contender = Callable[[str, Bench, str], AbstractAsyncContextManager[Started]]
"""Of the server's address, the bench and the database's name."""


@asynccontextmanager
async def ours(url: str, bench: Bench, db: str, *, disk: str | None = None) -> AsyncIterator[Started]:
    """This bot, from an empty data directory.

    Args:
        disk: the directory in which that is made.
    """
    async with _this_bot(url, bench, db, "bot", "run", disk=disk) as bot:
        yield bot


@asynccontextmanager
async def _this_bot(
    url: str, bench: Bench, db: str, *module: str, disk: str | None = None, journal: str = "disk"
) -> AsyncIterator[Started]:
    async with data_directory(disk) as directory:
        environment = {**settings_of(url, bench.mongo_url, db, directory), "JOURNAL": journal}
        async with process("-m", *module, environment=environment) as bot:
            yield bot


@asynccontextmanager
async def without_disk(url: str, bench: Bench, db: str) -> AsyncIterator[Started]:
    """This bot with its journal in MongoDB."""
    async with _this_bot(url, bench, db, "bot", "run", journal="mongodb") as bot:
        yield bot


@asynccontextmanager
async def pushed(url: str, bench: Bench, db: str) -> AsyncIterator[Started]:
    """This bot with a webhook, to which the local Bot API server pushes a hundred updates at once."""
    webhook = f"http://127.0.0.1:{free_port()}/telegram"
    async with _this_bot(url, bench, db, "bot", "run", "--webhook", webhook) as bot:
        yield bot


@asynccontextmanager
async def metered(url: str, bench: Bench, db: str, *, report: Path) -> AsyncIterator[Started]:
    """This bot; afterwards `report` holds how long its journal was at work, see `metered_run`."""
    async with _this_bot(url, bench, db, "tests.benchmarks.metered_run", str(report)) as bot:
        yield bot


@asynccontextmanager
async def plain(url: str, bench: Bench, db: str) -> AsyncIterator[Started]:
    """The plain bot."""
    arguments = ("-m", "tests.benchmarks.plain_bot", TOKEN, url, bench.mongo_url, db)
    async with process(*arguments, is_killed=True) as bot:
        yield bot


@asynccontextmanager
async def in_aiogram(url: str, bench: Bench, db: str, *, python: str) -> AsyncIterator[Started]:
    """The plain bot in aiogram."""
    arguments = ("-m", "tests.benchmarks.aiogram_bot", TOKEN, url, bench.mongo_url, db)
    async with process(*arguments, python=python, is_killed=True) as bot:
        yield bot


def others(bench: Bench) -> dict[str, Contender]:
    """All that are here besides this bot, by name."""
    found: dict[str, Contender] = {PLAIN: plain}
    if bench.aiogram_python is not None:
        found[AIOGRAM] = partial(in_aiogram, python=bench.aiogram_python)
    return found


async def questions(client: SandboxClient, number: int, *, series: str = "run") -> list[dict[str, object]]:
    """Ask so many questions in one chat; returns a tap on Done for each, yet to be given."""
    now = int(await client.time())
    asked = [
        {
            "chat_id": ATHLETE,
            "date": now,
            "text": "How did it go?",
            "buttons": [[{"text": "Done", "callback_data": f"session_feedback|{series}-{index}|s|done"}]],
        }
        for index in range(number)
    ]
    return [tap(ATHLETE, id_, ATHLETE, button=0) for id_ in await client.messages_at(asked)]


async def started(client: SandboxClient, bot: Started) -> float:
    """Wait until a bot has answered the one tap that was given before; returns after how many seconds, from
    now, a poll brought it.

    A poll alone would not do: one that waits for updates is not counted before it ends.
    """
    begun = time.monotonic()
    await until(partial(is_delivering, client), bot)
    first_poll = time.monotonic() - begun
    await until(partial(are_answered, client, 1), bot)
    return first_poll


async def are_answered(client: SandboxClient, number: int) -> bool:
    """Whether so many taps are."""
    return bool((await client.counts())["taps"]["answered"] >= number)


async def are_stored(db: Database, series: str, number: int) -> bool:
    """Whether so many answers to questions of a series are: this bot answers what has to wait for MongoDB
    before it is stored."""
    of_series = {"runId": {"$gte": f"{series}-", "$lt": f"{series}."}}
    return await db["feedback_events"].count_documents(of_series) >= number
