"""What taps do to prompts, on a real MongoDB: answered, too late, asked to come again; and whose they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.prompts.prompt import Answered, AskAgainReason, LaterResult, PromptState, read_prompt
from bot.core.shared.update_order import UpdateStamp
from bot.store.mongodb.indexes import INDEXES, bootstrap
from bot.store.prompts.expiry import PromptExpiryStore
from bot.store.prompts.outbox import Outbox
from bot.store.prompts.prompts import PromptStore

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
async def store(db: Database) -> PromptStore:
    """A store on an empty outbox with its unique indexes."""
    await bootstrap(
        db, [index for index in INDEXES if index.collection == "session_prompts" and index.unique]
    )
    return PromptStore(db)


async def insert(db: Database, **fields: Any) -> object:
    """One prompt, sent unless said otherwise; returns its `_id`."""
    document = {"runId": "r", "sessionId": "s", "chatId": "70", "state": "sent", "sentAt": NOW, **fields}
    result = await db.session_prompts.insert_one(
        {name: value for name, value in document.items() if value != "absent"}
    )
    return result.inserted_id


async def found(db: Database, **query: Any) -> dict[str, Any]:
    """The one document that matches."""
    [document] = await db.session_prompts.find(query, {"_id": False}).to_list()
    return document


def tap(
    chat_id: int | None = 70, user_id: int | None = 7, at: datetime = NOW, session: str = "s"
) -> Answered:
    """A tap on a prompt."""
    return Answered("r", session, chat_id, user_id, at)


async def test_an_answer_settles_a_prompt_in_any_state(db: Database, store: PromptStore) -> None:
    """It says when; nothing more is done about it."""
    states = [None, *(state for state in PromptState if state is not PromptState.ANSWERED)]
    for state in states:
        traces = dict.fromkeys(("reason", "claim", "attemptAt", "nudgeAt", "laterAt"), NOW)
        await insert(db, sessionId=str(state), state=state, **traces)
    await store.settle_taps([tap(session=str(state), at=NOW + HOUR) for state in states], [])
    async for document in db.session_prompts.find():
        assert (document["state"], document["answeredAt"]) == ("answered", NOW + HOUR)
        assert not {"reason", "claim", "attemptAt", "nudgeAt"} & set(document)
        assert document["laterAt"] == NOW


async def test_the_first_answer_says_when_it_was_answered(db: Database, store: PromptStore) -> None:
    """A change of mind, or the same tap again, changes nothing; nor does a late one."""
    await insert(db)
    await store.settle_taps([tap()], [])
    before = await found(db)
    await store.settle_taps([tap(at=NOW + HOUR)], [tap(at=NOW + HOUR)])
    assert await found(db) == before


async def test_a_late_answer_settles_what_somebody_waits_for(db: Database, store: PromptStore) -> None:
    """Sent or expired; everything else stays as it is."""
    for state in PromptState:
        await insert(db, sessionId=state.value, state=state)
    await store.settle_taps([], [tap(session=state.value, at=NOW + HOUR) for state in PromptState])
    for state in PromptState:
        document = await found(db, sessionId=state.value)
        if state in (PromptState.SENT, PromptState.EXPIRED):
            assert (document["state"], document["updatedAt"]) == ("late", NOW + HOUR)
            assert "too late" in document["reason"]
        else:
            assert document["state"] == state


async def test_answers_after_late_ones(db: Database, store: PromptStore) -> None:
    """The same question was asked twice, and the newer message is answered: that counts."""
    await insert(db)
    await store.settle_taps([tap()], [tap()])
    assert (await found(db))["state"] == "answered"


@pytest.mark.parametrize("chat_id", ["70", 70, 70.0])
async def test_only_the_prompt_of_that_chat_is_settled(
    db: Database, store: PromptStore, chat_id: object
) -> None:
    """However its chat is written; two athletes may be asked about one session."""
    await insert(db, chatId=chat_id)
    await insert(db, chatId="71")
    await insert(db, sessionId="t")
    await insert(db, sessionId="s|reminder", kind="reminder")
    await store.settle_taps([tap(), tap(session="s|reminder"), tap(72)], [])
    assert [d["state"] async for d in db.session_prompts.find().sort("_id")] == ["answered", *["sent"] * 3]


async def test_a_tap_without_chat_is_the_private_one(db: Database, store: PromptStore) -> None:
    """Where the user's id is the chat's; without a user it is nobody's."""
    await insert(db, chatId="7")
    await store.settle_taps([tap(None, None)], [tap(None, None)])
    assert (await found(db))["state"] == "sent"
    await store.settle_taps([tap(None, 7)], [])
    assert (await found(db))["state"] == "answered"
    await store.settle_taps([], [])


async def test_whose_prompts_they_are(db: Database, store: PromptStore) -> None:
    """The user by run, session and chat, where one is set; ids may be written as workflows do."""
    await insert(db, userId=7)
    await insert(db, chatId=71, userId=8.0)
    await insert(db, chatId="-72")
    await insert(db, sessionId="t", chatId="70", userId=9)
    await insert(db, runId="q", sessionId="t", userId=10)
    keys = {("r", "s"), ("q", "t")}
    assert await store.owners(keys, [70, 71, -72, 73]) == {
        ("r", "s", 70): 7,
        ("r", "s", 71): 8,
        ("q", "t", 70): 10,
    }
    assert await store.owners(keys, [71]) == {("r", "s", 71): 8}
    assert await store.owners(set(), [70]) == {}
    assert await store.owners(keys, []) == {}


async def later(
    store: PromptStore,
    *,
    update_id: int = 1,
    due_at: datetime = NOW + DAY,
    until: datetime = NOW,
    session: str = "s",
) -> LaterResult:
    """Ask for later."""
    return await store.ask_later(
        "r", session, 70, stamp=UpdateStamp(update_id, NOW), due_at=due_at, until=until
    )


async def test_to_be_asked_later(db: Database, store: PromptStore) -> None:
    """The question is pending again until then, and nobody nudges meanwhile."""
    await insert(db, nudgeAt=NOW, reason="x")
    assert await later(store) is LaterResult.POSTPONED
    assert await found(db) == {
        "runId": "r",
        "sessionId": "s",
        "chatId": "70",
        "state": "pending",
        "sentAt": NOW,
        "again": "later",
        "dueAt": NOW + DAY,
        "laterAt": NOW,
        "laterUpdateId": 1,
        "updatedAt": NOW,
    }
    outbox = Outbox(db)
    assert await outbox.claim(NOW + DAY - MILLISECOND) is None
    document = await outbox.claim(NOW + DAY)
    assert document is not None
    assert read_prompt(document).again is AskAgainReason.LATER


async def test_the_same_wish_again_changes_nothing(db: Database, store: PromptStore) -> None:
    """The journal may be processed twice, also after the question has come again; another tap is another."""
    await insert(db)
    await later(store)
    before = await found(db)
    assert await later(store, due_at=NOW + 2 * DAY) is LaterResult.POSTPONED
    assert await found(db) == before
    assert await later(store, update_id=2, due_at=NOW + 2 * DAY) is LaterResult.POSTPONED
    assert (await found(db))["dueAt"] == NOW + 2 * DAY
    await db.session_prompts.update_one({}, {"$set": {"state": "sent"}})
    assert await later(store, update_id=2) is LaterResult.POSTPONED
    assert (await found(db))["state"] == "sent"
    await db.session_prompts.update_one({}, {"$set": {"state": "answered"}})
    assert await later(store, update_id=2) is LaterResult.ANSWERED_SINCE
    assert await later(store, update_id=3) is LaterResult.ANSWERED


async def test_when_later_is_granted(db: Database, store: PromptStore) -> None:
    """As long as an answer at that time would count from the first question on, and nothing is settled."""
    postponed, _, answered, too_late, unknown = LaterResult
    twice = {"messages": [{"sentAt": NOW}, {"sentAt": NOW + HOUR}], "sentAt": NOW + HOUR}
    beyond = NOW + MILLISECOND
    table: list[tuple[dict[str, Any], datetime, LaterResult]] = [
        ({}, NOW, postponed),
        ({}, beyond, too_late),
        (twice, NOW, postponed),
        (twice, beyond, too_late),
        ({"state": "pending", "again": "nudge"}, NOW, postponed),
        ({"state": "pending", "sentAt": "absent", "unknowns": 1}, NOW + DAY, postponed),
        ({"state": None}, NOW, postponed),
        ({"state": "undeliverable"}, NOW, postponed),
        ({"state": "answered"}, NOW, answered),
        ({"state": "answered"}, beyond, answered),
        *(({"state": state}, NOW, too_late) for state in ("late", "expired", "cancelled")),
        ({"kind": "reminder"}, NOW, unknown),
        ({"chatId": "71"}, NOW, unknown),
        ({"chatId": 70}, NOW, postponed),
        ({"messages": "odd"}, NOW, postponed),
    ]
    for number, (fields, until, expected) in enumerate(table):
        session = f"s{number}"
        await insert(db, sessionId=session, **fields)
        before = await found(db, sessionId=session)
        assert await later(store, until=until, session=session) is expected, fields
        is_changed = await found(db, sessionId=session) != before
        assert is_changed is (expected is postponed), fields


async def test_later_and_an_answer_at_once(db: Database, store: PromptStore) -> None:
    """Whichever comes first, the prompt ends answered."""
    for number in range(20):
        session = f"s{number}"
        await insert(db, sessionId=session)
        result, _ = await asyncio.gather(
            later(store, session=session), store.settle_taps([tap(session=session)], [])
        )
        assert result in (LaterResult.POSTPONED, LaterResult.ANSWERED)
        assert (await found(db, sessionId=session))["state"] == "answered"


async def claimed(db: Database) -> Any:
    """The claimed prompt."""
    document = await Outbox(db).claim(NOW)
    assert document is not None
    return read_prompt(document)


async def test_what_is_tapped_while_the_question_comes_again(db: Database, store: PromptStore) -> None:
    """An answer stays, a wish for later does too; the message is remembered all the same."""
    outbox = Outbox(db)
    again = {"state": "pending", "again": "nudge", "dueAt": NOW}
    await insert(db, sessionId="answered", **again)
    prompt = await claimed(db)
    await store.settle_taps([tap(session="answered")], [])
    await outbox.settle_sent(prompt, 5, NOW, NOW, nudge_at=NOW + HOUR)
    document = await found(db, sessionId="answered")
    assert (document["state"], document["messageId"], "nudgeAt" in document) == ("answered", 5, False)
    await insert(db, sessionId="later", **again)
    prompt = await claimed(db)
    assert await later(store, session="later", due_at=NOW + HOUR) is LaterResult.POSTPONED
    await outbox.settle_sent(prompt, 6, NOW, NOW, nudge_at=NOW + HOUR)
    document = await found(db, sessionId="later")
    assert (document["state"], document["messageId"], "nudgeAt" in document) == ("pending", 6, False)
    assert await outbox.claim(NOW + HOUR) is not None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({}, True), ({"askedAgainAt": NOW}, True), ({"laterAt": NOW}, False), ({"nudgedAt": NOW}, False)],
)
async def test_a_nudge_is_noted_once(
    db: Database, store: PromptStore, fields: Mapping[str, Any], expected: bool
) -> None:
    """Never for those who were nudged, or have asked for later themselves."""
    await insert(db, state="pending", sentAt="absent", **fields)
    await Outbox(db).settle_sent(await claimed(db), 5, NOW, NOW, nudge_at=NOW + HOUR)
    document = await found(db)
    assert document["state"] == "sent"
    assert (document.get("nudgeAt") == NOW + HOUR) is expected
    assert await store.count() == dict.fromkeys(PromptState, 0) | {"sent": 1}


@pytest.mark.parametrize(
    ("event_chat", "expected"), [("70", True), (70, True), (None, True), ("absent", True), ("71", False)]
)
async def test_an_answer_elsewhere_counts_for_its_chat_only(
    db: Database, store: PromptStore, event_chat: object, expected: bool
) -> None:
    """Two athletes on one plan: the one's answer is none of the other's; without a chat it is anybody's."""
    event = {"runId": "r", "sessionId": "s", "chatId": event_chat}
    await db.feedback_events.insert_one({k: v for k, v in event.items() if v != "absent"})
    await insert(db, state="pending", again="absence")
    assert await Outbox(db).is_answered(await claimed(db)) is expected
    await db.session_prompts.update_one({}, {"$set": {"state": "sent"}})
    asked = await PromptExpiryStore(db).ask_again(sent_since=NOW, sent_until=NOW, now=NOW)
    assert asked == (0 if expected else 1)
    assert (await found(db)).get("again") == "absence"
    assert await store.count() == dict.fromkeys(PromptState, 0) | {"sent" if expected else "pending": 1}


@pytest.mark.parametrize("state", [PromptState.SENT, PromptState.ANSWERED, PromptState.CANCELLED])
async def test_a_claim_that_ends_without_a_message(
    db: Database, store: PromptStore, state: PromptState
) -> None:
    """State and reason are set, and the claim is gone; a lost claim settles nothing."""
    outbox = Outbox(db)
    await insert(db, state="pending", reason="old")
    prompt = await claimed(db)
    lost = {"claim": "somebody else's"}
    await db.session_prompts.update_one({}, {"$set": lost})
    await outbox.settle_unasked(prompt, state, NOW + HOUR)
    assert (await found(db))["state"] == "pending"
    await db.session_prompts.update_one({}, {"$set": {"claim": prompt.claim}})
    reason = "paused" if state is PromptState.CANCELLED else None
    await outbox.settle_unasked(prompt, state, NOW + HOUR, reason)
    document = await found(db)
    assert (document["state"], document.get("reason")) == (state, reason)
    assert not {"claim", "attemptAt"} & set(document)
    assert ("answeredAt" in document) is (state is PromptState.ANSWERED)
    assert sum((await store.count()).values()) == 1
