"""Showing the chosen answer in the message that asked. Best effort: what counts is stored elsewhere."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.core.answers.message import MessageEdit
from bot.core.shared.errors import TelegramError, TelegramRateLimited, TelegramRejected
from bot.core.telegram.rate_limits import SendLimits
from bot.logs import describe_defect
from bot.services.periodic import FaultLog, repeat
from bot.services.telegram.api import BotApi
from bot.services.telegram.sending import rate_limited

log = logging.getLogger(__name__)

_MAX_WAITING = 20_000
_RECHECK = 0.25


@dataclass(frozen=True, slots=True)
class _Waiting:
    render: Callable[[], MessageEdit]
    done: Callable[[bool], None]


class MessageEditor:
    """Edits prompts within Telegram's limits; of several changes to one message only the last is shown.

    Args:
        limits: shared with everything that sends.
        monotonic: the clock of `limits`.
    """

    def __init__(
        self, api: BotApi, limits: SendLimits, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._api = api
        self._limits = limits
        self._monotonic = monotonic
        self._waiting: dict[tuple[int, int], _Waiting] = {}
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._faults = FaultLog(log, waits="", fails="showing answers fails", expected=())

    def put(
        self,
        chat_id: int,
        message_id: int,
        render: Callable[[], MessageEdit],
        done: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """Make a message look so soon.

        Args:
            render: called when its turn comes. Many never have one, since a later change comes before.
            done: called once with whether nothing is left to do: it is shown, Telegram refuses it, or a later
                change comes in its place.
        """
        key = (chat_id, message_id)
        # Behind the others, so that one busy message cannot starve them.
        if (replaced := self._waiting.pop(key, None)) is not None:
            replaced.done(True)  # noqa: FBT003
        if len(self._waiting) >= _MAX_WAITING:
            self._waiting.pop(next(iter(self._waiting))).done(False)  # noqa: FBT003
        self._waiting[key] = _Waiting(render, done)
        self._empty.clear()
        self._wake.set()

    async def run(self) -> None:
        """Edit until cancelled."""
        await repeat(self._edit_next, 0.0, self._faults)

    async def drain(self) -> None:
        """Return when nothing is waiting any more."""
        await self._empty.wait()

    async def _edit_next(self) -> float | None:
        """Edit the first message whose chat may be written to now; without one, returns how long to wait."""
        if not self._waiting:
            self._wake.clear()
            self._empty.set()
            await self._wake.wait()
        now = self._monotonic()
        blocked = self._limits.waiting(now)
        key = next((key for key in self._waiting if key[0] not in blocked), None)
        if key is None:
            return _RECHECK
        waiting, is_done = self._waiting[key], True
        try:
            async with rate_limited(self._limits, key[0], self._monotonic):
                waiting = self._waiting.pop(key)
                await self._edit(*key, waiting.render())
        except TelegramRateLimited as exc:
            self._limits.hold(key[0], self._monotonic() + exc.retry_after)
            if self._waiting.setdefault(key, waiting) is waiting:
                return None
        except TelegramError as exc:
            is_done = isinstance(exc, TelegramRejected)
            log.info("an answer could not be shown in its message: %s", exc)
        except Exception as exc:  # noqa: BLE001  # one message's defect must not end the others' marks
            log.error("showing an answer failed unexpectedly: %s", describe_defect(exc))
        waiting.done(is_done)
        return None

    async def _edit(self, chat_id: int, message_id: int, edit: MessageEdit) -> None:
        if edit.text is None:
            await self._api.edit_keyboard(chat_id, message_id, edit.keyboard)
        else:
            await self._api.edit_text(
                chat_id, message_id, edit.text, edit.entities, edit.keyboard, html=edit.html
            )
