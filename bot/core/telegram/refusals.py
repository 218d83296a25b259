"""Why Telegram does not take a message: from the words of an error to what they mean. Pure.

Telegram tells refusals apart by their texts alone. They are matched by parts that have
been stable for years, in any case, with or without the prefixes `Bad Request:` and `Forbidden:`.
"""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """What a refusal means for the chat."""

    NOT_STARTED = "not started"
    """A bot may not write to somebody who has never written to it; in a group: it is not there."""
    BLOCKED = "blocked"
    """The user has blocked the bot."""
    REMOVED = "removed"
    """The bot is not, or no longer, in the group."""
    MUTED = "muted"
    """The bot is in the group, and may not write there."""
    TOPIC = "topic"
    """The topic of a forum is closed or deleted; the group itself may take the message."""
    GONE = "gone"
    """The account or the group does not exist any more."""
    OTHER = "other"
    """It is about the message rather than the chat: it would be refused again."""

    @property
    def may_end(self) -> bool:
        """Whether somebody can do something, in Telegram, so that the same message is taken."""
        return self not in (Refusal.GONE, Refusal.OTHER)


# The first that fits counts.
_MEANINGS = (
    (Refusal.TOPIC, ("message thread not found", "topic_closed", "topic_deleted", "topic_id_invalid")),
    (Refusal.BLOCKED, ("blocked by the user", "user_is_blocked")),
    (
        Refusal.GONE,
        ("user is deactivated", "input_user_deactivated", "group chat was deleted", "chat was deactivated"),
    ),
    (Refusal.REMOVED, ("bot was kicked", "bot is not a member", "bot is not a participant")),
    (
        Refusal.MUTED,
        (
            *("not enough rights to send", "have no rights to send", "need administrator rights"),
            *("chat_write_forbidden", "chat_restricted", "chat_send_plain_forbidden"),
        ),
    ),
    (Refusal.NOT_STARTED, ("chat not found", "can't initiate conversation", "peer_id_invalid")),
)


def read_refusal(reason: str) -> Refusal:
    """What Telegram's reason means, such as `Forbidden: bot was blocked by the user`."""
    said = reason.casefold()
    return next(
        (refusal for refusal, parts in _MEANINGS if any(part in said for part in parts)), Refusal.OTHER
    )
