"""Names of activities: what is rest, and what a session is called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.plans.activities import MAX_SLUG, is_rest, slug


@pytest.mark.parametrize(
    "activity",
    [
        "",
        "  ",
        "-",
        "—",
        "n/a",
        "Rest",
        "REST",
        "rest.",
        "Rest day",
        "Rest-day",
        "Rest and stretch",
        "Rest / easy walk",
        "😴 Rest",
        "Complete rest",
        "Total rest day",
        "Descanso",
        "DESCANSO",
        "Descanso total",
        "Descanso (dormir)",
        "Día de descanso",
        "Dia libre",
        "Reposo",
        "Libre",
        "off",
        "Off.",
        "Day off",
        "OFF DAY",
        "Full day off",
        "Recovery day off",
        "Recovery: off",
        "None",
        "Nada",
        "No training",
        "Sin entrenamiento",
        "Sin entreno",
        "Sin sesión",
        "Hoy no hay entreno",
        "Día sin correr",
        "No workout",
        "No planned session",
        "No running today",
        "Not training",
        "Rest (no running)",
        "Rest: no running, no gym",
        "RestDay",
        "restday",
        "rest_day",
        "Rest_Day_Off",
        "DayOff",
        "DíaLibre",
        "Rest / Mobility",
        "Rest day (travel)",
        "Day off: travel",
        "Día libre, viaje",
        "Jornada de descanso",
        "Día de descanso: dormir",
        "Hoy toca descanso",
        "Recuperación total",
        "Día de recuperación completa",
        "Full recovery",
        "Passive recovery",
        "Nothing planned",
        "Lunes: descanso",
        "Monday - Rest",
        "Mon: OFF",
        "Dom. libre",
        "Miércoles 18: día de descanso",
        "Sunday (rest or sleep)",
        "Rest and walk the dog",
        "Rest or no walk",
        "Rest\u200b",
        "\u200b",
        "−",
        "--",
    ],
)
def test_days_of_rest(activity: str) -> None:
    """English or Spanish, in whatever case, with or without accents."""
    assert is_rest(activity)


@pytest.mark.parametrize(
    "activity",
    [
        "Recovery run",
        "Recovery",
        "Recovery day",
        "Active recovery",
        "Active rest",
        "Descanso activo",
        "Rest (active): 30 min walk",
        "Off-road ride",
        "Carrera libre",
        "Nado libre",
        "Day",
        "Total body strength",
        "Kick-off 5k",
        "Run, then rest",
        "Interval run with rest",
        "Restorative yoga",
        "Descansos cortos",
        "Forest run",
        "Offseason test",
        "5k",
        "🏃",
        "ランニング",
        "Бег",
        "Restart run",
        "Rest-Pause bench press",
        "Rest pause squats",
        "Rest or easy run",
        "Rest + 5k",
        "Rest 2x10",
        "Rest day run",
        "Rest of the week easy",
        "Rest / yoga",
        "Rest or 20 min walk",
        "Rest or easy walk",
        "Rest, or a stroll",
        "Descanso o caminata suave",
        "Descanso total o paseo",
        "Día libre o caminar 20 min",
        "Monday: rest or walk",
        "Monday: easy run",
        "Monday",
        "Lunes activo",
        "Descanso o rodaje",
        "Descanso + fuerza",
        "Día de descanso activo",
        "Recuperación activa",
        "Día de recuperación",
        "Rodaje de recuperación",
        "Movilidad",
        "Restaurante y paseo",
        "Resto libre",
        "Easy run, rest of the day off",
        "No rest",
        "Sin descanso",
        "No-equipment strength",
        "No run, swim 1 km",
        "Entrenamiento libre",
        "Sesión libre",
        "undefined",
    ],
)
def test_sessions(activity: str) -> None:
    """In doubt it is a session: words that only contain one for rest, or stand beside real work."""
    assert not is_rest(activity)


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        ("Tempo run", "tempo-run"),
        ("  TEMPO   Run!! ", "tempo-run"),
        ("Fondo fácil – 12 km", "fondo-facil-12-km"),
        ("Año nuevo", "ano-nuevo"),
        ("3×1000 m", "3-1000-m"),
        ("2026|02", "2026-02"),
        ("ランニング", "session"),
        ("🏃", "session"),
        ("", "session"),
        ("a" * 50, "a" * 40),
        ("a" * 39 + " b", "a" * 39),
    ],
)
def test_slugs(activity: str, expected: str) -> None:
    """ASCII, lower case, hyphens, at most 40 characters, never empty."""
    assert slug(activity) == expected


@given(st.text())
def test_any_text_has_a_slug_and_is_rest_or_not(activity: str) -> None:
    """Total; a slug fits into ids whatever it was made of, and is its own slug."""
    made = slug(activity)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", made)
    assert len(made) <= MAX_SLUG
    assert slug(made) == made
    assert is_rest(activity) in (True, False)
