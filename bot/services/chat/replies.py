"""Replies to messages: `/start`, `/help`, `/stats`, what `requests` and `personal` say, else a hint."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from bot.core.figures import texts as stats_texts
from bot.core.figures.stats import Stats
from bot.core.i18n.language import Language
from bot.core.people import texts
from bot.core.shared.errors import (
    JournalError,
    PictureError,
    StorageError,
    TelegramError,
    TelegramRateLimited,
    TelegramRejected,
)
from bot.core.telegram.rate_limits import SendLimits
from bot.core.telegram.updates import CommandUpdate, NoteUpdate
from bot.logs import describe_defect
from bot.services.chat.personal_commands import PersonalCommands
from bot.services.chat.reply import Reply
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.reports.figures import DEFAULT_DAYS, MAX_DAYS
from bot.services.telegram.api import BotApi
from bot.services.telegram.sending import turn

log = logging.getLogger(__name__)

# More than this many unanswered messages from one chat are a flood, and are not replied to. What has become
# of notes is told nevertheless: after an absence several may come at once.
_PER_CHAT = 3
_OUTCOMES_PER_CHAT = 30
_RECHECK = 0.25
_DIGITS = 3


@dataclass(slots=True, eq=False)
class _Waiting:
    """A message without a reply yet.

    Attributes:
        reply: if it is known already what to say.
        work: makes the reply, where that takes a while.
    """

    command: CommandUpdate | NoteUpdate
    done: Callable[[], None]
    reply: Reply | None
    work: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the reply may leave, as far as it is concerned."""
        return self.work is None or self.work.done()


class CommandReplies:
    """Replies to messages, one after the other, within Telegram's limits. A reply is sent at most once.

    Args:
        stats: figures over so many days.
        draw: their picture.
        personal: what people ask about themselves.
        coach_chat_id: COACH_CHAT_ID.
    """

    def __init__(
        self,
        api: BotApi,
        limits: SendLimits,
        stats: Callable[[int], Awaitable[Stats]],
        roster: RosterCache,
        languages: LanguageCache,
        draw: Callable[[Stats, Language], Awaitable[bytes]],
        personal: PersonalCommands,
        *,
        admins: frozenset[int],
        coach_chat_id: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._limits = limits
        self._stats = stats
        self._roster = roster
        self._languages = languages
        self._draw = draw
        self._personal = personal
        self._admins = admins
        self._coach_chat_id = coach_chat_id
        self._monotonic = monotonic
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()

    def put(
        self, command: CommandUpdate | NoteUpdate, done: Callable[[], None], reply: Reply | None = None
    ) -> None:
        """Reply soon, with `reply` or as the command says; `done` is called when that is done or given up."""
        most = _OUTCOMES_PER_CHAT if reply is not None and reply.is_outcome else _PER_CHAT
        if sum(it.command.chat_id == command.chat_id for it in self._waiting) >= most:
            done()
            return
        self._waiting.append(_Waiting(command, done, reply))
        self._wake.set()

    async def run(self) -> None:
        """Reply until cancelled."""
        try:
            await self._run()
        finally:
            for waiting in self._waiting:
                if waiting.work is not None:
                    waiting.work.cancel()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            # A chat that must wait does not hold up the others, nor does a picture that is being drawn.
            blocked = self._limits.waiting(self._monotonic())
            able = [it for it in self._waiting if it.is_ready]
            ready = next((it for it in able if it.command.chat_id not in blocked), None)
            if ready is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _RECHECK if able else None)
                continue
            if ready.reply is None and ready.work is None and (work := self._work(ready.command)) is not None:
                ready.work = asyncio.create_task(self._prepare(ready, work))
                continue
            try:
                await self._reply(ready)
            except TelegramRateLimited as exc:
                self._limits.hold(ready.command.chat_id, self._monotonic() + exc.retry_after)
                continue
            except TelegramError as exc:
                log.info("a reply could not be sent: %s", exc)
            except Exception as exc:  # noqa: BLE001  # one message's defect must not end the others' replies
                log.error("a reply failed unexpectedly: %s", describe_defect(exc))
            self._waiting.remove(ready)
            ready.done()

    async def _reply(self, waiting: _Waiting) -> None:
        reply, chat_id = waiting.reply or self._answer(waiting.command), waiting.command.chat_id
        if reply is None or not reply.text:
            return
        if reply.picture is not None:
            try:
                async with turn(self._limits, chat_id, self._monotonic):
                    await self._api.send_photo(chat_id, reply.picture, reply.text)
                return
            except TelegramRejected as exc:
                log.warning("Telegram does not take the picture: %s", exc)
                waiting.reply = reply = Reply(reply.without_picture)
        async with turn(self._limits, chat_id, self._monotonic):
            if reply.file is not None:
                await self._api.send_document(chat_id, reply.file.name, reply.file.content, reply.text)
            else:
                await self._api.send(chat_id, reply.text, html=reply.html, keyboard=reply.keyboard)

    def _answer(self, command: CommandUpdate | NoteUpdate) -> Reply | None:
        language = self._languages.of(command.user_id, command.language_code)
        text = self._text(command, language) if isinstance(command, CommandUpdate) else None
        return None if text is None else Reply(text)

    def _text(self, command: CommandUpdate, language: Language) -> str | None:
        is_admin = command.user_id in self._admins
        match command.name:
            case "start":
                is_athlete = self._roster.athlete(command.user_id) is not None
                is_coach = command.chat_id == self._coach_chat_id
                return texts.welcome(
                    command.user_id, language, athlete=is_athlete, admin=is_admin, coach=is_coach
                )
            case "help":
                return texts.help_text(language, admin=is_admin)
            case "stats" if not is_admin:
                return language.texts.figures.for_admins
            case "stats" if not command.is_private:
                return language.texts.figures.private
            case "stats":
                return language.texts.figures.usage
            case _:
                return language.texts.people.try_help if command.is_private else None

    def _is_stats(self, command: CommandUpdate | NoteUpdate) -> bool:
        """Whether figures are to be shown."""
        is_allowed = command.user_id in self._admins and command.is_private
        is_stats = isinstance(command, CommandUpdate) and command.name == "stats"
        return is_stats and is_allowed and _days(command) is not None

    def _work(self, command: CommandUpdate | NoteUpdate) -> Callable[[Language], Awaitable[Reply]] | None:
        """What makes the reply, where that takes the database; None where it takes no while."""
        if self._is_stats(command):
            return partial(self._stats_reply, _days(command) or DEFAULT_DAYS)
        if isinstance(command, CommandUpdate) and self._personal.answers(command.name):
            return partial(self._personal.reply, command)
        return None

    async def _prepare(self, waiting: _Waiting, work: Callable[[Language], Awaitable[Reply]]) -> None:
        """Make a reply that takes a while."""
        command = waiting.command
        language = self._languages.of(command.user_id, command.language_code)
        try:
            waiting.reply = await work(language)
        except Exception as exc:  # noqa: BLE001  # whoever asked is told
            log.error("preparing a reply failed unexpectedly: %s", describe_defect(exc))
            waiting.reply = Reply(
                language.texts.figures.later if self._is_stats(command) else language.texts.people.not_done
            )
        self._wake.set()

    async def _stats_reply(self, days: int, language: Language) -> Reply:
        try:
            figures = await self._stats(days)
        except (StorageError, JournalError) as exc:
            log.warning("%s", exc)
            return Reply(language.texts.figures.later)
        text = stats_texts.stats(figures, language)
        try:
            picture = await self._draw(figures, language)
        except PictureError as exc:
            log.warning("/stats without a picture: %s", exc)
            return Reply(stats_texts.without_picture(text, language, is_missing_extra=exc.is_missing_extra))
        without = stats_texts.without_picture(text, language, is_missing_extra=False)
        return Reply(text, picture=picture, without_picture=without)


def _days(command: CommandUpdate | NoteUpdate) -> int | None:
    """The number of days asked for; None if that is none."""
    argument = command.argument if isinstance(command, CommandUpdate) else ""
    if not argument:
        return DEFAULT_DAYS
    days = int(argument) if argument.isascii() and argument.isdigit() and len(argument) <= _DIGITS else 0
    return days if 1 <= days <= MAX_DAYS else None
