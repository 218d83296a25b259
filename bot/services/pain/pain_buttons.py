"""The buttons of /pain, and of the question how it is by now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from bot.core.answers.details import read_details
from bot.core.answers.keyboards import Keyboard
from bot.core.answers.message import MessageEdit
from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.pain import texts
from bot.core.pain.buttons import (
    Asked,
    CheckTap,
    ReportTap,
    asks_level,
    check_of,
    check_rows,
    read_pain,
    with_rows,
)
from bot.core.pain.episodes import Episode, Verdict, open_episodes
from bot.core.pain.stored import level_of, read_verdict
from bot.core.people.athlete import Athlete
from bot.core.telegram.action_payloads import Action, ActionTap
from bot.core.telegram.updates import Tap, TappedMessage
from bot.services.chat.button_actions import ActionDone, ActionHandler, ActionResult
from bot.services.pain.desk import PainDesk, Speaker
from bot.services.pain.pain_commands import asked
from bot.store.mongodb.client import Document

_SHOWN_SINCE = timedelta(days=1)
"""Of a message of which nobody knows when it was sent."""


class PainButtons:
    """Takes what is tapped, and shows what comes next in the same message."""

    def __init__(self, desk: PainDesk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[Action, ActionHandler]:
        """The button that is seen to here."""
        return {Action.PAIN: self._take}

    async def _take(self, action: ActionTap, tap: Tap, athlete: Athlete | None) -> ActionResult:
        said = read_pain(action.argument)
        if athlete is None or tap.user_id is None or tap.chat_id is None:
            return NotWritten(Outcome.REFUSED)
        if tap.chat_id != tap.user_id:  # nobody was asked there
            return NotWritten(Outcome.REFUSED, cause=Cause.FOREIGN)
        speaker = Speaker(athlete, tap.user_id, tap.chat_id, tap.first_name)
        match said:
            case ReportTap():
                return await self._report(speaker, said, tap)
            case CheckTap():
                return await self._check(speaker, said, tap)
            case None:
                return NotWritten(Outcome.INVALID)

    async def _report(self, speaker: Speaker, said: ReportTap, tap: Tap) -> ActionResult:
        if said.value is None:
            report = await self._desk.find(speaker, said.report_id) or {}
        else:
            report = await self._desk.say(speaker, said.report_id, {said.detail: said.value}, tap.stamp)
        details, told = read_details(report), self._desk.coach_is_told

        def shown(language: Language) -> MessageEdit:
            text, keyboard = asked(details, said.report_id, language, coach_is_told=told, after=said.detail)
            return MessageEdit(text, [], keyboard)

        return ActionDone(texts.noted, instead=shown)

    async def _check(self, speaker: Speaker, said: CheckTap, tap: Tap) -> ActionResult:
        report_id = check_of(tap.message_id, said.spot)
        spot = {Detail.PLACE: said.spot.place, Detail.SIDE: said.spot.side}
        details: dict[Detail, int | str] = {it: value for it, value in spot.items() if value is not None}
        if isinstance(said.said, Verdict):
            report = await self._desk.say(speaker, report_id, details, tap.stamp, verdict=said.said)
        elif said.said is None:
            report = await self._desk.find(speaker, report_id) or {}
        else:
            report = await self._desk.say(speaker, report_id, {**details, Detail.PAIN: said.said}, tap.stamp)
        if said.asked is Asked.TOO:
            return ActionDone(texts.noted, change=partial(_marked, said, report))
        since = tap.prompt_at or tap.received_at - _SHOWN_SINCE
        told = await self._desk.told(speaker.user_id)
        answered = [it for it in told if it.told_at >= since]
        still = [it for it in open_episodes(told, tap.received_at) if it.told_at < since]
        return ActionDone(texts.noted, instead=partial(_going_on, said, report, answered, still))


def _marked(said: CheckTap, report: Document, prompted: TappedMessage, language: Language) -> MessageEdit:
    """The message with a question about a session: only the buttons about pain are others."""
    verdict = read_verdict(report)
    level = _said_level(said, report)
    rows = check_rows(Asked.TOO, said.spot, language, verdict=verdict, level=level)
    return MessageEdit(None, [], with_rows(prompted.keyboard, rows))


def _going_on(
    said: CheckTap,
    report: Document,
    answered: list[Episode],
    still: list[Episode],
    language: Language,
) -> MessageEdit:
    """The message that asks about pain alone: what was said, and what is asked next."""
    verdict, level = read_verdict(report), _said_level(said, report)
    is_level_asked = asks_level(verdict, level)
    text = texts.check(answered, still, language, asks_level=is_level_asked)
    if is_level_asked:
        rows: Keyboard = check_rows(Asked.NOW, said.spot, language, verdict=verdict)
    elif still:
        rows = check_rows(Asked.NOW, still[0].spot, language)
    else:
        rows = []
    return MessageEdit(text, [], rows)


def _said_level(said: CheckTap, report: Document) -> int | None:
    """What was said of how bad it is; -1: it was left out."""
    level = level_of(read_details(report))
    return -1 if said.said is None and level is None else level
