"""Fixtures of the tests of services: a scripted Telegram, a journal, an update processor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.app.bootstrap import build_actions
from bot.app.stores import build_stores
from bot.core.people.athlete import ContactHours
from bot.core.shared.backoff import Backoff, constant
from bot.core.taps.judge import TapRules
from bot.core.telegram.rate_limits import SendLimits
from bot.services.answers import early_answers as early_answers_module
from bot.services.chat.replies import CommandReplies
from bot.services.coach.talk import CoachTalk
from bot.services.inbox import acknowledgements as books_module
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.services.people.roster_cache import RosterCache
from bot.services.processing import message_pipeline as message_pipeline_module
from bot.services.processing import tap_pipeline as tap_pipeline_module
from bot.services.processing.wiring import ProcessingParts, build_processor
from bot.services.prompts import dispatcher as dispatcher_module
from bot.services.prompts.chat_openings import ChatOpenings
from bot.services.telegram import callback_answers as answers_module
from bot.services.telegram.callback_answers import CallbackAnswerer
from bot.services.telegram.identity import BotIdentity
from bot.services.telegram.message_editor import MessageEditor
from bot.services.words.note_keeper import NoteKeeper
from bot.store.coach.messages import CoachMessageStore
from bot.store.mongodb.indexes import INDEXES, bootstrap
from bot.store.people.tombstones import TombstoneStore
from bot.store.words.notes import NoteStore
from bot.store.words.sessions import SpokenSessionStore
from tests.support.fakes import ADMIN, ATHLETE, Database, FakeApi, ShakyJournal, ShakyPrompts, Time
from tests.support.flows import Parts
from tests.support.processing import (
    BOT_ID,
    USED,
    Recording,
    ShakyAthletes,
    ShakyEvents,
    Tally,
    bot_username,
    languages_of,
)


@pytest.fixture
def time() -> Time:
    """The hands on all clocks."""
    return Time()


@pytest.fixture
def api() -> FakeApi:
    """Telegram."""
    return FakeApi()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[ShakyJournal]:
    """An open journal."""
    journal = ShakyJournal(tmp_path / "journal.sqlite3")
    await journal.open()
    yield journal
    await journal.close()


@pytest.fixture
async def recording(
    api: FakeApi, journal: ShakyJournal, db: Database, time: Time, monkeypatch: pytest.MonkeyPatch
) -> Recording:
    """A recorder that does not dawdle."""
    for module, name, seconds in (
        (early_answers_module, "_INTERVAL", 0.01),
        (books_module, "_INTERVAL", 0.01),
    ):
        monkeypatch.setattr(module, name, seconds)
    for module in (tap_pipeline_module, message_pipeline_module):
        monkeypatch.setattr(module, "STORAGE_BACKOFF", Backoff(0.005, 0.01))
    monkeypatch.setattr(books_module, "DISK_BACKOFF", constant(0.01))
    monkeypatch.setattr(answers_module, "_BACKOFF", Backoff(0.005, 4.0))
    await bootstrap(db, [index for index in INDEXES if index.unique and index.collection in USED])
    limits, tally = SendLimits(), Tally()
    events, athletes = ShakyEvents(db), ShakyAthletes(db)
    roster = RosterCache(athletes, frozenset({ATHLETE}), ContactHours(ZoneInfo("UTC")), time)
    await roster.refresh()
    answerer, marker = CallbackAnswerer(api), MessageEditor(api, limits)
    languages = languages_of(db, time, roster)
    parts = replace(Parts.of(db, journal, time, roster), admins=frozenset({ADMIN}))
    chat_commands = parts.chat(languages, athletes=athletes)
    commands = CommandReplies(api, limits, chat_commands, languages)
    stores = replace(build_stores(db, journal, time).taps, events=events)
    erasure = parts.forgetting()
    recorder = build_processor(
        ProcessingParts(
            journal=journal,
            stores=stores,
            commands=chat_commands,
            tombstones=TombstoneStore(db),
            notes=NoteStore(db),
            keeper=NoteKeeper(stores),
            spoken=SpokenSessionStore(db),
            talk=CoachTalk.of(CoachMessageStore(db), parts.named(), None),
            acknowledgements=Acknowledgements(journal),
            roster=roster,
            languages=languages,
            erasure=erasure,
            actions=build_actions(
                *(parts.stores, erasure, parts.keeper(), 14, parts.named(), lambda *_: None),
                *parts.buttons(athletes),
            ),
            pain=parts.pain(),
            answerer=answerer,
            editor=marker,
            replies=commands,
            openings=ChatOpenings(stores.undelivered, 14),
            identity=BotIdentity(BOT_ID, bot_username),
            clock=time,
            rules=TapRules(14),
            admins=frozenset({ADMIN}),
            meters=tally,
        )
    )
    return Recording(
        recorder, answerer, marker, commands, events, athletes, roster, languages, journal, parts, tally
    )


@pytest.fixture
async def prompts(db: Database, monkeypatch: pytest.MonkeyPatch) -> ShakyPrompts:
    """An outbox with its unique index, and a dispatcher that does not dawdle."""
    monkeypatch.setattr(dispatcher_module, "_IDLE_INTERVAL", 0.005)
    monkeypatch.setattr(dispatcher_module, "_BACKOFF", constant(0.005))
    await bootstrap(db, [index for index in INDEXES if index.unique and index.collection in USED])
    return ShakyPrompts(db)
