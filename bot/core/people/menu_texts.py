"""What the menu of commands says about each."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.i18n.language import Text

COMMANDS: Mapping[str, Text] = {
    "start": Text("Who I am, and your Telegram id", "Quién soy, y tu id de Telegram"),
    "help": Text("What I can do", "Qué puedo hacer"),
    "week": Text("Your week, with your answers", "Tu semana, con tus respuestas"),
    "pending": Text("What is still unanswered", "Lo que falta por responder"),
    "pause": Text("Stop the questions for a while", "Detener las preguntas por un tiempo"),
    "resume": Text("End the pause", "Terminar la pausa"),
    "language": Text("Change the language", "Cambiar el idioma"),
    "mydata": Text("Send me all that is stored about me", "Envíame todo lo guardado sobre mí"),
    "forgetme": Text("Delete what is stored about me", "Borrar lo guardado sobre mí"),
    "privacy": Text("What is stored, and who sees it", "Qué se guarda y quién lo ve"),
    "stats": Text("Figures, for admins", "Cifras, para quien administra"),
}
"""By the command's name, in the order of the menus."""
