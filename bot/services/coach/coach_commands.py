"""The coach's commands: /today, /athlete, /silent and /ask. Who may use them is seen to before."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.coach import names, texts
from bot.core.coach.names import Named
from bot.core.facts.commands import Command
from bot.core.people.athlete import Roster
from bot.services.chat.commands import CommandRequest, Handler
from bot.services.chat.reply import Reply
from bot.services.coach.post import CoachPost, Letter
from bot.services.coach.reports import CoachReports
from bot.services.coach.roster import CoachRoster


class CoachCommands:
    """Answers what the coach asks, and passes on what they write."""

    def __init__(self, reports: CoachReports, post: CoachPost, roster: CoachRoster) -> None:
        self._reports = reports
        self._post = post
        self._roster = roster

    def handlers(self) -> Mapping[Command, Handler]:
        """The commands that are carried out here. They raise `StorageError`; doing it again is harmless."""
        return {
            Command.TODAY: self._today,
            Command.ATHLETE: self._athlete,
            Command.ASK: self._ask,
            Command.SILENT: self._silent,
        }

    async def _today(self, request: CommandRequest) -> Reply:
        return Reply(await self._reports.day(request.at, request.language), html=True)

    async def _silent(self, request: CommandRequest) -> Reply:
        return Reply(await self._reports.silent(request.at, request.language), html=True)

    async def _athlete(self, request: CommandRequest) -> Reply:
        roster = await self._roster.load()
        found = names.find(request.update.argument, roster)
        if len(found.athletes) != 1 or found.rest:
            return _which(found, roster, request, request.language.texts.coach.athlete_usage)
        return Reply(await self._reports.athlete(found.athletes[0], request.at, request.language), html=True)

    async def _ask(self, request: CommandRequest) -> Reply:
        roster = await self._roster.load()
        found = names.find(request.update.argument, roster)
        if len(found.athletes) != 1 or not found.rest:
            return _which(found, roster, request, request.language.texts.coach.ask_usage)
        letter = Letter.of_command(request)
        return await self._post.send(letter, found.athletes[0], found.rest, None)


def _which(found: Named, roster: Roster, request: CommandRequest, usage: str) -> Reply:
    """Who could be meant, where that is not certain; else how the command is written."""
    language = request.language
    if not found.name:
        return Reply(usage)
    if len(found.athletes) > 1:
        called = [f"{names.label(it, roster)}: {it.athlete_id}" for it in found.athletes]
        return Reply(texts.several_called(found.name, called, language))
    if not found.athletes:
        known = [names.label(it, roster) for it in roster.athletes]
        return Reply(texts.nobody_called(found.name, known, language))
    return Reply(usage)
