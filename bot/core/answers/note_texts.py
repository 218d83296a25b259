"""What is said about notes: replies that athletes write to a question."""

from __future__ import annotations

from bot.core.i18n.language import Text

NOTED = Text(
    "📝 Noted with your answer. Your coach will read it. Edit your message to change it.",
    "📝 Anotado junto a tu respuesta. Tu entrenador lo leerá. Edita tu mensaje para cambiarlo.",
)
NOTED_TAP = Text(
    "📝 Noted. Please also tap one of the buttons above, so that your note has an answer to go with.",
    "📝 Anotado. Toca también uno de los botones de arriba, para que tu nota acompañe a una respuesta.",
)
NOT_PASSED_ON = Text(
    "I do not pass on what you write here. Please write to your athlete yourself.",
    "No reenvío lo que escribes aquí. Escríbele tú a tu deportista, por favor.",
)
CHANGED = Text("📝 Your note is changed.", "📝 Tu nota está cambiada.")
NOT_THE_NOTE = Text(
    "You have written another note about this session since; that one stays. Edit it, or reply to my question"
    " once more.",
    "Después escribiste otra nota sobre esta sesión; queda esa. Edítala, o responde otra vez a mi pregunta.",
)
ONLY_TEXT = Text(
    "I can only read text, sorry: no voice messages, photos or stickers. Please write it in a few words, as a"
    " reply to my question.",
    "Solo puedo leer texto, lo siento: ni audios, ni fotos, ni stickers. Escríbelo en pocas palabras, como"
    " respuesta a mi pregunta.",
)
TOO_LONG = Text(
    "Your note has {number} characters, and {most} fit, so it is not saved. Please shorten it: edit your"
    " message.",
    "Tu nota tiene {number} caracteres y caben {most}, así que no se ha guardado. Acórtala: edita tu mensaje.",
)
WHICH = Text(
    "I cannot tell which session this is about. Please reply to my question about it.",
    "No sé de qué sesión se trata. Responde a mi pregunta sobre esa sesión, por favor.",
)
FOREIGN = Text(
    "This question is for another athlete in this chat, so your note was not saved.",
    "Esta pregunta es para otra persona de este chat, así que tu nota no se ha guardado.",
)
FOR_ATHLETES = Text(
    "Notes are for athletes in training, so this one was not saved. /start says more.",
    "Las notas son para deportistas que entrenan, así que esta no se ha guardado. /start explica más.",
)
