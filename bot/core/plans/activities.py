"""What the name of a planned activity says: whether it is rest, and what to call its session."""

from __future__ import annotations

import re

from bot.core.shared.tolerant import fold

MAX_SLUG = 40

# "Rest", "Rest day", "Rest and stretch", "Descanso total": whatever follows. Active rest is a session.
_REST_FIRST = frozenset({"rest", "descanso", "reposo"})
_ACTIVE = frozenset({"active", "activo", "activa"})
# Otherwise it must consist of such words only, and at least one of the former.
_REST_WORDS = _REST_FIRST | {"off", "libre", "no", "none", "nothing", "sin", "nada", "ninguno", "ninguna"}
_FILLERS = frozenset({
    "a", "complete", "completo", "day", "de", "dia", "el", "entrenamiento", "full", "passive", "pasivo",
    "planned", "recovery", "recuperacion", "scheduled", "the", "total", "training", "un",
})  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
_NOTHING = re.compile(r"[\s.\-\u2010-\u2015_/]*|n/?a", re.IGNORECASE)
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")


def is_rest(activity: str) -> bool:
    """Whether nothing is to be done. In doubt it is a session: better asked in vain than not at all.

    Rest is what is blank, or begins with "rest", "descanso" or "reposo" (but not "active rest", "descanso
    activo"), or consists of words for rest and fillers only: "off", "day off", "Día libre", "Recovery day
    off", "No training". "Recovery run", "Active recovery", "Recovery day" and "Off-road ride" are sessions.
    """
    if _NOTHING.fullmatch(activity):
        return True
    words = _WORD.findall(fold(activity))
    if not words or _ACTIVE.intersection(words[:2]):
        return False
    known = _REST_WORDS | _FILLERS
    return words[0] in _REST_FIRST or (known.issuperset(words) and not _REST_WORDS.isdisjoint(words))


def slug(activity: str) -> str:
    """A readable name of ASCII letters, digits and hyphens, at most `MAX_SLUG` characters."""
    plain = _NOT_IN_SLUG.sub("-", fold(activity)).strip("-")
    return plain[:MAX_SLUG].rstrip("-") or "session"
