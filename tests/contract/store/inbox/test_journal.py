"""The journal, whoever keeps it: recognised when it comes again, forgotten when done, the same promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.inbox.journal_loss import JournalLoss
from bot.core.shared.clock import to_ms
from bot.core.telegram.updates import TAP_LIFETIME
from bot.store.inbox import journal as journals
from bot.store.inbox.disk_journal import DiskJournal
from bot.store.inbox.journal import GAP_FACT, Entry, Journal, JournalState, read_loss
from bot.store.inbox.mongodb_journal import MongoJournal
from tests.support.mongo import fresh_database

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
NOW_MS = 1_771_267_378_123
SECOND = timedelta(seconds=1)
ANA, BEN = 4_242, 4_343


def tap(update_id: object, **query: Any) -> dict[str, Any]:
    """An update with a callback query."""
    return {"update_id": update_id, "callback_query": {"id": f"q{update_id}", **query}}


def message(update_id: object) -> dict[str, Any]:
    """An update without one."""
    return {"update_id": update_id, "message": {}}


@pytest.fixture(params=["disk", "mongodb"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path, mongo_url: str) -> AsyncIterator[Journal]:
    """An open journal of a service."""
    if request.param == "disk":
        kept: Journal = DiskJournal(tmp_path / "journal.sqlite3", lambda: NOW)
        await kept.open()
        yield kept
        await kept.close()
    else:
        async with fresh_database(mongo_url) as db:
            yield MongoJournal(db, "bot-1", lambda: NOW)


async def append(journal: Journal, *updates: object, at: datetime = NOW) -> int:
    """Append what a poll brought."""
    return await journal.append(updates, polled_at=at)


async def pending(journal: Journal) -> list[Entry]:
    """All unprocessed entries."""
    entries = list[Entry]()
    while page := await journal.pending(after=entries[-1].seq if entries else 0, limit=1_000_000):
        entries += page
    return entries


async def seqs(journal: Journal) -> dict[int, int]:
    """Positions of the unprocessed entries by update id."""
    return {entry.update["update_id"]: entry.seq for entry in await pending(journal)}


async def test_what_is_appended_is_pending_in_order(journal: Journal) -> None:
    """Entries keep the update, its time of receipt to the millisecond, and the order of arrival."""
    updates = [tap(12, data="\ud800 \x00 ü"), message(10), tap(11)]
    assert await append(journal, *updates) == 3
    entries = await pending(journal)
    assert [entry.update for entry in entries] == updates
    assert {(entry.received_at, entry.answered, entry.attempts) for entry in entries} == {(NOW, False, 0)}
    first, second, third = (entry.seq for entry in entries)
    assert first < second < third
    assert [e.seq for e in await journal.pending(after=first, limit=1)] == [second]
    assert await journal.state() == JournalState(3, 0, 0, NOW)
    assert (await journal.facts())["last_poll_ms"] == NOW_MS


async def test_a_redelivery_before_confirmation_is_recognised(journal: Journal) -> None:
    """The same update again changes neither its place nor its time, processed meanwhile or not."""
    await append(journal, tap(10), tap(11))
    before = await pending(journal)
    assert await append(journal, tap(10), tap(11), tap(12), at=NOW + SECOND) == 1
    assert (await pending(journal))[:2] == before
    await journal.finish([before[0].seq])
    assert await append(journal, tap(10), at=NOW + SECOND) == 0
    assert set(await seqs(journal)) == {11, 12}


async def test_a_batch_with_one_update_twice_is_stored_once(journal: Journal) -> None:
    """Repetition within a batch is recognised too."""
    assert await append(journal, tap(10), tap(10)) == 1
    assert len(await pending(journal)) == 1


async def test_a_poll_confirms_the_last_batch_and_brings_the_next(journal: Journal) -> None:
    """What does not come again is confirmed, what the poll brought is not."""
    await append(journal, tap(10), tap(11))
    assert await append(journal, tap(12)) == 1
    assert await append(journal, tap(12)) == 0
    assert set(await seqs(journal)) == {10, 11, 12}


async def test_an_id_that_comes_again_after_confirmation_is_a_new_update(journal: Journal) -> None:
    """Telegram restarts ids at random, so a confirmed id may be used again, pending or done before."""
    await append(journal, tap(10))
    await append(journal)
    assert await append(journal, tap(10, data="new"), at=NOW + SECOND) == 1
    assert [entry.update["callback_query"].get("data") for entry in await pending(journal)] == [None, "new"]


async def test_another_update_under_an_unconfirmed_id_is_no_redelivery(journal: Journal) -> None:
    """After a restart against a server whose ids began anew, nothing is taken for what it is not."""
    await append(journal, tap(10, data="old"))
    await journal.finish((await seqs(journal)).values())
    assert await append(journal, tap(10, data="new"), tap(3)) == 2
    assert [entry.update["callback_query"].get("data") for entry in await pending(journal)] == ["new", None]


async def test_ids_that_restart_lower_are_accepted_with_the_confirming_poll(journal: Journal) -> None:
    """The poll that confirms high ids may already bring low ones; they are kept."""
    await append(journal, tap(1_000_000))
    assert await append(journal, tap(5)) == 1
    assert await append(journal) == 0
    assert set(await seqs(journal)) == {1_000_000, 5}


@pytest.mark.parametrize(
    "extra", [{}, *({"update_id": value} for value in (None, "7", True, 1.5, 2**63, 2**63 - 1))]
)
async def test_an_update_without_a_usable_id_is_one_dead_letter(
    journal: Journal, extra: dict[str, Any]
) -> None:
    """It can never be confirmed and comes again with every poll: one copy is kept, nothing is processed."""
    odd = {"callback_query": {}, **extra}
    assert await append(journal, odd, tap(10), odd) == 2
    assert await append(journal, odd) == 0
    assert await append(journal, odd) == 0
    assert set(await seqs(journal)) == {10}
    state = await journal.state()
    assert (state.pending, state.dead, state.dead_taps) == (1, 1, 1)


@pytest.mark.parametrize("odd", [None, 7, "text", [1], []])
async def test_what_is_no_object_is_a_dead_letter_too(journal: Journal, odd: object) -> None:
    """It counts among the dead, not among the taps."""
    await append(journal, odd)
    state = await journal.state()
    assert (state.pending, state.dead, state.dead_taps) == (0, 1, 0)


async def test_negative_and_extreme_ids(journal: Journal) -> None:
    """Every 64-bit id above which there is room for an offset is one."""
    assert await append(journal, tap(-(2**63)), tap(2**63 - 2)) == 2
    assert await append(journal) == 0


async def test_failed_tries_are_counted_until_burial(journal: Journal) -> None:
    """A failed entry stays pending with one more attempt; buried it is not tried again."""
    await append(journal, tap(10), tap(11))
    position = (await seqs(journal))[10]
    await journal.failed(position, "defect", give_up=False)
    await journal.failed(position, "defect", give_up=False)
    assert [(e.seq, e.attempts) for e in await pending(journal) if e.attempts] == [(position, 2)]
    await journal.failed(position, "defect", give_up=True)
    assert set(await seqs(journal)) == {11}
    assert await journal.state() == JournalState(1, 1, 1, NOW, NOW)
    await append(journal, tap(10))
    assert set(await seqs(journal)) == {11}


async def test_the_newest_dead_letters_are_kept(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their number is bounded, so that poison cannot fill the disk."""
    monkeypatch.setattr(journals, "MAX_DEAD_LETTERS", 3)
    await append(journal, *(tap(n) for n in range(10, 16)))
    await append(journal)
    positions = await seqs(journal)
    for n in range(10, 15):
        await journal.failed(positions[n], "defect", give_up=True)
    state = await journal.state()
    assert (state.pending, state.dead) == (1, 3)
    kept = {entry.update["update_id"] for entry in (await journal.taps(10)).dead}
    assert kept == {12, 13, 14}


async def test_dead_letters_without_id_are_bounded_too(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Updates that never had a usable id obey the same bound."""
    monkeypatch.setattr(journals, "MAX_DEAD_LETTERS", 3)
    for n in range(10):
        await append(journal, {"odd": n})
    assert (await journal.state()).dead == 3


async def test_unanswered_taps(journal: Journal) -> None:
    """Taps received before the instant, unprocessed and unanswered, oldest first; messages are none."""
    await append(journal, tap(10), message(11), at=NOW)
    await append(journal, tap(12), at=NOW + SECOND)
    await append(journal, tap(13), tap(14), at=NOW + 2 * SECOND)

    async def waiting(before: datetime, limit: int = 10) -> list[int]:
        return [e.update["update_id"] for e in await journal.unanswered(after=0, before=before, limit=limit)]

    assert await waiting(NOW) == []
    assert await waiting(NOW + timedelta(milliseconds=1)) == [10]
    assert await waiting(NOW + 9 * SECOND) == [10, 12, 13, 14]
    assert await waiting(NOW + 9 * SECOND, limit=2) == [10, 12]
    positions = await seqs(journal)
    await journal.mark_answered([positions[10]])
    await journal.finish([positions[12]])
    await journal.failed(positions[13], "defect", give_up=True)
    assert await waiting(NOW + 9 * SECOND) == [14]
    assert [e.answered for e in await pending(journal) if e.seq == positions[10]] == [True]


async def test_facts(journal: Journal) -> None:
    """Small numbers are set and replaced with a poll, and forgotten if they did not change meanwhile."""
    await journal.append([], polled_at=NOW, facts={"a": 1, "b": 2})
    await journal.append([], polled_at=NOW, facts={"a": 3})
    await journal.forget("a", 1)
    await journal.forget("b", 2)
    facts = await journal.facts()
    assert (facts["a"], "b" in facts, facts["last_poll_ms"]) == (3, False, NOW_MS)


async def test_what_is_pushed_is_kept_each_time(journal: Journal) -> None:
    """It is acknowledged, so what comes again all the same is an entry of its own; done, it is forgotten."""
    await journal.receive([tap(10), tap(11)], received_at=NOW)
    await journal.receive([tap(10), {"odd": 1}], received_at=NOW + SECOND)
    entries = await pending(journal)
    assert [(entry.update, entry.received_at) for entry in entries] == [
        (tap(10), NOW),
        (tap(11), NOW),
        (tap(10), NOW + SECOND),
    ]
    assert (await journal.state()).dead == 1
    await journal.finish([entry.seq for entry in entries])
    assert await pending(journal) == []


async def test_pages_behind_a_position(journal: Journal) -> None:
    """Each page begins behind the last one; by their positions entries are found as long as they wait."""
    await append(journal, *(tap(number) for number in range(7)))
    pages, after = [], 0
    while page := await journal.pending(after=after, limit=3):
        pages.append([entry.update["update_id"] for entry in page])
        after = page[-1].seq
    assert pages == [[0, 1, 2], [3, 4, 5], [6]]
    await append(journal, tap(7))
    [eighth] = await journal.pending(after=after, limit=3)
    assert eighth.update == tap(7)
    positions = await seqs(journal)
    await journal.finish([positions[1]])
    found = await journal.entries([positions[2], positions[1], eighth.seq, 10**9])
    assert [entry.update["update_id"] for entry in found] == [2, 7]
    assert await journal.entries([]) == []


async def test_positions_are_never_used_again(journal: Journal) -> None:
    """A new entry stands behind all former ones, also when these are gone."""
    await append(journal, tap(10))
    position = (await seqs(journal))[10]
    await journal.finish([position])
    await append(journal)
    await append(journal, tap(11))
    assert (await seqs(journal))[11] > position


async def test_what_was_in_another_journal_is_taken_in(journal: Journal) -> None:
    """With its time, its tries and its answer; Telegram has forgotten it."""
    await append(journal, tap(1))
    theirs = [
        Entry(7, NOW - SECOND, tap(10), answered=True, attempts=2),
        Entry(9, NOW, message(11), answered=False, attempts=0),
    ]
    await journal.adopt(theirs)
    await append(journal, tap(1))
    entries = await pending(journal)
    assert [entry.update["update_id"] for entry in entries] == [1, 10, 11]
    taken = [(it.received_at, it.update, it.answered, it.attempts) for it in entries[1:]]
    assert taken == [(it.received_at, it.update, it.answered, it.attempts) for it in theirs]
    await journal.finish([entry.seq for entry in entries])
    assert (await journal.state()).pending == 0


async def test_a_person_s_updates(journal: Journal) -> None:
    """What is not forgotten is shown; dead letters from before a deletion are blanked, and still count."""
    senders = {1: ANA, 2: ANA, 3: BEN, 4: ANA}
    await append(journal, *(tap(number, **{"from": {"id": who}}) for number, who in senders.items()))
    await append(journal)
    positions = await seqs(journal)
    for number in (1, 3, 4):
        await journal.failed(positions[number], "defect with a word", give_up=True)
    states = [(it["update"]["update_id"], it["state"]) for it in await journal.of_user(ANA)]
    assert states == [(1, "could not be processed"), (2, "waiting"), (4, "could not be processed")]
    assert await journal.senders_of_dead_letters() == {ANA, BEN}
    await journal.forget_user(ANA, NOW - SECOND)  # before it came
    assert len(await journal.of_user(ANA)) == 3
    await journal.forget_user(ANA, NOW)
    assert [it["state"] for it in await journal.of_user(ANA)] == ["waiting"]
    assert await journal.senders_of_dead_letters() == {BEN}
    await journal.finish([positions[2]])
    assert await journal.of_user(ANA) == []
    assert (await journal.state()).dead == 3


async def test_the_taps_for_the_figures(journal: Journal) -> None:
    """The oldest that wait, how many more, and those that were given up."""
    await append(journal, tap(1), message(2), tap(3), tap(4), tap(5), {"callback_query": {}})
    await journal.failed((await seqs(journal))[3], "defect", give_up=True)
    taps = await journal.taps(2)
    assert [entry.update["update_id"] for entry in taps.pending] == [1, 4]
    assert (taps.more, len(taps.dead), taps.dead_letters) == (1, 2, 2)


async def test_a_noted_loss(journal: Journal) -> None:
    """Numbers go on above what is missing, and who gave it may have tapped in vain."""
    await append(journal, tap(1))
    await journal.note_loss(JournalLoss(2, 40))
    facts = await journal.facts()
    assert read_loss(facts) == (JournalLoss(2, 40), NOW)
    assert facts[GAP_FACT] == to_ms(NOW + TAP_LIFETIME)
    await append(journal, tap(1), tap(2))
    assert (await seqs(journal))[2] > 40


async def test_it_can_be_tried(journal: Journal) -> None:
    """That it takes something is tried by writing; nothing is to be seen of it afterwards."""
    await journal.check_writable()
    assert await journal.state() == JournalState(0, 0, 0, None)
    assert await journal.damage() is None
    assert await journal.is_kept()


async def test_what_mongodb_could_not_hold(journal: Journal) -> None:
    """Half characters, zeros in names, numbers of any size, dots and dollars: as they came."""
    odd = tap(1, data="\ud800 \x00 \u00fc", **{"$set": {"a.b": 10**30, "n\x00": 1.5}, "list": [[[None]]]})
    await append(journal, odd)
    await journal.mark_answered((await seqs(journal)).values())  # so that it is read anew
    [entry] = await pending(journal)
    assert entry.update == odd
