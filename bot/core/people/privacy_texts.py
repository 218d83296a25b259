"""Replies about stored data: /privacy and /forgetme."""

from __future__ import annotations

from bot.core.i18n.formats import counted
from bot.core.i18n.language import Language


def privacy(language: Language, *, answers: int, plans: int, runs: int, coach_is_told: bool) -> str:
    """The reply to /privacy.

    Args:
        answers, plans, runs: days that they are kept.
        coach_is_told: whether pain is told at once (COACH_CHAT_ID).
    """
    texts, days = language.texts.privacy, language.texts.counts.days
    return texts.privacy.format(
        feedback=counted(days, answers, language),
        plans=counted(days, plans, language),
        runs=counted(days, runs, language),
        coach=texts.coach if coach_is_told else "",
    )


def warning(language: Language, *, listed: bool) -> str:
    """The reply to /forgetme: what goes, and what stays.

    Args:
        listed: whether the athlete stands in ATHLETE_IDS.
    """
    return language.texts.privacy.warning.format(remains=_remains(language, listed=listed))


def deleted(language: Language) -> str:
    """The toast when it is done."""
    return language.texts.privacy.forgotten


def kept(language: Language) -> str:
    """The toast, and the message, when nothing is to be deleted after all."""
    return language.texts.privacy.kept


def forgotten(language: Language, *, listed: bool) -> str:
    """The text that replaces the warning when everything is deleted."""
    return language.texts.privacy.forgotten_long.format(remains=_remains(language, listed=listed))


def _remains(language: Language, *, listed: bool) -> str:
    texts = language.texts.privacy
    return texts.what_remains.format(listed=texts.listed if listed else texts.not_listed)
