"""The edit of an answered message: the answer below the text, and perhaps one more question. Pure."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

from bot.core.answers import detail_texts
from bot.core.answers.details import Details, open_words
from bot.core.answers.keyboards import Keyboard, answered_keyboard, detail_rows, prompt_keyboard
from bot.core.answers.payloads import detail_ids
from bot.core.answers.texts import (
    asked_text,
    note_block,
    shown_text,
    unanswered_prefix,
    without_trace,
)
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.shared.formatting import units
from bot.core.shared.tolerant import read_int64
from bot.core.telegram.updates import TappedMessage


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """The answer that counts for the session of one message, and the next question.

    Attributes:
        by_reference: whether the session's payloads travel by reference.
        question: None: nothing is asked.
        asides: the questions of which the choices stand beside those of another.
        note: in short, see `bot.core.notes.lines.note_line`; None: there is none.
    """

    run_id: str
    session_id: str
    by_reference: bool
    type: FeedbackType
    details: Details
    question: Detail | None
    language: Language
    asides: tuple[Detail, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class MessageEdit:
    """A message as it should be.

    Attributes:
        text: None: only the buttons change.
        entities: the formatting of `text`, as Telegram sends it.
        html: whether `text` is HTML; then there are no entities.
    """

    text: str | None
    entities: list[dict[str, Any]] = field(default_factory=list)
    keyboard: Keyboard = field(default_factory=list)
    html: bool = False


def show(prompted: TappedMessage, choice: ShownAnswer) -> MessageEdit:
    """The message below which was tapped, with the choice shown in it."""
    ids = detail_ids(choice.run_id, choice.session_id, by_reference=choice.by_reference)
    question = choice.question if ids is not None else None
    if prompted.keyboard:
        keyboard = answered_keyboard(prompted.keyboard, choice.type)
    else:
        keyboard = answered_keyboard(
            prompt_keyboard(choice.run_id, choice.session_id, choice.language), choice.type
        )
    if ids is not None:
        rows = detail_rows(ids, choice.type, choice.details, question, choice.language, asides=choice.asides)
        keyboard = [*keyboard, *rows]
    if prompted.text is None:
        return MessageEdit(None, [], keyboard)
    lines = detail_texts.lines(choice.details, choice.type, choice.language)
    if choice.note is not None:
        lines.append(choice.note)
    questions = (question, open_words(choice.type, choice.details))
    asked = "\n\n".join(detail_texts.question(it, choice.language) for it in questions if it is not None)
    text = shown_text(prompted.text, choice.type, choice.language, lines=lines, question=asked or None)
    entities = entities_within(
        prompted.entities, units(asked_text(text)), start=units(unanswered_prefix(prompted.text))
    )
    return MessageEdit(text, entities, keyboard)


def show_again(question: str, choice: ShownAnswer) -> MessageEdit:
    """The message of a question (HTML), of which only the record tells, with the choice shown in it."""
    below = show(TappedMessage("", [], []), choice)
    return MessageEdit(
        question + html.escape(below.text or "", quote=False), keyboard=below.keyboard, html=True
    )


def show_note(prompted: TappedMessage, note: str | None) -> MessageEdit:
    """The message of a question that is not answered yet, with its note, above when it comes again."""
    if prompted.text is None:
        return MessageEdit(None, [], prompted.keyboard)
    asked, trace = asked_text(prompted.text), prompted.text.removeprefix(without_trace(prompted.text))
    entities = entities_within(prompted.entities, units(asked))
    below = ("" if note is None else note_block(note)) + trace
    return MessageEdit(asked + below, entities, prompted.keyboard)


def show_noted(question: str, note: str | None, keyboard: Keyboard) -> MessageEdit:
    """The message of a question (HTML) that is not answered yet, with its note."""
    below = "" if note is None else note_block(note)
    return MessageEdit(question + html.escape(below, quote=False), keyboard=keyboard, html=True)


def entities_within(entities: list[dict[str, Any]], length: int, *, start: int = 0) -> list[dict[str, Any]]:
    """The formatting of so many units of a text, from one on."""
    found = []
    for entity in entities:
        offset, span = read_int64(entity.get("offset")), read_int64(entity.get("length"))
        if offset is not None and span is not None and start <= offset < start + length:
            offset -= start
            found.append({**entity, "offset": offset, "length": min(span, length - offset)})
    return found
