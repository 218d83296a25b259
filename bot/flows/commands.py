"""Replies to messages: `/start`, `/help`, `/stats`, what `requests` says, and a hint for everything else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.core import texts, texts_stats
from bot.core.errors import (
    JournalError,
    PictureError,
    StorageRejected,
    StorageUnavailable,
    TelegramError,
    TelegramRateLimited,
    TelegramRejected,
)
from bot.core.language import Language
from bot.core.limits import SendLimits
from bot.core.stats import Stats
from bot.core.updates import CommandUpdate
from bot.flows.figures import DEFAULT_DAYS, MAX_DAYS
from bot.flows.ports import BotApi
from bot.flows.roster import RosterKeeper
from bot.flows.turns import turn
from bot.logs import describe_defect

log = logging.getLogger(__name__)

# More than this many unanswered messages from one chat are a flood, and are not replied to.
_PER_CHAT = 3
_RECHECK = 0.25
_DIGITS = 3
_LANGUAGE = Language.EN


@dataclass(frozen=True, slots=True)
class _Picture:
    """A reply that is a picture with a text below."""

    png: bytes
    caption: str


@dataclass(slots=True, eq=False)
class _Waiting:
    """A message without a reply yet.

    Attributes:
        reply: if it is known already what to say.
        work: makes the reply, where that takes a while.
    """

    command: CommandUpdate
    done: Callable[[], None]
    reply: str | _Picture | None
    work: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the reply may leave, as far as it is concerned."""
        return self.work is None or self.work.done()


class Commands:
    """Replies to messages, one after the other, within Telegram's limits. A reply is sent at most once.

    Args:
        stats: figures over so many days.
        draw: their picture.
    """

    def __init__(
        self,
        api: BotApi,
        limits: SendLimits,
        stats: Callable[[int], Awaitable[Stats]],
        roster: RosterKeeper,
        draw: Callable[[Stats, Language], Awaitable[bytes]],
        *,
        admins: frozenset[int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._limits = limits
        self._stats = stats
        self._roster = roster
        self._draw = draw
        self._admins = admins
        self._monotonic = monotonic
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()

    def put(self, command: CommandUpdate, done: Callable[[], None], text: str | None = None) -> None:
        """Reply soon, with `text` or as the command says; `done` is called when that is done or given up."""
        if sum(it.command.chat_id == command.chat_id for it in self._waiting) >= _PER_CHAT:
            done()
            return
        self._waiting.append(_Waiting(command, done, text))
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
            if ready.reply is None and ready.work is None and self._is_stats(ready.command):
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
        reply, chat_id = waiting.reply or self._text(waiting.command), waiting.command.chat_id
        if isinstance(reply, _Picture):
            try:
                async with turn(self._limits, chat_id, self._monotonic):
                    await self._api.send_photo(chat_id, reply.png, reply.caption)
                return
            except TelegramRejected as exc:
                log.warning("Telegram does not take the picture: %s", exc)
                reply = texts_stats.without_picture(reply.caption, _LANGUAGE, is_missing_extra=False)
                waiting.reply = reply
        if reply is not None:
            async with turn(self._limits, chat_id, self._monotonic):
                await self._api.send(chat_id, reply)

    def _text(self, command: CommandUpdate) -> str | None:
        is_admin = command.user_id in self._admins
        match command.name:
            case "start":
                is_athlete = self._roster.athlete(command.user_id) is not None
                return texts.welcome(command.user_id, athlete=is_athlete, admin=is_admin)
            case "help":
                return texts.help_text(admin=is_admin)
            case "stats" if not is_admin:
                return texts.STATS_FOR_ADMINS
            case "stats" if not command.is_private:
                return texts.STATS_PRIVATE
            case "stats":
                return texts.STATS_USAGE
            case _:
                return texts.TRY_HELP if command.is_private else None

    def _is_stats(self, command: CommandUpdate) -> bool:
        """Whether figures are to be shown."""
        is_allowed = command.user_id in self._admins and command.is_private
        return command.name == "stats" and is_allowed and _days(command.argument) is not None

    async def _prepare(self, waiting: _Waiting) -> None:
        """Make the reply to /stats."""
        try:
            waiting.reply = await self._stats_reply(_days(waiting.command.argument) or DEFAULT_DAYS)
        except Exception as exc:  # noqa: BLE001  # whoever asked is told
            log.error("the figures failed unexpectedly: %s", describe_defect(exc))
            waiting.reply = texts.STATS_LATER
        self._wake.set()

    async def _stats_reply(self, days: int) -> str | _Picture:
        try:
            figures = await self._stats(days)
        except (StorageUnavailable, StorageRejected, JournalError) as exc:
            log.warning("%s", exc)
            return texts.STATS_LATER
        text = texts_stats.stats(figures, _LANGUAGE)
        try:
            return _Picture(await self._draw(figures, _LANGUAGE), text)
        except PictureError as exc:
            log.warning("/stats without a picture: %s", exc)
            return texts_stats.without_picture(text, _LANGUAGE, is_missing_extra=exc.is_missing_extra)


def _days(argument: str) -> int | None:
    """The number of days asked for; None if that is none."""
    if not argument:
        return DEFAULT_DAYS
    days = int(argument) if argument.isascii() and argument.isdigit() and len(argument) <= _DIGITS else 0
    return days if 1 <= days <= MAX_DAYS else None
