"""An update processor with all that it is wired to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from bot.core.answers.event import FeedbackEvent, Identity
from bot.core.answers.rules import Outcome
from bot.core.health.metrics import POLLS, SENDS, TAPS, WRITES, CallMetric, CountMetric, SendKind, SendResult
from bot.core.people.athlete import ContactHours
from bot.core.shared.clock import Clock
from bot.core.shared.errors import StorageUnavailable
from bot.services.chat.replies import CommandReplies
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.processing.update_processor import UpdateProcessor
from bot.services.telegram.callback_answers import CallbackAnswerer
from bot.services.telegram.message_editor import MessageEditor
from bot.store.answers.feedback_events import FeedbackStore, Recorded, Unrecordable
from bot.store.people.athletes import AthleteStore
from bot.store.people.tombstones import TombstoneStore
from bot.store.people.users import UserStore
from tests.support.fakes import ADMIN, NOW, Database, ShakyJournal
from tests.support.flows import Parts

BOT_ID = 1


async def bot_username() -> str:
    """Of the bot that processes."""
    return "our_bot"


class ShakyEvents(FeedbackStore):
    """Feedback that cannot be stored, or makes the code fail, when a test says so."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.down: Exception | None = None
        self.down_for = ""
        self.poison = ""
        self.poisoned: list[int] = []
        self.calls = 0

    async def record(
        self, events: Sequence[FeedbackEvent], known: Container[Identity] = ()
    ) -> list[Recorded | Unrecordable]:
        """Fail as told, else record."""
        self.calls += 1
        if events and self.down is not None:
            raise self.down
        if any(event.run_id == self.down_for for event in events):
            raise StorageUnavailable("away")
        if any(event.run_id == self.poison for event in events):
            self.poisoned.append(len(events))
            raise ValueError("a defect that quotes the note")
        return await super().record(events, known)


class ShakyAthletes(AthleteStore):
    """A collection of athletes that cannot be read when a test says so; counts the readings."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.down: Exception | None = None
        self.readings = 0

    async def all(self) -> list[dict[str, Any]]:
        """Fail as told, else read."""
        self.readings += 1
        if self.down is not None:
            raise self.down
        return await super().all()


class Tally:
    """Implements `Meters`; remembers everything."""

    def __init__(self) -> None:
        self.polls: list[tuple[float | None, bool]] = []
        self.writes: list[bool] = []
        self.taps: Counter[Outcome] = Counter()
        self.sends: Counter[tuple[SendKind, SendResult]] = Counter()

    def count(self, metric: CountMetric, *labels: str) -> None:
        """Remembered."""
        if metric is TAPS:
            self.taps[Outcome(*labels)] += 1
        else:
            assert metric is SENDS
            kind, result = labels
            self.sends[SendKind(kind), SendResult(result)] += 1

    def called(self, metric: CallMetric, seconds: float | None, *, succeeded: bool) -> None:
        """Remembered."""
        if metric is POLLS:
            self.polls.append((seconds, succeeded))
        else:
            assert metric is WRITES
            assert seconds is not None
            assert 0 <= seconds < 10
            self.writes.append(succeeded)


@dataclass
class Recording:
    """A recorder with all that it is wired to."""

    recorder: UpdateProcessor
    answerer: CallbackAnswerer
    marker: MessageEditor
    commands: CommandReplies
    events: ShakyEvents
    athletes: ShakyAthletes
    roster: RosterCache
    languages: LanguageCache
    journal: ShakyJournal
    parts: Parts
    tally: Tally

    def flows(self) -> list[Coroutine[Any, Any, None]]:
        """Everything that has to run."""
        return [
            *self.recorder.loops(),
            *self.answerer.loops(),
            self.marker.run(),
            self.commands.run(),
        ]

    async def receive(self, *updates: object) -> None:
        """Updates arrive, and their poll is confirmed."""
        await self.journal.append(updates, polled_at=NOW)
        await self.journal.append([], polled_at=NOW)
        self.recorder.wake()

    async def emptied(self) -> bool:
        """Whether no update is left to do."""
        return (await self.journal.state()).pending == 0


def languages_of(db: Database, clock: Clock, roster: RosterCache | None = None) -> LanguageCache:
    """The languages of these athletes, and of the admin; else everybody gets English."""
    nobody = RosterCache(AthleteStore(db), frozenset(), ContactHours(ZoneInfo("UTC")), clock)
    return LanguageCache(UserStore(db), roster or nobody, frozenset({ADMIN}), TombstoneStore(db))


USED = ("athletes", "feedback_events", "session_prompts")


async def stored(db: Database) -> dict[str, str]:
    """Answers by run."""
    return {event["runId"]: event["type"] async for event in db.feedback_events.find({})}


async def outcomes(db: Database) -> dict[str, str]:
    """The ledger."""
    return {tap["_id"]: tap["outcome"] async for tap in db.taps.find({})}
