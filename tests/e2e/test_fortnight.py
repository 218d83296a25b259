"""A fortnight of an athlete's life, from the first question to the second Sunday: `scripts.fortnight`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from bot.core.people.athlete import read_roster
from bot.services.reports.summary import collect
from bot.store.people.athletes import AthleteStore
from bot.store.summary import SummaryStore
from scripts.fortnight import ANA, MARTA, SETTINGS, START, Fortnight, prepare
from scripts.stage import staged

_SPOKEN = ("sendMessage", "sendPhoto", "sendDocument", "copyMessage")


async def test_a_fortnight(tmp_path: Path) -> None:
    """Each answer is stored once, nothing is told twice, and the usual day is two taps and one message."""
    spoken: list[int] = []
    taps: list[int] = []
    async with staged(tmp_path, START, prepare, **SETTINGS) as stage:

        def count(_day: int) -> None:
            to_ana = [it for it in stage.calls() if str(it["params"].get("chat_id")) == str(ANA.id)]
            spoken.append(sum(it["method"] in _SPOKEN for it in to_ana))
            taps.append(len([tap for tap in stage.world.ledger.taps if tap.user_id == ANA.id]))

        await Fortnight(stage).play(count)
        await stage.quiet()
        events = await stage.db.feedback_events.find(sort=[("receivedAt", 1)]).to_list()
        episodes = await stage.db.pain_episodes.find().to_list()
        [days] = await stage.db.availability.find().to_list()
        roster = read_roster(frozenset(), await AthleteStore(stage.db).all(), stage.settings.hours())
        [athlete] = roster.athletes
        summary = await collect(
            SummaryStore(stage.db), roster, athlete, date(2026, 2, 16),
            now=stage.clock(), late_after_days=14, kept_days=180,
        )  # fmt: skip
        told = [str(it.get("text")) for user in (ANA, MARTA) for it in stage.world.messages(user.id)]
    # The first day is the usual one: a question, which is edited in place, and two taps.
    assert (spoken[0], taps[0]) == (1, 2)
    answers: list[dict[str, Any]] = [
        {name: event[name] for name in ("type", "rpe", "completed", "reason", "note") if event.get(name)}
        for event in events
    ]
    assert answers == [
        {"type": "done", "rpe": 4},
        {"type": "done", "rpe": 8, "note": "hecho, 8. Windy!"},
        {"type": "done", "rpe": 3},
        {"type": "pain", "rpe": 6, "completed": "part", "note": "Outside of the knee, going down"},
        {"type": "skipped", "reason": "tired"},
        {"type": "hard", "rpe": 7},
        {"type": "done", "rpe": 5},
        {"type": "done", "rpe": 2},
        {"type": "done", "rpe": 5},
    ]
    [episode] = episodes
    assert (episode["pain"]["where"], episode["pain"]["side"]) == ("knee", "left")
    assert episode["closedAt"] is not None
    assert days["days"] == ["Monday", "Tuesday", "Thursday", "Sunday"]
    assert summary.week.counts["asked"] == 6
    assert "knee" in summary.to_markdown()
    for text in ("reports pain", "Ice it tonight", "Only going down.", "has seen that something hurts"):
        assert sum(text in each for each in told) <= 2, text  # who said it, and who was told
    assert any("Shortened to 30 min, since you said knee (left), 4/10" in text for text in told)
