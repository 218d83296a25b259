"""The stores: of one database, and of the journal."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.shared.clock import Clock
from bot.services.answers.tap_writer import TapStores
from bot.store.answers.feedback_events import FeedbackStore
from bot.store.answers.history import AnswerHistory
from bot.store.answers.pending_notes import PendingNotes
from bot.store.answers.tap_ledger import TapLedger
from bot.store.availability.availability import AvailabilityStore
from bot.store.coach.digests import DigestStore
from bot.store.coach.messages import CoachMessageStore
from bot.store.coach.usernames import UsernameStore
from bot.store.figures.figures import FigureStore
from bot.store.figures.invalidation import FigureInvalidation
from bot.store.inbox.journal import Journal
from bot.store.inbox.leases import LeaseStore
from bot.store.mongodb.client import Database
from bot.store.pain.checks import PainCheckStore
from bot.store.pain.episodes import PainEpisodeStore
from bot.store.pain.reports import PainReportStore
from bot.store.people.athletes import AthleteStore
from bot.store.people.tombstones import TombstoneStore
from bot.store.people.users import UserStore
from bot.store.personal_data import PersonalStore
from bot.store.plans import PlanStore
from bot.store.prompts.coach_alerts import CoachAlertStore
from bot.store.prompts.copies import CopyStore
from bot.store.prompts.expiry import PromptExpiryStore
from bot.store.prompts.outbox import Outbox
from bot.store.prompts.planned import PlannedPromptStore
from bot.store.prompts.prompts import PromptStore
from bot.store.prompts.undelivered import UndeliveredStore
from bot.store.summary import SummaryStore
from bot.store.words.notes import NoteStore
from bot.store.words.sessions import SpokenSessionStore


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything that is kept in MongoDB, and the journal of this machine.

    Six stores share the outbox: `taps.prompts` is for everybody, `outbox` for who sends, `planned` for who
    plans, `followups` for who waits, `copies` for who edits what was sent, `taps.coach_alerts` for what is
    told because of a tap.
    """

    athletes: AthleteStore
    users: UserStore
    taps: TapStores
    outbox: Outbox
    planned: PlannedPromptStore
    followups: PromptExpiryStore
    copies: CopyStore
    availability: AvailabilityStore
    plans: PlanStore
    summaries: SummaryStore
    personal: PersonalStore
    notes: NoteStore
    tombstones: TombstoneStore
    spoken: SpokenSessionStore
    coach_messages: CoachMessageStore
    pain_checks: PainCheckStore
    digests: DigestStore
    usernames: UsernameStore
    counts: FigureStore
    leases: LeaseStore
    journal: Journal


def build_stores(db: Database, journal: Journal, clock: Clock) -> Stores:
    """The stores on one database."""
    return Stores(
        athletes=AthleteStore(db),
        users=UserStore(db),
        taps=TapStores(
            events=FeedbackStore(db),
            history=AnswerHistory(db),
            pending_notes=PendingNotes(db),
            prompts=PromptStore(db),
            undelivered=UndeliveredStore(db),
            coach_alerts=CoachAlertStore(db),
            pain_episodes=PainEpisodeStore(db),
            pain_reports=PainReportStore(db),
            ledger=TapLedger(db),
            invalidation=FigureInvalidation(db, clock),
        ),
        outbox=Outbox(db),
        planned=PlannedPromptStore(db),
        followups=PromptExpiryStore(db),
        copies=CopyStore(db),
        availability=AvailabilityStore(db),
        plans=PlanStore(db),
        summaries=SummaryStore(db),
        personal=PersonalStore(db),
        notes=NoteStore(db),
        tombstones=TombstoneStore(db),
        spoken=SpokenSessionStore(db),
        coach_messages=CoachMessageStore(db),
        pain_checks=PainCheckStore(db),
        digests=DigestStore(db),
        usernames=UsernameStore(db),
        counts=FigureStore(db, clock),
        leases=LeaseStore(db),
        journal=journal,
    )
