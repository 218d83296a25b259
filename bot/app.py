"""The composition root: builds the parts from the settings, starts them, stops them in order."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import hashlib
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bot.core.facts.answering_window import repeated_within
from bot.core.health.vitals import AlertBounds
from bot.core.inbox.webhook import WebhookSettings
from bot.core.records.declaration import Index
from bot.core.shared.backoff import constant
from bot.core.shared.clock import Clock, system_clock
from bot.core.shared.clock_guard import ClockGuard
from bot.core.shared.errors import ConfigError, ExhaustedError, JournalError, is_exhausted
from bot.core.telegram.rate_limits import SendLimits
from bot.descriptors import raise_limit, share
from bot.services.answers.not_kept import NotKeptNotice
from bot.services.answers.note_handler import NoteHandler
from bot.services.answers.responder import Responder
from bot.services.answers.tap_handler import TapHandler, TapStores
from bot.services.chat.button_actions import ButtonActions
from bot.services.chat.change_commands import ChangeCommands
from bot.services.chat.menu_sync import MenuSync
from bot.services.chat.personal_commands import DisclosureRules, PersonalCommands
from bot.services.chat.replies import CommandReplies
from bot.services.health.admin_alerts import AdminAlerts
from bot.services.health.vitals import VitalsMonitor
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.services.inbox.journal_register import JournalRegister
from bot.services.inbox.leader_election import LeaderElection
from bot.services.inbox.outage import OutageRecovery
from bot.services.inbox.poller import Poller
from bot.services.inbox.webhook import WebhookReceiver
from bot.services.people.erasure import Erasure
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.periodic import FaultLog, repeat, retry
from bot.services.prompts.dispatcher import Dispatcher
from bot.services.prompts.expiry import PromptExpiry
from bot.services.prompts.planner import Planner
from bot.services.prompts.renderer import PromptRenderer
from bot.services.prompts.weekly_summary import WeeklySummaries
from bot.services.reports.chart_process import ChartProcess
from bot.services.reports.figures import Figures
from bot.services.reports.weeks import WeekRules, Weeks
from bot.services.telegram.callback_answers import CallbackAnswerer
from bot.services.telegram.message_editor import MessageEditor
from bot.services.telegram.metered_api import MeteredApi, Meters, NoMeters, SendKind
from bot.services.update_processor import UpdateProcessor
from bot.settings import DEFAULT_DB, Settings
from bot.store.answers.feedback_events import FeedbackStore
from bot.store.answers.history import AnswerHistory
from bot.store.answers.pending_notes import PendingNotes
from bot.store.answers.tap_ledger import TapLedger
from bot.store.figures.figures import FigureStore
from bot.store.figures.invalidation import FigureInvalidation
from bot.store.inbox.journal import Journal
from bot.store.inbox.journal_connection import take
from bot.store.inbox.journal_file import is_taken
from bot.store.inbox.journal_register import JournalRegisterStore
from bot.store.inbox.leases import Holder, LeaseStore
from bot.store.mongodb.client import OPERATION_TIMEOUT, Database, connect
from bot.store.mongodb.command_metrics import OnWrite
from bot.store.mongodb.embedded import EmbeddedMongo
from bot.store.mongodb.indexes import IndexReport, bootstrap, declare, missing
from bot.store.people.athletes import AthleteStore
from bot.store.people.tombstones import TombstoneStore
from bot.store.people.users import UserStore
from bot.store.personal_data import PersonalStore
from bot.store.plans import PlanStore
from bot.store.prompts.coach_alerts import CoachAlertStore
from bot.store.prompts.expiry import PromptExpiryStore
from bot.store.prompts.outbox import Outbox
from bot.store.prompts.planned import PlannedPromptStore
from bot.store.prompts.prompts import PromptStore
from bot.store.prompts.shared_rate_limit import SharedRateLimit
from bot.store.summary import SummaryStore
from bot.systemd import Notifier
from bot.tasks import end_tasks
from bot.telegram.client import BotClient

if TYPE_CHECKING:
    from bot.api.http.server import HttpServer
    from bot.metrics import PrometheusMeters

log = logging.getLogger(__name__)

_T = TypeVar("_T")

# Seconds. SIGTERM to end: at most the sum, and the embedded MongoDB's second.
_FINISH_WRITES = 2.5
_FINISH_CALLS = 2.0
_CANCEL_TRIES = 15
_GOODBYE = 1.0
_STORAGE_BACKOFF = constant(5.0)
_LOOK_AT_INDEXES = 5.0
_LOOK_AT_MEANS = 5.0
_RATE_HOLDS = timedelta(minutes=3)  # it is collected each minute, unless MongoDB is away

_LOCK_BEFORE = "run.lock"

ALERT_BOUNDS = AlertBounds()
"""When admins are told what is broken."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything that is kept in MongoDB, and the journal of this machine.

    Five stores share the outbox: `taps.prompts` is for everybody, `outbox` for who sends, `slots` for who
    plans, `followups` for who waits, `taps.letters` for what is told because of a tap.
    """

    athletes: AthleteStore
    users: UserStore
    taps: TapStores
    outbox: Outbox
    send_slots: SharedRateLimit
    slots: PlannedPromptStore
    followups: PromptExpiryStore
    plans: PlanStore
    summaries: SummaryStore
    personal: PersonalStore
    tombstones: TombstoneStore
    counts: FigureStore
    leases: LeaseStore
    journal: Journal


class Source(Protocol):
    """Brings updates from Telegram into the journal."""

    async def run(self) -> None:
        """Until cancelled."""

    async def caught_up(self) -> None:
        """Return when Telegram has nothing more in store than what is in the journal."""


@dataclass(frozen=True, slots=True)
class Service:
    """The flows of the running bot, wired to each other."""

    leadership: LeaderElection
    source: Source
    books: Acknowledgements
    recorder: UpdateProcessor
    answerer: CallbackAnswerer
    marker: MessageEditor
    commands: CommandReplies
    dispatcher: Dispatcher
    planner: Planner
    followups: PromptExpiry
    absence: OutageRecovery
    roster: RosterCache
    languages: LanguageCache
    menus: MenuSync
    weekly: WeeklySummaries
    watch: AdminAlerts
    figures: Figures


def build_stores(db: Database, journal: Journal, clock: Clock, service: str | None = None) -> Stores:
    """The stores on one database.

    Args:
        service: who sends, if anybody.
    """
    return Stores(
        athletes=AthleteStore(db),
        users=UserStore(db),
        taps=TapStores(
            events=FeedbackStore(db),
            history=AnswerHistory(db),
            waiting_notes=PendingNotes(db),
            prompts=PromptStore(db),
            letters=CoachAlertStore(db),
            ledger=TapLedger(db),
            touches=FigureInvalidation(db, clock),
        ),
        outbox=Outbox(db),
        send_slots=SharedRateLimit(db, service),
        slots=PlannedPromptStore(db),
        followups=PromptExpiryStore(db),
        plans=PlanStore(db),
        summaries=SummaryStore(db),
        personal=PersonalStore(db),
        tombstones=TombstoneStore(db),
        counts=FigureStore(db, clock),
        leases=LeaseStore(db),
        journal=journal,
    )


def build_roster(settings: Settings, stores: Stores, clock: Clock) -> RosterCache:
    """Who trains here; nothing is read yet."""
    return RosterCache(stores.athletes, settings.athlete_ids, settings.hours(), clock)


def build_figures(settings: Settings, stores: Stores, roster: RosterCache, clock: Clock) -> Figures:
    """The source of `/stats`, `stats` and `GET /v1/stats`."""
    return Figures(
        counts=stores.counts,
        prompts=stores.taps.prompts,
        ledger=stores.taps.ledger,
        journal=stores.journal,
        roster=roster,
        clock=clock,
        zone=settings.timezone,
        late_after_days=settings.late_after_days,
        kept_days=settings.kept_days,
    )


def build_painter(settings: Settings) -> ChartProcess:
    """What draws the picture of the figures."""
    return ChartProcess(settings.data_dir / "charts")


def build_service(
    settings: Settings,
    stores: Stores,
    leadership: LeaderElection,
    hook: WebhookSettings | None,
    api: BotClient,
    clock: Clock,
    monitor: VitalsMonitor,
    meters: Meters,
    notifier: Notifier,
) -> Service:
    """Wire the flows; nothing runs yet."""
    limits = SendLimits()
    prompting, replying, alerting = (
        MeteredApi(api, meters, kind) for kind in (SendKind.PROMPT, SendKind.REPLY, SendKind.ALERT)
    )
    roster = build_roster(settings, stores, clock)
    figures = build_figures(settings, stores, roster, clock)
    answerer = CallbackAnswerer(replying)
    marker = MessageEditor(replying, limits)
    draw = build_painter(settings).draw
    languages = LanguageCache(stores.users, roster, settings.admin_ids, stores.tombstones)
    weeks = Weeks(
        stores.summaries,
        roster,
        clock,
        WeekRules(settings.late_after_days, settings.kept_days),
    )
    disclosed = DisclosureRules(settings.retention(), coach_is_told=settings.coach_chat_id is not None)
    personal = PersonalCommands(weeks, stores.personal, stores.journal, roster, clock, disclosed)
    commands = CommandReplies(
        *(replying, limits, figures.collect, roster, languages, draw, personal),
        admins=settings.admin_ids,
        coach_chat_id=settings.coach_chat_id,
    )
    forgetting = Erasure(
        *(stores.personal, stores.tombstones, stores.athletes, stores.users, stores.taps.touches),
        *(stores.journal, roster, languages, clock),
    )
    taps = TapHandler(
        roster,
        stores.taps,
        ButtonActions(stores.taps.letters, stores.tombstones, forgetting),
        settings.late_after_days,
        settings.coach_chat_id,
        meters,
    )
    books = Acknowledgements(stores.journal)
    responder = Responder(
        journal=stores.journal,
        books=books,
        taps=taps,
        languages=languages,
        answerer=answerer,
        marker=marker,
        commands=commands,
        clock=clock,
        late_after_days=settings.late_after_days,
        asked=settings.asked_details(),
    )
    recorder = UpdateProcessor(
        journal=stores.journal,
        books=books,
        roster=roster,
        taps=taps,
        requests=ChangeCommands(
            *(stores.athletes, roster, languages, stores.taps.prompts, stores.users),
            settings.late_after_days,
        ),
        notes=NoteHandler(stores.taps, settings.late_after_days, settings.coach_chat_id),
        tombstones=stores.tombstones,
        ledger=stores.taps.ledger,
        clock=clock,
        forgetting=forgetting,
        languages=languages,
        responder=responder,
        commands=commands,
        admins=settings.admin_ids,
        coach_chat_id=settings.coach_chat_id,
    )
    to_journal = (stores.journal, _fingerprint(settings), clock, recorder.wake)
    unkept = NotKeptNotice(answerer, roster, languages, clock).tell
    source: Source = (
        Poller(replying, *to_journal, polling=leadership, on_unkept=unkept, on_turn=notifier.turned)
        if hook is None
        else WebhookReceiver(
            *(api, hook, *to_journal), polling=leadership, on_unkept=unkept, on_turn=notifier.turned
        )
    )

    composer = PromptRenderer(
        *(stores.taps.letters, lambda: roster.roster, languages, clock, settings.timezone, weeks)
    )

    dispatcher = Dispatcher(
        *(prompting, stores.outbox, stores.send_slots, stores.taps.letters, composer, limits, clock),
        *(settings.timezone, lambda: roster.roster, roster.refresh),
    )

    async def caught_up() -> None:
        await source.caught_up()
        await recorder.drained()

    # Neither what can no longer be answered is asked again, nor what was answered and has expired since.
    answerable = min(repeated_within(settings.late_after_days), timedelta(days=settings.kept_days))
    return Service(
        leadership=leadership,
        source=source,
        books=books,
        recorder=recorder,
        answerer=answerer,
        marker=marker,
        commands=commands,
        dispatcher=dispatcher,
        planner=Planner(stores.plans, stores.slots, lambda: roster.roster, clock, settings.late_after_days),
        followups=PromptExpiry(stores.followups, clock, settings.late_after_days),
        absence=OutageRecovery(stores.journal, stores.followups, clock, caught_up, answerable),
        roster=roster,
        languages=languages,
        menus=MenuSync(api, roster, languages, settings.admin_ids),
        weekly=WeeklySummaries(
            stores.taps.prompts, weeks, lambda: roster.roster, settings.weekly_summary_time, clock
        ),
        watch=AdminAlerts(
            monitor.look,
            lambda: [*leadership.news(), *dispatcher.news()],
            notifier.status,
            stores.journal,
            alerting,
            limits,
            settings.admin_ids,
            languages.of,
            settings.timezone,
            ALERT_BOUNDS,
        ),
        figures=figures,
    )


def bot_name(settings: Settings) -> str:
    """By which the services of one bot, at one Bot API server, find each other in the database."""
    return f"bot-{_fingerprint(settings, settings.telegram_api_url):x}"


def _myself(journal: Journal, *, is_pushed: bool) -> Holder:
    """This run. It is the same service as the one before on this journal, which so makes way at once."""
    host = f"{socket.gethostname()} (process {os.getpid()})"
    return Holder(secrets.token_hex(8), f"{journal.identity:x}", host, is_pushed)


def _register(
    settings: Settings, journal: Journal, db: Database, takes_updates: Callable[[], bool]
) -> JournalRegister:
    place = (socket.gethostname(), str(settings.data_dir.resolve()))
    return JournalRegister(journal, JournalRegisterStore(db), bot_name(settings), *place, takes_updates)


def _fingerprint(settings: Settings, *more: str) -> int:
    """A number that tells one token from another, and tells nothing else about it."""
    token = settings.telegram_bot_token.get_secret_value() if settings.telegram_bot_token else ""
    return int.from_bytes(hashlib.sha256("\n".join((token, *more)).encode()).digest()[:7])


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
    _load_codecs()
    connections = share(raise_limit())
    steady = ClockGuard(system_clock, _elapsed, log.warning)
    clock = clock or steady
    notifier = Notifier(os.environ.get("NOTIFY_SOCKET"))
    counting = None if port is None else _counting()
    meters: Meters = counting or NoMeters()
    on_write = None if counting is None else counting.wrote
    async with AsyncExitStack() as stack:
        journal = await stack.enter_async_context(open_journal(settings.data_dir, clock))
        opened = await _unless(
            stop, stack.enter_async_context(_opened_database(settings, on_write, connections.mongodb))
        )
        if opened is None:
            return
        db, embedded = opened
        api = await stack.enter_async_context(
            BotClient(
                *(settings.telegram_bot_token.get_secret_value(), settings.telegram_api_url),
                *(steady.witness, connections.telegram),
            )
        )
        me = _myself(journal, is_pushed=hook is not None)
        stores = build_stores(db, journal, clock, me.service)
        leadership = LeaderElection(stores.leases, bot_name(settings), me, clock, _elapsed)

        def stands_by() -> bool:
            return hook is None and leadership.stands_by

        monitor = VitalsMonitor(db, journal, clock, stands_by)
        service = build_service(settings, stores, leadership, hook, api, clock, monitor, meters, notifier)
        server = None
        if port is not None and counting is not None:
            server = await stack.enter_async_context(
                open_http(settings, port, hook, db, journal, service, monitor, counting, clock)
            )
        # Not before everything that may fail: coroutines must be awaited once they are there.
        register = _register(settings, journal, db, lambda: not stands_by())
        upkeep = [_keep_indexes(db, declared_indexes(settings)), _watch_means(), register.run()]
        if settings.coach_chat_id is not None:
            upkeep.append(_redirect_alerts(stores.taps.letters, settings.coach_chat_id, clock))
        if embedded is not None:
            upkeep.append(embedded.supervise())
        if server is not None:
            upkeep.append(server.run())
        await _run(service, upkeep, stop, notifier)
        await _within(_GOODBYE, register.leave())
    log.info("stopped")


async def _watch_means() -> None:
    """Make sure, again and again, that threads can still be started: names are looked up in them, and whoever
    cannot reach MongoDB for want of one only seems to wait for it. And end where a callback has met the end
    of memory.

    Raises:
        ExhaustedError.
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
    while True:
        try:
            thread = threading.Thread(target=int, daemon=True)
            thread.start()
            thread.join()
        except (RuntimeError, MemoryError) as exc:
            raise ExhaustedError(exc) from None
        await asyncio.wait([failed], timeout=_LOOK_AT_MEANS)
        if failed.done():
            failed.result()


def _load_codecs() -> None:
    """What Python else imports when it is needed first, which may be when no file can be opened any more:
    then a message is not edited for want of a way to count its characters."""
    for name in ("ascii", "idna", "latin-1", "unicode_escape", "utf-8", "utf-16-le"):
        codecs.lookup(name)


def _counting() -> PrometheusMeters:
    # Who does not serve HTTP need not wait for it to be imported, nor count.
    from bot.metrics import PrometheusMeters  # noqa: PLC0415

    return PrometheusMeters()


def _recent_rate(figures: Figures, clock: Clock) -> float | None:
    """The write success rate of the latest figures; None if there are none, or they are old."""
    stats = figures.latest
    return (
        None
        if stats is None or clock() - stats.until > _RATE_HOLDS
        else (stats.feedback_event_write_success_rate)
    )


def _elapsed() -> float:
    """Seconds since the machine was started, its sleep included where the system tells."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


async def _run(
    service: Service, upkeep: Sequence[Coroutine[Any, Any, None]], stop: asyncio.Event, notifier: Notifier
) -> None:
    """Run all flows until `stop` or a failure; then end the sources, and the sinks once they are empty."""
    sources = _start(
        service.leadership.run(),
        service.source.run(),
        service.dispatcher.run(),
        *service.planner.loops(),
        service.followups.run(),
        service.absence.run(),
        service.roster.run(),
        service.languages.run(),
        service.menus.run(),
        service.weekly.run(),
        service.watch.run(),
        service.figures.keep(),
        *upkeep,
    )
    sinks = _start(
        *service.recorder.loops(), *service.answerer.loops(), service.marker.run(), service.commands.run()
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
        (ending,) = _start(_end_sources(sources, service.leadership))
        await _within(_FINISH_WRITES, service.recorder.drained())
        await _within(_FINISH_CALLS, _finish_calls(service))
        await ending
    finally:
        await _end([stopping, *sources, *sinks])
        with contextlib.suppress(JournalError):
            await service.books.settle()


async def _end_sources(sources: Collection[asyncio.Task[None]], leadership: LeaderElection) -> None:
    await _end(sources)
    await leadership.make_way()


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
    if left := await end_tasks(tasks, _CANCEL_TRIES):
        log.warning("stopping although %d tasks do not end", left)


async def _finish_calls(service: Service) -> None:
    await service.answerer.join()
    await service.dispatcher.finish()
    await service.marker.drain()


async def _within(seconds: float, work: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(work, seconds)


def declared_indexes(settings: Settings) -> tuple[Index, ...]:
    """The indexes that the settings ask for."""
    return declare(settings.retention(), metrics_per_athlete=settings.metrics_per_athlete)


async def _until_stored(work: Callable[[], Awaitable[_T]], meanwhile: str) -> _T:
    """Do what needs MongoDB, however long it is away; `meanwhile` is logged until then."""
    return await retry(work, _STORAGE_BACKOFF, FaultLog(log, waits=meanwhile, fails=meanwhile))


async def _keep_indexes(db: Database, indexes: Sequence[Index]) -> None:
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


async def _redirect_alerts(letters: CoachAlertStore, coach_chat_id: int, clock: Clock) -> None:
    """What could not be told in another chat is told in the one that is set now."""
    number = await _until_stored(
        lambda: letters.redirect(coach_chat_id, clock()),
        "alerts that did not arrive stay with the chat that they were for",
    )
    if number:
        log.info("%d alerts that did not arrive go to COACH_CHAT_ID now", number)


def journal_file(data_dir: Path) -> Path:
    """Where the journal of a data directory is."""
    return data_dir / "journal.sqlite3"


@asynccontextmanager
async def open_journal(
    data_dir: Path, clock: Clock | None = None, *, may_make: bool = True
) -> AsyncIterator[Journal]:
    """The journal of a data directory, closed at the end.

    Args:
        clock: of the service that has it; None opens it beside a service.
        may_make: see `Journal`.

    Raises:
        ConfigError: another service has it.
    """
    journal = Journal(journal_file(data_dir), clock, may_make=may_make)
    with contextlib.nullcontext() if clock is None else _locked_as_before(data_dir):
        try:
            await journal.open()
            yield journal
        finally:
            await journal.close()


@contextmanager
def _locked_as_before(data_dir: Path) -> Iterator[None]:
    """The release before knows this lock alone; beside it on one journal, either would lose entries. What
    counts is that the journal's own file is locked: this can go when nobody comes from that release any more.
    """
    lock = take(data_dir / _LOCK_BEFORE)
    try:
        yield
    finally:
        lock.release()


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """MongoDB for a command: at `MONGO_URL`, else the embedded one, started and stopped here.

    Commands wait for each other with stopping the embedded one; if the service that runs it ends meanwhile,
    it is started anew.

    Raises:
        ConfigError: `MONGO_URL` is no connection string.
        EmbeddedMongoError: the embedded MongoDB cannot run here.
    """
    async with _opened_database(settings, brief=True) as (db, embedded):
        if embedded is None:
            yield db
            return
        supervising = asyncio.create_task(embedded.supervise())
        try:
            yield db
        finally:
            await end_tasks([supervising], _CANCEL_TRIES)
            if supervising.done() and not supervising.cancelled():
                supervising.exception()  # what the command has met tells enough


@asynccontextmanager
async def _opened_database(
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
            log.info("embedded MongoDB at %s", url)
            if brief:
                options["selection_timeout"] = OPERATION_TIMEOUT
        else:
            url = settings.mongo_url.get_secret_value()
        db = connect(url, settings.mongo_db, DEFAULT_DB, on_write, **options)
        # The driver says goodbye to the server, and would wait half a minute for one that hangs.
        stack.push_async_callback(lambda: _within(_GOODBYE, db.client.close()))
        yield db, embedded


@asynccontextmanager
async def open_http(
    settings: Settings,
    port: int,
    hook: WebhookSettings | None,
    db: Database,
    journal: Journal,
    service: Service,
    monitor: VitalsMonitor,
    counting: PrometheusMeters,
    clock: Clock,
) -> AsyncIterator[HttpServer]:
    """The HTTP API and the webhook, whichever are on. It listens and is ready to run; at the end it answers
    what it has begun to answer.

    Raises:
        ConfigError: the address cannot be used; the variable at fault is named.
    """
    # Who does not serve HTTP need not wait for FastAPI to be imported.
    from bot.api.application import build  # noqa: PLC0415
    from bot.api.http.parts import ApiDependencies  # noqa: PLC0415
    from bot.api.http.server import HttpServer, url_of  # noqa: PLC0415
    from bot.api.routes.webhook import WebhookDoor  # noqa: PLC0415

    parts = ApiDependencies(
        db=db,
        journal=journal,
        roster=service.roster,
        figures=service.figures.collect,
        clock=clock,
        zone=settings.timezone,
        late_after_days=settings.late_after_days,
        kept_days=settings.kept_days,
        metrics_per_athlete=settings.metrics_per_athlete,
        base_url=url_of(settings.http_host, port),
        monitor=monitor,
        metrics=lambda vitals, accept: counting.page(vitals, _recent_rate(service.figures, clock), accept),
    )
    token = settings.http_token.get_secret_value() if settings.http_port and settings.http_token else None
    api = build(parts, token)
    if hook is not None and isinstance(service.source, WebhookReceiver):
        api = WebhookDoor(api, hook, service.source.take)
    # A local webhook may name the port alone.
    port_setting = "WEBHOOK_URL (--webhook)" if settings.http_port is None else "HTTP_PORT"
    server = HttpServer(api, settings.http_host, port, port_setting)
    await server.bind()
    try:
        yield server
    finally:
        await server.finish()


def is_served(data_dir: Path) -> bool:
    """Whether a bot is running on this data directory. To be asked before its journal is opened here."""
    return any(is_taken(path) for path in (journal_file(data_dir), data_dir / _LOCK_BEFORE))
