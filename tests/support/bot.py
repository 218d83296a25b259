"""One bot as a real process, with a local Bot API server, a real MongoDB and its athletes around it."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.telegram.reactions import Reaction
from bot.sandbox.faults import FaultScript
from bot.sandbox.ledger import Tap
from bot.sandbox.server import SandboxServer
from bot.sandbox.world import Json, User, World
from bot.store.embedded.server import EmbeddedMongo
from tests.support.processes import Finished, Program, is_alive, run_to_end, wait_until

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "123456789:AAE-made-up-for-tests_0123456789abcd"
TYPES = ("done", "skipped", "hard", "pain")
ATHLETES = (42, 43, 44, 45, 2**40 + 7)
ADMIN = 99
STRANGER = User(666, "Mallory")

Documents = list[dict[str, Any]]


def query_ids(taps: Iterable[Tap]) -> list[str]:
    """For messages of failed checks."""
    return [tap.query_id for tap in taps]


def is_called_saved(tap: Tap) -> bool:
    """Whether a tap was told that its answer is durable."""
    return "Saved" in (tap.answer or "") or "saved already" in (tap.answer or "")


class Rig:
    """Everything around one bot.

    Attributes:
        world, server: Telegram as the bot sees it.
        folder: the bot's working directory; its `DATA_DIR` is `folder/data`.
        settings: the bot's environment variables.
        database: name of its database.
    """

    def __init__(
        self,
        folder: Path,
        *,
        mongo_url: str | None,
        database: str | None = None,
        world: World | None = None,
        **settings: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.database = database or f"test_{uuid4().hex}"
        self.world = world if world is not None else World(limits=None, query_lifetime=3600)
        self.server = SandboxServer(self.world, token=TOKEN)
        self.bots: list[Program] = []
        self.mongo_url = mongo_url
        self.settings = {
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "DATA_DIR": str(folder / "data"),
            "MONGO_DB": self.database,
            "ATHLETE_IDS": ",".join(str(athlete) for athlete in ATHLETES),
            "ADMIN_IDS": str(ADMIN),
            **({} if mongo_url is None else {"MONGO_URL": mongo_url}),
            **settings,
        }
        self._clients: dict[str, AsyncMongoClient[dict[str, Any]]] = {}

    @property
    def faults(self) -> FaultScript:
        """What shall go wrong at Telegram."""
        return self.server.faults

    @property
    def data_dir(self) -> Path:
        """The bot's DATA_DIR."""
        return Path(self.settings["DATA_DIR"])

    @property
    def db(self) -> AsyncDatabase[dict[str, Any]]:
        """The bot's database, read by the test itself."""
        url = self.mongo_url or EmbeddedMongo.last_url(self.data_dir)
        assert url is not None, "it has no embedded MongoDB"
        if url not in self._clients:
            self._clients[url] = AsyncMongoClient(
                url, tz_aware=True, timeoutMS=60_000, w="majority", journal=True
            )
        return self._clients[url][self.database]

    def embedded(self) -> dict[str, int]:
        """`pid` and `port` of the embedded MongoDB."""
        state: dict[str, int] = json.loads((self.data_dir / "mongodb" / "server.json").read_text())
        return state

    # The bot

    def environment(self, **settings: str | None) -> dict[str, str]:
        """A complete environment, with nothing inherited; None leaves a setting out."""
        values: dict[str, str | None] = {"TELEGRAM_API_URL": self.api_url, **self.settings, **settings}
        base = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "HOME": str(self.folder)}
        return base | {name: value for name, value in values.items() if value is not None}

    @property
    def api_url(self) -> str:
        """Where the local Bot API server is, or was last."""
        with suppress(RuntimeError):
            self._api_url = self.server.url
        return self._api_url

    async def launch(self, **settings: str | None) -> Program:
        """Start `run` and return at once."""
        log = self.folder / f"bot-{len(self.bots)}.log"
        bot = Program([sys.executable, "-m", "bot", "run"], self.environment(**settings), self.folder, log)
        self.bots.append(bot)
        await bot.start()
        return bot

    async def start(self, *, timeout: float = 60.0, **settings: str | None) -> Program:
        """Start `run` and return when it has polled."""
        before = self.next_call()
        bot = await self.launch(**settings)

        def polled() -> bool:
            assert bot.is_running, bot.log
            return any(call["status"] == 200 for call in self.calls("getUpdates", since=before))

        await wait_until(polled, timeout, "the bot polls", otherwise=lambda: bot.log[-3000:])
        return bot

    async def command(self, *arguments: str, **settings: str | None) -> Finished:
        """Run one command of the command line to its end."""
        return await run_to_end(
            [sys.executable, "-m", "bot", *arguments], self.environment(**settings), self.folder
        )

    async def stats(self) -> dict[str, Any]:
        """`stats --json`."""
        result = await self.command("stats", "--json")
        assert (result.status, result.err) == (0, ""), result
        figures: dict[str, Any] = json.loads(result.out)
        return figures

    async def prompt(self, run_id: str, session_id: str, chat_id: int, *more: str) -> Finished:
        """Queue a prompt with the command line."""
        return await self.command(
            *("prompt", f"--run-id={run_id}", f"--session-id={session_id}", f"--chat-id={chat_id}"), *more
        )

    def journal(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Read or change the journal's file."""
        with closing(sqlite3.connect(self.data_dir / "journal.sqlite3", timeout=10)) as db, db:
            return db.execute(query, parameters).fetchall()

    # Telegram

    def next_call(self) -> int:
        """The index that the next call of the bot will have in the ledger."""
        return self.world.ledger._next_index

    def calls(self, method: str, since: int = 0) -> list[Json]:
        """The bot's calls of one method from an index on."""
        return self.world.ledger.calls(method, since)

    def tap(self, user: int, message_id: int, button: int = 0) -> Tap:
        """An athlete taps, in their own chat."""
        return self.world.tap(user, message_id, User(user, username=f"user{user}"), button=button)

    def ask(
        self, run_id: str, session_id: str, chat_id: int, *, date: float | None = None, note: str = ""
    ) -> int:
        """A message with four plain buttons, as the coach workflow would send it; returns its id."""
        data = [f"session_feedback|{run_id}|{session_id}|{type_}{note and '|' + note}" for type_ in TYPES]
        buttons = [
            [{"text": type_, "callback_data": d} for type_, d in zip(TYPES, data, strict=True)][i : i + 2]
            for i in (0, 2)
        ]
        date = self.world.time() if date is None else date
        return self.world.message_at(chat_id, date=date, text=f"How was {session_id}?", buttons=buttons)

    async def answered(self, taps: Sequence[Tap], timeout: float = 20.0) -> None:
        """Return when every tap is answered."""
        await wait_until(
            lambda: all(tap.answered_at is not None for tap in taps),
            timeout,
            "every tap is answered",
            otherwise=lambda: query_ids(tap for tap in taps if tap.answered_at is None)[:5],
        )

    async def messages(self, chat_id: int, number: int, timeout: float = 20.0) -> list[Json]:
        """The messages of a chat, once there are so many."""
        await wait_until(
            lambda: len(self.world.messages(chat_id)) >= number,
            timeout,
            f"{number} messages in chat {chat_id}",
            otherwise=lambda: self.world.messages(chat_id),
        )
        return self.world.messages(chat_id)

    async def reacted(self, chat_id: int, message_id: int, reaction: Reaction = Reaction.NOTED) -> None:
        """Return when the bot has given a message this reaction."""
        await wait_until(
            lambda: self.world.message_of(chat_id, message_id).get("reactions") == [reaction],
            20,
            f"message {message_id} of chat {chat_id} has {reaction}",
            otherwise=lambda: self.world.messages(chat_id)[-2:],
        )

    # What is stored

    async def events(self, query: Mapping[str, Any] | None = None) -> Documents:
        """Documents of `feedback_events`, by session key."""
        return await self.db["feedback_events"].find(query or {}).sort("sessionKey").to_list()

    async def prompts(self, query: Mapping[str, Any] | None = None) -> Documents:
        """Documents of `session_prompts`."""
        return await self.db["session_prompts"].find(query or {}).sort("_id").to_list()

    async def stored(self, number: int, timeout: float = 20.0, **query: Any) -> Documents:
        """The documents of `feedback_events`, once there are so many."""

        async def enough() -> Documents | None:
            documents = await self.events(query)
            return documents if len(documents) >= number else None

        documents = await wait_until(enough, timeout, f"{number} documents are stored", poll=0.05)
        assert documents is not None
        assert len(documents) == number, documents
        return documents

    async def prompt_in_state(self, state: str, timeout: float = 20.0, **query: Any) -> dict[str, Any]:
        """A prompt's document, once it is in that state."""

        async def settled() -> dict[str, Any] | None:
            return await self.db["session_prompts"].find_one({"state": state, **query})

        async def shown() -> Documents:
            return await self.prompts(query)

        document: dict[str, Any] | None
        try:
            document = await wait_until(settled, timeout, f"a prompt {query} is {state}", poll=0.05)
        except AssertionError as exc:
            raise AssertionError(f"{exc}: {await shown()}") from None
        assert document is not None
        return document

    async def away(self, seconds: int) -> None:
        """Let the bot, which is not running, have been away for so long: what it remembers is older."""
        facts = "UPDATE facts SET value = value - ? WHERE name = 'last_poll_ms'"
        self.journal(facts, [seconds * 1000])
        polled = {"$subtract": ["$polledAt", seconds * 1000]}
        await self.db["leases"].update_many({"polledAt": {"$type": "date"}}, [{"$set": {"polledAt": polled}}])
        # Sent long before.
        sent = {"$subtract": ["$sentAt", seconds * 2000]}
        await self.db["session_prompts"].update_many({"state": "sent"}, [{"$set": {"sentAt": sent}}])

    # Cleaning up

    async def disconnect(self) -> None:
        """Close the test's own connections; with the server already gone that takes half a minute."""
        while self._clients:
            await self._clients.popitem()[1].close()

    async def __aenter__(self) -> Self:
        await self.server.start()
        self._api_url = self.server.url
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            await self.disconnect()
        finally:
            for bot in self.bots:
                await bot.kill()
            await self.server.stop()
            if self.mongo_url is None:
                await self._end_embedded()
        if kind is None:
            self.check_logs()

    async def _end_embedded(self) -> None:
        with suppress(FileNotFoundError):
            pid = self.embedded()["pid"]
            try:
                await wait_until(lambda: not is_alive(pid), 30, "the embedded MongoDB ends with its bot")
            except AssertionError:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                raise

    def check_logs(self) -> None:
        """Hold for every run of every bot: no traceback, no token."""
        for bot in self.bots:
            log = bot.log
            assert "Traceback" not in log, log
            assert "unexpected" not in log, log
            assert TOKEN not in log, log
            assert TOKEN.partition(":")[2] not in log, log


class Crowd:
    """Athletes who answer, change their minds, and must find their last word stored.

    Attributes:
        taps: all taps so far.
    """

    def __init__(
        self, rig: Rig, rng: random.Random, *, sessions: int, run_id: str = "run-1", note: str = ""
    ) -> None:
        self._rig = rig
        self._rng = rng
        self.run_id = run_id
        self.taps: list[Tap] = []
        self._last: dict[str, tuple[str, int]] = {}
        self._tapped: dict[str, list[Tap]] = {}
        self._messages = [
            (user, rig.ask(run_id, f"session-{number}", user, note=note))
            for number in range(sessions)
            for user in ATHLETES
        ]

    def tap(self, number: int = 1) -> None:
        """So many taps on random buttons of random sessions."""
        for _ in range(number):
            user, message_id = self._rng.choice(self._messages)
            button = self._rng.randrange(4)
            tap = self._rig.world.tap(user, message_id, User(user, username=f"user{user}"), button=button)
            assert tap.update_id is not None
            key = self.key_of(tap)
            self.taps.append(tap)
            self._last[key] = (TYPES[button], tap.update_id)
            self._tapped.setdefault(key, []).append(tap)

    @staticmethod
    def key_of(tap: Tap) -> str:
        """The session key that a tap on a crowd's button answers."""
        _, run_id, session_id, *_ = tap.data.split("|")
        return f"{run_id}-{session_id}-{tap.user_id}"

    async def problems(self) -> list[str]:
        """Where MongoDB differs from the last taps; empty when all is well."""
        documents = await self._rig.events({"runId": self.run_id})
        found = {d["sessionKey"]: (d["type"], d["updateId"]) for d in documents}
        different = [
            f"{key}: {found.get(key)} instead of {self._last.get(key)}"
            for key in found.keys() | self._last.keys()
            if found.get(key) != self._last.get(key)
        ]
        return different + ["two documents of one key"] * (len(documents) - len(found))

    async def unkept_promises(self) -> list[str]:
        """Taps that were told "saved" although MongoDB has neither them nor a newer one of their key."""
        found = {d["sessionKey"]: d["updateId"] for d in await self._rig.events({"runId": self.run_id})}
        return [
            f"{key}: tap {tap.update_id} was answered {tap.answer!r}, stored is {found.get(key)}"
            for key, taps in self._tapped.items()
            for tap in taps
            if is_called_saved(tap) and (tap.update_id or 0) > found.get(key, 0)
        ]

    async def settled(self, timeout: float = 60.0) -> None:
        """Return when exactly the last tap of every key is stored, and every tap is answered."""
        problems: list[str] = []

        async def well() -> bool:
            nonlocal problems
            problems = await self.problems()
            return not problems

        await wait_until(
            well,
            timeout,
            "the last tap of every key is stored",
            poll=0.1,
            otherwise=lambda: (len(problems), problems[:5], self._rig.bots[-1].log[-2000:]),
        )
        await self._rig.answered(self.taps, timeout)
