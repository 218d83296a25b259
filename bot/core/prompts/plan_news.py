"""Admins and the coach are told, once, of a plan that cannot be used: through the outbox, so that neither a
restart nor another service tells it again. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.core.i18n.language import Language
from bot.core.plans.ownership import JudgedPlan
from bot.core.prompts.planned import OutboxAction, OutboxChange
from bot.core.prompts.prompt import PromptKind, PromptState
from bot.core.shared.formatting import escape_line
from bot.core.telegram.chats import ChatTopic

RUN_ID = "plan-news"
"""The run under which these stand in the outbox."""

_MAX_NAME, _MAX_REASON = 100, 600


def plan_news(plan: JudgedPlan, chats: Iterable[ChatTopic], now: datetime) -> list[OutboxChange]:
    """The documents that tell of a refused plan; who has one already, has been told."""
    fields = {
        "kind": PromptKind.PLAN.value,
        "runId": RUN_ID,
        "sessionId": plan.digest,
        "title": plan.name[:_MAX_NAME],
        "note": str(plan.flaw)[:_MAX_REASON],
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


def text(plan: str | None, note: str | None, language: Language) -> str:
    """The message (HTML)."""
    return language.texts.coach_alerts.plan_refused.format(
        plan=escape_line(plan or "?", _MAX_NAME), reason=escape_line(note or "?", _MAX_REASON)
    )
