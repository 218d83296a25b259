"""The Bot API as the services see it: raw updates in, our own errors out.

Goes through `Bot.do_api_request`, so that a reply or an update which python-telegram-bot cannot parse
spoils neither a whole batch nor a message that was sent.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, NoReturn

from telegram import Bot, InputFile
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)
from telegram.warnings import PTBDeprecationWarning, PTBUserWarning

from bot.core.answers.keyboards import Keyboard
from bot.core.shared import errors
from bot.core.shared.tolerant import read_int64
from bot.core.telegram.refusals import Refusal, read_refusal
from bot.core.telegram.updates import ALLOWED_UPDATES, read_instant
from bot.services.telegram.api import ANYWHERE, SentMessage, Within
from bot.telegram.button_styles import ButtonStyles, without_styles
from bot.telegram.transport import AiohttpRequest, NotSentError, UnreadableReplyError

_CONNECTIONS = 100
_READ_TIMEOUT = 10.0
_ANSWER_TIMEOUT = 4.0
_UPLOAD_TIMEOUT = 30.0
# A poll's reply may come this much later than the server was asked to hold it.
_POLL_GRACE = 10.0
_PUSHED_AT_ONCE = 100
_RETRY_UNSTATED = 5.0
_NOT_MODIFIED = "message is not modified"
_SAME = "NOT_MODIFIED"


class BotClient:
    """Implements `BotApi`, `HookApi` and `MenuApi` of `bot.services.telegram.api` over HTTP.

    Use as an async context manager.

    Args:
        token: the bot's token.
        api_url: root of the Bot API server, without trailing slash.
        on_date: is called with the `Date` header of each reply.
        connections: how many at once, the poll's own aside; further calls wait for a free one.
        on_lost_topic: is called with chat, topic and Telegram's reason where a message was not taken in a
            topic, and goes to the chat itself.
    """

    def __init__(
        self,
        token: str,
        api_url: str,
        on_date: Callable[[str], None] = lambda _: None,
        connections: int = _CONNECTIONS,
        on_lost_topic: Callable[[int, int, str], None] = lambda *_: None,
    ) -> None:
        self._on_lost_topic = on_lost_topic
        self._styles = ButtonStyles()
        # do_api_request points at the typed methods, which parse; RetryAfter at a coming change of type.
        warnings.filterwarnings("ignore", "Please use 'Bot\\.", PTBUserWarning)
        warnings.filterwarnings("ignore", "(?s).*retry_after", PTBDeprecationWarning)
        self._polling = AiohttpRequest(api_url, 1, read_timeout=_READ_TIMEOUT, on_date=on_date)
        self._calling = AiohttpRequest(api_url, connections, read_timeout=_READ_TIMEOUT, on_date=on_date)
        self._bot = Bot(
            token, base_url=f"{api_url}/bot", request=self._calling, get_updates_request=self._polling
        )

    async def __aenter__(self) -> BotClient:
        await self._polling.initialize()
        await self._calling.initialize()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._polling.shutdown()
        await self._calling.shutdown()

    async def get_updates(self, offset: int | None, timeout: float, limit: int) -> list[Any]:
        """See `BotApi`."""
        updates = await self._call(
            "getUpdates",
            {
                "offset": offset,
                "timeout": round(timeout),
                "limit": limit,
                "allowed_updates": list(ALLOWED_UPDATES),
            },
            read_timeout=timeout + _POLL_GRACE,
        )
        if not isinstance(updates, list):
            raise errors.TelegramUnknown("the Bot API sent no list of updates")
        return updates

    async def answer(self, query_id: str, text: str, *, alert: bool) -> None:
        """See `BotApi`."""
        await self._call(
            "answerCallbackQuery",
            {"callback_query_id": query_id, "text": text, "show_alert": alert},
            read_timeout=_ANSWER_TIMEOUT,
        )

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
        parameters = {
            "text": text,
            "parse_mode": "HTML" if html else None,
            "reply_markup": None if keyboard is None else {"inline_keyboard": keyboard},
        }
        return await self._send("sendMessage", chat_id, within, parameters)

    async def send_photo(
        self, chat_id: int, png: bytes, caption: str, *, within: Within = ANYWHERE
    ) -> SentMessage:
        """See `BotApi`."""
        parameters = {"photo": InputFile(png, filename="stats.png"), "caption": caption}
        return await self._send("sendPhoto", chat_id, within, parameters, read_timeout=_UPLOAD_TIMEOUT)

    async def send_document(
        self, chat_id: int, name: str, content: bytes, caption: str, *, within: Within = ANYWHERE
    ) -> SentMessage:
        """See `BotApi`."""
        parameters = {"document": InputFile(content, filename=name), "caption": caption}
        return await self._send("sendDocument", chat_id, within, parameters, read_timeout=_UPLOAD_TIMEOUT)

    async def copy(
        self, chat_id: int, from_chat_id: int, message_id: int, *, within: Within = ANYWHERE
    ) -> SentMessage:
        """See `BotApi`."""
        # An empty caption takes the place of the message's own.
        parameters = {"from_chat_id": from_chat_id, "message_id": message_id, "caption": ""}
        return await self._send("copyMessage", chat_id, within, parameters)

    async def _send(
        self,
        method: str,
        chat_id: int,
        within: Within,
        parameters: dict[str, Any],
        *,
        read_timeout: float = _READ_TIMEOUT,
    ) -> SentMessage:
        quoted = {"message_id": within.reply_to, "allow_sending_without_reply": True}
        place = {
            "message_thread_id": within.thread_id,
            "reply_parameters": None if within.reply_to is None else quoted,
        }
        parameters = {"chat_id": chat_id, **parameters}
        try:
            return _sent(await self._call(method, parameters | place, read_timeout=read_timeout))
        except errors.TelegramRejected as exc:
            if within.thread_id is None or read_refusal(str(exc)) is not Refusal.TOPIC:
                raise
            reason = str(exc)
        # Without the quote, which would lead to the topic again.
        sent = _sent(await self._call(method, parameters, read_timeout=read_timeout))
        self._on_lost_topic(chat_id, within.thread_id, reason)
        return sent

    async def get_me(self) -> dict[str, Any]:
        """The bot itself, as Telegram describes it."""
        return await self._ask("getMe", {})

    async def set_webhook(self, url: str, secret: str) -> None:
        """See `HookApi`."""
        await self._call(
            "setWebhook",
            {
                "url": url,
                "secret_token": secret,
                "allowed_updates": list(ALLOWED_UPDATES),
                "max_connections": _PUSHED_AT_ONCE,
            },
        )

    async def delete_webhook(self) -> None:
        """Have updates wait to be fetched; what waits already stays."""
        await self._call("deleteWebhook", {})

    async def webhook_info(self) -> dict[str, Any]:
        """See `HookApi`: `url` is empty if Telegram sends nowhere."""
        return await self._ask("getWebhookInfo", {})

    async def chat(self, chat_id: int) -> dict[str, Any]:
        """A chat that the bot knows.

        Raises:
            TelegramRejected: it knows none of this id, or may not write there.
        """
        return await self._ask("getChat", {"chat_id": chat_id})

    async def _ask(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        reply = await self._call(method, parameters)
        if not isinstance(reply, dict):
            raise errors.TelegramUnknown(f"the Bot API sent no object in reply to {method}")
        return reply

    async def username(self) -> str:
        """The bot's user name, of which links to it are made."""
        name = (await self.get_me()).get("username")
        if not isinstance(name, str) or not name:
            raise errors.TelegramUnknown("the Bot API did not say the bot's name")
        return name

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
        await self._edit(
            "editMessageText",
            {
                "chat_id": chat_id,
                "message_id": message_id,
                "text": text,
                "entities": entities or None,
                "parse_mode": "HTML" if html else None,
                "reply_markup": {"inline_keyboard": keyboard},
            },
        )

    async def edit_keyboard(self, chat_id: int, message_id: int, keyboard: Keyboard) -> None:
        """See `BotApi`."""
        await self._edit(
            "editMessageReplyMarkup",
            {"chat_id": chat_id, "message_id": message_id, "reply_markup": {"inline_keyboard": keyboard}},
        )

    async def react(self, chat_id: int, message_id: int, emoji: str) -> None:
        """See `BotApi`."""
        given = [{"type": "emoji", "emoji": emoji}]
        parameters = {"chat_id": chat_id, "message_id": message_id, "reaction": given}
        try:
            await self._call("setMessageReaction", parameters, is_new=True)
        except errors.TelegramRejected as exc:
            if _SAME not in str(exc).upper():
                raise

    async def set_commands(
        self, commands: Sequence[tuple[str, str]], chat_id: int | None, language_code: str
    ) -> None:
        """See `MenuApi`."""
        given = [{"command": name, "description": description} for name, description in commands]
        await self._call("setMyCommands", {"commands": given, **_scope(chat_id, language_code)})

    async def delete_commands(self, chat_id: int | None, language_code: str) -> None:
        """See `MenuApi`."""
        await self._call("deleteMyCommands", _scope(chat_id, language_code))

    async def _edit(self, method: str, parameters: dict[str, Any]) -> None:
        try:
            await self._call(method, parameters)
        except errors.TelegramRejected as exc:
            if _NOT_MODIFIED not in str(exc).lower():
                raise

    async def _call(
        self,
        method: str,
        parameters: dict[str, Any],
        *,
        read_timeout: float = _READ_TIMEOUT,
        is_new: bool = False,
    ) -> Any:
        """Call a method; `is_new`: there are servers that do not know it."""
        given = {name: value for name, value in parameters.items() if value is not None}
        given = self._styles.fit(given)
        try:
            return await self._request(method, given, read_timeout, is_new=is_new)
        except errors.TelegramRejected as exc:
            if not self._styles.may_be_refused(given, str(exc)):
                raise
        reply = await self._request(method, without_styles(given), read_timeout)
        self._styles.refused()
        return reply

    async def _request(
        self, method: str, given: dict[str, Any], read_timeout: float, *, is_new: bool = False
    ) -> Any:
        try:
            return await self._bot.do_api_request(method, api_kwargs=given, read_timeout=read_timeout)
        except (EndPointNotFound, InvalidToken) as exc:  # the server says the same of both
            if is_new:
                raise errors.TelegramUnsupported(f"the Bot API server does not know {method}") from None
            _translate(exc)
        except TelegramError as exc:
            _translate(exc)


def _scope(chat_id: int | None, language_code: str) -> dict[str, Any]:
    """The parameters that say whose menu of commands is meant."""
    scope = {"type": "default"} if chat_id is None else {"type": "chat", "chat_id": chat_id}
    return {"scope": scope, "language_code": language_code}


def _sent(message: Any) -> SentMessage:
    message = message if isinstance(message, dict) else {}
    return SentMessage(read_int64(message.get("message_id")), read_instant(message.get("date")))


def _translate(exc: TelegramError) -> NoReturn:
    """Raise our error for one of python-telegram-bot's, without the token or a body in its message."""
    match exc:
        case RetryAfter():
            wait = exc.retry_after
            seconds = wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
            raise errors.TelegramRateLimited(f"Telegram asks to wait {seconds:.0f} s", seconds) from None
        case ChatMigrated():
            raise errors.TelegramChatMigrated("the group became a supergroup", exc.new_chat_id) from None
        case InvalidToken() | EndPointNotFound():
            raise errors.TelegramUnauthorized(
                "TELEGRAM_BOT_TOKEN: Telegram refuses this token; compare it with the one @BotFather shows"
                " (and check TELEGRAM_API_URL, if you set it)"
            ) from None
        case Conflict():
            raise errors.TelegramConflict(_clean(exc.message)) from None
        case Forbidden() | BadRequest():
            raise errors.TelegramRejected(_clean(exc.message)) from None
        case UnreadableReplyError():
            raise errors.TelegramUnreadable(exc.message, exc.body) from None
        case NotSentError():
            raise errors.TelegramNotSent(exc.message) from None
        case _ if exc.message.startswith("Too Many Requests"):
            raise errors.TelegramRateLimited("Telegram asks to slow down", _RETRY_UNSTATED) from None
        case _:
            # python-telegram-bot quotes whole what it could not read, or could not send.
            reason = exc.message.partition(". Parsing the server response")[0]
            reason = reason.partition("Unknown error in HTTP implementation")[0] or "the request failed"
            raise errors.TelegramUnknown(f"the Bot API failed: {_clean(reason)}") from None


def _clean(reason: str) -> str:
    """Without lone surrogates, which neither a log nor MongoDB can take."""
    return reason.encode("utf-8", "replace").decode()
