"""Every chat command with its handler; who may not use one, and where it is not carried out, is seen here."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from bot.core.facts.commands import Audience, Command, Place
from bot.core.i18n.language import Language
from bot.core.people import texts
from bot.core.people.athlete import Athlete
from bot.core.shared.clock import Clock
from bot.core.shared.errors import JournalError, StorageError
from bot.core.telegram.updates import CommandUpdate, NoteUpdate
from bot.services.chat.reply import Received, Reply
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CommandRequest(Received[CommandUpdate]):
    """A command that is to be carried out."""


Handler: TypeAlias = Callable[[CommandRequest], Awaitable[Reply]]


class ChatCommands:
    """Carries out commands.

    Args:
        handlers: one for each command.
        admins: ADMIN_IDS.
        coach_chat_id: COACH_CHAT_ID.

    Raises:
        ValueError: a command has no handler, or two.
    """

    def __init__(
        self,
        handlers: Iterable[Mapping[Command, Handler]],
        roster: RosterCache,
        languages: LanguageCache,
        clock: Clock,
        *,
        admins: frozenset[int],
        coach_chat_id: int | None = None,
    ) -> None:
        pairs = [pair for some in handlers for pair in some.items()]
        self._handlers = dict(pairs)
        if sorted(command for command, _ in pairs) != sorted(Command):
            raise ValueError("not exactly one handler for each command")
        self._roster = roster
        self._languages = languages
        self._clock = clock
        self._admins = admins
        self._coach_chat_id = coach_chat_id

    async def carry_out(
        self,
        update: CommandUpdate,
        athlete: Athlete | None,
        language: Language,
        *,
        is_admin: bool,
        received_at: datetime,
    ) -> Reply:
        """Make the change that a command asks for durable, if there is one to make.

        Args:
            update: what they wrote.
            athlete: who asks; None for somebody who is not on the roster.
            language: of the reply.
            is_admin: whether they are one of ADMIN_IDS.
            received_at: when this bot first received it.

        Raises:
            StorageError: doing it again is harmless.
        """
        is_coach_chat = update.chat_id == self._coach_chat_id
        request = CommandRequest(update, athlete, language, is_admin, is_coach_chat, received_at)
        return await self._run(request)

    async def reply(self, update: CommandUpdate | NoteUpdate) -> Reply:
        """What to say to a message that changes nothing; never fails for want of the database."""
        if isinstance(update, NoteUpdate):
            return Reply("")
        language = self._languages.of(update.user_id, update.language_code)
        is_admin, is_coach_chat = update.user_id in self._admins, update.chat_id == self._coach_chat_id
        try:
            sender = self._roster.athlete(update.user_id)
            if sender is None and update.command is not None and update.command.audience is Audience.ATHLETES:
                # They may have been added a moment ago.
                sender = (await self._roster.loaded({update.user_id})).by_user(update.user_id)
            request = CommandRequest(update, sender, language, is_admin, is_coach_chat, self._clock())
            return await self._run(request)
        except (StorageError, JournalError) as exc:
            log.warning("/%s has to wait: %s", update.name, exc)
            return Reply(language.texts.rules.later)

    async def _run(self, request: CommandRequest) -> Reply:
        command, language, is_admin = request.update.command, request.language, request.is_admin
        if command is None:
            return Reply(_hint(request) if request.update.is_private else "")
        is_athlete = request.sender is not None
        if not command.is_for(is_athlete=is_athlete, is_admin=is_admin, is_coach=request.is_coach_chat):
            return Reply(texts.for_others(command, language), is_refused=not is_admin)
        if not _is_in_place(command, request):
            return Reply(texts.elsewhere(command, language))
        return await self._handlers[command](request)


def _hint(request: CommandRequest) -> str:
    """What is said to something that is no command of ours; only athletes have questions to answer."""
    language = request.language
    if request.sender is not None:
        people = language.texts.people
        return people.unknown_command if request.update.name else people.try_help
    if request.is_coach_chat:
        return language.texts.coach.how_to_reply
    return texts.welcome(request.update.user_id, language, athlete=False, admin=request.is_admin)


def _is_in_place(command: Command, request: CommandRequest) -> bool:
    update, athlete = request.update, request.sender
    match command.place:
        case Place.ANYWHERE:
            return True
        case Place.OWN_CHAT:
            return update.is_private or (athlete is not None and update.chat_id == athlete.chat_id)
        case Place.PRIVATE:
            return update.is_private
