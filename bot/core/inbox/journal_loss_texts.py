"""The missing entries of a journal, in words."""

from __future__ import annotations

from bot.core.i18n.formats import counted
from bot.core.i18n.language import Language
from bot.core.inbox.journal_loss import JournalLoss


def lacks(loss: JournalLoss, language: Language) -> str:
    """The entries by number."""
    texts = language.texts.admin_alerts
    if not loss.number:
        return texts.all_after.format(last=loss.last)
    updates = counted(language.texts.counts.updates, loss.number, language)
    entries = texts.entries.format(first=loss.first, last=loss.last, updates=updates)
    return texts.and_later.format(entries=entries) if loss.is_open else entries
