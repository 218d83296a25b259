"""What is said about the language that somebody reads."""

from __future__ import annotations

from bot.core.i18n.language import Language, Text

_NAMES = {Language.EN: "English", Language.ES: "español"}

_PRESENT = "Language: {name}. Change it with /language es or /language en; /language auto follows Telegram."
_PRESENT_ES = (
    "Idioma: {name}. Cámbialo con /language en o /language es; /language auto usa el que dice Telegram."
)
CHOSEN = Text("From now on I write to you in English.", "A partir de ahora te escribo en español.")
AUTO = Text(
    "From now on I write to you in the language of your Telegram, where I know it.",
    "A partir de ahora te escribo en el idioma de tu Telegram, si lo conozco.",
)
USAGE = Text(
    "I can write in English or Spanish. Send /language en, /language es, or /language auto for the language of"
    " your Telegram.",
    "Sé escribir en español y en inglés. Envía /language es, /language en, o /language auto para usar el idioma"
    " de tu Telegram.",
)
FOR_KNOWN = Text(
    "/language is for athletes in training. /start says more.",
    "/language es para deportistas que entrenan. /start explica más.",
)
PRIVATE = Text(
    "Please send me /language in a private chat, so that I do not mix anybody up.",
    "Envíame /language en un chat privado, para que no confunda a nadie.",
)


def present(language: Language) -> str:
    """Which language it is, and how to change it: in both, for whoever cannot read this one."""
    first, second = (_PRESENT_ES, _PRESENT) if language is Language.ES else (_PRESENT, _PRESENT_ES)
    name = _NAMES[language]
    return f"{first.format(name=name)}\n\n{second.format(name=name)}"
