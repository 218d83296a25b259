"""What plans say about how long a session takes."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.plans.durations import planned_minutes

SAID = {
    "40 min": 40, "40min": 40, "40 min.": 40, "90 minutes easy": 90, "45'": 45, "45´": 45, "45′": 45,
    "45’": 45,
    "45 minutos": 45, "40-min run": 40, "a 40 min run": 40, "🏃 40 min": 40, "(40 min)": 40, "８ min": 8,
    # Hours.
    "1 h": 60, "1 h 30": 90, "1h30": 90, "1 h 30 min": 90, "1h 30m": 90, "1h15'": 75, "1.5 h": 90,
    "1,5 horas": 90,
    "1½ h": 90, "1:15 h": 75, "1:15:00": 75, "2 hours and 10 min": 130, "1h y 15'": 75, "1 h 30 easy": 90,
    "1 h y media": 90, "hora y media": 90, "una hora y media": 90, "hora y cuarto": 75, "una hora": 60,
    "media hora": 30, "tres cuartos de hora": 45, "hora y tres cuartos": 105, "dos horas y media": 150,
    "an hour and a half": 90, "half an hour": 30, "two and a half hours": 150,
    "three quarters of an hour": 45,
    "cuarenta y cinco minutos": 45, "forty-five minutes": 45, "una hora y veinte": 80, "7 horas": 420,
    # Ranges.
    "40-50 min": 45, "2h-2h30": 135, "2-2h30": 135, "1h30-2h": 105, "45'-50'": 47.5, "45 a 60 min": 52.5,
    "1h to 1h15": 67.5, "1h a 1h15": 67.5, "entre 45 y 60 min": 52.5, "between 45 and 60 min": 52.5,
    "de 45 a 60 min": 52.5, "from 45 to 60 min": 52.5, "1-1.5 h": 75, "45 min-1 h": 52.5,
    "3 x 8-10 min": 27,
    # Repeated.
    "3 x 10 min": 30, "3x10min": 30, "3×10'": 30, "10 min x 3": 30, "3 series de 10 min": 30,
    "3 times 10 min": 30,
    "tres series de 10 minutos": 30, "3 sets of 10 min": 30, "6 x 1'30\"": 9, "6 x 1′30″": 9,
    "6 x 1’30”": 9,
    "8 x 30 s": 4, '8x30"': 4, "2 x (4 x 3 min)": 24, "2 x 10 x 1'": 20, "4x(3min/2min)": 20,
    "5x(1' fuerte + 1' suave)": 10, "6 x (2 min hard / 2 min easy)": 24, "3 x 10 min at threshold": 30,
    # Added up.
    "15 min + 3 x 10 min + 10 min": 55, "15' + 3x(5' + 2') + 10'": 46,
    "10 min WU + 20 min tempo + 10 min CD": 40,
    "warm-up 10', main 3x8', cool down 10'": 44, "2 x 20 min + 3 x 5 min": 55,
    "15 min de calentamiento, 20 min a ritmo umbral y 10 min de vuelta a la calma": 45,
    "60 min (10 min WU + 40 min + 10 min CD)": 60, "60 min incl. 3 x 10 min tempo": 60,
    "60' = 20' + 20' + 20'": 60,
    "3x10 min, total 50 min": 50, "50 min: 10x400 m": 50, "40 min with 4x100m strides": 40,
    # Beside distances, paces and other figures.
    "8 km, 45 min": 45, "8 km / 45 min": 45, "8 km (45 min)": 45, "45 min (8 km)": 45,
    "20 km en 1 h 45": 105,
    "10 km in 50 min at 5:00/km": 50, "5 min/km for 50 min": 50, "40 min a 5-6 min/km": 40,
    "50' a 4'30\"": 50,
    "3x10' @ 4'30\"": 30, "3 x 10 min at 10k pace": 30, "Rodaje 50' a 5:30-5:45 min/km": 50,
    "30 km, 60 min": 60,
    "40 min Z2 RPE 4-5 140-150 bpm": 40, "Zona 2 - 45 min": 45, "60 min @ 200 W": 60,
    "40 min, 300 m D+": 40,
    "2x20min @ 95% FTP, 5min rest": 40, "40 min a las 18:30": 40, "at 7 am 40 min": 40, "~40 min": 40,
    "aprox. 1 h": 60, "unos 45 min": 45, "Rodaje suave de 40 minutos por el río": 40,
    "40 min Central Park": 40,
    "Martes: 40 min": 40, "Recovery run 40 min": 40, "40 min recovery": 40,
}  # fmt: skip


@pytest.mark.parametrize(("text", "minutes"), SAID.items())
def test_minutes_that_are_said(text: str, minutes: float) -> None:
    """Times in the usual spellings, English and Spanish, repeated and added up."""
    assert planned_minutes(text) == minutes


RECOVERIES = [
    "R 1'", "r=1'30", "R2'", "rec 90\"", "rec: 2'", "(rec 2')", "(rec. 2')", "w/ 2 min jog", "w/60s jog",
    "con 2' de recuperación", "con 2 min suave", "(2 min rest)", "descanso 1 min", "rest 2 min",
    ", 2 min rest",
    "/ 2 min rec", "recuperando 1' al trote", "c/ 2'", "- rec 1'", "2 min RI", "(r 1'30\")",
    ", 3 min entre series",
]  # fmt: skip


@pytest.mark.parametrize("recovery", RECOVERIES)
def test_recoveries_are_not_the_session(recovery: str) -> None:
    """Neither alone nor after distances do they tell minutes, and after times they add none."""
    assert planned_minutes(recovery) is None
    assert planned_minutes(f"10x400 m {recovery}") is None
    assert planned_minutes(f"3 x 10 min {recovery}") == 30
    assert planned_minutes(f"15' + 3 x 10 min {recovery} + 10'") in (55, None)


@pytest.mark.parametrize(
    "text",
    [
        None, "", "8 km", "5 x 1000 m", "45", "5k", "10 m", "0 min", "3000 min", "1.000 min", "12345 min",
        "easy",
        # Paces, times of day and other figures.
        "at 4:30/km", "5 km at 4:30 min/km", "8 km @ 5:30/km", "a 5:00 min/km", "ritmo 4'30\"/km",
        "5 a 6 min/km",
        "at 18:30", "7:00 am", "18h30", "7 h", "1:20", "18:30, 40 min", "150 bpm", "Z2", "200 W",
        "RPE 6-7",
        # Of a part, or of nobody knows how much.
        "10 min warm-up", "WU + 3x10 min + CD", "40 min + strides", "10 km, 20 min tempo",
        "2 km, 3 min suave",
        "3 km WU + 20 min + 3 km CD", "Easy run with 3x10 min", "60 min con 3x10 min", "20' + 4 x 1000 m",
        "last 10 min fast", "gel every 30 min", "10 min cada 2 km", "40 min each way", "3x10 min rest",
        # In several ways.
        "40 min or 8 km", "30 or 45 min", "30 min o descanso", "at least 40 min", "max 40 min",
        "menos de 40 min",
        "1 h y pico", "2-3 x 10 min", "five 3 min reps", "5 x 1' fuerte + 1' suave", "10x1min/1min",
        "30'/30'",
        "3' a 4'", "60-40 min", "10-20-10 min", "Day 2 - 40 min", "Run 2 - 40 min", "40 min, 5 x 1 min",
        "1 h 10 strides", "1h, 30 min", "20 min (x2)", "10 min (+ 5 min)", "10 min + 10 min x 2",
        "60 min (10 WU + 40 + 10 CD)", "30 min (20 min + 20 min)", "3 x 10 min plim", "stop 10 min",
        "3 x (10 min", "3 x 10 min)", "x 3", "999x" * 120 + "1 min", "10 min" + "x99" * 150, "(" * 450,
    ],
)  # fmt: skip
def test_nothing_is_made_up(text: str | None) -> None:
    """What tells no minutes, or may be read in several ways, makes them not known."""
    assert planned_minutes(text) is None


Told: TypeAlias = tuple[str, Fraction]
"""A text, and its minutes."""

SPACE = st.sampled_from(["", " "])
NOISE = st.sampled_from(["", " easy", " suave", " Z2", " @ 5:30/km", " a 4'30\"/km", " RPE 6", " at 150 bpm"])


@st.composite
def times(draw: st.DrawFn) -> Told:
    """One time, in one of its spellings."""
    minutes, more = draw(st.integers(11, 59)), draw(st.integers(10, 59))
    return draw(
        st.sampled_from(
            [
                (f"{minutes}{draw(SPACE)}min", Fraction(minutes)),
                (f"{minutes}{draw(st.sampled_from(list(_PRIMES)))}", Fraction(minutes)),
                (f"{minutes} minutos", Fraction(minutes)),
                (f"1{draw(SPACE)}h{draw(SPACE)}{more}{draw(SPACE)}min", Fraction(60 + more)),
                (f"2h{more}'", Fraction(120 + more)),
                (f"{minutes}'{more}\"", minutes + Fraction(more, 60)),
                ("1 h y media", Fraction(90)),
                (f"{minutes}-{minutes + 10} min", Fraction(minutes + 5)),
                (f"{minutes} min a {minutes + 4} min", Fraction(minutes + 2)),
            ]
        )
    )


_PRIMES = "'′’´"


@st.composite
def repeated(draw: st.DrawFn) -> Told:
    """A time or two, repeated, and perhaps a recovery."""
    (text, minutes), (other, more), times_ = draw(times()), draw(times()), draw(st.integers(2, 4))
    sign = draw(st.sampled_from(["x", " x ", "×", " series de "]))
    if draw(st.booleans()):
        joined = draw(st.sampled_from([" + ", "/", " / "]))
        return f"{times_}{sign}({text}{joined}{other})", times_ * (minutes + more)
    if draw(st.booleans()):
        return f"2 x ({times_}{sign}{text})", 2 * times_ * minutes
    return f"{times_}{sign}{text} {draw(st.sampled_from(['', *RECOVERIES]))}".rstrip(), times_ * minutes


@st.composite
def sessions(draw: st.DrawFn) -> Told:
    """Warm-up, main part and cool-down; each stretch with something that changes no minutes."""
    main, minutes = draw(times() | repeated())
    main += draw(NOISE) if main[-1] != ")" else ""
    if draw(st.booleans()):
        return main, minutes
    (first, before), (last, after) = draw(times()), draw(times())
    joined = draw(st.sampled_from([" + ", ", ", "; ", " then "]))
    return f"{first} WU{joined}{main}{joined}{last} CD", before + minutes + after


@given(sessions())
def test_known_minutes_are_read(told: Told) -> None:
    """Texts out of a grammar, whose minutes are known because they were made so."""
    text, minutes = told
    if minutes <= 24 * 60:
        assert planned_minutes(text) == round(float(minutes), 2)


OF_TIMES = ["{} x {} min", "{}x{}'", "{} series de {} min", "{} x {}' Z4", "({1} min) x {0}"]
OF_OTHERS = ["{} x {} km", "{} x {}00 m", "{} reps {} min"]
BETWEEN = [
    "R {}'", "rec {}'", "(rec {} min)", "con {}' de recuperación", "w/ {} min jog", "/{}'", "({} min)",
    "r={}'",    ", {} min rest", "{} min", "- {}'", "{} min easy",
]  # fmt: skip


@given(
    st.integers(2, 12),
    st.integers(1, 40),
    st.integers(1, 9),
    st.sampled_from(BETWEEN),
    st.sampled_from(["", " easy", ", suave", " foo", " cada", "; 5 km", " x"]),
)
def test_a_recovery_never_counts(n: int, work: int, rest: int, recovery: str, after: str) -> None:
    """Whatever stands about a recovery, the minutes are those of the work, or not known."""
    told = f"{recovery.format(rest)}{after}"
    assert {planned_minutes(f"{form.format(n, work)} {told}") for form in OF_TIMES} <= {n * work, None}
    assert {planned_minutes(f"{form.format(n, work)} {told}") for form in OF_OTHERS} == {None}


@given(st.text() | st.text("0123456789 xh'\"min+-/(),:km", max_size=30))
def test_any_text_can_be_read(text: str) -> None:
    """Whatever a plan says, it is minutes within a day, or none."""
    minutes = planned_minutes(text)
    assert minutes is None or 0 < minutes <= 24 * 60
