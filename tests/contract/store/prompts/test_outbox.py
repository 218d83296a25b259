"""The outbox on a real MongoDB: queued once, claimed by one at a time, settled by its claimer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.answers.payloads import make_reference
from bot.core.prompts.prompt import LEASE, Moved, Prompt, PromptState, Retry, Undeliverable, read_prompt
from bot.store.mongodb.indexes import INDEXES, bootstrap
from bot.store.prompts.expiry import PromptExpiryStore
from bot.store.prompts.outbox import Outbox
from bot.store.prompts.prompts import PromptStore

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)
NO_PROMPTS = dict.fromkeys((state.value for state in PromptState), 0)
LONG_ID = "4b1f7a52-9d8e-4c6b-a1b2-0c1d2e3f4a5b"


class Stores(Outbox, PromptStore, PromptExpiryStore):
    """All that is done with prompts, in one hand."""


@pytest.fixture
async def store(db: Database) -> Stores:
    """Stores on an empty outbox with its unique indexes."""
    await bootstrap(
        db, [index for index in INDEXES if index.collection == "session_prompts" and index.unique]
    )
    return Stores(db)


async def queue(
    store: Stores, session_id: str = "s", chat_id: int = 70, *, due_at: datetime = NOW, run_id: str = "r"
) -> str | None:
    """Queue a prompt without title and note."""
    return await store.queue(run_id, session_id, chat_id, title=None, note=None, due_at=due_at, now=NOW)


async def claim(store: Stores, now: datetime = NOW, *busy: int) -> Prompt | None:
    """Claim and read."""
    document = await store.claim(now, busy_chats=busy)
    return None if document is None else read_prompt(document)


async def claimed(store: Stores, now: datetime = NOW) -> Prompt:
    """The prompt that must be there."""
    prompt = await claim(store, now)
    assert prompt is not None
    return prompt


async def send(store: Stores, message_id: int = 1, at: datetime = NOW) -> Prompt:
    """Claim and settle as sent."""
    prompt = await claimed(store, at)
    await store.settle_sent(prompt, message_id, at, at)
    return prompt


async def only_document(db: Database) -> dict[str, Any]:
    """The one document in the outbox."""
    [document] = await db.session_prompts.find({}, {"_id": False}).to_list()
    return document


async def test_queue_writes_the_documented_shape(db: Database, store: Stores) -> None:
    """Ids and chat as text, instants as dates, pending."""
    assert await store.queue("r", "s", -70, title="Easy", note="6 km", due_at=NOW + MINUTE, now=NOW) is None
    assert await only_document(db) == {
        "runId": "r",
        "sessionId": "s",
        "chatId": "-70",
        "title": "Easy",
        "note": "6 km",
        "dueAt": NOW + MINUTE,
        "state": "pending",
        "createdAt": NOW,
        "updatedAt": NOW,
    }


async def test_a_session_is_queued_once_in_a_chat(db: Database, store: Stores) -> None:
    """Queueing again changes nothing and says where the prompt stands; other chats are others."""
    assert await queue(store) is None
    assert await queue(store, due_at=NOW + MINUTE) == PromptState.PENDING
    await send(store)
    assert await queue(store) == PromptState.SENT
    assert await queue(store, chat_id=71) is None
    assert await queue(store, "t") is None
    assert await db.session_prompts.count_documents({}) == 3


@pytest.mark.parametrize("chat_id", ["70", 70, 70.0])
async def test_a_prompt_of_a_workflow_is_known_too(db: Database, store: Stores, chat_id: object) -> None:
    """However it wrote the chat."""
    await db.session_prompts.insert_one({"runId": "r", "sessionId": "s", "chatId": chat_id})
    assert await queue(store) == PromptState.PENDING
    assert await db.session_prompts.count_documents({}) == 1


async def test_queueing_at_once_gives_one_prompt(db: Database, store: Stores) -> None:
    """Of many concurrent callers exactly one has queued it."""
    results = await asyncio.gather(*(queue(store) for _ in range(40)))
    assert results.count(None) == 1
    assert results.count(PromptState.PENDING) == 39
    assert await db.session_prompts.count_documents({}) == 1


async def test_what_is_due_longest_comes_first(store: Stores) -> None:
    """Claims go by the time they are due, not before it, whatever the order of queueing."""
    for number, minutes in (("c", -1), ("d", 1), ("a", -3), ("b", -2)):
        await queue(store, number, due_at=NOW + minutes * MINUTE)
    assert [(await claimed(store)).session_id for _ in range(3)] == ["a", "b", "c"]
    assert await claim(store) is None
    assert await claim(store, NOW + MINUTE - MILLISECOND) is None
    assert (await claimed(store, NOW + MINUTE)).session_id == "d"


async def test_a_lease_ends_exactly_when_it_says(store: Stores) -> None:
    """Nobody else gets the prompt a millisecond before, somebody does at the very instant, as another try."""
    await queue(store)
    first = await claimed(store)
    assert first.attempts == 1
    assert await claim(store, NOW + LEASE - MILLISECOND) is None
    second = await claimed(store, NOW + LEASE)
    assert (second.id, second.attempts) == (first.id, 2)
    assert second.claim != first.claim
    assert await claim(store, NOW + LEASE) is None


async def test_claimers_at_once_never_get_the_same_prompt(store: Stores) -> None:
    """Thirty claimers, twenty prompts: twenty different ones, and ten go away empty."""
    for number in range(20):
        await queue(store, str(number))
    prompts = await asyncio.gather(*(claim(store) for _ in range(30)))
    got = [prompt.session_id for prompt in prompts if prompt is not None]
    assert sorted(got, key=int) == [str(number) for number in range(20)]


@pytest.mark.parametrize("chat_id", ["70", 70, 70.0])
async def test_busy_chats_are_skipped(db: Database, store: Stores, chat_id: object) -> None:
    """A chat that may not be written to does not hold up the others, however its id was written."""
    await db.session_prompts.insert_one({"runId": "r", "sessionId": "first", "chatId": chat_id})
    await queue(store, "second", 71)
    assert await claim(store, NOW, 70, 71) is None
    other = await claim(store, NOW, 70)
    assert other is not None
    assert other.session_id == "second"
    first = await claim(store, NOW, 71)
    assert first is not None
    assert first.session_id == "first"


@pytest.mark.parametrize(
    ("run_id", "expected"),
    [("r", "r"), (5, "5"), (1_771_267_378_123.0, "1771267378123"), (2**53, str(2**53))],
)
async def test_a_workflow_inserts_three_ids_only(
    db: Database, store: Stores, run_id: object, expected: str
) -> None:
    """Nothing but runId, sessionId and chatId, as texts or numbers: claimed, prepared, sent, found again."""
    await db.session_prompts.insert_one({"runId": run_id, "sessionId": 3, "chatId": 70.0})
    document = await store.claim(NOW, busy_chats=[])
    assert document is not None
    prompt = read_prompt(document)
    assert (prompt.run_id, prompt.session_id, prompt.chat_id) == (expected, "3", 70)
    assert await store.prepare(prompt, document)
    await store.settle_sent(prompt, 9, NOW, NOW)
    assert await store.sent_at(expected, "3", 70, 9) == NOW
    assert await store.count() == NO_PROMPTS | {"sent": 1}


async def test_odd_counters_do_not_hold_up_anything(db: Database, store: Stores) -> None:
    """Texts and nulls where the bot counts are no reason to stumble at any step."""
    odd = {
        "attempts": "many",
        "unknowns": None,
        "messages": None,
        "dueAt": None,
        "state": None,
        "attemptAt": None,
    }
    await db.session_prompts.insert_one({"runId": "r", "sessionId": "s", "chatId": 70, **odd})
    await queue(store, "t", due_at=NOW + MINUTE)
    await store.settle_failed(await claimed(store), Retry(NOW + MINUTE, "lost", unknown=True), NOW)
    again = await claimed(store, NOW + MINUTE)
    assert (again.session_id, again.attempts, again.unknowns) == ("s", 2, 1)
    await store.settle_sent(again, 5, NOW, NOW)
    assert await store.sent_at("r", "s", 70, 5) == NOW
    assert (await claimed(store, NOW + MINUTE)).session_id == "t"


async def test_postponing_an_odd_document(db: Database, store: Stores) -> None:
    """A text for the number of tries does not keep a prompt from being postponed."""
    await db.session_prompts.insert_one(
        {"runId": "r", "sessionId": "s", "chatId": 70, "attempts": "x", "dueAt": "later"}
    )
    await store.postpone(await claimed(store), NOW + MINUTE)
    assert (await claimed(store, NOW + MINUTE)).attempts == 1


async def test_two_forms_of_one_id_are_asked_about_once(db: Database, store: Stores) -> None:
    """Of 5 and "5" only the first is prepared, the other is undeliverable with the reason."""
    await db.session_prompts.insert_many(
        [{"runId": run_id, "sessionId": "s", "chatId": "70"} for run_id in ("5", 5)]
    )
    prepared = []
    for _ in range(2):
        document = await store.claim(NOW, busy_chats=[])
        assert document is not None
        prepared.append(await store.prepare(read_prompt(document), document))
    assert sorted(prepared) == [False, True]
    assert await claim(store, NOW) is None
    assert (await store.count())["undeliverable"] == 1
    document = await db.session_prompts.find_one({"state": "undeliverable"})
    assert document is not None
    assert "already" in document["reason"]
    assert "claim" not in document


async def test_preparing_with_a_lost_claim(db: Database, store: Stores) -> None:
    """Whoever lost the claim is told not to send."""
    await db.session_prompts.insert_one({"runId": 5, "sessionId": "s", "chatId": 70})
    document = await store.claim(NOW, busy_chats=[])
    assert document is not None
    await claimed(store, NOW + LEASE)
    assert not await store.prepare(read_prompt(document), document)


async def test_settled_as_sent(db: Database, store: Stores) -> None:
    """The document says which message, when and that it is done; traces of the claim are gone."""
    await queue(store)
    prompt = await claimed(store)
    await store.settle_sent(prompt, 2**40, NOW + MINUTE, NOW + 2 * MINUTE)
    document = await only_document(db)
    assert (document["state"], document["messageId"], document["sentAt"]) == ("sent", 2**40, NOW + MINUTE)
    assert document["messages"] == [{"messageId": 2**40, "sentAt": NOW + MINUTE}]
    assert document["updatedAt"] == NOW + 2 * MINUTE
    assert not {"claim", "attemptAt", "reason"} & set(document)
    assert await claim(store, NOW + 1000 * LEASE) is None


async def test_sent_holds_although_the_claim_was_lost(store: Stores) -> None:
    """The message is in the chat, so nobody needs to send it again."""
    await queue(store)
    first = await claimed(store)
    await claimed(store, NOW + LEASE)
    await store.settle_sent(first, 1, NOW, NOW + LEASE)
    assert await claim(store, NOW + 3 * LEASE) is None
    assert (await store.count())["sent"] == 1


@pytest.mark.parametrize(
    "result", [Retry(NOW + MINUTE, "down"), Undeliverable("blocked"), Moved(-100), "invalid", "postpone"]
)
async def test_a_lost_claim_settles_nothing(db: Database, store: Stores, result: Any) -> None:
    """Only the holder of the claim may say how a failed try ended."""
    await queue(store)
    document = await store.claim(NOW, busy_chats=[])
    assert document is not None
    await claimed(store, NOW + LEASE)
    before = await only_document(db)
    if result == "invalid":
        await store.settle_invalid(document, "bad", NOW)
    elif result == "postpone":
        await store.postpone(read_prompt(document), NOW + MINUTE)
    else:
        await store.settle_failed(read_prompt(document), result, NOW)
    assert await only_document(db) == before


@pytest.mark.parametrize("unknown", [False, True])
async def test_settled_for_another_try(db: Database, store: Stores, unknown: bool) -> None:
    """Claimable again at the given instant and not before, with the reason and the count of unknowns."""
    await queue(store)
    await store.settle_failed(await claimed(store), Retry(NOW + MINUTE, "down", unknown=unknown), NOW)
    assert (await only_document(db))["reason"] == "down"
    assert await claim(store, NOW + MINUTE - MILLISECOND) is None
    again = await claimed(store, NOW + MINUTE)
    assert (again.attempts, again.unknowns) == (2, int(unknown))
    await store.settle_sent(again, 1, NOW, NOW)
    assert "reason" not in await only_document(db)


async def test_settled_as_undeliverable(db: Database, store: Stores) -> None:
    """It is never claimed again and says why."""
    await queue(store)
    await store.settle_failed(await claimed(store), Undeliverable("bot was blocked"), NOW)
    document = await only_document(db)
    assert (document["state"], document["reason"]) == ("undeliverable", "bot was blocked")
    assert not {"claim", "attemptAt"} & set(document)
    assert await claim(store, NOW + 1000 * LEASE) is None
    assert await queue(store) == PromptState.UNDELIVERABLE


async def test_settled_as_invalid(db: Database, store: Stores) -> None:
    """A document that cannot be read is put aside with the reason."""
    await db.session_prompts.insert_one({"runId": "r", "chatId": 70})
    document = await store.claim(NOW, busy_chats=[])
    assert document is not None
    await store.settle_invalid(document, "sessionId: missing", NOW)
    stored = await only_document(db)
    assert (stored["state"], stored["reason"]) == ("undeliverable", "sessionId: missing")
    assert await claim(store, NOW + LEASE) is None


async def test_a_chat_that_moved_is_followed_at_once(db: Database, store: Stores) -> None:
    """The new chat may be claimed without waiting for the lease."""
    await queue(store, chat_id=-70)
    await store.settle_failed(await claimed(store), Moved(-10070), NOW)
    again = await claimed(store)
    assert again.chat_id == -10070
    assert (await only_document(db))["movedFrom"] == "-70"


async def test_a_chat_that_moved_to_where_it_was_asked_already(db: Database, store: Stores) -> None:
    """The second prompt for one session in the new chat is undeliverable, the first goes its way."""
    await queue(store, chat_id=-70)
    await queue(store, chat_id=-10070, due_at=NOW + MINUTE)
    prompt = await claimed(store)
    assert prompt.chat_id == -70
    await store.settle_failed(prompt, Moved(-10070), NOW)
    assert await claim(store) is None
    document = await db.session_prompts.find_one({"state": "undeliverable"})
    assert document is not None
    assert document["chatId"] == "-70"
    assert "claim" not in document
    assert (await claimed(store, NOW + MINUTE)).chat_id == -10070


async def test_a_text_due_later_is_postponed(db: Database, store: Stores) -> None:
    """A claim takes it, since text says nothing to MongoDB; postponed, it comes when due."""
    await db.session_prompts.insert_one(
        {"runId": "r", "sessionId": "s", "chatId": 70, "dueAt": "2026-02-16T20:00Z"}
    )
    await store.postpone(await claimed(store), NOW + MINUTE)
    assert await claim(store, NOW + MINUTE - MILLISECOND) is None
    assert (await claimed(store, NOW + MINUTE)).attempts == 1


async def test_references_are_resolved(db: Database, store: Stores) -> None:
    """Prepared long ids are found by their reference, unknown references are absent."""
    await queue(store, LONG_ID, run_id=LONG_ID)
    document = await store.claim(NOW, busy_chats=[])
    assert document is not None
    assert await store.prepare(read_prompt(document), document)
    reference = make_reference(LONG_ID, LONG_ID)
    assert (await only_document(db))["reference"] == reference
    assert await store.resolve({reference, "~nobody"}) == {reference: (LONG_ID, LONG_ID)}
    assert await store.resolve(set()) == {}


async def test_when_a_session_was_asked_about(db: Database, store: Stores) -> None:
    """By the message, else the last time it was asked, else unknown; another chat is another matter."""
    await queue(store)
    assert await store.sent_at("r", "s", 70, 1) is None
    first = await claimed(store)
    for n in range(1, 8):
        await store.settle_sent(first, n, NOW + n * MINUTE, NOW)
    assert await store.sent_at("r", "s", 70, 7) == NOW + 7 * MINUTE
    assert await store.sent_at("r", "s", 70, 3) == NOW + 3 * MINUTE
    assert await store.sent_at("r", "s", 70, 999) == NOW + 7 * MINUTE
    assert await store.sent_at("r", "s", 70, None) == NOW + 7 * MINUTE
    assert await store.sent_at("r", "s", 71, 7) is None
    assert await store.sent_at("r", "t", 70, 7) is None
    kept = [message["messageId"] for message in (await only_document(db))["messages"]]
    assert kept == [1, 3, 4, 5, 6, 7]


async def test_asking_again_happens_once(store: Stores) -> None:
    """A second gap does not bring a third question."""
    await queue(store)
    await send(store)
    assert await store.ask_again(sent_since=NOW, sent_until=NOW, now=NOW + MINUTE) == 1
    again = await claimed(store, NOW + MINUTE)
    assert again.again
    await store.settle_sent(again, 2, NOW + MINUTE, NOW + MINUTE)
    assert await store.ask_again(sent_since=NOW, sent_until=NOW + 9 * MINUTE, now=NOW + 9 * MINUTE) == 0
    assert await claim(store, NOW + 9 * MINUTE) is None


async def test_who_answered_is_not_asked_again(db: Database, store: Stores) -> None:
    """Only unanswered sessions are, also when another session of the run was answered."""
    for number, session_id in enumerate(("answered", "open")):
        await queue(store, session_id)
        await send(store, number)
    await db.feedback_events.insert_one({"sessionKey": "k", "runId": "r", "sessionId": "answered"})
    assert await store.ask_again(sent_since=NOW, sent_until=NOW, now=NOW) == 1
    assert (await claimed(store)).session_id == "open"


@pytest.mark.parametrize(
    ("since", "until", "number"),
    [
        (NOW, NOW, 1),
        (NOW - MINUTE, NOW, 1),
        (NOW, NOW + MINUTE, 1),
        (NOW + MILLISECOND, NOW + MINUTE, 0),
        (NOW - MINUTE, NOW - MILLISECOND, 0),
    ],
)
async def test_the_span_of_asking_again_includes_both_ends(
    store: Stores, since: datetime, until: datetime, number: int
) -> None:
    """To the millisecond."""
    await queue(store)
    await send(store)
    assert await store.ask_again(sent_since=since, sent_until=until, now=NOW) == number


async def test_only_what_was_sent_is_asked_again(store: Stores) -> None:
    """Pending and undeliverable prompts stay as they are."""
    await queue(store, "blocked")
    await store.settle_failed(await claimed(store), Undeliverable("blocked"), NOW)
    await queue(store, "waiting", due_at=NOW + MINUTE)
    assert await store.ask_again(sent_since=NOW - MINUTE, sent_until=NOW + MINUTE, now=NOW) == 0
    assert await store.count() == NO_PROMPTS | {"pending": 1, "undeliverable": 1}


async def test_asking_again_for_many(db: Database, store: Stores) -> None:
    """More prompts than one batch holds are all seen to."""
    await db.session_prompts.insert_many(
        [
            {"runId": f"r{n}", "sessionId": "s", "chatId": "70", "state": "sent", "sentAt": NOW}
            for n in range(1201)
        ]
    )
    await db.feedback_events.insert_many([{"runId": f"r{n}", "sessionId": "s"} for n in range(0, 1201, 2)])
    assert await store.ask_again(sent_since=NOW, sent_until=NOW, now=NOW) == 600
    assert await store.ask_again(sent_since=NOW, sent_until=NOW, now=NOW) == 0


async def test_prompts_are_counted_by_state(db: Database, store: Stores) -> None:
    """All states are present; what nobody has looked at yet is pending, and reminders are no questions."""
    assert await store.count() == NO_PROMPTS
    await db.session_prompts.insert_many(
        [
            {"runId": "a"},
            {"runId": "b", "state": None},
            {"runId": "c", "state": "pending"},
            {"runId": "d", "state": "sent"},
            {"runId": "e", "state": "sent", "kind": "reminder"},
        ]
    )
    assert await store.count() == NO_PROMPTS | {"pending": 3, "sent": 1}
