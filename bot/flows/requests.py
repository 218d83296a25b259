"""Messages that change something: pauses, and invitations that are accepted.

Everything is decided by the message and the time at which it was received. So a message that is seen to
again, after a crash, changes nothing.
"""

from __future__ import annotations

from datetime import datetime

from bot.core.invitations import hash_code, is_code
from bot.core.language import Language
from bot.core.pauses import read_pause_end
from bot.core.roster import Athlete
from bot.core.texts import people as texts
from bot.core.updates import CommandUpdate
from bot.flows.replies import Reply
from bot.flows.roster import RosterKeeper
from bot.store.athletes import AthleteStore, UserTakenError


def is_request(command: CommandUpdate) -> bool:
    """Whether a message asks for a change."""
    return command.name in ("pause", "resume") or (command.name == "start" and command.argument != "")


class Requests:
    """Carries out what athletes, and those who are invited to be, ask for."""

    def __init__(self, athletes: AthleteStore, roster: RosterKeeper) -> None:
        self._athletes = athletes
        self._roster = roster

    async def carry_out(
        self,
        command: CommandUpdate,
        athlete: Athlete | None,
        language: Language,
        *,
        is_admin: bool,
        received_at: datetime,
    ) -> Reply:
        """Make the change durable, if there is one to make.

        Args:
            athlete: who asks; None for somebody who is not on the roster.

        Raises:
            StorageUnavailable, StorageRejected: doing it again is harmless.
        """
        if command.name == "start":
            return await self._accept(command, athlete, language, received_at)
        if athlete is None:
            return Reply(texts.PAUSE_FOR_ATHLETES(language), is_refused=not is_admin)
        if not command.is_private:
            return Reply(texts.PAUSE_PRIVATE(language))
        if command.name == "resume":
            await self._athletes.resume(athlete.athlete_id, received_at)
            await self._roster.refresh()
            return Reply(texts.RESUMED(language))
        return await self._pause(command, athlete, language, received_at)

    async def _pause(
        self, command: CommandUpdate, athlete: Athlete, language: Language, since: datetime
    ) -> Reply:
        zone = athlete.hours.zone
        try:
            until = read_pause_end(command.argument, since, zone)
        except ValueError:
            return Reply(texts.PAUSE_USAGE(language))
        # Who is on the roster by ATHLETE_IDS alone gets a document now.
        user_id = athlete.user_id if athlete.user_id in self._roster.user_ids else None
        known = await self._athletes.pause(athlete.athlete_id, since, until, user_id=user_id, now=since)
        await self._roster.refresh()
        if not known:  # removed a moment ago
            return Reply(texts.PAUSE_FOR_ATHLETES(language), is_refused=True)
        return Reply(texts.paused(until, zone, language))

    async def _accept(
        self, command: CommandUpdate, athlete: Athlete | None, language: Language, now: datetime
    ) -> Reply:
        if not command.is_private:
            return Reply(texts.INVITATION_PRIVATE(language), is_refused=athlete is None)
        document = None
        try:
            if is_code(command.argument):
                code_hash = hash_code(command.argument)
                document = await self._athletes.redeem(code_hash, command.user_id, command.chat_id, now)
        except UserTakenError:
            pass  # the roster may not know yet
        if document is not None:
            roster = await self._roster.refresh()
            welcome = roster.by_id(str(document["athleteId"]))
            return Reply(texts.enlisted(None if welcome is None else welcome.name, language))
        athlete = athlete or (await self._roster.loaded({command.user_id})).by_user(command.user_id)
        if athlete is not None:
            return Reply(texts.enlisted_before(athlete.name or athlete.athlete_id, language), is_refused=True)
        return Reply(texts.invitation_invalid(command.user_id, language), is_refused=True)
