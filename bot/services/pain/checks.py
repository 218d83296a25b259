"""Athletes are asked how their pain is by now: in the morning, and with the next question about a session."""

from __future__ import annotations

import html
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, time
from functools import partial

from bot.core.answers.keyboards import Keyboard
from bot.core.pain import texts
from bot.core.pain.buttons import Asked, check_rows
from bot.core.pain.follow_up import due_check, to_ask, to_ask_in_the_morning
from bot.core.pain.stored import OpenPain
from bot.core.people.athlete import Athlete, Roster
from bot.core.prompts.planned import PAUSED
from bot.core.prompts.prompt import Prompt, PromptState
from bot.core.shared.clock import Clock
from bot.services.people.language_cache import LanguageCache
from bot.services.periodic import FaultLog, repeat
from bot.services.prompts.kinds import RenderedPrompt
from bot.store.pain.checks import PainCheckStore
from bot.store.pain.episodes import PainEpisodeStore
from bot.store.prompts.outbox import Outbox

log = logging.getLogger(__name__)

_INTERVAL = 15.0
_NO_ATHLETE = "its athlete is not on the roster any more"
_NO_PAIN = "nothing is to be asked about any more"


class PainChecks:
    """Puts the mornings' questions into the outbox. What they say is written when they are sent.

    Args:
        roster: the athletes; None as long as nobody knows them.
        at: PAIN_CHECK; None: never.
    """

    def __init__(
        self,
        checks: PainCheckStore,
        episodes: PainEpisodeStore,
        roster: Callable[[], Roster | None],
        at: time | None,
        clock: Clock,
    ) -> None:
        self._checks = checks
        self._episodes = episodes
        self._roster = roster
        self._at = at
        self._clock = clock
        # Also those whom nothing hurts: they are looked at once a day.
        self._seen: dict[str, str] = {}
        self._faults = FaultLog(
            log,
            waits="questions about pain wait",
            fails="asking about pain fails",
            again="pain is asked about again",
        )

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        await repeat(self.look, _INTERVAL, self._faults)

    async def look(self) -> None:
        """See to everybody whose hour it is.

        Raises:
            StorageError: some of it may be done; doing it again is harmless.
        """
        roster, now, number = self._roster(), self._clock(), 0
        if self._at is None or roster is None:
            return
        for athlete in roster.athletes:
            found = due_check(athlete, self._at, now)
            is_seen = found is None or self._seen.get(athlete.athlete_id) == found.day
            if found is None or is_seen or athlete.athlete_id in roster.forgotten:
                continue
            user_id = athlete.user_id or 0
            # What other programs have written of them is known from here on.
            await self._episodes.settle(user_id, athlete.athlete_id)
            pains = await self._episodes.open_of([user_id], now)
            if to_ask_in_the_morning(pains, now, athlete.hours.zone):
                number += await self._checks.put(athlete.athlete_id, user_id, found, now)
            self._seen[athlete.athlete_id] = found.day
        if number:
            log.info("%d athletes are asked how their pain is by now", number)


class PainCheckPrompts:
    """The question of the morning; see `bot.services.prompts.kinds.OwnKind`."""

    def __init__(
        self, episodes: PainEpisodeStore, outbox: Outbox, languages: LanguageCache, clock: Clock
    ) -> None:
        self._episodes = episodes
        self._outbox = outbox
        self._languages = languages
        self._clock = clock

    async def may_go(self, prompt: Prompt, athlete: Athlete | None, now: datetime) -> bool:
        """Never in a pause or in quiet hours, and not if nothing is to be asked any more."""
        if athlete is None:
            await self._outbox.settle_unasked(prompt, PromptState.CANCELLED, now, _NO_ATHLETE)
        elif athlete.pause_at(now) is not None:
            await self._outbox.settle_unasked(prompt, PromptState.CANCELLED, now, PAUSED)
        elif (until := athlete.quiet_until(now)) is not None:
            await self._outbox.postpone(prompt, until)
        elif not await self._to_ask(athlete, now):
            await self._outbox.settle_unasked(prompt, PromptState.CANCELLED, now, _NO_PAIN)
        else:
            return True
        return False

    async def compose(self, prompt: Prompt, athlete: Athlete | None) -> RenderedPrompt | None:  # noqa: ARG002
        """It asks about the worst; what else hurts is asked about with the next tap."""
        pains = [] if athlete is None else await self._to_ask(athlete, self._clock())
        if not pains:
            return None
        language, episode = self._languages.of_athlete(athlete), pains[0].episode
        text = html.escape(texts.how_now(episode, language), quote=False)
        return RenderedPrompt(text, check_rows(Asked.NOW, episode.spot, language))

    async def sent(self, prompt: Prompt, message_id: int | None, sent_at: datetime, now: datetime) -> None:
        """See `OwnKind`."""
        if prompt.user_id is not None:
            await self._episodes.asked(prompt.user_id, sent_at)
        await self._outbox.settle_sent(prompt, message_id, sent_at, now)

    async def refused(self, prompt: Prompt, reason: str, now: datetime) -> None:
        """See `OwnKind`: another morning comes."""

    async def _to_ask(self, athlete: Athlete, now: datetime) -> list[OpenPain]:
        pains = await self._episodes.open_of([athlete.user_id or 0], now)
        return to_ask_in_the_morning(pains, now, athlete.hours.zone)


class PainBelowQuestions:
    """Asks below the first message with a question about a session, in the athlete's private chat; see
    `bot.services.prompts.kinds.BelowQuestion`.

    Args:
        is_on: whether PAIN_CHECK says when.
    """

    def __init__(
        self, episodes: PainEpisodeStore, languages: LanguageCache, clock: Clock, *, is_on: bool
    ) -> None:
        self._episodes = episodes
        self._languages = languages
        self._clock = clock
        self._is_on = is_on

    async def below(
        self, prompt: Prompt, athlete: Athlete
    ) -> tuple[str, Keyboard, Callable[[datetime], Awaitable[None]]] | None:
        """The question (HTML), its buttons, and what is done once it is sent; None: nothing is asked."""
        user_id, now = athlete.user_id, self._clock()
        is_private = user_id is not None and prompt.chat_id == user_id
        if (
            not self._is_on
            or user_id is None
            or not is_private
            or prompt.was_sent
            or prompt.again is not None
        ):
            return None
        pains = to_ask(await self._episodes.open_of([user_id], now), now, athlete.hours.zone)
        if not pains:
            return None
        language, episode = self._languages.of_athlete(athlete), pains[0].episode
        text = html.escape(texts.how_now(episode, language), quote=False)
        rows = check_rows(Asked.TOO, episode.spot, language)
        return text, rows, partial(self._episodes.asked, user_id)
