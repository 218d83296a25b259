"""/availability, and the seven buttons below it. Carried out again, after a crash, nothing changes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from bot.core.answers.message import MessageEdit
from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.availability import texts
from bot.core.availability.days import Availability, coming_week, is_over, read_wish
from bot.core.facts.commands import Command
from bot.core.i18n.language import Language
from bot.core.people.athlete import Athlete
from bot.core.telegram.action_payloads import Action, ActionTap
from bot.core.telegram.updates import Tap
from bot.services.chat.button_actions import ActionDone, ActionHandler, ActionResult
from bot.services.chat.commands import CommandRequest, Handler
from bot.services.chat.reply import Reply
from bot.store.availability.availability import AvailabilityStore


class AvailabilityCommands:
    """Asks on which days of the coming week an athlete can train, and keeps what they tap."""

    def __init__(self, store: AvailabilityStore) -> None:
        self._store = store

    def handlers(self) -> Mapping[Command, Handler]:
        """The command that is carried out here. It raises `StorageError`; doing it again is harmless."""
        return {Command.AVAILABILITY: self._ask}

    def buttons(self) -> Mapping[Action, ActionHandler]:
        """The buttons that are seen to here."""
        return {Action.AVAILABLE: self._say}

    async def _ask(self, request: CommandRequest) -> Reply:
        athlete, language = request.athlete, request.language
        start = coming_week(request.at, athlete.hours.zone)
        [said] = await self._store.of(athlete, [start]) or [Availability(start, frozenset())]
        return Reply(texts.question(start, language), keyboard=texts.toggles(start, said.days, language))

    async def _say(self, tapped: ActionTap, tap: Tap, athlete: Athlete | None) -> ActionResult:
        wish = read_wish(tapped.argument)
        if athlete is None or wish is None:
            return NotWritten(Outcome.REFUSED if athlete is None else Outcome.INVALID)
        start, zone = wish.week_start, athlete.hours.zone
        if is_over(start, tap.received_at, zone) or start > coming_week(tap.received_at, zone):
            return NotWritten(Outcome.REFUSED, cause=Cause.WEEK_OVER)
        said = await self._store.say(athlete, wish, tap.stamp)

        def shown(language: Language) -> MessageEdit:
            return MessageEdit(None, keyboard=texts.toggles(start, said.days, language))

        return ActionDone(partial(texts.saved, wish), instead=shown)
