"""What rings, and what is put into the message that has rung."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Place, Side
from bot.core.pain.alerting import GATHERED_WITHIN, HURTS, SEVERE, Showing, ToldPain, read_told, rings
from bot.core.pain.episodes import Spot

RANG = datetime(2026, 2, 16, 19, tzinfo=UTC)
TICK = timedelta(milliseconds=1)
LATER = RANG + GATHERED_WITHIN


def pain(place: Place | None, side: Side | None, level: int | None, note: str | None = None) -> ToldPain:
    """What is the case."""
    return ToldPain(Spot(place, side), level, note)


TOLD = pain("knee", "left", 4, "since km 3")


@pytest.mark.parametrize(
    ("now", "is_news"),
    [
        (TOLD, False),
        (pain("knee", "left", 5, "since km 3"), True),
        (pain("knee", "left", 3, "since km 3"), False),
        (pain("knee", "left", None, "since km 3"), False),
        (pain("hip", "left", 4, "since km 3"), True),
        (pain(None, None, 4, "since km 3"), False),
        (pain("knee", "both", 4, "since km 3"), True),
        (pain("knee", None, 4, "since km 3"), False),
        (pain("knee", "left", 4, "since km 3\nworse on stairs"), True),
        (pain("knee", "left", 4, "since km 4"), False),
        (pain("knee", "left", 4, None), False),
    ],
)
def test_what_matters(now: ToldPain, *, is_news: bool) -> None:
    """It rings from the minute on, to the millisecond; or at once, if what was told is seen."""
    assert rings(TOLD, now, sent_at=RANG, at=LATER, is_seen=False) is is_news
    assert rings(TOLD, now, sent_at=RANG, at=LATER - TICK, is_seen=True) is is_news
    assert not rings(TOLD, now, sent_at=RANG, at=LATER - TICK, is_seen=False)


@pytest.mark.parametrize("before", [None, 0, SEVERE - 1])
def test_what_is_severe_rings_at_once(before: int | None) -> None:
    """And once: what was severe before is gathered like the rest."""
    told = pain("knee", "left", before)
    for level in (SEVERE, 10):
        assert rings(told, pain("knee", "left", level), sent_at=RANG, at=RANG, is_seen=False)
    assert not rings(told, pain("knee", "left", SEVERE - 1), sent_at=RANG, at=RANG, is_seen=False)
    worst = pain("knee", "left", 10)
    assert not rings(pain("knee", "left", SEVERE), worst, sent_at=RANG, at=RANG, is_seen=False)


@pytest.mark.parametrize("told", [TOLD, pain(None, None, None), pain("back", None, 0, "x")])
def test_what_was_told_is_kept(told: ToldPain) -> None:
    """As a document, and read back; what others leave there is nothing."""
    document = Showing("<b>Ana</b>", told).to_document(is_new=True)
    assert read_told(document) == Showing("<b>Ana</b>", told)
    assert document["isNew"] is True
    assert [read_told(junk) for junk in (None, "x", {}, {"text": 3})] == [None] * 4


def test_a_report_alerts_as_pain_does() -> None:
    """It is told under the same sign."""
    assert HURTS is FeedbackType.PAIN
