"""Settings and the event loop, as every command needs them."""

from __future__ import annotations

import asyncio
import difflib
import logging
import os
import shlex
import shutil
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from bot.core.people.athlete import Roster, read_roster
from bot.core.shared.errors import StorageUnavailable
from bot.logs import setup_logging
from bot.settings import Settings, doubts, load_settings
from bot.store.mongodb.client import Database
from bot.store.people.athletes import AthleteStore

log = logging.getLogger(__name__)


class Group(click.Group):
    """Commands; the nearest one is proposed for a name that there is not."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called."""
        name, names = args[0], self.list_commands(ctx)
        if name not in names and (close := difflib.get_close_matches(name, names, 1)):
            ctx.fail(f"No such command {name!r}. Did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)


def program() -> str:
    """How this program was called, to be typed once more in the same directory."""
    called = Path(sys.argv[0])
    if called.name != "__main__.py":
        return called.name if shutil.which(called.name) else shlex.quote(sys.argv[0])
    python = Path(sys.executable)
    with suppress(ValueError):
        python = python.relative_to(Path.cwd())
    return f"{shlex.quote(str(python))} -m bot"


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
