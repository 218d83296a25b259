"""What is done for buttons that are no answers. Doing it again, after a crash, changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.i18n.language import Language
from bot.core.people import privacy_texts
from bot.core.people.athlete import Athlete
from bot.core.people.texts import not_done
from bot.core.people.tombstone import DataSubject
from bot.core.prompts import coach_alert_texts
from bot.core.prompts.prompt import PromptKind
from bot.core.shared.errors import StorageRejected
from bot.core.shared.tolerant import read_int64
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.action_payloads import Action, ActionTap
from bot.core.telegram.chats import ChatTopic
from bot.core.telegram.updates import Tap
from bot.services.people.erasure import CONFIRM_WITHIN, Erasure
from bot.store.mongodb.client import Document
from bot.store.people.tombstones import TombstoneStore
from bot.store.prompts.coach_alerts import CoachAlert, CoachAlertStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ActionDone:
    """What was done.

    Attributes:
        say: the notice to who tapped.
        is_alert: a box that has to be closed, for what must be read.
        instead: what takes the place of the message with the button; None leaves it as it is.
    """

    say: Callable[[Language], str]
    is_alert: bool = False
    instead: Callable[[Language], str] | None = None


@dataclass(frozen=True, slots=True)
class ErasureBegun:
    """A deletion that goes on for a while; what came before it counts no more.

    Attributes:
        at: the confirmation.
        acted: what is told when nothing is left.
    """

    person: DataSubject
    at: UpdateStamp
    acted: ActionDone


class ButtonActions:
    """Carries out what buttons ask for."""

    def __init__(self, alerts: CoachAlertStore, tombstones: TombstoneStore, erasure: Erasure) -> None:
        self._alerts = alerts
        self._tombstones = tombstones
        self._erasure = erasure

    async def carry_out(
        self, action: ActionTap, tap: Tap, athlete: Athlete | None
    ) -> ActionDone | ErasureBegun | NotWritten:
        """Do it, durably.

        Args:
            tap: of somebody who may ask for it; that a deletion is theirs to confirm is made sure of here.
            athlete: who that is; None: none.

        Raises:
            StorageError: doing it again is harmless.
        """
        match action.action:
            case Action.SEEN:
                return await self._mark_seen(action.argument, tap)
            case Action.KEEP | Action.FORGET if tap.user_id is None:
                return NotWritten(Outcome.REFUSED)
            case Action.KEEP | Action.FORGET:
                return await self._answer_erasure(action.action, tap, tap.user_id, athlete)

    async def _answer_erasure(
        self, action: Action, tap: Tap, user_id: int, athlete: Athlete | None
    ) -> ActionDone | ErasureBegun | NotWritten:
        """Whether everything is to be deleted, after all."""
        listed = self._erasure.is_listed(user_id)
        done = ActionDone(privacy_texts.deleted, instead=partial(privacy_texts.forgotten, listed=listed))
        tombstone = (await self._tombstones.of([user_id])).get(user_id)
        if tombstone is not None and tombstone.at == tap.stamp:  # before a crash
            person = DataSubject(user_id, tombstone.athlete_id)
            return ErasureBegun(person, tap.stamp, done) if tombstone.is_open else done
        if tombstone is not None and tap.message_id is not None and tap.message_id == tombstone.message_id:
            return done  # the other button, or the same, was tapped before
        is_in_time = tap.prompt_at is not None and tap.received_at - tap.prompt_at <= CONFIRM_WITHIN
        since = None if tombstone is None else tombstone.at
        if not is_in_time or not await self._erasure.is_asked(user_id, since, tap.stamp):
            is_stranger = athlete is None and tombstone is None
            return NotWritten(Outcome.REFUSED, cause=None if is_stranger else Cause.NOT_ASKED)
        if action is Action.KEEP:
            await self._erasure.keep(user_id, tap.stamp)
            return ActionDone(privacy_texts.kept, instead=privacy_texts.kept)
        try:
            person = await self._erasure.begin(user_id, athlete, tap.stamp, tap.message_id)
            return ErasureBegun(person, tap.stamp, done)
        except StorageRejected as exc:  # it must not hold up everybody's taps
            log.error("/forgetme cannot be carried out: %s", exc)
            return ActionDone(not_done, is_alert=True)

    async def _mark_seen(self, reference: str, tap: Tap) -> ActionDone | NotWritten:
        if tap.chat_id is None:
            return NotWritten(Outcome.REFUSED, cause=Cause.NO_ALERT)
        name = tap.first_name or tap.username or str(tap.user_id)
        alert = await self._alerts.see(reference, tap.chat_id, name, tap.update_id, tap.received_at)
        notice = None if alert is None else _notice(alert, tap)
        if alert is None or notice is None:
            return NotWritten(Outcome.REFUSED, cause=Cause.NO_ALERT)
        await self._alerts.raise_([notice])
        return ActionDone(coach_alert_texts.seen)


def _notice(alert: Document, tap: Tap) -> CoachAlert | None:
    """The news for the athlete; None if the alert does not say who that is."""
    about = alert.get("about") or {}
    chat_id, raised_by = about.get("chatId"), alert.get("raisedBy")
    if chat_id is None or not isinstance(raised_by, datetime):
        return None
    thread_id = read_int64(about.get("messageThreadId"))
    return CoachAlert(
        kind=PromptKind.NOTICE,
        to=ChatTopic(int(chat_id), thread_id),
        session=(about["runId"], about["sessionId"], about["userId"]),
        session_key=about["sessionKey"],
        athlete_id=alert.get("athleteId"),
        chat_id=int(chat_id),
        thread_id=thread_id,
        message_id=about.get("messageId"),
        # Once for each time that the alert was raised, however often the button is tapped.
        raised_by=raised_by,
        raised_update_id=read_int64(alert.get("raisedUpdateId")),
        version=tap.update_id,
        at=tap.received_at,
        seen_by=alert.get("seenBy"),
    )
