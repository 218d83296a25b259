"""The one source of figures for `/stats`, `stats`, `GET /v1/stats` and whoever watches the service."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.core.figures.periods import midnight, window
from bot.core.figures.stats import CountedFigures, Stats, is_certain, is_feedback, sum_up
from bot.core.people.athlete import Roster
from bot.core.shared.clock import Clock, from_ms, monday_of
from bot.core.shared.errors import JournalError, StorageError
from bot.core.telegram.updates import Tap, TapUpdate, UnreadableUpdate, query_id_of, read_update
from bot.services.periodic import FaultLog, repeat
from bot.store.answers.tap_ledger import TapLedger
from bot.store.figures.figures import HOLDS, FigureStore
from bot.store.inbox.journal import LAST_POLL_FACT, Entry, Journal
from bot.store.prompts.prompts import PromptStore, Unanswered

log = logging.getLogger(__name__)

DEFAULT_DAYS = 30
MAX_DAYS = 365

_SURROGATE = re.compile("[\ud800-\udfff]")
# More taps that wait are supposed to be like these: to look at all would hold up what brings them in.
_LOOKED_AT = 5_000
_INTERVAL = 60.0
# So many questions take a noticeable time to count. They are then counted once a minute, not each time.
_MANY = 100_000
_RENEWED = HOLDS * 0.75


class RosterSource(Protocol):
    """Knows who trains here."""

    async def loaded(self) -> Roster:
        """The roster."""


@dataclass(frozen=True, slots=True)
class _Questions:
    """What was asked, as counted at `at`: by state, and what of it from `since` on has no answer."""

    since: date
    at: datetime
    by_state: Mapping[str, int]
    unanswered: Unanswered


class Figures:
    """Collects `Stats` from MongoDB and the journal.

    Args:
        late_after_days, kept_days: LATE_AFTER_DAYS, RETAIN_FEEDBACK_EVENTS_DAYS.
        zone: TIMEZONE.

    Attributes:
        latest: those of the last `DEFAULT_DAYS` days, not older than a minute or two while `keep` runs; None
            before the first. For whoever asks often.
    """

    def __init__(
        self,
        *,
        counts: FigureStore,
        prompts: PromptStore,
        ledger: TapLedger,
        journal: Journal,
        roster: RosterSource,
        clock: Clock,
        zone: ZoneInfo,
        late_after_days: int,
        kept_days: int,
    ) -> None:
        self._counts = counts
        self._prompts = prompts
        self._ledger = ledger
        self._journal = journal
        self._roster = roster
        self._clock = clock
        self._zone = zone
        self._late_after_days = late_after_days
        self._kept_days = kept_days
        self._faults = FaultLog(
            log,
            waits="no figures",
            fails="counting figures fails",
            again="figures can be read again",
            expected=(StorageError, JournalError),
        )
        self.latest: Stats | None = None
        self._questions: _Questions | None = None

    async def collect(self, days: int, *, holds: timedelta = HOLDS) -> Stats:
        """Figures over `days` days: today, in TIMEZONE, and those before.

        Args:
            holds: how old counts over past periods may be in which nothing has changed.

        Raises:
            StorageError, JournalError: a source cannot be read.
        """
        until = self._clock()
        today = until.astimezone(self._zone).date()
        first = today - timedelta(days=days - 1)
        since = midnight(first, self._zone)
        # Before the ledger: what is finished later is in the ledger by then, or still waits.
        waiting = await self._journal.taps(_LOOKED_AT)
        facts = await self._journal.facts()
        oldest = min((entry.received_at for entry in waiting.pending), default=None)
        monday = monday_of(first)
        cut = window(monday, until, self._zone, unsettled=oldest)
        # One after the other: of several at once, those behind the first that fails would fail unheard.
        counted = await self._counts.count(cut, _query_ids(waiting.pending), holds=holds)
        questions = await self._asked(monday, until)
        last_write = await self._counts.last_answer(until)
        entered_dead = await self._ledger.entered(_query_ids(waiting.dead))
        roster = await self._roster.loaded()
        left = [entry for entry in waiting.pending if query_id_of(entry.update) not in counted.entered]
        dead = [
            entry
            for entry in waiting.dead
            if entry.received_at >= since and query_id_of(entry.update) not in entered_dead
        ]
        feedback = [
            tap
            for entry in left
            if entry.received_at >= since
            and (tap := _tap(entry)) is not None
            and is_feedback(tap, roster, self._late_after_days)
        ]
        last_poll_ms = facts.get(LAST_POLL_FACT)
        return sum_up(
            first,
            since,
            until,
            today,
            tallies=counted.tallies,
            unanswered=questions.unanswered.by_day,
            unanswered_by_hour=questions.unanswered.by_hour_since(first),
            # The first day may have lost some of its answers already.
            known_from=(until - timedelta(days=self._kept_days)).astimezone(self._zone).date()
            + timedelta(days=1),
            found=CountedFigures(
                zone=str(self._zone),
                prompts=questions.by_state,
                waiting_taps=len(left) + waiting.more,
                waiting_feedback=len(feedback)
                + round(waiting.more * (len(feedback) / len(left) if left else 1)),
                is_estimate=waiting.more > 0 or not all(map(is_certain, feedback)),
                dead_taps=len(dead),
                dead_letters=waiting.dead_letters,
                oldest_pending=min((entry.received_at for entry in left), default=None),
                last_poll=None if last_poll_ms is None else from_ms(last_poll_ms),
                last_write=last_write,
            ),
        )

    async def _asked(self, since: date, now: datetime) -> _Questions:
        """Questions; if there are many, as they were a minute ago at most."""
        kept = self._questions
        if kept is not None and kept.since == since and abs(now - kept.at).total_seconds() < _INTERVAL:
            return kept
        by_state = await self._prompts.count()
        unanswered = await self._prompts.unanswered(midnight(since, self._zone), self._zone)
        found = _Questions(since, now, by_state, unanswered)
        self._questions = found if sum(by_state.values()) >= _MANY else None
        return found

    async def keep(self) -> None:
        """Count past periods before anybody asks, until cancelled."""
        await repeat(self._renew, _INTERVAL, self._faults)

    async def _renew(self) -> None:
        self.latest = await self.collect(DEFAULT_DAYS, holds=_RENEWED)


def _query_ids(entries: Sequence[Entry]) -> list[str]:
    """The callback queries among entries, as far as the ledger can hold them: it has no half characters."""
    ids = (query_id_of(entry.update) for entry in entries)
    whole = (query_id for query_id in ids if query_id is not None and not _SURROGATE.search(query_id))
    return list(dict.fromkeys(whole))


def _tap(entry: Entry) -> Tap | None:
    try:
        update = read_update(entry.update, entry.received_at)
    except UnreadableUpdate:
        return None
    return update.tap if isinstance(update, TapUpdate) else None
