"""Updates that are given up."""

from __future__ import annotations

import logging

from bot.services.answers.responder import Responder
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.store.inbox.journal_table import Entry

log = logging.getLogger(__name__)

MAX_TRIES = 3
"""How often something is tried that fails for a reason of its own, before it is given up."""


class DeadLetters:
    """Keeps updates aside that can never be processed; the journal has them for the operator."""

    def __init__(self, acknowledgements: Acknowledgements, responder: Responder) -> None:
        self._acknowledgements = acknowledgements
        self._responder = responder

    async def put(self, entry: Entry, reason: str) -> None:
        """Give an entry up; its tap, if it is one, is answered all the same."""
        self._responder.apologise(entry)
        log.error("update at journal position %d becomes a dead letter: %s", entry.seq, reason)
        await self._acknowledgements.failed(entry.seq, reason, give_up=True)

    async def note_failure(self, entry: Entry, reason: str) -> None:
        """Note a failed try, which counts after a restart too."""
        await self._acknowledgements.failed(entry.seq, reason, give_up=False)
