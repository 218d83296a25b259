"""Where it hurts, in the athlete's own words: the next message after they have tapped another place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from bot.core.answers.details import MAX_WORDS
from bot.core.answers.event import AnswerAddition, Identity
from bot.core.facts.questions import ELSEWHERE, Detail
from bot.core.pain.stored import said_at
from bot.core.shared.tolerant import read_int64
from bot.services.chat.reply import Reply
from bot.services.chat.words import Written
from bot.services.pain.desk import PainDesk, Speaker
from bot.store.answers.feedback_events import FeedbackStore
from bot.store.mongodb.client import Document
from bot.store.pain.episodes import PainEpisodeStore
from bot.store.pain.reports import PainReportStore
from bot.store.prompts.coach_alerts import CoachAlertStore

WAITS = timedelta(hours=1)
"""So long after the tap a message is taken for these words; a later one is a note."""

Show: TypeAlias = Callable[[Identity, datetime], Awaitable[None]]

_NEVER = datetime.min.replace(tzinfo=UTC)


class WhereWords:
    """Takes them; see `bot.services.chat.words.Taker`.

    Args:
        show: shows an answer, now that more is said of it.
    """

    def __init__(
        self,
        events: FeedbackStore,
        reports: PainReportStore,
        episodes: PainEpisodeStore,
        alerts: CoachAlertStore,
        desk: PainDesk,
        show: Show,
    ) -> None:
        self._events = events
        self._reports = reports
        self._episodes = episodes
        self._alerts = alerts
        self._desk = desk
        self._show = show

    async def take(self, words: Written) -> Reply | None:
        """See `Taker`. What replies to something, or is too long, is for others."""
        update, text = words.update, " ".join(words.text.split())
        is_other = not update.is_private or update.is_edit or update.replied_to is not None
        if is_other or update.attachments or not text or len(text) > MAX_WORDS:
            return None
        since = words.at - WAITS
        answer = await self._episodes.newest_answer(update.user_id, ELSEWHERE, since)
        report = await self._reports.newest(update.user_id, ELSEWHERE, since)
        found = max((it for it in (answer, report) if _waits(it, words)), key=_asked_at, default=None)
        if found is None:
            return None
        if found is report:
            speaker = Speaker(words.athlete, update.user_id, update.chat_id)
            await self._desk.say(speaker, str(found["reportId"]), {Detail.WORDS: text}, words.stamp)
        else:
            await self._add(found, text, words)
        return Reply(words.language.texts.pain.words_noted.format(words=text), is_outcome=True)

    async def _add(self, answer: Document, text: str, words: Written) -> None:
        session = (str(answer["runId"]), str(answer["sessionId"]), words.update.user_id)
        stamp = words.stamp
        addition = AnswerAddition(session, Detail.WORDS, text, stamp.update_id, stamp.at)
        await self._events.add([addition])
        await self._alerts.refresh([(str(answer["sessionKey"]), stamp.update_id, stamp.at)])
        await self._episodes.settle(words.update.user_id, words.athlete.athlete_id)
        await self._show(session, stamp.at)


def _waits(document: Document | None, words: Written) -> bool:
    """Whether it waits for these words, or has them already, from before a crash."""
    if document is None:
        return False
    asked_at, answered = _asked_at(document), said_at(document, Detail.WORDS)
    if answered is not None:
        return read_int64(answered.get("updateId")) == words.update.update_id
    return words.at - WAITS <= asked_at <= words.at


def _asked_at(document: Document | None) -> datetime:
    said = None if document is None else said_at(document, Detail.PLACE)
    at = None if said is None else said.get("at")
    return at if isinstance(at, datetime) else _NEVER
