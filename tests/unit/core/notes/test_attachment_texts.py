"""What came with somebody's words, as the coach reads it."""

from __future__ import annotations

from bot.core.i18n.language import Language
from bot.core.notes.attachment_texts import sent_along
from bot.core.telegram.attachments import Attachment

VOICE, PHOTO = Attachment("voice", "v", 5), Attachment("photo", "p", 6)
SUPERGROUP = -1_000_000_000_007


def test_it_is_named() -> None:
    """In the reader's language, several of a kind together; nothing is said where nothing came along."""
    assert sent_along([(VOICE, 7), (PHOTO, 7), (PHOTO, None)], Language.EN) == (
        "📎 Sent along: voice message, 2 × photo"
    )
    assert sent_along([(VOICE, 7)], Language.ES) == "📎 También envió: mensaje de voz"
    assert sent_along([], Language.EN) is None


def test_links() -> None:
    """Into chats that have some: supergroups."""
    assert sent_along([(VOICE, SUPERGROUP), (PHOTO, -500)], Language.EN) == (
        '📎 Sent along: <a href="https://t.me/c/7/5">voice message</a>, photo'
    )
