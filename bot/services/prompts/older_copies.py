"""Keeps one truth in a chat: the older messages with a question say where it is asked again, or answered.

What is to be shown is in MongoDB until it is shown, so that a crash leaves no message behind.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial

from bot.core.people.athlete import Roster
from bot.core.prompts.older_copies import older_copies
from bot.core.prompts.prompt import InvalidPrompt, read_prompt
from bot.services.periodic import FaultLog, repeat
from bot.services.prompts.renderer import PromptRenderer
from bot.services.telegram.message_editor import MessageEditor
from bot.store.mongodb.client import Document
from bot.store.prompts.copies import CopyStore, StaleCopies

log = logging.getLogger(__name__)

_INTERVAL = 1.0
_AGAIN_AFTER = 30.0
"""Seconds after which what could not be shown is tried again."""


class OlderCopies:
    """Has older messages edited.

    Args:
        roster: the athletes; None as long as nobody knows them.
        may_edit: whether this is the one of several services that does.
        monotonic: seconds.
    """

    def __init__(
        self,
        store: CopyStore,
        renderer: PromptRenderer,
        editor: MessageEditor,
        roster: Callable[[], Roster | None],
        may_edit: Callable[[], bool] = lambda: True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._renderer = renderer
        self._editor = editor
        self._roster = roster
        self._may_edit = may_edit
        self._monotonic = monotonic
        self._under_way: list[object] = []  # `_id`s, which may be objects that no set takes
        self._failed: list[tuple[float, object]] = []
        self._shown: list[StaleCopies] = []
        self._faults = FaultLog(
            log,
            waits="older messages of questions wait",
            fails="editing older messages of questions fails",
            again="older messages of questions are edited again",
        )

    async def run(self) -> None:
        """Look every second until cancelled."""
        await repeat(self.look, _INTERVAL, self._faults)

    async def look(self) -> None:
        """See to every question of which a message is out of date.

        Raises:
            StorageError: the rest waits.
        """
        roster = self._roster()
        if roster is None or not self._may_edit():
            return
        if shown := list(self._shown):
            await self._store.settle(shown)
            del self._shown[: len(shown)]
        now = self._monotonic()
        self._failed = [(until, id_) for until, id_ in self._failed if until > now]
        left_alone = [*self._under_way, *(id_ for _, id_ in self._failed)]
        for document in await self._store.stale(left_alone):
            self._show(document, roster)

    def _show(self, document: Document, roster: Roster) -> None:
        stale = document["_id"], document["copiesAt"]
        try:
            prompt = read_prompt(document)
        except InvalidPrompt:  # somebody has changed it since it was sent
            self._shown.append(stale)
            return
        copies = older_copies(document, prompt.chat_id)
        athlete = roster.whose(prompt.athlete_id, prompt.user_id, prompt.chat_id, prompt.thread_id)
        results: list[bool] = []

        def done(is_done: bool) -> None:
            results.append(is_done)
            if len(results) < len(copies):
                return
            self._under_way.remove(stale[0])
            if all(results):
                self._shown.append(stale)
            else:
                self._failed.append((self._monotonic() + _AGAIN_AFTER, stale[0]))

        if not copies:
            self._shown.append(stale)
            return
        self._under_way.append(stale[0])
        for copy in copies:
            render = partial(self._renderer.older_copy, prompt, athlete, copy)
            self._editor.put(prompt.chat_id, copy.message_id, render, done)
