"""Feedback on a real MongoDB: the last tap wins, however taps arrive, and nothing overwrites another's."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.answers.details import Details
from bot.core.answers.event import FeedbackEvent, StoredAnswer
from bot.core.answers.payloads import Callback
from bot.core.answers.rules import TappedSession, collision_key, derive_event
from bot.core.facts.answer_types import FeedbackType
from bot.core.shared.update_order import IDS_COMPARABLE_WITHIN
from bot.core.telegram.updates import Tap
from bot.store.answers.feedback_events import FeedbackStore, Recorded, Unrecordable
from bot.store.mongodb.indexes import INDEXES, bootstrap

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DONE, SKIPPED = FeedbackType.DONE, FeedbackType.SKIPPED
HARD, PAIN = FeedbackType.HARD, FeedbackType.PAIN


def make_event(
    run_id: str = "r",
    session_id: str = "s",
    type_: FeedbackType = DONE,
    *,
    update_id: int = 100,
    at: datetime = NOW,
    note: str | None = None,
    user_id: int | None = 7,
    username: str | None = "anna",
) -> FeedbackEvent:
    """An event in time, received at `at` two days after its prompt."""
    tap = Tap(update_id, f"q{update_id}", user_id, username, -(2**40), 2**35, None, None, at)
    event = derive_event(
        tap,
        Callback(run_id, session_id, type_, note),
        TappedSession(run_id, session_id, at - timedelta(days=2)),
        zone=UTC,
        late_after_days=14,
    )
    assert isinstance(event, FeedbackEvent)
    return event


def recorded(type_: FeedbackType, *, won: bool, key: str = "r-s-7", at: datetime | None = NOW) -> Recorded:
    """What is told of an event of which nothing is known but the answer, given at `at`."""
    return Recorded(type_, won=won, session_key=key, details=Details(), received_at=at)


@pytest.fixture
async def store(db: Database) -> FeedbackStore:
    """A store on an empty collection with its indexes."""
    await bootstrap(
        db, [index for index in INDEXES if index.collection == "feedback_events" and index.unique]
    )
    return FeedbackStore(db)


async def documents(db: Database) -> list[dict[str, Any]]:
    """All stored documents, by key, but for the notes by which later details are told from earlier ones."""
    return await db.feedback_events.find({}, {"_id": False, "saidAt": False}).sort("sessionKey").to_list()


async def only_document(db: Database) -> dict[str, Any]:
    """The one stored document."""
    [document] = await documents(db)
    return document


async def test_every_field_is_stored_with_its_type(db: Database, store: FeedbackStore) -> None:
    """Dates are BSON dates, ids of 64 bits are longs, the chat is a string, absent notes are null."""
    event = make_event(update_id=2**40, user_id=2**41)
    assert await store.record([event]) == [recorded(DONE, won=True, key=event.session_key)]
    assert await only_document(db) == event.to_bson()
    [types] = await (
        await db.feedback_events.aggregate(
            [{"$project": {"_id": False, **{name: {"$type": f"${name}"} for name in event.to_bson()}}}]
        )
    ).to_list()
    dates = {"timestamp", "receivedAt", "promptSentAt"}
    longs = {"messageId", "userId", "updateId"}
    expected = dict.fromkeys(types, "string") | dict.fromkeys(dates, "date") | dict.fromkeys(longs, "long")
    assert types == expected | {"note": "null", "promptAgeDays": "int", "isLateResponse": "bool"}


async def test_nobody_in_particular(db: Database, store: FeedbackStore) -> None:
    """Without user and username both are null, and later taps find the document again."""
    for update_id in (1, 2):
        await store.record([make_event(update_id=update_id, user_id=None, username=None)])
    document = await only_document(db)
    assert (document["sessionKey"], document["userId"], document["username"]) == ("r-s-anon", None, None)
    assert document["updateId"] == 2


async def test_an_empty_batch(db: Database, store: FeedbackStore) -> None:
    """Nothing to record is nothing done."""
    assert await store.record([]) == []
    assert await documents(db) == []


async def test_the_last_tap_wins_and_an_older_one_does_not(db: Database, store: FeedbackStore) -> None:
    """A change of mind replaces the whole answer; what arrives late is told the answer that counts."""
    first, second, third = (
        make_event(type_=type_, update_id=update_id, note=note, at=NOW + timedelta(seconds=update_id))
        for type_, update_id, note in ((DONE, 1, "fine"), (HARD, 2, None), (PAIN, 3, "knee"))
    )
    assert await store.record([first]) == [recorded(DONE, won=True, at=first.received_at)]
    assert await store.record([third]) == [recorded(PAIN, won=True, at=third.received_at)]
    assert await store.record([second]) == [recorded(PAIN, won=False, at=third.received_at)]
    assert await store.record([third]) == [recorded(PAIN, won=True, at=third.received_at)]
    assert await only_document(db) == third.to_bson()
    fourth = make_event(type_=DONE, update_id=4, at=NOW + timedelta(minutes=1))
    await store.record([fourth])
    assert await only_document(db) == fourth.to_bson()


async def test_several_taps_on_one_session_in_a_batch(db: Database, store: FeedbackStore) -> None:
    """Results stand in the order of the events, each with the answer that counts."""
    events = [
        make_event(type_=type_, update_id=n) for type_, n in ((HARD, 2), (PAIN, 9), (DONE, 1), (PAIN, 9))
    ]
    assert await store.record(events) == [
        recorded(PAIN, won=False),
        recorded(PAIN, won=True),
        recorded(PAIN, won=False),
        recorded(PAIN, won=True),
    ]
    assert (await only_document(db))["updateId"] == 9


@pytest.mark.parametrize("seed", range(6))
async def test_shuffled_and_replayed_taps_give_the_same_state(
    db: Database, store: FeedbackStore, seed: int
) -> None:
    """In any order, batched anyhow and by two workers at once, every update twice: the same answers.

    Of several taps with the same answer any may be the one whose time is stored; the last one's id is.
    """
    chance = random.Random(seed)
    events = [
        make_event(f"r{chance.randrange(3)}", "s", chance.choice(list(FeedbackType)), update_id=n,
                   at=NOW + timedelta(seconds=n), user_id=chance.choice([7, 8]))
        for n in range(60)
    ]  # fmt: skip
    last = {event.session_key: event for event in events}
    arrivals = events * 2
    chance.shuffle(arrivals)
    batches = [
        arrivals[i : i + size] for size in [chance.randint(5, 20)] for i in range(0, len(arrivals), size)
    ]

    async def work(mine: Sequence[Sequence[FeedbackEvent]]) -> None:
        for batch in mine:
            await store.record(batch)

    await asyncio.gather(work(batches[::2]), work(batches[1::2]))
    found = {document["sessionKey"]: document for document in await documents(db)}
    assert set(found) == set(last)
    for key, event in last.items():
        same = [e.to_bson() for e in events if (e.session_key, e.type) == (key, event.type)]
        assert found[key] in [{**document, "updateId": event.update_id} for document in same]


async def test_the_same_button_again_moves_the_update_id_alone(db: Database, store: FeedbackStore) -> None:
    """So that its time stays that of the first tap, and an older tap still loses."""
    first = make_event(type_=DONE, update_id=1)
    again = make_event(type_=DONE, update_id=3, at=NOW + timedelta(seconds=3))
    older = make_event(type_=HARD, update_id=2, at=NOW + timedelta(seconds=2))
    await store.record([first])
    assert await store.record([again]) == [recorded(DONE, won=True)]
    assert await store.record([older]) == [recorded(DONE, won=False)]
    assert await only_document(db) == {**first.to_bson(), "updateId": 3}


async def test_update_ids_that_restart_after_a_week(db: Database, store: FeedbackStore) -> None:
    """From six days on the time of receipt decides, one millisecond earlier still the id."""
    first = make_event(type_=DONE, update_id=1_000_000)
    await store.record([first])
    close = make_event(type_=HARD, update_id=5, at=NOW + IDS_COMPARABLE_WITHIN - MILLISECOND)
    assert await store.record([close]) == [recorded(DONE, won=False)]
    far = make_event(type_=PAIN, update_id=5, at=NOW + IDS_COMPARABLE_WITHIN)
    assert await store.record([far]) == [recorded(PAIN, won=True, at=far.received_at)]
    assert await store.record([first]) == [recorded(PAIN, won=False, at=far.received_at)]
    assert await only_document(db) == far.to_bson()


async def test_another_button_of_the_same_type_counts(db: Database, store: FeedbackStore) -> None:
    """One below another message, or with another note or none: the last tap is in the document, whole."""

    def pain(number: int, note: str | None, **place: Any) -> FeedbackEvent:
        event = make_event(type_=PAIN, update_id=number, at=NOW + timedelta(seconds=number), note=note)
        return event.model_copy(update=place)

    for event in (
        pain(1, "left knee"),
        pain(2, "right knee"),
        pain(3, None),
    ):
        await store.record([event])
        assert await only_document(db) == event.to_bson()
    # Below another message it is the same pain, which was told when it was told first.
    since = {name: (await only_document(db))[name] for name in ("receivedAt", "timestamp")}
    for event in (
        pain(4, None, message_id=99, session_date="2026-02-20"),
        pain(5, None, message_id=99, chat_id="-7"),
    ):
        await store.record([event])
        assert await only_document(db) == event.to_bson() | since


async def test_another_bots_update_ids(store: FeedbackStore) -> None:
    """A bot that has taken the place of another counts from somewhere else: then the time decides."""
    first = make_event(type_=DONE, update_id=500_000_000)
    await store.record([first])
    early = make_event(type_=HARD, update_id=900_000_000, at=NOW - timedelta(seconds=1))
    assert await store.record([early]) == [recorded(DONE, won=False)]
    later = make_event(type_=PAIN, update_id=11, at=NOW + timedelta(seconds=1))
    assert await store.record([later]) == [recorded(PAIN, won=True, at=later.received_at)]


@pytest.mark.parametrize("together", [True, False])
async def test_sessions_with_one_key_are_both_kept(
    db: Database, store: FeedbackStore, together: bool
) -> None:
    """`a-b` + `c` and `a` + `b-c`: the first takes the plain key, the second its own, in one batch or two."""
    first, second = make_event("a-b", "c", update_id=1), make_event("a", "b-c", HARD, update_id=2)
    assert first.session_key == second.session_key
    for batch in [[first, second]] if together else [[first], [second]]:
        assert all(isinstance(r, Recorded) and r.won for r in await store.record(batch))
    found = {(d["runId"], d["sessionId"]): d for d in await documents(db)}
    assert set(found) == {("a-b", "c"), ("a", "b-c")}
    assert len({d["sessionKey"] for d in found.values()}) == 2


async def test_later_taps_find_their_own_document(db: Database, store: FeedbackStore) -> None:
    """After a collision each session goes on in its document, older taps lose in both."""
    first, second = make_event("a-b", "c", update_id=1), make_event("a", "b-c", HARD, update_id=2)
    await store.record([first])
    await store.record([second])
    results = await store.record(
        [
            make_event("a", "b-c", PAIN, update_id=4),
            make_event("a-b", "c", SKIPPED, update_id=3),
            make_event("a", "b-c", DONE, update_id=2),
        ]
    )
    own_key = collision_key(second)
    assert results == [
        recorded(PAIN, won=True, key=own_key),
        recorded(SKIPPED, won=True, key=first.session_key),
        recorded(PAIN, won=False, key=own_key),
    ]
    plain, suffixed = await documents(db)
    assert (plain["sessionKey"], plain["runId"], plain["type"]) == (first.session_key, "a-b", "skipped")
    assert (suffixed["sessionKey"], suffixed["runId"], suffixed["type"]) == (
        collision_key(second),
        "a",
        "pain",
    )


@pytest.mark.parametrize("seed", [1, 2])
async def test_collisions_under_concurrency(db: Database, store: FeedbackStore, seed: int) -> None:
    """Colliding first taps at once, many times: exactly one document for each session, the last tap in it."""
    pairs = [("a-b-c", "d"), ("a-b", "c-d"), ("a", "b-c-d")]
    events = [
        make_event(run_id, session_id, update_id=n * 10 + i)
        for n in range(10)
        for i, (run_id, session_id) in enumerate(pairs)
    ]
    random.Random(seed).shuffle(events)
    await asyncio.gather(*(store.record([event]) for event in events))
    found = {(d["runId"], d["sessionId"]): d["updateId"] for d in await documents(db)}
    assert found == {pair: 90 + i for i, pair in enumerate(pairs)}
    assert await db.feedback_events.count_documents({}) == 3


async def test_200_first_taps_at_once_give_one_document(db: Database, store: FeedbackStore) -> None:
    """No error for anybody, and the last tap is in the document."""
    events = [make_event(update_id=n, type_=PAIN if n == 199 else DONE) for n in range(200)]
    results = await asyncio.gather(*(store.record([event]) for event in events))
    assert all(isinstance(result, Recorded) for [result] in results)
    assert (await only_document(db))["updateId"] == 199


@pytest.mark.parametrize(
    "text", ["$runId", "$$ROOT", "$", "{'$set': 1}", "a.b", "n\x00ul", "é🏃", " x ", "%7C", "0"]
)
async def test_odd_texts_are_stored_as_they_are(db: Database, store: FeedbackStore, text: str) -> None:
    """Dollar signs are no expressions, NUL and others come back unchanged, first and later taps alike."""
    for update_id, type_ in ((1, HARD), (2, DONE)):
        event = make_event(text, text, type_, update_id=update_id, note=text, username=text)
        assert await store.record([event]) == [recorded(type_, won=True, key=event.session_key)]
    assert await only_document(db) == event.to_bson()


def older_document(**fields: Any) -> dict[str, Any]:
    """What an older writer stored under the key of `make_event`."""
    return {"sessionKey": "r-s-7", "runId": "r", "sessionId": "s", "type": "hard", "mine": 1, **fields}


@pytest.mark.parametrize(
    ("fields", "won"),
    [
        ({"receivedAt": NOW - timedelta(hours=1)}, True),
        ({"receivedAt": NOW - MILLISECOND}, True),
        ({"receivedAt": NOW}, False),
        ({"receivedAt": NOW + timedelta(hours=1)}, False),
        ({"receivedAt": NOW + timedelta(hours=1), "updateId": None}, False),
        ({"receivedAt": NOW + timedelta(hours=1), "updateId": "101"}, False),
        ({"receivedAt": NOW - timedelta(hours=1), "updateId": 101.0}, False),
        ({"receivedAt": NOW + timedelta(hours=1), "updateId": 99.0}, True),
        ({}, True),
        ({"receivedAt": None}, True),
        ({"receivedAt": "2026-02-16T17:42:58.123Z"}, True),
        ({"receivedAt": "2026-02-16T17:42:58.123Z", "updateId": 101}, False),
        ({"receivedAt": "yesterday"}, True),
        ({"receivedAt": "2026-02-16T19:42:58.123Z"}, False),
    ],
)
async def test_documents_of_older_writers(
    db: Database, store: FeedbackStore, fields: dict[str, Any], won: bool
) -> None:
    """Without update ids the time of receipt tells which tap is the later one, dates as text included."""
    await db.feedback_events.insert_one(older_document(**fields))
    event = make_event()
    stored_at = fields.get("receivedAt")
    at = NOW if won else stored_at if isinstance(stored_at, datetime) else None
    assert await store.record([event]) == [recorded(DONE if won else HARD, won=won, at=at)]
    document = await only_document(db)
    assert document["mine"] == 1
    if won:
        assert {name: document[name] for name in event.to_bson()} == event.to_bson()
    else:
        assert document == older_document(**fields)


@pytest.mark.parametrize("fields", [{"type": None}, {"type": "Great"}, {"type": 7}])
async def test_an_older_answer_that_is_none_does_no_harm(
    db: Database, store: FeedbackStore, fields: dict[str, Any]
) -> None:
    """A newer document with an answer that cannot be read stays, and the tap counts as recorded."""
    later = NOW + timedelta(hours=1)
    await db.feedback_events.insert_one(older_document(receivedAt=later, **fields))
    [result] = await store.record([make_event()])
    assert isinstance(result, Recorded)
    assert not result.won


async def test_an_older_document_without_an_answer_does_no_harm(db: Database, store: FeedbackStore) -> None:
    """A newer document that lacks the answer altogether does not make recording fail."""
    document = older_document(receivedAt=NOW + timedelta(hours=1))
    del document["type"]
    await db.feedback_events.insert_one(document)
    [result] = await store.record([make_event()])
    assert isinstance(result, Recorded)


async def test_a_foreign_document_under_the_key_is_completed(db: Database, store: FeedbackStore) -> None:
    """A document with nothing but the key belongs to whoever answers first; its own fields stay."""
    await db.feedback_events.insert_one({"sessionKey": "r-s-7", "mine": 1})
    event = make_event()
    assert await store.record([event]) == [recorded(DONE, won=True)]
    assert await only_document(db) == {**event.to_bson(), "mine": 1}


async def test_what_mongodb_refuses_does_not_hold_up_the_others(db: Database, store: FeedbackStore) -> None:
    """A validator that denies one document: that one is unrecordable with a reason, the others are stored."""
    await db.command("collMod", "feedback_events", validator={"note": {"$ne": "forbidden"}})
    events = [
        make_event("r1", update_id=1),
        make_event("r2", update_id=2, note="forbidden"),
        make_event("r3", update_id=3),
    ]
    first, second, third = await store.record(events)
    assert [first, third] == [recorded(DONE, won=True, key=event.session_key) for event in events[::2]]
    assert isinstance(second, Unrecordable)
    assert "121" in second.reason
    assert "forbidden" not in second.reason
    assert {d["runId"] for d in await documents(db)} == {"r1", "r3"}


async def test_a_refused_change_of_mind_keeps_the_answer(db: Database, store: FeedbackStore) -> None:
    """When only the new answer is refused, the stored one stands, and the tap is not said to have won."""
    await store.record([make_event(update_id=1)])
    await db.command("collMod", "feedback_events", validator={"note": {"$ne": "forbidden"}})
    [result] = await store.record([make_event(update_id=2, type_=PAIN, note="forbidden")])
    assert result == recorded(DONE, won=False) or isinstance(result, Unrecordable)
    assert (await only_document(db))["updateId"] == 1


async def test_what_stands_is_known_by_the_session(store: FeedbackStore) -> None:
    """Under either key of it; other sessions have nothing to do with it."""
    first, second = make_event("a-b", "c", note="fine"), make_event("a", "b-c", HARD, at=NOW + MILLISECOND)
    await store.record([first])
    await store.record([second, make_event("r2")])
    unknown = make_event("r3")
    assert await store.answers(event.identity for event in (first, second, unknown)) == {
        first.identity: StoredAnswer(first.session_key, DONE, "fine", NOW, 100, Details()),
        second.identity: StoredAnswer(collision_key(second), HARD, None, NOW + MILLISECOND, 100, Details()),
    }
    assert await store.answers([unknown.identity]) == {}
    assert await store.answers([]) == {}
