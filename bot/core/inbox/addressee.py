"""For whom a message is, where there may be other bots. Pure."""

from __future__ import annotations

from dataclasses import replace

from bot.core.answers.payloads import parse_payload
from bot.core.telegram.updates import CommandUpdate, NoteUpdate


def meant_for(
    update: CommandUpdate | NoteUpdate, *, bot_id: int, username: str
) -> CommandUpdate | NoteUpdate | None:
    """What a message is to this bot, in chats where there may be others; None: nothing.

    Args:
        username: the bot's, lower case.
    """
    if isinstance(update, NoteUpdate):
        # The buttons below an answerable question are ours, even if the bot has been replaced since.
        is_named = update.replied_to is None and username in update.mentions
        is_reply = update.replied_by == bot_id or any(map(parse_payload, update.payloads))
        is_ours = update.is_private or is_reply or is_named
        return update if is_ours else None
    if update.addressee in (None, username):
        return update if update.is_private or update.command is not None else None
    # Whoever writes to us alone is no less answered for a wrong name.
    return replace(update, name="", argument="", addressee=None) if update.is_private else None
