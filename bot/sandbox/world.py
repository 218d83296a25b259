"""Telegram as far as this bot sees it: chats, messages, taps and the rules about them. No I/O.

Two sides meet here. The methods named after Bot API methods are what the bot calls; they raise
`ApiError` in Telegram's words. The others are the script: users who tap and write, and Telegram's own moods
(blocked chats, lost messages, a clock that moves). They raise `SandboxError` when a step is impossible.

Times are unix seconds of the world's clock, durations seconds.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import ApiError, SandboxError, bad_request
from bot.sandbox.ledger import Ledger, Mode, Tap
from bot.sandbox.limits import TELEGRAM_LIMITS, Limits, RateLimiter
from bot.sandbox.text import Entity, commands_in, mentions_in, parse_html, user_of, utf16_length
from bot.sandbox.updates import UpdateQueue

Json = dict[str, Any]
Buttons = Sequence[Sequence[Mapping[str, Any]]]

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_CALLBACK_DATA_BYTES = 64
MAX_ANSWER = 200
_MAX_KEPT_FILE = 1_000_000  # bytes

_REACTIONS = (
    "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤\u200d🔥"
    " 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨\u200d💻 👀 🎃 🙈 😇 😨"
    " 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷\u200d♂ 🤷 🤷\u200d♀"
    " 😡"
)
REACTIONS = frozenset(_REACTIONS.split(" "))
"""The emoji that a bot may react with."""
_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
_BUTTON_ACTIONS = frozenset(
    {
        "url",
        "callback_data",
        "web_app",
        "login_url",
        "switch_inline_query",
        "switch_inline_query_current_chat",
        "switch_inline_query_chosen_chat",
        "copy_text",
        "callback_game",
        "pay",
    }
)
# Who is named where the sender is not.
_ANONYMOUS: Json = {
    "id": 1_087_968_824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"
}  # fmt: skip
_CHANNEL: Json = {"id": 136_817_688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}
# What of a message a copy of it has.
_COPIED = frozenset({
    "animation", "audio", "caption", "caption_entities", "contact", "dice", "document", "entities",
    "location", "photo", "sticker", "text", "video", "video_note", "voice",
})  # fmt: skip
_dumps = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a Telegram account."""

    id: int
    first_name: str = "Athlete"
    username: str | None = None
    language_code: str | None = "en"

    def as_dict(self) -> Json:
        """The Bot API's User object."""
        shown: Json = {"id": self.id, "is_bot": False, "first_name": self.first_name}
        if self.username is not None:
            shown["username"] = self.username
        if self.language_code is not None:
            shown["language_code"] = self.language_code
        return shown


_STYLES = frozenset({"danger", "success", "primary"})
_GROUP_ADMIN = User(5_000_000_001, "Group admin")


@dataclass(slots=True)
class StoredMessage:
    """A message and how it behaves.

    Attributes:
        body: the Bot API's Message object; replaced, never changed in place.
        accessible: whether taps on it still show its content.
        editable: whether the bot may edit it.
    """

    body: Json
    accessible: bool = True
    editable: bool = True


@dataclass(slots=True)
class Chat:
    """A chat and what it does to the bot's messages. Messages share `info`, so a new name shows in all.

    Attributes:
        unknown: the bot has never met anybody of this id.
        started: whether somebody has ever written to the bot there, who may be met elsewhere.
        blocked: by its user; of a group, the bot is kicked.
        without_reactions: a group whose admins allow none.
        topics: whether each topic of a forum takes messages, by its thread.
    """

    info: Json
    instance: str
    messages: dict[int, StoredMessage] = field(default_factory=dict)
    last_message_id: int = 0
    unknown: bool = False
    started: bool = True
    blocked: bool = False
    migrated_to: int | None = None
    without_reactions: bool = False
    topics: dict[int, bool] = field(default_factory=dict)


@dataclass(slots=True)
class Webhook:
    """Where updates are pushed to.

    Attributes:
        secret: comes with each; empty: none.
        failed_at, failure: the last error; None, "" before the first.
    """

    url: str
    secret: str
    max_connections: int
    failed_at: float | None = None
    failure: str = ""

    def failed(self, at: float, failure: str) -> None:
        """An update was not taken."""
        self.failed_at, self.failure = at, failure


class World:
    """All the state of the sandbox.

    Every chat is known to the bot unless `set_chat` says otherwise: positive ids are private chats,
    negative ones groups.

    Attributes:
        ledger: what was called and tapped.
        queue: the updates that wait; its `update_lifetime` and `query_lifetime` may be assigned.
        inaccessible_after: age from which messages are inaccessible to taps; None: never.
        styles: whether it knows how buttons may look, as Telegram does since the Bot API 9.4.
        callback_query_mode: `inline`: taps come with an `inline_message_id` and no message; as the bot's
            owner has set it.
        on_update: called after each new update, so that a long poll can wake.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        bot_username: str = "sandbox_feedback_bot",
        limits: Limits | None = TELEGRAM_LIMITS,
        update_lifetime: float = 86_400.0,
        query_lifetime: float = 150.0,
        inaccessible_after: float | None = None,
        first_update_id: int = 100_000_000,
        ledger: Mode = "full",
    ) -> None:
        self.ledger = Ledger(ledger)
        self.queue = UpdateQueue(
            self.ledger,
            first_id=first_update_id,
            update_lifetime=update_lifetime,
            query_lifetime=query_lifetime,
        )
        self.inaccessible_after = inaccessible_after
        self.on_update: Callable[[], None] | None = None
        self.limits = limits
        self._now = now
        self._offset = 0.0
        self._bot: Json = {
            "id": 7_000_000_001,
            "is_bot": True,
            "first_name": "Feedback Bot",
            "username": bot_username,
        }
        self._chats: dict[int, Chat] = {}
        self._users: dict[int, User] = {}
        self._queries: dict[str, Tap] = {}
        self._commands: dict[tuple[str, str], list[Json]] = {}
        self._files: dict[str, bytes] = {}
        self.webhook: Webhook | None = None
        self.styles = True
        self.callback_query_mode = ""

    # The clock and other settings

    def time(self) -> float:
        """The world's time."""
        return self._now() + self._offset

    def advance(self, seconds: float) -> None:
        """Moves the clock (back, if negative)."""
        self._offset += seconds

    def set_time(self, unix: float) -> None:
        """Sets the clock, which goes on from there."""
        self._offset = unix - self._now()

    @property
    def limits(self) -> Limits | None:
        """The sending limits; None: there are none. Assigning them forgets what was sent before."""
        return self._limiter.limits if self._limiter else None

    @limits.setter
    def limits(self, limits: Limits | None) -> None:
        self._limiter = RateLimiter(limits) if limits else None

    @property
    def bot_id(self) -> int:
        """The bot's user id, with which its token begins."""
        return int(self._bot["id"])

    @bot_id.setter
    def bot_id(self, bot_id: int) -> None:
        self._bot["id"] = bot_id

    # The script: what users do

    def tap(
        self,
        chat_id: int,
        message_id: int,
        user: User,
        *,
        data: str | None = None,
        button: int | None = None,
        text: str | None = None,
        force: bool = False,
    ) -> Tap:
        """A user presses a button, named by its callback data, its place (from 0, row by row) or its text.

        With `force` the message need not have such a button, nor exist: `data` is sent as it is.

        Raises:
            SandboxError: there is no such message or button.
        """
        self._meet(user)
        chat = self._chat(chat_id)
        stored = chat.messages.get(message_id)
        if force:
            if data is None:
                raise SandboxError("a forced tap needs its data")
        else:
            if stored is None:
                raise SandboxError(f"chat {chat_id} has no message {message_id}")
            data = _pressed(stored.body, data, button, text)
        now = self.time()
        tap = Tap(None, str(secrets.randbits(63)), chat_id, message_id, user.id, data, now)
        self._queries[tap.query_id] = tap
        self.ledger.tapped(tap)
        if self.queue.wants("callback_query"):
            query = {
                "id": tap.query_id,
                "from": user.as_dict(),
                **(
                    {"inline_message_id": f"{chat.instance}-{message_id}"}
                    if self.callback_query_mode == "inline"
                    else {"message": self._seen_by_tap(chat, message_id, stored, now)}
                ),
                "chat_instance": chat.instance,
                "data": data,
            }
            tap.update_id = self.queue.add(f'"callback_query":{_dumps(query)}', now, tap)
            self._wake()
        return tap

    def message(
        self,
        chat_id: int,
        user: User,
        text: str,
        *,
        reply_to: int | None = None,
        thread_id: int | None = None,
        as_chat: int | None = None,
        quote: str | None = None,
    ) -> int:
        """A user writes a message; returns its id.

        Args:
            quote: the part of `reply_to` that they have marked.
            thread_id: the topic in which they write.
            as_chat: the chat in whose name they write: this group, as an anonymous admin, or a channel.

        Raises:
            SandboxError: there is no message `reply_to`, or no such topic.
        """
        words = _written(text)
        if quote is not None and reply_to is not None:
            words["quote"] = _quote(self._stored(chat_id, reply_to).body, quote)
        return self._say(chat_id, user, words, reply_to, thread_id, as_chat)

    def wordless(
        self,
        chat_id: int,
        user: User,
        kind: str,
        *,
        caption: str = "",
        reply_to: int | None = None,
        thread_id: int | None = None,
    ) -> int:
        """A user sends a `voice`, `photo`, `sticker` or the like; returns the message's id.

        Raises:
            SandboxError: as `message`.
        """
        return self._say(chat_id, user, _media(kind, caption), reply_to, thread_id)

    def album(
        self, chat_id: int, user: User, captions: Sequence[str], *, reply_to: int | None = None
    ) -> list[int]:
        """A user sends an album: a photo for each caption, which may be empty; returns the messages' ids.

        Raises:
            SandboxError: there is no message `reply_to`.
        """
        group = {"media_group_id": str(secrets.randbits(56))}
        return [
            self._say(chat_id, user, {**_media("photo", caption), **group}, reply_to) for caption in captions
        ]

    def open_topic(self, chat_id: int, name: str, user: User) -> int:
        """A user opens a topic in a group, which is a forum from then on; returns its thread."""
        chat = self._chat(chat_id)
        chat.info["is_forum"] = True
        chat.last_message_id = max(chat.last_message_id, 1)  # 1 is General's
        thread_id = chat.last_message_id + 1
        chat.topics[thread_id] = True
        created = {"forum_topic_created": {"name": name, "icon_color": 7_322_096}}
        self._say(chat_id, user, created, None, thread_id)
        return thread_id

    def set_topic(self, chat_id: int, thread_id: int, *, closed: bool = False, deleted: bool = False) -> None:
        """Closes, opens or deletes a topic.

        Raises:
            SandboxError: there is no such topic.
        """
        topics = self._chat(chat_id).topics
        if thread_id not in topics:
            raise SandboxError(f"chat {chat_id} has no topic {thread_id}")
        topics[thread_id] = not closed
        if deleted:
            del topics[thread_id]

    def edit_message(self, chat_id: int, message_id: int, text: str) -> None:
        """A user edits a message of theirs: its text, or the caption below what they sent.

        Raises:
            SandboxError: there is no such message.
        """
        stored = self._stored(chat_id, message_id)
        kept = {key: value for key, value in stored.body.items() if key != "entities"}
        written = _written(text) if "text" in kept else {"caption": text}
        stored.body = {**kept, "edit_date": int(self.time()), **written}
        self._publish("edited_message", stored.body)

    def message_at(self, chat_id: int, *, date: float, text: str, buttons: Buttons | None = None) -> int:
        """The bot's account sent a message at `date`, without this server's doing; returns its id."""
        content: Json = {"from": self._bot, "text": text}
        if buttons:
            content["reply_markup"] = {
                "inline_keyboard": [[dict(button) for button in row] for row in buttons]
            }
        message_id: int = self._store(self._chat(chat_id), date, content)["message_id"]
        return message_id

    def inject(self, update: Mapping[str, Any]) -> int:
        """Queues any update, sense or nonsense, wanted by the bot or not; returns its id.

        Raises:
            SandboxError: it carries an `update_id` that was given already.
        """
        members = dict(update)
        if "update_id" in members:
            self.queue.skip_to(int(members.pop("update_id")))
        return self.inject_raw(_dumps(members))

    def inject_raw(self, text: str) -> int:
        """Queues the JSON text of an object, sent as it is after its `update_id`; returns that id.

        Raises:
            SandboxError: the text is not in braces. Nothing else about it is checked.
        """
        text = text.strip()
        if not (text.startswith("{") and text.endswith("}")):
            raise SandboxError("a raw update must be a JSON object in braces")
        update_id = self.queue.add(text[1:-1].strip(), self.time())
        self._wake()
        return update_id

    # The script: what Telegram does

    def set_chat(
        self,
        chat_id: int,
        *,
        unknown: bool | None = None,
        started: bool | None = None,
        blocked: bool | None = None,
        migrated_to: int | None = None,
        title: str | None = None,
        without_reactions: bool | None = None,
    ) -> None:
        """Makes a chat unknown to the bot, not started, blocked by its user, or moved to a supergroup; or
        undoes it.

        A group that is blocked is one from which the bot was kicked. That a chat is blocked, or is not any
        more, the bot is told by `my_chat_member`. A private chat is started, and no longer unknown or
        blocked, when its user writes there.
        """
        chat = self._chat(chat_id)
        if unknown is not None:
            chat.unknown = unknown
        if started is not None:
            chat.started = started
        if blocked is not None and blocked != chat.blocked:
            chat.blocked = blocked
            self._publish("my_chat_member", self._membership(chat))
        if migrated_to is not None:
            chat.migrated_to = migrated_to
        if title is not None:
            chat.info["title"] = title
        if without_reactions is not None:
            chat.without_reactions = without_reactions

    def set_message(
        self, chat_id: int, message_id: int, *, accessible: bool | None = None, editable: bool | None = None
    ) -> None:
        """Makes a message inaccessible to taps, or not editable; or undoes it.

        Raises:
            SandboxError: there is no such message.
        """
        stored = self._stored(chat_id, message_id)
        if accessible is not None:
            stored.accessible = accessible
        if editable is not None:
            stored.editable = editable

    def restart_update_ids(self, first_id: int) -> None:
        """Goes on with other update ids; see `UpdateQueue.restart`."""
        self.queue.restart(first_id)

    # The script: what can be seen from outside

    def keep_file(self, file_id: str, content: bytes) -> None:
        """Remembers what is in a file, if that is not much."""
        if len(content) <= _MAX_KEPT_FILE:
            self._files[file_id] = content

    def file(self, file_id: str) -> bytes:
        """What is in a document that the bot has sent.

        Raises:
            SandboxError: there is none of this id, or it was too large to keep.
        """
        if file_id not in self._files:
            raise SandboxError(f"no file {file_id} is kept")
        return self._files[file_id]

    def messages(self, chat_id: int) -> list[Json]:
        """The messages of a chat as they are now, oldest first."""
        chat = self._chats.get(chat_id)
        return [stored.body for stored in chat.messages.values()] if chat else []

    def message_of(self, chat_id: int, message_id: int) -> Json:
        """One message as it is now.

        Raises:
            SandboxError: there is no such message.
        """
        return self._stored(chat_id, message_id).body

    def given_taps(self, since: int = 0) -> list[Json]:
        """The taps from the `since`-th on, oldest first, as `Tap.as_dict` gives them."""
        self.queue.purge(self.time())
        return [tap.as_dict() for tap in self.ledger.taps[since:]]

    def pending(self) -> int:
        """How many updates wait for the bot, or for their confirmation."""
        self.queue.purge(self.time())
        return len(self.queue)

    def counts(self) -> Json:
        """`Ledger.counts` and `pending`."""
        pending = self.pending()
        return {**self.ledger.counts(), "pending": pending}

    # The Bot API

    def get_me(self) -> Json:
        """The bot itself."""
        return {
            **self._bot,
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
            **({"callback_query_mode": self.callback_query_mode} if self.callback_query_mode else {}),
        }

    def get_updates(
        self, offset: int = 0, limit: int = 100, allowed_updates: Collection[str] | None = None
    ) -> list[str]:
        """Confirms and fetches, without waiting; each update is returned as JSON text.

        Raises:
            ApiError: 409, a webhook is set.
        """
        if self.webhook is not None:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        if allowed_updates is not None:
            self.queue.allow(allowed_updates)
        return self.queue.fetch(offset, limit, self.time())

    def set_webhook(
        self,
        url: str,
        *,
        secret_token: str = "",
        max_connections: int = 40,
        allowed_updates: Collection[str] | None = None,
        drop_pending_updates: bool = False,
    ) -> bool:
        """Lets updates be pushed to an address; an empty one ends that. As with a local Bot API server,
        plain http will do.

        Raises:
            ApiError: 400 for what is no address or no secret.
        """
        if url and not re.match(r"https?://[^/\s]", url):
            raise bad_request("bad webhook: invalid webhook URL specified")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret_token):
            raise bad_request("secret token contains unallowed characters")
        self.webhook = Webhook(url, secret_token, min(max(max_connections, 1), 100)) if url else None
        if allowed_updates is not None:
            self.queue.allow(allowed_updates)
        if drop_pending_updates:
            self.queue.clear()
        self._wake()
        return True

    def get_webhook_info(self) -> Json:
        """The address, how many updates wait, and what went wrong last."""
        webhook = self.webhook
        info: Json = {
            "url": "" if webhook is None else webhook.url,
            "has_custom_certificate": False,
            "pending_update_count": self.pending(),
        }
        if webhook is not None:
            info["max_connections"] = webhook.max_connections
            if webhook.failed_at is not None:
                info |= {"last_error_date": int(webhook.failed_at), "last_error_message": webhook.failure}
        return info

    def send_message(
        self,
        chat_id: int,
        text: str,
        *,
        parse_mode: str = "",
        entities: list[Entity] | None = None,
        reply_markup: Json | None = None,
        reply_parameters: Json | None = None,
        message_thread_id: int = 0,
    ) -> Json:
        """Sends a text; returns the Message.

        Raises:
            ApiError: 400 for a bad text, keyboard, reply, topic or chat; 403 blocked; 429 over the limits.
        """
        content = self._linked(_formatted(text, parse_mode, entities))
        return self._send(chat_id, content, reply_markup, reply_parameters, message_thread_id)

    def send_file(
        self,
        chat_id: int,
        media: Json,
        *,
        caption: str = "",
        parse_mode: str = "",
        caption_entities: list[Entity] | None = None,
        reply_markup: Json | None = None,
        reply_parameters: Json | None = None,
        message_thread_id: int = 0,
    ) -> Json:
        """Sends a photo or document, already in the form that a Message shows; returns the Message.

        Raises:
            ApiError: as `send_message`.
        """
        content = dict(media)
        if caption:
            plain, marks = _parsed(caption, parse_mode, caption_entities)
            if utf16_length(plain) > MAX_CAPTION:
                raise bad_request("message caption is too long")
            content["caption"] = plain
            if marks:
                content["caption_entities"] = marks
        return self._send(chat_id, content, reply_markup, reply_parameters, message_thread_id)

    def copy_message(
        self,
        chat_id: int,
        from_chat_id: int,
        message_id: int,
        *,
        caption: str | None = None,
        reply_parameters: Json | None = None,
        message_thread_id: int = 0,
    ) -> Json:
        """Sends a message again, in the bot's name; returns its MessageId.

        Args:
            caption: in place of the message's own; None: that.

        Raises:
            ApiError: 400, there is no such message; else as `send_message`.
        """
        stored = self._reachable(from_chat_id).messages.get(message_id)
        if stored is None:
            raise bad_request("message to copy not found")
        kept = {name: value for name, value in stored.body.items() if name in _COPIED}
        if caption is not None and "text" not in kept:
            kept = {name: value for name, value in kept.items() if not name.startswith("caption")}
            kept |= {"caption": caption} if caption else {}
        sent = self._send(chat_id, kept, None, reply_parameters, message_thread_id)
        return {"message_id": sent["message_id"]}

    def edit_message_text(
        self,
        chat_id: int,
        message_id: int,
        text: str,
        *,
        parse_mode: str = "",
        entities: list[Entity] | None = None,
        reply_markup: Json | None = None,
    ) -> Json:
        """Replaces text and keyboard (no keyboard given: it goes); returns the Message.

        Raises:
            ApiError: 400, also when nothing would change.
        """
        content = self._linked(_formatted(text, parse_mode, entities))
        return self._edit(chat_id, message_id, content, reply_markup)

    def edit_message_reply_markup(
        self, chat_id: int, message_id: int, *, reply_markup: Json | None = None
    ) -> Json:
        """Replaces the keyboard (none given: it goes); returns the Message.

        Raises:
            ApiError: 400, also when nothing would change.
        """
        return self._edit(chat_id, message_id, None, reply_markup)

    def set_message_reaction(self, chat_id: int, message_id: int, reaction: list[Json]) -> bool:
        """The bot reacts to a message, in place of what it gave before; an empty list takes that away. A
        message shows it as `reactions`, which is no field of Telegram's.

        Raises:
            ApiError: 400, there is no such message, the emoji is none that Telegram takes, or the chat allows
                no reactions; 403 blocked.
        """
        chat = self._reachable(chat_id)
        _refuse_closed(chat)
        stored = chat.messages.get(message_id)
        if stored is None:
            raise bad_request("message to react not found")
        if len(reaction) > 1:
            raise bad_request("REACTIONS_TOO_MANY")
        emoji = [str(each.get("emoji")) if isinstance(each, dict) else "" for each in reaction]
        if chat.without_reactions or not REACTIONS.issuperset(emoji):
            raise bad_request("REACTION_INVALID")
        stored.body = {**stored.body, "reactions": emoji}
        return True

    def delete_message(self, chat_id: int, message_id: int) -> bool:
        """Deletes a message.

        Raises:
            ApiError: 400, there is none.
        """
        chat = self._reachable(chat_id)
        if chat.messages.pop(message_id, None) is None:
            raise bad_request("message to delete not found")
        return True

    def answer_callback_query(self, query_id: str, *, text: str = "", show_alert: bool = False) -> bool:
        """Answers a tap; a second answer is fine too.

        Raises:
            ApiError: 400, the query is unknown or as old as `query_lifetime`, or the text is too long.
        """
        tap = self._queries.get(query_id)
        now = self.time()
        if tap is None or now - tap.at >= self.queue.query_lifetime:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        if utf16_length(text) > MAX_ANSWER:
            raise bad_request("MESSAGE_TOO_LONG")
        self.ledger.answered(tap, now, text, alert=show_alert)
        return True

    def send_chat_action(self, chat_id: int, action: str) -> bool:
        """Shows "typing" and the like, to nobody.

        Raises:
            ApiError: 400 without an action or chat, 403 blocked.
        """
        if not action:
            raise bad_request("wrong parameter action in request")
        _refuse_closed(self._reachable(chat_id))
        return True

    def get_chat(self, chat_id: int) -> Json:
        """The chat, in full.

        Raises:
            ApiError: 400, chat not found.
        """
        return {
            **self._reachable(chat_id).info,
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": {
                "unlimited_gifts": False,
                "limited_gifts": False,
                "unique_gifts": False,
                "premium_subscription": False,
                "gifts_from_channels": False,
            },
        }

    def set_my_commands(self, commands: list[Json], scope: str = "", language_code: str = "") -> bool:
        """Remembers the commands of one scope (its JSON text) and language."""
        self._commands[_scope_key(scope), language_code] = commands
        return True

    def delete_my_commands(self, scope: str = "", language_code: str = "") -> bool:
        """Forgets them."""
        self._commands.pop((_scope_key(scope), language_code), None)
        return True

    def get_my_commands(self, scope: str = "", language_code: str = "") -> list[Json]:
        """The commands remembered for one scope and language."""
        return self._commands.get((_scope_key(scope), language_code), [])

    # Shared

    def _linked(self, content: Json) -> Json:
        """A text whose links to users whom the bot has met mention them; to others they are no links."""
        marks: list[Entity] = []
        for entity in content.get("entities", []):
            if (user_id := user_of(entity)) is None:
                marks.append(entity)
            elif (user := self._users.get(user_id)) is not None:
                kept = {key: value for key, value in entity.items() if key != "url"}
                marks.append({**kept, "type": "text_mention", "user": user.as_dict()})
        plain = {"text": content["text"]}
        return {**plain, "entities": marks} if marks else plain

    def _chat(self, chat_id: int) -> Chat:
        chat = self._chats.get(chat_id)
        if chat is None:
            info = _chat_info(chat_id, self._users.get(chat_id))
            chat = self._chats[chat_id] = Chat(info, str(secrets.randbits(63)))
        return chat

    def _reachable(self, chat_id: int) -> Chat:
        chat = self._chat(chat_id)
        if chat.unknown or chat_id == 0:
            raise bad_request("chat not found")
        if chat.migrated_to is not None:
            raise ApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                {"migrate_to_chat_id": chat.migrated_to},
            )
        return chat

    def _meet(self, user: User) -> None:
        """Remembers a user, whose private chat then shows their name."""
        if self._users.get(user.id) == user:
            return
        self._users[user.id] = user
        if (chat := self._chats.get(user.id)) is not None:
            chat.info.update(_chat_info(user.id, user))

    def _say(
        self,
        chat_id: int,
        user: User,
        words: Json,
        reply_to: int | None,
        thread_id: int | None = None,
        as_chat: int | None = None,
    ) -> int:
        chat = self._chat(chat_id)
        if as_chat is None:
            self._meet(user)
            sender: Json = {"from": user.as_dict()}
        elif as_chat == chat_id:
            sender = {"from": _ANONYMOUS, "sender_chat": chat.info}
        else:
            channel = {"id": as_chat, "type": "channel", "title": f"Channel {-as_chat}"}
            sender = {"from": _CHANNEL, "sender_chat": channel}
        content = {**sender, **words, **self._context(chat, reply_to, thread_id)}
        if chat_id == user.id:
            self.set_chat(chat_id, unknown=False, started=True, blocked=False)
        body = self._store(chat, self.time(), content)
        self._publish("message", body)
        message_id: int = body["message_id"]
        return message_id

    def _membership(self, chat: Chat) -> Json:
        """The Bot API's ChatMemberUpdated: the bot was let in or shut out a moment ago."""
        chat_id: int = chat.info["id"]
        by = self._users.get(chat_id, User(chat_id)) if chat_id > 0 else _GROUP_ADMIN
        inside: Json = {"user": self._bot, "status": "member"}
        outside: Json = {"user": self._bot, "status": "kicked", "until_date": 0}
        old, new = (inside, outside) if chat.blocked else (outside, inside)
        return {
            "chat": chat.info,
            "from": by.as_dict(),
            "date": int(self.time()),
            "old_chat_member": old,
            "new_chat_member": new,
        }

    def _context(self, chat: Chat, reply_to: int | None, thread_id: int | None) -> Json:
        """The topic of a user's message, and what it replies to."""
        context: Json = {}
        if thread_id is not None:
            if thread_id not in chat.topics:
                raise SandboxError(f"chat {chat.info['id']} has no topic {thread_id}")
            context = _in_topic(thread_id)
            if reply_to is None and thread_id in chat.messages:
                reply_to = thread_id  # as Telegram has it, for want of something else
        if reply_to is None:
            return context
        replied = self._stored(chat.info["id"], reply_to).body
        if replied.get("is_topic_message"):
            context = _in_topic(replied["message_thread_id"])
        elif "is_forum" in chat.info:  # a thread of replies, which is no topic
            context["message_thread_id"] = replied.get("message_thread_id", reply_to)
        return {"reply_to_message": _without_reply(replied), **context}

    def _stored(self, chat_id: int, message_id: int) -> StoredMessage:
        chat = self._chats.get(chat_id)
        stored = chat.messages.get(message_id) if chat else None
        if stored is None:
            raise SandboxError(f"chat {chat_id} has no message {message_id}")
        return stored

    def _send(
        self,
        chat_id: int,
        content: Json,
        reply_markup: Json | None,
        reply_parameters: Json | None,
        thread_id: int,
    ) -> Json:
        keyboard = _keyboard(reply_markup, self.styles)
        chat = self._reachable(chat_id)
        now = self.time()
        if self._limiter is not None and (seconds := self._limiter.admit(chat_id, now)):
            raise ApiError(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})
        _refuse_closed(chat)
        if reply_parameters:
            content |= _reply(chat, reply_parameters)
            replied = content.get("reply_to_message", {})
            if not thread_id and replied.get("is_topic_message"):
                thread_id = replied["message_thread_id"]
        if thread_id:
            if thread_id not in chat.topics:
                raise bad_request("message thread not found")
            if not chat.topics[thread_id]:
                raise bad_request("TOPIC_CLOSED")
            content |= _in_topic(thread_id)
        if keyboard:
            content["reply_markup"] = keyboard
        return self._store(chat, now, {"from": self._bot, **content})

    def _edit(self, chat_id: int, message_id: int, content: Json | None, reply_markup: Json | None) -> Json:
        keyboard = _keyboard(reply_markup, self.styles)
        stored = self._reachable(chat_id).messages.get(message_id)
        if stored is None:
            raise bad_request("message to edit not found")
        old = stored.body
        if not stored.editable or old["from"] is not self._bot:
            raise bad_request("message can't be edited")
        if content is None:
            content = {key: old[key] for key in ("text", "entities") if key in old}
        elif "text" not in old:
            raise bad_request("there is no text in the message to edit")
        if keyboard:
            content["reply_markup"] = keyboard
        replaced = ("text", "entities", "reply_markup")
        if all(old.get(key) == content.get(key) for key in replaced):
            raise bad_request(_NOT_MODIFIED)
        kept = {key: value for key, value in old.items() if key not in replaced}
        stored.body = {**kept, "edit_date": int(self.time()), **content}
        return stored.body

    def _store(self, chat: Chat, date: float, content: Json) -> Json:
        chat.last_message_id += 1
        message_id = chat.last_message_id
        body = {"message_id": message_id, "chat": chat.info, "date": int(date), **content}
        chat.messages[message_id] = StoredMessage(body)
        return body

    def _seen_by_tap(self, chat: Chat, message_id: int, stored: StoredMessage | None, now: float) -> Json:
        """The message inside a callback query: without content (date 0) once it is inaccessible."""
        if stored is None or not stored.accessible or self._is_aged(stored, now):
            return {"chat": chat.info, "message_id": message_id, "date": 0}
        return stored.body

    def _is_aged(self, stored: StoredMessage, now: float) -> bool:
        return self.inaccessible_after is not None and now - stored.body["date"] >= self.inaccessible_after

    def _publish(self, kind: str, body: Json) -> None:
        if self.queue.wants(kind):
            self.queue.add(f'"{kind}":{_dumps(body)}', self.time())
            self._wake()

    def _wake(self) -> None:
        if self.on_update is not None:
            self.on_update()


def _scope_key(scope: str) -> str:
    """A scope of commands in one form, however it is written; "" is the default one."""
    parsed = json.loads(scope) if scope else {}
    return json.dumps(parsed, sort_keys=True) if parsed.get("type", "default") != "default" else ""


def _chat_info(chat_id: int, user: User | None) -> Json:
    if chat_id > 0:
        info: Json = {"id": chat_id, "type": "private", "first_name": user.first_name if user else "User"}
        if user and user.username is not None:
            info["username"] = user.username
        return info
    # Ids of supergroups are written with the prefix -100 before at least ten digits.
    kind = "supergroup" if chat_id <= -1_000_000_000_000 else "group"
    return {"id": chat_id, "type": kind, "title": f"Group {-chat_id}"}


def _refuse_closed(chat: Chat) -> None:
    """Refuses what the bot sends to a chat that has not been started, or is blocked."""
    if not chat.started:
        raise ApiError(403, "Forbidden: bot can't initiate conversation with a user")
    if not chat.blocked:
        return
    if chat.info["type"] == "private":
        raise ApiError(403, "Forbidden: bot was blocked by the user")
    raise ApiError(403, f"Forbidden: bot was kicked from the {chat.info['type']} chat")


def _media(kind: str, caption: str) -> Json:
    """The content of a user's message that is no text."""
    file: Json = {"file_id": secrets.token_urlsafe(16), "file_unique_id": secrets.token_urlsafe(8)}
    words = {"caption": caption} if caption else {}
    return {kind: [file] if kind == "photo" else file, **words}


def _in_topic(thread_id: int) -> Json:
    return {"message_thread_id": thread_id, "is_topic_message": True}


def _written(text: str) -> Json:
    """The content of a user's message."""
    marks = [*commands_in(text), *mentions_in(text)]
    return {"text": text, "entities": marks} if marks else {"text": text}


def _quote(body: Json, text: str) -> Json:
    """A part of a message, as a reply to it has it.

    Raises:
        SandboxError: the message does not have it.
    """
    begin = body.get("text", "").find(text)
    if begin < 0:
        raise SandboxError(f"message {body['message_id']} has no {text!r}")
    return {"text": text, "position": utf16_length(body["text"][:begin]), "is_manual": True}


def _parsed(text: str, parse_mode: str, entities: list[Entity] | None) -> tuple[str, list[Entity]]:
    if not parse_mode:
        return text, entities or []
    if parse_mode.lower() == "html":
        return parse_html(text)
    # Telegram knows Markdown too; this server does not, and says so rather than passing it on unparsed.
    raise bad_request("unsupported parse_mode")


def _formatted(text: str, parse_mode: str, entities: list[Entity] | None) -> Json:
    plain, marks = _parsed(text, parse_mode, entities)
    if not plain.strip():
        raise bad_request("message text is empty")
    if utf16_length(plain) > MAX_TEXT:
        raise bad_request("message is too long")
    return {"text": plain, "entities": marks} if marks else {"text": plain}


def _keyboard(markup: Json | None, knows_styles: bool) -> Json | None:
    """The inline keyboard that the message will show, or None for other or empty markup."""
    if not markup or "inline_keyboard" not in markup:
        return None
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list):
        raise bad_request('can\'t parse inline keyboard: Field "inline_keyboard" must be of type Array')
    kept = [[_button(button, knows_styles) for button in _row(row)] for row in rows]
    kept = [row for row in kept if row]
    return {"inline_keyboard": kept} if kept else None


def _row(row: object) -> list[object]:
    if not isinstance(row, list):
        raise bad_request("can't parse inline keyboard: expected an Array of InlineKeyboardButton")
    return row


def _button(button: object, knows_styles: bool) -> Json:
    problem = "can't parse inline keyboard button: "
    if not isinstance(button, dict):
        raise bad_request(f"{problem}expected an Object")
    if "text" not in button:
        raise bad_request(f'{problem}Can\'t find field "text"')
    if not isinstance(button["text"], str):
        raise bad_request(f'{problem}Field "text" must be of type String')
    if "style" in button:
        if not knows_styles:
            raise bad_request(f'{problem}Unknown field "style"')
        if button["style"] not in _STYLES:
            raise bad_request(f"{problem}Invalid button style specified")
    data = button.get("callback_data")
    # Telegram takes empty data for no data at all.
    if data == "" or not _BUTTON_ACTIONS.intersection(button):
        raise bad_request(f"{problem}Text buttons are unallowed in the inline keyboard")
    if data is not None:
        if not isinstance(data, str):
            raise bad_request(f'{problem}Field "callback_data" must be of type String')
        try:
            size = len(data.encode())
        except UnicodeEncodeError:
            raise bad_request("strings must be encoded in UTF-8") from None
        if size > MAX_CALLBACK_DATA_BYTES:
            raise bad_request("BUTTON_DATA_INVALID")
    return button


def _reply(chat: Chat, parameters: Json) -> Json:
    message_id = parameters.get("message_id")
    target = chat.messages.get(message_id) if isinstance(message_id, int) else None
    if target is not None:
        return {"reply_to_message": _without_reply(target.body)}
    if parameters.get("allow_sending_without_reply"):
        return {}
    raise bad_request("message to be replied not found")


def _without_reply(body: Json) -> Json:
    """A message inside another one: replies are shown one level deep."""
    return {key: value for key, value in body.items() if key != "reply_to_message"}


def _pressed(body: Json, data: str | None, button: int | None, text: str | None) -> str:
    """The callback data of the button that is named in one of three ways."""
    rows = body.get("reply_markup", {}).get("inline_keyboard", [])
    pairs = [
        (shown["text"], shown["callback_data"]) for row in rows for shown in row if "callback_data" in shown
    ]
    if button is not None:
        if 0 <= button < len(pairs):
            return str(pairs[button][1])
    else:
        for shown, carried in pairs:
            if carried == data or shown == text:
                return str(carried)
    wanted = data if data is not None else button if button is not None else text
    raise SandboxError(f"message {body['message_id']} has no button {wanted!r}; it has {pairs}")
