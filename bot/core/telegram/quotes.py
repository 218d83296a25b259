"""Whom a message of the bot's is about, by those it names, when somebody replies to it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.core.shared.tolerant import read_int64

_USER = re.compile(r"tg://user\?id=([0-9]{1,19})")


def people_named(replied_to: Mapping[str, Any], quote: object) -> tuple[int, ...]:
    """The Telegram users that a message names, each once, in the order of the text.

    Args:
        quote: the part of the message that is replied to, as Telegram sends it: only those count whom it
            names, or else who is named before it in the same block, or as the only one. None: all of the
            message.
    """
    entities = replied_to.get("entities")
    found = [
        (offset, user_id)
        for entity in (entities if isinstance(entities, list) else [])
        if isinstance(entity, Mapping)
        and (user_id := _user(entity)) is not None
        and (offset := read_int64(entity.get("offset"))) is not None
    ]
    found.sort()
    if isinstance(quote, Mapping) and isinstance(text := quote.get("text"), str):
        begin = read_int64(quote.get("position")) or 0
        end = begin + len(text.encode("utf-16-le", "surrogatepass")) // 2
        within = [it for it in found if begin <= it[0] < end]
        found = within or _named_before(begin, found, replied_to.get("text"))
    return tuple(dict.fromkeys(user_id for _, user_id in found))


def _named_before(begin: int, found: Sequence[tuple[int, int]], shown: object) -> list[tuple[int, int]]:
    """Who a place in a message is about that names nobody itself; blocks are apart by an empty line."""
    before = [it for it in found if it[0] < begin][-1:]
    if not before or not isinstance(shown, str) or len({user_id for _, user_id in found}) == 1:
        return before
    units = shown.encode("utf-16-le", "surrogatepass")[2 * before[0][0] : 2 * begin]
    return [] if "\n\n" in units.decode("utf-16-le", "replace") else before


def _user(entity: Mapping[str, Any]) -> int | None:
    """Telegram makes a mention of a link to somebody whom the bot has met."""
    if entity.get("type") == "text_mention":
        user = entity.get("user")
        return read_int64(user.get("id")) if isinstance(user, Mapping) else None
    match = _USER.fullmatch(str(entity.get("url"))) if entity.get("type") == "text_link" else None
    return None if match is None else read_int64(int(match[1]))
