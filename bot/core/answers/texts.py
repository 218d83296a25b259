"""The four answers, what is said to a tap, and how the answer is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from bot.core.answers.action_texts import NO_ALERT
from bot.core.answers.rules import Cause, NotWritten, Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.i18n.language import DAYS, Language, Text, long_date
from bot.core.shared.formatting import MAX_MESSAGE, clip_units, units

LABELS: Mapping[FeedbackType, Text] = {
    FeedbackType.DONE: Text("✅ Done", "✅ Hecha"),
    FeedbackType.SKIPPED: Text("⏭ Skipped", "⏭ Saltada"),
    FeedbackType.HARD: Text("🥵 Hard", "🥵 Dura"),
    FeedbackType.PAIN: Text("🤕 Pain", "🤕 Dolor"),
}
LATER = Text("⏰ Later", "⏰ Luego")

NOT_SAVED = Text(
    "Something is wrong with this answer and it could not be saved. Please tell your coach.",
    "Algo falla en esta respuesta y no se ha podido guardar. Díselo a tu entrenador, por favor.",
)
NOT_SAVED_AFTER_ALL = Text(
    "I told you that I had got your tap. Something is wrong with it, and it could not be saved after all. Please"
    " tell your coach.",
    "Te dije que había recibido tu toque. Algo falla en él y al final no se ha podido guardar. Díselo a tu"
    " entrenador, por favor.",
)
RECEIVED = Text(
    "Got it! Your answer is kept safely and will be saved shortly.",
    "¡Recibido! Tu respuesta está a salvo y se guardará en breve.",
)
RECEIVED_UNJUDGED = Text(
    "Got it! Your tap is kept safely, and I will see to it shortly.",
    "¡Recibido! Tu toque está a salvo y lo atenderé en breve.",
)
NOT_KEPT = Text(
    "I cannot keep your answer at the moment. If that is mended within two minutes, it is recorded by itself; if"
    " not, please tap again later.",
    "Ahora mismo no puedo conservar tu respuesta. Si se arregla en dos minutos, se guardará sola; si no, vuelve a"
    " tocar más tarde, por favor.",
)

_SAVED = Text(
    "Saved: {label}. Tap another button to change it.",
    "Guardado: {label}. Toca otro botón para cambiarlo.",
)
_SAVED_ALREADY = Text(
    "{label} is saved already. Tap another button to change it.",
    "{label} ya estaba guardado. Toca otro botón para cambiarlo.",
)
_SUPERSEDED = Text(
    "You have answered again since. Saved: {label}.", "Después has vuelto a responder. Guardado: {label}."
)
_AGAIN = Text(
    "All right, I will ask again {day} at {time}.", "De acuerdo, volveré a preguntar {day} a las {time}."
)
_TODAY = Text("today", "hoy")
_TOMORROW = Text("tomorrow", "mañana")
_ON = Text("on {date}", "el {date}")

_FOREIGN = Text(
    "This question is for another athlete in this chat, so nothing was changed. I ask about your sessions"
    " separately.",
    "Esta pregunta es para otra persona de este chat, así que no ha cambiado nada. Por tus sesiones te pregunto"
    " aparte.",
)
_ANSWERED = Text(
    "You have answered this already, so I will not ask again. Tap another answer to change it.",
    "Ya has respondido a esto, así que no volveré a preguntar. Toca otra respuesta para cambiarla.",
)
_NO_TIME_LEFT = Text(
    "Answers count for {days}, so I cannot ask about this session again later. Please tap an answer now.",
    "Las respuestas cuentan durante {days}, así que más tarde ya no puedo preguntar por esta sesión. Toca una"
    " respuesta ahora.",
)
_PAUSED = Text(
    "You are on a pause, so I do not ask again. Please tap an answer now, or send me /resume first.",
    "Estás en pausa, así que no vuelvo a preguntar. Toca una respuesta ahora, o envíame antes /resume.",
)
_NO_ANSWER = Text(
    "I have no answer of yours to this yet. Please tap one of the four buttons first.",
    "Todavía no tengo tu respuesta a esto. Toca antes uno de los cuatro botones.",
)
_OTHER_ANSWER = Text(
    "Your answer is another one by now, so this was not recorded.",
    "Tu respuesta ya es otra, así que esto no se ha guardado.",
)
_TOO_OLD = Text(
    "This message is too old for an answer to count, so it was not recorded. Thank you!",
    "Este mensaje es demasiado antiguo para que cuente la respuesta, así que no se ha guardado. ¡Gracias!",
)
_LATE = Text(
    "This session was asked about {age} ago. Answers count for {days}, so this one was not recorded. Thank you!",
    "Pregunté por esta sesión hace {age}. Las respuestas cuentan durante {days}, así que esta no se ha guardado."
    " ¡Gracias!",
)
_UNKNOWN = Text(
    "I do not remember this session any more, so nothing was recorded. Please tell your coach.",
    "Ya no recuerdo esta sesión, así que no se ha guardado nada. Díselo a tu entrenador, por favor.",
)
_REFUSED = Text(
    "This button is for the athlete in training, so nothing was changed. Send me /start to learn more.",
    "Este botón es para quien entrena, así que no ha cambiado nada. Envíame /start para saber más.",
)
_INVALID = Text(
    "This button is not one that I understand, so nothing was recorded. Please tell your coach.",
    "No entiendo este botón, así que no se ha guardado nada. Díselo a tu entrenador, por favor.",
)
_NOT_ASKED = Text(
    "This button has expired, so it did nothing. Send me /forgetme if you want everything deleted.",
    "Este botón ha caducado, así que no ha hecho nada. Envíame /forgetme si quieres que se borre todo.",
)
FORGOTTEN = Text(
    "You have had everything deleted since, and this went with it.",
    "Después pediste borrarlo todo, y esto se fue con lo demás.",
)
_CAUSES: Mapping[Cause, Text] = {
    Cause.FOREIGN: _FOREIGN,
    Cause.ANSWERED: _ANSWERED,
    Cause.NO_TIME_LEFT: _NO_TIME_LEFT,
    Cause.PAUSED: _PAUSED,
    Cause.NO_ANSWER: _NO_ANSWER,
    Cause.OTHER_ANSWER: _OTHER_ANSWER,
    Cause.NO_ALERT: NO_ALERT,
    Cause.NOT_ASKED: _NOT_ASKED,
    Cause.FORGOTTEN: FORGOTTEN,
}

_ANSWER_LINE = "\n\n➜ "
_MARK = "• "


def saved(type_: FeedbackType, language: Language) -> str:
    """The toast after a tap that is stored; callers know that it is durable."""
    return _SAVED(language, label=LABELS[type_](language))


def saved_already(type_: FeedbackType, language: Language) -> str:
    """The toast after the same tap once more."""
    return _SAVED_ALREADY(language, label=LABELS[type_](language))


def superseded(type_: FeedbackType, language: Language) -> str:
    """The toast after a tap that arrived behind a newer one."""
    return _SUPERSEDED(language, label=LABELS[type_](language))


def postponed(again_at: datetime, zone: tzinfo, now: datetime, language: Language) -> str:
    """The toast after a tap on Later: when the question comes again, in the athlete's zone."""
    local = again_at.astimezone(zone)
    days = (local.date() - now.astimezone(zone).date()).days
    near = {0: _TODAY, 1: _TOMORROW}.get(days)
    day = _ON(language, date=long_date(local, language)) if near is None else near(language)
    return _AGAIN(language, day=day, time=f"{local:%H:%M}")


def not_written(result: NotWritten, late_after_days: int, language: Language) -> str:
    """The notice after a tap that is not stored (at most 200 characters)."""
    days = DAYS(language, late_after_days)
    if result.cause is not None:
        return _CAUSES[result.cause](language, days=days)
    match result.outcome:
        case Outcome.LATE if result.age_days is None:
            return _TOO_OLD(language)
        case Outcome.LATE:
            return _LATE(language, age=DAYS(language, result.age_days or 0), days=days)
        case Outcome.UNKNOWN:
            return _UNKNOWN(language)
        case Outcome.REFUSED:
            return _REFUSED(language)
        case _:
            return _INVALID(language)


def asked_text(text: str) -> str:
    """A question's text without the answer that is shown below it, if there is one."""
    asked, line, shown = text.rpartition(_ANSWER_LINE)
    return asked if line and shown.partition("\n")[0] in _ALL_LABELS else text


def shown_text(
    text: str,
    type_: FeedbackType,
    language: Language,
    *,
    lines: Sequence[str] = (),
    question: str | None = None,
) -> str:
    """A question's text with the chosen answer below, in place of an earlier one.

    Where that is too long for one message, the question's text is cut.

    Args:
        lines: what was said besides the answer.
        question: what is asked now.
    """
    below = _ANSWER_LINE + "\n".join([LABELS[type_](language), *lines])
    if question is not None:
        below += f"\n\n{question}"
    return clip_units(asked_text(text), MAX_MESSAGE - units(below)) + below


def marked(label: str, *, chosen: bool) -> str:
    """A button's label, marked when it is the answer that counts."""
    plain = label.removeprefix(_MARK)
    return _MARK + plain if chosen else plain


_ALL_LABELS = frozenset(label(language) for label in LABELS.values() for language in Language)
