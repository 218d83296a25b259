"""Updates that are given up."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.logs import describe_defect
from bot.services.answers.responder import Responder
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.store.inbox.journal import Entry

log = logging.getLogger(__name__)

_T = TypeVar("_T")

MAX_TRIES = 3
"""How often something is tried that fails for a reason of its own, before it is given up."""


class DeadLetters:
    """Keeps updates aside that can never be processed; the journal has them for the operator."""

    def __init__(self, acknowledgements: Acknowledgements, responder: Responder) -> None:
        self._acknowledgements = acknowledgements
        self._responder = responder

    async def put(self, entry: Entry, reason: str) -> None:
        """Give an entry up; its tap, if it is one, is answered all the same."""
        try:
            self._responder.apologise(entry)
        except Exception as exc:  # noqa: BLE001  # it is kept aside all the same
            log.error("an answer to a dead letter fails unexpectedly: %s", describe_defect(exc))
        log.error("update at journal position %d becomes a dead letter: %s", entry.seq, reason)
        await self._acknowledgements.failed(entry.seq, reason, give_up=True)

    async def attempt(
        self,
        entry: Entry,
        work: Callable[[], Awaitable[_T]],
        give_up: Callable[[str], Awaitable[None]] | None = None,
    ) -> _T | None:
        """The result of work on an entry, which is tried `MAX_TRIES` times; None: it is given up.

        Args:
            work: may be done again. Failed tries count after a restart too.
            give_up: gives the entry up, for a reason; None: as `put` does.

        Raises:
            ExhaustedError: the machine has no more means.
        """
        reason = ""
        for tries in range(min(entry.attempts + 1, MAX_TRIES), MAX_TRIES + 1):
            try:
                return await work()
            except Exception as exc:  # noqa: BLE001  # a defect with one must not hold up the others
                reason = describe_defect(exc)
            if tries < MAX_TRIES:
                log.error("update at journal position %d is tried again: %s", entry.seq, reason)
                await self._acknowledgements.failed(entry.seq, reason, give_up=False)
        if give_up is None:
            await self.put(entry, reason)
        else:
            await give_up(reason)
        return None
