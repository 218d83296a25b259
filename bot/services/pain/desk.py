"""Reports of pain: made durable, with all that follows from them. Doing it again changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.core.answers.details import read_details
from bot.core.facts.questions import Detail
from bot.core.pain.alerting import RUN_ID, SEVERE
from bot.core.pain.episodes import Episode, Verdict
from bot.core.pain.stored import level_of, read_verdict, spot_of
from bot.core.people.athlete import Athlete
from bot.core.prompts.prompt import PromptKind
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.chats import ChatTopic
from bot.store.mongodb.client import Document
from bot.store.pain.episodes import PainEpisodeStore
from bot.store.pain.reports import PainReportStore, ReportKey
from bot.store.prompts.coach_alerts import CoachAlert, CoachAlertStore


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who says something, and where.

    Attributes:
        name: as Telegram says; for where the roster has none.
    """

    athlete: Athlete
    user_id: int
    chat_id: int
    name: str | None = None


class PainDesk:
    """Takes what athletes say about pain besides their answers.

    Args:
        coach: COACH_CHAT_ID; None: nobody is told.
    """

    def __init__(
        self,
        reports: PainReportStore,
        episodes: PainEpisodeStore,
        alerts: CoachAlertStore,
        coach: ChatTopic | None,
    ) -> None:
        self._reports = reports
        self._episodes = episodes
        self._alerts = alerts
        self._coach = coach

    @property
    def coach_is_told(self) -> bool:
        """Whether there is a chat in which pain is told at once."""
        return self._coach is not None

    async def find(self, speaker: Speaker, report_id: str) -> Document | None:
        """A report of theirs.

        Raises:
            StorageError: it cannot be read.
        """
        return await self._reports.find(ReportKey(speaker.user_id, report_id))

    async def told(self, user_id: int) -> list[Episode]:
        """All that somebody has told of.

        Raises:
            StorageError: it cannot be read.
        """
        return await self._episodes.told(user_id)

    async def say(
        self,
        speaker: Speaker,
        report_id: str,
        said: Mapping[Detail, int | str],
        stamp: UpdateStamp,
        *,
        verdict: Verdict | None = None,
    ) -> Document:
        """Put it into a report; the coach is told of what is new or worse. Returns the report.

        Raises:
            StorageError: doing it again is harmless.
        """
        key, athlete_id = ReportKey(speaker.user_id, report_id), speaker.athlete.athlete_id
        report = await self._reports.say(
            key, said, stamp, athlete_id=athlete_id, chat_id=speaker.chat_id, verdict=verdict
        )
        episodes = await self._episodes.settle(speaker.user_id, athlete_id)
        await self._tell(speaker, report_id, report, episodes, stamp)
        return report

    async def _tell(
        self,
        speaker: Speaker,
        report_id: str,
        report: Document,
        episodes: list[Episode],
        stamp: UpdateStamp,
    ) -> None:
        """It is what stands now that decides: what this update has changed may be stored already."""
        if self._coach is None:
            return
        session_key = f"{RUN_ID}-{report_id}-{speaker.user_id}"
        # First what was told before: to raise it again notes this update, and no more.
        await self._alerts.refresh([(session_key, stamp.update_id, stamp.at)])
        raised_by = report.get("createdAt")
        if isinstance(raised_by, datetime) and _is_news(report, episodes):
            alert = CoachAlert(
                kind=PromptKind.ALERT,
                to=self._coach,
                session=(RUN_ID, report_id, speaker.user_id),
                session_key=session_key,
                athlete_id=speaker.athlete.athlete_id,
                chat_id=speaker.chat_id,
                message_id=None,
                raised_by=raised_by,
                version=stamp.update_id,
                at=stamp.at,
                name=speaker.name,
                report_id=report_id,
            )
            await self._alerts.raise_([alert])


def _is_news(report: Document, episodes: list[Episode]) -> bool:
    """Whether the coach must know it at once: what was told unasked, and what is worse than before."""
    verdict, details = read_verdict(report), read_details(report)
    level = level_of(details)
    if verdict is None:
        return spot_of(details).place is not None and level != 0
    if verdict is Verdict.GONE:
        return False
    if verdict is Verdict.WORSE or (level or 0) >= SEVERE:
        return True
    before = next((it.before for it in episodes if it.told_by == report.get("updateId")), None)
    return level is not None and before is not None and level > before
