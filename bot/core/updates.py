"""The wire shape of updates -> what the bot acts on.

Only the fields that are needed are read, and only those without which nothing can be done are required,
so that a tap is not lost because Telegram changed something beside it.
Source: https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.feedback import Tap

ALLOWED_UPDATES = ("message", "callback_query")

TAP_LIFETIME = timedelta(seconds=150)
"""Telegram forgets a callback query after this time: a longer gap in polling may have swallowed taps."""

_UNREADABLE = "unreadable"
_INT64 = 2**63
# The years that datetime can hold, less a day at either end: zones are applied later.
_FIRST_SECOND, _LAST_SECOND = 86_400, 253_402_300_799 - 86_400


class UnreadableUpdate(Exception):
    """The update lacks something without which nothing can be done; the message names the field."""


@dataclass(frozen=True, slots=True)
class Prompted:
    """The message below which a button was tapped, as far as it was sent along.

    Attributes:
        text: None for inaccessible messages, and for those without text.
        entities: its formatting, as Telegram sends it.
        keyboard: rows of buttons as Telegram sends them.
    """

    text: str | None
    entities: list[dict[str, Any]]
    keyboard: list[list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class TapUpdate:
    """Somebody tapped a button."""

    tap: Tap
    prompted: Prompted


@dataclass(frozen=True, slots=True)
class CommandUpdate:
    """Somebody wrote to the bot.

    Attributes:
        name: the command without slash and bot name, lower case; empty for other messages.
        argument: what follows the command.
    """

    update_id: int
    user_id: int
    chat_id: int
    is_private: bool
    name: str
    argument: str


def is_refused(command: CommandUpdate, *, is_athlete: bool, is_admin: bool) -> bool:
    """Whether the sender may not have this: a stranger anything, somebody else than an admin `/stats`."""
    return not is_admin and (not is_athlete or command.name == "stats")


def unreadable(update_id: int, text: str) -> dict[str, Any]:
    """What stands in the journal for an update that is not even JSON; `read_update` refuses it."""
    return {"update_id": update_id, _UNREADABLE: text}


def read_update(update: object, received_at: datetime) -> TapUpdate | CommandUpdate | None:
    """What an update asks for; None if the bot has nothing to do with its kind.

    Raises:
        UnreadableUpdate: a field is missing or of the wrong type.
    """
    if not isinstance(update, dict):
        raise UnreadableUpdate("update: not an object")
    if _UNREADABLE in update:
        raise UnreadableUpdate("update: not JSON, or nested too deeply")
    if "callback_query" in update:
        return _read_tap(update, _object(update["callback_query"], "callback_query"), received_at)
    if "message" in update:
        return _read_message(update.get("update_id"), update["message"])
    return None


def query_id_of(update: object) -> str | None:
    """The id of an update's callback query, even if nothing else in it can be read."""
    query = update.get("callback_query") if isinstance(update, dict) else None
    query_id = query.get("id") if isinstance(query, dict) else None
    return query_id if isinstance(query_id, str) and query_id else None


def _read_tap(update: dict[str, Any], query: dict[str, Any], received_at: datetime) -> TapUpdate:
    query_id = query_id_of(update)
    if query_id is None:
        raise UnreadableUpdate("callback_query.id: not a string")
    sender = _object(query.get("from"), "callback_query.from")
    message = query.get("message")
    message = message if isinstance(message, dict) else {}
    chat = message.get("chat")
    text, data, username = message.get("text"), query.get("data"), sender.get("username")
    tap = Tap(
        update_id=_integer(update.get("update_id"), "update_id"),
        query_id=query_id,
        user_id=_integer(sender.get("id"), "callback_query.from.id"),
        username=_clean(username) if isinstance(username, str) else None,
        chat_id=read_int64(chat.get("id")) if isinstance(chat, dict) else None,
        message_id=read_int64(message.get("message_id")),
        prompt_at=read_instant(message.get("date")),
        data=data if isinstance(data, str) else None,
        received_at=received_at,
    )
    prompted = Prompted(
        text=text if isinstance(text, str) else None,
        entities=_dicts(message.get("entities")),
        keyboard=_keyboard(message.get("reply_markup")),
    )
    return TapUpdate(tap, prompted)


def _read_message(update_id: object, raw: object) -> CommandUpdate | None:
    message = _object(raw, "message")
    chat = _object(message.get("chat"), "message.chat")
    chat_id = _integer(chat.get("id"), "message.chat.id")
    sender = message.get("from")
    if not isinstance(sender, dict) or sender.get("is_bot") is True:
        return None
    number = _integer(update_id, "update_id")
    user_id = _integer(sender.get("id"), "message.from.id")
    is_private = chat.get("type") == "private"
    text = message.get("text")
    if not isinstance(text, str) or not text.startswith("/"):
        return CommandUpdate(number, user_id, chat_id, is_private, "", "") if is_private else None
    command, _, argument = text.partition(" ")
    return CommandUpdate(
        number, user_id, chat_id, is_private, command[1:].partition("@")[0].lower(), argument.strip()
    )


def _object(value: object, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableUpdate(f"{field}: not an object")
    return value


def _integer(value: object, field: str) -> int:
    number = read_int64(value)
    if number is None:
        raise UnreadableUpdate(f"{field}: not a 64-bit integer")
    return number


def read_int64(value: object) -> int | None:
    """The number, if it is one that MongoDB and SQLite can hold."""
    if isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64:
        return value
    return None


def read_instant(value: object) -> datetime | None:
    """The instant of a date on the wire (Unix seconds); None if there is none."""
    # A date of 0 marks a message that Telegram can no longer show.
    seconds = read_int64(value)
    if seconds is None or not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _clean(text: str) -> str:
    """Without lone surrogates, which neither UTF-8 nor BSON can carry."""
    return text.encode("utf-8", "replace").decode()


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _keyboard(markup: object) -> list[list[dict[str, Any]]]:
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    return [_dicts(row) for row in rows] if isinstance(rows, list) else []
