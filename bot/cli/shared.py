"""Settings and the event loop, as every command needs them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine
from typing import Any

from bot.core.people.athlete import Roster, read_roster
from bot.core.shared.errors import StorageUnavailable
from bot.logs import setup_logging
from bot.settings import Settings, doubts, load_settings
from bot.store.mongodb.client import Database
from bot.store.people.athletes import AthleteStore

log = logging.getLogger(__name__)


async def read_people(settings: Settings, db: Database) -> Roster:
    """The athletes, those of ATHLETE_IDS included.

    Raises:
        StorageError: MongoDB is away, or refuses to be read.
    """
    return read_roster(settings.athlete_ids, await AthleteStore(db).all(), settings.hours())


def read_settings() -> Settings:
    """The settings; from here on, logging follows them.

    Raises:
        ConfigError: a value cannot be understood.
    """
    settings = load_settings()
    setup_logging(settings.log_level, settings.log_format, settings.secrets())
    for doubt, cure in doubts(os.environ):
        log.warning("%s; cure: %s", doubt, cure)
    return settings


def call(settings: Settings, work: Coroutine[Any, Any, Any]) -> Any:
    """Run a short command: what it logs below WARNING is not what its user asked for."""
    logging.getLogger().setLevel(max(logging.WARNING, logging.getLogger().level))
    try:
        return asyncio.run(work)
    except StorageUnavailable as exc:
        raise StorageUnavailable(
            f"{exc}; check that {settings.mongo_place()} runs and lets this machine in"
        ) from None
