"""Episodes are made of all that is stored, whoever wrote it, and as often as one likes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.core.facts.questions import Detail
from bot.core.pain.episodes import LAPSES_AFTER, Episode, Spot, Verdict
from bot.core.people.tombstone import DataSubject
from bot.core.shared.update_order import UpdateStamp
from bot.store.mongodb.client import Database
from bot.store.pain.episodes import PainEpisodeStore
from bot.store.pain.reports import PainReportStore, ReportKey
from bot.store.personal_data import PersonalStore

ANA, BEN = 7, 8
NOW = datetime(2026, 2, 16, 19, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(db: Database) -> PainEpisodeStore:
    """The store."""
    return PainEpisodeStore(db)


async def answer(db: Database, session: str, at: datetime, **more: Any) -> None:
    """An answer about a session, by whomever it was written."""
    document = {"sessionKey": f"r-{session}-{ANA}", "userId": ANA, "type": "pain", "receivedAt": at}
    await db.feedback_events.replace_one({"sessionKey": document["sessionKey"]}, document | more, upsert=True)


async def test_answers_and_reports_are_one_story(db: Database, store: PainEpisodeStore) -> None:
    """Pain after a session goes on with what is said the next morning, until it is gone."""
    await answer(db, "mon", NOW, pain={"where": "knee", "side": "left", "level": 4})
    await store.settle(ANA, "ana")
    [pain] = await store.open_of([ANA, BEN], NOW + HOUR)
    assert (pain.user_id, pain.athlete_id, pain.asked_at) == (ANA, "ana", None)
    assert (pain.episode.spot, pain.episode.level, pain.episode.since) == (Spot("knee", "left"), 4, NOW)
    await store.asked(ANA, NOW + 12 * HOUR)
    reports = PainReportStore(db)
    said: dict[Detail, int | str] = {Detail.PLACE: "knee", Detail.SIDE: "left"}
    key = ReportKey(ANA, "c1.knee.left")
    for update_id, verdict in ((5, Verdict.WORSE), (6, Verdict.GONE)):
        stamp = UpdateStamp(update_id, NOW + update_id * HOUR)
        await reports.say(key, said, stamp, athlete_id="ana", chat_id=ANA, verdict=verdict)
        for _ in range(2):
            await store.settle(ANA, "ana")
        still = await store.open_of([ANA], NOW + 13 * HOUR)
        assert [it.asked_at for it in still] == ([NOW + 12 * HOUR] if verdict is Verdict.WORSE else [])
    assert await db.pain_episodes.count_documents({}) == 1
    # The first word once more, after a crash: the later one stays.
    report = await reports.say(
        key, said, UpdateStamp(5, NOW + 5 * HOUR), athlete_id="ana", chat_id=ANA, verdict=Verdict.WORSE
    )
    assert (report["verdict"], report["updateId"]) == ("gone", 6)


async def test_what_is_taken_back_was_never_there(db: Database, store: PainEpisodeStore) -> None:
    """An answer that becomes another one takes its episode along; another place moves it."""
    await answer(db, "mon", NOW, pain={"where": "knee", "level": 4})
    await answer(db, "tue", NOW + 24 * HOUR, pain={"where": "hip"})
    await store.settle(ANA, None)
    assert len(await store.open_of([ANA], NOW + 25 * HOUR)) == 2
    await answer(db, "tue", NOW + 24 * HOUR, pain={"where": "knee", "level": 5})
    await store.settle(ANA, None)
    [pain] = await store.open_of([ANA], NOW + 25 * HOUR)
    assert (pain.episode.level, pain.episode.before) == (5, 4)
    await answer(db, "mon", NOW, type="done")
    await answer(db, "tue", NOW, type="skipped")
    await store.settle(ANA, None)
    assert await store.open_of([ANA], NOW + 25 * HOUR) == []
    assert await db.pain_episodes.count_documents({}) == 0


async def test_what_is_open_ends_with_the_last_word(db: Database, store: PainEpisodeStore) -> None:
    """Four weeks after it, to the millisecond; and nobody sees what is somebody else's."""
    await answer(db, "mon", NOW)
    await store.settle(ANA, "ana")
    assert len(await store.open_of([ANA], NOW + LAPSES_AFTER - timedelta(milliseconds=1))) == 1
    assert await store.open_of([ANA], NOW + LAPSES_AFTER) == []
    assert await store.open_of([BEN], NOW) == []
    await store.asked(BEN, NOW)
    [pain] = await store.open_of([ANA], NOW)
    assert pain.asked_at is None


@pytest.mark.parametrize(
    "junk",
    [{"pain": "knee"}, {"pain": 4, "type": "done"}, {"receivedAt": "soon"}, {"pain": [1], "saidAt": 3}],
)
async def test_documents_of_anybody(db: Database, store: PainEpisodeStore, junk: dict[str, Any]) -> None:
    """What cannot be read says nothing, and hinders nothing."""
    await answer(db, "mon", NOW, pain={"where": "knee", "level": 4})
    await answer(db, "junk", NOW, **junk)
    await db.pain_episodes.insert_one({"userId": ANA, "episodeId": "odd", "since": "ever", "closedAt": None})
    await store.settle(ANA, "ana")
    found = await store.open_of([ANA], NOW)
    assert ("knee", 4) in [(it.episode.spot.place, it.episode.level) for it in found]


async def test_a_place_without_sides_takes_the_side_away(db: Database) -> None:
    """As in answers; words go with another place."""
    reports, key = PainReportStore(db), ReportKey(ANA, "r1")

    async def say(update_id: int, **said: int | str) -> dict[str, Any]:
        named = {Detail(name): value for name, value in said.items()}
        stamp = UpdateStamp(update_id, NOW + timedelta(seconds=update_id))
        report = await reports.say(key, named, stamp, athlete_id="ana", chat_id=ANA)
        pain: dict[str, Any] = report["pain"]
        return pain

    assert await say(1, where="knee", side="left") == {"where": "knee", "side": "left"}
    assert await say(2, pain=6) == {"where": "knee", "side": "left", "level": 6}
    assert await say(3, where="other") == {"where": "other", "level": 6}
    assert await say(4, words="the $sole") == {"where": "other", "level": 6, "words": "the $sole"}
    assert await say(5, where="back") == {"where": "back", "level": 6}
    newest = await reports.newest(ANA, "back", NOW)
    assert newest is not None
    assert newest["reportId"] == "r1"
    assert await reports.newest(ANA, "other", NOW) is None


async def test_two_at_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes last has not read last: what was said in between counts all the same."""
    slow, told = PainEpisodeStore(db), PainEpisodeStore.told

    async def overtaken(store: PainEpisodeStore, user_id: int) -> list[Episode]:
        found = await told(store, user_id)
        if store is slow and not await db.feedback_events.count_documents({}):
            await answer(db, "mon", NOW, pain={"where": "knee", "level": 4})
            await PainEpisodeStore(db).settle(user_id, "ana")
        return found

    monkeypatch.setattr(PainEpisodeStore, "told", overtaken)
    assert len(await slow.settle(ANA, "ana")) == 1
    assert len(await slow.open_of([ANA], NOW)) == 1


async def test_what_is_deleted_is_not_made_anew(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of answers that go a moment later, either."""
    await answer(db, "mon", NOW, pain={"where": "knee", "level": 4}, updateId=1)
    slow, told = PainEpisodeStore(db), PainEpisodeStore.told

    async def overtaken(store: PainEpisodeStore, user_id: int) -> list[Episode]:
        found = await told(store, user_id)
        if store is slow and found:
            until = UpdateStamp(5, NOW + HOUR)
            await PersonalStore(db).forget_before(DataSubject(ANA, "ana"), until)
        return found

    monkeypatch.setattr(PainEpisodeStore, "told", overtaken)
    await slow.settle(ANA, "ana")
    assert await db.pain_episodes.count_documents({}) == 0


async def test_of_a_report_only_what_was_said_since_outlives_a_deletion(db: Database) -> None:
    """Carried out late, when the athlete has gone on with the same report."""
    reports, key = PainReportStore(db), ReportKey(ANA, "r1")
    words: list[dict[Detail, int | str]] = [{Detail.PLACE: "knee", Detail.SIDE: "left"}, {Detail.PAIN: 6}]
    for update_id, said in zip((1, 9), words, strict=True):
        stamp = UpdateStamp(update_id, NOW + update_id * HOUR)
        await reports.say(key, said, stamp, athlete_id="ana", chat_id=ANA)
    await PainEpisodeStore(db).settle(ANA, "ana")
    until = UpdateStamp(5, NOW + 5 * HOUR)
    await PersonalStore(db).forget_before(DataSubject(ANA, "ana"), until)
    [report] = await db.pain_reports.find({}).to_list()
    assert (report["pain"], list(report["saidAt"]), report["createdAt"]) == ({"level": 6}, ["pain"], until.at)
    assert await db.pain_episodes.count_documents({}) == 0  # nobody knows where it hurts
