"""What can come with somebody's words, by the names of Telegram's fields.

Source: https://core.telegram.org/bots/api#message. What each is called stands in `bot.core.i18n`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

AttachmentKind: TypeAlias = Literal[
    "animation", "audio", "contact", "dice", "document", "location", "photo", "poll", "sticker", "video",
    "video_note", "voice",
]  # fmt: skip
ATTACHMENT_KINDS: Mapping[str, AttachmentKind] = {kind: kind for kind in get_args(AttachmentKind)}
"""All of them, by themselves."""
