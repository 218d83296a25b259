"""What is said to /pending."""

from __future__ import annotations

from bot.core.i18n.language import Language, Noun, Text

_QUESTIONS = Noun(Text("question", "pregunta"), Text("questions", "preguntas"))

NONE = Text("Nothing is waiting for your answer. 👍", "No hay nada que espere tu respuesta. 👍")
_ALL = Text(
    "{number} without an answer. Here it comes again; one tap is enough.",
    "{number} sin respuesta. Te la envío otra vez; basta un toque.",
)
_ALL_SEVERAL = Text(
    "{number} without an answer. Here they come again; one tap each is enough.",
    "{number} sin respuesta. Te las envío otra vez; basta un toque en cada una.",
)
_SOME = Text(
    "{number} without an answer. Here come the {asked} oldest; send /pending again for the others.",
    "{number} sin respuesta. Te envío las {asked} más antiguas; envía /pending otra vez para ver las demás.",
)
FOR_ATHLETES = Text(
    "/pending is for athletes in training. /start says more.",
    "/pending es para deportistas que entrenan. /start explica más.",
)
OWN_CHAT = Text(
    "Please send me /pending in our private chat.", "Envíame /pending en nuestro chat privado, por favor."
)


def pending(number: int, asked: int, language: Language) -> str:
    """How many questions are unanswered, and how many of them come again."""
    if not number:
        return NONE(language)
    text = _SOME if asked < number else _ALL if number == 1 else _ALL_SEVERAL
    return text(language, number=_QUESTIONS(language, number), asked=asked)
