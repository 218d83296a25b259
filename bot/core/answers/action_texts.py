"""What is said to buttons that are no answers."""

from __future__ import annotations

from bot.core.i18n.language import Text

SEEN = Text(
    "Thank you. The athlete is told that you have seen it.", "Gracias. Se lo hago saber al deportista."
)
NO_ALERT = Text(
    "I do not remember this message any more, so nobody was told.",
    "Ya no recuerdo este mensaje, así que no he avisado a nadie.",
)
