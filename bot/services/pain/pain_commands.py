"""/pain: pain on any day, with or without a session."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.answers.details import Details, read_details
from bot.core.answers.keyboards import Keyboard
from bot.core.facts.commands import Command
from bot.core.facts.questions import ELSEWHERE, Detail
from bot.core.i18n.language import Language
from bot.core.pain import texts
from bot.core.pain.buttons import Asked, check_rows, report_of, report_rows
from bot.core.pain.episodes import Verdict, open_episodes
from bot.core.pain.reading import read_how, read_pain_words
from bot.core.pain.stored import details_of, spot_of
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
        speaker = Speaker(request.athlete, update.user_id, update.chat_id, update.sender_name)
        if (verdict := read_how(update.argument)) is not None:
            if details.value(Detail.PLACE) == ELSEWHERE:  # these words name no place
                level = details.value(Detail.PAIN)
                details = Details({} if level is None else {Detail.PAIN: level})
            if (reply := await self._go_on(request, speaker, details, verdict)) is not None:
                return reply
        if details.said:
            details = read_details(await self._desk.say(speaker, report_id, details.said, request.stamp))
        text, keyboard = asked(details, report_id, request.language, coach_is_told=self._desk.coach_is_told)
        return Reply(text, keyboard=keyboard or None, is_outcome=True)

    async def _go_on(
        self, request: CommandRequest, speaker: Speaker, details: Details, verdict: Verdict
    ) -> Reply | None:
        """How it is by now with what was told before; None: there is nothing that it could be about."""
        language, stamp, report_id = request.language, request.stamp, report_of(request.update.update_id)
        report = await self._desk.find(speaker, report_id)  # it may be said again, after a crash
        if report is None:
            told, spot = await self._desk.told(speaker.user_id), spot_of(details)
            open_ = open_episodes(told, stamp.at)
            meant = [it for it in open_ if spot.place is None or it.spot.touches(spot)]
            if not meant:
                gone = Reply(texts.noted(language), is_outcome=True)
                return gone if verdict is Verdict.GONE else None
            if len(meant) > 1:
                rows = check_rows(Asked.NOW, meant[0].spot, language)
                asks = texts.check([], meant, language, asks_level=False)
                return Reply(asks, keyboard=rows, is_outcome=True)
            said = {**details_of(meant[0]).said, **details.said}
            if details.value(Detail.PAIN) is None:  # what was said of it before is not said again
                said.pop(Detail.PAIN, None)
            report = await self._desk.say(speaker, report_id, said, stamp, verdict=verdict)
        if verdict is Verdict.WORSE:
            told_at_once = self._desk.coach_is_told
            text, rows = asked(
                read_details(report), report_id, language, coach_is_told=told_at_once, after=Detail.SIDE
            )
            return Reply(text, keyboard=rows or None, is_outcome=True)
        now = [it for it in await self._desk.told(speaker.user_id) if it.told_by == stamp.update_id]
        return Reply(texts.check(now, [], language, asks_level=False), is_outcome=True)


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
