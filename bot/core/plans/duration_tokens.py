"""The words of a planned time, as athletes and planners write it in English and Spanish -> tokens. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from bot.core.shared.tolerant import fold


class Kind(Enum):
    """What a token is."""

    TIME = auto()
    DISTANCE = auto()
    CLOCK = auto()
    """`5:30`, `18h30`: a pace, a time of day or a length; only its neighbours tell."""
    NUMBER = auto()
    """A number without a unit that is known to be one of time or distance."""
    TIMES = auto()
    """`3 x`, before what is repeated."""
    TIMES_AFTER = auto()
    """`x 3`, after what is repeated."""
    OPEN = auto()
    CLOSE = auto()
    PLUS = auto()
    AND = auto()
    COMMA = auto()
    COLON = auto()
    DASH = auto()
    SLASH = auto()
    WITH = auto()
    INCLUDING = auto()
    TO = auto()
    A = auto()
    """The Spanish `a`: of a range, or of a pace."""
    AT = auto()
    PER = auto()
    """`/km`."""
    PACE_AFTER = auto()
    """`pace`, of what stands before it."""
    REST = auto()
    RECOVERY = auto()
    """A rest, or a whole session of easy running."""
    WARM_UP = auto()
    COOL_DOWN = auto()
    TOTAL = auto()
    WITHIN = auto()
    """`in`, between a distance and its time."""
    HARD = auto()
    JOG = auto()
    PACE = auto()
    EXTRA = auto()
    """An exercise beside the session, such as strides."""
    REPETITIONS = auto()
    """`series`, which say nothing without their number."""
    HARMLESS = auto()
    UNKNOWN = auto()
    CHANGES = auto()
    """What may change the meaning of a time, in a way that is not read here."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Attributes:
        value: minutes, kilometres, or a number.
        unit: of a time, the minutes of the unit that it begins with.
    """

    kind: Kind
    value: float = 0
    unit: float = 1


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a text; nothing that is seen is passed over."""
    line = _normal(text)
    at = 0
    while at < len(line):
        for pattern, read in _RULES:
            if match := pattern.match(line, at):
                yield read(match)
                at = match.end()
                break
        else:
            if kind := _SIGN_KINDS.get(unicodedata.category(line[at]), Kind.UNKNOWN):
                yield Token(kind)
            at += 1


# Spaces and what is not seen; pictures.
_SIGN_KINDS: Mapping[str, Kind | None] = {
    **dict.fromkeys(("Zs", "Cc", "Cf", "Mn")),
    **dict.fromkeys(("So", "Sk"), Kind.COMMA),
}
_SIGNS = {
    **dict.fromkeys("’‘′´`ʹʼ", "'"),
    **dict.fromkeys("”“″„", '"'),
    **dict.fromkeys("×✕✖", "x"),
    **dict.fromkeys("–—‒‑−", "-"),
    **dict.fromkeys("•·|\n\r", ";"),
    "½": ".5",
    "➕": "+",
}
_H = r"(?:h|hs|hrs?|hours?|horas?)(?![a-z])"
_MIN = r"(?:min(?:s|utes?|utos?)?|mn)(?![a-z])"
_SEC = r"(?:s|secs?|seconds?|segs?|segundos?)(?![a-z])"
_N = r"(\d{1,4}(?:[.,]\d{1,2})?(?!\d)|\.5)"
_ANY = r"\d+(?:[.,]\d+)*"
_SETS = (
    r"(?:series?|sets?|rep(?:s|eat|eats|eticion(?:es)?|etitions?)?|bloques?|blocks?|interval(?:o?s|o)?"
    r"|rounds?|rondas?|tandas?|esfuerzos|efforts)(?![a-z])"
)
_UNITS = {
    **dict.fromkeys(
        ("km", "kms", "k", "kilometro", "kilometros", "kilometer", "kilometers", "kilometres"), 1.0
    ),
    **dict.fromkeys(("mi", "mile", "miles", "milla", "millas"), 1.609344),
    **dict.fromkeys(("m", "mts", "metro", "metros", "meter", "meters", "metre", "metres"), 0.001),
    **dict.fromkeys(("yd", "yds", "yard", "yards", "yardas"), 0.0009144),
}
_LENGTH = rf"(?:{'|'.join(_UNITS)})(?![a-z])"
# What makes a number after `1 h` something else than its minutes.
_OTHER = rf"(?![\d:.,]*\d|\s*(?:[x*/%\"':]|{_LENGTH}|{_SEC}|{_SETS}|w\b|bpm|ppm|rpm))"
_TENS = {
    **dict.fromkeys(("ten", "diez"), 10),
    **dict.fromkeys(("twenty", "veinte"), 20),
    **dict.fromkeys(("thirty", "treinta"), 30),
    **dict.fromkeys(("forty", "cuarenta"), 40),
    **dict.fromkeys(("fifty", "cincuenta"), 50),
    **dict.fromkeys(("sixty", "sesenta"), 60),
    **dict.fromkeys(("seventy", "setenta"), 70),
    **dict.fromkeys(("eighty", "ochenta"), 80),
    **dict.fromkeys(("ninety", "noventa"), 90),
}
_ONES = {
    word: number
    for number, words in enumerate(
        (
            ("one", "uno"),
            ("two", "dos"),
            ("three", "tres"),
            ("four", "cuatro"),
            ("five", "cinco"),
            ("six", "seis"),
            ("seven", "siete"),
            ("eight", "ocho"),
            ("nine", "nueve"),
        ),
        1,
    )
    for word in words
} | {"twelve": 12, "veinticinco": 25, "doce": 12, "fifteen": 15, "quince": 15}
_QUARTERS = {"media": 0.5, "medio": 0.5, "half": 0.5, "cuarto": 0.25, "quarter": 0.25}


def _spoken(match: re.Match[str]) -> str:
    number = _TENS.get(match[1], 0) + (_ONES[match[2]] if match[2] else 0)
    return str(number)


def _part_of_hour(match: re.Match[str]) -> str:
    whole = float((match["whole"] or "1").replace(",", "."))
    parts = 3 if match["three"] else 1
    return f" {whole + parts * _QUARTERS[match['part']]:g} h "


_REWRITES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        ("''", '"'),
        (r"(?<=\d)-(?=(?:min|h(?:ou)?r|hora|sec|seg))", " "),
        (r"(\d)\s+\.5", r"\1.5"),
        (rf"\b({'|'.join(_TENS)})(?:(?:\s*-\s*|\s+y\s+|\s+)({'|'.join(_ONES)}))?\b", _spoken),
        (rf"\b()({'|'.join(_ONES)})\b", _spoken),
        (r"\b(?:3\s*/\s*4|3 cuartos|3 quarters)\s*(?:of an |de |of )?(?:h|hora|hour)\b", "45 min"),
        (
            r"(?<![\d/])(?<!\d\s)1\s*/\s*2\s*(?:h|hora|hour)\b|\b(?:media hora|half(?: |-)(?:an? )?hour)\b",
            "30 min",
        ),
        (r"\b(?:un |a )?(?:cuarto de |quarter (?:of an )?)(?:hora|hour)\b", "15 min"),
        (r"\b(?:una?|an?|1)\s+(?=(?:hora|hour|minuto?)\b|h\b)", "1 "),
        (
            (
                rf"(?:(?P<whole>\d+)\s*)?{_H}\s*(?:y|and)\s*(?:an? |un )?"
                r"(?P<three>3 )?(?P<part>media|half|cuarto|quarter)s?\b"
            ),
            _part_of_hour,
        ),
        (rf"(?P<whole>\d+)\s*(?:y|and)\s*(?:an? )?(?P<three>3 )?(?P<part>media|half)\s*{_H}", _part_of_hour),
        (
            rf"\b(?:between|entre)\s+({_ANY}\s*(?:{_H}|{_MIN}|')?(?:\d\d)?)\s*(?:and|y)\s+(?=\d)",
            r"\1 - ",
        ),
        (
            r"\b(min|mins|recu?p?|desc|aprox|approx|segs?|secs?|hrs?|h|ca|reps?|calent|inc|incl|km)\.(?!\d)",
            r"\1 ",
        ),
        (r"\b(?:vo2|fc|hr|fcm)\s*-?max\b", "vo"),
        (r"\bmain set\b|\bparte principal\b|\b(?:half|media) mara\w+", "main"),
        (
            (
                r"\b(?:recovery|recuperacion|recup)\s+(?:run|jog|ride|walk|swim|session)\b"
                r"|\b(?:rodaje|carrera|trote|salida|sesion|bici|run)\s+(?:de\s+)?recuperacion\b"
            ),
            "run",
        ),
    )
)


def _normal(text: str) -> str:
    line = fold("".join(_SIGNS.get(sign, sign) for sign in text))
    for pattern, replacement in _REWRITES:
        line = pattern.sub(replacement, line)
    return line.lstrip(" \"'")


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _hms(match: re.Match[str]) -> Token:
    return Token(Kind.TIME, int(match[1]) * 60 + int(match[2]) + int(match[3]) / 60, 60)


def _hours_and_minutes(match: re.Match[str]) -> Token:
    return Token(Kind.TIME, int(match[1]) * 60 + int(match[2]), 60)


def _minutes_and_seconds(match: re.Match[str]) -> Token:
    seconds = next((int(group) for group in match.groups()[1:] if group), 0)
    return Token(Kind.TIME, _number(match[1]) + seconds / 60)


# `18h` and `7h30` may be times of day.
_LONGEST_SHORT_HOURS = 6


def _hours(match: re.Match[str]) -> Token:
    hours = _number(match[1])
    minutes = next((int(group) for group in match.groups()[2:] if group), 0)
    if hours > _LONGEST_SHORT_HOURS and match[2] in ("h", "hs"):
        return Token(Kind.CLOCK)
    return Token(Kind.TIME, hours * 60 + minutes, 60)


def _plain_number(match: re.Match[str]) -> Token:
    try:
        return Token(Kind.NUMBER, _number(match[0]))
    except ValueError:  # 1.2.3
        return Token(Kind.CHANGES)


# `10 m` may be minutes.
_SHORTEST_METRES = 100


def _distance(match: re.Match[str]) -> Token:
    number, unit = match[1], match[2]
    if _UNITS[unit] < 1:
        number = re.sub(r"[.,](?=\d{3}(?!\d))", "", number)
    try:
        value = _number(number)
    except ValueError:  # 1.2.3 km
        return Token(Kind.CHANGES)
    if unit == "m" and value < _SHORTEST_METRES:
        return Token(Kind.CHANGES)
    return Token(Kind.DISTANCE, value * _UNITS[unit])


def _of(kind: Kind) -> Callable[[re.Match[str]], Token]:
    return lambda _: Token(kind)


def _valued(kind: Kind) -> Callable[[re.Match[str]], Token]:
    return lambda match: Token(kind, int(match[1]))


def _words(words: str) -> str:
    """A pattern of the words of a text, in which `_` stands for a space."""
    return rf"(?:{'|'.join(words.split()).replace('_', ' ')})(?![a-z])"


_FIGURE = rf"[<>]?=?\s*{_ANY}(?:\s*-\s*{_ANY})?\s*"
_NOT_MORE = r"(?![.,:]?\d|\s*(?:min|h(?![a-z])|s(?![a-z])|seg|sec|x|[*:'\"]))"

_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Token]], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        # What a number may be that is neither time nor distance.
        (
            (
                rf"{_FIGURE}(?:%|(?:km\s*/\s*h|km por hora|kmh|kph|mph|w|watts?|vatios|[bpl]pm|rpm|spm"
                r"|pulsaciones|kg|lbs?|kcal|gr?|ml|kj|tss)(?![a-z]))(?:\s*/\s*(?:h|hora|hour|min|kg)(?![a-z]))?"
            ),
            _of(Kind.HARMLESS),
        ),
        (
            (
                rf"\+?\s*{_ANY}\s*m\s*(?:d\s*\+|\+(?!\s*\d)|(?:de )?(?:desnivel|elevation|climb)(?:\s*\+)?)"
                rf"|d\+\s*:?\s*{_ANY}(?:\s*m(?![a-z]))?"
            ),
            _of(Kind.HARMLESS),
        ),
        (
            (
                r"(?:z|zonas?|zones?|nivel|level|rpe|fc|hr|lthr|ftp|effort|esfuerzo|cadencia|cadence|pulso)"
                rf"\s*[=:]?\s*\d+(?:[.,]\d+)?(?:\s*[-/]\s*z?\d+(?:[.,]\d+)?{_NOT_MORE})?{_NOT_MORE}"
            ),
            _of(Kind.HARMLESS),
        ),
        (
            (
                r"(?:\ba las?|\bat)\s+\d{1,2}(?:[:.h]\d\d)?\s*(?:[ap]\.?m\b\.?|(?:h|horas|hrs?)(?![a-z]))"
                r"|\ba las?\s+\d{1,2}(?:[:.h]\d\d)?(?!\d)|\d{1,2}(?::\d\d)?\s*[ap]\.?m\b\.?"
            ),
            _of(Kind.HARMLESS),
        ),
        (rf"{_ANY}\s*(?:km|k|mile)\s*-?(?:race\s*)?(?:pace|ritmo|effort)\b", _of(Kind.HARMLESS)),
        # How often.
        (r"(\d{1,3})\s*[x*]\s*(?=[\d(\[.])", _valued(Kind.TIMES)),
        (rf"(\d{{1,3}})\s*{_SETS}\s*(?:de|of|x|:)\s*(?=[\d(\[])", _valued(Kind.TIMES)),
        (r"(\d{1,3})\s*(?:veces|times)\s*(?:de|of|x)?\s*(?=[\d(\[])", _valued(Kind.TIMES)),
        (
            rf"[x*]\s*(\d{{1,2}})(?:\s*(?:{_SETS}|veces|times))?{_NOT_MORE}(?!\s*{_LENGTH})",
            _valued(Kind.TIMES_AFTER),
        ),
        (r"(\d{1,2})\s*(?:veces|times)(?![a-z])", _valued(Kind.TIMES_AFTER)),
        # Times.
        (rf"(\d{{1,2}}):([0-5]\d):([0-5]\d)(?!\d)(?:\s*{_H})?", _hms),
        (rf"0?([0-6]):([0-5]\d)\s*{_H}", _hours_and_minutes),
        (rf"(\d{{2,3}}):([0-5]\d)\s*(?:{_MIN}|')", _minutes_and_seconds),
        (rf"\d{{1,2}}:[0-5]\d(?!\d)(?:\s*(?:{_MIN}|{_H}))?", _of(Kind.CLOCK)),
        (
            (
                rf"{_N}\s*({_H})(?:\s*(?:y|and)?\s*(\d{{1,2}})\s*(?:{_MIN}|m(?![a-z])|')"
                r"|\s*(?:y|and)?\s+([0-5]\d)(?=\s*(?:$|[),;+\]]|-\s*(?!\d)|(?:easy|suave|run|rodaje)\b))"
                rf"|([0-5]\d){_OTHER})?"
            ),
            _hours,
        ),
        (
            rf"{_N}\s*(?:{_MIN}|')(?:(?:\s*(?:y|and)?\s*)(\d{{1,2}})\s*(?:{_SEC}|\")|([0-5]\d){_OTHER})?",
            _minutes_and_seconds,
        ),
        (rf"{_N}\s*(?:{_SEC}|\")", lambda match: Token(Kind.TIME, _number(match[1]) / 60, 1 / 60)),
        (rf"({_ANY})\s*({'|'.join(sorted(_UNITS, key=len, reverse=True))})(?![a-z])", _distance),
        (rf"{_ANY}|\.5", _plain_number),
        # What joins.
        (
            rf"(?:/|{_words('per por el al each every cada')})\s*(?:1\s*|[145]00\s*(?=m))?{_LENGTH}",
            _of(Kind.PER),
        ),
        (r"w/o(?![a-z])", _of(Kind.CHANGES)),
        (rf"[wc]/|{_words('with con')}", _of(Kind.WITH)),
        (_words("incl? incluye[a-z]* includ[a-z]* inclui[a-z]* of_which de_los_cuales"), _of(Kind.INCLUDING)),
        (
            rf"\+|{_words('plus (?:y_)?luego then followed_by seguid[oa]s?_(?:de|por)')}|mas(?=\s+\d)",
            _of(Kind.PLUS),
        ),
        (rf"&|{_words('and y e')}", _of(Kind.AND)),
        (r"[(\[]", _of(Kind.OPEN)),
        (r"[)\]]", _of(Kind.CLOSE)),
        (r"[,;]|\.(?!\d)", _of(Kind.COMMA)),
        (r"[:=]|->|→", _of(Kind.COLON)),
        (r"-", _of(Kind.DASH)),
        (r"/", _of(Kind.SLASH)),
        (_words("to"), _of(Kind.TO)),
        (
            rf"@|{_words('at (?:a_)?ritmos?(?:_de)?')}\s*[:=]?|(?:a )?pace(?: of)?\s*[:=]?\s*(?=\d)",
            _of(Kind.AT),
        ),
        (_words("pace"), _of(Kind.PACE_AFTER)),
        (_words("a"), _of(Kind.A)),
        # What a time is of.
        (_words("recovery recuperacion"), _of(Kind.RECOVERY)),
        (
            (
                r"(?:r(?:\s*=|\s*:|')?|rcv|ri|recs?|recup[a-z]*|recover[a-z]*|rests?|resting|descans[a-z]*|desc|pausas?"
                r"|pauses?|floats?|between|entre)(?![a-z])"
            ),
            _of(Kind.REST),
        ),
        (r"(?:warm(?:ing)?[ -]?ups?|calent[a-z]*|wup?)(?![a-z])", _of(Kind.WARM_UP)),
        (
            r"(?:(?:cool|warm)(?:ing)?[ -]?downs?|vuelta (?:a la )?calma|enfriamiento|cd|vc)(?![a-z])",
            _of(Kind.COOL_DOWN),
        ),
        (r"(?:en |in )?total(?:es)?(?![a-z])", _of(Kind.TOTAL)),
        (_words("in en"), _of(Kind.WITHIN)),
        (
            _words(
                """
            tempo thresholds? umbral hard fuertes? fast rapid[oa]s? vo[a-z0-9]* mp hmp lt[12]? z[3-7]
            race competicion progres[a-z]* quality calidad
            """
            ),
            _of(Kind.HARD),
        ),
        (
            _words(
                """
            or o u every cada each per por_(?:pierna|lado|semana|dia|hora|rep[a-z]*|serie) twice double
            doble than que less more menos mas longer shorter faster slower earlier later before after
            antes despues tras until hasta under sub over below above least most up max[a-z]* min[a-z]*
            hours? horas? h sec[a-z]* seg[a-z]* if si unless not no sin without skip instead
            option[a-z]* opcional maybe left half mitad last final[a-z]* first ultim[a-z]* primer[a-z]*
            finish[a-z]* end[a-z]* start[a-z]* alterna[a-z]* repeat[a-z]* repet[a-z]* repit[a-z]* ladder
            escalera pyramid piramide week[a-z]* semana[a-z]* days? dias? daily off ago away x both
            ambos ambas vueltas? laps? quarters? cuartos? extra additional adicional[a-z]* break gap
            stop[a-z]* para[a-z]*
            """
            ),
            _of(Kind.CHANGES),
        ),
        (
            _words(
                """
            strides rectas strength fuerza gym gimnasio core abs abdominales yoga pilates mobility
            movilidad stretch(?:ing)? estiramientos? drills? tecnica plyo[a-z]* pliometria weights pesas
            """
            ),
            _of(Kind.EXTRA),
        ),
        (
            _words("jog[a-z]* trot[a-z]* walk[a-z]* andar andando camina[a-z]*"),
            _of(Kind.JOG),
        ),
        (_SETS, _of(Kind.REPETITIONS)),
        (
            _words(
                """
            run running runs corriendo carrera correr rodaje rodar tirada larg[oa] long easy suaves?
                facil tranquil[oa] comod[oa] relajad[oa] relaxed steady regular base aerob[a-z]*
                endurance resistencia fartlek hills? cuestas? trail monte montana bike biking ride
                cycling bici bicicleta ciclismo rodillo swim swimming nado nadar natacion hike
                elliptical eliptica treadmill cinta rowing remo crosstraining marathon maraton moderate
                moderad[oa] medi[oa] high low alt[oa] baj[oa] intensity intensidad zona zone
                conversational conversacional main principal gentle light liger[oa] continu[a-z]*
                session sesion workout entren[a-z]* training duration duracion tiempo time distance
                distancia approx[a-z]* aprox[a-z]* about around circa ca unos unas roughly for during
                durante of de del the el la los las al un una an very muy on por su tu your from desde
                ftp lthr fcm? hr rpe regenerativ[oa] test cooper paseo
                """
            ),
            _of(Kind.HARMLESS),
        ),
        (r"[~≈]", _of(Kind.HARMLESS)),
        (r"[^\W\d_][\w]*", _of(Kind.UNKNOWN)),
    )
)
