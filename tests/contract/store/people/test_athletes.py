"""The collection `athletes` on a real MongoDB: single use, one user one athlete, pauses one after another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.people.athlete import ContactHours, read_athlete
from bot.core.shared.errors import StorageRejected, StorageUnavailable
from bot.core.shared.update_order import UpdateStamp
from bot.services.people.roster_cache import RosterCache
from bot.store.mongodb.indexes import INDEXES, bootstrap
from bot.store.people.athletes import AthleteStore, UserTakenError
from bot.tasks import end_tasks

Database = AsyncDatabase[dict[str, Any]]
Document = dict[str, Any]

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)
EXPIRES = NOW + 7 * DAY
DEFAULTS = ContactHours(ZoneInfo("UTC"))


@pytest.fixture
async def athletes(db: Database) -> AthleteStore:
    """The collection with its keys."""
    reports = await bootstrap(db, [index for index in INDEXES if index.collection == "athletes"])
    assert [report.outcome for report in reports] == ["created"] * 3
    return AthleteStore(db)


async def document(db: Database, athlete_id: str = "ana") -> Document:
    """An athlete's document."""
    found = await db.athletes.find_one({"athleteId": athlete_id}, {"_id": False})
    assert found is not None
    return found


async def invited(athletes: AthleteStore, athlete_id: str = "ana", code_hash: str = "h") -> None:
    """Somebody who has not answered yet."""
    assert await athletes.add(athlete_id, {}, NOW)
    assert await athletes.invite(athlete_id, code_hash, EXPIRES, NOW)


# --- Who there is


async def test_an_athlete_is_added_once(db: Database, athletes: AthleteStore) -> None:
    """A name that is taken changes nothing, whether its athlete is removed or not."""
    assert await athletes.add("ana", {"userId": 2**40, "name": "Ana"}, NOW)
    before = await document(db)
    assert before == {
        "athleteId": "ana", "userId": 2**40, "name": "Ana", "state": "active",
        "createdAt": NOW, "updatedAt": NOW,
    }  # fmt: skip
    assert not await athletes.add("ana", {"name": "Anna"}, NOW + DAY)
    assert await document(db) == before
    assert await athletes.remove("ana", NOW)
    assert not await athletes.add("ana", {}, NOW + DAY)


async def test_two_who_add_the_same_at_once(db: Database, athletes: AthleteStore) -> None:
    """One of them wins."""
    results = await asyncio.gather(*(athletes.add("ana", {"name": str(n)}, NOW) for n in range(10)))
    assert sorted(results) == [False] * 9 + [True]
    assert await db.athletes.count_documents({}) == 1


async def test_a_user_is_one_athlete(db: Database, athletes: AthleteStore) -> None:
    """Adding, changing and redeeming refuse a user who is another athlete; any number have none."""
    await athletes.add("ana", {"userId": 7}, NOW)
    await invited(athletes, "ben")
    await invited(athletes, "cat", "other")
    with pytest.raises(UserTakenError):
        await athletes.add("dan", {"userId": 7}, NOW)
    with pytest.raises(UserTakenError):
        await athletes.change("ben", {"userId": 7, "state": "active"}, NOW)
    with pytest.raises(UserTakenError):
        await athletes.redeem("h", 7, 7, UpdateStamp(1, NOW))
    assert (await document(db, "ben"))["state"] == "invited"
    assert [d["athleteId"] for d in await athletes.all()] == ["ana", "ben", "cat"]


async def test_settings_are_changed_and_taken_away(db: Database, athletes: AthleteStore) -> None:
    """None takes a field away; what is not given stays."""
    await athletes.add("ana", {"userId": 7, "timezone": "UTC", "promptTime": "20:00"}, NOW)
    assert await athletes.change("ana", {"timezone": None, "quietHours": "22:00-07:00"}, NOW + DAY)
    assert await document(db) == {
        "athleteId": "ana", "userId": 7, "promptTime": "20:00", "quietHours": "22:00-07:00",
        "state": "active", "createdAt": NOW, "updatedAt": NOW + DAY,
    }  # fmt: skip
    assert not await athletes.change("ben", {"name": "Ben"}, NOW)


async def test_who_is_removed_may_come_back_under_any_name(db: Database, athletes: AthleteStore) -> None:
    """The document stays, the user is free, and the invitation is void."""
    await athletes.add("ana", {"userId": 7, "name": "Ana"}, NOW)
    assert await athletes.remove("ana", NOW)
    assert not await athletes.remove("ana", NOW)
    assert not await athletes.remove("nobody", NOW)
    assert (await document(db))["name"] == "Ana"
    await athletes.add("anna", {"userId": 7}, NOW)
    await invited(athletes, "ben")
    await athletes.remove("ben", NOW)
    assert await athletes.redeem("h", 8, 8, UpdateStamp(1, NOW)) is None
    assert await athletes.invite("ben", "new", EXPIRES, NOW)
    assert await athletes.redeem("new", 8, 8, UpdateStamp(1, NOW)) is not None


# --- Invitations


async def test_an_invitation_is_redeemed_once(db: Database, athletes: AthleteStore) -> None:
    """Of many who try at once exactly one gets in; the others find nothing, then and later."""
    await invited(athletes)
    results = await asyncio.gather(
        *(athletes.redeem("h", user, user, UpdateStamp(1, NOW)) for user in range(1, 21))
    )
    [winner] = [found["userId"] for found in results if found is not None]
    found = await document(db)
    assert (found["userId"], found["chatId"], found["state"]) == (winner, str(winner), "active")
    assert await athletes.redeem("h", 99, 99, UpdateStamp(1, NOW)) is None


async def test_the_same_user_may_redeem_again(db: Database, athletes: AthleteStore) -> None:
    """After a crash, or with a second tap on the link, even after its time; nothing changes any more."""
    await invited(athletes)
    await asyncio.gather(*(athletes.redeem("h", 7, 7, UpdateStamp(1, NOW)) for _ in range(5)))
    before = await document(db)
    again = await athletes.redeem("h", 7, 7, UpdateStamp(1, EXPIRES + DAY))
    assert again is not None
    assert again["athleteId"] == "ana"
    assert await document(db) == before


@pytest.mark.parametrize(("at", "works"), [(EXPIRES - MILLISECOND, True), (EXPIRES, False)])
async def test_an_invitation_expires(athletes: AthleteStore, at: datetime, works: bool) -> None:
    """A millisecond before its end it works, at its end it does not."""
    await invited(athletes)
    assert (await athletes.redeem("h", 7, 7, UpdateStamp(1, at)) is not None) is works


async def test_a_new_invitation_voids_the_old(athletes: AthleteStore) -> None:
    """There is one at a time, and none for somebody who has accepted."""
    await invited(athletes)
    assert await athletes.invite("ana", "new", EXPIRES, NOW)
    assert await athletes.redeem("h", 7, 7, UpdateStamp(1, NOW)) is None
    assert await athletes.redeem("new", 7, 7, UpdateStamp(1, NOW)) is not None
    assert not await athletes.invite("ana", "newest", EXPIRES, NOW)
    assert not await athletes.invite("nobody", "x", EXPIRES, NOW)


# --- Pauses


async def pauses(db: Database, athlete_id: str = "ana") -> list[tuple[datetime, datetime | None]]:
    """The pauses as a roster reads them."""
    athlete = read_athlete(await document(db, athlete_id), DEFAULTS)
    return [(pause.since, pause.until) for pause in athlete.pauses]


async def test_pauses_follow_each_other(db: Database, athletes: AthleteStore) -> None:
    """A new one ends the one that it falls into; ending twice ends once."""
    await athletes.add("ana", {"userId": 7}, NOW)
    assert await athletes.pause("ana", NOW, NOW + 9 * DAY, user_id=None, now=NOW)
    assert await athletes.pause("ana", NOW + DAY, None, user_id=None, now=NOW + DAY)
    assert await pauses(db) == [(NOW, NOW + DAY), (NOW + DAY, None)]
    assert await athletes.resume("ana", NOW + 2 * DAY)
    assert not await athletes.resume("ana", NOW + 2 * DAY)
    assert await pauses(db) == [(NOW, NOW + DAY), (NOW + DAY, NOW + 2 * DAY)]
    assert not await athletes.pause("nobody", NOW, None, user_id=None, now=NOW)


async def test_a_pause_that_is_seen_to_again_changes_nothing(db: Database, athletes: AthleteStore) -> None:
    """Not even after it was ended, or after the next one has begun; the same for its end."""
    await athletes.add("ana", {"userId": 7}, NOW)
    for _ in range(2):
        await athletes.pause("ana", NOW, None, user_id=None, now=NOW)
    await athletes.resume("ana", NOW + DAY)
    await athletes.pause("ana", NOW + 2 * DAY, None, user_id=None, now=NOW + 2 * DAY)
    expected = [(NOW, NOW + DAY), (NOW + 2 * DAY, None)]
    assert await pauses(db) == expected
    before = await document(db)
    await athletes.pause("ana", NOW, None, user_id=None, now=NOW)
    assert not await athletes.resume("ana", NOW + DAY)
    assert await document(db) == before


async def test_somebody_in_athlete_ids_gets_a_document(db: Database, athletes: AthleteStore) -> None:
    """However many pauses come at once; one that is there already, under any name, is used."""
    await asyncio.gather(
        *(athletes.pause("7", NOW + n * MILLISECOND, None, user_id=7, now=NOW) for n in range(8))
    )
    found = await document(db, "7")
    assert (found["userId"], found["chatId"], found["state"]) == (7, "7", "active")
    assert len(await pauses(db, "7")) == 8
    await athletes.add("ana", {"userId": 8}, NOW)
    await athletes.pause("8", NOW, None, user_id=8, now=NOW)
    assert await pauses(db) == [(NOW, None)]
    assert await db.athletes.count_documents({}) == 2


async def test_somebody_in_athlete_ids_who_was_removed_from_the_collection(
    db: Database, athletes: AthleteStore
) -> None:
    """They are athletes all the same, so their pause counts; a name that is somebody else's is an error."""
    await athletes.add("7", {"userId": 7}, NOW)
    await athletes.remove("7", NOW)
    assert await athletes.pause("7", NOW, None, user_id=7, now=NOW)
    assert (await document(db, "7"))["state"] == "active"
    await athletes.add("8", {"userId": 9}, NOW)
    with pytest.raises(StorageRejected, match="athleteId '8'"):
        await athletes.pause("8", NOW, None, user_id=8, now=NOW)


async def test_who_is_removed_is_not_paused(db: Database, athletes: AthleteStore) -> None:
    """Nor brought back by it."""
    await athletes.add("ana", {"userId": 7}, NOW)
    await athletes.remove("ana", NOW)
    assert not await athletes.pause("ana", NOW, None, user_id=None, now=NOW)
    assert (await document(db))["state"] == "removed"


@pytest.mark.parametrize(
    "odd",
    ["none", [1, None, {}], [{"since": "yesterday"}], {"since": NOW}, [{"since": NOW - DAY, "until": "x"}]],
)
async def test_odd_pauses_are_no_obstacle(db: Database, athletes: AthleteStore, odd: object) -> None:
    """What somebody else has written there is left alone."""
    await athletes.add("ana", {"userId": 7, "pauses": odd}, NOW)
    await athletes.pause("ana", NOW, None, user_id=None, now=NOW)
    assert (await pauses(db))[-1] == (NOW, None)
    assert await athletes.resume("ana", NOW + DAY)


async def test_pauses_do_not_grow_for_ever(db: Database, athletes: AthleteStore) -> None:
    """The newest stay."""
    await athletes.add("ana", {"userId": 7, "pauses": [{"since": NOW, "until": NOW}] * 500}, NOW)
    await athletes.pause("ana", NOW + DAY, None, user_id=None, now=NOW)
    assert len(await pauses(db)) == 200
    assert (await pauses(db))[-1] == (NOW + DAY, None)


# --- The roster in memory


class Reading(AthleteStore):
    """Counts the readings, and fails as told."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.readings = 0
        self.down: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.has_read = asyncio.Event()

    async def has_user(self, user_ids: Collection[int]) -> bool:
        """Whether it has, or fail as told."""
        if self.down is not None:
            raise self.down
        return await super().has_user(user_ids)

    async def all(self) -> list[Document]:
        """Read, the next time as late as the gate says."""
        self.readings += 1
        if self.down is not None:
            raise self.down
        found = await super().all()
        self.has_read.set()
        if self.gate is not None:
            gate, self.gate = self.gate, None
            await gate.wait()
        return found


def keeper(athletes: AthleteStore, *user_ids: int) -> RosterCache:
    """A roster of these and of the collection."""
    return RosterCache(athletes, frozenset(user_ids), DEFAULTS, lambda: NOW)


async def test_the_roster_is_read_when_it_must_be(db: Database) -> None:
    """The first time, and when somebody unknown is asked for; never for somebody known."""
    athletes = Reading(db)
    roster = keeper(athletes, 7)
    assert roster.roster is None
    assert roster.athlete(7) is None
    await roster.loaded()
    await roster.loaded({7})
    assert athletes.readings == 1
    await athletes.add("ana", {"userId": 8}, NOW)
    assert (await roster.loaded({7, 8})).by_user(8) is not None
    await roster.loaded({7, 8})
    assert athletes.readings == 2
    # Anybody may write to the bot: for who is nobody's athlete it is not read.
    await roster.loaded({9})
    await roster.loaded({9})
    assert athletes.readings == 2


async def test_a_roster_that_cannot_be_read_stays_as_it_was(db: Database) -> None:
    """Whoever needs it fresh gets the error."""
    athletes = Reading(db)
    roster = keeper(athletes, 7)
    athletes.down = StorageUnavailable("away")
    with pytest.raises(StorageUnavailable):
        await roster.loaded()
    assert roster.roster is None
    athletes.down = None
    before = await roster.refresh()
    athletes.down = StorageRejected("no rights")
    with pytest.raises(StorageRejected):
        await roster.loaded({8})
    assert roster.roster is before


async def test_an_older_reading_does_not_replace_a_newer(db: Database) -> None:
    """Two at once: the one that began last is what stays."""
    athletes = Reading(db)
    roster = keeper(athletes)
    athletes.gate = gate = asyncio.Event()
    slow = asyncio.create_task(roster.refresh())
    await athletes.has_read.wait()
    await athletes.add("ana", {"userId": 8}, NOW)
    quick = asyncio.create_task(roster.refresh())
    await asyncio.wait([quick], timeout=0.2)  # it has time to overtake
    gate.set()
    await asyncio.gather(slow, quick)
    assert roster.athlete(8) is not None


async def test_a_flaw_is_told_once(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    """With athlete, field and cure; again only when it was mended in between; not of who is removed."""
    athletes = AthleteStore(db)
    await athletes.add("ana", {"userId": 7, "timezone": "Mars", "promptTime": "25:00"}, NOW)
    await athletes.add("ben", {"userId": 8, "timezone": "Mars", "state": "removed"}, NOW)
    roster = keeper(athletes)

    async def told() -> list[str]:
        caplog.clear()
        await roster.refresh()
        return caplog.messages

    with caplog.at_level(logging.WARNING):
        first = await told()
        assert len(first) == 2
        assert "athlete ana: promptTime: '25:00'" in first[0]
        assert "athlete ana: timezone: 'Mars'" in first[1]
        assert "Europe/Madrid" in first[1]
        assert await told() == []
        await athletes.change("ana", {"timezone": "UTC"}, NOW)
        assert await told() == []
        await athletes.change("ana", {"timezone": "Mars"}, NOW)
        assert await told() == first[1:]


async def test_an_empty_roster_is_warned_of(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Legal, but most likely not meant."""
    for user_ids, expected in (((), 1), ((7,), 0)):
        caplog.clear()
        roster = keeper(AthleteStore(db), *user_ids)
        task = asyncio.create_task(roster.run())
        async with asyncio.timeout(50):
            while roster.roster is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await end_tasks([task], 50) == 0
        assert sum("every tap will be refused" in message for message in caplog.messages) == expected
