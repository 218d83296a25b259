"""What is asked after an answer, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.answers.details import LEAST, MOST, Details
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language

_CHANGE = "✏️ "


def question(detail: Detail, language: Language) -> str:
    """The question, with the words of its scale where it has one."""
    text = language.texts.details.question(detail)
    words = _scale(detail, language)
    return f"{text}\n{' · '.join(f'{value} {word}' for value, word in words.items())}" if words else text


def choice(value: int | str, language: Language) -> str:
    """A button's label: a number as it is, a word in the reader's language."""
    return str(value) if isinstance(value, int) else language.texts.details.choice(value)


def change(details: Details, detail: Detail, language: Language) -> str | None:
    """The label of the button that asks a question again; None where nothing was said."""
    match detail:
        case Detail.RPE if details.rpe is not None:
            return f"{_CHANGE}RPE {details.rpe}"
        case Detail.PLACE if (hurts := _hurts(details, language)) is not None:
            return f"{_CHANGE}{hurts}"
        case Detail.REASON if details.reason is not None:
            return f"{_CHANGE}{choice(details.reason, language)}"
    return None


def lines(details: Details, language: Language) -> list[str]:
    """What was said, a line each."""
    texts = language.texts.details
    found = []
    if details.rpe is not None:
        word = _scale(Detail.RPE, language).get(details.rpe)
        words = f" · {word}" if word is not None else ""
        found.append(texts.rpe.format(value=details.rpe, words=words))
    if (hurts := _hurts(details, language)) is not None:
        found.append(texts.hurts.format(what=hurts))
    if details.reason is not None:
        found.append(texts.reason.format(what=choice(details.reason, language)))
    return found


def saved(detail: Detail, value: int | str, language: Language) -> str:
    """The toast after a tap that is stored."""
    match detail:
        case Detail.RPE:
            what = f"RPE {value}"
        case Detail.PAIN:
            what = f"{value}/{MOST}"
        case _:
            what = choice(value, language)
    return language.texts.details.saved.format(what=what)


def _scale(detail: Detail, language: Language) -> Mapping[int, str]:
    """The words below some of the numbers; 6, 8 and 9 of Foster's CR-10 scale have none."""
    texts = language.texts.details
    words = texts.effort
    match detail:
        case Detail.RPE:
            return {
                0: words.rest,
                1: words.very_very_easy,
                2: words.easy,
                3: words.moderate,
                4: words.somewhat_hard,
                5: words.hard,
                7: words.very_hard,
                10: words.maximal,
            }
        case Detail.PAIN:
            return {LEAST: texts.no_pain, MOST: texts.worst_pain}
        case Detail.PLACE | Detail.REASON:
            return {}


def _hurts(details: Details, language: Language) -> str | None:
    parts = [] if details.place is None else [choice(details.place, language)]
    if details.pain is not None:
        parts.append(f"{details.pain}/{MOST}")
    return ", ".join(parts) or None
