"""Pain until it is gone: what words about it come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.facts.questions import Detail, Place, Side
from bot.core.pain.episodes import (
    LAPSES_AFTER,
    Episode,
    PainWord,
    Spot,
    Verdict,
    episodes,
    open_episodes,
)

START = datetime(2026, 2, 16, 19, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TICK = timedelta(milliseconds=1)


def word(hours: float, place: Place | None = "knee", side: Side | None = "left", **more: Any) -> PainWord:
    """Something that is said so long after `START`."""
    return PainWord(at=START + hours * HOUR, update_id=int(hours * 10) + 1, place=place, side=side, **more)


def spots(all_: list[Episode]) -> list[tuple[Place | None, Side | None]]:
    """Where they hurt."""
    return [(it.spot.place, it.spot.side) for it in all_]


def still(*said: PainWord) -> list[Episode]:
    """What is open right after the last word."""
    return open_episodes(episodes(said), max(it.at for it in said))


def test_it_begins_goes_on_and_is_gone() -> None:
    """Each word moves the last time and the level; gone, it is closed, and what comes then is new."""
    said = [
        word(0, level=4),
        word(13, verdict=Verdict.SAME),
        word(37, verdict=Verdict.WORSE, level=6),
        word(61, verdict=Verdict.GONE),
        word(80, level=2),
    ]
    first, second = episodes(reversed(said))
    assert (first.since, first.told_at, first.closed_at) == (said[0].at, said[3].at, said[3].at)
    assert (first.level, first.before) == (0, 6)
    assert (second.since, second.closed_at, second.level) == (said[4].at, None, 2)
    assert [len(episodes(said[:number])) for number in range(6)] == [0, 1, 1, 1, 1, 2]
    going_on = episodes(said[:3])[0]
    assert (going_on.level, going_on.before) == (6, 4)


@pytest.mark.parametrize(
    ("first", "second", "open_"),
    [
        ("left", "left", [("knee", "left")]),
        ("left", "right", [("knee", "left"), ("knee", "right")]),
        ("left", "both", [("knee", "both")]),
        ("both", "left", [("knee", "both")]),
        (None, "left", [("knee", "left")]),
        ("left", None, [("knee", "left")]),
        (None, None, [("knee", None)]),
        ("both", None, [("knee", "both")]),
        (None, "both", [("knee", "both")]),
    ],
)
def test_sides(first: Side | None, second: Side | None, open_: list[tuple[Place, Side]]) -> None:
    """What can be the same is the same; both sides are one."""
    assert spots(still(word(0, side=first, level=3), word(1, side=second, level=3))) == open_


def test_one_of_both_sides_is_gone() -> None:
    """The other one still hurts; with it the episode is over."""
    both = word(0, side="both", level=5)
    assert spots(still(both, word(1, side="left", verdict=Verdict.GONE))) == [("knee", "right")]
    assert still(both, word(1, verdict=Verdict.GONE), word(2, side="right", verdict=Verdict.GONE)) == []
    assert still(both, word(1, side=None, verdict=Verdict.GONE)) == []


def test_places_are_apart() -> None:
    """The hip is not the knee; what has no place yet is by itself, until it has one."""
    assert spots(still(word(0, "hip", level=3), word(1, level=5))) == [("knee", "left"), ("hip", "left")]
    assert spots(still(word(0, None, None), word(1, level=5))) == [("knee", "left"), (None, None)]
    assert spots(still(word(0, None, None), word(1, None, None))) == [(None, None)]


@pytest.mark.parametrize(
    "said", [{"level": 0}, {"verdict": Verdict.GONE}, {"verdict": Verdict.GONE, "level": 5}]
)
def test_no_pain_is_no_episode(said: dict[str, Any]) -> None:
    """Nor is it one that was gone before it was told."""
    assert episodes([word(0, **said)]) == []


def test_words_for_another_place_stay() -> None:
    """Until others are said."""
    [episode] = still(word(0, "other", None, words="the sole"), word(1, "other", None, level=3))
    assert (episode.words, episode.level) == ("the sole", 3)


def test_what_nobody_speaks_of_lapses() -> None:
    """After exactly four weeks it is not open any more, and a later word is a new episode."""
    silent = word(0, level=4)
    [episode] = episodes([silent])
    assert episode.is_open(START + LAPSES_AFTER - TICK)
    assert not episode.is_open(START + LAPSES_AFTER)
    in_time, late = (LAPSES_AFTER - TICK) / HOUR, LAPSES_AFTER / HOUR
    assert len(episodes([silent, word(in_time, level=4)])) == 1
    again = episodes([silent, word(late, level=4)])
    assert [it.since for it in again] == [START, START + LAPSES_AFTER]
    assert len(open_episodes(again, START + LAPSES_AFTER)) == 1


def test_names_tell_episodes_apart() -> None:
    """And are the same however often they are made anew."""
    said = [word(0, level=4), word(1, "hip", level=4), word(2, verdict=Verdict.GONE), word(3, level=4)]
    names = [it.name for it in episodes(said)]
    assert len(set(names)) == 3
    more = [*said, word(4, verdict=Verdict.WORSE), word(5, "back", None, level=1)]
    assert [it.name for it in episodes(more)][:3] == names


PLACES = st.sampled_from(["knee", "hip", "back", "other", None])
WORDS = st.builds(
    PainWord,
    at=st.integers(0, 60 * 24).map(lambda hours: START + hours * HOUR),
    update_id=st.integers(1, 1000),
    place=PLACES,
    side=st.sampled_from([None, *Detail.SIDE.facts.choices]),
    level=st.none() | st.integers(0, 10),
    verdict=st.none() | st.sampled_from(Verdict),
)


@given(st.lists(WORDS, max_size=25), st.randoms())
def test_what_always_holds(said: list[PainWord], random: Any) -> None:
    """In whatever order words come; no spot has two open episodes; nothing is made up."""
    found = episodes(said)
    now = max((it.at for it in said), default=START)
    shuffled = sorted(said, key=lambda it: (it.at, it.update_id))
    by_time = {(it.at, it.update_id): it for it in shuffled}
    if len(by_time) == len(said):
        random.shuffle(shuffled)
        assert episodes(shuffled) == found
    open_ = open_episodes(found, now)
    for number, episode in enumerate(open_):
        assert not any(episode.spot.touches(other.spot) for other in open_[number + 1 :])
        assert episode.closed_at is None
    times = {it.at for it in said}
    for episode in found:
        assert episode.since <= episode.told_at <= now
        assert {episode.since, episode.told_at} <= times
        assert episode.closed_at in (None, episode.told_at)
    hurting = [it for it in said if not it.is_gone]
    assert len(found) <= len(hurting)


@given(st.lists(WORDS, min_size=1, max_size=12))
def test_the_last_word_counts(said: list[PainWord]) -> None:
    """Where it says that it hurts, that is open, at its level; where it is gone, nothing is open there."""
    last = max(said, key=lambda it: (it.at, it.update_id))
    if [(it.at, it.update_id) for it in said].count((last.at, last.update_id)) > 1:
        return
    open_ = open_episodes(episodes(said), last.at)
    touched = [it for it in open_ if it.spot.touches(last.spot)]
    if last.is_gone and last.side is not None:
        assert touched == []
    elif not last.is_gone:
        assert any(it.told_at == last.at and last.level in (None, it.level) for it in touched)


@given(st.lists(WORDS, max_size=12))
def test_the_same_words_twice_change_nothing(said: list[PainWord]) -> None:
    """They are the same words."""
    again = episodes([*said, *said])
    assert [(it.spot, it.since, it.closed_at) for it in open_episodes(again, START + 60 * DAY)] == [
        (it.spot, it.since, it.closed_at) for it in open_episodes(episodes(said), START + 60 * DAY)
    ]


def test_a_spot_says_whether_it_touches() -> None:
    """Sides that were not said may be either."""
    assert Spot("knee", "left").touches(Spot("knee"))
    assert not Spot("knee", "left").touches(Spot("knee", "right"))
    assert not Spot("knee").touches(Spot("hip"))
