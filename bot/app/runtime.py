"""The life of the service: start, run, stop in order."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Collection, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeVar

from bot.app.bootstrap import Service, bot_name, build_register, build_service
from bot.app.database import CANCEL_TRIES, GOODBYE, connect_database, declared_indexes
from bot.app.journals import hand_over, is_in_mongodb, of_service, open_on_disk
from bot.app.stores import build_stores
from bot.app.upkeep import (
    keep_indexes,
    look_into_journal,
    redirect_alerts,
    redirect_words,
    refuse_half_restored,
    say_ready,
    tell_untold_pain,
    watch_means,
)
from bot.core.health.machine_checks import judge_lasting
from bot.core.health.metrics import WRITES
from bot.core.i18n import formats
from bot.core.shared.clock import Clock, system_clock
from bot.core.shared.clock_guard import ClockGuard
from bot.core.shared.errors import ConfigError, JournalError, StorageError
from bot.descriptors import raise_limit, share
from bot.services.health.doctor_machine import is_short_lived
from bot.services.health.vitals import VitalsMonitor
from bot.services.inbox.leader_election import LeaderElection
from bot.services.telegram.lost_topics import LostTopics
from bot.services.telegram.metered_api import Meters, NoMeters
from bot.settings import Settings
from bot.store.backups.mark import RestoreMark
from bot.store.coach.untold_pain import UntoldPainStore
from bot.store.inbox.journal import Journal
from bot.store.inbox.leases import Holder, LeaseStore
from bot.store.mongodb.client import within
from bot.systemd import Notifier
from bot.tasks import end_tasks, give_up_after
from bot.telegram.client import BotClient

log = logging.getLogger(__name__)

_T = TypeVar("_T")

# Seconds. SIGTERM to end: at most the sum, and the embedded MongoDB's second.
_FINISH_WRITES = 2.5
_FINISH_CALLS = 2.0
_LAST_SENDS = 1.0  # within the one before
_LOOK_FOR_MARK = 2.0  # at the start; a MongoDB that is away is asked again
_SETTLE = 1.0


async def serve(settings: Settings, stop: asyncio.Event, clock: Clock | None = None) -> None:
    """Run the bot until `stop` is set; then end within ten seconds with everything received kept.

    Args:
        clock: None takes the machine's, guarded against jumps.

    Raises:
        BotError: it cannot start, or cannot go on; the message says why.
    """
    if settings.telegram_bot_token is None:
        raise ConfigError("TELEGRAM_BOT_TOKEN: required; @BotFather gives it. `demo` works without")
    hook = settings.hook()
    port = settings.http_port or (None if hook is None else hook.port)
    if hook is not None and port is None:
        raise ConfigError(
            "HTTP_PORT: required with a webhook, as the port at which your proxy reaches this service; set"
            " HTTP_TOKEN too"
        )
    _load_what_comes_late()
    connections = share(raise_limit())
    clock_guard = ClockGuard(system_clock, elapsed, log.warning)
    clock = clock or clock_guard
    notifier = Notifier(os.environ.get("NOTIFY_SOCKET"))
    counting = None
    if port is not None:
        # Who does not serve HTTP need not wait for it to be imported, nor count.
        from bot.metrics import PrometheusMeters  # noqa: PLC0415

        counting = PrometheusMeters()
    meters: Meters = counting or NoMeters()
    on_write = None if counting is None else partial(counting.called, WRITES)
    lost_topics = LostTopics()
    if not is_in_mongodb(settings) and (platform := is_short_lived(settings.data_dir, os.environ)):
        has_database = settings.mongo_url is None
        found = judge_lasting(platform, str(settings.data_dir), has_database=has_database)
        log.warning("%s; %s", found.message, found.cure)
    async with AsyncExitStack() as stack:
        on_disk = await stack.enter_async_context(open_on_disk(settings, clock))
        opened = await _unless(
            stop, stack.enter_async_context(connect_database(settings, on_write, connections.mongodb))
        )
        if opened is None:
            return
        db, embedded = opened
        mark = RestoreMark(db)
        with contextlib.suppress(StorageError), within(_LOOK_FOR_MARK):
            await mark.require_none()
        api = await stack.enter_async_context(
            BotClient(
                settings.telegram_bot_token.get_secret_value(),
                settings.telegram_api_url,
                clock_guard.witness,
                connections.telegram,
                lost_topics,
            )
        )
        me = _myself(None if is_in_mongodb(settings) else on_disk, is_pushed=hook is not None)
        election = LeaderElection(
            *(LeaseStore(db), bot_name(settings), me, clock, elapsed), has_journal=is_in_mongodb(settings)
        )
        journal, before = of_service(settings, db, on_disk, clock, lambda: election.leads)
        stores = build_stores(db, journal, clock)

        def stands_by() -> bool:
            return hook is None and election.stands_by

        monitor = VitalsMonitor(db, journal, clock, stands_by)
        service = build_service(
            settings, stores, election, hook, api, clock, monitor, meters, notifier, lost_topics
        )
        server = None
        if port is not None and counting is not None:
            from bot.app.http import open_http  # noqa: PLC0415  # and FastAPI with it

            server = await stack.enter_async_context(
                open_http(settings, port, hook, db, journal, service, monitor, counting, clock)
            )
        # Not before everything that may fail: coroutines must be awaited once they are there.
        register = build_register(
            settings,
            journal,
            db,
            (lambda: election.leads) if journal.is_shared else lambda: not stands_by(),
        )
        wake = service.processor.wake
        upkeep = [keep_indexes(db, declared_indexes(settings)), watch_means(), register.run()]
        upkeep.append(refuse_half_restored(mark))
        places = [settings.mongo_place(), *([] if server is None else [f"HTTP API at {server.url}"])]
        upkeep.append(say_ready(service.source.begun, api.username, places))
        upkeep.append(look_into_journal(journal, wake))
        if before is not None:
            upkeep.append(hand_over(settings, db, before, journal, lambda: election.leads, wake).run())
        if settings.coach_chat_id is not None:
            upkeep.append(redirect_alerts(stores.taps.coach_alerts, settings.coach_chat_id, clock))
            untold = UntoldPainStore(db, stores.taps.coach_alerts)
            upkeep.append(tell_untold_pain(untold, service.roster, settings.coach_chat_id, clock))
        upkeep.append(redirect_words(stores.coach_messages, settings.coach_chat_id, clock))
        if embedded is not None:
            upkeep.append(embedded.supervise())
        if server is not None:
            upkeep.append(server.run())
        await _run(service, upkeep, stop, notifier)
        await give_up_after(GOODBYE, register.leave())
    log.info("stopped")


def _load_what_comes_late() -> None:
    """What Python else imports when it is needed first, which may be when no file can be opened any more:
    then a message is not edited for want of a way to count its characters."""
    for name in ("ascii", "idna", "latin-1", "unicode_escape", "utf-8", "utf-16-le"):
        codecs.lookup(name)
    formats.load()


def elapsed() -> float:
    """Seconds since the machine was started, its sleep included where the system tells."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _myself(journal: Journal | None, *, is_pushed: bool) -> Holder:
    """This run. It is the same service as the one before on this journal, which so makes way at once.

    Args:
        journal: its own; None: it is of all services.
    """
    host = f"{socket.gethostname()} (process {os.getpid()})"
    service = secrets.token_hex(6) if journal is None else f"{journal.identity:x}"
    return Holder(secrets.token_hex(8), service, host, is_pushed)


async def _run(
    service: Service, upkeep: Sequence[Coroutine[Any, Any, None]], stop: asyncio.Event, notifier: Notifier
) -> None:
    """Run all parts until `stop` or a failure; then end the sources, and the sinks once they are empty."""
    sources = _start(
        service.election.run(),
        service.source.run(),
        service.dispatcher.run(),
        *service.planner.loops(),
        service.expiry.run(),
        service.older_copies.run(),
        service.outage.run(),
        service.roster.run(),
        service.languages.run(),
        service.menus.run(),
        service.weekly_summaries.run(),
        service.digests.run(),
        service.availability_questions.run(),
        service.pain_checks.run(),
        service.alerts.run(),
        service.figures.keep(),
        *upkeep,
    )
    sinks = _start(
        *service.processor.loops(),
        *service.answerer.loops(),
        service.editor.run(),
        service.replies.run(),
        service.reactions.run(),
    )
    (stopping,) = _start(_until(stop))
    try:
        running = {stopping, *sources, *sinks}
        while stopping in running:
            ended, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        log.info("stopping")
        notifier.stopping()
        (ending,) = _start(_end_sources(sources, service))
        await give_up_after(_FINISH_WRITES, service.processor.drained())
        await give_up_after(_FINISH_CALLS, _finish_calls(service))
        await ending
        await _settle(service)
        # Not before: whoever comes next may take up the same journal.
        await service.election.make_way()
    finally:
        await _end([stopping, *sources, *sinks])
        await _settle(service)


async def _settle(service: Service) -> None:
    with contextlib.suppress(JournalError):
        await give_up_after(_SETTLE, service.acknowledgements.settle())


async def _end_sources(sources: Collection[asyncio.Task[None]], service: Service) -> None:
    await _end(sources)
    # Whoever sends next does not know of what is on its way: together that may be too much for Telegram.
    await give_up_after(_LAST_SENDS, service.dispatcher.finish())


def _start(*work: Coroutine[Any, Any, None]) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(each) for each in work]


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, _T]) -> _T | None:
    """The result of `work`; None if `stop` came first, and then `work` was cancelled."""
    task = asyncio.create_task(work)
    (stopping,) = _start(_until(stop))
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        await _end([task])
        return None
    finally:
        stopping.cancel()


async def _until(event: asyncio.Event) -> None:
    await event.wait()


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    if left := await end_tasks(tasks, CANCEL_TRIES):
        log.warning("stopping although %d tasks do not end", left)


async def _finish_calls(service: Service) -> None:
    await service.answerer.join()
    await service.dispatcher.finish()
    await service.editor.drain()
    await service.reactions.drain()
