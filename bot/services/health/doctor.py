"""What `doctor` looks at in Telegram and in MongoDB, each look within a time of its own.

A look that fails or takes too long is a finding, and hides no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from bot.core.health import mongodb_checks as mongodb
from bot.core.health import telegram_checks as telegram
from bot.core.health.doctor_report import Finding, fail, fail_as_said, skip
from bot.core.health.machine_checks import skew_of
from bot.core.people.athlete import ContactHours, Roster, read_roster
from bot.core.plans.plan import MAX_DAYS
from bot.core.records.declaration import Index
from bot.core.shared.clock import Clock
from bot.core.shared.errors import BotError, TelegramChatMigrated, TelegramError, TelegramRejected
from bot.core.summary.summary import week_of
from bot.logs import describe_defect
from bot.store.inbox.journal_register import JournalRegisterStore
from bot.store.inbox.leases import LeaseStore
from bot.store.mongodb.client import Database
from bot.store.mongodb.date_repair import find_odd_dates
from bot.store.mongodb.indexes import examine
from bot.store.people.athletes import AthleteStore
from bot.store.plans import PlanStore
from bot.store.probes import blocked_chats, look, try_rights

PATIENCE = 4.0
"""Seconds for each look."""

_LOOK_BACK = timedelta(days=14)  # for prompts that could not be delivered
_MOST_PEOPLE = 20  # are asked about at Telegram
_MONGODB_CURE = "make sure that it runs, that MONGO_URL is right, and that it lets this machine in"
_TELEGRAM_CURE = "check this machine's network and proxy variables, and TELEGRAM_API_URL if you set it"


class AskingApi(Protocol):
    """The calls of the Bot API that only ask. They raise the `TelegramError` family."""

    async def get_me(self) -> dict[str, Any]:
        """The bot."""

    async def webhook_info(self) -> dict[str, Any]:
        """The webhook, and how many updates wait."""

    async def chat(self, chat_id: int) -> dict[str, Any]:
        """A chat; `TelegramRejected` if the bot does not know it, or may not write there."""


@dataclass(slots=True)
class DoctorNotes:
    """What one look finds out for another.

    Attributes:
        skews: how far our clock is ahead, by whose the other is.
        roster: None as long as nobody has read it.
        blocked: why the latest prompt could not be delivered, by chat.
        is_known: whether Telegram takes the token.
        webhook: what Telegram says of it; None as long as it was not asked.
        takers: the services that take updates from a webhook.
    """

    skews: dict[str, timedelta] = field(default_factory=dict)
    roster: Roster | None = None
    blocked: dict[int, str] = field(default_factory=dict)
    is_known: bool = False
    webhook: dict[str, Any] | None = None
    takers: list[str] = field(default_factory=list)

    def witness(self, date: str, now: datetime) -> None:
        """Telegram's time, as in a `Date` header."""
        if (skew := skew_of(date, now)) is not None:
            self.skews["Telegram"] = skew


async def take(
    check: str, work: Callable[[], Awaitable[Iterable[Finding]]], cure: str, patience: float = PATIENCE
) -> list[Finding]:
    """The findings of one look; a failure is one, too.

    Args:
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


async def look_at_telegram(api: AskingApi, notes: DoctorNotes) -> list[Finding]:
    """The token; and what Telegram says of the webhook, for `look_at_webhook`."""

    async def token() -> list[Finding]:
        me = await api.get_me()
        notes.is_known = True
        return [telegram.judge_bot(me)]

    async def webhook() -> list[Finding]:
        notes.webhook = await api.webhook_info()
        return []

    found = await take("token", token, _TELEGRAM_CURE)
    if not notes.is_known:
        return [*found, skip("webhook", "see token")]
    return found + await take("webhook", webhook, _TELEGRAM_CURE)


def look_at_webhook(api_url: str, webhook_url: str | None, clock: Clock, notes: DoctorNotes) -> list[Finding]:
    """The webhook, when it is known what Telegram and the other services say."""
    if notes.webhook is None:
        return []
    return [telegram.judge_webhook(notes.webhook, api_url, webhook_url, clock(), notes.takers)]


async def look_at_people(
    api: AskingApi | None,
    athlete_ids: Collection[int],
    admin_ids: Collection[int],
    coach_chat_id: int | None,
    notes: DoctorNotes,
) -> list[Finding]:
    """Whether there are athletes and admins whom the bot can write to, and a coach's chat, if one is set.

    Args:
        api: None where Telegram cannot be asked.
    """

    async def reach() -> list[Finding]:
        if api is None or not notes.is_known:
            return []
        athletes = notes.roster.athletes if notes.roster is not None else ()
        people = {a.chat_id: f"athlete {a.athlete_id}" for a in athletes if a.chat_id is not None}
        people |= {admin: people.get(admin, f"admin {admin}") for admin in sorted(admin_ids)}
        coach = {} if coach_chat_id is None else {coach_chat_id: telegram.COACH_CHAT}
        asked = list((coach | people | coach).items())[:_MOST_PEOPLE]  # first, and by that name
        reasons = await asyncio.gather(*(_unreachable(api, chat_id) for chat_id, _ in asked))
        found = {
            # Telegram tells who blocked the bot only when it writes to them.
            who: reason or notes.blocked.get(chat_id)
            for (chat_id, who), reason in zip(asked, reasons, strict=True)
        }
        return list(telegram.judge_unreachable({who: reason for who, reason in found.items() if reason}))

    return [
        *telegram.judge_lists(notes.roster, athlete_ids, admin_ids),
        *await take("people", reach, _TELEGRAM_CURE),
    ]


async def _unreachable(api: AskingApi, chat_id: int) -> str | None:
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
class ExpectedDatabase:
    """What the settings ask of the database.

    Attributes:
        place: where it is, for messages.
        hours: of athletes without their own.
        bot: by which its services find each other; None without a token.
        journal: the identity of the journal in DATA_DIR; None where there is none.
    """

    place: str
    indexes: Sequence[Index]
    athlete_ids: Collection[int]
    hours: ContactHours
    bot: str | None
    journal: str | None = None


async def look_at_mongodb(
    db: Database, expected: ExpectedDatabase, clock: Clock, notes: DoctorNotes
) -> list[Finding]:
    """The server first; if it answers, everything in it at once."""
    seen: list[mongodb.Server] = []

    async def server() -> Iterable[Finding]:
        found, notes.skews["MongoDB"] = await look(db, clock)
        seen.append(found)
        return mongodb.judge_server(found, expected.place)

    found = await take("mongodb", server, _MONGODB_CURE)
    if not seen:
        return [*found, *skip_mongodb("see mongodb")]

    async def rights() -> list[Finding]:
        return [mongodb.judge_rights(await try_rights(db), seen[0], db.name)]

    async def indexes() -> Iterable[Finding]:
        return mongodb.judge_indexes(await examine(db, expected.indexes), len(expected.indexes))

    async def dates() -> Iterable[Finding]:
        return mongodb.judge_dates((odd.problem, odd.cure) for odd in await find_odd_dates(db))

    async def plans() -> Iterable[Finding]:
        now = clock()
        monday = week_of(now, expected.hours.zone)
        people: list[Mapping[str, Any]] = list(await AthleteStore(db).all())
        notes.roster = read_roster(expected.athlete_ids, people, expected.hours)
        notes.blocked = await blocked_chats(db, now - _LOOK_BACK)
        # A long plan may begin long before the days that still matter.
        documents = await PlanStore(db).read((monday - timedelta(days=MAX_DAYS)).isoformat(), ())
        return [
            *telegram.judge_documents(people),
            *mongodb.judge_plans(documents, notes.roster, monday),
        ]

    async def services() -> list[Finding]:
        if expected.bot is None:
            return [skip("services", "see token")]
        peers = await LeaseStore(db).peers(expected.bot)
        notes.takers = [peer.host for peer in peers if peer.is_alive and peer.is_pushed]
        journals = [
            it
            for it in await JournalRegisterStore(db).of_bot(expected.bot)
            if it.identity != expected.journal
        ]
        return [mongodb.judge_services(peers), *mongodb.judge_journals(journals)]

    slow = "ask again when MongoDB has less to do; feedback-bot bootstrap takes its time"
    for looks in await asyncio.gather(
        take("rights", rights, "see what MongoDB's log says about disks and members of the replica set"),
        take("indexes", indexes, slow),
        take("dates", dates, slow),
        take("plans", plans, _MONGODB_CURE),
        take("services", services, _MONGODB_CURE),
    ):
        found += looks
    return found


def skip_mongodb(why: str) -> list[Finding]:
    """What cannot be looked at without MongoDB."""
    return [skip(check, why) for check in ("rights", "indexes", "dates", "plans", "services")]
