"""Alerts to admins when something breaks, and when it is well again. Plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo

from bot.core.health.vitals import (
    Broke,
    ChatsClosed,
    CoachUnreachable,
    DeadLettersGrew,
    JournalEntriesMissing,
    News,
    Part,
    Recovered,
    TookOver,
    TopicLost,
)
from bot.core.i18n.catalog import AdminAlertTexts
from bot.core.i18n.formats import clock_time, counted, day_and_month
from bot.core.i18n.language import Language
from bot.core.inbox.journal_loss_texts import lacks
from bot.core.shared.formatting import clip
from bot.core.telegram.refusals import Refusal

_LONGEST_NAME = 80
_MOST_NAMES = 20


def alert(news: Iterable[News], language: Language, zone: tzinfo) -> str:
    """One message with all the news; times are shown in `zone`."""
    return "\n\n".join(_one(item, language, zone) for item in news)


def _one(news: News, language: Language, zone: tzinfo) -> str:
    texts = language.texts.admin_alerts
    match news:
        case Broke():
            return _broken(news.part, texts).format(since=_moment(news.since, language, zone))
        case Recovered():
            return _well(news.part, texts).format(
                since=_moment(news.since, language, zone),
                until=_moment(news.until, language, zone),
                duration=duration(news.until - news.since),
            )
        case TookOver(lost, host, has_journal):
            text = texts.took_over_all if has_journal else texts.took_over
            return text.format(lost=lost, host=host)
        case JournalEntriesMissing(loss, found_at):
            return texts.entries_missing.format(
                found=_moment(found_at, language, zone),
                entries=lacks(loss, language),
            )
        case CoachUnreachable(reason):
            return texts.coach_unreachable.format(reason=reason)
        case ChatsClosed():
            return _closed(news.refusal, texts).format(who=_names(list(news.who.values()), texts))
        case TopicLost(chat_id, thread_id, reason):
            return texts.topic_lost.format(chat=chat_id, topic=thread_id, reason=reason)
        case DeadLettersGrew():
            return texts.dead_letters.format(
                updates=counted(language.texts.counts.updates, news.number, language)
            )


def _broken(part: Part, texts: AdminAlertTexts) -> str:
    match part:
        case Part.TELEGRAM:
            return texts.telegram_broken
        case Part.MONGODB:
            return texts.mongodb_broken
        case Part.JOURNAL:
            return texts.journal_broken
        case Part.BACKLOG:
            return texts.backlog_broken


def _well(part: Part, texts: AdminAlertTexts) -> str:
    match part:
        case Part.TELEGRAM:
            return texts.telegram_well
        case Part.MONGODB:
            return texts.mongodb_well
        case Part.JOURNAL:
            return texts.journal_well
        case Part.BACKLOG:
            return texts.backlog_well


def _closed(refusal: Refusal, texts: AdminAlertTexts) -> str:
    match refusal:
        case Refusal.NOT_STARTED:
            return texts.not_started
        case Refusal.BLOCKED:
            return texts.blocked
        case Refusal.REMOVED:
            return texts.removed
        case _:
            return texts.muted


def _names(names: Sequence[str], texts: AdminAlertTexts) -> str:
    shown = ", ".join(clip(name, _LONGEST_NAME) for name in names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return shown if more <= 0 else f"{shown} {texts.and_more.format(number=more)}"


def _moment(instant: datetime, language: Language, zone: tzinfo) -> str:
    local = instant.astimezone(zone)
    return language.texts.admin_alerts.moment.format(
        time=clock_time(local, language), day=day_and_month(local.date(), language)
    )


def duration(span: timedelta) -> str:
    """`45 s`, `14 min`, `2 h 5 min`, `3 d 4 h`: the same in every language."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
