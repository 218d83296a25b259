"""Wiring: what the service is made of, from the settings. Nothing runs yet."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from bot.app.stores import Stores
from bot.core.facts.answering_window import repeated_within
from bot.core.health.metrics import SendKind
from bot.core.health.vitals import AlertBounds
from bot.core.inbox.webhook import WebhookSettings
from bot.core.prompts.prompt import PromptKind
from bot.core.records.collections import INBOX
from bot.core.shared.clock import Clock
from bot.core.taps.judge import TapRules
from bot.core.telegram.action_payloads import Action
from bot.core.telegram.chats import ChatTopic
from bot.core.telegram.rate_limits import SendLimits
from bot.services.answers.not_kept import NotKeptNotice
from bot.services.answers.tap_writer import TapStores
from bot.services.availability.availability_commands import AvailabilityCommands
from bot.services.availability.questions import AvailabilityQuestions
from bot.services.chat.button_actions import ActionHandler, ButtonActions
from bot.services.chat.change_commands import ChangeCommands
from bot.services.chat.commands import ChatCommands
from bot.services.chat.erasure_buttons import ErasureButtons
from bot.services.chat.info_commands import InfoCommands
from bot.services.chat.menu_sync import MenuSync
from bot.services.chat.personal_commands import DisclosureRules, PersonalCommands
from bot.services.chat.replies import CommandReplies
from bot.services.coach.coach_commands import CoachCommands
from bot.services.coach.digest_prompts import CoachDigests, DigestPrompts
from bot.services.coach.read_button import React, ReadButton
from bot.services.coach.reports import CoachReports, ReportRules
from bot.services.coach.roster import CoachRoster
from bot.services.coach.seen_button import SeenButton
from bot.services.coach.talk import CoachTalk
from bot.services.coach.word_prompts import WordPrompts
from bot.services.health.admin_alerts import AdminAlerts
from bot.services.health.vitals import VitalsMonitor
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.services.inbox.journal_register import JournalRegister
from bot.services.inbox.leader_election import LeaderElection
from bot.services.inbox.outage import OutageRecovery
from bot.services.inbox.poller import Poller
from bot.services.inbox.webhook import WebhookReceiver
from bot.services.logbook.log_commands import LogCommands
from bot.services.pain.alert_writer import AlertWriter
from bot.services.pain.checks import PainBelowQuestions, PainCheckPrompts, PainChecks
from bot.services.pain.desk import PainDesk
from bot.services.pain.pain_buttons import PainButtons
from bot.services.pain.pain_commands import PainCommands
from bot.services.pauses.pause_commands import PauseCommands
from bot.services.people.deletion import Deletion
from bot.services.people.erasure import Erasure
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.processing.update_processor import UpdateProcessor
from bot.services.processing.wiring import ProcessingParts, build_processor
from bot.services.prompts.chat_openings import ChatOpenings
from bot.services.prompts.closed_chats import ClosedChats
from bot.services.prompts.dispatcher import Dispatcher
from bot.services.prompts.expiry import PromptExpiry
from bot.services.prompts.kinds import OwnKinds
from bot.services.prompts.older_copies import OlderCopies
from bot.services.prompts.planner import Planner
from bot.services.prompts.renderer import PromptRenderer
from bot.services.prompts.weekly_summary import WeeklySummaries
from bot.services.reports.chart_process import ChartProcess
from bot.services.reports.figures import Figures
from bot.services.reports.week_report import WeekReports
from bot.services.telegram.callback_answers import CallbackAnswerer
from bot.services.telegram.identity import BotIdentity
from bot.services.telegram.lost_topics import LostTopics
from bot.services.telegram.message_editor import MessageEditor
from bot.services.telegram.metered_api import MeteredApi, Meters
from bot.services.telegram.reactions import MessageReactions
from bot.services.words.note_buttons import NoteButtons
from bot.services.words.note_commands import NoteCommands
from bot.services.words.note_keeper import NoteKeeper
from bot.services.words.noted_questions import NotedQuestions
from bot.services.words.sessions import SpokenSessions
from bot.settings import Settings
from bot.store.inbox.journal import Journal
from bot.store.inbox.journal_register import JournalRegisterStore
from bot.store.mongodb.client import Database
from bot.systemd import Notifier

if TYPE_CHECKING:  # commands need parts of this, and no Telegram
    from bot.telegram.client import BotClient

ALERT_BOUNDS = AlertBounds()
"""When admins are told what is broken."""


class Source(Protocol):
    """Brings updates from Telegram into the journal."""

    async def run(self) -> None:
        """Until cancelled."""

    async def begun(self) -> None:
        """Return when updates come, or would if there were any."""

    async def caught_up(self) -> None:
        """Return when Telegram has nothing more in store than what is in the journal."""


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of the running bot, wired to each other."""

    election: LeaderElection
    source: Source
    acknowledgements: Acknowledgements
    processor: UpdateProcessor
    answerer: CallbackAnswerer
    editor: MessageEditor
    reactions: MessageReactions
    replies: CommandReplies
    dispatcher: Dispatcher
    planner: Planner
    expiry: PromptExpiry
    older_copies: OlderCopies
    outage: OutageRecovery
    roster: RosterCache
    languages: LanguageCache
    menus: MenuSync
    weekly_summaries: WeeklySummaries
    digests: CoachDigests
    availability_questions: AvailabilityQuestions
    pain_checks: PainChecks
    alerts: AdminAlerts
    figures: Figures


def build_roster(settings: Settings, stores: Stores, clock: Clock) -> RosterCache:
    """Who trains here; nothing is read yet."""
    return RosterCache(stores.athletes, settings.athlete_ids, settings.hours(), clock)


def build_deletion(stores: Stores) -> Deletion:
    """What deletes what MongoDB holds of somebody."""
    return Deletion(
        stores.personal, stores.tombstones, stores.athletes, stores.users, stores.taps.invalidation
    )


def build_figures(settings: Settings, stores: Stores, roster: RosterCache, clock: Clock) -> Figures:
    """The source of `/stats`, `stats` and `GET /v1/stats`."""
    return Figures(
        counts=stores.counts,
        prompts=stores.taps.prompts,
        ledger=stores.taps.ledger,
        journal=stores.journal,
        roster=roster,
        clock=clock,
        zone=settings.timezone,
        late_after_days=settings.late_after_days,
        kept_days=settings.kept_days,
    )


def build_painter(settings: Settings) -> ChartProcess:
    """What draws the picture of the figures."""
    return ChartProcess(settings.data_dir / "charts")


def build_note_commands(stores: Stores, keeper: NoteKeeper, late_after_days: int) -> NoteCommands:
    """What athletes ask for about their notes."""
    sessions = SpokenSessions(stores.spoken, stores.taps.prompts, late_after_days)
    return NoteCommands(stores.notes, sessions, keeper, late_after_days)


def build_actions(
    stores: Stores,
    erasure: Erasure,
    keeper: NoteKeeper,
    late_after_days: int,
    named: CoachRoster,
    react: React,
    *more: Mapping[Action, ActionHandler],
    coach: int | None = None,
) -> ButtonActions:
    """What buttons that are no answers ask for.

    Args:
        more: the handlers of those that belong to commands.
        coach: COACH_CHAT_ID.
    """
    sessions = SpokenSessions(stores.spoken, stores.taps.prompts, late_after_days)
    return ButtonActions(
        [
            NoteButtons(stores.notes, sessions, keeper).handlers(),
            SeenButton(stores.taps.coach_alerts, coach, react).handlers(),
            ReadButton(stores.coach_messages, coach, named, react).handlers(),
            ErasureButtons(stores.tombstones, erasure).handlers(),
            *more,
        ]
    )


def build_pain_desk(stores: TapStores, coach: ChatTopic | None) -> PainDesk:
    """Where pain is taken that is told besides answers."""
    return PainDesk(stores.pain_reports, stores.pain_episodes, stores.coach_alerts, coach)


def build_service(
    settings: Settings,
    stores: Stores,
    election: LeaderElection,
    hook: WebhookSettings | None,
    api: BotClient,
    clock: Clock,
    monitor: VitalsMonitor,
    meters: Meters,
    notifier: Notifier,
    lost_topics: LostTopics,
) -> Service:
    """Wire the services; nothing runs yet.

    Args:
        settings: all of them.
        stores: of the database and the journal.
        election: whether this service polls and sends.
        hook: the webhook; None: Telegram is polled.
        api: of Telegram.
        clock: the time of receipt, and by which prompts are due.
        monitor: tells how the service is.
        meters: count what is sent and what becomes of taps.
        notifier: tells systemd.
        lost_topics: the topics in which `api` could not write.
    """
    limits = SendLimits()
    prompting, replying, alerting = (
        MeteredApi(api, meters, kind) for kind in (SendKind.PROMPT, SendKind.REPLY, SendKind.ALERT)
    )
    roster = build_roster(settings, stores, clock)
    figures = build_figures(settings, stores, roster, clock)
    answerer = CallbackAnswerer(replying)
    editor = MessageEditor(replying, limits)
    languages = LanguageCache(stores.users, roster, settings.admin_ids, stores.tombstones)
    weeks = WeekReports(
        stores.summaries,
        roster,
        clock,
        late_after_days=settings.late_after_days,
        kept_days=settings.kept_days,
    )
    coach = settings.coach_chat_id
    coach_chat_id = None if coach is None else coach.chat_id
    disclosed = DisclosureRules(settings.retention(), coach_is_told=coach is not None)
    info = InfoCommands(figures.collect, build_painter(settings).draw)
    personal = PersonalCommands(weeks, stores.personal, stores.journal, clock, disclosed)
    changes = ChangeCommands(
        *(stores.athletes, roster, languages, stores.taps.prompts, stores.taps.undelivered, weeks),
        *(stores.users, settings.late_after_days),
    )
    pauses = PauseCommands(stores.athletes, roster)
    availability = AvailabilityCommands(stores.availability)
    logbook = LogCommands(stores.taps, settings.asked_details())
    named = CoachRoster(roster, stores.usernames)
    talk = CoachTalk.of(stores.coach_messages, named, coach)
    report_rules = ReportRules(
        settings.timezone, settings.silent_after, settings.late_after_days, settings.kept_days
    )
    reports = CoachReports(
        stores.summaries,
        stores.taps.undelivered,
        stores.coach_messages,
        stores.taps.pain_episodes,
        named,
        report_rules,
    )
    kinds: OwnKinds = {
        PromptKind.WORD: WordPrompts(stores.coach_messages, stores.outbox, named, languages, coach),
        PromptKind.DIGEST: DigestPrompts(reports, stores.outbox, languages, clock),
        PromptKind.PAIN: PainCheckPrompts(stores.taps.pain_episodes, stores.outbox, languages, clock),
    }
    renderer = PromptRenderer(
        AlertWriter(stores.taps.coach_alerts, lambda: roster.roster, languages, settings.timezone),
        stores.taps.prompts,
        lambda: roster.roster,
        languages,
        clock,
        settings.timezone,
        weeks,
        kinds,
        PainBelowQuestions(
            stores.taps.pain_episodes, languages, clock, is_on=settings.pain_check is not None
        ),
    )
    noted = NotedQuestions(
        stores.spoken, renderer, editor, languages, lambda: roster.roster, settings.asked_details()
    )
    keeper = NoteKeeper(stores.taps, noted.show)
    notes = build_note_commands(stores, keeper, settings.late_after_days)
    coaching = CoachCommands(reports, talk.post, named)
    pain = build_pain_desk(stores.taps, coach)
    commands = ChatCommands(
        [
            *(info.handlers(), personal.handlers(), changes.handlers()),
            *(notes.handlers(), coaching.handlers()),
            *(pauses.handlers(), availability.handlers(), logbook.handlers()),
            PainCommands(pain).handlers(),
        ],
        roster,
        languages,
        clock,
        admins=settings.admin_ids,
        coach_chat_id=coach_chat_id,
    )
    reactions = MessageReactions(replying, limits)
    replies = CommandReplies(replying, limits, commands, languages, reactions=reactions)
    erasure = Erasure(
        deletion=build_deletion(stores),
        tombstones=stores.tombstones,
        users=stores.users,
        journal=stores.journal,
        roster=roster,
        languages=languages,
        clock=clock,
    )
    acknowledgements = Acknowledgements(stores.journal)
    openings = ChatOpenings(stores.taps.undelivered, settings.late_after_days)
    processor = build_processor(
        ProcessingParts(
            journal=stores.journal,
            stores=stores.taps,
            tombstones=stores.tombstones,
            notes=stores.notes,
            keeper=keeper,
            spoken=stores.spoken,
            talk=talk,
            acknowledgements=acknowledgements,
            roster=roster,
            languages=languages,
            erasure=erasure,
            answerer=answerer,
            editor=editor,
            commands=commands,
            actions=build_actions(
                *(stores, erasure, keeper, settings.late_after_days, named, reactions.put),
                *(pauses.buttons(), availability.buttons(), logbook.buttons(), PainButtons(pain).handlers()),
                coach=coach_chat_id,
            ),
            pain=pain,
            replies=replies,
            openings=openings,
            identity=BotIdentity(_bot_id(settings), api.username),
            clock=clock,
            rules=TapRules(
                settings.late_after_days, coach_chat_id, None if coach is None else coach.thread_id
            ),
            asked=settings.asked_details(),
            admins=settings.admin_ids,
            meters=meters,
        )
    )
    unkept = NotKeptNotice(answerer, roster, languages, clock).tell
    source: Source
    if hook is None:
        source = Poller(
            replying,
            stores.journal,
            _fingerprint(settings),
            clock,
            processor.wake,
            polling=election,
            on_unkept=unkept,
            on_turn=notifier.turned,
        )
    else:
        source = WebhookReceiver(
            api,
            hook,
            stores.journal,
            _fingerprint(settings),
            clock,
            processor.wake,
            polling=election,
            on_unkept=unkept,
            on_turn=notifier.turned,
        )
    dispatcher = Dispatcher(
        api=prompting,
        outbox=stores.outbox,
        coach_alerts=stores.taps.coach_alerts,
        renderer=renderer,
        openings=openings,
        limits=limits,
        clock=clock,
        zone=settings.timezone,
        roster=lambda: roster.roster,
        reread_roster=roster.refresh,
        kinds=kinds,
        may_send=lambda: election.leads,
    )

    async def caught_up() -> None:
        await source.caught_up()
        await processor.drained()

    # Neither what can no longer be answered is asked again, nor what was answered and has expired since.
    answerable = min(repeated_within(settings.late_after_days), timedelta(days=settings.kept_days))
    return Service(
        election=election,
        source=source,
        acknowledgements=acknowledgements,
        processor=processor,
        answerer=answerer,
        editor=editor,
        reactions=reactions,
        replies=replies,
        dispatcher=dispatcher,
        planner=Planner(
            stores.plans,
            stores.planned,
            lambda: roster.roster,
            clock,
            settings.late_after_days,
            informed=[*map(ChatTopic, settings.admin_ids), *([] if coach is None else [coach])],
        ),
        expiry=PromptExpiry(stores.followups, clock, settings.late_after_days),
        older_copies=OlderCopies(
            stores.copies, renderer, editor, lambda: roster.roster, lambda: election.leads
        ),
        outage=OutageRecovery(
            *(stores.journal, stores.followups, clock, caught_up, answerable),
            lambda: election.leads or not stores.journal.is_shared,
        ),
        roster=roster,
        languages=languages,
        menus=MenuSync(api, roster, languages, settings.admin_ids, coach_chat_id=coach_chat_id),
        pain_checks=PainChecks(
            stores.pain_checks,
            stores.taps.pain_episodes,
            lambda: roster.roster,
            settings.pain_check,
            clock,
        ),
        digests=CoachDigests(stores.digests, coach, settings.coach_digest_time, settings.timezone, clock),
        weekly_summaries=WeeklySummaries(
            stores.taps.prompts, weeks, lambda: roster.roster, settings.weekly_summary_time, clock
        ),
        availability_questions=AvailabilityQuestions(
            *(stores.taps.prompts, stores.availability, lambda: roster.roster),
            *(settings.ask_availability, clock),
        ),
        alerts=AdminAlerts(
            look=monitor.look,
            events=lambda: [*election.news(), *dispatcher.news(), *lost_topics.news()],
            closed_chats=ClosedChats(
                *(stores.taps.undelivered, openings, lambda: roster.roster, clock),
                *(settings.late_after_days, lambda: election.leads),
            ),
            report=notifier.status,
            journal=stores.journal,
            api=alerting,
            limits=limits,
            admins=settings.admin_ids,
            language=languages.of,
            zone=settings.timezone,
            bounds=ALERT_BOUNDS,
        ),
        figures=figures,
    )


def bot_name(settings: Settings) -> str:
    """By which the services of one bot, at one Bot API server, find each other in the database."""
    return f"bot-{_fingerprint(settings, settings.telegram_api_url):x}"


def build_register(
    settings: Settings, journal: Journal, db: Database, takes_updates: Callable[[], bool]
) -> JournalRegister:
    on_disk = (socket.gethostname(), str(settings.data_dir.resolve()))
    place = ("MongoDB", f"the collection {INBOX.name}") if journal.is_shared else on_disk
    return JournalRegister(journal, JournalRegisterStore(db), bot_name(settings), *place, takes_updates)


def _bot_id(settings: Settings) -> int:
    """It stands before the colon of the token."""
    token = settings.telegram_bot_token
    return 0 if token is None else int(token.get_secret_value().partition(":")[0])


def _fingerprint(settings: Settings, *more: str) -> int:
    """A number that tells one token from another, and tells nothing else about it."""
    token = settings.telegram_bot_token.get_secret_value() if settings.telegram_bot_token else ""
    return int.from_bytes(hashlib.sha256("\n".join((token, *more)).encode()).digest()[:7])
