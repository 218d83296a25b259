"""Admins and the coach are told, once, of a plan that cannot be used, and, as soon as there are several
athletes, that plans must name them: through the outbox, so that neither a restart nor another service tells
it again. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.core.i18n.language import Language
from bot.core.people.athlete import Roster
from bot.core.plans.ownership import JudgedPlan, Standing
from bot.core.prompts.planned import OutboxAction, OutboxChange
from bot.core.prompts.prompt import PromptKind, PromptState
from bot.core.shared.formatting import escape_line
from bot.core.telegram.chats import ChatTopic

RUN_ID = "plan-news"
"""The run under which these stand in the outbox."""

_SEVERAL = "several-athletes"
_MAX_NAME, _MAX_REASON = 100, 600


def plan_news(plan: JudgedPlan, chats: Iterable[ChatTopic], now: datetime) -> list[OutboxChange]:
    """The documents that tell of a refused plan; who has one already, has been told."""
    return _news(plan.digest, plan.name, str(plan.flaw), chats, now)


def several_athletes_news(
    plans: Iterable[JudgedPlan], roster: Roster, chats: Iterable[ChatTopic], now: datetime
) -> list[OutboxChange]:
    """The documents that tell, once ever, that plans which name nobody will be nobody's from now on; nothing
    as long as there is one athlete, or every plan names its own.

    Args:
        plans: those that still matter.
    """
    nameless = [
        it.athlete_id
        for it in plans
        if it.standing is Standing.ACCEPTED and not it.is_named and it.athlete_id
    ]
    people = [athlete.athlete_id for athlete in roster.reachable()]
    if len(people) < 2 or not nameless:
        return []
    return _news(_SEVERAL, nameless[-1], ", ".join(people), chats, now)


def _news(
    session_id: str, title: str, note: str, chats: Iterable[ChatTopic], now: datetime
) -> list[OutboxChange]:
    fields = {
        "kind": PromptKind.PLAN.value,
        "runId": RUN_ID,
        "sessionId": session_id,
        "title": title[:_MAX_NAME],
        "note": note[:_MAX_REASON],
        "state": PromptState.PENDING.value,
        "dueAt": now,
    }
    return [
        OutboxChange(
            OutboxAction.INSERT,
            None,
            {**fields, "chatId": str(chat.chat_id), "messageThreadId": chat.thread_id},
        )
        for chat in sorted(set(chats), key=str)
    ]


def text(session_id: str, title: str | None, note: str | None, language: Language) -> str:
    """The message (HTML) of what stands in the outbox."""
    texts = language.texts.coach_alerts
    title, note = escape_line(title or "?", _MAX_NAME), escape_line(note or "?", _MAX_REASON)
    if session_id == _SEVERAL:
        return texts.name_athletes.format(whose=title, athletes=note)
    return texts.plan_refused.format(plan=title, reason=note)
