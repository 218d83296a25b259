"""What is well, what is broken, and what admins are told of it, each at its boundary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from bot.core.health.admin_alert_texts import _broken, _well, alert, duration
from bot.core.health.vitals import (
    DRAINED_WITHIN,
    POLLED_WITHIN,
    AlertBounds,
    Broke,
    DeadLettersGrew,
    Part,
    PartAlert,
    PartFinding,
    PartHistory,
    Recovered,
    Vitals,
    broken,
    decide,
    examine,
    newly_dead,
)
from bot.core.i18n.catalog import AdminAlertTexts
from bot.core.i18n.language import Language

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
MS = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
BOUNDS = AlertBounds(timedelta(seconds=30), timedelta(seconds=40), timedelta(minutes=30))
WELL = Vitals(NOW, answers=True, is_writable=True, last_poll=NOW, pending=0, dead_letters=0)


def test_all_is_well() -> None:
    """Every part is judged, and none is broken."""
    findings = examine(WELL)
    assert {finding.part for finding in findings} == set(Part)
    assert broken(findings) == ()


@pytest.mark.parametrize(
    ("vitals", "parts"),
    [
        (replace(WELL, last_poll=NOW - POLLED_WITHIN), ()),
        (replace(WELL, last_poll=NOW - POLLED_WITHIN - MS), (Part.TELEGRAM,)),
        (replace(WELL, last_poll=None), (Part.TELEGRAM,)),
        (replace(WELL, answers=False), (Part.MONGODB,)),
        (replace(WELL, is_writable=False), (Part.JOURNAL,)),
        (replace(WELL, pending=1, oldest_pending=NOW - DRAINED_WITHIN), ()),
        (replace(WELL, pending=1, oldest_pending=NOW - DRAINED_WITHIN - MS), (Part.BACKLOG,)),
        # The clock was set back: nothing has waited for less than no time.
        (replace(WELL, pending=1, oldest_pending=NOW + SECOND), ()),
        # While MongoDB is away, that alone is to be told.
        (replace(WELL, answers=False, pending=1, oldest_pending=NOW - timedelta(days=1)), (Part.MONGODB,)),
        # A journal that cannot be read says nothing of polls and of what waits.
        (Vitals(NOW, answers=True, is_writable=False), (Part.JOURNAL,)),
    ],
)
def test_what_is_broken(vitals: Vitals, parts: tuple[Part, ...]) -> None:
    """Each part breaks just behind its bound, and alone."""
    assert broken(examine(vitals)) == parts


def test_since_when() -> None:
    """A part is broken since its last good moment, where that is known."""
    polled, received = NOW - timedelta(minutes=5), NOW - timedelta(minutes=7)
    vitals = replace(WELL, last_poll=polled, pending=1, oldest_pending=received)
    since = {finding.part: finding.since for finding in examine(vitals) if not finding.is_well}
    assert since == {Part.TELEGRAM: polled, Part.BACKLOG: received}


# Courses and news


def follow(*looks: tuple[float, bool], course: PartHistory | None = None) -> PartHistory:
    """A course after looks at so many seconds from NOW, with what each found."""
    course = course or PartHistory()
    for seconds, is_well in looks:
        finding = PartFinding(Part.MONGODB, is_well)
        course = course.after(finding, NOW + timedelta(seconds=seconds), BOUNDS)
    return course


def news(course: PartHistory, seconds: float, told: PartAlert | None = None) -> Broke | Recovered | None:
    """What is told so many seconds from NOW."""
    return decide(Part.MONGODB, course, told or PartAlert(), NOW + timedelta(seconds=seconds), BOUNDS)


def test_broken_is_told_at_its_bound() -> None:
    """Not a millisecond before it has been broken for half a minute without a break."""
    course = follow((0, True), (5, False), (20, False))
    assert news(course, 34.999) is None
    assert news(course, 35) == Broke(Part.MONGODB, NOW + timedelta(seconds=5))


def test_a_short_outage_is_not_told() -> None:
    """Neither that it broke nor that it is well again."""
    course = follow((0, True), (5, False), (34, True))
    assert news(course, 34) is None
    assert news(course, 500) is None


def test_well_again_is_told_at_its_bound() -> None:
    """With since when it was broken and until when, by the message that was sent."""
    course = follow((0, False), (30, False), (100, True))
    told = PartAlert(NOW, NOW + timedelta(seconds=30))
    assert news(course, 139.999, told) is None
    assert news(course, 140, told) == Recovered(Part.MONGODB, NOW, NOW + timedelta(seconds=100))
    assert news(course, 140) is None  # nobody was told that it broke


def test_a_restart_tells_nothing_again() -> None:
    """What was told before counts: still broken is no news, and well again is told once."""
    told = PartAlert(NOW - timedelta(hours=1), NOW - timedelta(minutes=59))
    assert news(follow((0, False)), 1000, told) is None
    recovered = news(follow((0, True)), 40, told)
    assert recovered == Recovered(Part.MONGODB, NOW - timedelta(hours=1), NOW)
    assert news(follow((0, True)), 39.999, told) is None


def test_a_short_recovery_does_not_end_a_trouble() -> None:
    """It began when it began, and being told of its end waits until it lasts."""
    course = follow((0, True), (5, False), (60, True), (99, False))
    assert course.broken_since == NOW + timedelta(seconds=5)
    assert news(course, 129, PartAlert(NOW, NOW)) is None
    course = follow((0, True), (5, False), (60, True), (100, False))
    assert course.broken_since == NOW + timedelta(seconds=100)


def test_flapping_is_at_most_one_pair_in_half_an_hour() -> None:
    """A part that breaks for two minutes in every four, for three hours."""
    course, told, said = PartHistory(), PartAlert(), []
    for seconds in range(0, 3 * 3600, 5):
        now = NOW + timedelta(seconds=seconds)
        course = course.after(PartFinding(Part.MONGODB, is_well=seconds // 120 % 2 == 0), now, BOUNDS)
        match item := decide(Part.MONGODB, course, told, now, BOUNDS):
            case Broke():
                told = PartAlert(item.since, now)
            case Recovered():
                told = PartAlert(None, told.told_at)
        if item is not None:
            said.append((seconds, type(item)))
    starts = [seconds for seconds, kind in said if kind is Broke]
    assert [kind for _, kind in said] == [Broke, Recovered] * len(starts)
    assert len(starts) == 6
    assert min(later - first for first, later in pairwise(starts)) >= 1800


def test_apart_at_its_bound() -> None:
    """The next message that it is broken comes half an hour after the last one, if it is so then."""
    told = PartAlert(None, NOW)
    course = follow((1000, False))
    assert news(course, 1799.999, told) is None
    assert news(course, 1800, told) == Broke(Part.MONGODB, NOW + timedelta(seconds=1000))


def test_unknown_is_no_news() -> None:
    """Nothing is told of a part that nobody has seen."""
    assert news(PartHistory(), 1000) is None
    assert news(PartHistory(), 1000, PartAlert(NOW, NOW)) is None


def test_dead_letters() -> None:
    """Only those that are new, and at most every half hour."""
    later = NOW + BOUNDS.apart
    assert newly_dead(0, 0, None, NOW, BOUNDS) == 0
    assert newly_dead(3, 0, None, NOW, BOUNDS) == 3
    assert newly_dead(5, 3, NOW, later - MS, BOUNDS) == 0
    assert newly_dead(5, 3, NOW, later, BOUNDS) == 2
    assert newly_dead(2, 3, NOW, later, BOUNDS) == 0


# Texts


def fields(text: str) -> set[str]:
    """The values that a text takes."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("text_of", [_broken, _well])
def test_every_part_has_its_text(text_of: Callable[[Part, AdminAlertTexts], str]) -> None:
    """Its own, in every language, with the same values."""
    for language in Language:
        texts = {part: text_of(part, language.texts.admin_alerts) for part in Part}
        assert len(set(texts.values())) == len(Part)
        for part, text in texts.items():
            assert fields(text) == fields(text_of(part, Language.EN.texts.admin_alerts))
            assert "since" in fields(text)


@pytest.mark.parametrize("part", Part)
@pytest.mark.parametrize(("language", "cure"), [(Language.EN, "What to do:"), (Language.ES, "Qué hacer:")])
def test_a_message_says_what_to_do(part: Part, language: Language, cure: str) -> None:
    """With the time in the given zone; and the all-clear says since when and how long."""
    madrid = ZoneInfo("Europe/Madrid")
    text = alert([Broke(part, NOW)], language, madrid)
    assert cure in text
    assert "19:42" in text
    text = alert([Recovered(part, NOW, NOW + timedelta(minutes=14))], language, madrid)
    assert "19:42" in text
    assert "19:56" in text
    assert "14 min" in text


def test_the_message_about_dead_letters() -> None:
    """With their number, and beside other news."""
    assert "1 update from" in alert([DeadLettersGrew(1)], Language.EN, UTC)
    assert "2 actualizaciones de" in alert([DeadLettersGrew(2)], Language.ES, UTC)
    both = alert([Broke(Part.JOURNAL, NOW), DeadLettersGrew(2)], Language.EN, UTC)
    assert both.count("What to do") == 2


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 0 min"),
        (47 * 3600 + 3599, "47 h 59 min"), (48 * 3600, "2 d 0 h"), (76 * 3600, "3 d 4 h"),
    ],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    """Two units at most."""
    assert duration(timedelta(seconds=seconds)) == text


def test_who_stands_by_knows_of_polls_from_mongodb_alone() -> None:
    """While that is away nobody tells that Telegram is polled, so nothing is said about it; else it is."""
    old = replace(WELL, last_poll=WELL.at - timedelta(hours=1), stands_by=True)
    assert {finding.part for finding in examine(replace(old, answers=False))} == {Part.MONGODB, Part.JOURNAL}
    assert Part.TELEGRAM in broken(examine(old))
    assert Part.TELEGRAM in broken(examine(replace(old, stands_by=False, answers=False)))


def test_a_mongodb_that_has_the_journal() -> None:
    """Its outage is one trouble; that the journal takes nothing although it answers is another."""
    away = Vitals(NOW, answers=False, is_writable=False, has_journal=True)
    assert broken(examine(away)) == (Part.MONGODB,)
    denied = Vitals(NOW, answers=True, is_writable=False, has_journal=True)
    assert broken(examine(denied)) == (Part.JOURNAL,)
