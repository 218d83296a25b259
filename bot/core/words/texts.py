"""What is said to words that were kept (HTML)."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.answers.texts import label
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.formats import listed, short_date, weekday_and_date
from bot.core.i18n.language import Language
from bot.core.shared.formatting import MAX_TITLE, clip, escape_line
from bot.core.words.sessions import SpokenSession

_MAX_BUTTON = 40


def noted(
    session: SpokenSession | None,
    offered: Sequence[FeedbackType],
    language: Language,
    *,
    is_open: bool = False,
) -> str:
    """That a note was kept, with which session, and how to answer that.

    Args:
        session: None where that is clear.
        offered: the answers that the note may be meant for.
        is_open: whether the session has no answer yet.
    """
    texts = language.texts.words
    lines = [
        texts.noted if session is None else texts.noted_with.format(session=session_name(session, language))
    ]
    if offered:
        answers = listed([label(type_, language) for type_ in offered], "or", language)
        lines.append(texts.offered.format(answers=answers))
    elif is_open:
        lines.append(texts.unanswered)
    return "\n".join(lines)


def which(session: SpokenSession, language: Language) -> str:
    """The question to which session a note belongs."""
    return language.texts.words.which.format(session=session_name(session, language))


def taken_back(session: SpokenSession, language: Language) -> str:
    """That a note is gone."""
    return language.texts.words.taken_back.format(session=session_name(session, language))


def session_name(session: SpokenSession, language: Language) -> str:
    """A session by its title and day, as far as they are known."""
    title = None if session.title is None else f"<b>{escape_line(session.title, MAX_TITLE)}</b>"
    if session.day is None:
        return title or f"<b>{escape_line(session.session_id, MAX_TITLE)}</b>"
    day = weekday_and_date(session.day, language)
    if title is None:
        return language.texts.words.session_of.format(day=day)
    return f"{title} ({day})"


def plain_name(session: SpokenSession, language: Language) -> str:
    """A session on a button."""
    title = clip(" ".join((session.title or session.session_id).split()), _MAX_BUTTON)
    return title if session.day is None else f"{title} · {short_date(session.day, language)}"
