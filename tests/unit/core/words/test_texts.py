"""What is said to words that were kept."""

from __future__ import annotations

from datetime import date

import pytest

from bot.core.i18n.language import Language
from bot.core.words.sessions import SpokenSession
from bot.core.words.texts import session_name


@pytest.mark.parametrize(
    ("title", "day", "name"),
    [
        ("Tempo <3>\n x", date(2026, 2, 16), "<b>Tempo &lt;3&gt; x</b> (Monday 16 February)"),
        (None, date(2026, 2, 16), "the session of Monday 16 February"),
        ("Tempo", None, "<b>Tempo</b>"),
        (None, None, "<b>tue-&amp;</b>"),
    ],
)
def test_the_name_of_a_session(title: str | None, day: date | None, name: str) -> None:
    """By title and day, as far as they are known; nobody's words become formatting."""
    session = SpokenSession("r", "tue-&", title, day, None, None)
    assert session_name(session, Language.EN) == name
