"""Pain that athletes reported while there was no coach's chat to tell it in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.core.answers.details import read_details
from bot.core.facts.answer_types import FeedbackType, read_type
from bot.core.pain.alerting import RUN_ID
from bot.core.pain.stored import level_of, read_verdict, spot_of
from bot.core.prompts.prompt import PromptKind
from bot.core.records.collections import FEEDBACK_EVENTS, PAIN_REPORTS
from bot.core.shared.tolerant import read_int64
from bot.core.telegram.chats import ChatTopic
from bot.store.mongodb.client import Database, Document, storage_errors
from bot.store.prompts.coach_alerts import CoachAlert, CoachAlertStore
from bot.store.prompts.prompts import COLLECTION as PROMPTS

WORTH_TELLING = timedelta(days=2)
"""Pain that is older is not told any more when a coach's chat is set."""


class UntoldPainStore:
    """All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database, alerts: CoachAlertStore) -> None:
        self._events = db[FEEDBACK_EVENTS.name]
        self._reports = db[PAIN_REPORTS.name]
        self._prompts = db[PROMPTS]
        self._alerts = alerts

    async def tell(self, to: ChatTopic, now: datetime, athlete_id: Callable[[int], str | None]) -> int:
        """Have pain told that was reported in the last two days, and was told in no chat; once.

        Args:
            athlete_id: the name on the roster of a Telegram user.

        Returns:
            How many reports there were.
        """
        hurts = [type_.value for type_ in FeedbackType if type_.facts.alerts_coach]
        query = {
            "receivedAt": {"$gt": now - WORTH_TELLING},
            "type": {"$in": hurts},
            # What was tapped here; what other programs write is for those to tell.
            "userId": {"$type": "number"},
            "updateId": {"$type": "number"},
        }
        lately = {"createdAt": query["receivedAt"]}
        with storage_errors():
            events = await self._events.find(query).sort("receivedAt", 1).to_list()
            reports = await self._reports.find(lately).sort("createdAt", 1).to_list()
        found = [it for event in events if (it := _alert(event, to, now, athlete_id)) is not None]
        found += [it for report in reports if (it := _alert_of_report(report, to, now)) is not None]
        keys = [alert.session_key for alert in found]
        alerts = {"kind": PromptKind.ALERT.value, "about.sessionKey": {"$in": keys}}
        with storage_errors():
            told = set(await self._prompts.distinct("about.sessionKey", alerts)) if keys else set()
        untold = [alert for alert in found if alert.session_key not in told]
        await self._alerts.raise_(untold)
        return len(untold)


def _alert(
    event: Document, to: ChatTopic, now: datetime, athlete_id: Callable[[int], str | None]
) -> CoachAlert | None:
    user_id, update_id = read_int64(event.get("userId")), read_int64(event.get("updateId"))
    received_at = event.get("receivedAt")
    if user_id is None or update_id is None or read_type(event.get("type")) is None:
        return None
    if not isinstance(received_at, datetime):
        return None
    chat = str(event.get("chatId"))
    chat_id = int(chat) if chat.isascii() and chat.removeprefix("-").isdigit() else user_id
    return CoachAlert(
        kind=PromptKind.ALERT,
        to=to,
        session=(str(event.get("runId")), str(event.get("sessionId")), user_id),
        session_key=str(event.get("sessionKey")),
        athlete_id=athlete_id(user_id),
        chat_id=chat_id,
        message_id=read_int64(event.get("messageId")),
        raised_by=received_at,
        raised_update_id=update_id,
        version=update_id,
        at=now,
    )


def _alert_of_report(report: Document, to: ChatTopic, now: datetime) -> CoachAlert | None:
    """Of what was told unasked; how it was by then is said in the summary."""
    user_id, report_id = read_int64(report.get("userId")), report.get("reportId")
    made_at, update_id = report.get("createdAt"), read_int64(report.get("updateId"))
    details = read_details(report)
    is_told = read_verdict(report) is None and spot_of(details).place is not None and level_of(details) != 0
    if user_id is None or update_id is None or not isinstance(report_id, str) or not is_told:
        return None
    if not isinstance(made_at, datetime):
        return None
    athlete_id = report.get("athleteId")
    return CoachAlert(
        kind=PromptKind.ALERT,
        to=to,
        session=(RUN_ID, report_id, user_id),
        session_key=f"{RUN_ID}-{report_id}-{user_id}",
        athlete_id=athlete_id if isinstance(athlete_id, str) else None,
        chat_id=user_id,
        message_id=None,
        raised_by=made_at,
        version=update_id,
        at=now,
        report_id=report_id,
    )
