"""Words between athletes and the coach as they read (HTML where it says so)."""

from __future__ import annotations

from datetime import datetime

from bot.core.coach.names import MAX_NAME
from bot.core.i18n.formats import clock_time
from bot.core.i18n.language import Language
from bot.core.shared.formatting import MAX_MESSAGE, clip, escape, escape_line
from bot.core.telegram.refusals import Refusal, read_refusal

_MOST_NAMES = 40


def from_coach(author: str, text: str, language: Language) -> str:
    """What a coach wrote, for the athlete (HTML)."""
    texts, who = language.texts.coach, escape_line(author, MAX_NAME)
    if not text:
        return texts.sent_by_coach.format(who=who)
    return texts.from_coach.format(who=who, text=escape(text, MAX_MESSAGE))


def from_athlete(who: str, text: str, language: Language, *, read_by: str | None = None) -> str:
    """What an athlete wrote, for the coach (HTML).

    Args:
        who: their name (HTML).
        read_by: the coach who has read it.
    """
    texts = language.texts.coach
    said = f"💬 {who}:\n{escape(text, MAX_MESSAGE)}" if text else texts.sent_by_athlete.format(who=who)
    return (
        said if read_by is None else f"{said}\n\n{texts.read_by.format(who=escape_line(read_by, MAX_NAME))}"
    )


def read_toast(language: Language) -> str:
    """The toast for the coach who has read it."""
    return language.texts.coach.read_toast


def on_its_way(who: str, until: datetime | None, language: Language) -> str:
    """The reply to a coach.

    Args:
        until: when the athlete's quiet hours end, in their zone; None: these are none.
    """
    texts = language.texts.coach
    if until is None:
        return texts.on_its_way.format(who=who)
    return texts.on_its_way_later.format(who=who, time=clock_time(until, language))


def no_telegram(who: str, language: Language) -> str:
    """The reply to a coach who writes to somebody whom the bot does not know yet."""
    return language.texts.coach.no_telegram.format(who=who)


def not_delivered(who: str, refusal: str, language: Language) -> str:
    """The news to a coach that Telegram does not take their words (HTML).

    Args:
        who: the athlete's name (HTML).
        refusal: Telegram's reason.
    """
    texts = language.texts.coach
    match read_refusal(refusal):
        case Refusal.NOT_STARTED:
            return texts.not_started.format(who=who)
        case Refusal.BLOCKED:
            return texts.blocked.format(who=who)
        case Refusal.GONE:
            return texts.gone.format(who=who)
        case _:
            return texts.not_delivered.format(who=who, reason=escape_line(refusal, MAX_NAME))


def several_called(name: str, called: list[str], language: Language) -> str:
    """The reply to a command that names several athletes.

    Args:
        called: these, each with the id that names nobody else.
    """
    return language.texts.coach.several_called.format(name=clip(name, MAX_NAME), names=_list(called))


def nobody_called(name: str, known: list[str], language: Language) -> str:
    """The reply to a command that names nobody; `known` are all athletes."""
    return language.texts.coach.nobody_called.format(name=clip(name, MAX_NAME), names=_list(known))


def _list(items: list[str]) -> str:
    shown = [clip(item, MAX_NAME) for item in items[:_MOST_NAMES]]
    return "\n".join([*shown, *(["…"] if len(items) > _MOST_NAMES else [])])
