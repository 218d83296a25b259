"""What stands in Telegram's menu of commands (at most 256 characters each)."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.language import Text

COMMANDS: Mapping[str, Text] = {
    "week": Text("Your week, with your answers", "Tu semana, con tus respuestas"),
    "pending": Text("What is still unanswered", "Lo que falta por responder"),
    "pause": Text("No questions for a while", "Sin preguntas durante un tiempo"),
    "resume": Text("Questions again", "Otra vez preguntas"),
    "language": Text("English or Spanish", "Español o inglés"),
    "mydata": Text(
        "Everything stored about you, as a file", "Todo lo que hay guardado sobre ti, en un archivo"
    ),
    "forgetme": Text("Delete what is stored about you", "Borrar lo que hay guardado sobre ti"),
    "privacy": Text("What is stored, how long, who sees it", "Qué se guarda, cuánto tiempo y quién lo ve"),
    "stats": Text("Figures of the last 30 days", "Cifras de los últimos 30 días"),
    "help": Text("What I can do", "Qué sé hacer"),
    "start": Text("Hello, and your Telegram id", "Hola, y tu id de Telegram"),
}
