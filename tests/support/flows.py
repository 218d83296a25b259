"""Flows as the composition root wires them, for tests of those that need them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pymongo.asynchronous.database import AsyncDatabase

from bot.app.bootstrap import build_actions, build_note_commands, build_pain_desk
from bot.app.stores import Stores, build_stores
from bot.core.facts.questions import Detail
from bot.core.figures.stats import Stats
from bot.core.i18n.language import Language
from bot.core.people.athlete import ContactHours
from bot.core.records.retention import DEFAULT_RETENTION
from bot.core.shared.clock import Clock
from bot.core.shared.errors import JournalError, PictureError
from bot.core.taps.judge import TapRules, judge
from bot.core.telegram.action_payloads import Action
from bot.core.telegram.chats import ChatTopic
from bot.core.telegram.reactions import Reaction
from bot.core.telegram.updates import Tap
from bot.services.answers.tap_reader import TapReader
from bot.services.answers.tap_writer import TapResult, TapStores, TapWriter
from bot.services.availability.availability_commands import AvailabilityCommands
from bot.services.chat.button_actions import ActionHandler, ButtonActions
from bot.services.chat.change_commands import ChangeCommands
from bot.services.chat.commands import ChatCommands
from bot.services.chat.info_commands import InfoCommands
from bot.services.chat.personal_commands import DisclosureRules, PersonalCommands
from bot.services.coach.coach_commands import CoachCommands
from bot.services.coach.reports import CoachReports, ReportRules
from bot.services.coach.roster import CoachRoster
from bot.services.coach.talk import CoachTalk
from bot.services.logbook.log_commands import LogCommands
from bot.services.pain.desk import PainDesk
from bot.services.pain.pain_buttons import PainButtons
from bot.services.pain.pain_commands import PainCommands
from bot.services.pauses.pause_commands import PauseCommands
from bot.services.people.deletion import Deletion
from bot.services.people.erasure import Erasure
from bot.services.people.erasure_guard import ErasureGuard
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.reports.week_report import WeekReports
from bot.services.words.note_keeper import NoteKeeper
from bot.store.inbox.journal import Journal
from bot.store.people.athletes import AthleteStore

LATE_AFTER_DAYS = 14

_T = TypeVar("_T")


async def no_stats(_days: int) -> Stats:
    """Figures that cannot be read."""
    raise JournalError("the journal cannot be read")


async def no_picture(_stats: Stats, _language: Language) -> bytes:
    """A picture that cannot be drawn."""
    raise PictureError("no paint")


@dataclass(frozen=True, slots=True)
class Taps:
    """Reads, judges and writes taps, and tells nobody."""

    reader: TapReader
    writer: TapWriter
    rules: TapRules

    async def process(self, *taps: Tap) -> list[TapResult]:
        """Taps about different things."""
        facts = await self.reader.read(taps)
        return await self.writer.write([judge(it, self.rules) for it in facts])


@dataclass(frozen=True, slots=True)
class Parts:
    """What flows are made of."""

    db: AsyncDatabase[dict[str, Any]]
    journal: Journal
    clock: Clock
    roster: RosterCache
    admins: frozenset[int] = frozenset()
    reacted: list[tuple[int, int, Reaction]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        db: AsyncDatabase[dict[str, Any]],
        journal: Journal,
        clock: Clock,
        roster: RosterCache | None = None,
    ) -> Parts:
        """With a roster that nobody is on, unless one is given."""
        nobody = RosterCache(
            build_stores(db, journal, clock).athletes, frozenset(), ContactHours(ZoneInfo("UTC")), clock
        )
        return cls(db, journal, clock, roster or nobody)

    @property
    def stores(self) -> Stores:
        """All stores on the database."""
        return build_stores(self.db, self.journal, self.clock)

    def languages(self) -> LanguageCache:
        """Who reads what."""
        return LanguageCache(self.stores.users, self.roster, self.admins, self.stores.tombstones)

    def weeks(self) -> WeekReports:
        """An athlete's week."""
        return WeekReports(
            self.stores.summaries, self.roster, self.clock, late_after_days=LATE_AFTER_DAYS, kept_days=180
        )

    def personal(self) -> PersonalCommands:
        """What athletes ask about themselves."""
        disclosed = DisclosureRules(DEFAULT_RETENTION, coach_is_told=False)
        return PersonalCommands(self.weeks(), self.stores.personal, self.journal, self.clock, disclosed)

    def forgetting(self) -> Erasure:
        """Deletes what is stored about somebody."""
        stores = self.stores
        deletion = Deletion(
            stores.personal, stores.tombstones, stores.athletes, stores.users, stores.taps.invalidation
        )
        return Erasure(
            deletion,
            stores.tombstones,
            stores.users,
            self.journal,
            self.roster,
            self.languages(),
            self.clock,
        )

    def actions(self, coach: int | None = None) -> ButtonActions:
        """What buttons ask for; `coach`: COACH_CHAT_ID."""
        return build_actions(
            *(self.stores, self.forgetting(), self.keeper(), LATE_AFTER_DAYS, self.named()),
            lambda *it: self.reacted.append(it),
            *self.buttons(coach=coach),
            coach=coach,
        )

    def buttons(
        self, athletes: AthleteStore | None = None, coach: int | None = None
    ) -> list[Mapping[Action, ActionHandler]]:
        """The buttons that belong to commands."""
        return [
            self.pauses(athletes).buttons(),
            AvailabilityCommands(self.stores.availability).buttons(),
            self.logbook().buttons(),
            PainButtons(self.pain(coach)).handlers(),
        ]

    def logbook(self) -> LogCommands:
        """Sessions that no plan has."""
        return LogCommands(self.stores.taps, frozenset(Detail))

    def pain(self, coach: int | None = None) -> PainDesk:
        """Where pain is taken that is told besides answers."""
        return build_pain_desk(self.stores.taps, None if coach is None else ChatTopic(coach))

    def pauses(self, athletes: AthleteStore | None = None) -> PauseCommands:
        """Pauses, by command and by button."""
        return PauseCommands(athletes or self.stores.athletes, self.roster)

    def taps(self, stores: TapStores, rules: TapRules) -> Taps:
        """The way of taps up to MongoDB."""
        guard = ErasureGuard(self.stores.tombstones, self.forgetting())
        reader = TapReader(self.roster, guard, stores, self.clock)
        return Taps(reader, TapWriter(stores, self.actions(rules.coach_chat_id), guard, rules), rules)

    def chat(
        self,
        languages: LanguageCache,
        stats: Callable[[int], Awaitable[Stats]] = no_stats,
        draw: Callable[[Stats, Language], Awaitable[bytes]] = no_picture,
        athletes: AthleteStore | None = None,
        coach: int | None = None,
    ) -> ChatCommands:
        """All commands; `coach`: COACH_CHAT_ID."""
        stores = self.stores
        changes = ChangeCommands(
            athletes or stores.athletes,
            self.roster,
            languages,
            stores.taps.prompts,
            stores.taps.undelivered,
            self.weeks(),
            stores.users,
            LATE_AFTER_DAYS,
        )
        handlers = [
            InfoCommands(stats, draw).handlers(),
            self.personal().handlers(),
            changes.handlers(),
            self.coaching(coach).handlers(),
            self.pauses(athletes).handlers(),
            AvailabilityCommands(stores.availability).handlers(),
            self.logbook().handlers(),
            build_note_commands(stores, self.keeper(), LATE_AFTER_DAYS).handlers(),
            PainCommands(self.pain(coach)).handlers(),
        ]
        return ChatCommands(
            handlers, self.roster, languages, self.clock, admins=self.admins, coach_chat_id=coach
        )

    def keeper(self) -> NoteKeeper:
        """Keeps notes, and shows them nowhere."""
        return NoteKeeper(self.stores.taps)

    def coaching(self, coach: int | None = None) -> CoachCommands:
        """What the coach asks and writes."""
        stores = self.stores
        chat = None if coach is None else ChatTopic(coach)
        talk = CoachTalk.of(stores.coach_messages, self.named(), chat)
        return CoachCommands(self.reports(), talk.post, self.named())

    def named(self) -> CoachRoster:
        """The athletes as the coach calls them."""
        return CoachRoster(self.roster, self.stores.usernames)

    def reports(self) -> CoachReports:
        """What the coach is told."""
        stores, rules = self.stores, ReportRules(ZoneInfo("UTC"), 3, LATE_AFTER_DAYS, 180)
        return CoachReports(
            stores.summaries,
            stores.taps.undelivered,
            stores.coach_messages,
            stores.taps.pain_episodes,
            self.named(),
            rules,
        )


class Alone:
    """Implements `Polling` where nobody else can poll."""

    async def may_poll(self, patience: float) -> bool:  # noqa: ARG002
        """See `Polling`."""
        return True

    async def during(self, call: Coroutine[Any, Any, _T]) -> _T:
        """See `Polling`."""
        return await call

    def polled(self) -> None:
        """See `Polling`."""

    def reached(self, *, succeeded: bool) -> None:
        """See `Polling`."""

    def conflict(self) -> bool:
        """See `Polling`."""
        return False

    def last_poll(self) -> datetime | None:
        """See `Polling`."""
        return None
