"""What is said while a session is logged: what it was, how long, and how hard."""

from __future__ import annotations

from bot.core.answers import detail_texts
from bot.core.answers.details import Details, next_question
from bot.core.answers.keyboards import Keyboard, detail_rows
from bot.core.answers.message import MessageEdit
from bot.core.answers.payloads import detail_ids
from bot.core.answers.texts import shown_text
from bot.core.facts.answer_types import LOGGED
from bot.core.facts.logged_kinds import KINDS
from bot.core.facts.questions import EFFORT, Detail
from bot.core.i18n.language import Language
from bot.core.logbook.entry import MINUTES, LogEntry, LogStep, format_step
from bot.core.telegram.action_payloads import Action, format_action

_PER_ROW = 3


def ask_what(language: Language) -> MessageEdit:
    """What was done?"""
    buttons = [
        {
            "text": language.texts.logbook.kind(kind),
            "callback_data": format_action(Action.LOG, format_step(LogStep(kind)) or ""),
        }
        for kind in KINDS
    ]
    return MessageEdit(language.texts.logbook.ask_what, keyboard=_rows(buttons))


def ask_minutes(what: str, language: Language) -> MessageEdit | None:
    """How long was it? None if the words are too long for a button to carry."""
    texts = language.texts.logbook
    buttons = []
    for minutes in (*MINUTES, None):
        argument = format_step(LogStep(what, minutes, is_last=True))
        if argument is None:
            return None
        label = texts.unknown_minutes if minutes is None else texts.minutes.format(number=minutes)
        buttons.append({"text": label, "callback_data": format_action(Action.LOG, argument)})
    text = texts.ask_minutes.format(what=_named(what, language))
    return MessageEdit(text, keyboard=_rows(buttons))


def logged(
    entry: LogEntry, run_id: str, session_id: str, asked: frozenset[Detail], language: Language
) -> MessageEdit:
    """The session as it is stored, below which it is asked how hard it was, if that is not said.

    It looks like an answered question, and so is gone on with like one.
    """
    texts = language.texts.logbook
    details = Details({} if entry.rpe is None else {EFFORT: entry.rpe})
    question = next_question(LOGGED, details, asked)
    ids = detail_ids(run_id, session_id, by_reference=False)
    rows: Keyboard = []
    if ids is None:
        question = None
    else:
        rows = detail_rows(ids, LOGGED, details, question, language)
    minutes = "" if entry.minutes is None else f" · {texts.minutes.format(number=entry.minutes)}"
    text = shown_text(
        f"{texts.logged}\n{_named(entry.what, language)}{minutes}",
        LOGGED,
        language,
        lines=detail_texts.lines(details, LOGGED, language),
        question=None if question is None else detail_texts.question(question, language),
    )
    return MessageEdit(text, keyboard=rows)


def _named(what: str, language: Language) -> str:
    kind = next((kind for kind in KINDS if kind == what), None)
    return what if kind is None else language.texts.logbook.kind(kind)


def _rows(buttons: list[dict[str, str]]) -> Keyboard:
    return [list(buttons[i : i + _PER_ROW]) for i in range(0, len(buttons), _PER_ROW)]
