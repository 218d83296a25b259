"""Which journal: the one place that knows the setting JOURNAL."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from bot.app.bootstrap import bot_name
from bot.app.instance_lock import journal_file, open_journal
from bot.core.shared.clock import Clock
from bot.services.inbox.hand_over import HandOver
from bot.settings import Settings
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.inbox.journal import Journal
from bot.store.inbox.journal_register import JournalRegisterStore
from bot.store.inbox.mongodb_journal import PLACE, MongoJournal, identity_of
from bot.store.mongodb.client import Database

log = logging.getLogger(__name__)


def is_in_mongodb(settings: Settings) -> bool:
    """Whether the journal is kept there."""
    return settings.journal == "mongodb"


@asynccontextmanager
async def open_on_disk(settings: Settings, clock: Clock) -> AsyncIterator[DiskJournal | None]:
    """The journal in DATA_DIR, for a service; None if nothing is, and was, kept there.

    Raises:
        ConfigError: another service has it.
    """
    file = journal_file(settings.data_dir)
    if is_in_mongodb(settings) and not _is_left(file):
        yield None
        return
    async with open_journal(settings.data_dir, clock) as journal:
        yield journal


def _is_left(file: Path) -> bool:
    """Whether there is a journal from before, which can be worked off."""
    if not file.exists() or not file.stat().st_size:
        return False
    if os.access(file, os.W_OK) and os.access(file.parent, os.W_OK):
        return True
    log.error(
        "%s is from before JOURNAL=mongodb, and cannot be written: what waits in it is not stored", file
    )
    return False


def of_service(
    settings: Settings,
    db: Database,
    on_disk: DiskJournal | None,
    clock: Clock,
    leads: Callable[[], bool],
) -> tuple[Journal, Journal | None]:
    """The journal of a service, and the one that may hold something from before the setting was changed."""
    in_mongodb = MongoJournal(db, bot_name(settings), clock, leads)
    if is_in_mongodb(settings):
        return in_mongodb, on_disk
    assert on_disk is not None  # noqa: S101  # it is open
    return on_disk, MongoJournal(db, bot_name(settings))  # a backup may have brought it


@asynccontextmanager
async def beside_service(settings: Settings, db: Database) -> AsyncIterator[Journal]:
    """The journal for a command, beside a service if there is one; nothing is made."""
    async with AsyncExitStack() as stack:
        if is_in_mongodb(settings):
            yield MongoJournal(db, bot_name(settings))
        else:
            yield await stack.enter_async_context(open_journal(settings.data_dir, may_make=False))


def hand_over(
    settings: Settings,
    db: Database,
    before: Journal,
    now: Journal,
    leads: Callable[[], bool],
    on_new: Callable[[], None],
) -> HandOver:
    """What takes up the journal of before."""
    what = PLACE if before.is_shared else str(journal_file(settings.data_dir))
    identity = before.identity or identity_of(bot_name(settings))
    forget = partial(JournalRegisterStore(db).gone, [f"{identity:x}"])
    return HandOver(before, now, what, leads, on_new, forget)
