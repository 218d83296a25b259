"""Invitations: a code in Telegram's deep link that makes its user an athlete. Pure.

Whoever has the code is let in, once: it cannot be guessed (192 bits), and only its hash is stored.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import timedelta

CODE_BYTES = 24
VALID_FOR = timedelta(days=7)

# Telegram allows up to 64 of these characters in a start parameter.
_CODE = re.compile(r"[A-Za-z0-9_-]{32}")


def make_code(random: bytes) -> str:
    """The code of `CODE_BYTES` random bytes: 32 characters, as they are in a link.

    Raises:
        ValueError: there are fewer or more of them.
    """
    if len(random) != CODE_BYTES:
        raise ValueError(f"{len(random)} bytes; a code is made of {CODE_BYTES}")
    return base64.urlsafe_b64encode(random).decode()


def is_code(text: str) -> bool:
    """Whether a text has the form of a code."""
    return _CODE.fullmatch(text) is not None


def hash_code(code: str) -> str:
    """What is stored of a code: 64 hexadecimal digits. So many random bits need no salt and no stretching."""
    return hashlib.sha256(code.encode()).hexdigest()


def make_link(bot_username: str, code: str) -> str:
    """Telegram's deep link: it opens the chat with the bot and offers to send `/start <code>` there."""
    return f"https://t.me/{bot_username}?start={code}"
