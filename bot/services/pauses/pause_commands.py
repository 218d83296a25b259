"""/pause and /resume, and the buttons below /pause. Carried out again, after a crash, nothing changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.core.answers.message import MessageEdit
from bot.core.answers.rules import NotWritten, Outcome
from bot.core.facts.commands import Command
from bot.core.i18n.language import Language
from bot.core.people import pauses, texts
from bot.core.people.athlete import Athlete
from bot.core.telegram.action_payloads import Action, ActionTap
from bot.core.telegram.updates import Tap
from bot.services.chat.button_actions import ActionDone, ActionHandler, ActionResult
from bot.services.chat.commands import CommandRequest, Handler
from bot.services.chat.reply import Reply
from bot.services.people.roster_cache import RosterCache
from bot.store.people.athletes import AthleteStore


class PauseCommands:
    """Begins and ends pauses."""

    def __init__(self, athletes: AthleteStore, roster: RosterCache) -> None:
        self._athletes = athletes
        self._roster = roster

    def handlers(self) -> Mapping[Command, Handler]:
        """The commands that are carried out here. They raise `StorageError`; doing it again is harmless."""
        return {Command.PAUSE: self._pause, Command.RESUME: self._resume}

    def buttons(self) -> Mapping[Action, ActionHandler]:
        """The buttons that are seen to here."""
        return {Action.PAUSE: self._choose}

    async def _pause(self, request: CommandRequest) -> Reply:
        athlete, language, since = request.athlete, request.language, request.at
        zone = athlete.hours.zone
        if not request.update.argument:
            present = athlete.pause_at(since)
            lines = [] if present is None else [pauses.running(present, zone, language)]
            return Reply(
                "\n\n".join([*lines, language.texts.pauses.choose]), keyboard=pauses.choices(language)
            )
        try:
            until = pauses.read_pause_end(request.update.argument, since, zone)
        except ValueError:
            return Reply(language.texts.people.pause_usage)
        if not await self._begin(athlete, since, until, request.update.update_id):
            return Reply(texts.for_others(Command.PAUSE, language), is_refused=True)
        return Reply(texts.paused(until, zone, language))

    async def _choose(self, chosen: ActionTap, tap: Tap, athlete: Athlete | None) -> ActionResult:
        if athlete is None or chosen.argument not in pauses.OFFERED:
            return NotWritten(Outcome.REFUSED if athlete is None else Outcome.INVALID)
        zone = athlete.hours.zone
        until = pauses.read_pause_end(chosen.argument, tap.received_at, zone)
        if not await self._begin(athlete, tap.received_at, until, tap.update_id):
            return NotWritten(Outcome.REFUSED)

        def shown(language: Language) -> MessageEdit:
            return MessageEdit(texts.paused(until, zone, language))

        return ActionDone(lambda language: language.texts.pauses.begun, instead=shown)

    async def _begin(self, athlete: Athlete, since: datetime, until: datetime | None, update_id: int) -> bool:
        """Make a pause durable; returns whether the athlete is still there."""
        # Who is on the roster by ATHLETE_IDS alone gets a document now.
        user_id = athlete.user_id if athlete.user_id in self._roster.user_ids else None
        is_known = await self._athletes.pause(
            athlete.athlete_id, since, until, user_id=user_id, now=since, update_id=update_id
        )
        await self._roster.refresh()
        return is_known

    async def _resume(self, request: CommandRequest) -> Reply:
        athlete_id = request.athlete.athlete_id
        await self._athletes.resume(athlete_id, request.at, update_id=request.update.update_id)
        await self._roster.refresh()
        return Reply(request.language.texts.people.resumed)
