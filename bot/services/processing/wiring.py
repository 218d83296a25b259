"""Wires the processing of updates."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.core.facts.questions import Detail
from bot.core.shared.clock import Clock
from bot.core.taps.judge import TapRules
from bot.services.answers.early_answers import EarlyAnswers
from bot.services.answers.responder import Responder
from bot.services.answers.tap_reader import TapReader
from bot.services.answers.tap_writer import TapStores, TapWriter
from bot.services.chat.button_actions import ButtonActions
from bot.services.chat.commands import ChatCommands
from bot.services.chat.replies import CommandReplies
from bot.services.chat.words import Taker, Words
from bot.services.coach.talk import CoachTalk
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.services.pain.desk import PainDesk
from bot.services.pain.where_words import WhereWords
from bot.services.people.erasure import Erasure
from bot.services.people.erasure_guard import ErasureGuard
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.processing.dead_letters import DeadLetters
from bot.services.processing.message_pipeline import MessagePipeline
from bot.services.processing.tap_pipeline import TapPipeline
from bot.services.processing.update_processor import UpdateProcessor
from bot.services.prompts.chat_openings import ChatOpenings
from bot.services.telegram.callback_answers import CallbackAnswerer
from bot.services.telegram.identity import BotIdentity
from bot.services.telegram.message_editor import MessageEditor
from bot.services.telegram.metered_api import Meters, NoMeters
from bot.services.words.doors import Strangers, Unattributed, Unclaimed
from bot.services.words.note_keeper import NoteKeeper
from bot.services.words.notes import NoteTaker
from bot.services.words.sessions import SpokenSessions
from bot.store.inbox.journal import Journal
from bot.store.people.tombstones import TombstoneStore
from bot.store.words.notes import NoteStore
from bot.store.words.sessions import SpokenSessionStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingParts:
    """What the processing of updates is made of.

    Attributes:
        asked: what athletes are asked about their answers.
        admins: ADMIN_IDS.
    """

    journal: Journal
    stores: TapStores
    tombstones: TombstoneStore
    notes: NoteStore
    keeper: NoteKeeper
    spoken: SpokenSessionStore
    talk: CoachTalk
    acknowledgements: Acknowledgements
    roster: RosterCache
    languages: LanguageCache
    erasure: Erasure
    answerer: CallbackAnswerer
    editor: MessageEditor
    commands: ChatCommands
    actions: ButtonActions
    pain: PainDesk
    replies: CommandReplies
    openings: ChatOpenings
    identity: BotIdentity
    clock: Clock
    rules: TapRules
    asked: frozenset[Detail] = frozenset()
    admins: frozenset[int] = frozenset()
    meters: Meters = field(default_factory=NoMeters)


def build_processor(parts: ProcessingParts) -> UpdateProcessor:
    """Wire the way of taps and messages; nothing runs yet."""
    stores, rules = parts.stores, parts.rules
    guard = ErasureGuard(parts.tombstones, parts.erasure)
    reader = TapReader(parts.roster, guard, stores, parts.clock)
    responder = Responder(
        acknowledgements=parts.acknowledgements,
        languages=parts.languages,
        answerer=parts.answerer,
        editor=parts.editor,
        replies=parts.replies,
        clock=parts.clock,
        late_after_days=rules.late_after_days,
        asked=parts.asked,
    )
    dead_letters = DeadLetters(parts.acknowledgements, responder)
    return UpdateProcessor(
        journal=parts.journal,
        acknowledgements=parts.acknowledgements,
        roster=parts.roster,
        languages=parts.languages,
        taps=TapPipeline(
            reader=reader,
            rules=rules,
            writer=TapWriter(stores, parts.actions, guard, rules),
            responder=responder,
            acknowledgements=parts.acknowledgements,
            erasure=parts.erasure,
            dead_letters=dead_letters,
            meters=parts.meters,
        ),
        messages=MessagePipeline(
            roster=parts.roster,
            languages=parts.languages,
            commands=parts.commands,
            words=Words(
                takers(
                    *(parts.keeper, stores, parts.notes, parts.spoken, parts.talk, parts.pain),
                    rules.late_after_days,
                )
            ),
            replies=parts.replies,
            openings=parts.openings,
            guard=guard,
            ledger=stores.ledger,
            invalidation=stores.invalidation,
            acknowledgements=parts.acknowledgements,
            dead_letters=dead_letters,
            admins=parts.admins,
            coach_chat_id=rules.coach_chat_id,
        ),
        early_answers=EarlyAnswers(
            parts.journal, parts.acknowledgements, reader, rules, parts.languages, responder, parts.clock
        ),
        erasure=parts.erasure,
        openings=parts.openings,
        dead_letters=dead_letters,
        identity=parts.identity,
        admins=parts.admins,
        coach_chat_id=rules.coach_chat_id,
    )


def takers(
    keeper: NoteKeeper,
    stores: TapStores,
    notes: NoteStore,
    spoken: SpokenSessionStore,
    talk: CoachTalk,
    pain: PainDesk,
    late_after_days: int,
) -> list[Taker]:
    """Who takes what people write, in the order in which they are asked.

    Args:
        late_after_days: LATE_AFTER_DAYS.
    """
    sessions = SpokenSessions(spoken, stores.prompts, late_after_days)
    return [
        # What anybody may write: coaches in their chat, also as the group; a reply to a question is no talk.
        Unattributed(sessions),
        talk.from_coach,
        Strangers(),
        # From here on athletes alone: what answers something that was said or asked comes before notes.
        talk.answered,
        WhereWords(
            *(stores.events, stores.pain_reports, stores.pain_episodes, stores.coach_alerts, pain),
            keeper.show,
        ),
        NoteTaker(keeper, stores.prompts, notes, sessions, late_after_days),
        # What can be about no session.
        talk.kept,
        Unclaimed(),
    ]
