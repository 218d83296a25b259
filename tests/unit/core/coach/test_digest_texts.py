"""What the coach reads fits one message, whatever is in it, and can be replied to line by line."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot.core.coach import digest_texts
from bot.core.coach.digest import AthleteDay, Digest, Silence
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete, ContactHours, Pause
from bot.core.shared.formatting import MAX_MESSAGE, units
from bot.core.summary.sessions import SessionState
from bot.core.telegram.refusals import Refusal
from bot.sandbox.text import parse_html
from tests.unit.core.coach.test_digest import DAY, NOW, OPEN, UTC_ZONE, session

LONG = "Very long <b>name</b> & more 🏃" * 10


def day(number: int) -> AthleteDay:
    """An athlete with much to tell."""
    states: list[FeedbackType | SessionState] = [FeedbackType.PAIN, FeedbackType.HARD, OPEN]
    sessions = tuple(
        session(
            state, DAY * place, session_id=f"s{place}", planned={"activity": LONG}, note=LONG * 5,
            extras={"rpe": 9, "pain": {"where": "knee", "level": 6}},
        )
        for place, state in enumerate(states)
    )  # fmt: skip
    athlete = Athlete(f"a{number}", 1_000_000_000 + number, None, ContactHours(UTC_ZONE), LONG)
    return AthleteDay(
        *(athlete, f"{number} {LONG}", sessions, Silence(9, NOW.date() - timedelta(days=9))),
        pause=Pause(NOW, None),
        refusal=Refusal.BLOCKED,
    )


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("number", [0, 1, 3, 10, 40, 300])
def test_it_fits_one_message(number: int, language: Language) -> None:
    """Shortened to the signs, then to the first athletes; Telegram can read it, and every line names one."""
    digest = Digest(NOW.date(), [day(it) for it in range(number)], 3)
    for text in (digest_texts.digest(digest, language), digest_texts.silent(digest, language)):
        shown, entities = parse_html(text)
        assert 0 < units(shown) <= MAX_MESSAGE
        named = [it["url"] for it in entities if it.get("type") == "text_link"]
        assert len(named) == len(set(named)) >= min(number, 10)
    text = digest_texts.athlete(day(1), [session(OPEN, DAY)] * 90, [], NOW.date(), 3, language)
    assert units(parse_html(text)[0]) <= MAX_MESSAGE


def test_as_many_links_as_telegram_shows() -> None:
    """A line whose link Telegram drops cannot be replied to."""
    sessions = (session(FeedbackType.DONE, DAY),)
    many = [
        AthleteDay(Athlete(f"{it}", it, it, ContactHours(UTC_ZONE)), f"{it}", sessions) for it in range(250)
    ]
    digest = Digest(NOW.date(), many, 3)
    shown, entities = parse_html(digest_texts.digest(digest, Language.EN))
    assert len(entities) <= 100
    assert "201" in shown.splitlines()[-1]


def test_nobody() -> None:
    """And nothing to tell."""
    assert digest_texts.digest(Digest(NOW.date(), [], 3), Language.EN).endswith("There are no athletes yet.")
    quiet = [AthleteDay(Athlete(name, 1, 1, ContactHours(UTC_ZONE)), name) for name in ("Bo", "al")]
    text = digest_texts.digest(Digest(NOW.date(), quiet, 3), Language.EN)
    assert re.sub(r"<[^>]*>", "", text) == "📋 Monday 16 February\n\nNothing to tell: al, Bo"
