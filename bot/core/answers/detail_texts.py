"""Follow-up questions, and the lines that show what was said to them."""

from __future__ import annotations

from collections.abc import Iterable

from bot.core.answers.details import Details
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import FIELDS, WORDS, Detail
from bot.core.i18n.language import Language
from bot.core.shared.formatting import clip

_CHANGE = "✏️ "
_MAX_SHORT = 100


def question(detail: Detail, language: Language) -> str:
    """The question, with the words of its scale where it has one."""
    texts = language.texts.details.question(detail)
    if detail.facts.scale is None:
        return texts.question
    return f"{texts.question}\n{' · '.join(f'{value} {word}' for value, word in texts.scale.items())}"


def choice(value: int | str, language: Language) -> str:
    """A button's label: a number as it is, a word in the reader's language."""
    return str(value) if isinstance(value, int) else language.texts.details.word(WORDS[value])


def change(details: Details, detail: Detail, language: Language) -> str | None:
    """The label of the button that asks a question again, and those that share its field.

    None where nothing was said.
    """
    said = _said(details, FIELDS[detail.facts.field.name], language)
    return f"{_CHANGE}{', '.join(said)}" if said else None


def unsaid(detail: Detail, language: Language) -> str | None:
    """The label of the button that puts a question that is never put by itself; None: it is."""
    label = language.texts.details.question(detail).unsaid
    return None if label is None else f"{_CHANGE}{label}"


def lines(details: Details, type_: FeedbackType, language: Language) -> list[str]:
    """The details of an answer, a line for each field, in the order in which it asks for them."""
    found = []
    for name in dict.fromkeys([*(detail.facts.field.name for detail in type_.facts.asks), *FIELDS]):
        asked = FIELDS[name]
        if said := _said(details, asked, language):
            texts = language.texts.details.question(asked[0])
            if len(asked) == 1 and isinstance(value := details.value(asked[0]), int):
                said = [str(value), *([texts.scale[value]] if value in texts.scale else [])]
                found.append(texts.line.format(what=" · ".join(said)))
            else:
                found.append(texts.line.format(what=", ".join(said)))
    return found


def said_of(detail: Detail, details: Details, language: Language) -> list[str]:
    """What was said to the questions that share a field, in short."""
    return _said(details, FIELDS[detail.facts.field.name], language)


def saved(detail: Detail, value: int | str, language: Language) -> str:
    """The toast after a tap that is stored: a word as its button says it, a number with what it means."""
    is_word = isinstance(value, str) and not detail.facts.is_written
    said = choice(value, language).rstrip(".") if is_word else _short(detail, value, language)
    return language.texts.details.saved.format(what=said)


def short(details: Details, fields: Iterable[str], language: Language) -> list[str]:
    """What was said to the questions that fill some fields, in a few words each."""
    return [said for name in fields for said in _said(details, FIELDS[name], language)]


def _said(details: Details, asked: tuple[Detail, ...], language: Language) -> list[str]:
    """The values that some questions have, in short; one that explains another stands with it: `knee (left)`.
    An athlete's own words take the place of what they explain."""
    found: list[str] = []
    for detail in asked:
        if (value := details.value(detail)) is None:
            continue
        short = _short(detail, value, language)
        if not detail.facts.explains or not found:
            found.append(short)
        elif detail.facts.is_written:
            found[-1] = short
        else:
            found[-1] += f" {short}"
    return found


def _short(detail: Detail, value: int | str, language: Language) -> str:
    short = language.texts.details.question(detail).short
    if detail.facts.is_written:
        return short.format(value=clip(" ".join(str(value).split()), _MAX_SHORT))
    return short.format(value=choice(value, language))
