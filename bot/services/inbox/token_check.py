"""Whether Telegram's refusal of the token ends the service.

A token that Telegram has taken before may be refused for a while, as by a proxy or a Bot API server that is
being set up: then it is tried again for as long as it takes. One that it never took from here is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.shared.errors import ConfigError, TelegramUnauthorized
from bot.store.inbox.journal import TOKEN_FACT

_REFUSALS_AT_START = 3


class TokenCheck:
    """What is known of the token.

    Args:
        token: a number that stands for it.
    """

    def __init__(self, token: int) -> None:
        self._token = token
        self._is_known = False
        self._refusals = 0

    def recall(self, facts: Mapping[str, int]) -> None:
        """What the journal remembers of earlier runs."""
        self._is_known = facts.get(TOKEN_FACT) == self._token

    def refused(self, exc: TelegramUnauthorized) -> None:
        """Telegram refuses it.

        Raises:
            ConfigError: for the third time, and it never took it from here.
        """
        self._refusals += 1
        if not self._is_known and self._refusals >= _REFUSALS_AT_START:
            raise ConfigError(str(exc)) from None

    def taken(self) -> dict[str, int]:
        """Telegram takes it; returns the fact to remember."""
        self._is_known = True
        return {TOKEN_FACT: self._token}
