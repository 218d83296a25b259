"""/log: a session that no plan has, and its buttons. Carried out again, after a crash, nothing changes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from bot.core.answers.event import FeedbackEvent
from bot.core.answers.message import MessageEdit
from bot.core.answers.rules import NotWritten, Outcome
from bot.core.facts.commands import Command
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language
from bot.core.logbook import texts
from bot.core.logbook.entry import LogEntry, logged_event, read_entry, read_step
from bot.core.people.athlete import Athlete
from bot.core.telegram.action_payloads import Action, ActionTap
from bot.core.telegram.updates import Tap
from bot.services.answers.tap_writer import TapStores
from bot.services.chat.button_actions import ActionDone, ActionHandler, ActionResult
from bot.services.chat.commands import CommandRequest, Handler
from bot.services.chat.reply import Reply


class LogCommands:
    """Keeps sessions that athletes log.

    Args:
        asked: what athletes are asked about their answers.
    """

    def __init__(self, stores: TapStores, asked: frozenset[Detail]) -> None:
        self._events = stores.events
        self._invalidation = stores.invalidation
        self._asked = asked

    def handlers(self) -> Mapping[Command, Handler]:
        """The command that is carried out here. It raises `StorageError`; doing it again is harmless."""
        return {Command.LOG: self._log}

    def buttons(self) -> Mapping[Action, ActionHandler]:
        """The buttons that are seen to here."""
        return {Action.LOG: self._step}

    async def _log(self, request: CommandRequest) -> Reply:
        update, language = request.update, request.language
        entry = read_entry(update.argument)
        if not entry.what:
            return _reply(texts.ask_what(language))
        if entry.minutes is None and (asking := texts.ask_minutes(entry.what, language)) is not None:
            return _reply(asking)
        event = logged_event(
            entry,
            user_id=update.user_id,
            username=None,
            chat_id=update.chat_id,
            message_id=update.message_id,
            update_id=update.update_id,
            at=request.at,
            zone=request.athlete.hours.zone,
            is_by_buttons=False,
        )
        return _reply(await self._store(entry, event, language))

    async def _step(self, tapped: ActionTap, tap: Tap, athlete: Athlete | None) -> ActionResult:
        step = read_step(tapped.argument)
        if athlete is None or tap.user_id is None or tap.chat_id is None or tap.message_id is None:
            return NotWritten(Outcome.REFUSED)
        if step is None:
            return NotWritten(Outcome.INVALID)
        if not step.is_last:
            return ActionDone(lambda _: "", instead=partial(_minutes_asked, step.what))
        entry = LogEntry(step.what, step.minutes)
        event = logged_event(
            entry,
            user_id=tap.user_id,
            username=tap.username,
            chat_id=tap.chat_id,
            message_id=tap.message_id,
            update_id=tap.update_id,
            at=tap.received_at,
            zone=athlete.hours.zone,
            is_by_buttons=True,
        )
        await self._keep(event)
        show = partial(texts.logged, entry, event.run_id, event.session_id, self._asked)
        return ActionDone(lambda language: language.texts.logbook.saved, instead=show)

    async def _store(self, entry: LogEntry, event: FeedbackEvent, language: Language) -> MessageEdit:
        await self._keep(event)
        return texts.logged(entry, event.run_id, event.session_id, self._asked, language)

    async def _keep(self, event: FeedbackEvent) -> None:
        async with self._invalidation.around([event.received_at]):
            await self._events.log(event)


def _minutes_asked(what: str, language: Language) -> MessageEdit:
    asking = texts.ask_minutes(what, language)
    return texts.ask_what(language) if asking is None else asking


def _reply(shown: MessageEdit) -> Reply:
    return Reply(shown.text or "", is_outcome=True, keyboard=shown.keyboard or None)
