"""What is said to be missing of a journal."""

from __future__ import annotations

from bot.core.i18n.language import Language, Noun, Text
from bot.core.inbox.journal_loss import JournalLoss

UPDATES = Noun(Text("update", "actualización"), Text("updates", "actualizaciones"))

_ENTRIES = Text(
    "the entries {first} to {last} (up to {updates})",
    "las entradas de la {first} a la {last} (hasta {updates})",
)
_AND_LATER = Text("{entries} and perhaps later ones", "{entries} y quizá otras posteriores")
_ALL_AFTER = Text(
    "everything after entry {last}, nobody knows how much",
    "todo lo posterior a la entrada {last}, no se sabe cuánto",
)


def lacks(loss: JournalLoss, language: Language) -> str:
    """The entries by number."""
    if not loss.number:
        return _ALL_AFTER(language, last=loss.last)
    updates = UPDATES(language, loss.number)
    entries = _ENTRIES(language, first=loss.first, last=loss.last, updates=updates)
    return _AND_LATER(language, entries=entries) if loss.is_open else entries
