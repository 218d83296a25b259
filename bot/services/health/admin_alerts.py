"""Tells admins when something breaks, and when it is well again: one message each, never a storm.

What is to be told is remembered in the journal before it is sent, and that it was sent after it: so neither a
restart nor a crash loop tells it again, and none swallows it. Whoever could not be reached meanwhile learns
from the all-clear since when and how long.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Protocol, TypeAlias

from bot.core.health.admin_alert_texts import alert
from bot.core.health.vitals import (
    AlertBounds,
    Broke,
    ChatsClosed,
    CoachUnreachable,
    DeadLettersGrew,
    JournalEntriesMissing,
    News,
    Part,
    PartAlert,
    PartFinding,
    PartHistory,
    Recovered,
    TookOver,
    TopicLost,
    Vitals,
    broken,
    decide,
    examine,
    newly_dead,
)
from bot.core.i18n.language import Language
from bot.core.inbox.journal_loss import JournalLoss
from bot.core.shared.clock import from_ms, to_ms
from bot.core.shared.errors import (
    JournalError,
    TelegramError,
    TelegramNotSent,
    TelegramRateLimited,
    TelegramRejected,
)
from bot.core.telegram.rate_limits import SendLimits
from bot.core.telegram.refusals import Refusal
from bot.logs import Recurring, describe_defect
from bot.services.periodic import FaultLog, repeat
from bot.services.telegram.api import BotApi
from bot.services.telegram.sending import rate_limited
from bot.store.inbox.journal import Journal, read_loss

log = logging.getLogger(__name__)

_INTERVAL = 5.0
# A message whose fate nobody knows is sent again for a while: better twice than not at all.
_UNKNOWN_PAUSE, _UNKNOWN_LONGEST = 120.0, 1_800.0
_DEAD, _DEAD_TOLD, _DEAD_SENT = "alert_dead_letters", "alert_dead_letters_told_ms", "alert_dead_letters_sent"

_LOSS_SENT = "alert_loss_sent_ms"

_Subject: TypeAlias = (
    Part | Refusal | type[TookOver | CoachUnreachable | JournalEntriesMissing] | TopicLost | None
)
"""What news are about; None: dead letters."""


class ClosedChatNews(Protocol):
    """Knows which chats take no messages, and remembers that admins were told."""

    async def untold(self) -> Sequence[ChatsClosed]:
        """What is to be told now; each once."""

    async def told(self, news: ChatsClosed) -> None:
        """It was told."""


class AdminAlerts:
    """Looks every few seconds how the service is.

    Args:
        look: takes the vitals.
        events: what has happened since it was asked last, and is to be told.
        closed_chats: which chats take no messages.
        report: takes a line about how the service is, after every look.
        admins: ADMIN_IDS; each is written to in private.
        language: of an admin.
        zone: in which times are shown.
        monotonic: the clock of `limits`.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[Vitals]],
        events: Callable[[], Iterable[TookOver | CoachUnreachable | TopicLost]],
        closed_chats: ClosedChatNews,
        report: Callable[[str], None],
        journal: Journal,
        api: BotApi,
        limits: SendLimits,
        admins: Collection[int],
        language: Callable[[int], Language],
        zone: tzinfo,
        bounds: AlertBounds,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._events = events
        self._closed_chats = closed_chats
        self._report = report
        self._journal = journal
        self._api = api
        self._limits = limits
        self._admins = sorted(admins)
        self._language = language
        self._zone = zone
        self._bounds = bounds
        self._monotonic = monotonic
        self._told: dict[Part, PartAlert] = {part: PartAlert() for part in Part}
        self._dead_told = 0
        self._dead_told_at: datetime | None = None
        self._loss_put: tuple[JournalLoss, datetime] | None = None
        self._histories: dict[Part, PartHistory] = {part: PartHistory() for part in Part}
        self._ending: dict[Part, datetime] = {}
        self._ended: set[Part] = set()
        self._is_loaded = False
        self._load_trouble = Recurring(log)
        self._waiting: dict[int, dict[_Subject, News]] = {admin: {} for admin in self._admins}
        self._unknown_since: dict[int, float] = {}
        self._faults = FaultLog(
            log, waits="watching waits", fails="watching fails", again="watching works again", expected=()
        )

    async def run(self) -> None:
        """Watch until cancelled."""
        await asyncio.sleep(_INTERVAL)  # nothing has been polled yet
        await repeat(self.look, _INTERVAL, self._faults)

    async def look(self) -> None:
        """Look once, and tell what is to be told."""
        vitals = await self._look()
        findings = examine(vitals)
        parts = broken(findings)
        self._report(f"broken: {', '.join(parts)}; the log says why" if parts else "well")
        if not self._admins:
            return
        if not self._is_loaded:
            await self._load()
        for part in set(Part) - {finding.part for finding in findings}:
            self._histories[part] = PartHistory()  # nobody knows how it is meanwhile
        for finding in findings:
            await self._consider(finding, vitals.at)
        await self._consider_dead_letters(vitals)
        await self._consider_losses()
        for event in self._events():
            self._put(event if isinstance(event, TopicLost) else type(event), event)
        for closed in await self._closed_chats.untold():
            self._put(closed.refusal, closed)
        await asyncio.gather(*(self._deliver(admin) for admin in self._admins))
        await self._close(vitals.at)

    async def _load(self) -> None:
        """What was told before the restart."""
        try:
            facts = await self._journal.facts()
        except JournalError as exc:
            self._load_trouble.met(
                f"nobody knows what admins were told before the restart: {exc}", logging.ERROR
            )
            # One in MongoDB comes back with it.
            self._is_loaded = not self._journal.is_shared
            return
        self._is_loaded = True
        self._load_trouble.over("it is known what admins were told before the restart")

        def instant(name: str) -> datetime | None:
            return from_ms(facts[name]) if name in facts else None

        for part in Part:
            if _since(part) in facts:
                self._told[part] = PartAlert(instant(_since(part)), instant(_told_at(part)))
        self._dead_told, self._dead_told_at = facts.get(_DEAD, 0), instant(_DEAD_TOLD)
        for part, told in self._told.items():
            if told.since is not None and facts.get(_sent(part)) != to_ms(told.since):
                self._put(part, Broke(part, told.since))
        if (untold := self._dead_told - facts.get(_DEAD_SENT, 0)) > 0:
            self._put(None, DeadLettersGrew(untold))

    async def _consider(self, finding: PartFinding, now: datetime) -> None:
        part = finding.part
        history = self._histories[part] = self._histories[part].after(finding, now, self._bounds)
        if part in self._ending:
            return  # first things first
        match news := decide(part, history, self._told[part], now, self._bounds):
            case Broke():
                log.warning("telling the admins: %s is broken", part)
                self._told[part] = PartAlert(news.since, now)
                facts = {_since(part): to_ms(news.since), _told_at(part): to_ms(now)}
                await self._journaled(self._journal.remember(facts))
            case Recovered():
                log.info("telling the admins: %s is well again", part)
                self._ending[part] = now
        if news is not None:
            self._put(part, news)

    async def _consider_dead_letters(self, vitals: Vitals) -> None:
        if vitals.dead_letters is None:
            return
        number = newly_dead(vitals.dead_letters, self._dead_told, self._dead_told_at, vitals.at, self._bounds)
        if number:
            self._dead_told, self._dead_told_at = vitals.dead_letters, vitals.at
            facts = {_DEAD: vitals.dead_letters, _DEAD_TOLD: to_ms(vitals.at)}
            await self._journaled(self._journal.remember(facts))
            self._put(None, DeadLettersGrew(number))

    async def _consider_losses(self) -> None:
        """The journal remembers what it lacks, and whether somebody was told."""
        try:
            facts = await self._journal.facts()
        except JournalError:
            return  # told as a part that is broken
        if (found := read_loss(facts)) is None or found == self._loss_put:
            return
        loss, found_at = self._loss_put = found
        if to_ms(found_at) != facts.get(_LOSS_SENT):
            log.warning("telling the admins: the journal lacks entries")
            self._put(JournalEntriesMissing, JournalEntriesMissing(loss, found_at))

    def _put(self, subject: _Subject, news: News) -> None:
        for waiting in self._waiting.values():
            match news, waiting.get(subject):
                case DeadLettersGrew(number), DeadLettersGrew(untold):
                    waiting[subject] = DeadLettersGrew(untold + number)
                case ChatsClosed(refusal, who), ChatsClosed() as before:
                    waiting[subject] = ChatsClosed(refusal, {**before.who, **who})
                case _:
                    # An all-clear takes the place of a message that did not get through.
                    waiting[subject] = news

    async def _deliver(self, admin: int) -> None:
        """Send everything that waits for an admin, in one message; what may be sent later goes on waiting."""
        waiting = self._waiting[admin]
        # That something broke is no news when it works again; then the all-clear says everything.
        news = {subject: item for subject, item in waiting.items() if not self._is_outdated(item)}
        if not news or admin in self._limits.waiting(self._monotonic()):
            return
        try:
            text = alert(news.values(), self._language(admin), self._zone)
            async with rate_limited(self._limits, admin, self._monotonic):
                await self._api.send(admin, text)
            self._ended |= {item.part for item in news.values() if isinstance(item, Recovered)}
        except TelegramRateLimited as exc:
            self._limits.hold(admin, self._monotonic() + exc.retry_after)
            return
        except TelegramNotSent:
            return
        except TelegramRejected as exc:
            log.warning("an admin cannot be told: %s", exc)
        except TelegramError as exc:
            now = self._monotonic()
            if now - self._unknown_since.setdefault(admin, now) < _UNKNOWN_LONGEST:
                self._limits.hold(admin, now + _UNKNOWN_PAUSE)
                return
            log.warning("an admin was perhaps not told: %s", exc)
        except Exception as exc:  # noqa: BLE001  # one admin's defect must not keep it from the others
            log.error("telling an admin failed unexpectedly: %s", describe_defect(exc))
        self._unknown_since.pop(admin, None)
        for subject in news:
            del waiting[subject]
        if facts := self._sent_facts(news.values()):
            await self._journaled(self._journal.remember(facts))
        for item in news.values():
            if isinstance(item, ChatsClosed):
                await self._closed_chats.told(item)

    def _sent_facts(self, news: Iterable[News]) -> dict[str, int]:
        facts = {_sent(item.part): to_ms(item.since) for item in news if isinstance(item, Broke)}
        if any(isinstance(item, DeadLettersGrew) for item in news):
            facts[_DEAD_SENT] = self._dead_told
        losses = [item for item in news if isinstance(item, JournalEntriesMissing)]
        return facts | ({_LOSS_SENT: to_ms(losses[0].found_at)} if losses else {})

    def _is_outdated(self, news: News) -> bool:
        return isinstance(news, Broke) and self._histories[news.part].is_well is True

    async def _close(self, now: datetime) -> None:
        """Forget the troubles whose end somebody was told, or nobody could be told for long."""
        for part, since in tuple(self._ending.items()):
            is_told = part in self._ended or not any(part in waiting for waiting in self._waiting.values())
            # An admin who cannot be written to must not silence the part for the others.
            if is_told or now < since or now - since >= self._bounds.apart:
                del self._ending[part]
                self._ended.discard(part)
                told, self._told[part] = self._told[part], PartAlert(None, self._told[part].told_at)
                if told.since is not None:
                    for name in (_since(part), _sent(part)):
                        await self._journaled(self._journal.forget(name, to_ms(told.since)))

    async def _journaled(self, write: Awaitable[None]) -> None:
        try:
            await write
        except JournalError as exc:
            log.error("what admins were told is not remembered: %s", exc)


def _since(part: Part) -> str:
    return f"alert_{part}_since_ms"


def _sent(part: Part) -> str:
    """Has the value of `_since` once somebody was told, or cannot be."""
    return f"alert_{part}_sent_ms"


def _told_at(part: Part) -> str:
    return f"alert_{part}_told_ms"
