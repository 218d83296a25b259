"""The Bot API's methods: names and parameters as they come over HTTP, mapped to the world's methods."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import bad_request
from bot.sandbox.world import Json, World

GET_UPDATES = "getUpdates"
_LONGEST_POLL = 50.0
_TRUE = frozenset({"true", "yes", "1"})


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a request: its name, size in bytes, and content."""

    file_name: str
    file_size: int
    content: bytes = field(default=b"", repr=False, compare=False)

    def as_dict(self) -> Json:
        """Name and size."""
        return {"file_name": self.file_name, "file_size": self.file_size}


class Params:
    """The parameters of a call: text from forms and query strings, any JSON from JSON bodies, or files."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def for_ledger(self) -> Json:
        """The parameters as plain JSON."""
        return {
            name: value.as_dict() if isinstance(value, Upload) else value
            for name, value in self.values.items()
        }

    def text(self, name: str) -> str:
        """A text; "" when it is missing or a file.

        Raises:
            ApiError: 400, it is no Unicode text (lone surrogates).
        """
        value = self.values.get(name, "")
        if not isinstance(value, str):
            value = "" if value is None or isinstance(value, Upload) else json.dumps(value)
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise bad_request("strings must be encoded in UTF-8") from None
        return value

    def integer(self, name: str, default: int = 0) -> int:
        """An integer; `default` when it is missing or no integer."""
        value = self.values.get(name)
        if isinstance(value, int):
            return int(value)
        if not isinstance(value, str):
            return default
        try:
            return int(value)
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        """A boolean; false when it is missing."""
        value = self.values.get(name, False)
        return value is True or str(value).lower() in _TRUE

    def structure(self, name: str, kind: type[Any]) -> Any:
        """A list or object, possibly as JSON text; None when it is missing.

        Raises:
            ApiError: 400, it is not JSON or of another kind.
        """
        value = self.values.get(name)
        if isinstance(value, str):
            if not value:
                return None
            try:
                value = json.loads(value)
            except ValueError:
                raise bad_request(f"can't parse {name} JSON object") from None
        if value is not None and not isinstance(value, kind):
            expected = "Array" if kind is list else "Object"
            raise bad_request(f"{expected} expected as {name.replace('_', ' ')}")
        return value

    def chat(self) -> int:
        """The chat's id.

        Raises:
            ApiError: 400, it is missing or no number (names of channels are not known here).
        """
        value = self.text("chat_id")
        if not value:
            raise bad_request("chat_id is empty")
        chat_id = self.integer("chat_id")
        if not chat_id:
            raise bad_request("chat not found")
        return chat_id

    def message(self) -> int:
        """The message's id within its chat.

        Raises:
            ApiError: 400, it is missing.
        """
        message_id = self.integer("message_id")
        if not message_id:
            raise bad_request("message identifier is not specified")
        return message_id

    def file(self, name: str) -> Upload:
        """The file in field `name`, in the field that it points to, or known to Telegram already.

        Raises:
            ApiError: 400, there is none.
        """
        value = self.values.get(name)
        if isinstance(value, str) and value.startswith("attach://"):
            value = self.values.get(value.removeprefix("attach://"))
            if not isinstance(value, Upload):
                value = None
        if isinstance(value, str) and value:
            return Upload(value, 0)
        if not isinstance(value, Upload):
            raise bad_request(f"there is no {name} in the request")
        if not value.file_size:
            raise bad_request("file must be non-empty")
        return value


@dataclass(frozen=True, slots=True)
class Poll:
    """The parameters of getUpdates; `timeout` in seconds."""

    offset: int
    limit: int
    timeout: float
    allowed_updates: list[str] | None

    @classmethod
    def of(cls, params: Params) -> Poll:
        """Reads them; numbers out of range are moved into it, as Telegram does."""
        kinds = params.structure("allowed_updates", list)
        return cls(
            offset=params.integer("offset"),
            limit=min(max(params.integer("limit", 100), 1), 100),
            timeout=min(max(float(params.integer("timeout")), 0.0), _LONGEST_POLL),
            allowed_updates=None if kinds is None else [str(kind) for kind in kinds],
        )


def _send_message(world: World, params: Params) -> Json:
    return world.send_message(
        params.chat(),
        params.text("text"),
        parse_mode=params.text("parse_mode"),
        entities=params.structure("entities", list),
        reply_markup=params.structure("reply_markup", dict),
        reply_parameters=params.structure("reply_parameters", dict),
        message_thread_id=params.integer("message_thread_id"),
    )


def _send_photo(world: World, params: Params) -> Json:
    file = params.file("photo")
    size: Json = {**_new_file(), "width": 1280, "height": 720, "file_size": file.file_size}
    return _send_file(world, params, {"photo": [size]})


def _send_document(world: World, params: Params) -> Json:
    file = params.file("document")
    document = {**_new_file(), **file.as_dict()}
    message = _send_file(world, params, {"document": document})
    world.keep_file(document["file_id"], file.content)
    return message


def _new_file() -> Json:
    return {"file_id": secrets.token_urlsafe(32), "file_unique_id": secrets.token_urlsafe(8)}


def _send_file(world: World, params: Params, media: Json) -> Json:
    return world.send_file(
        params.chat(),
        media,
        caption=params.text("caption"),
        parse_mode=params.text("parse_mode"),
        caption_entities=params.structure("caption_entities", list),
        reply_markup=params.structure("reply_markup", dict),
        reply_parameters=params.structure("reply_parameters", dict),
        message_thread_id=params.integer("message_thread_id"),
    )


def _copy_message(world: World, params: Params) -> Json:
    return world.copy_message(
        params.chat(),
        params.integer("from_chat_id"),
        params.message(),
        caption=params.text("caption") if "caption" in params.values else None,
        reply_parameters=params.structure("reply_parameters", dict),
        message_thread_id=params.integer("message_thread_id"),
    )


def _edit_message_text(world: World, params: Params) -> Json:
    return world.edit_message_text(
        params.chat(),
        params.message(),
        params.text("text"),
        parse_mode=params.text("parse_mode"),
        entities=params.structure("entities", list),
        reply_markup=params.structure("reply_markup", dict),
    )


def _edit_message_reply_markup(world: World, params: Params) -> Json:
    return world.edit_message_reply_markup(
        params.chat(), params.message(), reply_markup=params.structure("reply_markup", dict)
    )


def _set_message_reaction(world: World, params: Params) -> bool:
    return world.set_message_reaction(
        params.chat(), params.message(), params.structure("reaction", list) or []
    )


def _answer_callback_query(world: World, params: Params) -> bool:
    return world.answer_callback_query(
        params.text("callback_query_id"), text=params.text("text"), show_alert=params.flag("show_alert")
    )


def _set_webhook(world: World, params: Params) -> bool:
    kinds = params.structure("allowed_updates", list)
    return world.set_webhook(
        params.text("url"),
        secret_token=params.text("secret_token"),
        max_connections=params.integer("max_connections", 40),
        allowed_updates=None if kinds is None else [str(kind) for kind in kinds],
        drop_pending_updates=params.flag("drop_pending_updates"),
    )


def _delete_webhook(world: World, params: Params) -> bool:
    return world.set_webhook("", drop_pending_updates=params.flag("drop_pending_updates"))


def _set_my_commands(world: World, params: Params) -> bool:
    commands = params.structure("commands", list) or []
    return world.set_my_commands(commands, _scope(params), params.text("language_code"))


def _scope(params: Params) -> str:
    """The scope of commands as JSON text; "" if it is left out."""
    scope = params.structure("scope", dict)
    return json.dumps(scope) if scope else ""


Method = Callable[[World, Params], Any]

_METHODS: dict[str, Method] = {
    "getMe": lambda world, _: world.get_me(),
    "sendMessage": _send_message,
    "sendPhoto": _send_photo,
    "sendDocument": _send_document,
    "copyMessage": _copy_message,
    "sendChatAction": lambda world, params: world.send_chat_action(params.chat(), params.text("action")),
    "editMessageText": _edit_message_text,
    "editMessageReplyMarkup": _edit_message_reply_markup,
    "setMessageReaction": _set_message_reaction,
    "deleteMessage": lambda world, params: world.delete_message(params.chat(), params.message()),
    "answerCallbackQuery": _answer_callback_query,
    "getChat": lambda world, params: world.get_chat(params.chat()),
    "setMyCommands": _set_my_commands,
    "deleteMyCommands": lambda world, params: world.delete_my_commands(
        _scope(params), params.text("language_code")
    ),
    "getMyCommands": lambda world, params: world.get_my_commands(
        _scope(params), params.text("language_code")
    ),
    "setWebhook": _set_webhook,
    "deleteWebhook": _delete_webhook,
    "getWebhookInfo": lambda world, _: world.get_webhook_info(),
    "close": lambda _world, _params: True,
    "logOut": lambda _world, _params: True,
}

# Telegram takes names in any case. getUpdates waits, so the server does it itself.
METHODS: dict[str, tuple[str, Method | None]] = {
    GET_UPDATES.lower(): (GET_UPDATES, None),
    **{name.lower(): (name, method) for name, method in _METHODS.items()},
}
