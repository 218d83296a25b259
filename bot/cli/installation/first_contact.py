"""The first words between a bot and the person who sets it up. Nothing is confirmed to Telegram: whatever
has come for the bot, the service still gets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.core.people.newcomers import Newcomer, read_newcomers
from bot.core.shared.clock import system_clock
from bot.core.shared.errors import (
    BotError,
    TelegramConflict,
    TelegramError,
    TelegramNotSent,
    TelegramRateLimited,
    TelegramUnauthorized,
)
from bot.services.telegram.api import MAX_UPDATES
from bot.telegram.client import BotClient

_POLL = 10.0  # seconds; as long as nothing has come
_LOOK_AGAIN = 1.0  # seconds; then everything that has come comes again at once


class UnseenError(BotError):
    """Who writes to the bot cannot be seen from here; the message says why."""


@dataclass(frozen=True, slots=True)
class KnownBot:
    """A bot whose token Telegram takes.

    Attributes:
        webhook: what Telegram says of its webhook.
    """

    username: str
    name: str
    webhook: Mapping[str, Any]

    @property
    def link(self) -> str:
        """Opens a chat with it."""
        return f"https://t.me/{self.username}"


class FirstContact:
    """Calls of one bot, each on a connection of its own.

    Args:
        runner: of the calls. Questions to a person come in between, and must be open to Ctrl-C.

    Raises the `TelegramError` family of `bot.core.shared.errors`.
    """

    def __init__(self, runner: asyncio.Runner, token: str, api_url: str) -> None:
        self._runner = runner
        self._token = token
        self._api_url = api_url

    def look(self) -> KnownBot:
        """Who the bot is."""

        async def work() -> KnownBot:
            async with self._client() as api:
                me = await api.get_me()
                username = str(me.get("username"))
                return KnownBot(username, str(me.get("first_name") or username), await api.webhook_info())

        try:
            return self._runner.run(work())
        except TelegramNotSent as exc:
            raise TelegramNotSent(
                f"{exc}; look at the network, and at TELEGRAM_API_URL and HTTPS_PROXY if they are set"
            ) from None

    def remove_webhook(self) -> None:
        """Have its messages wait to be fetched."""

        async def work() -> None:
            async with self._client() as api:
                await api.delete_webhook()

        self._runner.run(work())

    def wait_for_somebody(
        self, but: Collection[int], on_trouble: Callable[[str], None]
    ) -> Sequence[Newcomer]:
        """Who has written to the bot, once somebody has; the last one first.

        Args:
            but: users who do not count.
            on_trouble: told why Telegram cannot be asked, once; it is asked again and again.

        Raises:
            UnseenError: another program takes what comes, or too much waits for the bot.
            TelegramUnauthorized: the token is refused.
        """
        return self._runner.run(self._wait(but, on_trouble))

    async def _wait(self, but: Collection[int], on_trouble: Callable[[str], None]) -> Sequence[Newcomer]:
        found: Sequence[Newcomer] = ()
        timeout, pause, is_told = 0.0, 0.0, False
        async with self._client() as api:
            while not found:
                await asyncio.sleep(pause)
                try:
                    updates = await api.get_updates(None, timeout, MAX_UPDATES)
                except TelegramConflict as exc:
                    raise UnseenError(f"another program takes what is written to it ({exc})") from None
                except TelegramUnauthorized:
                    raise
                except TelegramError as exc:
                    if not is_told:
                        on_trouble(str(exc))
                    is_told = True
                    pause = exc.retry_after if isinstance(exc, TelegramRateLimited) else _LOOK_AGAIN
                    continue
                found = [it for it in read_newcomers(updates, system_clock()) if it.user_id not in but]
                if not found and len(updates) >= MAX_UPDATES:
                    raise UnseenError(
                        f"{MAX_UPDATES} messages and taps wait for the service, and what comes behind them"
                        " cannot be seen before it has taken them"
                    )
                # A poll comes back at once with what has not been confirmed.
                timeout, pause = (0.0, _LOOK_AGAIN) if updates else (_POLL, 0.0)
        return found

    def write(self, user_id: int, text: str) -> None:
        """Write to somebody.

        Raises:
            TelegramRejected: the bot may not write to them.
        """

        async def work() -> None:
            async with self._client() as api:
                await api.send(user_id, text)

        self._runner.run(work())

    def _client(self) -> BotClient:
        return BotClient(self._token, self._api_url)
