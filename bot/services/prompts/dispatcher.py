"""Outbox -> Telegram: claim by lease, send within the limits, settle.

At least once: a prompt that was claimed and never settled is claimed again when its lease ends. A second
copy arises only where Telegram's own reply was lost, or the process died between reply and settling.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bot.core.health.vitals import CoachUnreachable
from bot.core.people.athlete import Athlete, Pause, Roster
from bot.core.prompts.planned import PAUSED
from bot.core.prompts.prompt import (
    LEASE,
    NOT_IN_TIME,
    NOTIFICATIONS,
    AskAgainReason,
    InvalidPrompt,
    Moved,
    Prompt,
    PromptKind,
    PromptState,
    Retry,
    Undeliverable,
    after_failure,
    read_due_at,
    read_not_after,
    read_prompt,
)
from bot.core.shared.backoff import constant
from bot.core.shared.clock import Clock
from bot.core.shared.errors import (
    StorageError,
    StorageRejected,
    StorageUnavailable,
    TelegramChatMigrated,
    TelegramError,
    TelegramRejected,
)
from bot.core.telegram.rate_limits import GROUP_WINDOW, SendLimits
from bot.logs import Recurring, describe_defect
from bot.services.periodic import FaultLog, repeat, retry
from bot.services.prompts.chat_openings import ChatOpenings
from bot.services.prompts.kinds import NO_KINDS, OwnKinds, RenderedPrompt
from bot.services.prompts.renderer import PromptRenderer
from bot.services.telegram.api import BotApi, SentMessage, Within
from bot.services.telegram.sending import rate_limited
from bot.store.mongodb.client import Document
from bot.store.prompts.coach_alerts import CoachAlertStore
from bot.store.prompts.outbox import Outbox

log = logging.getLogger(__name__)

# How many prompts are under way at once; enough to fill 30 a second at 300 ms a call.
_IN_FLIGHT = 12
_IDLE_INTERVAL = 0.5
_BACKOFF = constant(2.0)
_SETTLE_TRIES = 3
# Sending takes up to 35 s, and must be over when the lease ends.
_SEND_WITHIN = LEASE - timedelta(seconds=40)
_NO_ATHLETE = "its athlete is not on the roster any more"


class Dispatcher:
    """Sends due prompts.

    Args:
        openings: is told which chats take messages.
        zone: for `dueAt` texts without an offset.
        roster: the athletes; None as long as nobody knows them, and then everything waits, since these may
            be somebody's quiet hours.
        reread_roster: reads them anew: a question is called off only for what is true now.
        kinds: those that other rooms see to.
        monotonic: the clock of `limits`.
        may_send: whether this is the one of several services that sends; asked before each claim.
    """

    def __init__(
        self,
        api: BotApi,
        outbox: Outbox,
        coach_alerts: CoachAlertStore,
        renderer: PromptRenderer,
        openings: ChatOpenings,
        limits: SendLimits,
        clock: Clock,
        zone: tzinfo,
        roster: Callable[[], Roster | None],
        reread_roster: Callable[[], Awaitable[Roster]],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        kinds: OwnKinds = NO_KINDS,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        self._api = api
        self._outbox = outbox
        self._coach_alerts = coach_alerts
        self._renderer = renderer
        self._openings = openings
        self._limits = limits
        self._clock = clock
        self._zone = zone
        self._roster = roster
        self._reread_roster = reread_roster
        self._kinds = kinds
        self._may_send = may_send
        self._monotonic = monotonic
        self._trouble = Recurring(log)
        self._faults = FaultLog(
            log, waits="prompts wait", fails="claiming prompts fails", recurring=self._trouble
        )
        self._settle_faults = FaultLog(
            log,
            waits="the outcome of a prompt is not stored yet",
            fails="settling prompts fails",
            expected=(StorageUnavailable,),
            recurring=self._trouble,
        )
        self._abandoned: list[object] = []  # an `_id` may be an object, which no set takes
        self._coach_unreachable: CoachUnreachable | None = None
        self._unreachable_told: set[int] = set()
        self._has_recalled = False
        self._in_flight: dict[asyncio.Task[None], int] = {}

    def news(self) -> list[CoachUnreachable]:
        """That the coach's chat takes nothing: once, until it does again."""
        unreachable, self._coach_unreachable = self._coach_unreachable, None
        return [] if unreachable is None else [unreachable]

    async def run(self) -> None:
        """Claim and send until cancelled; what is being sent then goes on, see `finish`."""
        await repeat(self._start_next, 0.0, self._faults, backoff=_BACKOFF)

    async def _start_next(self) -> float | None:
        """Returns how long to wait if there is nothing to send."""
        if len(self._in_flight) >= _IN_FLIGHT:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
            return None
        roster = self._roster()
        if not self._may_send():
            self._has_recalled = False
            return _IDLE_INTERVAL
        if roster is None:
            return _IDLE_INTERVAL
        if not self._has_recalled:
            await self._recall()
        busy = self._limits.waiting(self._monotonic()) | set(self._in_flight.values())
        claimed_at = self._clock()
        document = await self._outbox.claim(claimed_at, busy_chats=busy, but=self._abandoned)
        self._trouble.over("prompts are sent again")
        if document is None:
            return _IDLE_INTERVAL
        prompt = await self._read(document)
        if prompt is None:
            return None
        athlete = _athlete(prompt, roster)
        if _is_orphaned(prompt, athlete) or _pause(prompt, athlete, claimed_at):
            athlete = _athlete(prompt, await self._reread_roster())
        if not await self._may_go(prompt, athlete, document):
            return None
        rendered = await self._render(prompt, athlete, document)
        if rendered is not None:
            task = asyncio.create_task(self._send(prompt, athlete, rendered, claimed_at))
            self._in_flight[task] = prompt.chat_id
            task.add_done_callback(lambda done: self._in_flight.pop(done, None))
        return None

    async def _render(
        self, prompt: Prompt, athlete: Athlete | None, document: Document
    ) -> RenderedPrompt | None:
        try:
            if (rendered := await self._renderer.compose(prompt, athlete)) is None:
                await self._coach_alerts.withdraw(prompt)
            return rendered
        except InvalidPrompt as exc:
            log.warning("the prompt with _id %s cannot be sent: %s", prompt.id, exc)
            await self._outbox.settle_invalid(document, str(exc), self._clock())
            return None
        except StorageError:
            raise
        except Exception as exc:  # noqa: BLE001  # else it would be claimed again and again, before the others
            log.error("composing a prompt failed unexpectedly: %s", describe_defect(exc))
            await self._outbox.settle_invalid(document, f"defect: {describe_defect(exc)}", self._clock())
            return None

    async def _read(self, document: Document) -> Prompt | None:
        """The prompt in a claimed document; None if it is none, too early or too late."""
        now = self._clock()
        try:
            prompt = read_prompt(document)
            due_at = read_due_at(document, self._zone)
            not_after = read_not_after(document, self._zone)
        except InvalidPrompt as exc:
            log.warning("the prompt with _id %s cannot be sent: %s", document["_id"], exc)
            await self._outbox.settle_invalid(document, str(exc), now)
            return None
        if due_at is not None and due_at > now:
            await self._outbox.postpone(prompt, due_at)
            return None
        if not prompt.was_sent and not_after is not None and not_after <= now:
            await self._outbox.settle_unasked(prompt, PromptState.EXPIRED, now, NOT_IN_TIME)
            return None
        return prompt

    async def _may_go(self, prompt: Prompt, athlete: Athlete | None, document: Document) -> bool:
        """Whether this is the time to send it; else it is settled, or postponed."""
        now = self._clock()
        if prompt.kind in (PromptKind.ALERT, PromptKind.PLAN):  # whatever the athlete's hours
            return True
        if (own := self._kinds.get(prompt.kind)) is not None:
            return await own.may_go(prompt, athlete, now)
        if prompt.again is not None and await self._outbox.is_answered(prompt):
            await self._outbox.settle_unasked(prompt, PromptState.ANSWERED, now)
            return False
        if _is_orphaned(prompt, athlete):
            if prompt.was_sent:
                await self._outbox.settle_unasked(prompt, PromptState.SENT, now)
            else:
                await self._outbox.settle_unasked(prompt, PromptState.CANCELLED, now, _NO_ATHLETE)
            return False
        if athlete is not None and (pause := _pause(prompt, athlete, now)) is not None:
            if prompt.again is AskAgainReason.LATER and pause.until is not None:  # as they wished
                await self._outbox.postpone(prompt, athlete.next_prompt_time(pause.until))
            elif prompt.was_sent:  # it can still be answered; it is only not asked once more
                await self._outbox.settle_unasked(prompt, PromptState.SENT, now)
            else:
                await self._outbox.settle_unasked(prompt, PromptState.CANCELLED, now, PAUSED, is_paused=True)
            return False
        is_wished = prompt.again is AskAgainReason.PENDING
        if athlete is not None and not is_wished and (until := athlete.quiet_until(now)) is not None:
            await self._outbox.postpone(prompt, until)
            return False
        return await self._outbox.prepare(prompt, document)

    async def _send(
        self, prompt: Prompt, athlete: Athlete | None, rendered: RenderedPrompt, claimed_at: datetime
    ) -> None:
        outcome = await self._deliver_in_time(prompt, athlete, rendered, claimed_at + _SEND_WITHIN)
        await self._until_stored(prompt, outcome.settle)
        if outcome.is_sent:
            self._openings.put(prompt.chat_id, self._clock())
        elif outcome.refused_at is not None:
            self._openings.refused(prompt.chat_id, claimed_at, outcome.refused_at)

    async def _deliver_in_time(
        self, prompt: Prompt, athlete: Athlete | None, rendered: RenderedPrompt, until: datetime
    ) -> _Outcome:
        """Send it, or edit what was sent.

        Args:
            until: when it is too late to begin with that.
        """
        try:
            async with rate_limited(self._limits, prompt.chat_id, self._monotonic):
                if self._clock() >= until:
                    # A stalled service must not send what another one has claimed since.
                    log.warning("a prompt was held up, it is claimed anew: %s", prompt.session_id)
                    return _Outcome(_leave_it)
                is_live = prompt.kind in NOTIFICATIONS or prompt.kind in self._kinds
                if is_live and not await self._coach_alerts.is_there(prompt):
                    return _Outcome(_leave_it)
                sent = await self._deliver(prompt, rendered)
        except StorageError as exc:
            self._trouble.met(f"prompts wait: {exc}")
            return _Outcome(_leave_it)
        except TelegramError as exc:
            now = self._clock()
            result = after_failure(prompt, exc, now)
            log.warning("prompt %s / %s was not sent: %s", prompt.run_id, prompt.session_id, exc)
            if prompt.kind is PromptKind.ALERT and isinstance(exc, TelegramRejected | TelegramChatMigrated):
                log.error(
                    "the coach is not told of pain yet, this is tried again until it arrives; check"
                    " COACH_CHAT_ID, and that the bot may write there"
                )
                has_moved = isinstance(exc, TelegramChatMigrated)
                if not has_moved and prompt.chat_id not in self._unreachable_told:
                    self._unreachable_told.add(prompt.chat_id)
                    self._coach_unreachable = CoachUnreachable(str(exc))
            if isinstance(result, Retry) and result.hold:
                self._hold(prompt.chat_id, (result.at - self._clock()).total_seconds())
            refused_at = now if isinstance(result, Undeliverable) else None
            return _Outcome(lambda: self._settle_failed(prompt, result, now), refused_at=refused_at)
        except Exception as exc:  # noqa: BLE001  # one prompt's defect must not stop the others
            log.error("sending a prompt failed unexpectedly: %s", describe_defect(exc))
            defect = Undeliverable(f"defect: {describe_defect(exc)}")
            return _Outcome(lambda: self._outbox.settle_failed(prompt, defect, self._clock()))
        return _Outcome(lambda: self._settle_sent(prompt, athlete, rendered, sent), is_sent=True)

    async def _settle_failed(
        self, prompt: Prompt, result: Retry | Undeliverable | Moved, now: datetime
    ) -> None:
        own = self._kinds.get(prompt.kind)
        if own is not None and isinstance(result, Undeliverable):
            await own.refused(prompt, result.reason, now)
        await self._outbox.settle_failed(prompt, result, now)

    async def _deliver(self, prompt: Prompt, rendered: RenderedPrompt) -> SentMessage:
        chat_id, keyboard = prompt.chat_id, rendered.keyboard
        if rendered.edits is not None:
            try:
                await self._api.edit_text(
                    chat_id, rendered.edits, rendered.text, [], keyboard or [], html=True
                )
                return SentMessage(rendered.edits, None)
            except TelegramRejected as exc:
                log.info("a message cannot be edited, so it is sent anew: %s", exc)
        within = Within(prompt.thread_id, rendered.quotes)
        if (copied := rendered.copies) is not None:
            return await self._api.copy(chat_id, copied.chat_id, copied.message_id, within=within)
        return await self._api.send(
            chat_id, rendered.text, html=True, keyboard=keyboard or None, within=within
        )

    async def _settle_sent(
        self, prompt: Prompt, athlete: Athlete | None, rendered: RenderedPrompt, sent: SentMessage
    ) -> None:
        now = self._clock()
        sent_at = sent.sent_at or now
        if rendered.then is not None:
            await rendered.then(sent_at)
        log.info("%s sent: %s / %s", prompt.kind, prompt.run_id, prompt.session_id)
        if prompt.kind is PromptKind.ALERT:
            self._unreachable_told.discard(prompt.chat_id)
        if prompt.kind in NOTIFICATIONS:
            await self._coach_alerts.settle(prompt, sent.message_id, sent_at, now)
            return
        if (own := self._kinds.get(prompt.kind)) is not None:
            await own.sent(prompt, sent.message_id, sent_at, now)
            return
        hours = None if athlete is None else athlete.hours.nudge_after_hours
        may_nudge = prompt.kind is PromptKind.SESSION and prompt.again in (None, AskAgainReason.ABSENCE)
        nudge_at = sent_at + timedelta(hours=hours) if may_nudge and hours is not None else None
        await self._outbox.settle_sent(prompt, sent.message_id, sent_at, now, nudge_at=nudge_at)

    async def _until_stored(self, prompt: Prompt, settle: Callable[[], Awaitable[None]]) -> None:
        """Settle, however long MongoDB is away.

        The chat stays busy meanwhile, so that an ended lease does not send a second copy from here. What
        MongoDB refuses to take is left alone until the bot is started again, for the same reason.
        """
        for refusals in range(1, _SETTLE_TRIES + 1):
            try:
                await retry(settle, _BACKOFF, self._settle_faults)
                return
            except StorageRejected as exc:
                reason = str(exc)
            except Exception as exc:  # noqa: BLE001  # nobody awaits this task: its error would be lost
                reason = describe_defect(exc)
            await asyncio.sleep(_BACKOFF.delay(refusals))
        self._abandoned.append(prompt.id)
        log.error("the outcome of a prompt cannot be stored, it is left as it is: %s", reason)

    async def finish(self) -> None:
        """Return when everything that is being sent is settled."""
        while self._in_flight:
            await asyncio.wait(self._in_flight)

    async def _recall(self) -> None:
        """What others sent to groups in the last minute counts for their limit."""
        now, elapsed = self._clock(), self._monotonic()
        sent: defaultdict[int, list[float]] = defaultdict(list)
        for chat_id, sent_at in await self._outbox.sent_to_groups(now - timedelta(seconds=GROUP_WINDOW)):
            sent[chat_id].append(elapsed - (now - sent_at).total_seconds())
        for chat_id, times in sent.items():
            self._limits.recall(chat_id, times)
        self._has_recalled = True

    def _hold(self, chat_id: int, seconds: float) -> None:
        """Leave the chat alone as long as Telegram says, and everybody for a moment: the limit over all
        looks just the same."""
        now = self._monotonic()
        self._limits.hold(chat_id, now + seconds)
        self._limits.hold(None, now + min(seconds, 1.0))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a try.

    Attributes:
        settle: makes it durable.
        refused_at: when Telegram refused the prompt for good.
    """

    settle: Callable[[], Awaitable[None]]
    is_sent: bool = False
    refused_at: datetime | None = None


async def _leave_it() -> None:
    """The claim ends by itself."""


def _athlete(prompt: Prompt, roster: Roster) -> Athlete | None:
    """Whose hours and pauses count: those of the prompt's athlete, else of who is asked in its chat."""
    return roster.whose(prompt.athlete_id, prompt.user_id, prompt.chat_id, prompt.thread_id)


def _is_orphaned(prompt: Prompt, athlete: Athlete | None) -> bool:
    """Whether it was meant for one athlete alone, who has been removed since: nobody could answer it."""
    return athlete is None and prompt.athlete_id is not None and prompt.user_id is not None


def _pause(prompt: Prompt, athlete: Athlete | None, instant: datetime) -> Pause | None:
    """The pause that holds it back; what comes because of what an athlete has just done comes in one, too."""
    if athlete is None or prompt.kind is PromptKind.NOTICE or prompt.again is AskAgainReason.PENDING:
        return None
    return athlete.pause_at(instant)
