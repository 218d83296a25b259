"""Showing the chosen answer in the message that asked. Best effort: what counts is stored elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.core.answers.message import MessageEdit
from bot.core.telegram.rate_limits import SendLimits
from bot.services.telegram.api import BotApi
from bot.services.telegram.message_queue import MessageQueue

_MAX_WAITING = 20_000


class MessageEditor(MessageQueue[Callable[[], MessageEdit]]):
    """Edits prompts. How one looks is asked when its turn comes: many never have one, since a later change
    comes before."""

    def __init__(
        self, api: BotApi, limits: SendLimits, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(self._edit, "showing an answer in its message", _MAX_WAITING, limits, monotonic)
        self._api = api

    async def _edit(self, chat_id: int, message_id: int, render: Callable[[], MessageEdit]) -> None:
        edit = render()
        if edit.text is None:
            await self._api.edit_keyboard(chat_id, message_id, edit.keyboard)
        else:
            await self._api.edit_text(
                chat_id, message_id, edit.text, edit.entities, edit.keyboard, html=edit.html
            )
