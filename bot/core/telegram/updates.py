"""The wire shape of updates -> what the bot acts on.

Only the fields that are needed are read, and only those without which nothing can be done are required,
so that a tap is not lost because Telegram changed something beside it.
Source: https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.facts.attachment_kinds import ATTACHMENT_KINDS
from bot.core.facts.commands import Command
from bot.core.i18n.language import named_command
from bot.core.shared.tolerant import read_int64
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.action_payloads import is_about_note
from bot.core.telegram.attachments import Attachment, sent_along
from bot.core.telegram.quotes import people_named

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")

TAP_LIFETIME = timedelta(seconds=150)
"""Telegram forgets a callback query after this time: a longer gap in polling may have swallowed taps."""

_UNREADABLE = "unreadable"
_LONGEST_TAG = 35
_INSIDE = ("member", "administrator", "creator")
# The years that datetime can hold, less a day at either end: zones are applied later.
_FIRST_SECOND, _LAST_SECOND = 86_400, 253_402_300_799 - 86_400
# In whose name Telegram passes on what is written as the group (by an anonymous admin) or as a channel.
_STAND_INS = frozenset({1_087_968_824, 136_817_688})


class UnreadableUpdate(Exception):
    """The update lacks something without which nothing can be done; the message names the field."""


@dataclass(frozen=True, slots=True)
class Tap:
    """A callback query, freed from its wire form.

    Attributes:
        update_id, query_id: Telegram's ids.
        user_id: None for nobody in particular (`anon`).
        prompt_at: when the tapped message was sent; None if Telegram no longer says (inaccessible).
        data: callback data as it came.
        received_at: when this bot first received the tap.
        thread_id: the topic of the tapped message; None: none, or the chat has no topics.
    """

    update_id: int
    query_id: str
    user_id: int | None
    username: str | None
    chat_id: int | None
    message_id: int | None
    prompt_at: datetime | None
    data: str | None
    received_at: datetime
    first_name: str | None = None
    language_code: str | None = None
    thread_id: int | None = None

    @property
    def stamp(self) -> UpdateStamp:
        """Its place in the order of updates."""
        return UpdateStamp(self.update_id, self.received_at)


@dataclass(frozen=True, slots=True)
class TappedMessage:
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
    prompted: TappedMessage


@dataclass(frozen=True, slots=True)
class CommandUpdate:
    """Somebody wrote to the bot.

    Attributes:
        name: the command without slash and bot name, lower case; empty where there is neither one nor
            any words.
        argument: what follows the command.
        language_code: the IETF tag that Telegram gives for the sender.
        addressee: the bot that the command names, without `@`, lower case; None: none.
        message_id: of what they wrote; None: of nothing that could be quoted.
        thread_id: the topic in which they wrote it; None: none, or the chat has no topics.
        sender_name: how they call themselves.
    """

    update_id: int
    user_id: int
    chat_id: int
    is_private: bool
    name: str
    argument: str
    language_code: str | None = None
    addressee: str | None = None
    message_id: int | None = None
    thread_id: int | None = None
    sender_name: str | None = None

    @property
    def command(self) -> Command | None:
        """The command, if it is one of ours."""
        return named_command(self.name)

    @property
    def is_change(self) -> bool:
        """Whether it asks for something to be changed."""
        return self.command is not None and self.command.changes(self.argument)


@dataclass(frozen=True, slots=True)
class NoteUpdate:
    """Somebody wrote what is no command, or edited it: anything in a private chat, elsewhere in reply to a
    message of the bot's, or naming a bot.

    Attributes:
        message_id: of what they wrote.
        text: what they wrote, or the caption of what they sent; None: it is a voice message, a photo, a
            sticker or the like, without words.
        replied_to: the message that they replied to; None: none.
        payloads: callback data of the buttons below that message.
        quoted: that message, as it looked then; None: it came without, or is nobody's.
        asked_at: when that message was sent.
        replied_by: the bot that sent it.
        thread_id: the topic in which they wrote; None: none, or the chat has no topics.
        attachments: what came with the words.
        written_at: when they wrote it, also where it is an edit; None: Telegram does not say.
        album: what it has in common with the other messages of an album; None: it is a single message.
        is_anonymous: it was written in the name of the group or of a channel, so that nobody knows by whom;
            `user_id` is Telegram's stand-in.
        sender_name: how they, or what they write as, call themselves.
        people: the Telegram users whom the message replied to names, or the marked part of it.
        mentions: what the text names with an `@`, without that, lower case; in groups, where it may be a bot.
    """

    update_id: int
    user_id: int
    chat_id: int
    is_private: bool
    message_id: int
    text: str | None
    replied_to: int | None
    payloads: tuple[str, ...]
    is_edit: bool
    language_code: str | None = None
    asked_at: datetime | None = None
    replied_by: int | None = None
    thread_id: int | None = None
    attachments: tuple[Attachment, ...] = ()
    written_at: datetime | None = None
    quoted: TappedMessage | None = field(default=None, compare=False)
    album: str | None = None
    is_anonymous: bool = False
    sender_name: str | None = None
    people: tuple[int, ...] = ()
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatOpened:
    """The bot was let into a chat: its user has unblocked it, or it was added to a group.

    Attributes:
        user_id: who did it.
    """

    update_id: int
    user_id: int
    chat_id: int


def is_refused(
    command: CommandUpdate | NoteUpdate, *, is_athlete: bool, is_admin: bool, is_coach: bool = False
) -> bool:
    """Whether the sender may not have this: a stranger anything, an athlete what is for admins alone.

    Args:
        is_coach: it came from the coach's chat, where anybody may talk, and use what is the coach's.
    """
    if isinstance(command, NoteUpdate):
        return not (is_athlete or is_admin or is_coach)
    if is_admin or (is_coach and command.name == ""):
        return False
    known, who = command.command, {"is_athlete": is_athlete, "is_admin": False, "is_coach": is_coach}
    is_for_them = is_athlete if known is None else known.is_for(**who)
    return not (is_for_them and (is_athlete or is_coach))


def unreadable(update_id: int, text: str) -> dict[str, Any]:
    """What stands in the journal for an update that is not even JSON; `read_update` refuses it."""
    return {"update_id": update_id, _UNREADABLE: text}


def read_update(
    update: object, received_at: datetime
) -> TapUpdate | CommandUpdate | NoteUpdate | ChatOpened | None:
    """What an update asks for; None if there is nothing to do.

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
    if "edited_message" in update:
        edited = _read_message(update.get("update_id"), update["edited_message"], is_edit=True)
        return edited if isinstance(edited, NoteUpdate) else None
    if "my_chat_member" in update:
        return _read_membership(update.get("update_id"), update["my_chat_member"])
    return None


def query_id_of(update: object) -> str | None:
    """The id of an update's callback query, even if nothing else in it can be read."""
    query = update.get("callback_query") if isinstance(update, dict) else None
    query_id = query.get("id") if isinstance(query, dict) else None
    return query_id if isinstance(query_id, str) and query_id else None


def sender_of(update: object) -> int | None:
    """The Telegram user from whom an update came, even if nothing else in it can be read."""
    for name in ALLOWED_UPDATES:
        part = update.get(name) if isinstance(update, dict) else None
        sender = part.get("from") if isinstance(part, dict) else None
        if isinstance(sender, dict) and (user_id := read_int64(sender.get("id"))) is not None:
            return user_id
    return None


def language_of_sender(update: object) -> str | None:
    """The IETF tag of a callback query's sender, even if nothing else in it can be read."""
    query = update.get("callback_query") if isinstance(update, dict) else None
    sender = query.get("from") if isinstance(query, dict) else None
    return _language(sender) if isinstance(sender, dict) else None


def without_sender(update: object) -> dict[str, Any]:
    """An update that says no more than that it was there: its id, and that of its callback query."""
    update = update if isinstance(update, dict) else {}
    query_id = query_id_of(update)
    query = {} if query_id is None else {"callback_query": {"id": query_id}}
    return {"update_id": update.get("update_id"), **query}


def _read_tap(update: dict[str, Any], query: dict[str, Any], received_at: datetime) -> TapUpdate:
    query_id = query_id_of(update)
    if query_id is None:
        raise UnreadableUpdate("callback_query.id: not a string")
    sender = _object(query.get("from"), "callback_query.from")
    message = query.get("message")
    message = message if isinstance(message, dict) else {}
    chat = message.get("chat")
    data = query.get("data")
    keyboard = _keyboard(message.get("reply_markup"))
    buttons = [button.get("callback_data") for row in keyboard for button in row]
    tap = Tap(
        update_id=_integer(update.get("update_id"), "update_id"),
        query_id=query_id,
        user_id=_integer(sender.get("id"), "callback_query.from.id"),
        username=_words(sender.get("username")),
        chat_id=read_int64(chat.get("id")) if isinstance(chat, dict) else None,
        message_id=read_int64(message.get("message_id")),
        # Buttons below what is said to a note answer a question that was asked at another time.
        prompt_at=None if is_about_note(buttons) else read_instant(message.get("date")),
        data=data if isinstance(data, str) else None,
        received_at=received_at,
        first_name=_words(sender.get("first_name")),
        language_code=_language(sender),
        thread_id=_thread(message),
    )
    return TapUpdate(tap, _shown(message))


def _shown(message: dict[str, Any]) -> TappedMessage:
    """A message of the bot's, as far as it was sent along."""
    text = message.get("text")
    return TappedMessage(
        text=text if isinstance(text, str) else None,
        entities=_dicts(message.get("entities")),
        keyboard=_keyboard(message.get("reply_markup")),
    )


def _read_message(
    update_id: object, raw: object, *, is_edit: bool = False
) -> CommandUpdate | NoteUpdate | None:
    field = "edited_message" if is_edit else "message"
    message = _object(raw, field)
    chat = _object(message.get("chat"), f"{field}.chat")
    chat_id = _integer(chat.get("id"), f"{field}.chat.id")
    sender = message.get("from")
    if not isinstance(sender, dict):
        return None
    user_id = read_int64(sender.get("id"))
    is_anonymous = "sender_chat" in message and user_id in _STAND_INS
    if sender.get("is_bot") is True and not is_anonymous:
        return None
    number, user_id = _integer(update_id, "update_id"), _integer(sender.get("id"), f"{field}.from.id")
    is_private = chat.get("type") == "private"
    text = message.get("text")
    replied_to = _replied_to(message.get("reply_to_message"))
    is_command = isinstance(text, str) and text.startswith("/")
    words = text if isinstance(text, str) else message.get("caption")
    # A live location is edited every few seconds.
    says_something = isinstance(words, str) or (
        not is_edit and any(kind in message for kind in ATTACHMENT_KINDS)
    )
    mentions = () if is_private else _mentions(message)
    if not is_command and (replied_to is not None or (is_private and says_something) or mentions):
        album = message.get("media_group_id")
        quoted = replied_to or {}
        buttons = (button for row in _keyboard(quoted.get("reply_markup")) for button in row)
        data = (button.get("callback_data") for button in buttons)
        message_id = _integer(message.get("message_id"), f"{field}.message_id")
        return NoteUpdate(
            number, user_id, chat_id, is_private,
            message_id=message_id,
            text=_words(words),
            replied_to=read_int64(quoted.get("message_id")),
            payloads=tuple(text for text in data if isinstance(text, str)),
            is_edit=is_edit,
            language_code=_language(sender),
            asked_at=read_instant(quoted.get("date")),
            replied_by=None if replied_to is None else read_int64(replied_to["from"].get("id")),
            thread_id=_thread(message),
            attachments=sent_along(message, message_id),
            written_at=read_instant(message.get("date")),
            quoted=None if replied_to is None else _shown(replied_to),
            album=album if isinstance(album, str) else None,
            is_anonymous=is_anonymous,
            sender_name=_name(message),
            people=people_named(quoted, message.get("quote")),
            mentions=mentions,
        )  # fmt: skip
    if is_anonymous or not (is_private or is_command):
        return None
    name, argument, addressee = "", "", ""
    if isinstance(text, str) and is_command:
        command, argument = (*text.split(maxsplit=1), "")[:2]
        name, _, addressee = command[1:].lower().partition("@")
    return CommandUpdate(
        number, user_id, chat_id, is_private, name, argument.strip(), _language(sender),
        addressee=addressee or None,
        message_id=read_int64(message.get("message_id")),
        thread_id=_thread(message),
        sender_name=_name(message),
    )  # fmt: skip


def _read_membership(update_id: object, raw: object) -> ChatOpened | None:
    change = _object(raw, "my_chat_member")
    chat = _object(change.get("chat"), "my_chat_member.chat")
    sender = _object(change.get("from"), "my_chat_member.from")
    now = _object(change.get("new_chat_member"), "my_chat_member.new_chat_member")
    status = now.get("status")
    if status not in _INSIDE and not (status == "restricted" and now.get("is_member") is True):
        return None
    return ChatOpened(
        _integer(update_id, "update_id"),
        _integer(sender.get("id"), "my_chat_member.from.id"),
        _integer(chat.get("id"), "my_chat_member.chat.id"),
    )


def _name(message: dict[str, Any]) -> str | None:
    """How a sender calls themselves: with the first name, or as the group or channel in whose name it is."""
    sender, chat = message.get("from"), message.get("sender_chat")
    title = _words(chat.get("title")) if isinstance(chat, dict) else None
    return title or (_words(sender.get("first_name")) if isinstance(sender, dict) else None)


def _mentions(message: dict[str, Any]) -> tuple[str, ...]:
    """Whom a text, or what stands below a picture, names with an `@`."""
    text = message.get("text", message.get("caption"))
    marks = message.get("entities", message.get("caption_entities"))
    if not isinstance(text, str):
        return ()
    units = text.encode("utf-16-le", "surrogatepass")
    found = []
    for mark in _dicts(marks):
        begin, length = read_int64(mark.get("offset")), read_int64(mark.get("length"))
        if mark.get("type") == "mention" and begin is not None and length is not None and begin >= 0:
            name = units[2 * begin : 2 * (begin + max(0, length))].decode("utf-16-le", "replace")
            found.append(name.removeprefix("@").lower())
    return tuple(found)


def _replied_to(message: object) -> dict[str, Any] | None:
    """The message of a bot's that somebody replied to."""
    # What is written in a topic, to nobody in particular, is a reply to the note that the topic was opened.
    if not isinstance(message, dict) or "forum_topic_created" in message:
        return None
    sender = message.get("from")
    is_bots = isinstance(sender, dict) and sender.get("is_bot") is True
    return message if is_bots and read_int64(message.get("message_id")) is not None else None


def _thread(message: dict[str, Any]) -> int | None:
    """The topic in which a message stands; other threads, such as those of replies, are none."""
    return read_int64(message.get("message_thread_id")) if message.get("is_topic_message") is True else None


def _object(value: object, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableUpdate(f"{field}: not an object")
    return value


def _integer(value: object, field: str) -> int:
    number = read_int64(value)
    if number is None:
        raise UnreadableUpdate(f"{field}: not a 64-bit integer")
    return number


def read_instant(value: object) -> datetime | None:
    """The instant of a date on the wire (Unix seconds); None if there is none."""
    # A date of 0 marks a message that Telegram can no longer show.
    seconds = read_int64(value)
    if seconds is None or not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _language(sender: dict[str, Any]) -> str | None:
    tag = _words(sender.get("language_code"))
    return tag if tag is not None and len(tag) <= _LONGEST_TAG else None


def _words(value: object) -> str | None:
    return _clean(value) if isinstance(value, str) else None


def _clean(text: str) -> str:
    """Without lone surrogates, which neither UTF-8 nor BSON can carry."""
    return text.encode("utf-8", "replace").decode()


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _keyboard(markup: object) -> list[list[dict[str, Any]]]:
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    return [_dicts(row) for row in rows] if isinstance(rows, list) else []
