"""No text is missing in any language: the catalog and all that is put together from it are walked through."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from itertools import combinations
from string import Formatter
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from bot import core
from bot.api.openapi import examples
from bot.core.answers.details import Details
from bot.core.answers.rules import NotWritten, Outcome
from bot.core.availability.days import DayWish
from bot.core.changes.because import AnswerReference, PlanChange
from bot.core.changes.texts import SaidAnswer
from bot.core.coach.digest import AthleteDay, Digest, Silence
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.attachment_kinds import ATTACHMENT_KINDS
from bot.core.facts.commands import Command
from bot.core.facts.logged_kinds import KINDS
from bot.core.facts.questions import WORDS, Detail
from bot.core.health.vitals import DeadLettersGrew
from bot.core.i18n.catalog import Formats, Plural, Texts
from bot.core.i18n.language import Language
from bot.core.inbox.journal_loss import JournalLoss
from bot.core.logbook.entry import LogEntry
from bot.core.pain.buttons import Asked
from bot.core.pain.episodes import Episode, Spot, Verdict
from bot.core.people.athlete import Athlete, ContactHours, Pause
from bot.core.prompts.coach_alert_texts import PainReport
from bot.core.prompts.older_copies import OlderCopy, Whereabouts
from bot.core.summary.sessions import SessionState
from bot.core.summary.summary import Week
from bot.core.telegram.attachments import Attachment
from bot.core.telegram.updates import TappedMessage
from bot.core.words.sessions import SpokenSession

NOW = datetime(2026, 2, 16, 18, 42, tzinfo=UTC)  # a Monday
DAY = NOW.date()
WEEK = Week(DAY, ())
ATHLETE_DAY = AthleteDay(Athlete("ana", 7, 7, ContactHours(ZoneInfo("UTC"))), "Ana", silence=Silence(4, DAY))
SPOKEN = SpokenSession("r", "s", "Tempo", DAY, NOW, None)
DETAILS = Details({Detail.PLACE: "knee", Detail.PAIN: 6})

# What is the same in several languages: numbers, and what is called RPE in all of them.
SAME = {f"details.question({detail}).short" for detail in Detail if detail is not Detail.COMPLETED}
SAME |= {"details.word(no)"}  # in Spanish, too
# Languages that write some words alike, though no sentence of this many characters.
RELATED = {frozenset({Language.ES, Language.PT})}
SHORT = 25
# These say something else in each language: how it is written.
SETTINGS = {"languages.named", "languages.either"}

EPISODE = Episode(
    spot=Spot("knee", "left"), level=4, words=None, since=NOW, opened_by=1, told_at=NOW, told_by=1
)
# By parameter, what each function of texts is tried with; 1,200 and 8,100 s have a decimal point when shown.
VALUES: Mapping[str, object] = {
    "asks_level": False, "episode": EPISODE, "open_": [EPISODE], "report_id": "r1",
    "spot": Spot("knee", "left"), "verdict": Verdict.SAME,
    "again_at": datetime(2026, 3, 1, 18, tzinfo=UTC), "admin": True, "asked": 3, "athlete": True,
    "command": Command.WEEK,
    "day": date(2026, 8, 10), "first": date(2026, 8, 10), "last": date(2026, 9, 6), "local": NOW,
    "detail": Detail.PLACE, "details": DETAILS, "figures": examples.stats(), "is_missing_extra": True,
    "ids": ("r", "s"), "items": ["a", "b"], "late_after_days": 14, "loss": JournalLoss(4, 30), "name": "Ana",
    "news": [DeadLettersGrew(2)], "note": None, "now": NOW, "plan": "w08",
    "number": 1_200,
    "pain": PainReport("Ana", None, DAY, FeedbackType.PAIN, DETAILS, None, seen_by="Coach", seen_at=NOW),
    "copy": OlderCopy(1, 2, Whereabouts.ASKED_BELOW), "chat_id": 7, "is_private": True, "thread_id": None,
    "week_start": DAY, "possible": {0}, "wish": DayWish(DAY, is_possible=True),
    "pause": Pause(NOW, NOW),
    "what": "run", "entry": LogEntry("run", 45),
    "places": 1, "result": NotWritten(Outcome.LATE, 20), "seconds": 8_100.0, "sessions": [{}, {}],
    "sent": [(Attachment("voice", None, 5), -1_000_000_000_007)],
    "message_id": 5, "offered": [FeedbackType.DONE], "others": [SPOKEN], "place": ("r", "s"),
    "session": SPOKEN,
    "question": Detail.PLACE, "run_id": "r", "session_id": "s", "stats": examples.stats(),
    "share": 0.5, "style": "or",
    "text": "?", "title": None, "type_": FeedbackType.DONE, "until": NOW, "user_id": 7, "value": "knee",
    "zone": UTC,
    "coach_is_told": True, "following": WEEK, "is_planned": True, "listed": True,
    "answers": 180, "plans": 365, "runs": 90,
    "said": WEEK, "shown": WEEK, "why": ["Because."],
    "change": PlanChange((AnswerReference("r", "s"),)), "fields": ["pain"], "today": DAY,
    "author": "Lee", "called": ["Ana"], "known": ["Ana"], "refusal": "bot was blocked by the user",
    "silent_after": 3, "state": SessionState.OPEN, "who": "Ana", "words": [],
    "prompted": TappedMessage("?", [], []),
}  # fmt: skip
# Tried with something else than other functions of the same parameters.
OWN_VALUES: Mapping[str, Mapping[str, object]] = {
    "bot.core.logbook.texts.logged": {"asked": frozenset(Detail)},
    "bot.core.pain.texts.check": {"said": [EPISODE]},
    "bot.core.pain.buttons.check_rows": {"asked": Asked.NOW},
    "bot.core.answers.detail_texts.unsaid": {"detail": Detail.CHANGE},
    "bot.core.i18n.formats.counted": {"text": Language.EN.texts.counts.days},
    "bot.core.i18n.formats.decimal": {"value": 0.5},
    "bot.core.changes.texts.reason": {
        "answers": {AnswerReference("r", "s"): SaidAnswer(FeedbackType.PAIN, DETAILS, DAY)}
    },
    "bot.core.coach.digest_texts.athlete": {"shown": ATHLETE_DAY, "sessions": []},
    "bot.core.coach.digest_texts.digest": {"shown": Digest(DAY, [ATHLETE_DAY], 3)},
    "bot.core.coach.digest_texts.silent": {"shown": Digest(DAY, [ATHLETE_DAY], 3)},
    "bot.core.coach.texts.from_coach": {"text": ""},
    "bot.core.coach.texts.from_athlete": {"text": ""},
}
# Times and whole percents are written alike.
ALIKE = {"bot.core.i18n.formats.clock_time", "bot.core.i18n.formats.counted", "bot.core.i18n.formats.percent"}

MODULES = [
    importlib.import_module(found.name) for found in pkgutil.walk_packages(core.__path__, f"{core.__name__}.")
]


def texts_of(texts: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a catalog, by its path in it."""
    match texts:
        case Formats() | None:
            return
        case str():
            yield path, texts
        case Plural():
            for form in fields(texts):
                if (text := getattr(texts, form.name)) is not None:
                    yield f"{path}.{form.name}", text
        case tuple():
            for item in texts:
                yield f"{path}[{item}]", item
        case Mapping():
            for key, text in texts.items():
                yield f"{path}({key})", text
        case _ if is_dataclass(texts):
            for field in fields(texts):
                yield from texts_of(getattr(texts, field.name), f"{path}.{field.name}".lstrip("."))
        case _:
            assert callable(texts)
            for key in DOMAINS[path]:
                yield from texts_of(texts(key), f"{path}({key})")


DOMAINS: Mapping[str, tuple[object, ...]] = {
    "attachments.kind": tuple(ATTACHMENT_KINDS),
    "answers.type": tuple(FeedbackType),
    "command": tuple(Command),
    "details.question": tuple(Detail),
    "details.word": tuple(WORDS),
    "logbook.kind": KINDS,
    "pain.spoken": tuple(WORDS),
}
"""What the functions in a catalog are asked for."""

TEXTS = {language: dict(texts_of(language.texts)) for language in Language}
PATHS = sorted(set().union(*TEXTS.values()))


def sayings(module: ModuleType) -> Iterator[tuple[str, Callable[..., object]]]:
    """The public functions of a module that say something in a language."""
    for name, function in inspect.getmembers(module, inspect.isfunction):
        is_own = function.__module__ == module.__name__ and not name.startswith("_")
        if is_own and "language" in inspect.signature(function).parameters:
            yield f"{module.__name__}.{name}", function


SAYINGS = dict(saying for module in MODULES for saying in sayings(module))


def placeholders(template: str) -> list[str]:
    """The names of what is put into a text, in order of the alphabet."""
    return sorted({name for _, name, _, _ in Formatter().parse(template) if name is not None})


def test_the_walk_finds_what_there_is() -> None:
    """Sections, functions of enums and plurals alike, and the functions that put messages together."""
    for language in Language:
        assert {re.split(r"[.(]", path)[0] for path in TEXTS[language]} | {"formats"} == {
            field.name for field in fields(Texts)
        }
        assert "answers.type(done).label" in TEXTS[language]
        assert "details.word(no time)" in TEXTS[language]
        assert "counts.days.other" in TEXTS[language]
    assert "bot.core.people.texts.help_text" in SAYINGS
    assert "bot.core.i18n.formats.long_date" in SAYINGS
    assert "bot.core.figures.chart.chart_of" in SAYINGS


@pytest.mark.parametrize("path", PATHS)
def test_each_text_is_there_in_every_language(path: str) -> None:
    """None is blank, each takes the same values, and none was left as it is in another language."""
    said = {language: texts[path] for language, texts in TEXTS.items() if path in texts}
    if not re.search(r"\.(zero|one|two|few|many)$|\[", path):  # plurals differ in their forms
        assert set(said) == set(Language)
    assert all(text.strip() for text in said.values())
    assert len({tuple(placeholders(text)) for text in said.values()}) == 1
    if path not in SETTINGS:
        alike = {frozenset(pair) for pair in combinations(said, 2) if said[pair[0]] == said[pair[1]]} - {
            pair for pair in RELATED if len(said.get(min(pair), "")) <= SHORT
        }
        assert bool(alike) is (path in SAME)


@pytest.mark.parametrize("language", Language)
def test_each_plural_has_the_forms_that_its_language_needs(language: Language) -> None:
    """For every whole number up to a thousand; each takes the number."""
    needed = {language.locale.plural_form(number) for number in range(1_001)}
    plurals = {path.rpartition(".")[0] for path in TEXTS[language] if path.endswith(".other")}
    assert plurals >= {"counts.days", "counts.sessions", "pending.all", "prompts.todays"}
    for path in plurals:
        assert {f"{path}.{form}" for form in needed} <= TEXTS[language].keys()
        assert "number" in placeholders(TEXTS[language][f"{path}.other"])


@pytest.mark.parametrize("name", SAYINGS)
def test_each_function_says_it_in_the_readers_language(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, and English and Spanish differ; a parameter that is new needs a value above."""
    function = SAYINGS[name]
    needed = {
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind is not parameter.VAR_KEYWORD
        and parameter.name != "language"
    }
    assert needed <= VALUES.keys(), "give VALUES something to try these with"
    given = {**{parameter: VALUES[parameter] for parameter in needed}, **OWN_VALUES.get(name, {})}
    said = {}
    for language in Language:
        with monkeypatch.context() as silence:
            for other in Language:
                if other is not language and name not in SAID_IN_ALL:
                    silence.delattr(other, "texts")  # or it would raise
            said[language] = function(**given, language=language)
    if name not in ALIKE:
        assert said[Language.EN] != said[Language.ES]


SAID_IN_ALL = {
    "bot.core.people.texts.present_language",  # for whoever cannot read this one
    "bot.core.people.texts.language_usage",  # names them
}
