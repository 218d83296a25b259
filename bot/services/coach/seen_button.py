"""The button below an alert: the coach has seen it, and the athlete is told so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.people.athlete import Athlete
from bot.core.prompts import coach_alert_texts
from bot.core.prompts.prompt import PromptKind
from bot.core.shared.tolerant import read_int64
from bot.core.telegram.action_payloads import Action, ActionTap
from bot.core.telegram.chats import ChatTopic
from bot.core.telegram.reactions import Reaction
from bot.core.telegram.updates import Tap
from bot.services.chat.button_actions import ActionDone, ActionHandler, ActionResult
from bot.services.coach.read_button import React
from bot.store.mongodb.client import Document
from bot.store.prompts.coach_alerts import CoachAlert, CoachAlertStore


class SeenButton:
    """Marks alerts as seen.

    Args:
        coach: COACH_CHAT_ID.
    """

    def __init__(self, alerts: CoachAlertStore, coach: int | None, react: React) -> None:
        self._alerts = alerts
        self._coach = coach
        self._react = react

    def handlers(self) -> Mapping[Action, ActionHandler]:
        """The button that is seen to here."""
        return {Action.SEEN: self._mark_seen}

    async def _mark_seen(self, seen: ActionTap, tap: Tap, _athlete: Athlete | None) -> ActionResult:
        if tap.chat_id is None or self._coach is None:
            return NotWritten(Outcome.REFUSED, cause=Cause.NO_ALERT)
        name = tap.first_name or tap.username or str(tap.user_id)
        where = (tap.chat_id, self._coach)
        alert = await self._alerts.see(seen.argument, *where, name, tap.update_id, tap.received_at)
        notice = None if alert is None else _notice(alert, tap)
        if alert is None or notice is None:
            return NotWritten(Outcome.REFUSED, cause=Cause.NO_ALERT)
        await self._alerts.raise_([notice])
        for line in (await self._alerts.notes(alert)).lines:
            for message_id in line.message_ids if line.chat_id is not None else ():
                self._react(line.chat_id or 0, message_id, Reaction.READ)
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
