"""What is asked after an answer, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.answers.details import LEAST, MOST, Details
from bot.core.facts.questions import Detail
from bot.core.i18n.language import Language, Text

SKIP = Text("Skip", "Omitir")

_QUESTIONS: Mapping[Detail, Text] = {
    Detail.RPE: Text(
        "How hard was the session as a whole, 0 to 10?", "¿Cuánto esfuerzo fue la sesión entera, de 0 a 10?"
    ),
    Detail.PLACE: Text("Where does it hurt?", "¿Dónde te duele?"),
    Detail.PAIN: Text("How bad is it, 0 to 10?", "¿Cuánto te duele, de 0 a 10?"),
    Detail.REASON: Text("What kept you from it?", "¿Qué te lo impidió?"),
}

RPE_WORDS: Mapping[int, Text] = {
    0: Text("rest", "reposo"),
    1: Text("very, very easy", "muy, muy suave"),
    2: Text("easy", "suave"),
    3: Text("moderate", "moderado"),
    4: Text("somewhat hard", "algo duro"),
    5: Text("hard", "duro"),
    7: Text("very hard", "muy duro"),
    10: Text("maximal", "máximo"),
}
"""Foster's words for the CR-10 scale; 6, 8 and 9 have none."""

_PAIN_WORDS: Mapping[int, Text] = {
    LEAST: Text("no pain", "nada"),
    MOST: Text("the worst pain", "el peor dolor"),
}

_SAID: Mapping[int | str, Text] = {
    "foot": Text("foot", "pie"),
    "ankle": Text("ankle", "tobillo"),
    "calf": Text("calf", "gemelo"),
    "knee": Text("knee", "rodilla"),
    "thigh": Text("thigh", "muslo"),
    "hip": Text("hip", "cadera"),
    "back": Text("back", "espalda"),
    "shoulder": Text("shoulder", "hombro"),
    "other": Text("other", "otro"),
    "ill": Text("ill", "enfermedad"),
    "tired": Text("tired", "cansancio"),
    "no time": Text("no time", "falta de tiempo"),
    "weather": Text("weather", "mal tiempo"),
}

_RPE = Text("Effort (RPE) {value}{words}", "Esfuerzo (RPE) {value}{words}")
_HURTS = Text("Hurts: {what}", "Dolor: {what}")
_REASON = Text("Reason: {what}", "Motivo: {what}")
_CHANGE = Text("✏️ {what}", "✏️ {what}")
_SAVED = Text("Saved: {what}. Thank you!", "Guardado: {what}. ¡Gracias!")
KEPT = Text("All right, it stays as it is.", "Vale, se queda como está.")
LEFT_OUT = Text("All right, left out.", "Vale, lo dejamos.")
ASKED_AGAIN = Text("Tap what fits better.", "Toca lo que mejor encaje.")


def question(detail: Detail, language: Language) -> str:
    """The question, with the words of its scale where it has one."""
    text = _QUESTIONS[detail](language)
    words = {Detail.RPE: RPE_WORDS, Detail.PAIN: _PAIN_WORDS}.get(detail)
    if words is None:
        return text
    return f"{text}\n{' · '.join(f'{value} {word(language)}' for value, word in words.items())}"


def choice(value: int | str, language: Language) -> str:
    """A button's label: a number as it is, a word in the reader's language."""
    return str(value) if isinstance(value, int) else _SAID[value](language)


def change(details: Details, detail: Detail, language: Language) -> str | None:
    """The label of the button that asks a question again; None where nothing was said."""
    match detail:
        case Detail.RPE if details.rpe is not None:
            return _CHANGE(language, what=f"RPE {details.rpe}")
        case Detail.PLACE if (hurts := _hurts(details, language)) is not None:
            return _CHANGE(language, what=hurts)
        case Detail.REASON if details.reason is not None:
            return _CHANGE(language, what=choice(details.reason, language))
    return None


def lines(details: Details, language: Language) -> list[str]:
    """What was said, a line each."""
    found = []
    if details.rpe is not None:
        word = RPE_WORDS.get(details.rpe)
        words = f" · {word(language)}" if word is not None else ""
        found.append(_RPE(language, value=details.rpe, words=words))
    if (hurts := _hurts(details, language)) is not None:
        found.append(_HURTS(language, what=hurts))
    if details.reason is not None:
        found.append(_REASON(language, what=choice(details.reason, language)))
    return found


def saved(detail: Detail, value: int | str, language: Language) -> str:
    """The toast after a tap that is stored."""
    match detail:
        case Detail.RPE:
            what = f"RPE {value}"
        case Detail.PAIN:
            what = f"{value}/{MOST}"
        case _:
            what = choice(value, language)
    return _SAVED(language, what=what)


def _hurts(details: Details, language: Language) -> str | None:
    parts = [] if details.place is None else [choice(details.place, language)]
    if details.pain is not None:
        parts.append(f"{details.pain}/{MOST}")
    return ", ".join(parts) or None
