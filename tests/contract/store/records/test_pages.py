"""Lists page by page: nothing is skipped, nothing comes twice, and indexes do the work."""

from __future__ import annotations

import asyncio
import base64
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import bson
import pytest
from bson import ObjectId
from bson.datetime_ms import DatetimeMS
from pymongo.asynchronous.database import AsyncDatabase

from bot.core.prompts.prompt import PromptState
from bot.store.mongodb.indexes import bootstrap
from bot.store.records import pages as pages_module
from bot.store.records.export import ALL, Selection
from bot.store.records.pages import BadCursorError, FeedbackPages, Page, PromptPages, PromptSelection

FORGED: list[dict[str, Any]] = [
    {}, {"": 5}, {"": []}, {"": [1]}, {"": [1, 2, 3]}, {"": [[1], 2]}, {"": [1, []]}, {"a": [1, 2]},
]  # fmt: skip
Database = AsyncDatabase[dict[str, Any]]
NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
MS = timedelta(milliseconds=1)
EXTREMES = [
    DatetimeMS(-(2**62)), DatetimeMS(2**62),
    "2026-02-16T18:42:58.123Z", "2026-02-16T18:42:58.123Z", None, None, "",
]  # fmt: skip


async def walk(
    db: Database, *, limit: int, selection: Selection = ALL, users: list[int] | None = None
) -> list[Page]:
    """All pages of the answers."""
    found: list[Page] = []
    cursor = None
    while True:
        page = await FeedbackPages(db).read(selection, users=users, cursor=cursor, limit=limit)
        found.append(page)
        assert len(found) < 1_000, "it goes round in circles"
        if page.next is None:
            return found
        cursor = page.next


def names(pages: list[Page]) -> list[Any]:
    """The numbers of the documents."""
    return [document["n"] for page in pages for document in page.documents]


async def insert(db: Database, times: list[Any], **more: Any) -> None:
    """Answers received then, under shuffled ids; a time of "absent" is left out."""
    documents = [
        {
            "_id": ObjectId(),
            "sessionKey": f"k{n}",
            "n": n,
            **({} if at == "absent" else {"receivedAt": at}),
            **more,
        }
        for n, at in enumerate(times)
    ]
    random.Random(7).shuffle(documents)
    await db.feedback_events.insert_many(documents)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_ties_neither_skip_nor_repeat(db: Database, limit: int) -> None:
    """Many answers of one millisecond, longer than a page and not, in the order of time."""
    await bootstrap(db)
    times = [NOW + MS * (n // 9 if n < 40 else n) for n in range(60)]
    await insert(db, [*times, *([NOW + timedelta(days=1)] * 5)])
    pages = await walk(db, limit=limit)
    assert sorted(names(pages)) == list(range(65))
    assert {len(page.documents) for page in pages[:-1]} <= {limit}
    received = [document["receivedAt"] for page in pages for document in page.documents]
    assert received == sorted(received)


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_times_of_any_type(db: Database, limit: int) -> None:
    """Texts, nulls, missing times and dates beyond Python's come once each, too."""
    await bootstrap(db)
    await insert(db, [*EXTREMES, "absent", "absent", NOW, NOW, NOW + MS])
    found = names(await walk(db, limit=limit))
    assert sorted(found) == list(range(12))
    assert found[-4:] != sorted(found[-4:], reverse=True)


async def test_what_nobody_can_compare_is_left_out(db: Database) -> None:
    """A time that is an object or a number is none."""
    await insert(db, [NOW, {"$date": 1}, 5, [NOW]])
    assert names(await walk(db, limit=10)) == [0]


async def test_a_selection_is_kept_from_page_to_page(db: Database) -> None:
    """Times as dates and as texts, the run and the users."""
    await bootstrap(db)
    await insert(db, [NOW - MS, NOW, NOW, NOW + MS, NOW + 2 * MS], runId="r", userId=7)
    await db.feedback_events.insert_many(
        [
            {
                "sessionKey": "a",
                "n": 10,
                "receivedAt": "2026-02-16T18:42:58.123Z",
                "runId": "r",
                "userId": "7",
            },
            {"sessionKey": "b", "n": 11, "receivedAt": "2026-02-16T18:42:58.122Z", "runId": "r", "userId": 7},
            {"sessionKey": "c", "n": 12, "receivedAt": NOW, "runId": "other", "userId": 7},
            {"sessionKey": "d", "n": 13, "receivedAt": NOW, "runId": "r", "userId": 8},
        ]
    )
    selection = Selection(since=NOW, before=NOW + 2 * MS, run_id="r")
    for limit in (1, 2, 10):
        assert sorted(names(await walk(db, limit=limit, selection=selection, users=[7]))) == [1, 2, 3, 10]
    assert names(await walk(db, limit=2, users=[])) == []


async def test_writes_meanwhile(db: Database) -> None:
    """Whatever is there from the begin to the end comes exactly once, with new answers everywhere."""
    await bootstrap(db)
    await insert(db, [NOW + MS * (n // 10) for n in range(100)])
    seen: list[Any] = []
    cursor, number = None, 100
    rng = random.Random(3)
    while True:
        page = await FeedbackPages(db).read(ALL, users=None, cursor=cursor, limit=7)
        seen += [document["n"] for document in page.documents]
        if page.next is None:
            break
        cursor = page.next
        fresh = [
            {
                "n": number + i,
                "receivedAt": NOW + MS * rng.randrange(-5, 15),
                "sessionKey": f"new{number + i}",
            }
            for i in range(3)
        ]
        await db.feedback_events.insert_many(fresh)
        await db.feedback_events.delete_one({"n": rng.randrange(100, number + 3)})
        number += 3
    assert len(seen) == len(set(seen))
    assert set(range(100)) <= set(seen)


async def test_a_page_of_large_documents_is_shorter(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page holds some megabytes at most, and always something."""
    monkeypatch.setattr(pages_module, "_PAGE_BYTES", 25_000)
    await insert(db, [NOW + MS * n for n in range(6)], note="x" * 10_000)
    pages = await walk(db, limit=4)
    assert [len(page.documents) for page in pages] == [3, 3]
    monkeypatch.setattr(pages_module, "_PAGE_BYTES", 1)
    assert [len(page.documents) for page in await walk(db, limit=4)] == [1] * 6


async def test_pages_read_what_they_show(db: Database) -> None:
    """In a large collection a page examines about its own number of keys, wherever it is."""
    await bootstrap(db)
    await db.feedback_events.insert_many(
        [{"receivedAt": NOW + MS * (n // 5), "sessionKey": str(n), "n": n} for n in range(3_000)]
    )
    first = await FeedbackPages(db).read(ALL, users=None, cursor=None, limit=1_500)
    await db.command("profile", 2)
    try:
        await FeedbackPages(db).read(ALL, users=None, cursor=first.next, limit=20)
    finally:
        await db.command("profile", 0)
    profiled = await db["system.profile"].find({"ns": f"{db.name}.feedback_events"}).to_list()
    assert len(profiled) == 2
    assert all(entry["planSummary"].startswith("IXSCAN") for entry in profiled)
    assert sum(entry["docsExamined"] for entry in profiled) < 100


@pytest.mark.parametrize(
    "cursor",
    [
        "x", "", "AAAA", "é", "\x00", "x" * 900, "=", "!!!!",
        *(
            base64.urlsafe_b64encode(bson.encode(value)).decode() for value in FORGED
        ),
    ],
)  # fmt: skip
async def test_a_cursor_of_nobody(db: Database, cursor: str) -> None:
    """Anything but a cursor of the list is refused."""
    with pytest.raises(BadCursorError, match="take `next` of the page before"):
        await FeedbackPages(db).read(ALL, users=None, cursor=cursor, limit=5)
    page = await FeedbackPages(db).read(ALL, users=None, cursor=None, limit=5)
    assert page == Page([], None, 0)


async def prompts(db: Database, *documents: dict[str, Any]) -> None:
    """Outbox documents; each names itself."""
    await db.session_prompts.insert_many(
        [
            {"runId": "r", "sessionId": f"s{n}", "chatId": "42", "n": n, **document}
            for n, document in enumerate(documents)
        ]
    )


async def found(db: Database, limit: int = 50, **selection: Any) -> list[int]:
    """The numbers of the prompts that are selected, over all pages."""
    seen: list[int] = []
    cursor = None
    while True:
        page = await PromptPages(db).read(PromptSelection(**selection), cursor=cursor, limit=limit)
        seen += [document["n"] for document in page.documents]
        cursor = page.next
        if cursor is None:
            return seen


async def test_prompts_by_state_run_and_athlete(db: Database) -> None:
    """A document without a state is pending, one without a name is the athlete's by its chat."""
    await prompts(
        db,
        {},
        {"state": "pending", "athleteId": "ana"},
        {"state": "sent", "athleteId": "ben"},
        {"state": "sent", "runId": "other", "chatId": 42},
        {"kind": "reminder", "athleteId": "ana"},
        {"kind": "session", "state": "cancelled"},
    )
    assert await found(db) == [0, 1, 2, 3, 5]
    assert await found(db, limit=2) == [0, 1, 2, 3, 5]
    assert await found(db, state=PromptState.PENDING) == [0, 1]
    assert await found(db, state=PromptState.SENT, run_id="r") == [2]
    assert await found(db, athlete_id="ana") == [1]
    assert await found(db, athlete_id="ana", chat_id=42) == [0, 1, 3, 5]
    assert await found(db, athlete_id="nobody") == []


async def test_prompts_by_date(db: Database) -> None:
    """The planned day counts; else the day on which it is due, or was sent, both ends included; whatever the
    state."""
    day, start, end = date(2026, 2, 17), NOW, NOW + timedelta(days=1)
    await prompts(
        db,
        {"date": "2026-02-16", "dueAt": NOW},
        {"date": "2026-02-17"},
        {"date": "2026-02-18"},
        {"dueAt": start},
        {"dueAt": end},
        {"dueAt": end - MS},
        {"dueAt": "2026-02-17T00:00:00.000Z"},
        {"sentAt": start},
        {"sentAt": end},
        {},
        {"dueAt": start, "state": "made up"},
        {"dueAt": start, "state": None},
        {"dueAt": end, "state": "sent"},
    )
    both: dict[str, Any] = {"since": day, "until": day, "since_instant": start, "before_instant": end}
    assert await found(db, **both) == [1, 3, 5, 6, 7, 10, 11]
    assert await found(db, since=day, since_instant=start) == [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12]
    assert await found(db, until=day, before_instant=end) == [0, 1, 3, 5, 6, 7, 10, 11]


async def test_ids_of_any_type(db: Database) -> None:
    """Documents that others inserted with an `_id` of their own come once each, too."""
    ids: list[Any] = [ObjectId(), "text", 5, 5.5, True, NOW, "other", ObjectId()]
    await prompts(db, *({"_id": id_} for id_ in ids))
    for limit in (1, 3):
        assert sorted(await found(db, limit=limit)) == list(range(8))


async def test_readers_side_by_side(db: Database) -> None:
    """Each has its own cursor."""
    await insert(db, [NOW] * 30)
    results = await asyncio.gather(*(walk(db, limit=limit) for limit in (1, 4, 30)))
    assert len({tuple(names(pages)) for pages in results}) == 1
