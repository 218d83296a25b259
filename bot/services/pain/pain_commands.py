"""/pain: pain on any day, with or without a session."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.answers.details import Details, read_details
from bot.core.answers.keyboards import Keyboard
from bot.core.facts.commands import Command
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.pain import texts
from bot.core.pain.buttons import report_of, report_rows
from bot.core.pain.reading import read_pain_words
from bot.services.chat.commands import CommandRequest, Handler
from bot.services.chat.reply import Reply
from bot.services.pain.desk import PainDesk, Speaker

_IN_ORDER = (Detail.PLACE, Detail.SIDE, Detail.PAIN)


class PainCommands:
    """Takes reports in words, and offers buttons for what they leave open."""

    def __init__(self, desk: PainDesk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[Command, Handler]:
        """The command that is carried out here. It raises `StorageError`; doing it again is harmless."""
        return {Command.PAIN: self._tell}

    async def _tell(self, request: CommandRequest) -> Reply:
        update = request.update
        details, report_id = read_pain_words(update.argument), report_of(update.update_id)
        if details.said:
            speaker = Speaker(request.athlete, update.user_id, update.chat_id, update.sender_name)
            details = read_details(await self._desk.say(speaker, report_id, details.said, request.stamp))
        text, keyboard = asked(details, report_id, request.language, coach_is_told=self._desk.coach_is_told)
        return Reply(text, keyboard=keyboard or None, is_outcome=True)


def asked(
    details: Details,
    report_id: str,
    language: Language,
    *,
    coach_is_told: bool,
    after: Detail | None = None,
) -> tuple[str, Keyboard]:
    """What is said about a report, and the buttons for what is asked next.

    Args:
        after: the question that was just answered, or left out; None: none was.
    """
    later = _IN_ORDER if after is None else _IN_ORDER[_IN_ORDER.index(after) + 1 :]
    question = next((it for it in later if details.value(it) is None and _makes_sense(it, details)), None)
    text = texts.report(details, question, language, coach_is_told=coach_is_told)
    return text, [] if question is None else report_rows(report_id, question, language)


def _makes_sense(detail: Detail, details: Details) -> bool:
    requires = detail.facts.requires
    return requires is None or details.value(Detail(requires.question)) in requires.choices
