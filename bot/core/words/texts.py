"""What is said to words that were kept (HTML)."""

from __future__ import annotations

from bot.core.i18n.formats import weekday_and_date
from bot.core.i18n.language import Language
from bot.core.shared.formatting import MAX_TITLE, escape_line
from bot.core.words.sessions import SpokenSession


def noted_with(session: SpokenSession, language: Language) -> str:
    """That a note was kept, and with which session."""
    return language.texts.words.noted_with.format(session=session_name(session, language))


def session_name(session: SpokenSession, language: Language) -> str:
    """A session by its title and day, as far as they are known."""
    title = None if session.title is None else f"<b>{escape_line(session.title, MAX_TITLE)}</b>"
    if session.day is None:
        return title or f"<b>{escape_line(session.session_id, MAX_TITLE)}</b>"
    day = weekday_and_date(session.day, language)
    if title is None:
        return language.texts.words.session_of.format(day=day)
    return f"{title} ({day})"
