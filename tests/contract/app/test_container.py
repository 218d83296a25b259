"""The MongoDB of compose.yaml is made ready: each program gets what it may do, as often as one likes."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from bot.app import container
from bot.app.container import BOT_URL, prepare
from bot.core.shared.errors import ConfigError, EmbeddedMongoError
from bot.settings import DEFAULT_DB
from bot.store.mongodb.indexes import INDEXES
from tests.support.bot import ROOT
from tests.support.processes import Mongod, free_port, wait_until

WORKFLOWS = sorted((ROOT / "config" / "n8n").glob("*.json"))
PROGRAMS = ("bot", "n8n", "grafana")


class Stack:
    """A mongod that asks for passwords, has no replica set yet, and knows nobody.

    Attributes:
        mongod: the server.
        into: where secrets are handed over.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._key = folder / "key"
        self._key.write_text(f"{secrets.token_hex(32)}\n")
        self._key.chmod(0o600)
        self.mongod = Mongod(folder / "db", "--keyFile", str(self._key))
        self.into = folder / "keys"
        for program in PROGRAMS:
            (self.into / program).mkdir(parents=True)

    async def prepare(self, key: Path | None = None) -> list[str]:
        """Make it ready."""
        address = f"127.0.0.1:{self.mongod.port}"
        return await prepare(address, key or self._key, self.into, WORKFLOWS, INDEXES)

    def read(self, name: str) -> str:
        """One of the files that were handed over."""
        return (self.into / name).read_text()

    def client(self, program: str) -> AsyncMongoClient[dict[str, Any]]:
        """MongoDB as a program finds it."""
        return AsyncMongoClient(self.read(f"{program}/mongo_url"), serverSelectionTimeoutMS=5_000)


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Nothing is ready yet, and so mongod takes no writes."""
    made = Stack(tmp_path / "stack")
    await made.mongod.restart()
    yield made
    await made.mongod.kill()


async def test_each_program_gets_in_and_no_further(stack: Stack) -> None:
    """The bot may do its work and the API's, the planner its own; neither may do anything else."""
    lines = await stack.prepare()
    assert lines == [
        "user bot of MongoDB: feedbackBot, feedbackCoach",
        "user planner of MongoDB: feedbackCoach",
        f"{len(INDEXES)} indexes in place",
    ]
    async with stack.client("bot") as bot, stack.client("n8n") as planner:
        assert bot.get_default_database().name == DEFAULT_DB
        await bot[DEFAULT_DB].feedback_events.insert_one({"sessionKey": "k"})
        await planner[DEFAULT_DB].plan_snapshots.insert_one({"runId": "r"})
        assert await planner[DEFAULT_DB].feedback_events.count_documents({"sessionKey": "k"}) == 1
        for forbidden in (
            planner[DEFAULT_DB].feedback_events.insert_one({"sessionKey": "forged"}),
            bot[DEFAULT_DB].feedback_events.drop(),
            bot.admin.command("usersInfo", 1),
            planner["elsewhere"].things.find_one(),
        ):
            with pytest.raises(OperationFailure, match="not authorized"):
                await forbidden
    async with AsyncMongoClient[dict[str, Any]](stack.mongod.url) as nobody:
        with pytest.raises(OperationFailure, match="requires authentication"):
            await nobody[DEFAULT_DB].feedback_events.find_one()


async def test_again_nothing_changes(stack: Stack) -> None:
    """Secrets stay as they are, over a server that was killed, too; what was lost is made anew."""
    await stack.prepare()
    before = {path: path.read_text() for path in stack.into.rglob("*") if path.is_file()}
    await stack.mongod.kill()
    await stack.mongod.restart()
    await stack.prepare()
    assert {path: path.read_text() for path in stack.into.rglob("*") if path.is_file()} == before
    assert {path.stat().st_mode & 0o777 for path in before} == {0o444}
    (stack.into / "bot" / "password").unlink()
    await stack.prepare()
    assert stack.read("bot/mongo_url") != before[stack.into / "bot" / "mongo_url"]
    async with stack.client("bot") as bot:
        assert await bot[DEFAULT_DB].athletes.find_one() is None


async def test_n8n_gets_its_files_filled_in(stack: Stack) -> None:
    """Credentials hold what is true here, and workflows ask the bot where they find it."""
    await stack.prepare()
    api, mongodb = json.loads(stack.read("n8n/credentials.json"))
    assert api["data"] == {"token": stack.read("bot/http_token")}
    assert mongodb["data"]["connectionString"] == stack.read("n8n/mongo_url")
    assert mongodb["data"]["database"] == DEFAULT_DB
    handed = {path.name: stack.read(f"n8n/{path.name}") for path in WORKFLOWS}
    assert BOT_URL in handed["prompts-and-summary.json"]
    assert not [
        name for name, text in handed.items() if "127.0.0.1:8080" in text or "put " in text.lower()[:400]
    ]


async def test_what_cannot_be_is_one_sentence(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key, another key, no server, no address, and nowhere to write."""
    with pytest.raises(EmbeddedMongoError, match=r"none cannot be used \(No such file"):
        await stack.prepare(tmp_path / "none")
    monkeypatch.setattr(container, "READY_WITHIN", 1.0)
    other = tmp_path / "other"
    other.write_text(secrets.token_hex(32))
    with pytest.raises(
        EmbeddedMongoError, match="is not ready within 1 s: docker compose logs mongodb says why"
    ):
        await stack.prepare(other)
    with pytest.raises(EmbeddedMongoError, match="is not ready within"):
        await prepare(f"127.0.0.1:{free_port()}", other, stack.into, WORKFLOWS, INDEXES)
    with pytest.raises(ConfigError, match="'mongodb' is not host:port"):
        await prepare("mongodb", other, stack.into, WORKFLOWS, INDEXES)
    monkeypatch.undo()
    (stack.into / "grafana").rmdir()
    with pytest.raises(EmbeddedMongoError, match=r"grafana/\.password\.new cannot be used"):
        await stack.prepare()


async def test_a_server_that_starts_late_is_waited_for(tmp_path: Path) -> None:
    """Whoever is first."""
    stack = Stack(tmp_path / "stack")
    preparing = asyncio.create_task(stack.prepare())
    await asyncio.sleep(0)
    try:
        await stack.mongod.restart()
        await wait_until(preparing.done, 60, "MongoDB is ready")
        assert len(await preparing) == 3
    finally:
        preparing.cancel()
        await stack.mongod.kill()
