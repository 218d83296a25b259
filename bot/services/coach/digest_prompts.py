"""The coach is told of a day at a set hour: a document in the outbox for each day, once."""

from __future__ import annotations

import logging
from datetime import datetime, time
from zoneinfo import ZoneInfo

from bot.core.coach.digest import due
from bot.core.people.athlete import Athlete
from bot.core.prompts.prompt import Prompt
from bot.core.shared.clock import Clock
from bot.core.telegram.chats import ChatTopic
from bot.services.coach.reports import CoachReports
from bot.services.people.language_cache import LanguageCache
from bot.services.periodic import FaultLog, repeat
from bot.services.prompts.kinds import RenderedPrompt
from bot.store.coach.digests import DigestStore
from bot.store.prompts.outbox import Outbox

log = logging.getLogger(__name__)

_INTERVAL = 15.0


class CoachDigests:
    """Puts digests into the outbox. What they say is written when they are sent.

    Args:
        coach: COACH_CHAT_ID; None: nobody is told.
        at: COACH_DIGEST_TIME, in `zone`; None: never.
    """

    def __init__(
        self, digests: DigestStore, coach: ChatTopic | None, at: time | None, zone: ZoneInfo, clock: Clock
    ) -> None:
        self._digests = digests
        self._coach = coach
        self._at = at
        self._zone = zone
        self._clock = clock
        self._last: str | None = None
        self._has_begun = False
        self._faults = FaultLog(
            log,
            waits="the coach's digest waits",
            fails="the coach's digest fails",
            again="digests are made again",
        )

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        await repeat(self.look, _INTERVAL, self._faults)

    async def look(self) -> None:
        """Put the digest of the day there if it is time.

        Raises:
            StorageError: doing it again is harmless.
        """
        now = self._clock()
        if not self._has_begun:
            await self._digests.cancel_elsewhere(self._coach, now)
            self._has_begun = True
        if self._coach is None or self._at is None:
            return
        found = due(self._at, self._zone, now)
        if found is None or found.session_id == self._last:
            return
        if await self._digests.put(found, self._coach, now):
            log.info("the coach's digest is due")
        self._last = found.session_id


class DigestPrompts:
    """See `bot.services.prompts.kinds.OwnKind`."""

    def __init__(self, reports: CoachReports, outbox: Outbox, languages: LanguageCache, clock: Clock) -> None:
        self._reports = reports
        self._outbox = outbox
        self._languages = languages
        self._clock = clock

    async def may_go(self, prompt: Prompt, athlete: Athlete | None, now: datetime) -> bool:  # noqa: ARG002
        """Whatever athletes' hours."""
        return True

    async def compose(self, prompt: Prompt, athlete: Athlete | None) -> RenderedPrompt | None:  # noqa: ARG002
        """The day as it is now."""
        language = self._languages.of(prompt.chat_id)
        return RenderedPrompt(await self._reports.day(self._clock(), language))

    async def sent(self, prompt: Prompt, message_id: int | None, sent_at: datetime, now: datetime) -> None:
        """See `OwnKind`."""
        await self._outbox.settle_sent(prompt, message_id, sent_at, now)

    async def refused(self, prompt: Prompt, reason: str, now: datetime) -> None:
        """See `OwnKind`: another day comes."""
