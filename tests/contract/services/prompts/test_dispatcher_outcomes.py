"""What becomes of prompts that are sent: settled, tried again, put aside."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from bot.core.answers.keyboards import prompt_keyboard
from bot.core.answers.payloads import make_reference
from bot.core.people.athlete import Roster
from bot.core.prompts import texts as questions
from bot.core.shared.errors import (
    StorageRejected,
    StorageUnavailable,
    TelegramChatMigrated,
    TelegramNotSent,
    TelegramRateLimited,
    TelegramRejected,
    TelegramUnauthorized,
    TelegramUnknown,
)
from bot.core.telegram.rate_limits import SendLimits
from bot.services.pain.alert_writer import AlertWriter
from bot.services.prompts.chat_openings import ChatOpenings
from bot.services.prompts.dispatcher import Dispatcher
from bot.services.prompts.renderer import PromptRenderer
from bot.services.telegram.api import SentMessage
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.prompts.coach_alerts import CoachAlertStore
from bot.store.prompts.outbox import Outbox
from bot.store.prompts.prompts import PromptStore
from bot.store.prompts.undelivered import UndeliveredStore
from tests.support.fakes import EN, NOW, SECOND, Database, FakeApi, ShakyPrompts, Time, eventually, running
from tests.support.flows import Parts
from tests.support.processing import languages_of


class Sending:
    """A dispatcher with its limits, in a time in which every chat's turn has come at each look."""

    def __init__(self, api: FakeApi, db: Database, prompts: Outbox, time: Time) -> None:
        self.limits = SendLimits()
        self.seconds, self.step = 1000.0, 100.0
        letters = CoachAlertStore(db)
        weeks = Parts.of(db, DiskJournal(Path("unused")), time).weeks()
        languages = languages_of(db, time)
        writer = AlertWriter(letters, Roster, languages, UTC)
        composer = PromptRenderer(writer, PromptStore(db), Roster, languages, time, UTC, weeks)
        self.dispatcher = Dispatcher(
            *(api, prompts, letters, composer, ChatOpenings(UndeliveredStore(db), 14)),
            *(self.limits, time, UTC),
            *(Roster, self.nobody, self.monotonic),
        )

    async def nobody(self) -> Roster:
        """The athletes, read anew."""
        return Roster()

    def monotonic(self) -> float:
        """Long after the last look."""
        self.seconds += self.step
        return self.seconds


@pytest.fixture
def sending(api: FakeApi, db: Database, prompts: ShakyPrompts, time: Time) -> Sending:
    """See `Sending`."""
    return Sending(api, db, prompts, time)


def outbox(session_ids: Iterable[object], chat_id: object = 70) -> list[dict[str, Any]]:
    """Documents as a coach workflow inserts them."""
    return [{"runId": "r", "sessionId": session_id, "chatId": chat_id} for session_id in session_ids]


async def settled(db: Database, number: int = 1) -> bool:
    """Whether so many prompts wait for nobody any more."""
    return (
        await db.session_prompts.count_documents({"attempts": {"$gt": 0}, "claim": {"$exists": False}})
        == number
    )


async def test_a_prompt_is_sent_and_settled(
    api: FakeApi, db: Database, prompts: ShakyPrompts, sending: Sending
) -> None:
    """The question with its four buttons goes out once; the document says when and as which message."""
    await prompts.queue("r", "s", 70, title="<Easy>", note=None, due_at=NOW, now=NOW)
    api.send_script.append(SentMessage(2**40, NOW - SECOND))
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled(db))
    assert api.sent == [(70, questions.prompt("<Easy>", None, EN), prompt_keyboard("r", "s", EN))]
    [document] = await db.session_prompts.find({}).to_list()
    assert (document["state"], document["messageId"], document["sentAt"]) == ("sent", 2**40, NOW - SECOND)


async def test_a_reply_that_says_little_is_settled_with_what_is_known(
    api: FakeApi, db: Database, prompts: ShakyPrompts, sending: Sending
) -> None:
    """Without a message id and a time the bot's own time counts."""
    await db.session_prompts.insert_many(outbox(["s"]))
    api.send_script.append(SentMessage(None, None))
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled(db))
    assert await prompts.sent_at("r", "s", 70, 5) == NOW


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TelegramRejected("bot was blocked"), {"state": "undeliverable", "reason": "bot was blocked"}),
        (
            TelegramRateLimited("wait", 7),
            {"state": "pending", "attemptAt": NOW + 7 * SECOND, "reason": "wait"},
        ),
        (TelegramUnauthorized("token"), {"state": "pending", "attemptAt": NOW + 60 * SECOND}),
        (TelegramNotSent("down"), {"state": "pending", "attemptAt": NOW + 2 * SECOND}),
        (TelegramUnknown("lost"), {"state": "pending", "attemptAt": NOW + 20 * SECOND, "unknowns": 1}),
    ],
)
async def test_each_failure_is_settled_in_its_way(
    api: FakeApi, db: Database, sending: Sending, error: Exception, expected: dict[str, Any]
) -> None:
    """Never, or later at an instant that is kept in the document."""
    await db.session_prompts.insert_many(outbox(["s"]))
    api.send_script.append(error)
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled(db))
    [document] = await db.session_prompts.find({}).to_list()
    assert {name: document.get(name) for name in expected} == expected
    assert len(api.sent) == 1


async def test_a_defect_is_undeliverable_and_does_not_stop_the_others(
    api: FakeApi, db: Database, sending: Sending
) -> None:
    """The reason names the kind of defect and not what it quotes."""
    await db.session_prompts.insert_many(outbox(["s"], 70) + outbox(["t"], 71))
    api.send_script.append(RuntimeError("my secret knee"))
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled(db, 2))
    found = {d["state"]: d.get("reason", "") async for d in db.session_prompts.find({})}
    assert set(found) == {"undeliverable", "sent"}
    assert found["undeliverable"].startswith("defect: RuntimeError")
    assert "knee" not in found["undeliverable"]


async def test_a_chat_that_moved_is_asked_in_its_new_place(
    api: FakeApi, db: Database, sending: Sending
) -> None:
    """The same question goes to the new id, and is settled there."""
    await db.session_prompts.insert_many(outbox(["s"], -70))
    api.send_script.append(TelegramChatMigrated("moved", -10070))
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled_as_sent(db))
    assert [chat_id for chat_id, _, _ in api.sent] == [-70, -10070]


async def settled_as_sent(db: Database, number: int = 1) -> bool:
    """Whether so many prompts are sent."""
    return await db.session_prompts.count_documents({"state": "sent"}) == number


async def test_telegram_s_request_to_slow_down_holds_the_chat(
    api: FakeApi, db: Database, sending: Sending
) -> None:
    """The chat is left alone as long as Telegram says, everybody for a second."""
    await db.session_prompts.insert_many(outbox(["s"]))
    api.send_script.append(TelegramRateLimited("wait", 5000))
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled(db))
        sending.step = 0.0
        assert 70 in sending.limits.waiting(sending.seconds)


async def test_a_sent_prompt_is_settled_however_long_the_store_is_away(
    api: FakeApi, db: Database, prompts: ShakyPrompts, sending: Sending, time: Time
) -> None:
    """It is not sent again meanwhile from here, though its lease has ended."""
    await db.session_prompts.insert_many(outbox(["s"]))
    prompts.failures.extend([StorageUnavailable("away")] * 10)

    async def expire(_chat_id: int) -> None:
        time.advance(1000)

    api.on_send = expire
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled_as_sent(db))
    assert prompts.settled == 11
    assert len(api.sent) == 1


async def test_an_outcome_that_mongodb_refuses_does_not_hold_up_others(
    api: FakeApi, db: Database, prompts: ShakyPrompts, sending: Sending, time: Time
) -> None:
    """After bounded tries the prompt is left alone: neither sent again nor in the way."""
    await db.session_prompts.insert_many([*outbox(["s"]), *outbox(["t"], 71)])
    prompts.failures.extend([StorageRejected("odd")] * 6)

    async def expire(_chat_id: int) -> None:
        time.advance(1000)

    api.on_send = expire
    async with running(sending.dispatcher.run()):
        await eventually(lambda: _equals(lambda: prompts.settled, 6))
        await db.session_prompts.insert_many(outbox(["u"], 72))
        await eventually(lambda: settled_as_sent(db))
    assert len(api.sent) == 3


async def _equals(look: Callable[[], int], number: int) -> bool:
    return look() == number


async def test_a_chat_has_one_prompt_under_way_at_a_time(
    api: FakeApi, db: Database, sending: Sending
) -> None:
    """Other chats go on, within the number of places, and everything is sent once."""
    await db.session_prompts.insert_many(
        [document for chat_id in range(70, 90) for document in outbox(range(3), chat_id)]
    )
    under_way: Counter[int] = Counter()
    most: list[tuple[int, int]] = []

    async def overlap(chat_id: int) -> None:
        under_way[chat_id] += 1
        most.append((max(under_way.values()), under_way.total()))
        await asyncio.sleep(0.05)  # in which another one can be claimed, on a busy machine, too
        under_way[chat_id] -= 1

    api.on_send = overlap
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled_as_sent(db, 60))
    assert max(in_chat for in_chat, _ in most) == 1
    assert 2 <= max(in_all for _, in_all in most) <= 12
    sent = Counter((chat_id, str(keyboard)) for chat_id, _, keyboard in api.sent)
    assert len(sent) == sent.total() == 60


async def is_postponed(db: Database) -> bool:
    """Whether a text became a date."""
    return (
        await db.session_prompts.count_documents({"dueAt": {"$type": "date"}, "claim": {"$exists": False}})
        == 1
    )


async def test_what_cannot_be_sent_is_put_aside(api: FakeApi, db: Database, sending: Sending) -> None:
    """Bad documents get a reason, odd ones are tolerated, a text that is due later waits."""
    await db.session_prompts.insert_many(
        [
            {"runId": "r", "chatId": 70},
            {"runId": "r", "sessionId": "a", "chatId": "@anna"},
            {"runId": "r", "sessionId": "b", "chatId": "9" * 5000},
            {"runId": "r", "sessionId": "c", "chatId": 71, "dueAt": "0001-01-01T00:00+14:00"},
            {"runId": "r", "sessionId": "d", "chatId": 72, "dueAt": "2026-02-16T19:00"},
            {"runId": "r", "sessionId": "e", "chatId": 73, "attempts": "x", "unknowns": None},
            {"runId": "r", "sessionId": 5, "chatId": 74},
            {"runId": "r", "sessionId": "5", "chatId": "74"},
        ]
    )
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled(db, 7))
        await eventually(lambda: is_postponed(db))
    states = Counter([document["state"] async for document in db.session_prompts.find({})])
    assert states == {"undeliverable": 5, "pending": 1, "sent": 2}
    assert sorted(chat_id for chat_id, _, _ in api.sent) == [73, 74]
    async for document in db.session_prompts.find({"state": "undeliverable"}):
        assert document["reason"]


async def test_long_ids_are_sent_as_a_reference_that_can_be_resolved(
    api: FakeApi, db: Database, prompts: ShakyPrompts, sending: Sending
) -> None:
    """When the question goes out, its buttons can be understood already."""
    run_id = "4b1f7a52-9d8e-4c6b-a1b2-0c1d2e3f4a5b"
    await db.session_prompts.insert_one({"runId": run_id, "sessionId": "s" * 9, "chatId": 70})
    resolved: list[dict[str, tuple[str, str]]] = []

    async def look(_chat_id: int) -> None:
        resolved.append(await prompts.resolve([make_reference(run_id, "s" * 9)]))

    api.on_send = look
    async with running(sending.dispatcher.run()):
        await eventually(lambda: settled_as_sent(db))
    assert list(resolved[0].values()) == [(run_id, "s" * 9)]


async def test_stopping_waits_for_what_is_being_sent(api: FakeApi, db: Database, sending: Sending) -> None:
    """A prompt under way when the dispatcher is told to stop is settled before `finish` returns."""
    await db.session_prompts.insert_many(outbox(["s"]))
    started, gate = asyncio.Event(), asyncio.Event()

    async def wait(_chat_id: int) -> None:
        started.set()
        await gate.wait()

    api.on_send = wait
    async with running(sending.dispatcher.run()):
        await started.wait()
    finishing = asyncio.create_task(sending.dispatcher.finish())
    await asyncio.sleep(0)
    assert not finishing.done()
    gate.set()
    await asyncio.wait_for(finishing, 50)
    assert await settled_as_sent(db)
