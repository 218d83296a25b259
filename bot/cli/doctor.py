"""The command `doctor`: checks of Telegram, MongoDB and this machine.

Facts are gathered here and judged in `bot.core.health`.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from bot.app.bootstrap import bot_name
from bot.app.database import declared_indexes, open_database
from bot.app.instance_lock import is_served, journal_file, open_journal
from bot.app.journals import is_in_mongodb
from bot.core.health import machine_checks as machine
from bot.core.health import mongodb_checks as mongodb
from bot.core.health import telegram_checks as telegram
from bot.core.health.doctor_report import (
    Finding,
    fail,
    fail_as_said,
    has_failed,
    in_order,
    ok,
    skip,
    to_json,
    warn,
)
from bot.core.people.athlete import Roster, read_roster
from bot.core.plans.dates import MAX_DAYS
from bot.core.plans.ownership import plan_name
from bot.core.prompts.undelivered import ClosedChat
from bot.core.shared.clock import Clock, system_clock
from bot.core.shared.errors import (
    BotError,
    ConfigError,
    RestoreUnfinished,
    StorageError,
    TelegramChatMigrated,
    TelegramError,
    TelegramRejected,
)
from bot.core.shared.printable import one_line
from bot.core.summary.summary import week_of
from bot.logs import RedactingFormatter, describe_defect, setup_logging
from bot.services.health.doctor_machine import (
    is_ours,
    is_short_lived,
    look_at_data_dir,
    look_at_journal,
    look_at_port,
    look_at_privacy,
    look_at_shared_journal,
    look_for_journal,
    machine_zone,
)
from bot.settings import ENV_FILE, Settings, doubts, load_readable
from bot.store.backups.mark import RestoreMark
from bot.store.inbox.journal_file import read_witness
from bot.store.inbox.journal_register import JournalRegisterStore
from bot.store.inbox.leases import LeaseStore
from bot.store.inbox.mongodb_journal import MongoJournal, identity_of
from bot.store.mongodb.client import Database, within
from bot.store.mongodb.date_repair import find_odd_dates
from bot.store.mongodb.indexes import examine
from bot.store.people.athletes import AthleteStore
from bot.store.plans import PlanStore
from bot.store.probes import look, try_rights
from bot.store.prompts.undelivered import UndeliveredStore
from bot.telegram.client import BotClient

PATIENCE = 4.0
"""Seconds for each look."""

# Seconds. After a crash the embedded MongoDB replays its journal first.
_EMBEDDED_STARTS_WITHIN = 20.0
_MOST_PEOPLE = 20  # are asked about at Telegram
_EMBEDDED_CURE = "look into DATA_DIR/mongodb/mongod.log, or set MONGO_URL to a MongoDB server"
_MONGODB_CURE = "make sure that it runs, that MONGO_URL is right, and that it lets this machine in"
_TELEGRAM_CURE = "check this machine's network and proxy variables, and TELEGRAM_API_URL if you set it"
_BUSY_CURE = "ask again when MongoDB has less to do; feedback-bot bootstrap takes its time"


@click.command(short_help="Check everything that the bot needs.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def doctor(as_json: bool) -> int:
    """Check everything that the bot needs: one line each, with the cure where something is wrong.

    Configuration, DATA_DIR, journal, token, webhook, athletes, MongoDB with rights, indexes and dates, plans,
    clock, time zone, HTTP port. It may run beside the service; run it as the same user. It tries a file in
    DATA_DIR and a collection in MongoDB, and takes them away again. Without MONGO_URL it starts the embedded
    MongoDB, whose files stay in DATA_DIR, unless they would belong to somebody else than DATA_DIR. It makes
    nothing else.

    The exit status is 0 when nothing FAILs, 1 when something does, 2 when the configuration cannot be read;
    whatever can be checked then, is.
    """
    findings = examine_all()
    click.echo(json.dumps(to_json(findings), indent=2) if as_json else "\n".join(map(str, findings)))
    if any(finding.level == "FAIL" and finding.check == "config" for finding in findings):
        return ConfigError.exit_status
    return BotError.exit_status if has_failed(findings) else 0


def examine_all() -> list[Finding]:
    """What there is to say of everything that the settings name, in the order in which it is shown; logging
    is silent from here on, since the findings say it all."""
    settings, faults = load_readable()
    setup_logging("CRITICAL", settings.log_format, settings.secrets())
    formatter = RedactingFormatter(settings.secrets(), as_json=False)

    def redact(text: str) -> str:
        return one_line(formatter.redact(text))  # names and reasons are somebody else's words

    return [
        replace(finding, message=redact(finding.message), cure=finding.cure and redact(finding.cure))
        for finding in in_order(asyncio.run(_look_at_all(settings, faults)))
    ]


async def _look_at_all(settings: Settings, faults: Sequence[str]) -> list[Finding]:
    findings = [fail_as_said("config", fault) for fault in faults]
    findings += [warn("config", doubt, cure) for doubt, cure in doubts(os.environ)]
    async with AsyncExitStack() as stack:
        findings += await Examination(settings, faults, stack).run(ALL_CHECKS)
    # MONGO_URL is read last, by the driver.
    if not any(finding.check == "config" for finding in findings):
        findings.append(ok("config", "every setting can be read"))
    return findings


async def take(
    check: str, work: Callable[[], Awaitable[Iterable[Finding]]], cure: str, patience: float = PATIENCE
) -> list[Finding]:
    """The findings of one look; a failure is one, too, and hides no other look.

    Args:
        check: whose finding a failure is.
        work: the look.
        cure: what helps where an error does not say it.
        patience: seconds.
    """
    try:
        async with asyncio.timeout(patience):
            return list(await work())
    except TimeoutError:
        return [fail(check, f"no result within {patience:g} s", cure)]
    except BotError as exc:
        said = fail_as_said(check, str(exc))
        return [said if said.cure else fail(check, said.message, cure)]
    except Exception as exc:  # noqa: BLE001  # one look that is broken must not hide the others
        return [fail(check, f"unexpected {describe_defect(exc)}", "please report this")]


class Examination:
    """Everything that the settings name, looked at once; one look finds out things for another.

    Args:
        faults: what in the settings cannot be read, where defaults stand in; that is not looked at.
        stack: closes what the looks open.

    Attributes:
        bot: by which its services find each other; None without a token.
        database: None as long as MongoDB has not been opened.
        reached: the checks that others need and that were passed.
    """

    def __init__(
        self, settings: Settings, faults: Sequence[str], stack: AsyncExitStack, clock: Clock = system_clock
    ) -> None:
        self._settings = settings
        self._faults = faults
        self._stack = stack
        self._clock = clock
        self._is_served = False
        self._api: BotClient | None = None
        self._server: mongodb.Server | None = None
        self._skews: dict[str, timedelta] = {}  # how far our clock is ahead, by whose the other is
        self._roster: Roster | None = None
        self._closed: dict[int, ClosedChat] = {}
        self._webhook_takers: list[str] = []  # the services that take updates from a webhook
        self.bot = None if settings.telegram_bot_token is None else bot_name(settings)
        self.database: Database | None = None
        self.reached: set[str] = set()

    async def run(self, checks: Iterable[Check]) -> list[Finding]:
        """All findings of these checks, in their order; each begins when those that it names have ended."""
        tasks: dict[str, asyncio.Task[list[Finding]]] = {}
        for check in checks:
            earlier = [tasks[name] for name in (*check.needs, *check.after) if name in tasks]
            tasks[check.name] = asyncio.create_task(self._carry_out(check, earlier))
        return [finding for found in await asyncio.gather(*tasks.values()) for finding in found]

    async def _carry_out(self, check: Check, earlier: Iterable[asyncio.Task[Any]]) -> list[Finding]:
        await asyncio.gather(*earlier)
        if why := self._why_not(check):
            return [skip(name, why) for name in (check.name, *check.covers)]
        return await take(check.name, lambda: check.look(self), check.cure, check.patience)

    def _why_not(self, check: Check) -> str | None:
        if unread := self._unread(*check.reads):
            return f"{unread} cannot be read"
        needs = set(check.needs)
        if "MONGO_URL" in check.reads and self._settings.mongo_url is not None:
            needs.discard("data")  # the embedded one alone has its files there
        return next((f"see {name}" for name in check.needs if name in needs - self.reached), None)

    def _unread(self, *names: str) -> str | None:
        """Which of these variables, or of all, could not be read."""
        return next(
            (
                name
                for name in names
                if any(name in fault or "cannot be read (" in fault for fault in self._faults)
            ),
            None,
        )

    # This machine.

    async def data(self) -> list[Finding]:
        """DATA_DIR, the disk it is on, and who can read what is in it."""
        data_dir = self._settings.data_dir
        if is_in_mongodb(self._settings) and not data_dir.exists():
            self.reached.add("data")
            return [ok("data", "not needed, with the journal in MongoDB")]
        found, is_usable = await asyncio.to_thread(look_at_data_dir, data_dir)
        if not is_in_mongodb(self._settings) and (platform := is_short_lived(data_dir, os.environ)):
            has_database = self._settings.mongo_url is None
            found.append(machine.judge_lasting(platform, str(data_dir), has_database=has_database))
        if is_usable:
            self.reached.add("data")
            self._is_served = is_served(data_dir)
        return found + await asyncio.to_thread(look_at_privacy, data_dir, ENV_FILE)

    async def journal(self) -> list[Finding]:
        """The journal on disk, and what it tells of the service."""
        data_dir = self._settings.data_dir
        file = journal_file(data_dir)
        if is_in_mongodb(self._settings):
            return await self._left_on_disk(file)
        if not file.exists() or not file.stat().st_size:
            service = machine.judge_service(
                is_running=self._is_served, last_poll=None, now=self._clock(), data_dir=str(data_dir)
            )
            return [service, look_for_journal(file)]

        async def work() -> Iterable[Finding]:
            async with open_journal(data_dir) as journal:
                return await look_at_journal(journal, file, self._clock, is_served=self._is_served)

        found = await take("journal", work, "restore DATA_DIR from a backup (docs/backup.md)")
        return [machine.judge_unreadable(it, is_served=self._is_served) for it in found]

    async def _left_on_disk(self, file: Path) -> list[Finding]:
        """The journal of before, if something waits in it."""
        if not await asyncio.to_thread(file.exists):
            return []
        async with open_journal(file.parent, may_make=False) as journal:
            number = (await journal.state()).pending
        return [machine.judge_left(str(file), number)] if number else []

    async def http(self) -> list[Finding]:
        """The port of the HTTP API."""
        settings = self._settings
        if self._unread("HTTP_PORT", "HTTP_TOKEN", "HTTP_HOST"):
            return [skip("http", "see config")]
        if settings.http_port is None:
            return [ok("http", "off; HTTP_PORT and HTTP_TOKEN switch it on")]
        state, detail = await look_at_port(settings.http_host, settings.http_port)
        address = f"{settings.http_host}:{settings.http_port}"
        found = [machine.judge_http(address, state, is_running=self._is_served, detail=detail)]
        if doubt := machine.open_without_tls(settings.http_host, has_proxy=settings.has_proxy):
            found.append(warn("http", *doubt))
        return found

    async def clock(self) -> list[Finding]:
        """This machine's clock beside those of Telegram and MongoDB."""
        return [machine.judge_clock(self._skews)]

    async def timezone(self) -> list[Finding]:
        """The zone of session dates."""
        settings = self._settings
        is_set = "timezone" in settings.model_fields_set
        return [machine.judge_zone(settings.timezone, machine_zone(), self._clock(), is_set=is_set)]

    # Telegram.

    async def token(self) -> list[Finding]:
        """Whether Telegram takes the token."""
        settings = self._settings
        if settings.telegram_bot_token is None:
            cure = "TELEGRAM_BOT_TOKEN=<what @BotFather shows>, in .env"
            return [fail("token", "TELEGRAM_BOT_TOKEN is not set", cure)]
        token = settings.telegram_bot_token.get_secret_value()
        api = BotClient(token, settings.telegram_api_url, self._note_telegrams_time)
        self._api = await self._stack.enter_async_context(api)
        me = await self._api.get_me()
        self.reached.add("token")
        return [telegram.judge_bot(me), *telegram.judge_taps(me)]

    def _note_telegrams_time(self, date: str) -> None:
        if (skew := machine.skew_of(date, self._clock())) is not None:
            self._skews["Telegram"] = skew

    async def webhook(self) -> list[Finding]:
        """The webhook as Telegram has it, against the settings and the services that take updates."""
        assert self._api is not None  # noqa: S101 # `token` is passed
        info = await self._api.webhook_info()
        settings = self._settings
        return [
            telegram.judge_webhook(
                info, settings.telegram_api_url, settings.webhook_url, self._clock(), self._webhook_takers
            )
        ]

    async def people(self) -> list[Finding]:
        """Athletes, admins and the coach's chat: whether they are there and can be written to."""
        settings = self._settings
        return [
            *telegram.judge_lists(self._roster, settings.athlete_ids, settings.admin_ids),
            *await take("people", self._unreachable_people, _TELEGRAM_CURE),
        ]

    async def _unreachable_people(self) -> list[Finding]:
        api, coach_chat = self._api, self._settings.coach_chat_id
        if api is None or "token" not in self.reached:
            return []
        athletes = self._roster.athletes if self._roster is not None else ()
        people = {a.chat_id: f"athlete {a.athlete_id}" for a in athletes if a.chat_id is not None}
        people |= {admin: people.get(admin, f"admin {admin}") for admin in sorted(self._settings.admin_ids)}
        coach = {} if coach_chat is None else {coach_chat.chat_id: telegram.COACH_CHAT}
        asked = list((coach | people | coach).items())[:_MOST_PEOPLE]  # first, and by that name
        reasons = await asyncio.gather(*(_unreachable(api, chat_id) for chat_id, _ in asked))
        found = {
            # Telegram tells who blocked the bot only when it writes to them.
            chat_id: reason or (self._closed[chat_id].reason if chat_id in self._closed else None)
            for (chat_id, _), reason in zip(asked, reasons, strict=True)
        }
        found |= {
            chat_id: chat.reason
            for chat_id, chat in self._closed.items()
            if chat.waiting and found.get(chat_id) is None
        }
        names = {chat_id: f"chat {chat_id}" for chat_id in found} | people | dict(asked)
        return list(
            telegram.judge_unreachable(
                {names[chat_id]: reason for chat_id, reason in found.items() if reason is not None},
                {names[chat_id]: chat.waiting for chat_id, chat in self._closed.items() if chat_id in names},
            )
        )

    # MongoDB.

    async def mongodb(self) -> list[Finding]:
        """The server."""
        settings = self._settings
        if settings.mongo_url is None and not self._is_served and not is_ours(settings.data_dir):
            why = (
                "the embedded MongoDB's files would not be the service's; run this as the service's user"
                if settings.data_dir.exists()
                else "there is no embedded MongoDB yet, and root does not make it; run this as the service's"
                " user"
            )
            return [skip("mongodb", why)]
        found = await take("mongodb", self._open_database, _EMBEDDED_CURE, _EMBEDDED_STARTS_WITHIN)
        if self.database is None:
            return found
        return await take("mongodb", self.server, _MONGODB_CURE)

    async def _open_database(self) -> list[Finding]:
        try:
            self.database = await self._stack.enter_async_context(open_database(self._settings))
        except ConfigError as exc:
            return [fail_as_said("config", str(exc)), skip("mongodb", "see config")]
        return []

    async def server(self) -> list[Finding]:
        """The server of an opened MongoDB."""
        with within(PATIENCE - 1):  # so that the driver has the time to say why there is no answer
            self._server, self._skews["MongoDB"] = await look(self._db, self._clock)
        self.reached.add("mongodb")
        findings = list(mongodb.judge_server(self._server, self._settings.mongo_place()))
        try:
            await RestoreMark(self._db).require_none()
        except RestoreUnfinished as exc:
            findings.append(fail_as_said("mongodb", str(exc)))
        except StorageError:
            pass  # what this user may not do is told of rights
        return findings

    @property
    def _db(self) -> Database:
        assert self.database is not None  # noqa: S101 # `mongodb` is passed
        return self.database

    async def rights(self) -> list[Finding]:
        """Whether the bot may do there what it does."""
        assert self._server is not None  # noqa: S101 # `mongodb` is passed
        return [mongodb.judge_rights(await try_rights(self._db), self._server, self._db.name)]

    async def indexes(self) -> list[Finding]:
        """The indexes beside their declaration."""
        declared = declared_indexes(self._settings)
        return list(mongodb.judge_indexes(await examine(self._db, declared), len(declared)))

    async def dates(self) -> list[Finding]:
        """Timestamps that are no dates."""
        return list(mongodb.judge_dates((odd.problem, odd.cure) for odd in await find_odd_dates(self._db)))

    async def plans(self) -> list[Finding]:
        """The plans of this week and later, and the roster they are for."""
        now, hours = self._clock(), self._settings.hours()
        monday = week_of(now, hours.zone)
        people: list[Mapping[str, Any]] = list(await AthleteStore(self._db).all())
        self._roster = read_roster(self._settings.athlete_ids, people, hours)
        closed = await UndeliveredStore(self._db).closed(self._settings.late_after_days, now)
        self._closed = {chat.chat_id: chat for chat in closed}
        # A long plan may begin long before the days that still matter.
        plans = PlanStore(self._db)
        documents = await plans.read((monday - timedelta(days=MAX_DAYS)).isoformat(), ())
        known = await plans.decisions.of(map(plan_name, documents))
        return [
            *telegram.judge_documents(people),
            *mongodb.judge_plans(documents, self._roster, monday, known),
        ]

    async def shared_journal(self) -> list[Finding]:
        """The journal in MongoDB, and what it tells of the services."""
        assert self.bot is not None  # noqa: S101 # `services` has looked
        self._is_served = any(peer.is_alive for peer in await LeaseStore(self._db).peers(self.bot))
        known = await JournalRegisterStore(self._db).of_bot(self.bot)
        ours = [it.numbers for it in known if it.identity == f"{identity_of(self.bot):x}"]
        journal = MongoJournal(self._db, self.bot)
        return await look_at_shared_journal(
            journal, ours[0] if ours else None, self._clock, is_served=self._is_served
        )

    async def services(self) -> list[Finding]:
        """The services of this bot, and their journals."""
        if self.bot is None:
            return [skip("services", "see token")]
        peers = await LeaseStore(self._db).peers(self.bot)
        self._webhook_takers = [peer.host for peer in peers if peer.is_alive and peer.is_pushed]
        known = read_witness(journal_file(self._settings.data_dir))
        ours = None if known is None else f"{known[0]:x}"
        if is_in_mongodb(self._settings):
            ours = f"{identity_of(self.bot):x}"
        register = JournalRegisterStore(self._db)
        journals = [it for it in await register.of_bot(self.bot) if it.identity != ours]
        found = [mongodb.judge_services(peers), *mongodb.judge_journals(journals)]
        if is_in_mongodb(self._settings):
            found += await take("journal", self.shared_journal, _MONGODB_CURE)
        return found


async def _unreachable(api: BotClient, chat_id: int) -> str | None:
    """Why Telegram lets the bot not write there; None if it does, or does not say."""
    try:
        await api.chat(chat_id)
    except TelegramChatMigrated:
        return None  # the bot follows
    except TelegramRejected as exc:
        return str(exc)
    except TelegramError:
        return None
    return None


@dataclass(frozen=True, slots=True)
class Check:
    """One look.

    Attributes:
        name: of `bot.core.health.doctor_report.CHECKS`; a failure of the look is its finding.
        look: what is looked at.
        reads: variables without which it is skipped.
        needs: checks that must be passed before it; else it is skipped.
        after: checks that must have ended before it, however.
        covers: further checks that it has findings of, and that are skipped with it.
        cure: what helps where an error does not say it.
        patience: seconds.
    """

    name: str
    look: Callable[[Examination], Awaitable[Iterable[Finding]]]
    reads: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    cure: str = "please report this"
    patience: float = PATIENCE


_TELEGRAM = ("TELEGRAM_BOT_TOKEN", "TELEGRAM_API_URL")
_MONGODB = ("MONGO_URL", "MONGO_DB")
_OPEN = ("data", "mongodb")

IN_MONGODB = (
    Check(
        "rights",
        Examination.rights,
        _MONGODB,
        _OPEN,
        cure="see what MongoDB's log says about disks and members of the replica set",
    ),
    Check("indexes", Examination.indexes, _MONGODB, _OPEN, cure=_BUSY_CURE),
    Check("dates", Examination.dates, _MONGODB, _OPEN, cure=_BUSY_CURE),
    Check("plans", Examination.plans, _MONGODB, _OPEN, cure=_MONGODB_CURE),
    Check("services", Examination.services, _MONGODB, _OPEN, cure=_MONGODB_CURE),
)
"""The checks that need the server's answer."""

ALL_CHECKS = (
    Check("data", Examination.data, ("DATA_DIR",), patience=60),
    Check("journal", Examination.journal, needs=("data",), covers=("service",), patience=2 * PATIENCE),
    Check("token", Examination.token, _TELEGRAM, after=("data",), cure=_TELEGRAM_CURE),
    Check(
        "mongodb",
        Examination.mongodb,
        _MONGODB,
        ("data",),
        patience=_EMBEDDED_STARTS_WITHIN + 2 * PATIENCE,
    ),
    *IN_MONGODB,
    Check(
        "http",
        Examination.http,
        after=("data",),
        cure="stop what holds the port, or set another HTTP_PORT",
    ),
    Check(
        "people",
        Examination.people,
        ("ATHLETE_IDS", "ADMIN_IDS"),
        after=("token", "plans"),
        patience=2 * PATIENCE,
    ),
    Check(
        "webhook",
        Examination.webhook,
        _TELEGRAM,
        ("token",),
        after=("services",),
        cure=_TELEGRAM_CURE,
    ),
    Check("clock", Examination.clock, after=("people", "webhook")),
    Check("timezone", Examination.timezone, ("TIMEZONE",)),
)
"""Every check; findings of one name are shown in this order."""
