"""Changes of mind on a real MongoDB: one document, what was said besides, and a history apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.core.answers.rules import Cause, NotWritten, Outcome, collision_key_of
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.taps.judge import DetailSaved
from bot.store.answers.feedback_events import Recorded
from bot.store.answers.history import KEPT
from tests.support.desk import ANA, NOW, Database, Desk, killed_at, open_desk

DONE, SKIPPED = FeedbackType.DONE, FeedbackType.SKIPPED
HARD, PAIN = FeedbackType.HARD, FeedbackType.PAIN
TIMES = ("receivedAt", "timestamp")


@pytest.fixture
async def desk(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """See `Desk`."""
    async with open_desk(db, monkeypatch, None) as desk:
        yield desk


async def test_the_same_tap_twice(desk: Desk) -> None:
    """It changes nothing but the update id by which later taps are told, and is known to be no news."""
    first = await desk.answer(1, DONE)
    before = await desk.event()
    second = await desk.answer(2, DONE)
    assert (first.is_new, second.is_new) == (True, False)
    since = {"saidAt": {"answer": {"at": before["receivedAt"], "updateId": 1}}}
    assert await desk.event() == {**before, "updateId": 2, **since}
    assert await desk.changes() == []
    # What comes late loses against the second tap, too.
    late = await desk.answer(1, PAIN)
    assert isinstance(late.result, Recorded)
    assert (late.result.won, late.result.type) == (False, DONE)
    assert await desk.event() == {**before, "updateId": 2, **since}
    assert await desk.changes() == []


async def test_another_note_is_another_answer(desk: Desk) -> None:
    """It is news, and what stood before is remembered; a note that was written as a reply stays, silently."""
    await desk.answer(1, PAIN, note="left knee")
    assert (await desk.answer(2, PAIN, note="right knee")).is_new
    assert (await desk.answer(3, PAIN)).is_new
    assert [change["note"] for change in await desk.changes()] == ["left knee", "right knee"]
    assert (await desk.event())["note"] is None
    await desk.note(4, "it is better", payloads=("session_feedback|r|s|pain",))
    assert not (await desk.answer(5, PAIN)).is_new
    assert (await desk.event())["note"] == "it is better"


@pytest.mark.parametrize("at", [NOW, "2026-02-16T18:42:58.123Z", "yesterday", None])
async def test_the_same_answer_by_another_writer(desk: Desk, at: object) -> None:
    """A document without update id and message takes the tap, and keeps its own fields."""
    theirs = {"sessionKey": "r-s-7", "runId": "r", "sessionId": "s", "userId": 7, "type": "done", "mine": 1}
    await desk.db.feedback_events.insert_one({**theirs, "receivedAt": at})
    case = await desk.answer(1, DONE)
    assert not case.is_new
    event = await desk.event()
    assert {name: event[name] for name in theirs} == theirs
    assert event["updateId"] == 1
    assert event["receivedAt"] == (NOW if at == NOW else NOW + timedelta(seconds=1))


async def test_a_redelivered_first_tap_is_news(desk: Desk) -> None:
    """Killed before it was answered, the athlete is still told that it is saved, not that it was before."""
    await desk.answer(1, DONE)
    assert (await desk.answer(1, DONE)).is_new
    assert await desk.changes() == []


async def test_the_history_of_changes(desk: Desk) -> None:
    """What stood before stands there with all that was said, and who replaced it; once, however often."""
    await desk.answer(1, DONE, note="fine")
    await desk.detail(2, Detail.RPE, 7)
    await desk.answer(3, SKIPPED)
    await desk.detail(4, Detail.REASON, "ill")
    for _ in range(2):
        await desk.answer(5, PAIN)
    assert await desk.changes() == [
        {
            "type": "done", "note": "fine", "rpe": 7, "receivedAt": NOW + timedelta(seconds=1), "updateId": 1,
            "replacedAt": NOW + timedelta(seconds=3), "replacedBy": 3,
        },
        {
            "type": "skipped", "reason": "ill", "receivedAt": NOW + timedelta(seconds=3), "updateId": 3,
            "replacedAt": NOW + timedelta(seconds=5), "replacedBy": 5,
        },
    ]  # fmt: skip
    [document] = await desk.db.feedback_history.find({}).to_list()
    assert (document["_id"], document["runId"], document["userId"]) == ("r-s-7", "r", 7)
    assert await desk.db.feedback_events.count_documents({}) == 1


async def test_a_change_that_comes_too_late_is_none(desk: Desk) -> None:
    """An older tap that another worker holds back replaces nothing, and the history does not say so."""
    await desk.answer(5, HARD)
    await desk.answer(3, PAIN)
    assert (await desk.event())["type"] == "hard"
    assert await desk.changes() == []


async def test_changed_details_are_in_the_history(desk: Desk) -> None:
    """The value before, once; saying the same again is no change."""
    await desk.answer(1, DONE)
    await desk.detail(2, Detail.RPE, 7)
    await desk.detail(3, Detail.RPE, 7)
    for _ in range(2):
        await desk.detail(4, Detail.RPE, 0)
    [change] = await desk.changes()
    assert (change["rpe"], change["replacedBy"]) == (7, 4)
    assert (await desk.event())["rpe"] == 0


async def test_the_history_is_bounded(desk: Desk) -> None:
    """The newest fifty changes are kept."""
    for number in range(1, KEPT + 4):
        await desk.answer(number, DONE if number % 2 else HARD)
    changes = await desk.changes()
    assert [change["replacedBy"] for change in changes] == list(range(4, KEPT + 4))


async def test_killed_between_history_and_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tap is seen to again, and the history has the change once."""
    await desk.answer(1, DONE)

    with killed_at(monkeypatch, desk.stores.events, "record"):
        await desk.answer(2, PAIN)
    await desk.answer(2, PAIN)
    assert [change["replacedBy"] for change in await desk.changes()] == [2]
    assert (await desk.event())["type"] == "pain"


async def test_two_workers_change_at_once(desk: Desk) -> None:
    """One document with the last tap, and a history without errors."""
    await desk.answer(1, DONE)
    types = [HARD, PAIN, SKIPPED] * 4
    await asyncio.gather(*(desk.answer(n, type_) for n, type_ in enumerate(types, start=2)))
    event = await desk.event()
    assert (event["updateId"], event["type"]) == (13, "skipped")
    changes = await desk.changes()
    assert len({change["replacedBy"] for change in changes}) == len(changes) > 0


async def test_first_taps_of_two_workers(desk: Desk) -> None:
    """The same first tap at two workers is one document."""
    await asyncio.gather(*(desk.answer(1, DONE) for _ in range(10)))
    assert (await desk.event())["updateId"] == 1
    assert await desk.changes() == []


@pytest.mark.parametrize(
    ("type_", "detail", "value", "field"),
    [
        (DONE, Detail.RPE, 7, {"rpe": 7}),
        (HARD, Detail.RPE, 0, {"rpe": 0}),
        (PAIN, Detail.PLACE, "knee", {"pain": {"where": "knee"}}),
        (PAIN, Detail.PAIN, 10, {"pain": {"level": 10}}),
        (SKIPPED, Detail.REASON, "no time", {"reason": "no time"}),
    ],
)
async def test_each_detail(
    desk: Desk, type_: FeedbackType, detail: Detail, value: int | str, field: dict[str, Any]
) -> None:
    """It is added to its answer, and counted as a detail; the rest stays as it was."""
    await desk.answer(1, type_)
    before = await desk.event()
    result = await desk.detail(2, detail, value)
    assert isinstance(result, DetailSaved)
    assert result.answer.details.value(detail) == value
    after = await desk.event()
    said = {"saidAt": {detail.value: {"at": NOW + timedelta(seconds=2), "updateId": 2}}}
    assert after == {**before, **field, **said}
    assert await desk.db.taps.count_documents({"outcome": Outcome.DETAIL.value}) == 1


async def test_details_fit_their_answer_only(desk: Desk) -> None:
    """Those of another answer are refused, those of none too, and nothing is stored of them."""
    assert await desk.detail(1, Detail.RPE, 7) == NotWritten(Outcome.DETAIL, cause=Cause.NO_ANSWER)
    assert await desk.db.feedback_events.count_documents({}) == 0
    await desk.answer(2, DONE)
    before = await desk.event()
    said: list[tuple[Detail, int | str]] = [
        (Detail.PLACE, "knee"), (Detail.PAIN, 3), (Detail.REASON, "ill"),
    ]  # fmt: skip
    for update_id, (detail, value) in enumerate(said, start=3):
        result = await desk.detail(update_id, detail, value)
        assert result == NotWritten(Outcome.DETAIL, cause=Cause.OTHER_ANSWER)
    assert await desk.event() == before


async def test_a_question_left_out_or_asked_again_stores_nothing(desk: Desk) -> None:
    """The answer stays as it is."""
    await desk.answer(1, DONE)
    before = await desk.event()
    assert isinstance(await desk.detail(2, Detail.RPE, None), DetailSaved)
    [result] = await desk.store(desk.tap(3, "rpe|r|s|?"))
    assert isinstance(result, DetailSaved)
    assert await desk.event() == before


async def test_the_later_detail_wins(desk: Desk) -> None:
    """An older one that arrives behind it, or the same again, changes nothing."""
    await desk.answer(1, DONE)
    await desk.detail(5, Detail.RPE, 8)
    stored = await desk.event()
    for update_id, value in ((4, 2), (5, 8)):
        result = await desk.detail(update_id, Detail.RPE, value)
        assert isinstance(result, DetailSaved)
        assert result.answer.details.value(Detail.RPE) == 8
    assert await desk.event() == stored


@pytest.mark.parametrize(("then", "is_kept"), [(DONE, True), (HARD, True), (PAIN, True), (SKIPPED, False)])
async def test_effort_after_a_change(desk: Desk, then: FeedbackType, is_kept: bool) -> None:
    """It is the session's, so it stays from done to hard and to pain; it goes with what it does not fit."""
    await desk.answer(1, DONE)
    await desk.detail(2, Detail.RPE, 7)
    case = await desk.answer(3, then)
    assert isinstance(case.result, Recorded)
    assert case.result.details.value(Detail.RPE) == (7 if is_kept else None)
    assert ("rpe" in await desk.event()) == is_kept


async def test_details_do_not_come_back(desk: Desk) -> None:
    """Pain and then done: nothing hurts any more, not even when pain is tapped again."""
    await desk.answer(1, PAIN)
    await desk.detail(2, Detail.PLACE, "knee")
    await desk.answer(3, DONE)
    assert "pain" not in await desk.event()
    case = await desk.answer(4, PAIN)
    assert isinstance(case.result, Recorded)
    assert case.result.details.value(Detail.PLACE) is None
    await desk.detail(2, Detail.PLACE, "knee")  # delivered again, after all this
    assert "pain" not in await desk.event()


async def test_answer_and_details_in_one_page(desk: Desk) -> None:
    """After an outage all comes at once, and is seen to in its order: what fits the last answer counts."""
    results = await desk.store(
        desk.tap(1, "session_feedback|r|s|pain"),
        desk.tap(2, "where|r|s|knee"),
        desk.tap(3, "session_feedback|r|s|done"),
        desk.tap(4, "rpe|r|s|3"),
    )
    assert [type(result) for result in results] == [Recorded, DetailSaved, Recorded, DetailSaved]
    event = await desk.event()
    assert (event["type"], event["rpe"], "pain" in event) == ("done", 3, False)


async def test_sessions_with_one_key(desk: Desk) -> None:
    """Of two sessions that form one key each has its answer, details, note and history, in one page too."""
    for update_id, type_ in ((1, DONE), (3, HARD)):
        await desk.store(
            desk.tap(update_id, f"session_feedback|a-b|c|{type_}"),
            desk.tap(update_id + 1, f"session_feedback|a|b-c|{type_}"),
        )
    await desk.store(desk.tap(5, "rpe|a-b|c|5"), desk.tap(6, "rpe|a|b-c|6"))
    await desk.note(7, "first", payloads=("session_feedback|a-b|c|done",))
    await desk.note(8, "second", payloads=("session_feedback|a|b-c|done",))
    events = await desk.db.feedback_events.find({}).to_list()
    assert {(e["sessionKey"], e["runId"], e["rpe"], e["note"]) for e in events} == {
        ("a-b-c-7", "a-b", 5, "first"),
        (collision_key_of("a-b-c-7", "a", "b-c"), "a", 6, "second"),
    }
    histories = await desk.db.feedback_history.find({}).to_list()
    assert {(h["_id"], h["runId"], len(h["changes"])) for h in histories} == {
        (event["sessionKey"], event["runId"], 1) for event in events
    }


async def test_nobody_in_particular(desk: Desk) -> None:
    """An answer of another writer's that names nobody is another document, which a tap leaves alone."""
    anon = {"sessionKey": "r-s-anon", "runId": "r", "sessionId": "s", "userId": None, "type": "hard"}
    await desk.db.feedback_events.insert_one({**anon, "receivedAt": NOW})
    await desk.answer(1, DONE)
    await desk.detail(2, Detail.RPE, 3)
    assert await desk.event(userId=None) == {**anon, "receivedAt": NOW}
    assert (await desk.event(userId=ANA))["rpe"] == 3


async def test_a_foreign_document_under_the_key(desk: Desk) -> None:
    """Whatever another session's document holds, taps, details and notes leave it as it is."""
    foreign = {
        "sessionKey": "r-s-7", "runId": "r-s", "sessionId": "", "type": "done", "rpe": "easy", "pain": [1],
        "reason": 5, "noteMessageId": "x", "note": "theirs", "saidAt": 3,
    }  # fmt: skip
    await desk.db.feedback_events.insert_one({**foreign})
    for update_id, type_ in enumerate((DONE, PAIN, SKIPPED), start=1):
        await desk.answer(update_id, type_)
    await desk.detail(4, Detail.REASON, "ill")
    await desk.note(5, "mine")
    assert await desk.event(runId="r-s") == foreign
    mine = await desk.event(runId="r")
    assert (mine["type"], mine["reason"], mine["note"]) == ("skipped", "ill", "mine")


async def test_odd_fields_of_another_writer(desk: Desk) -> None:
    """What stands where details go, of any type, gives way to what the athlete says."""
    odd = {"rpe": "easy", "pain": 3, "saidAt": "x", "note": 5, "noteMessageId": "y"}
    key = {"sessionKey": "r-s-7", "runId": "r", "sessionId": "s", "type": "pain", "receivedAt": NOW}
    await desk.db.feedback_events.insert_one({**key, **odd})
    await desk.detail(1, Detail.PLACE, "hip")
    await desk.note(2, "mine")
    event = await desk.event()
    assert (event["pain"]["where"], event["note"]) == ("hip", "mine")
    await desk.answer(3, DONE)
    await desk.detail(4, Detail.RPE, 4)
    assert (await desk.event())["rpe"] == 4
