"""What can go wrong: a call of the bot is refused, or a step of the script makes no sense."""

from __future__ import annotations

from typing import Any

from bot.core.shared.errors import BotError


class ApiError(Exception):
    """A call that Telegram would refuse.

    Attributes:
        code: the HTTP status and `error_code`.
        description: the reason in Telegram's words, prefix included.
        parameters: `retry_after` or `migrate_to_chat_id`, where Telegram sends them.
    """

    def __init__(self, code: int, description: str, parameters: dict[str, Any] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def bad_request(reason: str) -> ApiError:
    """The commonest refusal: 400 with Telegram's prefix."""
    return ApiError(400, f"Bad Request: {reason}")


class SandboxError(BotError):
    """A scripted step is impossible: no such message, button, user step or setting."""
