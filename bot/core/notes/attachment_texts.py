"""What came with somebody's words, for who cannot see it (HTML)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from bot.core.i18n.language import Language
from bot.core.telegram.attachments import Attachment
from bot.core.telegram.message_links import message_link


def sent_along(sent: Iterable[tuple[Attachment, int | None]], language: Language) -> str | None:
    """One line that names it, with links where the chat has links; None if nothing came along.

    Args:
        sent: each with the chat in which it was sent, as far as that is known.
    """
    texts = language.texts.attachments
    named = Counter(
        _linked(texts.kind(attached.kind), chat_id, attached.message_id) for attached, chat_id in sent
    )
    if not named:
        return None
    what = [name if number == 1 else f"{number} × {name}" for name, number in named.items()]
    return texts.line.format(what=", ".join(what))


def _linked(name: str, chat_id: int | None, message_id: int) -> str:
    link = None if chat_id is None else message_link(chat_id, message_id)
    return name if link is None else f'<a href="{link}">{name}</a>'
