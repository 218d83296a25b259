"""/log and its buttons, through the whole way of messages and taps."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from bot.core.facts.questions import Detail
from bot.core.logbook import texts
from bot.core.logbook.entry import LogEntry
from bot.core.summary.summary import Summary
from bot.services.reports.summary import collect
from bot.store.summary import SummaryStore
from tests.support.fakes import (
    ATHLETE,
    EN,
    NOW,
    STRANGER,
    Database,
    FakeApi,
    eventually,
    message_update,
    running,
    tap_update,
)
from tests.support.processing import Recording

RUN = "log-2026-02-16"
MONDAY = date(2026, 2, 16)


def said(update_id: int, text: str) -> dict[str, Any]:
    """A message of the athlete's."""
    update = message_update(update_id, text, ATHLETE)
    update["message"]["message_id"] = 50 + update_id
    return update


async def handle(recording: Recording, *updates: dict[str, Any]) -> None:
    """Process updates to their end."""
    await recording.receive(*updates)
    async with running(*recording.flows()):
        await eventually(recording.emptied)
        await recording.answerer.join()
        await recording.marker.drain()


async def stored(db: Database) -> list[dict[str, Any]]:
    """The sessions that are logged."""
    fields = dict.fromkeys(("runId", "sessionId", "type", "logged", "rpe", "note"), True)
    return await db.feedback_events.find({"logged": {"$exists": True}}, {"_id": False, **fields}).to_list()


async def summary(db: Database, recording: Recording) -> Summary:
    """The athlete's week."""
    roster = await recording.roster.loaded()
    athlete = roster.by_user(ATHLETE)
    assert athlete is not None
    return await collect(
        SummaryStore(db),
        roster,
        athlete,
        MONDAY,
        now=NOW + timedelta(hours=1),
        late_after_days=14,
        kept_days=180,
    )


async def test_in_words(api: FakeApi, db: Database, recording: Recording) -> None:
    """Stored once, however often it is carried out; in the summary as unplanned, with its load, and not among
    what was asked about."""
    for _ in range(2):
        await handle(recording, said(1, "/log 45 min easy run 4"))
    assert await stored(db) == [
        {
            "runId": f"{RUN}-u1", "sessionId": "log", "type": "done", "rpe": 4, "note": None,
            "logged": {"what": "easy run", "minutes": 45},
        }
    ]  # fmt: skip
    shown = texts.logged(LogEntry("easy run", 45, 4), f"{RUN}-u1", "log", frozenset(Detail), EN)
    assert api.sent[0][1:] == (shown.text, shown.keyboard)
    told = await summary(db, recording)
    [session] = told.week.sessions
    assert (session.planned, session.in_plan) == ({"title": "easy run", "distance_time": "45 min"}, False)
    assert session.extras["sessionLoad"] == 180
    counts = told.week.counts
    assert (counts["unplanned"], counts["asked"], counts["done"]) == (1, 0, 0)
    assert "nobody: the athlete logged it" in str(told.to_json())
    assert "easy run" in told.to_markdown()


async def test_step_by_step(api: FakeApi, db: Database, recording: Recording) -> None:
    """What, how long, how hard: one message, edited in place; nothing is stored before the minutes."""
    await handle(recording, said(1, "/log"))
    asked = texts.ask_what(EN)
    assert api.sent[0][1:] == (asked.text, asked.keyboard)
    await handle(recording, tap_update(2, "do|entry|run"))
    assert await stored(db) == []
    minutes = texts.ask_minutes("run", EN)
    assert minutes is not None
    assert api.edits[-1][2:] == (minutes.text, minutes.keyboard)
    for _ in range(2):
        await handle(recording, tap_update(3, "do|entry|run|45"))
    await handle(recording, tap_update(4, f"rpe|{RUN}-m700|log|6"))
    assert await stored(db) == [
        {
            "runId": f"{RUN}-m700", "sessionId": "log", "type": "done", "rpe": 6, "note": None,
            "logged": {"what": "run", "minutes": 45},
        }
    ]  # fmt: skip
    assert api.said("q4") == ["Saved: RPE 6. Thank you!"]
    assert [button["text"] for row in api.edits[-1][3][-1:] for button in row] == ["✏️ RPE 6"]
    assert len(api.sent) == 1
    await handle(recording, tap_update(5, "do|entry|run|60"))  # another one, before the message was edited
    assert (await stored(db))[0]["logged"] == {"what": "run", "minutes": 60}
    await handle(recording, tap_update(3, "do|entry|run|45"))  # and the first one once more
    assert (await stored(db))[0]["logged"] == {"what": "run", "minutes": 60}


async def test_words_without_minutes(api: FakeApi, db: Database, recording: Recording) -> None:
    """They are asked for; words too long for a button are stored without."""
    await handle(recording, said(1, "/log hill repeats"))
    assert await stored(db) == []
    assert "hill repeats: how long was it?" in api.sent[0][1]
    long = "a very long way round the big reservoir and back, twice"
    await handle(recording, said(2, f"/log {long}\nwindy"))
    [entry] = await stored(db)
    assert (entry["logged"], entry["note"]) == ({"what": long, "minutes": None}, "windy")


@pytest.mark.parametrize(
    ("update", "outcome"),
    [
        (tap_update(1, "do|entry|run|45", user_id=STRANGER), "refused"),
        (tap_update(1, "do|entry|run|45", chat_id=-5), "refused"),
        (tap_update(1, "do|entry|run|x"), "invalid"),
        (tap_update(1, "do|entry|"), "invalid"),
    ],
)
async def test_who(db: Database, recording: Recording, update: dict[str, Any], outcome: str) -> None:
    """Athletes, in private, and what our buttons say."""
    await handle(recording, update)
    [entry] = await db.taps.find({}).to_list()
    assert entry["outcome"] == outcome
    assert await stored(db) == []
