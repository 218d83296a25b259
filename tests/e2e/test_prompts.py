"""Prompts: whatever the ids, whoever queued them, whatever Telegram says, and whenever the bot is killed."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.ledger import Tap
from bot.sandbox.world import Json, User
from tests.support.bot import ATHLETES, TYPES, Rig
from tests.support.processes import wait_until

ATHLETE, OTHER, THIRD, FOURTH = ATHLETES[:4]
MADRID = ZoneInfo("Europe/Madrid")
LONG_RUN = "2026-02-16T18:42:58.123Z-a1b2c3"
UUID = "4b0f1c0e-7f0b-4a52-9a51-0d5cfe3a6a11"


def buttons_of(message: Json) -> list[Json]:
    """The buttons of a message, in reading order."""
    return [button for row in message["reply_markup"]["inline_keyboard"] for button in row]


def check_buttons(message: Json) -> None:
    """Four answers in their order and Later behind them, each with 1 to 64 bytes."""
    *data, later = [button["callback_data"] for button in buttons_of(message)]
    assert later.startswith("later|")
    assert len(later.encode()) <= 64
    assert [payload.split("|")[3] for payload in data] == list(TYPES)
    assert all(payload.startswith("session_feedback|") for payload in data)
    assert all(1 <= len(payload.encode()) <= 64 for payload in data), data


async def test_any_ids_come_back_with_the_tap(rig: Rig) -> None:
    """Long, multi-byte and barred ids: buttons of at most 64 bytes, and a tap stores the true ids."""
    ids = [
        ("r1", "s1"),
        (LONG_RUN, "tuesday"),
        (LONG_RUN, "wednesday"),
        (UUID, UUID),
        ("läufe|montag", "früh|spät"),
        ("週" * 40, "走" * 300),
        ("  spaces  ", "%41%42"),
        ("🏃" * 16, "~"),
        ("$where", "a.b"),
    ]
    await rig.start()
    chats = [ATHLETES[number % len(ATHLETES)] for number in range(len(ids))]
    queued = list(zip(ids, chats, strict=True))
    finished = await asyncio.gather(*(rig.prompt(run, session, chat) for (run, session), chat in queued[:4]))
    assert [result.status for result in finished] == [0] * 4, finished
    await rig.db["session_prompts"].insert_many(
        [{"runId": run, "sessionId": session, "chatId": chat} for (run, session), chat in queued[4:]]
    )
    taps: list[Tap] = []
    for chat in ATHLETES:
        for message in await rig.messages(chat, chats.count(chat)):
            check_buttons(message)
            taps.append(rig.world.tap(chat, message["message_id"], User(chat), button=len(taps) % 4))
    await rig.answered(taps)
    documents = await rig.stored(len(ids))
    assert {(d["runId"], d["sessionId"], int(d["chatId"])) for d in documents} == {
        (*pair, chat) for pair, chat in queued
    }
    prompts = {(int(d["chatId"]), d["messageId"]): d for d in await rig.prompts({"state": "answered"})}
    for document in documents:
        run, session, chat = document["runId"], document["sessionId"], int(document["chatId"])
        assert document["sessionKey"] == f"{run}-{session}-{chat}"
        prompt = prompts[chat, document["messageId"]]
        assert (prompt["runId"], prompt["sessionId"], prompt["state"]) == (run, session, "answered")
        assert document["promptSentAt"] == prompt["sentAt"]
    assert all("Saved" in (tap.answer or "") for tap in taps)


async def test_an_outbox_document_needs_three_fields(rig: Rig) -> None:
    """A workflow inserts `runId`, `sessionId` and `chatId` itself; nonsense is settled with the reason."""
    await rig.start()
    outbox = rig.db["session_prompts"]
    good: list[dict[str, Any]] = [
        {"runId": "r", "sessionId": "text", "chatId": str(ATHLETE)},
        {"runId": "r", "sessionId": "number", "chatId": OTHER},
        {"runId": "r", "sessionId": "double", "chatId": float(THIRD)},
    ]
    bad: list[dict[str, Any]] = [
        {"runId": "r", "sessionId": "bad-chat", "chatId": "@somebody"},
        {"sessionId": "no-run", "chatId": ATHLETE},
        {"runId": "r", "sessionId": "bad-time", "chatId": FOURTH, "dueAt": "tomorrow"},
    ]
    await outbox.insert_many([*good, *bad])
    for document in good:
        await rig.prompt_in_state("sent", sessionId=document["sessionId"])
        (message,) = rig.world.messages(int(document["chatId"]))
        check_buttons(message)
    for document, field in zip(bad, ("chatId", "runId", "dueAt"), strict=True):
        settled = await rig.prompt_in_state("undeliverable", sessionId=document["sessionId"])
        assert field in settled["reason"]


async def test_kills_between_send_and_settle(rig: Rig) -> None:
    """The bot is killed five times when Telegram has the message and the bot not yet its reply: nothing is
    missing, and there is at most one duplicate a kill."""
    bot = await rig.start()
    for number in range(5):
        chat, session = ATHLETES[number], f"s{number}"
        rig.faults.add(Fault("hang_after", "sendMessage"))
        await rig.db["session_prompts"].insert_one({"runId": "r", "sessionId": session, "chatId": chat})
        await rig.messages(chat, 1)  # Telegram has it
        await bot.kill()
        claimed = await rig.prompt_in_state("pending", sessionId=session)
        # Nobody else sends it while the dead bot's lease lasts; the test lets the lease end early.
        assert claimed["attemptAt"] > datetime.now(UTC) + timedelta(seconds=30)
        await rig.db["session_prompts"].update_one(
            {"_id": claimed["_id"]}, {"$set": {"attemptAt": datetime.now(UTC)}}
        )
        bot = await rig.start()
        await rig.prompt_in_state("sent", sessionId=session)
    taps = []
    for number, chat in enumerate(ATHLETES):
        messages = rig.world.messages(chat)
        assert 1 <= len(messages) <= 2, f"kill {number}: {messages}"
        # Each copy counts.
        taps += [rig.world.tap(chat, message["message_id"], User(chat), button=0) for message in messages]
    await rig.answered(taps)
    await rig.stored(5)
    assert len(await rig.prompts({"state": "answered"})) == 5


async def test_chats_that_cannot_be_reached(rig: Rig) -> None:
    """400 and 403 are settled as undeliverable with the reason, not tried again; migration is followed."""
    world = rig.world
    unknown, blocked, group, supergroup = ATHLETE, OTHER, -4711, -1001234567890
    world.set_chat(unknown, unknown=True)
    world.set_chat(blocked, blocked=True)
    world.set_chat(group, migrated_to=supergroup)
    await rig.start()
    for session, chat in (("unknown", unknown), ("blocked", blocked), ("moved", group)):
        assert (await rig.prompt("r", session, chat)).status == 0
    reasons = {
        session: (await rig.prompt_in_state("undeliverable", sessionId=session))["reason"]
        for session in ("unknown", "blocked")
    }
    assert "chat not found" in reasons["unknown"].lower()
    assert "blocked by the user" in reasons["blocked"].lower()
    moved = await rig.prompt_in_state("sent", sessionId="moved")
    assert int(moved["chatId"]) == supergroup
    (message,) = world.messages(supergroup)
    check_buttons(message)
    assert not world.messages(group)
    assert [
        len([c for c in rig.calls("sendMessage") if int(c["params"]["chat_id"]) == chat])
        for chat in (unknown, blocked)
    ] == [1, 1]
    again = await rig.prompt("r", "blocked", blocked)
    assert again.status == 0
    assert "queued once more" in again.out
    assert "undeliverable" in again.out
    assert "they unblock the bot" in again.err


async def test_retry_after_is_persisted_and_kept(rig: Rig) -> None:
    """429: the next try is written down as `attemptAt`, kept over a kill, and not made before its time."""
    bot = await rig.start()
    rig.faults.add(Fault("status", "sendMessage", status=429, retry_after=4))
    await rig.db["session_prompts"].insert_one({"runId": "r", "sessionId": "s", "chatId": ATHLETE})
    await wait_until(lambda: rig.faults.fired, 10, "Telegram refuses")
    refused_at = time.time()

    async def postponed() -> bool:
        document = await rig.db["session_prompts"].find_one({"sessionId": "s"})
        return document is not None and abs(document["attemptAt"].timestamp() - refused_at - 4) < 1.5

    await wait_until(postponed, 3, "the next try is written down")
    await bot.kill()
    await rig.start()
    (message,) = await rig.messages(ATHLETE, 1)
    assert time.time() >= refused_at + 3.5
    check_buttons(message)
    assert [call["status"] for call in rig.calls("sendMessage")] == [429, 200]


async def test_due_times(rig: Rig) -> None:
    """`--at` without a zone is taken in TIMEZONE, `--at` with one as it says; nothing is sent too early."""
    rig.settings["TIMEZONE"] = "Europe/Madrid"
    await rig.start()
    assert (await rig.prompt("r", "local", ATHLETE, "--at", "2099-07-01T20:00")).status == 0
    assert (await rig.prompt("r", "offset", ATHLETE, "--at", "2099-07-01T20:00+05:00")).status == 0
    soon = datetime.now(MADRID).replace(tzinfo=None) + timedelta(seconds=5)
    due = soon.replace(tzinfo=MADRID).timestamp()
    assert (await rig.prompt("r", "soon", ATHLETE, "--at", soon.isoformat())).status == 0
    text = (datetime.now(MADRID).replace(tzinfo=None) + timedelta(days=400)).isoformat()
    await rig.db["session_prompts"].insert_one(
        {"runId": "r", "sessionId": "text", "chatId": OTHER, "dueAt": text}
    )
    stored = {d["sessionId"]: d for d in await rig.prompts()}
    assert stored["local"]["dueAt"] == datetime(2099, 7, 1, 18, tzinfo=UTC)
    assert stored["offset"]["dueAt"] == datetime(2099, 7, 1, 15, tzinfo=UTC)
    (message,) = await rig.messages(ATHLETE, 1)
    assert due - 1 <= message["date"]
    (call,) = rig.calls("sendMessage")
    assert due <= call["at"] <= due + 3
    assert not rig.world.messages(OTHER)


async def test_what_the_prompt_shows(rig: Rig) -> None:
    """Title and note are shown as they were written, and a session is asked about once in a chat."""
    await rig.start()
    for _ in range(2):
        result = await rig.prompt(
            "r", "s", ATHLETE, "--title", "5 < 6 & <b>hard</b>", "--note", "bring 2 gels"
        )
        assert result.status == 0
    await rig.prompt_in_state("sent")
    (message,) = rig.world.messages(ATHLETE)
    assert "5 < 6 & <b>hard</b>" in message["text"]
    assert "bring 2 gels" in message["text"]
    assert "sent" in result.out or "pending" in result.out


@pytest.mark.parametrize("answered_when", ["before", "in the gap"])
async def test_asking_again_after_a_gap(answered_when: str, rig: Rig) -> None:
    """After more than 150 s without polls unanswered prompts are asked again, once; answered ones are not."""
    bot = await rig.start()
    for chat in (ATHLETE, OTHER):
        await rig.db["session_prompts"].insert_one({"runId": "r", "sessionId": f"s{chat}", "chatId": chat})
    (answered,) = await rig.messages(ATHLETE, 1)
    (unanswered,) = await rig.messages(OTHER, 1)
    await rig.prompt_in_state("sent", sessionId=f"s{ATHLETE}")
    await rig.prompt_in_state("sent", sessionId=f"s{OTHER}")
    if answered_when == "before":
        rig.world.tap(ATHLETE, answered["message_id"], User(ATHLETE), button=1)
        await rig.stored(1)
    await bot.terminate()
    await rig.away(151)
    if answered_when == "in the gap":
        # Still in Telegram's queue when the bot is back: this answer must count first.
        rig.world.tap(ATHLETE, answered["message_id"], User(ATHLETE), button=1)

    bot = await rig.start()
    first, again = await rig.messages(OTHER, 2)
    assert (first["message_id"], "once more" in first["text"]) == (unanswered["message_id"], False)
    assert "once more" in again["text"]
    check_buttons(again)
    await rig.prompt_in_state("sent", sessionId=f"s{OTHER}", askedAgainAt={"$exists": True})
    await bot.terminate()

    for gap_ms in (0, 151_000):
        if gap_ms:
            await rig.away(151)
        bot = await rig.start()
        if gap_ms:  # the first canary is unanswered and was not asked again before
            await rig.prompt_in_state("sent", runId="canary", askedAgainAt={"$exists": True})
        # A canary queued now is sent after whatever would be asked again.
        await rig.db["session_prompts"].insert_one(
            {"runId": "canary", "sessionId": str(gap_ms), "chatId": THIRD}
        )
        await rig.prompt_in_state("sent", runId="canary", sessionId=str(gap_ms))
        await bot.terminate()
    assert (len(rig.world.messages(ATHLETE)), len(rig.world.messages(OTHER))) == (1, 2)

    await rig.start()
    rig.world.tap(OTHER, again["message_id"], User(OTHER), button=2)
    # The older message has no buttons any more; a phone may not know that yet.
    pain = f"session_feedback|r|s{OTHER}|pain"
    rig.world.tap(OTHER, first["message_id"], User(OTHER), data=pain, force=True)
    documents = {d["sessionId"]: d["type"] for d in await rig.stored(2)}
    assert documents[f"s{ATHLETE}"] == "skipped"
    await wait_until(lambda: rig.world.pending() == 0, 10, "all is taken")

    async def last_tap_wins() -> bool:
        return bool(await rig.events({"sessionId": f"s{OTHER}", "type": "pain"}))

    await wait_until(last_tap_wins, 10, "either message answers the same session")
    await rig.prompt_in_state("answered", sessionId=f"s{OTHER}")
    counts = (await rig.stats())["prompts"]
    assert (counts["sent"], counts["answered"]) == (2, 2)
