"""What the coach is told, put together from what is stored now. How it reads is in `bot.core.coach`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.core.coach import digest_texts, names
from bot.core.coach.digest import LOOK_BACK, AthleteDay, Digest, shown_sessions, silence
from bot.core.i18n.language import Language
from bot.core.pain.stored import OpenPain
from bot.core.people.athlete import Athlete, Roster
from bot.core.plans.ownership import accepted, judge_all
from bot.core.summary.sessions import Horizon, Session, SessionState
from bot.core.summary.summary import read_sessions
from bot.core.telegram.refusals import Refusal
from bot.services.coach.roster import CoachRoster
from bot.store.coach.messages import CoachMessageStore, read_word
from bot.store.pain.episodes import PainEpisodeStore
from bot.store.prompts.undelivered import UndeliveredStore
from bot.store.summary import SummaryStore

_AT_ONCE = 6
_TWO_WEEKS = timedelta(days=13)
_WORDS = 6


@dataclass(frozen=True, slots=True)
class ReportRules:
    """The settings that decide.

    Attributes:
        zone: TIMEZONE, in which the coach's days are.
        silent_after: SILENT_AFTER.
        late_after_days, kept_days: LATE_AFTER_DAYS, RETAIN_FEEDBACK_EVENTS_DAYS.
    """

    zone: ZoneInfo
    silent_after: int
    late_after_days: int
    kept_days: int


@dataclass(frozen=True, slots=True)
class _Standing:
    """How it stands with all athletes.

    Attributes:
        refusals: why chats take no messages.
    """

    refusals: Mapping[int, Refusal]
    pains: Sequence[OpenPain]


class CoachReports:
    """Puts reports together. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(
        self,
        summaries: SummaryStore,
        undelivered: UndeliveredStore,
        messages: CoachMessageStore,
        pains: PainEpisodeStore,
        roster: CoachRoster,
        rules: ReportRules,
    ) -> None:
        self._summaries = summaries
        self._undelivered = undelivered
        self._messages = messages
        self._pains = pains
        self._roster = roster
        self._rules = rules

    async def day(self, now: datetime, language: Language) -> str:
        """The day of all athletes (HTML)."""
        return digest_texts.digest(await self._digest(now), language)

    async def silent(self, now: datetime, language: Language) -> str:
        """Who leaves questions unanswered (HTML)."""
        return digest_texts.silent(await self._digest(now), language)

    async def athlete(self, athlete: Athlete, now: datetime, language: Language) -> str:
        """Two weeks of one athlete (HTML)."""
        roster = await self._roster.load()
        athlete = roster.by_id(athlete.athlete_id) or athlete
        standing = await self._standing(roster, now)
        sessions = await self._sessions(athlete, roster, now)
        today = now.astimezone(athlete.hours.zone).date()
        shown = [
            session
            for session in sessions
            if today - _TWO_WEEKS <= session.date <= today and session.state is not SessionState.NOT_DUE
        ]
        written = [] if athlete.user_id is None else await self._messages.list(athlete.user_id, limit=_WORDS)
        words = [word for document in reversed(written) if (word := read_word(document)) is not None]
        day = self._day_of(athlete, roster, sessions, standing, now)
        return digest_texts.athlete(day, shown, words, today, self._rules.silent_after, language)

    async def _digest(self, now: datetime) -> Digest:
        roster = await self._roster.load()
        standing = await self._standing(roster, now)
        turns = asyncio.Semaphore(_AT_ONCE)

        async def read(athlete: Athlete) -> AthleteDay:
            async with turns:
                sessions = await self._sessions(athlete, roster, now)
            return self._day_of(athlete, roster, sessions, standing, now)

        days = await asyncio.gather(*map(read, roster.athletes))
        today = now.astimezone(self._rules.zone).date()
        return Digest(today, days, self._rules.silent_after)

    def _day_of(
        self,
        athlete: Athlete,
        roster: Roster,
        sessions: list[Session],
        standing: _Standing,
        now: datetime,
    ) -> AthleteDay:
        return AthleteDay(
            athlete,
            names.label(athlete, roster),
            shown_sessions(sessions, now, athlete.hours.zone),
            silence(sessions, now),
            tuple(it.episode for it in standing.pains if it.user_id == athlete.user_id),
            athlete.pause_at(now),
            None if athlete.chat_id is None else standing.refusals.get(athlete.chat_id),
        )

    async def _standing(self, roster: Roster, now: datetime) -> _Standing:
        closed = await self._undelivered.closed(self._rules.late_after_days, now)
        users = [it.user_id for it in roster.athletes if it.user_id is not None]
        pains = await self._pains.open_of(users, now)
        return _Standing({chat.chat_id: chat.refusal for chat in closed}, pains)

    async def _sessions(self, athlete: Athlete, roster: Roster, now: datetime) -> list[Session]:
        today = now.astimezone(athlete.hours.zone).date()
        records = await self._summaries.read(athlete, today - LOOK_BACK, today)
        plans = accepted(judge_all(records.plans, records.decisions, roster))
        sole = roster.sole()
        alone = sole is not None and sole.athlete_id == athlete.athlete_id
        horizon = Horizon(now, self._rules.late_after_days, self._rules.kept_days, alone)
        sessions, _, _ = read_sessions(athlete, plans, records.prompts, records.events, horizon)
        return [session for session in sessions if session.date >= today - LOOK_BACK]
