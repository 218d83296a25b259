"""A Bot API that measures its calls, without knowing who counts: `bot.metrics`, or nobody."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from bot.core.answers.keyboards import Keyboard
from bot.core.health.metrics import POLLS, SENDS, CallMetric, CountMetric, SendKind, SendResult
from bot.core.shared.errors import TelegramError, TelegramRateLimited, TelegramRejected
from bot.services.telegram.api import ANYWHERE, BotApi, SentMessage, Within

_T = TypeVar("_T")


class Meters(Protocol):
    """Takes measurements; every call is quick, and never fails."""

    def count(self, metric: CountMetric, *labels: str) -> None:
        """Something has happened.

        Args:
            labels: a value for each label of the metric, in its order.
        """

    def called(self, metric: CallMetric, seconds: float | None, *, succeeded: bool) -> None:
        """A call has ended, after so many seconds; None: how long it took says nothing."""


class NoMeters:
    """Nobody counts."""

    def count(self, metric: CountMetric, *labels: str) -> None:
        """See `Meters`."""

    def called(self, metric: CallMetric, seconds: float | None, *, succeeded: bool) -> None:
        """See `Meters`."""


class MeteredApi:
    """A `BotApi` that measures every call on its way to another one.

    Args:
        kind: what its messages are.
        monotonic: seconds.
    """

    def __init__(
        self, api: BotApi, meters: Meters, kind: SendKind, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._api = api
        self._meters = meters
        self._kind = kind
        self._monotonic = monotonic

    async def get_updates(self, offset: int | None, timeout: float, limit: int) -> list[Any]:
        """See `BotApi`."""
        started = self._monotonic()
        try:
            updates = await self._api.get_updates(offset, timeout, limit)
        except TelegramError:
            self._meters.called(POLLS, self._monotonic() - started, succeeded=False)
            raise
        took = self._monotonic() - started
        delay: float | None = None
        if not updates:
            delay = max(0.0, took - timeout)
        elif not timeout or len(updates) >= limit > 1:  # there was more than enough already
            delay = took
        # Else nobody knows how long the poll was held before something came.
        self._meters.called(POLLS, delay, succeeded=True)
        return updates

    async def answer(self, query_id: str, text: str, *, alert: bool) -> None:
        """See `BotApi`."""
        await self._counted(SendKind.ANSWER, self._api.answer(query_id, text, alert=alert))

    async def send(
        self,
        chat_id: int,
        text: str,
        *,
        html: bool = False,
        keyboard: Keyboard | None = None,
        within: Within = ANYWHERE,
    ) -> SentMessage:
        """See `BotApi`."""
        call = self._api.send(chat_id, text, html=html, keyboard=keyboard, within=within)
        return await self._counted(self._kind, call)

    async def send_photo(
        self, chat_id: int, png: bytes, caption: str, *, within: Within = ANYWHERE
    ) -> SentMessage:
        """See `BotApi`."""
        call = self._api.send_photo(chat_id, png, caption, within=within)
        return await self._counted(self._kind, call)

    async def send_document(
        self, chat_id: int, name: str, content: bytes, caption: str, *, within: Within = ANYWHERE
    ) -> SentMessage:
        """See `BotApi`."""
        call = self._api.send_document(chat_id, name, content, caption, within=within)
        return await self._counted(self._kind, call)

    async def copy(
        self, chat_id: int, from_chat_id: int, message_id: int, *, within: Within = ANYWHERE
    ) -> SentMessage:
        """See `BotApi`."""
        call = self._api.copy(chat_id, from_chat_id, message_id, within=within)
        return await self._counted(self._kind, call)

    async def edit_text(
        self,
        chat_id: int,
        message_id: int,
        text: str,
        entities: list[dict[str, Any]],
        keyboard: Keyboard,
        *,
        html: bool = False,
    ) -> None:
        """See `BotApi`."""
        edit = self._api.edit_text(chat_id, message_id, text, entities, keyboard, html=html)
        await self._counted(SendKind.EDIT, edit)

    async def edit_keyboard(self, chat_id: int, message_id: int, keyboard: Keyboard) -> None:
        """See `BotApi`."""
        await self._counted(SendKind.EDIT, self._api.edit_keyboard(chat_id, message_id, keyboard))

    async def react(self, chat_id: int, message_id: int, emoji: str) -> None:
        """See `BotApi`."""
        await self._counted(SendKind.REACTION, self._api.react(chat_id, message_id, emoji))

    async def _counted(self, kind: SendKind, call: Awaitable[_T]) -> _T:
        try:
            result = await call
        except TelegramError as exc:
            self._meters.count(SENDS, kind, _result(exc))
            raise
        self._meters.count(SENDS, kind, SendResult.SENT)
        return result


def _result(exc: TelegramError) -> SendResult:
    match exc:
        case TelegramRateLimited():
            return SendResult.LIMITED
        case TelegramRejected():
            return SendResult.REJECTED
        case _:
            return SendResult.FAILED
