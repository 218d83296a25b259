"""What athletes read about pain besides their answers. Plain text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.core.answers import detail_texts
from bot.core.answers.details import Details
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.pain.episodes import Episode, Verdict
from bot.core.pain.stored import details_of, level_of


def where(details: Details, language: Language) -> str:
    """Where it hurts and how much, in short: `knee (left), 6/10`."""
    found = detail_texts.said_of(Detail.PAIN, details, language)
    if details.value(Detail.PLACE) is None:
        found.insert(0, language.texts.pain.somewhere)
    return ", ".join(found)


def how_now(episode: Episode, language: Language) -> str:
    """The question how it is by now."""
    return language.texts.pain.how_now.format(where=where(details_of(episode), language))


def check(said: Iterable[Episode], open_: Sequence[Episode], language: Language, *, asks_level: bool) -> str:
    """The message that asks how it is by now, once something was answered.

    Args:
        said: what was answered, as it is now.
        open_: what is still to be asked.
        asks_level: whether it is asked how bad the last one is.
    """
    lines = [_said(episode, language) for episode in said]
    if asks_level:
        asked = detail_texts.question(Detail.PAIN, language)
    elif open_:
        asked = how_now(open_[0], language)
    else:
        asked = language.texts.pain.thanks
    return "\n".join([*lines, *([""] if lines else []), asked])


def report(details: Details, question: Detail | None, language: Language, *, coach_is_told: bool) -> str:
    """The reply to /pain, and what becomes of it.

    Args:
        question: what is asked next; None: nothing.
    """
    texts = language.texts.pain
    words = _words_wanted(details)
    parts = []
    if question is not None:
        if details.said:
            parts.append(f"🤕 {where(details, language)}")
        parts.append(detail_texts.question(question, language))
    elif level_of(details) == 0:
        parts.append(texts.thanks)
    else:
        told = texts.coach_is_told if coach_is_told else texts.coach_reads
        parts.append(f"{texts.noted.format(where=where(details, language))} {told}")
    if words:
        parts.append(detail_texts.question(Detail.WORDS, language))
    return "\n\n".join(parts)


def how(verdict: Verdict, language: Language) -> str:
    """A verdict, as its button says it."""
    texts = language.texts.pain
    match verdict:
        case Verdict.GONE:
            return texts.gone
        case Verdict.SAME:
            return texts.same
        case Verdict.WORSE:
            return texts.worse


def noted(language: Language) -> str:
    """The toast."""
    return language.texts.pain.thanks


def _said(episode: Episode, language: Language) -> str:
    if episode.closed_at is None:
        return f"🤕 {where(details_of(episode), language)}"
    gone = Details({it: value for it, value in details_of(episode).said.items() if it is not Detail.PAIN})
    return f"{where(gone, language)}: {language.texts.pain.gone}"


def _words_wanted(details: Details) -> bool:
    requires = Detail.WORDS.facts.requires
    place = details.value(Detail.PLACE)
    is_meant = requires is not None and place in requires.choices
    return is_meant and details.value(Detail.WORDS) is None
