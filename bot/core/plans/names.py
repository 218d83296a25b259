"""The names that planners give to a plan's parts, in English and Spanish. Pure.

Names are compared without case, accents, spaces and signs: `Distance_Time` is `distancetime`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import Any

from bot.core.i18n import formats
from bot.core.i18n.language import Language
from bot.core.shared.tolerant import fold

DATES = frozenset({"date", "fecha", "sessiondate", "startdate", "startdatelocal"})
"""What holds a date."""
WEEKDAYS = frozenset({"day", "dia", "weekday", "dayname", "dayofweek", "diasemana", "diadelasemana"})
"""What holds a weekday, or a date."""

ACTIVITIES = frozenset({
    "activity", "workout", "session", "training", "exercise",
    "actividad", "entreno", "entrenamiento", "sesion", "ejercicio",
})  # fmt: skip
"""What holds what is to be done: text, an object, or a list of them."""
SESSIONS = frozenset({
    "activities", "workouts", "sessions", "trainings",
    "actividades", "entrenos", "entrenamientos", "sesiones",
})  # fmt: skip
"""What holds several sessions of a day."""
PARTS = frozenset({
    "am", "pm", "morning", "midday", "afternoon", "evening", "manana", "mediodia", "tarde", "noche",
})  # fmt: skip
"""What holds one of several sessions of a day."""
TITLES = frozenset({
    "title", "name", "activityname", "activitytitle", "sessionname", "sessiontitle", "workoutname",
    "workouttitle", "titulo", "nombre",
})  # fmt: skip
"""What is called like a session, and is one where nothing else is."""
TYPES = frozenset({
    "type", "kind", "activitytype", "sessiontype", "trainingtype", "workouttype",
    "tipo", "tipoactividad", "tipoentreno", "tiposesion",
})  # fmt: skip
"""What kind of session it is; the session itself where nothing else is."""
SPORTS = frozenset({"sport", "discipline", "category", "deporte", "disciplina", "categoria"})
"""Likewise, and vaguer."""
RESTS = frozenset({"rest", "isrest", "restday", "isrestday", "off", "dayoff", "descanso", "esdescanso"})
"""What may be true on a day of rest."""
HARMLESS = (
    DATES | WEEKDAYS | {"id", "index", "number", "daynumber", "order", "week", "weeknumber", "phase", "fase"}
)
"""What can be no session."""
ASIDE = frozenset({
    "uuid", "athleteid", "userid", "planid", "runid", "sessionid", "activityid", "workoutid", "externalid",
    "paireditem", "createdat", "updatedat", "status", "completed", "done", "completado", "source",
    "url", "link", "color", "icon", "emoji", "tss", "trainingload", "trimp",
})  # fmt: skip
"""What says nothing of what is to be done, beside a session or rest; alone it is not enough for rest."""

DETAILS = {
    "distance_time": ("distancetime", "distance", "duration", "distancia", "duracion"),
    "intensity": ("intensity", "intensidad"),
    "goal": ("goal", "objective", "objetivo"),
    "note": ("note", "notes", "description", "nota", "notas", "descripcion"),
}
"""What is said of a session: the name in a `PlannedSession` -> what it is called, as documented first."""
UNITS = {
    ("distance", "distancia"): {
        f"{begin}{spelt}": unit
        for unit, spellings in {
            "km": ("km", "kms", "kilometers", "kilometres", "kilometros"),
            "mi": ("mi", "miles", "millas"),
            "m": ("m", "meters", "metres", "metros"),
        }.items()
        for spelt in spellings
        for begin in ("distance", "distancia", *([""] if len(spelt) > 1 and spelt != "mi" else []))
    },
    ("duration", "duracion"): {
        f"{begin}{spelt}": unit
        for unit, spellings in {
            "min": ("min", "mins", "minutes", "minutos"),
            "h": ("h", "hours", "horas"),
        }.items()
        for spelt in spellings
        for begin in ("duration", "duracion", "time", "tiempo", *([""] if len(spelt) > 3 else []))
    },
}
"""What holds a number for `distance_time`, such as `duration_min` and `km` -> its unit.

By what holds the same with its unit in a text.
"""

DAYS = frozenset({
    "days", "week", "weekdays", "weeklyplan", "plan", "planning", "schedule", "trainingplan", "nextweek",
    "activityplan", "dias", "semana", "plansemanal", "calendario",
}) | SESSIONS  # fmt: skip
"""What holds the days of a plan."""

ENVELOPES = ("json", "output")
"""What n8n wraps round an item, as written."""

_SHORTEST_WEEKDAY = 3
_SIGNS = re.compile(r"[\W_]+")
_NUMBERED = re.compile(r"[0-9]+$")


@lru_cache(1024)
def plain_name(name: object) -> str:
    """A name as it is compared."""
    return _SIGNS.sub("", fold(str(name)))


def named(mapping: Mapping[Any, Any], names: Container[str]) -> Iterator[tuple[str, Any]]:
    """The items that have one of these names."""
    return ((str(name), value) for name, value in mapping.items() if plain_name(name) in names)


@cache
def weekdays() -> tuple[dict[str, int], dict[str, int]]:
    """The names of the weekdays in all languages, folded, and their beginnings; 0 is Monday."""
    monday = date(2026, 2, 16)
    whole = {
        fold(formats.weekday(monday + timedelta(days=number), language)): number
        for number in range(7)
        for language in Language
    }
    begun = {
        name[:length]: number
        for name, number in whole.items()
        for length in range(_SHORTEST_WEEKDAY, len(name) + 1)
    }
    return whole, begun


def is_part(name: str) -> bool:
    """Whether it holds one of several sessions of a day: `pm`, `workout 2`."""
    plain = plain_name(name)
    bare = _NUMBERED.sub("", plain)
    return plain in PARTS or (bare != plain and bare in ACTIVITIES)
