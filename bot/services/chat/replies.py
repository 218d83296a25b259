"""Replies to messages: when they are sent, and in which order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.core.shared.errors import (
    TelegramError,
    TelegramRateLimited,
    TelegramRejected,
)
from bot.core.telegram.rate_limits import SendLimits
from bot.core.telegram.updates import CommandUpdate, NoteUpdate
from bot.logs import describe_defect
from bot.services.chat.commands import ChatCommands
from bot.services.chat.reply import Reply
from bot.services.people.language_cache import LanguageCache
from bot.services.telegram.api import BotApi, Within
from bot.services.telegram.reactions import MessageReactions
from bot.services.telegram.sending import rate_limited

log = logging.getLogger(__name__)

# More than this many unanswered messages from one person in a chat are a flood, and are not replied to. What
# has become of notes is told nevertheless: after an absence several may come at once.
_PER_PERSON = 3
_OUTCOMES_PER_PERSON = 30
_RECHECK = 0.25


@dataclass(slots=True, eq=False)
class _Waiting:
    """A message without a reply yet.

    Attributes:
        reply: what to say; None: that is to be made.
        work: makes it.
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
        commands: say what is not known before.
        reactions: shared with whoever else gives some.
    """

    def __init__(
        self,
        api: BotApi,
        limits: SendLimits,
        commands: ChatCommands,
        languages: LanguageCache,
        monotonic: Callable[[], float] = time.monotonic,
        reactions: MessageReactions | None = None,
    ) -> None:
        self._api = api
        self._limits = limits
        self._commands = commands
        self._languages = languages
        self._monotonic = monotonic
        self._reactions = reactions or MessageReactions(api, limits, monotonic)
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()

    def put(
        self, command: CommandUpdate | NoteUpdate, done: Callable[[], None], reply: Reply | None = None
    ) -> None:
        """Reply soon, with `reply` or as the command says; `done` is called when that is done or given up."""
        most = _OUTCOMES_PER_PERSON if reply is not None and reply.is_outcome else _PER_PERSON
        if sum(_sender(it.command) == _sender(command) for it in self._waiting) >= most:
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
            if ready.reply is None and ready.work is None:
                ready.work = asyncio.create_task(self._prepare(ready))
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
        reply, chat_id, within = waiting.reply, waiting.command.chat_id, _within(waiting.command)
        if reply is None or not reply.text:
            return
        message_id = waiting.command.message_id
        if reply.reaction is not None and message_id is not None:
            if await self._reactions.give(chat_id, message_id, reply.reaction):
                return
            waiting.reply = reply = replace(reply, reaction=None)
        if reply.picture is not None:
            try:
                async with rate_limited(self._limits, chat_id, self._monotonic):
                    await self._api.send_photo(chat_id, reply.picture, reply.text, within=within)
                return
            except TelegramRejected as exc:
                log.warning("Telegram does not take the picture: %s", exc)
                waiting.reply = reply = Reply(reply.without_picture)
        async with rate_limited(self._limits, chat_id, self._monotonic):
            if reply.file is not None:
                await self._api.send_document(
                    chat_id, reply.file.name, reply.file.content, reply.text, within=within
                )
            else:
                await self._api.send(
                    chat_id, reply.text, html=reply.html, keyboard=reply.keyboard, within=within
                )

    async def _prepare(self, waiting: _Waiting) -> None:
        command = waiting.command
        try:
            waiting.reply = await self._commands.reply(command)
        except Exception as exc:  # noqa: BLE001  # whoever asked is told
            log.error("preparing a reply failed unexpectedly: %s", describe_defect(exc))
            language = self._languages.of(command.user_id, command.language_code)
            waiting.reply = Reply(language.texts.people.not_done)
        self._wake.set()


def _sender(message: CommandUpdate | NoteUpdate) -> tuple[int, int]:
    return message.chat_id, message.user_id


def _within(message: CommandUpdate | NoteUpdate) -> Within:
    """Where it was written; among others, what is replied to is quoted."""
    return Within(message.thread_id, None if message.is_private else message.message_id)
