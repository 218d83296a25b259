"""What the name of a planned activity says: whether it is rest, and what to call its session."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from bot.core.plans.names import weekdays
from bot.core.shared.tolerant import fold, is_invisible

MAX_SLUG = 40

_CAMEL = re.compile(r"(?<=[a-záéíóúüñ])(?=[A-ZÁÉÍÓÚÜÑ])")
_WORD = re.compile(r"[^\W\d_]+")
_NOTHING = re.compile(r"[\s\-_/\u2010-\u2015\u2212\ufe58\ufe63\uff0d]*|n/?a|none|ningun[oa]", re.IGNORECASE)
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")

# "Rest", "Rest day", "Rest and stretch", "Descanso total": whatever follows, unless it is work.
_REST = frozenset({"rest", "resting", "restday", "dayoff", "offday", "descanso", "descansar", "reposo"})
_TWO_WORDS = frozenset({("day", "off"), ("off", "day"), ("dia", "libre"), ("dia", "off")})
_ACTIVE = frozenset({"active", "activo", "activa"})
# What of a session there is none of: "No workout", "Sin entreno", "Not running today".
_NO = frozenset({"no", "not", "sin", "without", "zero", "cero", "ningun", "ninguna"})
_OF = frozenset({"any", "de", "hay", "planned", "scheduled", "toca", "tipo"})
_SESSION = frozenset({
    "activity", "exercise", "run", "running", "session", "sessions", "sport", "train", "training", "workout",
    "workouts", "actividad", "carrera", "correr", "deporte", "ejercicio", "ejercicios", "entrenamiento",
    "entrenamientos", "entrenar", "entreno", "entrenos", "sesion", "sesiones",
})  # fmt: skip
# Otherwise it must consist of such words only, and at least one of the former.
_REST_WORDS = _REST | {"libre", "no", "none", "nothing", "off", "nada", "ninguno", "sin"}
_FILLERS = frozenset({
    "a", "complete", "day", "full", "passive", "planned", "recovery", "scheduled", "the", "today", "total",
    "completa", "completo", "de", "dia", "el", "hoy", "jornada", "la", "pasiva", "pasivo", "planificado",
    "recuperacion", "toca", "un", "una",
})  # fmt: skip
# Recovery is a session, unless it is nothing but recovery.
_RECOVERY = frozenset({"recovery", "recuperacion"})
_WHOLE = frozenset({"complete", "completa", "completo", "full", "passive", "pasiva", "pasivo", "total"})
# A stroll is no session beside rest, but is one instead of it: "Rest or easy walk".
_OR = frozenset({"or", "o"})
_STROLL = frozenset({
    "stroll", "walk", "walking", "walks", "caminar", "caminata", "caminatas", "paseo", "paseos", "pasear",
})  # fmt: skip
# Words, or their beginnings, of what is done in a session.
_WORK = re.compile(
    r"(?:bici|bike|biking|cicl|correr|crossfit|cuesta|cycl|deadlift|ejercicio|elipt|entren|exercis|fartlek|fuerza"
    r"|gimnasi|gym|hiit|hik|interval|jog|lift|marcha|muscula|nada[rn]|natacion|pesas|pilates|piscina|press|rid[ei]"
    r"|rodaj|rodillo|row|sentadill|senderis|serie|sesion|session|sprint|squat|strength|stride|swim|threshold|tirada"
    r"|train|trail|trot|workout|yog|umbral)\w*"
    r"|bench|brick|carreras?|core|cross|fondo|half|hills?|k|kms?|laps?|marat\w*|mi|miles?|nado|parkrun|paus[ae]"
    r"|race|racing|remo|reps?|ritmo|runs?|running|sets?|spin|spinning|tempo|test|tt|x"
)


def is_nothing(text: str) -> bool:
    """Whether a text stands for no value: blank, invisible, a dash, `n/a`, `none`."""
    return _NOTHING.fullmatch(text.strip()) is not None or is_invisible(text)


def is_rest(activity: str) -> bool:
    """Whether nothing is to be done. In doubt it is a session: better asked in vain than not at all.

    Rest is what is blank, or begins with rest ("Rest / mobility", "Día de descanso: dormir") and names no
    work besides ("Rest-pause bench press", "Rest or easy run", "Descanso o paseo"), or says that there is no
    session ("Sin entreno"), or consists of words for rest and fillers only: "off", "Día libre", "Recovery day
    off", "Recuperación total". A weekday before it does not matter: "Mon: off". Whatever is active is a
    session, and so are "Recovery run" and "Off-road ride".
    """
    if is_nothing(activity):
        return True
    words = _words(activity)
    if not words or not _ACTIVE.isdisjoint(words):
        return False
    begin = _rest_begins(words)
    if begin is not None:
        besides = words[begin:]
        work = (_WORK.fullmatch(word) and said not in _NO for said, word in pairwise(["", *besides]))
        offered = (
            word in _STROLL and said not in _NO and not _OR.isdisjoint(besides[:at])
            for at, (said, word) in enumerate(pairwise(["", *besides]))
        )
        return besides[:1] != ["of"] and not any(work) and not any(offered)
    if not (_REST_WORDS | _FILLERS).issuperset(words):
        return False
    is_recovery = not _RECOVERY.isdisjoint(words) and not _WHOLE.isdisjoint(words)
    return is_recovery or not _REST_WORDS.isdisjoint(words)


def slug(activity: str) -> str:
    """A readable name of ASCII letters, digits and hyphens, at most `MAX_SLUG` characters."""
    plain = _NOT_IN_SLUG.sub("-", fold(activity)).strip("-")
    return plain[:MAX_SLUG].rstrip("-") or "session"


def _words(activity: str) -> list[str]:
    """The words after a weekday, folded, `RestDay` being two; where there is no session, there is rest."""
    words: list[str] = []
    given = _WORD.findall(fold(_CAMEL.sub(" ", activity)))
    at = 1 if len(given) > 1 and given[0] in weekdays()[1] else 0
    while at < len(given):
        if given[at] in _NO:
            end = at + 1
            while end < len(given) and given[end] in _OF:
                end += 1
            if end < len(given) and given[end] in _SESSION | _REST:
                words.append("rest" if given[end] in _SESSION else "no rest")
                at = end + 1
                continue
        words.append(given[at])
        at += 1
    return words


def _rest_begins(words: Sequence[str]) -> int | None:
    """Where what follows the rest begins; None if the words do not begin with rest."""
    for at, word in enumerate(words):
        if word in _REST:
            return at + 1
        if tuple(words[at : at + 2]) in _TWO_WORDS:
            return at + 2
        if word not in _FILLERS:
            return None
    return None
