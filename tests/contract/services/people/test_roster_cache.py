"""What the update processor makes of taps and messages by the roster: whose count, pauses, invitations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.answers import texts as answers
from bot.core.answers.payloads import format_callback, format_later, make_reference
from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.commands import Command
from bot.core.people import pauses
from bot.core.people import texts as people
from bot.core.people.invitations import VALID_FOR, hash_code
from bot.core.shared.errors import StorageRejected, StorageUnavailable
from bot.services.answers.early_answers import ANSWER_WITHIN
from bot.store.prompts.prompts import PromptStore
from tests.support.fakes import (
    ADMIN,
    ATHLETE,
    EN,
    MILLISECOND,
    NOW,
    PROMPTED,
    STRANGER,
    FakeApi,
    Time,
    eventually,
    running,
    tap_update,
)
from tests.support.processing import Recording, outcomes, stored

Database = AsyncDatabase[dict[str, Any]]

ANA, BEN = 71, 72
GROUP = -100_500
DAY = timedelta(days=1)
CODE = "Ab0-_" * 6 + "zz"
FOREIGN = answers.not_written(NotWritten(Outcome.REFUSED, cause=Cause.FOREIGN), 14, EN)
REFUSED = answers.not_written(NotWritten(Outcome.REFUSED), 14, EN)


def message(update_id: int, text: str, user_id: int = ANA, chat_id: int | None = None) -> dict[str, Any]:
    """A message as Telegram sends it, in the user's private chat."""
    chat = {"id": chat_id or user_id, "type": "private" if chat_id is None else "supergroup"}
    return {"update_id": update_id, "message": {"chat": chat, "from": {"id": user_id}, "text": text}}


async def handle(recording: Recording, *updates: object) -> None:
    """Receive updates together and see to all of them."""
    async with running(*recording.flows()):
        await recording.receive(*updates)
        await eventually(recording.emptied)
        await recording.marker.drain()
        await recording.answerer.join()


async def add(recording: Recording, athlete_id: str, **fields: Any) -> None:
    """An athlete in the collection; the processor's roster does not know it yet."""
    assert await recording.athletes.add(athlete_id, fields, NOW)


async def prompt(db: Database, session_id: str = "s", **fields: Any) -> None:
    """A question of today in Ana's chat."""
    await db.session_prompts.insert_one(
        {"runId": "r", "sessionId": session_id, "chatId": str(ANA), "state": "sent", "sentAt": NOW, **fields}
    )


async def states(db: Database) -> dict[str, str]:
    """Prompts by session."""
    return {d["sessionId"]: d["state"] async for d in db.session_prompts.find({})}


# --- Whose taps count, and when it is where they are


async def test_who_was_just_added_is_no_stranger(api: FakeApi, db: Database, recording: Recording) -> None:
    """The roster is read again before a tap is refused: once for a page, not once for each tap."""
    await add(recording, "ana", userId=ANA)
    readings = recording.athletes.readings
    taps = [
        tap_update(n, f"session_feedback|r{n}|s|done", user_id=ANA if n % 2 else STRANGER) for n in range(9)
    ]
    await handle(recording, *taps)
    assert recording.athletes.readings == readings + 1
    assert set(await stored(db)) == {"r1", "r3", "r5", "r7"}
    assert (await outcomes(db))["q2"] == "refused"
    assert api.said("q2") == [REFUSED]


async def test_known_athletes_cost_no_reading(db: Database, recording: Recording) -> None:
    """The way of ordinary taps is as short as before."""
    readings = recording.athletes.readings
    await handle(recording, *(tap_update(n, f"session_feedback|r{n}|s|done") for n in range(1, 9)))
    assert recording.athletes.readings == readings
    assert len(await stored(db)) == 8


async def test_who_was_removed_counts_no_more(db: Database, recording: Recording) -> None:
    """As soon as the roster was read again."""
    await add(recording, "ana", userId=ANA)
    await recording.roster.refresh()
    await recording.athletes.remove("ana", NOW)
    await recording.roster.refresh()
    await handle(recording, tap_update(1, user_id=ANA))
    assert await outcomes(db) == {"q1": "refused"}


@pytest.mark.parametrize(
    ("zone", "date", "day"),
    [
        ("Pacific/Kiritimati", "2026-02-16", "Monday"),
        ("America/New_York", "2026-02-15", "Sunday"),
        (None, "2026-02-16", "Monday"),
    ],
)
async def test_each_athlete_has_a_calendar_of_their_own(
    db: Database, recording: Recording, zone: str | None, date: str, day: str
) -> None:
    """A question of midnight UTC: the day where the athlete is, else where TIMEZONE says."""
    await add(recording, "ana", userId=ANA, timezone=zone)
    await handle(recording, tap_update(1, user_id=ANA))
    [event] = await db.feedback_events.find({}).to_list()
    assert (event["sessionDate"], event["sessionDay"]) == (date, day)


@pytest.mark.parametrize("error", [StorageUnavailable("away"), StorageRejected("no rights")])
async def test_as_long_as_nobody_knows_the_roster_nothing_is_decided(
    api: FakeApi, db: Database, recording: Recording, time: Time, error: Exception
) -> None:
    """Taps are told that they were received, in time; then everybody gets their due."""
    await add(recording, "ana", userId=ANA)
    recording.roster._roster = None
    recording.athletes.down = error
    taps = {1: ANA, 2: ATHLETE, 3: STRANGER}
    async with running(*recording.flows()):
        time.now = NOW + ANSWER_WITHIN
        await recording.receive(*(tap_update(n, user_id=user) for n, user in taps.items()))
        readings = recording.athletes.readings
        await eventually(lambda: recording.athletes.readings > readings + 5)
        assert api.answers == []
        time.now += MILLISECOND
        await eventually(lambda: len(api.answers) == 3)
        assert {text for _, text, _ in api.answers} == {EN.texts.answers.received_unjudged}
        assert await outcomes(db) == {}
        recording.athletes.down = None
        await eventually(recording.emptied)
    assert await outcomes(db) == {"q1": "written", "q2": "written", "q3": "refused"}
    assert len(api.answers) == 3


async def test_an_outage_later_holds_up_nobody_who_is_known(api: FakeApi, recording: Recording) -> None:
    """With the roster in memory, athletes are told "saved" although it cannot be read just now."""
    recording.athletes.down = StorageUnavailable("away")
    await handle(recording, tap_update(1))
    assert api.said("q1") == [answers.saved(FeedbackType.DONE, EN)]


# --- Whose question it is


async def test_in_a_group_a_question_is_its_athlete_s(
    api: FakeApi, db: Database, recording: Recording
) -> None:
    """Somebody else's tap is refused in words of its own and changes nothing; strangers hear theirs."""
    for name, user_id in (("ana", ANA), ("ben", BEN)):
        await add(recording, name, userId=user_id)
    await prompt(db, chatId=str(GROUP), userId=ANA)
    await prompt(db, "any", chatId=str(GROUP))
    done, any_done = "session_feedback|r|s|done", "session_feedback|r|any|done"
    await handle(
        recording,
        tap_update(1, done, user_id=BEN, chat_id=GROUP),
        tap_update(2, done, user_id=STRANGER, chat_id=GROUP),
        tap_update(3, format_later("r", "s"), user_id=BEN, chat_id=GROUP),
        tap_update(4, done, user_id=BEN, chat_id=GROUP, date=PROMPTED - 30 * 86_400),
    )
    assert await stored(db) == {}
    assert await states(db) == {"s": "sent", "any": "sent"}
    assert set((await outcomes(db)).values()) == {"refused"}
    assert [api.said(f"q{n}") for n in (1, 2, 3, 4)] == [[FOREIGN], [REFUSED], [FOREIGN], [FOREIGN]]
    await handle(
        recording,
        tap_update(5, done, user_id=ANA, chat_id=GROUP),
        tap_update(6, any_done, user_id=BEN, chat_id=GROUP),
        tap_update(7, "session_feedback|coach|s|done", user_id=BEN, chat_id=GROUP),
    )
    assert await states(db) == {"s": "answered", "any": "answered"}
    assert {(e["runId"], e["sessionId"], e["userId"]) async for e in db.feedback_events.find({})} == {
        ("r", "s", ANA), ("r", "any", BEN), ("coach", "s", BEN),
    }  # fmt: skip


async def test_a_reference_in_a_group_has_an_owner_too(db: Database, recording: Recording) -> None:
    """Ids that are too long for a button do not open the question to everybody."""
    await add(recording, "ana", userId=ANA)
    long = "s" * 80
    await prompt(db, long, chatId=str(GROUP), userId=ANA, reference=make_reference("r", long))
    data = format_callback("r", long, FeedbackType.PAIN)
    await handle(
        recording, tap_update(1, data, chat_id=GROUP), tap_update(2, data, user_id=ANA, chat_id=GROUP)
    )
    assert await outcomes(db) == {"q1": "refused", "q2": "written"}


async def test_owners_are_looked_up_once_for_a_page_and_only_in_groups(
    db: Database, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a private chat nobody else can tap."""
    asked: list[int] = []
    owners = PromptStore.owners

    async def count(self: PromptStore, keys: Any, chat_ids: Any) -> Any:
        asked.append(len(keys))
        return await owners(self, keys, chat_ids)

    monkeypatch.setattr(PromptStore, "owners", count)
    await handle(recording, *(tap_update(n, f"session_feedback|r{n}|s|done") for n in range(1, 6)))
    assert asked == []
    await handle(
        recording, *(tap_update(n, f"session_feedback|r{n}|s|done", chat_id=GROUP) for n in range(11, 16))
    )
    assert asked == [5]
    assert len(await stored(db)) == 10


# --- What a tap does to its prompt


async def test_stored_and_late_taps_settle_their_prompts(db: Database, recording: Recording) -> None:
    """In the step that stores them; other prompts stay as they are."""
    await add(recording, "ana", userId=ANA)
    for session_id in ("done", "late", "other"):
        await prompt(db, session_id)
    await handle(
        recording,
        tap_update(1, "session_feedback|r|done|done", user_id=ANA),
        tap_update(2, "session_feedback|r|late|done", user_id=ANA, date=PROMPTED - 15 * 86_400),
        tap_update(3, "session_feedback|r|other|done", user_id=STRANGER),
        tap_update(4, "session_feedback|r|other|done"),  # of another athlete, in another chat
    )
    assert await states(db) == {"done": "answered", "late": "late", "other": "sent"}


async def test_settling_is_repeated_until_it_is_done(
    db: Database, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it fails after the answer was stored, the whole step is done again."""
    await add(recording, "ana", userId=ANA)
    await prompt(db)
    settle, failures = PromptStore.settle_taps, [StorageUnavailable("away")] * 3

    async def fail(self: PromptStore, answered: Any, late: Any) -> None:
        if failures:
            raise failures.pop()
        await settle(self, answered, late)

    monkeypatch.setattr(PromptStore, "settle_taps", fail)
    await handle(recording, tap_update(1, user_id=ANA))
    assert await states(db) == {"s": "answered"}
    assert await outcomes(db) == {"q1": "written"}


# --- Later


@pytest.mark.parametrize(
    ("again_at", "said", "shown"),
    [
        ("2026-02-16T19:45", "today at 20:45", "today at 20:45"),
        ("2026-02-17T19:00", "tomorrow at 20:00", "on Tuesday at 20:00"),
        ("2026-02-25T19:00", "on Wednesday, 25 February 2026 at 20:00", "on Wednesday 25 February at 20:00"),
    ],
)
async def test_later_is_when_the_athlete_says(
    api: FakeApi, db: Database, recording: Recording, time: Time, again_at: str, said: str, shown: str
) -> None:
    """The athlete is told in their zone, and the question keeps a trace that is still true another day."""
    time.now = datetime(2026, 2, 16, 18, 42, tzinfo=UTC)
    await add(recording, "ana", userId=ANA, timezone="Europe/Madrid")
    await prompt(db)
    at = datetime.fromisoformat(again_at).replace(tzinfo=UTC)
    await recording.journal.append([], polled_at=time.now)
    async with running(*recording.flows()):
        await recording.journal.append(
            [tap_update(1, format_later("r", "s", at), user_id=ANA)], polled_at=time.now
        )
        await recording.journal.append([], polled_at=time.now)
        recording.recorder.wake()
        await eventually(recording.emptied)
        await eventually(lambda: bool(api.edits))
    [found] = await db.session_prompts.find({}).to_list()
    assert (found["state"], found["again"], found["dueAt"]) == ("pending", "later", at)
    assert api.answers == [("q1", f"All right, I will ask again {said}.", False)]
    assert [text for *_, text, _ in api.edits] == [f"How?\n\n⏰ I ask again {shown}."]
    assert await outcomes(db) == {"q1": "postponed"}
    assert await stored(db) == {}


async def test_later_offers_times(api: FakeApi, db: Database, recording: Recording) -> None:
    """In the same message, below the answers; nothing is postponed yet, and an answer takes them away."""
    await add(recording, "ana", userId=ANA)
    await prompt(db)
    await handle(recording, tap_update(1, format_later("r", "s"), user_id=ANA))
    assert await states(db) == {"s": "sent"}
    assert await outcomes(db) == {"q1": "request"}
    assert api.said("q1") == ["When shall I ask again?"]


async def test_later_has_its_limits(api: FakeApi, db: Database, recording: Recording) -> None:
    """Answered, out of time, or of a question that nobody knows: kind words, and nothing is asked again."""
    await add(recording, "ana", userId=ANA)
    # The next 20:00 is more than 14 days after the one, and 14 days after the other.
    again_at = datetime(2026, 2, 16, 20, tzinfo=UTC)
    await prompt(db, "old", sentAt=again_at - 14 * DAY - MILLISECOND)
    await prompt(db, "just", sentAt=again_at - 14 * DAY)
    await prompt(db, "answered", state="answered")
    await prompt(db, "now")
    sessions = ("old", "just", "answered", "unknown")
    taps = [tap_update(n, format_later("r", s, again_at), user_id=ANA) for n, s in enumerate(sessions)]
    await handle(
        recording,
        *taps,
        tap_update(10, "session_feedback|r|now|done", user_id=ANA),
        tap_update(11, format_later("r", "now", again_at), user_id=ANA),
        tap_update(12, format_later("r", "now"), user_id=ANA),
    )
    assert await states(db) == {"old": "sent", "just": "pending", "answered": "answered", "now": "answered"}
    assert await outcomes(db) == {
        "q0": "late", "q1": "postponed", "q2": "refused", "q3": "unknown", "q10": "written", "q11": "refused",
        "q12": "refused",
    }  # fmt: skip
    answered = answers.not_written(NotWritten(Outcome.REFUSED, cause=Cause.ANSWERED), 14, EN)
    assert api.said("q0") == [answers.not_written(NotWritten(Outcome.LATE, cause=Cause.NO_TIME_LEFT), 14, EN)]
    assert api.said("q2") == api.said("q11") == api.said("q12") == [answered]
    assert api.said("q3") == [answers.not_written(NotWritten(Outcome.UNKNOWN), 14, EN)]


@pytest.mark.parametrize(
    ("until", "outcome", "again_at"),
    [(None, "refused", None), (NOW + 3 * DAY, "postponed", datetime(2026, 2, 19, 20, tzinfo=UTC))],
)
async def test_later_in_a_pause(
    db: Database,
    api: FakeApi,
    recording: Recording,
    until: datetime | None,
    outcome: str,
    again_at: datetime | None,
) -> None:
    """Nothing is promised that the pause forbids: after its end, or not at all if it has none."""
    await add(recording, "ana", userId=ANA, pauses=[{"since": NOW - DAY, "until": until}])
    await prompt(db)
    tonight = datetime(2026, 2, 16, 21, tzinfo=UTC)
    await handle(recording, tap_update(1, format_later("r", "s", tonight), user_id=ANA))
    assert await outcomes(db) == {"q1": outcome}
    [found] = await db.session_prompts.find({}).to_list()
    assert found.get("dueAt") == again_at
    if again_at is None:
        assert api.said("q1") == [
            answers.not_written(NotWritten(Outcome.REFUSED, cause=Cause.PAUSED), 14, EN)
        ]


async def test_later_by_reference(db: Database, recording: Recording) -> None:
    """Long ids work, too."""
    await add(recording, "ana", userId=ANA)
    long = "s" * 80
    await prompt(db, long, reference=make_reference("r", long))
    at = datetime(2026, 2, 16, 21, tzinfo=UTC)
    await handle(recording, tap_update(1, format_later("r", long, at), user_id=ANA))
    assert await states(db) == {long: "pending"}


# --- Pauses


async def paused(db: Database, athlete_id: str) -> list[tuple[datetime, datetime | None]]:
    """The pauses of an athlete, in the document."""
    document = await db.athletes.find_one({"athleteId": athlete_id})
    return [(pause["since"], pause["until"]) for pause in (document or {}).get("pauses", [])]


async def test_pause_and_resume(api: FakeApi, db: Database, recording: Recording) -> None:
    """Until a day in the athlete's zone; the roster in memory knows at once."""
    await add(recording, "ana", userId=ANA, timezone="Europe/Madrid")
    await handle(recording, message(1, "/pause 3"))
    until = datetime(2026, 2, 18, 23, tzinfo=UTC)
    assert await paused(db, "ana") == [(NOW, until)]
    athlete = recording.roster.athlete(ANA)
    assert athlete is not None
    assert athlete.pause_at(NOW) is not None
    assert api.sent[0][:2] == (ANA, people.paused(until, ZoneInfo("Europe/Madrid"), EN))
    async with running(*recording.flows()):
        await recording.journal.append([message(2, "/resume")], polled_at=NOW + DAY)
        recording.recorder.wake()
        await eventually(lambda: len(api.sent) == 2)
    assert await paused(db, "ana") == [(NOW, NOW + DAY)]
    assert api.sent[1][1] == EN.texts.people.resumed
    assert await outcomes(db) == {}


async def test_somebody_of_athlete_ids_can_pause(db: Database, recording: Recording) -> None:
    """Without being in the collection before."""
    await handle(recording, message(1, "/pause open", ATHLETE))
    assert await paused(db, str(ATHLETE)) == [(NOW, None)]


async def test_a_pause_by_button(api: FakeApi, db: Database, recording: Recording) -> None:
    """/pause alone begins none and offers how long; what is tapped is told in the message, once durable.
    Again it says which pause there is; so does /start."""
    await add(recording, "ana", userId=ANA, timezone="Europe/Madrid")
    await handle(recording, message(1, "/pause"))
    assert await paused(db, "ana") == []
    [(_, text, keyboard)] = api.sent
    assert text == EN.texts.pauses.choose
    assert keyboard == pauses.choices(EN)
    tap = tap_update(2, "do|break|7", user_id=ANA)
    until = datetime(2026, 2, 22, 23, tzinfo=UTC)
    for _ in range(2):
        await handle(recording, tap)
        assert await paused(db, "ana") == [(NOW, until)]
    assert api.edits[0][2:] == (people.paused(until, ZoneInfo("Europe/Madrid"), EN), [])
    assert api.said("q2")[0] == EN.texts.pauses.begun
    await handle(recording, message(3, "/pause"), message(4, "/start"))
    running_ = "You are on a pause until Monday, 23 February 2026"
    assert sorted(running_ in text for _, text, _ in api.sent) == [False, True, True]


@pytest.mark.parametrize(
    ("data", "user", "chat", "outcome"),
    [
        ("do|break|7", STRANGER, None, "refused"),
        ("do|break|7", ANA, GROUP, "refused"),
        ("do|break|9", ANA, None, "invalid"),
        ("do|break|", ANA, None, "invalid"),
    ],
)
async def test_a_pause_button_of_nobody(
    db: Database, recording: Recording, data: str, user: int, chat: int | None, outcome: str
) -> None:
    """Strangers, taps elsewhere, and what no button of ours says."""
    await add(recording, "ana", userId=ANA)
    await handle(recording, tap_update(1, data, user_id=user, chat_id=chat))
    assert await paused(db, "ana") == []
    assert await outcomes(db) == {"q1": outcome}


async def test_a_pause_waits_for_mongodb_and_says_nothing_wrong(
    api: FakeApi, db: Database, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reply and no end of the journal's entry before it is durable, however long that takes."""
    pause, failures = recording.athletes.pause, [StorageUnavailable("away")] * 5

    async def fail(*args: Any, **kwargs: Any) -> bool:
        if failures:
            assert api.sent == []
            assert not await recording.emptied()
            raise failures.pop()
        return await pause(*args, **kwargs)

    monkeypatch.setattr(recording.athletes, "pause", fail)
    await handle(recording, message(1, "/pause 7", ATHLETE))
    assert len(await paused(db, str(ATHLETE))) == 1
    assert [text for _, text, _ in api.sent] == [people.paused(datetime(2026, 2, 23, tzinfo=UTC), UTC, EN)]


async def test_messages_that_are_seen_to_again_change_nothing(
    api: FakeApi, db: Database, recording: Recording
) -> None:
    """As after a crash between effect and reply: the same documents, and the same words."""
    await invite(recording)
    updates = [
        message(1, f"/start {CODE}"), message(2, "/pause 7"), message(3, "/start nonsense", STRANGER),
        message(4, "/help", STRANGER),
    ]  # fmt: skip
    await handle(recording, *updates)
    before = (await db.athletes.find({}).to_list(), await outcomes(db))
    assert len(before[0][0]["pauses"]) == 1
    assert before[1] == {"update-3": "refused-command", "update-4": "refused-command"}
    said = [text for _, text, _ in api.sent]
    await handle(recording, *updates)
    assert (await db.athletes.find({}).to_list(), await outcomes(db)) == before
    assert sorted(text for _, text, _ in api.sent) == sorted(said * 2)


async def test_who_cannot_pause(api: FakeApi, db: Database, recording: Recording) -> None:
    """Strangers, which counts; admins, and athletes in a group or with odd words, which does not."""
    await handle(
        recording,
        message(1, "/pause", STRANGER),
        message(2, "/resume", ADMIN),
        message(3, "/pause 3", ATHLETE, chat_id=GROUP),
        message(4, "/pause until summer", ATHLETE),
    )
    assert {chat_id: text for chat_id, text, _ in api.sent} == {
        STRANGER: people.for_others(Command.PAUSE, EN),
        ADMIN: people.for_others(Command.RESUME, EN),
        GROUP: people.elsewhere(Command.PAUSE, EN),
        ATHLETE: EN.texts.people.pause_usage,
    }
    assert await db.athletes.count_documents({}) == 0
    assert await outcomes(db) == {"update-1": "refused-command"}


# --- Invitations


async def invite(recording: Recording, athlete_id: str = "ana", code: str = CODE, **fields: Any) -> None:
    """Somebody who is invited."""
    await add(recording, athlete_id, name=athlete_id.title(), **fields)
    assert await recording.athletes.invite(athlete_id, hash_code(code), NOW + VALID_FOR, NOW)


async def test_an_invitation_is_accepted(api: FakeApi, db: Database, recording: Recording) -> None:
    """Welcomed by name; taps of the same moment count already; the code itself is stored nowhere."""
    await invite(recording, timezone="America/New_York")
    await handle(recording, message(1, f"/start {CODE}"), tap_update(2, user_id=ANA))
    [document] = await db.athletes.find({}).to_list()
    assert (document["userId"], document["chatId"], document["state"]) == (ANA, str(ANA), "active")
    assert CODE not in str(document)
    assert api.sent[0][:2] == (ANA, people.enlisted("Ana", EN))
    assert await outcomes(db) == {"q2": "written"}
    [event] = await db.feedback_events.find({}).to_list()
    assert event["sessionDate"] == "2026-02-15"


async def test_codes_that_do_not_work(api: FakeApi, db: Database, recording: Recording) -> None:
    """Used, unknown, mangled, in a group: kind words, and counted as refused; nobody is let in."""
    await invite(recording)
    await handle(
        recording, message(1, f"/start {CODE}", STRANGER, chat_id=GROUP), message(2, f"/start {CODE}")
    )
    await handle(
        recording,
        message(3, f"/start {CODE}", STRANGER),
        message(4, f"/start {'x' * 32}", STRANGER + 100),
        message(5, "/start hello", STRANGER + 101),
    )
    replies = {chat_id: text for chat_id, text, _ in api.sent}
    assert replies[GROUP] == EN.texts.people.invitation_private
    for user_id in (STRANGER, STRANGER + 100, STRANGER + 101):
        assert replies[user_id] == people.invitation_invalid(user_id, EN)
    assert set(await outcomes(db)) == {"update-1", "update-3", "update-4", "update-5"}
    assert await db.athletes.count_documents({"userId": {"$exists": True}}) == 1


@pytest.mark.parametrize(("late", "works"), [(-MILLISECOND, True), (timedelta(), False)])
async def test_what_counts_is_when_the_athlete_accepted(
    api: FakeApi, recording: Recording, time: Time, late: timedelta, works: bool
) -> None:
    """Not when MongoDB was back: a code that was used in time works, also when it is stored weeks later."""
    await invite(recording)
    time.now = NOW + 30 * DAY
    async with running(*recording.flows()):
        await recording.journal.append([message(1, f"/start {CODE}")], polled_at=NOW + VALID_FOR + late)
        recording.recorder.wake()
        await eventually(lambda: bool(api.sent))
    assert (api.sent[0][1] == people.enlisted("Ana", EN)) is works


async def test_who_is_an_athlete_already_is_not_a_second_one(
    api: FakeApi, db: Database, recording: Recording
) -> None:
    """They are told so, by name; the code stays good for whom it is meant for."""
    await add(recording, "ben", userId=BEN, name="Ben")
    await invite(recording)
    await handle(recording, message(1, f"/start {CODE}", BEN))
    assert api.sent[0][1] == people.enlisted_before("Ben", EN)
    assert await outcomes(db) == {"update-1": "refused-command"}
    await handle(recording, message(2, f"/start {CODE}"))
    assert api.sent[1][1] == people.enlisted("Ana", EN)


async def test_somebody_of_athlete_ids_accepts(recording: Recording) -> None:
    """Then the document says more about them."""
    await invite(recording, timezone="Europe/Madrid")
    await handle(recording, message(1, f"/start {CODE}", ATHLETE))
    athlete = recording.roster.athlete(ATHLETE)
    assert athlete is not None
    assert (athlete.athlete_id, athlete.hours.zone) == ("ana", ZoneInfo("Europe/Madrid"))


async def test_plain_commands_of_known_people_do_not_wait_for_mongodb(
    api: FakeApi, recording: Recording
) -> None:
    """Athletes and admins are replied to at once; who is unknown is not called a stranger by guesswork."""
    recording.athletes.down = StorageUnavailable("away")
    async with running(*recording.flows()):
        await recording.receive(
            message(1, "/start", ATHLETE), message(2, "/help", ADMIN), message(3, "/start", STRANGER)
        )
        await eventually(lambda: len(api.sent) == 2)
        assert {chat_id for chat_id, _, _ in api.sent} == {ATHLETE, ADMIN}
        recording.athletes.down = None
        await eventually(lambda: len(api.sent) == 3)
    assert api.sent[2][1] == people.welcome(STRANGER, EN, athlete=False, admin=False)


async def test_a_request_with_a_defect_is_a_dead_letter(
    api: FakeApi, db: Database, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds up nobody else."""

    async def fail(*_args: Any, **_kwargs: Any) -> bool:
        raise ValueError("a defect")

    monkeypatch.setattr(recording.athletes, "pause", fail)
    await handle(recording, message(1, "/pause 7", ATHLETE), message(2, "/resume", BEN), tap_update(3))
    await told_that_it_is_not_done(api, recording)
    assert await outcomes(db) == {"q3": "written", "update-2": "refused-command"}


async def test_a_request_that_mongodb_never_takes_holds_up_nobody(
    api: FakeApi, db: Database, recording: Recording
) -> None:
    """After a few tries it is a dead letter, too; here somebody else has the name."""
    await add(recording, str(ATHLETE), userId=BEN)
    await handle(recording, tap_update(1), message(2, "/pause 7", ATHLETE), tap_update(3))
    await told_that_it_is_not_done(api, recording)
    assert await outcomes(db) == {"q1": "written", "q3": "written"}


async def told_that_it_is_not_done(api: FakeApi, recording: Recording) -> None:
    """One dead letter, and its sender knows."""
    async with running(recording.commands.run()):
        await eventually(lambda: (ATHLETE, EN.texts.people.not_done, None) in api.sent)
    assert (await recording.journal.state()).dead == 1
