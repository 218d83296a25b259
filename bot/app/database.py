"""MongoDB as the settings say: at MONGO_URL, else the embedded one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bot.core.records.declaration import Index
from bot.settings import DEFAULT_DB, Settings
from bot.store.embedded.server import EmbeddedMongo
from bot.store.mongodb.client import OPERATION_TIMEOUT, Database, connect
from bot.store.mongodb.command_metrics import OnWrite
from bot.store.mongodb.indexes import declare
from bot.tasks import end_tasks, give_up_after

log = logging.getLogger(__name__)

GOODBYE = 1.0
"""Seconds in which something takes its leave of MongoDB."""
CANCEL_TRIES = 15
"""For `end_tasks`."""


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """MongoDB for a command: at `MONGO_URL`, else the embedded one, started and stopped here.

    Commands wait for each other with stopping the embedded one; if the service that runs it ends meanwhile,
    it is started anew.

    Raises:
        ConfigError: `MONGO_URL` is no connection string.
        EmbeddedMongoError: the embedded MongoDB cannot run here.
    """
    async with connect_database(settings, brief=True) as (db, embedded):
        if embedded is None:
            yield db
            return
        supervising = asyncio.create_task(embedded.supervise())
        try:
            yield db
        finally:
            await end_tasks([supervising], CANCEL_TRIES)
            if supervising.done() and not supervising.cancelled():
                supervising.exception()  # what the command has met tells enough


@asynccontextmanager
async def connect_database(
    settings: Settings,
    on_write: OnWrite | None = None,
    connections: int | None = None,
    *,
    brief: bool = False,
) -> AsyncIterator[tuple[Database, EmbeddedMongo | None]]:
    """MongoDB as the settings say. Who uses it briefly bears with an embedded one that is started anew."""
    options: dict[str, int] = {} if connections is None else {"connections": connections}
    async with AsyncExitStack() as stack:
        embedded = None
        if settings.mongo_url is None:
            embedded = await stack.enter_async_context(EmbeddedMongo(settings.data_dir, brief=brief))
            url = embedded.url
            log.info("embedded MongoDB at %s", embedded.address)
            if brief:
                options["selection_timeout"] = OPERATION_TIMEOUT
        else:
            url = settings.mongo_url.get_secret_value()
        db = connect(url, settings.mongo_db, DEFAULT_DB, on_write, **options)
        # The driver says goodbye to the server, and would wait half a minute for one that hangs.
        stack.push_async_callback(lambda: give_up_after(GOODBYE, db.client.close()))
        yield db, embedded


def declared_indexes(settings: Settings) -> tuple[Index, ...]:
    """The indexes that the settings ask for."""
    return declare(settings.retention(), metrics_per_athlete=settings.metrics_per_athlete)
