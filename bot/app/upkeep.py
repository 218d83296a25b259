"""What keeps the services able to work: indexes, alerts that did not arrive, the machine's means."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from bot.core.prompts.undelivered import WORDS_WAIT
from bot.core.records.declaration import Index
from bot.core.shared.backoff import constant
from bot.core.shared.clock import Clock
from bot.core.shared.errors import ExhaustedError, JournalError, TelegramError, is_exhausted
from bot.core.telegram.chats import ChatTopic
from bot.services.people.roster_cache import RosterCache
from bot.services.periodic import FaultLog, repeat, retry
from bot.store.backups.mark import RestoreMark
from bot.store.coach.messages import CoachMessageStore
from bot.store.coach.untold_pain import UntoldPainStore
from bot.store.inbox.journal import Journal
from bot.store.mongodb.client import Database
from bot.store.mongodb.indexes import IndexReport, bootstrap, missing
from bot.store.prompts.coach_alerts import CoachAlertStore

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_STORAGE_BACKOFF = constant(5.0)
_LOOK_AT_INDEXES = 5.0
_LOOK_AT_MEANS = 5.0
_LOOK_INTO_JOURNAL = 0.5


async def say_ready(
    begun: Callable[[], Awaitable[None]], username: Callable[[], Awaitable[str]], places: Sequence[str]
) -> None:
    """One line for whoever has started the service, once updates come.

    Args:
        begun: returns then.
        username: asks Telegram for the bot's.
        places: what else there is, and where.
    """
    await begun()
    try:
        link = f"https://t.me/{await username()}"
    except TelegramError:
        link = "the bot"
    log.info("Ready: %s; Ctrl-C stops", "; ".join((link, *places)))


async def keep_indexes(db: Database, indexes: Sequence[Index]) -> None:
    """Bring the indexes into order as soon as MongoDB answers, and again whenever some have vanished: whoever
    drops a collection drops its indexes, too. Taps are recorded meanwhile.
    """
    reports = await _until_stored(lambda: bootstrap(db, indexes), "the indexes are not checked yet")
    if created := sum(report.outcome == "created" for report in reports):
        log.info("%d indexes created", created)
    hopeless = _tell_of_indexes(reports)

    async def look() -> None:
        lost = {index.collection for index in await missing(db, indexes) if index not in hopeless}
        if lost:
            # All of a collection: what its other indexes delete is told from what nobody declared.
            reports = await bootstrap(db, [index for index in indexes if index.collection in lost])
            created = sum(report.outcome == "created" for report in reports)
            log.warning("%d indexes of %s were gone: made again", created, ", ".join(sorted(lost)))
            hopeless.update(_tell_of_indexes(reports))

    faults = FaultLog(
        log,
        waits="the indexes are not looked at",
        fails="looking at the indexes fails",
        again="the indexes are looked at again",
        level=logging.INFO,
    )
    await repeat(look, _LOOK_AT_INDEXES, faults)


def _tell_of_indexes(reports: Sequence[IndexReport]) -> set[Index]:
    """Log what is not as it was; returns those that cannot be had."""
    for report in reports:
        if report.outcome == "failed":
            log.error("index %s", report)
        elif report.outcome == "changed":
            log.info("index %s", report)
    return {report.index for report in reports if report.outcome == "failed"}


async def refuse_half_restored(mark: RestoreMark) -> None:
    """Make sure that the database is no half of a backup, as soon as MongoDB answers.

    Raises:
        RestoreUnfinished: it is.
    """
    what = "whether the database is whole is not known yet"
    await retry(
        mark.require_none, _STORAGE_BACKOFF, FaultLog(log, waits=what, fails=what, level=logging.INFO)
    )


async def look_into_journal(journal: Journal, on_new: Callable[[], None]) -> None:
    """Until cancelled, notice what other services put into a journal that they have together."""
    if not journal.is_shared:
        return
    faults = FaultLog(
        log,
        waits="the journal is not looked into",  # whoever must write tells of trouble
        fails="looking into the journal fails",
        expected=(JournalError,),
        level=logging.DEBUG,
    )
    await repeat(partial(journal.look, on_new), _LOOK_INTO_JOURNAL, faults)


async def redirect_alerts(coach_alerts: CoachAlertStore, coach_chat: ChatTopic, clock: Clock) -> None:
    """What could not be told in another chat is told in the one that is set now."""
    number = await _until_stored(
        lambda: coach_alerts.redirect(coach_chat, clock()),
        "alerts that did not arrive stay with the chat that they were for",
    )
    if number:
        log.info("%d alerts that did not arrive go to COACH_CHAT_ID now", number)


async def tell_untold_pain(
    pains: UntoldPainStore, roster: RosterCache, coach_chat: ChatTopic, clock: Clock
) -> None:
    """Pain that was reported before there was a coach's chat is told there."""

    async def tell() -> int:
        athletes = await roster.loaded()

        def athlete_id(user_id: int) -> str | None:
            athlete = athletes.by_user(user_id)
            return None if athlete is None else athlete.athlete_id

        return await pains.tell(coach_chat, clock(), athlete_id)

    number = await _until_stored(tell, "pain that was reported before COACH_CHAT_ID was set is not told yet")
    if number:
        log.info("%d reports of pain from before COACH_CHAT_ID was set are told there", number)


async def redirect_words(messages: CoachMessageStore, coach_chat: ChatTopic | None, clock: Clock) -> None:
    """What athletes wrote, and no coach has got, is told in the chat that is set now, and in no other."""
    number = await _until_stored(
        lambda: messages.redirect(coach_chat, clock(), WORDS_WAIT),
        "what athletes wrote to their coach stays with the chat that it was for",
    )
    if number:
        log.info("%d messages of athletes go to COACH_CHAT_ID now", number)


async def _until_stored(work: Callable[[], Awaitable[_T]], meanwhile: str) -> _T:
    """Do what needs MongoDB, however long it is away; `meanwhile` is logged until then."""
    return await retry(work, _STORAGE_BACKOFF, FaultLog(log, waits=meanwhile, fails=meanwhile))


async def watch_means() -> None:
    """Make sure, again and again, that threads can still be started: names are looked up in them, and whoever
    cannot reach MongoDB for want of one only seems to wait for it. And end where a callback has met the end
    of memory.

    Raises:
        ExhaustedError: there is none.
    """
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()

    def meet(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        exc = context.get("exception")
        if exc is None or not is_exhausted(exc):
            loop.default_exception_handler(context)
        elif not failed.done():
            failed.set_exception(ExhaustedError(exc))

    loop.set_exception_handler(meet)

    async def look() -> None:
        try:
            thread = threading.Thread(target=int, daemon=True)
            thread.start()
            thread.join()
        except (RuntimeError, MemoryError) as exc:
            raise ExhaustedError(exc) from None
        await asyncio.wait([failed], timeout=_LOOK_AT_MEANS)
        if failed.done():
            failed.result()

    await repeat(look, 0.0, FaultLog(log, waits="", fails="watching the machine's means fails", expected=()))
