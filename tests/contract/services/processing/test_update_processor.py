"""The update processor on a real journal and a real MongoDB, with Telegram played from a script."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from bot.core.answers import texts as answers
from bot.core.answers.keyboards import answered_keyboard, prompt_keyboard
from bot.core.answers.payloads import format_callback, make_reference
from bot.core.answers.rules import NotWritten, Outcome, derive_event
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.language import Language
from bot.core.shared.errors import (
    BotError,
    StorageRejected,
    StorageUnavailable,
    TelegramRateLimited,
    TelegramRejected,
    TelegramUnknown,
)
from bot.core.shared.update_order import UpdateStamp
from bot.core.taps import judge as judge_module
from bot.services.answers.early_answers import ANSWER_WITHIN
from bot.services.processing.dead_letters import MAX_TRIES
from bot.services.telegram import callback_answers as answers_module
from bot.store.prompts.prompts import PromptStore
from tests.support.fakes import (
    ATHLETE,
    EN,
    MILLISECOND,
    NOW,
    PROMPTED,
    SECOND,
    STRANGER,
    Database,
    FakeApi,
    ShakyJournal,
    Time,
    eventually,
    running,
    session_tap,
    tap_update,
)
from tests.support.processing import Recording, outcomes, stored


async def test_a_tap_is_stored_answered_shown_and_forgotten(
    api: FakeApi, db: Database, recording: Recording
) -> None:
    """ "Saved" is said when it is, the message shows the choice, and the journal is empty afterwards."""
    found: list[int] = []

    async def look(_query: str, _text: str) -> None:
        found.append(await db.feedback_events.count_documents({}))

    api.on_answer = look
    async with running(*recording.flows()):
        await recording.receive(tap_update(10, "session_feedback|r|s|pain|my%20knee"))
        await eventually(recording.emptied)
        await eventually(lambda: bool(api.edits))
    assert api.answers == [("q10", answers.saved(FeedbackType.PAIN, EN), False)]
    assert found == [1]
    assert await stored(db) == {"r": "pain"}
    assert await outcomes(db) == {"q10": "written"}
    [(chat_id, message_id, text, keyboard)] = api.edits
    assert (chat_id, message_id, text) == (ATHLETE, 700, answers.shown_text("How?", FeedbackType.PAIN, EN))
    assert keyboard == answered_keyboard(prompt_keyboard("r", "s", EN), FeedbackType.PAIN)


@pytest.mark.parametrize("error", [StorageUnavailable("away"), StorageRejected("no rights")])
async def test_while_the_store_is_away_taps_are_received_not_saved(
    api: FakeApi, db: Database, recording: Recording, time: Time, error: BotError
) -> None:
    """After `ANSWER_WITHIN`, and not before, a tap is told so; later it is stored in silence."""
    recording.events.down = error
    async with running(*recording.flows()):
        time.now = NOW + ANSWER_WITHIN
        await recording.receive(tap_update(10))
        await eventually(lambda: recording.events.calls > 5)
        assert api.answers == []
        time.now += MILLISECOND
        await eventually(lambda: bool(api.answers))
        assert api.answers == [("q10", EN.texts.answers.received, False)]
        assert await stored(db) == {}
        recording.events.down = None
        await eventually(recording.emptied)
    assert await stored(db) == {"r": "done"}
    assert api.said("q10") == [EN.texts.answers.received]


async def test_what_waits_in_a_journal_without_a_file_is_not_called_safe(
    api: FakeApi, db: Database, recording: Recording, journal: ShakyJournal, time: Time,
) -> None:  # fmt: skip
    """It goes with the process; as long as that lives it is stored, in silence."""
    journal.is_gone = True
    recording.events.down = StorageUnavailable("away")
    async with running(*recording.flows()):
        await recording.receive(tap_update(10))
        time.now = NOW + ANSWER_WITHIN + MILLISECOND
        await eventually(lambda: bool(api.answers))
        assert api.answers == [("q10", EN.texts.answers.not_kept, True)]
        recording.events.down = None
        await eventually(recording.emptied)
    assert await stored(db) == {"r": "done"}
    assert api.said("q10") == [EN.texts.answers.not_kept]


async def test_refusals_do_not_wait_for_the_store(api: FakeApi, db: Database, recording: Recording) -> None:
    """Strangers, nonsense and late taps are answered at once, MongoDB up or down, and change nothing."""
    recording.events.down = StorageUnavailable("away")
    async with running(*recording.flows()):
        await recording.receive(
            tap_update(10),
            tap_update(11, user_id=STRANGER),
            tap_update(12, "nonsense"),
            tap_update(13, date=PROMPTED - 15 * 86_400),
        )
        await eventually(lambda: len(api.answers) == 3)
        assert {query: alert for query, _, alert in api.answers} == {"q11": True, "q12": True, "q13": True}
        assert await stored(db) == {}
        recording.events.down = None
        await eventually(recording.emptied)
    assert await outcomes(db) == {"q10": "written", "q11": "refused", "q12": "invalid", "q13": "late"}
    assert api.said("q11") == [answers.not_written(NotWritten(Outcome.REFUSED), 14, EN)]
    assert api.said("q13") == [answers.not_written(NotWritten(Outcome.LATE, 15), 14, EN)]
    assert await stored(db) == {"r": "done"}


async def test_a_defect_with_one_tap_leaves_the_others_alone(
    api: FakeApi, db: Database, recording: Recording
) -> None:
    """The others are stored; the one is a dead letter after `MAX_TRIES` and told that it was not saved."""
    recording.events.poison = "r5"
    async with running(*recording.flows()):
        await recording.receive(*(session_tap(n, f"r{n}") for n in range(1, 20)))
        await eventually(recording.emptied)
        await recording.answerer.join()
    assert set(await stored(db)) == {f"r{n}" for n in range(1, 20)} - {"r5"}
    assert recording.events.poisoned == [19, *[1] * MAX_TRIES]
    assert api.said("q5") == [EN.texts.answers.not_saved]
    assert Counter(query for query, _, _ in api.answers) == {f"q{n}": 1 for n in range(1, 20)}
    state = await recording.journal.state()
    assert (state.dead, state.dead_taps) == (1, 1)


async def test_a_refused_document_is_a_dead_letter(api: FakeApi, db: Database, recording: Recording) -> None:
    """What MongoDB will never take is given up at once, and the rest of its batch is stored."""
    await db.command("collMod", "feedback_events", validator={"runId": {"$ne": "r2"}})
    async with running(*recording.flows()):
        await recording.receive(*(session_tap(n, f"r{n}") for n in (1, 2, 3)))
        await eventually(recording.emptied)
        await recording.answerer.join()
    assert set(await stored(db)) == {"r1", "r3"}
    assert api.said("q2") == [EN.texts.answers.not_saved]
    assert await outcomes(db) == {"q1": "written", "q3": "written"}
    assert (await recording.journal.state()).dead_taps == 1


async def test_poison_among_good_updates(api: FakeApi, db: Database, recording: Recording) -> None:
    """What cannot be read is a dead letter, answered where a query id is known; the others go on."""
    broken = tap_update(50)
    broken["callback_query"]["from"] = {"id": "seven", "language_code": "es-MX"}
    poison = [broken, {"update_id": 51, "callback_query": None}, {"update_id": 52, "message": []}]
    poison.append(tap_update(53, "session_feedback|far|s|done", date=253_402_300_799))
    good = [session_tap(n, f"r{n}") for n in range(1, 6)]
    async with running(*recording.flows()):
        await recording.receive(*good[:2], *poison, {"update_id": 60, "poll": {}}, *good[2:])
        await eventually(recording.emptied)
        await recording.answerer.join()
    assert {run for run in await stored(db) if run != "far"} == {f"r{n}" for n in range(1, 6)}
    assert (await recording.journal.state()).dead == 3
    assert api.said("q50") == [Language.ES.texts.answers.not_saved]


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_who_was_told_received_hears_that_it_was_not_saved(
    api: FakeApi, db: Database, recording: Recording, time: Time, is_restarted: bool
) -> None:
    """Once, in their chat and in the language that they chose, also when the answer was before a restart."""
    await recording.languages.choose(ATHLETE, Language.ES, UpdateStamp(1, NOW))
    await db.command("collMod", "feedback_events", validator={"runId": {"$ne": "r1"}})
    time.now = NOW + ANSWER_WITHIN + MILLISECOND
    recording.events.down = None if is_restarted else StorageUnavailable("away")
    await recording.receive(session_tap(1, "r1"), session_tap(2, "r2"))
    if is_restarted:
        entries = await recording.journal.pending(after=0, limit=10)
        await recording.journal.mark_answered([entry.seq for entry in entries])
    async with running(*recording.flows()):
        if not is_restarted:
            await eventually(lambda: len(api.answers) == 2)
        recording.events.down = None
        await eventually(recording.emptied)
        await eventually(lambda: bool(api.sent))
    assert api.sent == [(ATHLETE, Language.ES.texts.answers.not_saved_after_all, None)]
    assert api.said("q1") == ([] if is_restarted else [Language.ES.texts.answers.received])
    assert set(await stored(db)) == {"r2"}


async def test_what_only_the_database_can_tell_is_told_when_it_is_back(
    api: FakeApi, recording: Recording, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then such a tap is called received, not an answer that will be saved."""
    is_away = True

    def away(self: PromptStore, *arguments: Any) -> Any:
        if is_away:
            raise StorageUnavailable("away")
        return originals[len(arguments)](self, *arguments)

    originals: dict[int, Any] = {1: PromptStore.resolve, 4: PromptStore.sent_at}
    monkeypatch.setattr(PromptStore, "resolve", away)
    monkeypatch.setattr(PromptStore, "sent_at", away)
    time.now = NOW + ANSWER_WITHIN + MILLISECOND
    unknown = format_callback("r" * 40, "s" * 40, FeedbackType.DONE)
    await recording.receive(tap_update(1, unknown), tap_update(2, date=0), session_tap(3, "r3"))
    async with running(*recording.flows()):
        await eventually(lambda: len(api.answers) == 3)
        texts = {query: text for query, text, _ in api.answers}
        unjudged = EN.texts.answers.received_unjudged
        assert texts == {"q1": unjudged, "q2": unjudged, "q3": EN.texts.answers.received}
        is_away = False
        await eventually(recording.emptied)
        await eventually(lambda: len(api.sent) == 2)
    late, forgotten = (NotWritten(outcome) for outcome in (Outcome.LATE, Outcome.UNKNOWN))
    assert {text for _, text, _ in api.sent} == {
        answers.not_written(late, 14, EN), answers.not_written(forgotten, 14, EN),
    }  # fmt: skip


async def test_after_a_restart_nobody_is_answered_twice(
    api: FakeApi, db: Database, recording: Recording
) -> None:
    """Entries that were answered before are stored in silence, the others are answered."""
    await recording.receive(session_tap(10, "r1"), session_tap(11, "r2"), tap_update(12, user_id=STRANGER))
    entries = await recording.journal.pending(after=0, limit=10)
    await recording.journal.mark_answered([entries[0].seq, entries[2].seq])
    async with running(*recording.flows()):
        await eventually(recording.emptied)
    assert set(await stored(db)) == {"r1", "r2"}
    assert [query for query, _, _ in api.answers] == ["q11"]


async def test_everything_replayed_changes_nothing(db: Database, recording: Recording) -> None:
    """The same updates under other positions give the same documents and the same ledger."""
    updates = [session_tap(n, f"r{n % 3}", list(FeedbackType)[n % 4]) for n in range(1, 20)]
    async with running(*recording.flows()):
        await recording.receive(*updates)
        await eventually(recording.emptied)
        before = (await db.feedback_events.find({}).to_list(), await outcomes(db))
        await recording.receive(*reversed(updates))
        await eventually(recording.emptied)
    assert (await db.feedback_events.find({}).to_list(), await outcomes(db)) == before


async def test_an_older_tap_is_told_what_counts(api: FakeApi, recording: Recording) -> None:
    """A tap behind a newer one is answered with the newer answer."""
    async with running(*recording.flows()):
        await recording.receive(session_tap(20, "r", FeedbackType.PAIN))
        await eventually(recording.emptied)
        await recording.receive(session_tap(10, "r", FeedbackType.DONE))
        await eventually(recording.emptied)
    assert api.said("q10") == [answers.superseded(FeedbackType.PAIN, EN)]


async def test_references_and_inaccessible_messages_ask_the_prompt_records(
    api: FakeApi, db: Database, recording: Recording
) -> None:
    """True ids and times come from the outbox; without one a reference is unknown, a message late."""
    run_id = "4b1f7a52-9d8e-4c6b-a1b2-0c1d2e3f4a5b"
    record = {"sessionId": "s", "chatId": "10", "state": "sent", "sentAt": NOW - 3 * 86_400 * SECOND}
    await db.session_prompts.insert_many(
        [
            {**record, "runId": run_id, "reference": make_reference(run_id, "s" * 20), "sessionId": "s" * 20},
            {**record, "runId": "plain"},
            {**record, "runId": "old", "sentAt": NOW - 15 * 86_400 * SECOND},
        ]
    )

    def old_tap(update_id: int, data: str) -> dict[str, Any]:
        return tap_update(update_id, data, chat_id=10, date=0)

    referenced = format_callback(run_id, "s" * 20, FeedbackType.HARD)
    async with running(*recording.flows()):
        await recording.receive(
            tap_update(10, referenced),
            tap_update(11, format_callback(run_id, "t" * 20, FeedbackType.HARD)),
            old_tap(12, "session_feedback|plain|s|done"),
            old_tap(13, "session_feedback|old|s|done"),
            old_tap(14, "session_feedback|nobody|s|done"),
            old_tap(15, referenced),
        )
        await eventually(recording.emptied)
    assert await outcomes(db) == {
        "q10": "written",
        "q11": "unknown",
        "q12": "written",
        "q13": "late",
        "q14": "late",
        "q15": "written",
    }
    events = {event["runId"]: event async for event in db.feedback_events.find({})}
    assert set(events) == {run_id, "plain"}
    assert events["plain"]["sessionDate"] == "2026-02-13"
    assert api.said("q13") == [answers.not_written(NotWritten(Outcome.LATE, 15), 14, EN)]


async def test_taps_that_arrive_while_the_journal_was_found_empty_are_not_idle(
    api: FakeApi, recording: Recording, time: Time
) -> None:
    """News between an empty answer and its arrival: it does not count as drained, the tap is answered."""
    recording.events.down = StorageUnavailable("away")
    time.now = NOW + 3 * SECOND
    recording.journal.after_empty_page = lambda: recording.receive(tap_update(10))
    async with running(*recording.flows()):
        await eventually(lambda: recording.events.calls > 0)
        drained = asyncio.create_task(recording.recorder.drained())
        await eventually(lambda: bool(api.answers))
        assert not drained.done()
        recording.events.down = None
        await asyncio.wait_for(drained, 50)
        assert set(api.said("q10")) == {EN.texts.answers.received}


async def test_what_was_called_saved_is_not_called_received_later(
    api: FakeApi, recording: Recording, time: Time
) -> None:
    """While the journal does not yet know that a tap is done, a backlog behind it brings no second answer."""
    recording.journal.page, recording.journal.finish_fails = 1, True
    recording.events.down_for = "r3"
    time.now = NOW + 3 * SECOND
    async with running(*recording.flows()):
        await recording.receive(*(session_tap(n, f"r{n}") for n in (1, 2, 3)))
        await eventually(lambda: len({query for query, _, _ in api.answers}) == 3)
        calls = recording.events.calls
        await eventually(lambda: recording.events.calls > calls + 5)
        assert api.said("q3") == [EN.texts.answers.received]
        recording.journal.finish_fails, recording.events.down_for = False, ""
        await eventually(recording.emptied)
    for query_id in ("q1", "q2"):
        assert len(api.said(query_id)) == 1


async def test_a_defect_in_reading_one_tap(
    api: FakeApi, db: Database, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tap that our code cannot even judge is a dead letter and is answered; the others are stored."""
    derive = derive_event

    def fail(tap: Any, callback: Any, session: Any, **rules: Any) -> Any:
        if session.run_id == "r2":
            raise OverflowError("date value out of range")
        return derive(tap, callback, session, **rules)

    monkeypatch.setattr(judge_module, "derive_event", fail)
    async with running(*recording.flows()):
        await recording.receive(*(session_tap(n, f"r{n}") for n in (1, 2, 3)))
        await eventually(recording.emptied)
        await recording.answerer.join()
    assert set(await stored(db)) == {"r1", "r3"}
    assert (await recording.journal.state()).dead_taps == 1
    assert api.said("q2") == [EN.texts.answers.not_saved]


async def test_an_answer_that_fails_does_not_fail_the_write(
    api: FakeApi, db: Database, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither Telegram's refusals nor defects of a call stop storing, nor the answers to others."""
    monkeypatch.setattr(answers_module, "_PATIENCE", 0.05)
    failures: dict[str, Exception] = {
        "q1": TelegramRejected("query is too old"),
        "q2": RuntimeError("a defect"),
        "q3": TelegramUnknown("502"),
        "q4": TelegramRateLimited("wait", 0.001),
    }
    tries: Counter[str] = Counter()

    async def fail(query_id: str, _text: str) -> None:
        tries[query_id] += 1
        if query_id in failures:
            raise failures[query_id]

    api.on_answer = fail
    async with running(*recording.flows()):
        await recording.receive(*(session_tap(n, f"r{n}") for n in range(1, 40)))
        await eventually(recording.emptied)
    assert len(await stored(db)) == 39
    assert len(api.answers) == 35
    assert tries["q1"] == tries["q2"] == 1
