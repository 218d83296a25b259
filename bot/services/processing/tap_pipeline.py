"""The way of taps: read -> judge -> write -> report."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bot.core.answers.rules import NotWritten
from bot.core.health.metrics import TAPS
from bot.core.shared.backoff import Backoff
from bot.core.shared.errors import StorageError, StorageRejected
from bot.core.taps.judge import TapRules, judge
from bot.logs import describe_defect
from bot.services.answers.responder import Responder, TapEntry
from bot.services.answers.tap_reader import TapReader
from bot.services.answers.tap_writer import TapResult, TapWriter
from bot.services.chat.button_actions import ErasureBegun
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.services.people.erasure import Erasure
from bot.services.periodic import FaultLog, retry
from bot.services.processing.dead_letters import DeadLetters
from bot.services.telegram.metered_api import Meters
from bot.store.answers.feedback_events import Unrecordable

log = logging.getLogger(__name__)

STORAGE_BACKOFF = Backoff(0.25, 2.0)
_SMALLEST_BATCH = 25


class TapPipeline:
    """Processes taps until each is durable and answered, or a dead letter."""

    def __init__(
        self,
        *,
        reader: TapReader,
        rules: TapRules,
        writer: TapWriter,
        responder: Responder,
        acknowledgements: Acknowledgements,
        erasure: Erasure,
        dead_letters: DeadLetters,
        meters: Meters,
    ) -> None:
        self._reader = reader
        self._rules = rules
        self._writer = writer
        self._responder = responder
        self._acknowledgements = acknowledgements
        self._erasure = erasure
        self._dead_letters = dead_letters
        self._meters = meters
        self._faults = FaultLog(
            log,
            waits="received taps are kept in the journal",
            fails="processing taps fails",
            again="taps are stored again",
            severe=(StorageRejected,),
        )

    def refuse_at_once(self, tap: TapEntry) -> None:
        """Answer a tap of which is known, by what is in memory, that it will not be written."""
        verdict = judge(self._reader.in_memory(tap.tap), self._rules)
        if isinstance(verdict.decision, NotWritten):
            self._responder.refuse(tap, verdict.decision)

    async def process(self, taps: Sequence[TapEntry]) -> None:
        """Process taps that are about different things, however long MongoDB is away."""
        failures = 0
        while taps:
            try:
                results = await self._process(taps)
            except StorageError as exc:
                self._faults.met(exc)
                failures += 1
                await asyncio.sleep(STORAGE_BACKOFF.delay(failures))
                if len(taps) > _SMALLEST_BATCH:
                    # A server that is too slow for all of them may be quick enough for a few.
                    half = len(taps) // 2
                    await self.process(taps[:half])
                    taps, failures = taps[half:], 0
            except Exception as exc:  # noqa: BLE001  # a defect with one must not hold up the others
                log.error("a page failed, trying its entries one by one: %s", describe_defect(exc))
                for tap in taps:
                    await self._process_alone(tap)
                return
            else:
                self._faults.over()
                for tap, result in zip(taps, results, strict=True):
                    await self._finish(tap, result)
                return

    async def _process(self, taps: Sequence[TapEntry]) -> list[TapResult]:
        facts = await self._reader.read([tap.tap for tap in taps])
        verdicts = [judge(it, self._rules) for it in facts]
        for tap, verdict in zip(taps, verdicts, strict=True):
            if isinstance(verdict.decision, NotWritten):  # no write can change that
                self._responder.refuse(tap, verdict.decision)
        return await self._writer.write(verdicts)

    async def _process_alone(self, tap: TapEntry) -> None:
        """Process a tap that may be poison."""
        process = partial(retry, partial(self._process, [tap]), STORAGE_BACKOFF, self._faults)
        for result in await self._dead_letters.attempt(tap.entry, process) or ():
            await self._finish(tap, result)

    async def _finish(self, tap: TapEntry, result: TapResult) -> None:
        """Count and report a tap that is durable, and let the journal forget it."""
        attempt = partial(self._dead_letters.attempt, tap.entry)
        if await attempt(partial(self._count, result)) is not None:
            await attempt(partial(self._hand_on, tap, result))

    async def _count(self, result: TapResult) -> bool:
        """Whether there was something to count."""
        if result.outcome is None:
            return False
        self._meters.count(TAPS, result.outcome)
        return True

    async def _hand_on(self, tap: TapEntry, result: TapResult) -> None:
        """To whoever tells what became of a tap."""
        match result.result:
            case Unrecordable(reason):
                await self._dead_letters.put(tap.entry, reason)
            case ErasureBegun(person, at, acted):  # told when nothing is left, and not before
                report = partial(self._report, tap, replace(result, result=acted))
                self._erasure.put(person, at, partial(self._dead_letters.attempt, tap.entry, report))
            case _:
                await self._report(tap, result)

    async def _report(self, tap: TapEntry, result: TapResult) -> None:
        self._responder.report(tap, result)
        self._acknowledgements.stored(tap.entry.seq)
