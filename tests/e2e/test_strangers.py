"""What somebody unlisted sends costs next to nothing, whatever it is and however much is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.answers.payloads import make_reference
from bot.sandbox.world import Json, User
from tests.support.bot import ATHLETES, STRANGER, Rig, is_called_saved
from tests.support.filling import fill
from tests.support.processes import wait_until

Document = dict[str, Any]

COACH_CHAT = -100_777
OTHER_GROUP = -100_778
FILLED = 20_000
PER_UPDATE = 12
"""Operations of MongoDB at most, and far fewer where several come together."""
MOST_EXAMINED = 60
"""Documents that one operation reads at most: as many as come together."""
PER_MINUTE = 20
"""Countings for the figures, each minute."""
BEHIND = {"athletes", "users", "leases", "figures", "figure_touches", "journals"}
"""What the service reads now and then by itself; how often it reads the roster is counted."""

PAYLOADS = (
    *(f"session_feedback|run-7|session-7|{type_}" for type_ in ("done", "pain")),
    f"session_feedback|{make_reference('run-7', 'session-7')}|-|done",
    "feedback|run-7|hard",
    "later|run-7|session-7",
    "rpe|run-7|session-7|7",
    "where|run-7|session-7|knee",
    "pain|run-7|session-7|9",
    "reason|run-7|session-7|ill",
    "do|forget|",
    "do|keep|",
    f"do|seen|{make_reference('run-7', 'session-7|alert|7')}",
    "session_feedback|||",
    "nonsense",
    "",
)
WORDS = (
    "/start", "/start AAAAAAAAAAAAAAAAAAAAAA", "/start x", "/help", "/forgetme", "/pause 3d", "/resume",
    "/language es", "/pending", "/week", "/week next", "/mydata", "/privacy", "/stats", "/nonsense", "hello",
)  # fmt: skip


def updates() -> list[Json]:
    """Every kind of update, in private and in groups, each payload and each command."""
    sender = {"id": STRANGER.id, "is_bot": False, "first_name": STRANGER.first_name, "language_code": "es"}
    made: list[Json] = []
    for chat_id in (STRANGER.id, OTHER_GROUP):
        chat = {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"}
        asked = {"message_id": 5, "date": int(datetime.now(UTC).timestamp()), "chat": chat, "text": "How?"}
        made += [
            {"callback_query": {"id": f"q{chat_id}-{n}", "from": sender, "message": asked, "data": data}}
            for n, data in enumerate(PAYLOADS)
        ]
        said = {"date": asked["date"], "chat": chat, "from": sender}
        bots = asked | {"from": {"id": 1, "is_bot": True, "first_name": "b"}}
        made += [{"message": {**said, "message_id": 100 + n, "text": text}} for n, text in enumerate(WORDS)]
        reply = {**said, "message_id": 200, "text": "It hurts", "reply_to_message": bots}
        made += [{"message": reply}, {"edited_message": reply | {"edit_date": asked["date"]}}]
        made.append({"message": {**said, "message_id": 201, "voice": {"file_id": "x", "duration": 1}}})
    return made


async def test_whatever_a_stranger_sends_is_cheap(rig: Rig) -> None:
    """No collection is scanned, a constant number of operations by index each, and nothing changes."""
    # So old that what the service does by itself does not read it.
    await fill(rig.db, FILLED, datetime.now(UTC) - timedelta(days=60))
    await rig.db["athletes"].insert_many(
        {"athleteId": f"a{n}", "userId": 10_000_000 + n, "state": "active"} for n in range(500)
    )
    bot = await rig.start(COACH_CHAT_ID=str(COACH_CHAT))
    before = {name: await rig.db[name].count_documents({}) for name in ("feedback_events", "session_prompts")}
    sent = updates()
    begun = datetime.now(UTC)
    await rig.db.command("profile", 2)
    for update in sent:
        rig.world.inject(update)
    taps = sum("callback_query" in update for update in sent)

    async def refused() -> bool:
        return await rig.db["taps"].count_documents({"receivedAt": {"$gte": begun}}) >= taps

    await wait_until(refused, 30, "every tap is refused and counted", otherwise=lambda: bot.log[-2000:])
    await wait_until(
        lambda: rig.journal("SELECT count(*) FROM updates WHERE state = 0") == [(0,)], 30, "done"
    )
    await rig.db.command("profile", 0)
    seconds = (datetime.now(UTC) - begun).total_seconds()

    operations = [
        entry
        async for entry in rig.db["system.profile"].find({"appName": "feedback-bot"})
        if entry["ns"].partition(".")[2] not in ("system.profile", "")
    ]
    rosters = [it for it in operations if it["ns"].endswith(".athletes") and it.get("nreturned", 0) > 100]
    assert len(rosters) <= seconds / 5 + 3
    figures = [it for it in operations if "aggregate" in it["command"] and "$changeStream" not in str(it)]
    assert len(figures) <= PER_MINUTE
    mine = [
        it
        for it in operations
        if it["ns"].partition(".")[2] not in BEHIND
        and "aggregate" not in it["command"]
        and "$changeStream" not in str(it)  # the planner waits for plans
    ]
    assert [it for it in mine if "COLLSCAN" in it.get("planSummary", "")] == []
    assert [it for it in mine if it.get("docsExamined", 0) > MOST_EXAMINED] == []
    assert len(mine) <= PER_UPDATE * len(sent)

    outcomes = [tap["outcome"] async for tap in rig.db["taps"].find({"receivedAt": {"$gte": begun}})]
    assert set(outcomes) <= {"refused", "refused-command"}
    for name, number in before.items():
        assert await rig.db[name].count_documents({}) == number
    for name in ("users", "feedback_history", "waiting_notes", "tombstones"):
        assert await rig.db[name].count_documents({}) == 0


async def test_a_forged_deletion_is_refused(rig: Rig) -> None:
    """Of a stranger, of an athlete who was not asked, and with the button of somebody else's question."""
    athlete, other = ATHLETES[:2]
    await rig.start()
    rig.tap(athlete, rig.ask("r", "s", athlete))
    rig.tap(other, rig.ask("r", "s", other))
    await rig.stored(2)
    rig.world.message(athlete, User(athlete), "/forgetme")

    def asked() -> Json | None:
        return next((it for it in rig.world.messages(athlete) if "do|forget" in str(it)), None)

    await wait_until(asked, 20, "they are asked")
    question = asked()
    assert question is not None
    data = question["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    for user in (STRANGER.id, other):
        chat = {"id": user, "type": "private"}
        message = {"message_id": 9, "date": int(datetime.now(UTC).timestamp()), "chat": chat, "text": "?"}
        sender = {"id": user, "is_bot": False, "first_name": "M"}
        rig.world.inject(
            {"callback_query": {"id": f"f{user}", "from": sender, "message": message, "data": data}}
        )

    async def counted() -> bool:
        return await rig.db["taps"].count_documents({}) == 4

    await wait_until(counted, 20, "both are counted")
    outcomes = {tap["_id"]: tap["outcome"] async for tap in rig.db["taps"].find({})}
    assert outcomes[f"f{STRANGER.id}"] == "refused"
    assert len(await rig.events()) == 2
    assert await rig.db["tombstones"].count_documents({}) == 0
    # Whose it is can confirm it, and is told when it is done.
    tap = rig.tap(athlete, question["message_id"])
    await wait_until(lambda: tap.answer == "Deleted.", 20, "it is done")
    assert [event["userId"] for event in await rig.events()] == [other]


async def test_strangers_do_not_stand_in_the_line(rig: Rig) -> None:
    """An athlete's tap behind hundreds of forged ones is saved as soon as without them."""
    athlete = ATHLETES[0]
    message = rig.ask("r", "s", athlete)
    await rig.start()
    sent = [update for update in updates() if "callback_query" in update]
    for number in range(600):
        query = sent[number % len(sent)]["callback_query"]
        rig.world.inject({"callback_query": {**query, "id": f"many-{number}"}})
    tap = rig.tap(athlete, message)
    await rig.answered([tap])
    assert is_called_saved(tap)
    entered = await rig.db["taps"].count_documents({"outcome": "refused"})
    assert entered < 600, "the athlete's tap has waited for all of them"

    async def counted() -> bool:
        return await rig.db["taps"].count_documents({"outcome": "refused"}) == 600

    await wait_until(counted, 30, "they are counted all the same")
