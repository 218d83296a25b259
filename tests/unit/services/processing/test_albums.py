"""Parts of albums are held back until they are whole."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from bot.core.telegram.action_payloads import Action, format_action
from bot.core.telegram.updates import CommandUpdate, NoteUpdate, Tap, TappedMessage, TapUpdate
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.services.processing.albums import Albums, ReadEntry
from bot.store.inbox.journal import Entry, Journal
from tests.support.fakes import NOW, Time


class Books:
    """A journal that remembers what is finished, and what is given up."""

    def __init__(self) -> None:
        self.finished: list[int] = []
        self.dead: list[int] = []

    async def finish(self, seqs: list[int]) -> None:
        """Nothing is left to do for these."""
        self.finished += seqs

    async def mark_answered(self, seqs: list[int]) -> None:
        """Not asked for here."""

    async def failed(self, seq: int, reason: str, *, give_up: bool) -> None:
        """It is kept aside."""
        assert reason
        assert give_up
        self.dead.append(seq)


class Desk:
    """Albums, with the journal behind them."""

    def __init__(self) -> None:
        self.books, self.time = Books(), Time()
        self.acknowledgements = Acknowledgements(cast(Journal, self.books))
        self.albums = Albums(self.acknowledgements, self.time.monotonic)

    async def finished(self) -> list[int]:
        """What the journal has forgotten."""
        await self.acknowledgements.settle()
        return sorted(self.books.finished)


def entry(seq: int) -> Entry:
    """At a position of the journal."""
    return Entry(seq, NOW, {}, answered=False, attempts=0)


def part(seq: int, text: str | None = None, album: str | None = "a", *, user: int = 7) -> ReadEntry:
    """A photo, at a position of the journal that is also its message's id."""
    note = NoteUpdate(
        seq, user, user, is_private=True, message_id=seq, text=text, replied_to=2, payloads=(), is_edit=False,
        album=album,
    )  # fmt: skip
    return entry(seq), note


def tap(seq: int, data: str, *, user: int = 7) -> ReadEntry:
    """A button."""
    tapped = Tap(seq, "q", user, None, user, 1, NOW, data, NOW)
    return entry(seq), TapUpdate(tapped, TappedMessage(None, [], []))


def shown(ready: list[ReadEntry]) -> list[tuple[int, str | None]]:
    """Positions and texts of what is processed."""
    return [(place.seq, cast(NoteUpdate, update).text) for place, update in ready]


async def test_an_album_is_one_note_once_it_is_whole() -> None:
    """Over several pages, among others; its entries are finished together."""
    desk = Desk()
    single = part(2, "alone", None)
    command = entry(3), CommandUpdate(3, 7, 7, is_private=True, name="help", argument="")
    assert desk.albums.gather([part(1), single, command]) == [single, command]
    desk.time.advance(1)
    assert desk.albums.gather([part(4, "left"), part(5, "right")]) == []
    assert desk.albums.are_open
    desk.time.advance(1.4)
    assert desk.albums.gather([]) == []
    desk.time.advance(0.1)
    assert shown(desk.albums.gather([])) == [(5, "left\nright")]
    assert desk.albums.gather([]) == []
    assert await desk.finished() == []
    desk.acknowledgements.finished(5)
    assert await desk.finished() == [1, 4, 5]


async def test_albums_of_different_people_and_names_are_different() -> None:
    """Telegram's names of albums are taken for no more than they are."""
    desk = Desk()
    desk.albums.gather([part(1, "a"), part(2, "b", "b"), part(3, "c", user=8)])
    desk.time.advance(2)
    assert sorted(shown(desk.albums.gather([]))) == [(1, "a"), (2, "b"), (3, "c")]


async def test_ten_are_all() -> None:
    """Then nothing is waited for."""
    desk = Desk()
    ready = desk.albums.gather([part(number, str(number)) for number in range(1, 11)])
    assert shown(ready) == [(10, "\n".join(map(str, range(1, 11))))]


async def test_one_that_is_given_up_is_given_up_whole() -> None:
    """No caption is forgotten for a defect."""
    desk = Desk()
    desk.albums.gather([part(1, "left"), part(2, "right")])
    desk.time.advance(2)
    desk.albums.gather([])
    await desk.acknowledgements.failed(2, "a defect", give_up=True)
    assert sorted(desk.books.dead) == [1, 2]
    assert await desk.finished() == []


async def test_what_comes_late() -> None:
    """Without words it says nothing new; with words the note is said anew; an edit is an edit."""
    desk = Desk()
    desk.albums.gather([part(1, "left")])
    desk.time.advance(2)
    assert shown(desk.albums.gather([])) == [(1, "left")]
    assert desk.albums.gather([part(2)]) == []
    assert await desk.finished() == [2]
    assert shown(desk.albums.gather([part(3, "right")])) == [(3, "left\nright")]
    place, note = part(4, "Left")
    edit = replace(cast(NoteUpdate, note), message_id=1, is_edit=True)
    ((_, changed),) = desk.albums.gather([(place, edit)])
    assert (cast(NoteUpdate, changed).text, cast(NoteUpdate, changed).is_edit) == ("Left\nright", True)
    desk.time.advance(61)
    assert shown(desk.albums.gather([(place, edit)])) == [(4, "Left")]


async def test_an_edit_of_a_part_that_waits() -> None:
    """It takes its place."""
    desk = Desk()
    place, note = part(1, "left")
    edit = replace(cast(NoteUpdate, note), update_id=2, text="right", is_edit=True)
    desk.albums.gather([(place, note), (entry(2), edit)])
    desk.time.advance(2)
    ((_, whole),) = desk.albums.gather([])
    assert (cast(NoteUpdate, whole).text, cast(NoteUpdate, whole).is_edit) == ("right", False)


def edited(seq: int, message_id: int, text: str, *, user: int = 7) -> ReadEntry:
    """Another caption below a photo that was sent before."""
    place, note = part(seq, text, user=user)
    return place, replace(cast(NoteUpdate, note), message_id=message_id, is_edit=True)


@pytest.mark.parametrize("is_one_page", [True, False])
async def test_the_words_of_who_had_all_deleted_are_forgotten(is_one_page: bool) -> None:
    """An edit afterwards says its own words; the albums of others are remembered."""
    desk = Desk()
    desk.albums.gather([part(1, "left"), part(2, "right"), part(3, "one", user=8), part(4, "two", user=8)])
    desk.time.advance(2)
    assert len(desk.albums.gather([])) == 2
    confirmed = tap(5, format_action(Action.FORGET))
    edits = [edited(6, 1, "Left"), edited(7, 3, "One", user=8)]
    if is_one_page:
        place, *ready = desk.albums.gather([confirmed, *edits])
    else:
        [place], ready = desk.albums.gather([confirmed]), desk.albums.gather(edits)
    assert place == confirmed
    assert shown(ready) == [(6, "Left"), (7, "One\ntwo")]


async def test_an_album_that_waits_ends_before_all_is_deleted() -> None:
    """Its words are said before, and so deleted; what comes of it later is on its own."""
    desk = Desk()
    confirmed = tap(2, format_action(Action.FORGET))
    before, after = desk.albums.gather([part(1, "left"), confirmed, part(3, "right")])
    assert (shown([before]), after) == ([(1, "left")], confirmed)
    desk.time.advance(2)
    assert shown(desk.albums.gather([])) == [(3, "right")]


@pytest.mark.parametrize("data", [format_action(Action.KEEP), "do|seen|x", "fb|x", ""])
async def test_other_buttons_end_no_album(data: str) -> None:
    """It waits on."""
    desk = Desk()
    other = tap(2, data)
    elses = tap(3, format_action(Action.FORGET), user=8)
    assert desk.albums.gather([part(1, "left"), other, elses, part(4, "right")]) == [other, elses]
    desk.time.advance(2)
    assert shown(desk.albums.gather([])) == [(4, "left\nright")]
