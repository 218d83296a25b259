"""Taps that wait for MongoDB are told that they were received, never that they are saved."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from bot.core.shared.clock import Clock
from bot.core.shared.errors import JournalError
from bot.core.taps.judge import TapRules, judge
from bot.core.telegram.updates import TapUpdate, read_update
from bot.logs import describe_defect
from bot.services.answers.responder import Responder, TapEntry
from bot.services.answers.tap_reader import TapReader
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.services.people.language_cache import LanguageCache
from bot.services.periodic import FaultLog, repeat
from bot.store.inbox.journal import Entry, Journal

log = logging.getLogger(__name__)

ANSWER_WITHIN = timedelta(seconds=2)
"""How long a tap may wait for MongoDB before it is told that it was received."""

_INTERVAL = 0.5
_PAGE = 500


class EarlyAnswers:
    """Answers taps that wait, by what is in memory. What is refused by that is told so."""

    def __init__(
        self,
        journal: Journal,
        acknowledgements: Acknowledgements,
        reader: TapReader,
        rules: TapRules,
        languages: LanguageCache,
        responder: Responder,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._acknowledgements = acknowledgements
        self._reader = reader
        self._rules = rules
        self._languages = languages
        self._responder = responder
        self._clock = clock
        self._position = 0
        self._faults = FaultLog(
            log,
            waits="waiting taps cannot be looked for",  # told of by those who must write
            fails="answering waiting taps fails",
            expected=(JournalError,),
            level=logging.DEBUG,
        )

    async def run(self, is_idle: Callable[[], bool]) -> None:
        """Until cancelled, answer what waits for longer than `ANSWER_WITHIN`."""

        async def step() -> None:
            if not is_idle():
                await self._answer_waiting()

        await repeat(step, _INTERVAL, self._faults)

    async def _answer_waiting(self) -> None:
        waiting = await self._journal.unanswered(
            after=self._position, before=self._clock() - ANSWER_WITHIN, limit=_PAGE
        )
        if not waiting:
            return
        # Those in a journal that has lost its file are told that they are not kept.
        is_kept = await self._journal.is_kept(waiting[0].seq)
        for entry in self._acknowledgements.unanswered(waiting):
            self._answer(entry, is_kept=is_kept)
        self._position = waiting[-1].seq

    def _answer(self, entry: Entry, *, is_kept: bool) -> None:
        try:
            update = read_update(entry.update, entry.received_at)
            if not isinstance(update, TapUpdate):
                return
            tap = update.tap
            verdict = judge(self._reader.in_memory(tap), self._rules)
        except Exception as exc:  # noqa: BLE001  # becomes a dead letter when its turn comes
            describe_defect(exc)
            return
        language = self._languages.of(tap.user_id, tap.language_code)
        self._responder.tell_received(
            TapEntry(entry, tap, update.prompted, language), verdict, is_kept=is_kept
        )
