"""How long a pause lasts, as people write it, and what they are offered."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.core.i18n.language import Language
from bot.core.people.athlete import Pause
from bot.core.people.pauses import MAX_DAYS, OFFERED, choices, read_pause_end, running
from bot.core.telegram.action_payloads import Action, ActionTap, parse_action

NOW = datetime(2026, 2, 16, 23, 30, tzinfo=UTC)  # the 17th in Madrid, a Tuesday
MADRID = ZoneInfo("Europe/Madrid")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("  ", None),
        ("1", "2026-02-17T23:00"),
        ("7", "2026-02-23T23:00"),
        ("7 days", "2026-02-23T23:00"),
        ("1 Day", "2026-02-17T23:00"),
        ("3d", "2026-02-19T23:00"),
        ("2026-02-18", "2026-02-17T23:00"),
        ("2026-03-30", "2026-03-29T22:00"),
        (str(MAX_DAYS), "2027-02-17T23:00"),
        ("2027-02-18", "2027-02-17T23:00"),
        *(
            (text, None)
            for text in ("open", "until further notice", "Hasta nuevo aviso", "até segunda ordem")
        ),
        *((text, "2026-02-17T23:00") for text in ("tomorrow", "Mañana", "manana", "amanhã", "hasta mañana")),
        # The 17th is a Tuesday: the next one is in a week.
        *(
            (text, "2026-02-19T23:00")
            for text in ("friday", "Fri", "viernes", "el viernes", "sexta", "sexta-feira")
        ),
        *(
            (text, "2026-02-23T23:00")
            for text in ("tuesday", "hasta el martes", "até terça", "a week", "uma semana")
        ),
        *((text, "2026-02-17T23:00") for text in ("wednesday", "miercoles", "until WED")),
        *(
            (text, "2026-12-23T23:00")
            for text in ("24.12.", "24/12", "24.12", "24. 12. 2026", "24/12/2026", "hasta el 24/12")
        ),
        *((text, "2027-02-16T23:00") for text in ("17.2.", "17/02")),  # today's name: next year's
        ("18.2.", "2026-02-17T23:00"),
        *((text, "2026-03-02T23:00") for text in ("2 weeks", "2 semanas", "2 sem")),
        ("1.5", "2026-04-30T22:00"),
        ("3 días", "2026-02-19T23:00"),
        ("3 dias", "2026-02-19T23:00"),
    ],
)
def test_a_pause_ends_when_a_day_begins(text: str, expected: str | None) -> None:
    """A number of days, or a date, in the athlete's zone, where it may be tomorrow already."""
    end = read_pause_end(text, NOW, MADRID)
    assert end == (None if expected is None else datetime.fromisoformat(expected).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    ["0", "-1", "367", "99999", "2026-02-17", "2026-02-16", "2027-02-19", "2026-13-01", "20260301", "soon",
     "9999-12-31", "0001-01-01", "٧", "2026-W10-1", "12/24", "31.4.", "29.2.", "17.2.2026", "24/12/26",
     "3 cats", "friday 13", "until", "next friday"],
)  # fmt: skip
def test_what_is_no_end_of_a_pause(text: str) -> None:
    """Neither the past nor the far future, and the message says what to write."""
    with pytest.raises(ValueError, match=r"1 to 366, or the day on which it ends, such as 2026-02-24"):
        read_pause_end(text, NOW, MADRID)


def test_a_leap_day_is_years_ahead() -> None:
    """And then it is too far."""
    leap = datetime(2027, 5, 1, tzinfo=UTC)
    assert read_pause_end("29.2.", leap, MADRID) == datetime(2028, 2, 28, 23, tzinfo=UTC)


@pytest.mark.parametrize("language", Language)
def test_what_is_offered_is_understood(language: Language) -> None:
    """By its payload, and by what the button says."""
    buttons = [button for row in choices(language) for button in row]
    said = [parse_action(button["callback_data"]) for button in buttons]
    assert said == [ActionTap(Action.PAUSE, value) for value in OFFERED]
    for button, value in zip(buttons, OFFERED, strict=True):
        assert read_pause_end(button["text"], NOW, MADRID) == read_pause_end(value, NOW, MADRID)


def test_every_language_has_its_own_words() -> None:
    """No weekday of one is another day of another."""
    days = [
        {word for language in Language for word in language.texts.pauses.weekdays[number].split()}
        for number in range(7)
    ]
    assert sum(map(len, days)) == len(set().union(*days))


def test_a_running_pause() -> None:
    """It says how it ends."""
    until = datetime(2026, 2, 19, 23, tzinfo=UTC)
    assert "until Friday, 20 February 2026" in running(Pause(NOW, until), MADRID, Language.EN)
    assert "/resume" in running(Pause(NOW, None), MADRID, Language.EN)
