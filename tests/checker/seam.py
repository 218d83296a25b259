"""Everything that the checker knows of how the bot is built.

A bot is a process that runs `serve(settings, stop, clock)` of `bot.app.runtime`; its clock stands in a file
and is moved by hand. Around it are the local Bot API server, a real MongoDB behind a gate, and DATA_DIR.
What comes in are updates, what goes out is read from the database and from the local Telegram.

    python -m tests.checker.seam CLOCK      the process itself; its settings are its environment
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import mmap
import signal
import struct
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from pymongo import AsyncMongoClient

from bot.sandbox.errors import ApiError
from bot.sandbox.ledger import Call, Tap
from bot.sandbox.server import SandboxServer
from bot.sandbox.world import Json, User, World
from tests.support.bot import ROOT, TOKEN
from tests.support.processes import HOST, Program, free_port, wait_until

Document = dict[str, Any]

COACH = User(900_001, "Kim")
ADMIN = 900_002
STRANGER = User(900_003, "Mallory")

_INSTANT = struct.Struct("<d")
_IN_BACKGROUND = ("getUpdates", "setMyCommands", "deleteMyCommands")
_HELD_FOR = 25
"""Seconds after which the bot tries an answer again; it gives up after 30."""
_CHAT_HELD_FOR = 120
_FORGETFUL = 10.0**7
"""Seconds for which the local Telegram keeps what is not fetched: time is moved by hand here."""


class ClockFile:
    """The time of everybody in one story, in a file that several processes read."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_INSTANT.size))
        self.path = path
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _INSTANT.size)

    def unix(self) -> float:
        """Seconds since 1970."""
        (seconds,) = _INSTANT.unpack(self._shared[:])
        return float(seconds)

    def now(self) -> datetime:
        """The same, as the bot takes it."""
        return datetime.fromtimestamp(self.unix(), UTC)

    def set(self, unix: float) -> None:
        """What time it is from now on, until it is set again."""
        self._shared[:] = _INSTANT.pack(unix)

    def pass_(self, seconds: float) -> None:
        """Time passes."""
        self.set(self.unix() + seconds)


class Telegram(World):
    """The local Telegram, which can refuse to take the answers to single taps."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(
            now=now,
            limits=None,
            query_lifetime=_FORGETFUL,
            update_lifetime=_FORGETFUL,
            first_update_id=1_000,
        )
        self.held: set[str] = set()
        self.held_chats: set[int] = set()
        self.left: set[str] = set()
        self._refused: set[str] = set()

    def answer_callback_query(self, query_id: str, *, text: str = "", show_alert: bool = False) -> bool:
        """Answers a tap, unless it is held: then there are too many requests for now."""
        if query_id in self.held:
            self._refused.add(query_id)
            raise _too_many(_HELD_FOR)
        return super().answer_callback_query(query_id, text=text, show_alert=show_alert)

    def _send(self, chat_id: int, *content: Any) -> Json:
        if chat_id in self.held_chats:
            raise _too_many(_CHAT_HELD_FOR)
        return super()._send(chat_id, *content)

    def is_held(self, tap: Tap) -> bool:
        """Whether the bot has tried in vain to answer a tap, or lies dead with it."""
        return tap.query_id in self.left or tap.query_id in self.held & self._refused


def _too_many(seconds: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})


class Gate:
    """A TCP port before MongoDB that can be shut: then nothing gets through, and what is open is cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._is_open = True
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._begin, HOST, 0)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def shut(self) -> None:
        """MongoDB is away."""
        self._is_open = False
        for writer in self._open:
            writer.transport.abort()

    def open(self) -> None:
        """MongoDB is back."""
        self._is_open = True

    async def stop(self) -> None:
        """Cut everything and end."""
        if self._server is not None:
            self._server.close()
        self.shut()
        await asyncio.gather(*self._serving)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._is_open:
            writer.transport.abort()
            return
        serving = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection(HOST, self._to)
            self._open.add(back)
            if not self._is_open:
                back.transport.abort()
            await asyncio.gather(_pass(reader, back), _pass(there, writer))
            self._open.discard(back)
        self._open.discard(writer)
        writer.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.transport.abort()


class House:
    """Telegram, MongoDB and as many services of one bot as a story starts.

    Attributes:
        world: what people do in Telegram.
        clock: the time, everywhere.
        url: of a MongoDB that keeps running.
    """

    def __init__(
        self, folder: Path, url: str, athletes: Iterable[int], *, at: datetime, is_pushed: bool = False
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.clock = ClockFile(folder / "clock")
        self.clock.set(at.timestamp())
        self.world = Telegram(self.clock.unix)
        self.server = SandboxServer(self.world, token=TOKEN)
        self._name = f"test_{uuid4().hex}"
        self._url = urlsplit(url)
        self._port = self._url.port or 27017
        self._user = "".join(self._url.netloc.rpartition("@")[:2])
        self._client: AsyncMongoClient[Document] = AsyncMongoClient(
            url, tz_aware=True, w="majority", journal=True
        )
        self.db = self._client[self._name]
        self._gates: dict[str, Gate] = {}
        self._services: dict[str, Program] = {}
        self._logs: list[Program] = []
        self._athletes = sorted(athletes)
        self._hook_port = free_port() if is_pushed else None

    async def __aenter__(self) -> House:
        await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for service in self._logs:
            await service.kill()
        for gate in self._gates.values():
            await gate.stop()
        await self.server.stop()
        await self._client.drop_database(self._name)
        await self._client.close()

    # Services

    async def start(self, name: str = "a", *, is_away: bool = False) -> None:
        """Start a service on the DATA_DIR of this name, and return when it takes updates, or stands by.

        Args:
            is_away: MongoDB is, for this service.
        """
        gate = await self._gate(name)
        if is_away:
            gate.shut()
        else:
            gate.open()
        log = self.folder / f"{name}-{len(self._logs)}.log"
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_URL": self.server.url,
            "MONGO_URL": self._url._replace(netloc=f"{self._user}{HOST}:{gate.port}").geturl(),
            "MONGO_DB": self._name,
            "DATA_DIR": str(self.folder / f"data-{name}"),
            "ATHLETE_IDS": ",".join(map(str, self._athletes)),
            "ADMIN_IDS": str(ADMIN),
            "COACH_CHAT_ID": str(COACH.id),
        }
        if self._hook_port is not None:
            environment["WEBHOOK_URL"] = f"http://{HOST}:{self._hook_port}/telegram"
        command = [sys.executable, "-m", "tests.checker.seam", str(self.clock.path)]
        service = Program(command, environment, self.folder, log)
        self._logs.append(service)
        self._services[name] = service
        before = self.calls_so_far()
        await service.start()

        def is_ready() -> bool:
            assert service.is_running, service.log
            if self._hook_port is not None:
                return "Telegram sends updates to" in service.log
            return "standing by" in service.log or any(
                call.status == 200 or call.status is None
                for call in self.calls(before)
                if call.method == "getUpdates"
            )

        await wait_until(is_ready, 60, f"service {name} takes updates", otherwise=lambda: service.log[-3000:])

    async def kill(self, name: str = "a") -> None:
        """`kill -9`."""
        await self._services[name].kill()

    async def stop(self, name: str = "a") -> None:
        """An orderly end."""
        assert await self._services[name].terminate(20) == 0, self._services[name].log[-3000:]

    async def shut(self, name: str = "a") -> None:
        """MongoDB is away for this service."""
        (await self._gate(name)).shut()

    async def open(self, name: str = "a") -> None:
        """MongoDB is back for this service."""
        (await self._gate(name)).open()

    async def lease_over(self) -> None:
        """The time after which somebody else may poll has passed."""
        await self.db["leases"].delete_many({})

    async def _gate(self, name: str) -> Gate:
        if name not in self._gates:
            self._gates[name] = Gate(self._port)
            await self._gates[name].start()
        return self._gates[name]

    def logs(self) -> str:
        """What all services have printed."""
        return "".join(service.log for service in self._logs)

    # Telegram's moods

    def hold(self, taps: Iterable[Tap]) -> None:
        """The answers to these taps are not taken: the bot waits, and tries again after a while."""
        self.world.held |= {tap.query_id for tap in taps}

    def hold_chat(self, chat_id: int) -> None:
        """Messages to this chat are not taken: the bot waits, and tries again after a while."""
        self.world.held_chats.add(chat_id)

    def leave(self) -> None:
        """What is not answered by now lies in the journal of a service that is dead."""
        self.world.left |= {tap.query_id for tap in self.world.ledger.taps if tap.answered_at is None}

    def be_well(self) -> None:
        """Everything is taken again, and nobody lies dead."""
        self.world.left.clear()
        self.world.held.clear()
        self.world.held_chats.clear()

    # What can be seen

    def calls_so_far(self) -> int:
        """The index that the next call will have."""
        return self.world.ledger._next_index

    def calls(self, since: int = 0) -> list[Call]:
        """The services' calls."""
        return [call for call in self.world.ledger._calls if call.index >= since]

    def next_update(self) -> int:
        """The id that the next update will have."""
        return self.world.queue.next_id

    async def quiet(self, patience: float = 60.0, *, for_: float = 2.0, coach: bool = True) -> bool:
        """Wait until nothing happens any more: all is fetched, answered and sent; False: patience ended.

        Args:
            coach: whether to wait for the coach's chat, too, where one message goes a second.
        """
        loop = asyncio.get_running_loop()
        until, seen, since = loop.time() + patience, -1, loop.time()
        while loop.time() < until:
            await asyncio.sleep(0.05)
            calls = sum(self._counts(call, coach=coach) for call in self.world.ledger._calls)
            if calls != seen or self.world.pending() or self._unanswered():
                seen, since = calls, loop.time()
            elif loop.time() - since > for_ and not (coach and await self._outbox()):
                return True
        return False

    async def settled(self, patience: float = 120.0) -> None:
        """Let time pass until nothing happens any more: what a killed service had begun to send, another one
        sends after a while.

        Raises:
            AssertionError: it does not come to that.
        """
        until = asyncio.get_running_loop().time() + patience
        while not await self.quiet(10.0, for_=2.5):
            if asyncio.get_running_loop().time() > until:
                taps = [tap for tap in self.world.ledger.taps if tap.answered_at is None]
                left = f"{await self._outbox()} messages to be sent, {taps} to be answered"
                raise AssertionError(f"it does not settle: {left}\n{self.logs()[-2000:]}")
            await self.pass_time(20)

    def _counts(self, call: Call, *, coach: bool) -> bool:
        if call.method in _IN_BACKGROUND:
            return False
        return coach or str(call.params.get("chat_id")) != str(COACH.id)

    def _unanswered(self) -> bool:
        return any(t.answered_at is None and not self.world.is_held(t) for t in self.world.ledger.taps)

    async def _outbox(self) -> int:
        due = {"state": {"$in": ["pending", "sending"]}, "dueAt": {"$lte": self.clock.now()}}
        return int(await self.db["session_prompts"].count_documents(due))

    async def pass_time(self, seconds: float, step: float = 100.0) -> None:
        """Time passes in steps so small that no service believes to have been away."""
        while seconds > 0:
            self.clock.pass_(min(step, seconds))
            seconds -= step
            self.world.inject({"chat_boost": {}})  # of a kind that means nothing to the bot
            await wait_until(lambda: self.world.pending() == 0, 40, "it polls", otherwise=self.logs)

    # What an operator does

    async def enlist(self, user: User) -> None:
        """Somebody is on the roster, though not in ATHLETE_IDS."""
        now = self.clock.now()
        await self.db["athletes"].insert_one(
            {
                "athleteId": f"a{user.id}",
                "name": user.first_name,
                "userId": user.id,
                "chatId": str(user.id),
                "state": "active",
                "createdAt": now,
                "updatedAt": now,
            }
        )

    async def invite(self, user: User) -> str:
        """Somebody may join; returns the code of their link, as `athlete add` prints it."""
        code = hashlib.sha256(str(user.id).encode()).hexdigest()[:32]
        now = self.clock.now()
        invitation = {
            "hash": hashlib.sha256(code.encode()).hexdigest(),
            "expiresAt": now + timedelta(days=7),
        }
        await self.db["athletes"].insert_one(
            {
                "athleteId": f"i{user.id}",
                "state": "invited",
                "invite": invitation,
                "createdAt": now,
                "updatedAt": now,
            }
        )
        return code

    async def question(self, user: User, run_id: str, session_id: str) -> None:
        """The coach workflow has the bot ask about a session, now."""
        await self.db["session_prompts"].insert_one(
            {
                "runId": run_id,
                "sessionId": session_id,
                "chatId": str(user.id),
                "title": f"Session {session_id}",
                "dueAt": self.clock.now(),
            }
        )

    async def everything(self) -> dict[str, list[Document]]:
        """The whole database."""
        found = {}
        for name in sorted(await self.db.list_collection_names()):
            found[name] = await self.db[name].find({}).to_list()
        return found


Message = Json


async def _run(clock: ClockFile) -> None:
    # The one place where the bot is entered.
    from bot.app.runtime import serve
    from bot.cli.shared import read_settings

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(read_settings(), stop, clock.now)


if __name__ == "__main__":
    asyncio.run(_run(ClockFile(Path(sys.argv[1]))))
