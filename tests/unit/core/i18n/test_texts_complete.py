"""No text is missing in any language: all modules of texts are walked through, whatever is added to them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from string import Formatter
from types import ModuleType

import pytest

from bot import core
from bot.api.openapi import examples
from bot.core.answers.details import Details
from bot.core.answers.rules import NotWritten, Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.health.vitals import DeadLettersGrew
from bot.core.i18n import language as languages
from bot.core.i18n.language import Language, Noun, Text
from bot.core.inbox.journal_loss import JournalLoss
from bot.core.prompts.coach_alert_texts import PainReport
from bot.core.summary.summary import Week

NOW = datetime(2026, 2, 16, 18, 42, tzinfo=UTC)  # a Monday
DAY = NOW.date()
WEEK = Week(DAY, ())
DETAILS = Details(place="knee", pain=6)

# The same in both languages: signs, and what is put in.
SAME = {"bot.core.answers.detail_texts._CHANGE", "bot.core.summary.week_texts._DAY"}

# By parameter, what each function of texts is tried with; 1,200 and 8,100 s have a decimal point when shown.
VALUES: Mapping[str, object] = {
    "again_at": datetime(2026, 3, 1, 18, tzinfo=UTC), "admin": True, "asked": 3, "athlete": True,
    "day": date(2026, 8, 10), "local": NOW,
    "detail": Detail.PLACE, "details": DETAILS, "figures": examples.stats(), "is_missing_extra": True,
    "late_after_days": 14, "loss": JournalLoss(4, 30), "name": "Ana", "news": [DeadLettersGrew(2)],
    "note": None, "now": NOW,
    "number": 1_200,
    "pain": PainReport("Ana", None, DAY, FeedbackType.PAIN, DETAILS, None, seen_by="Coach", seen_at=NOW),
    "rate": 0.5, "result": NotWritten(Outcome.LATE, 20), "seconds": 8_100.0, "sessions": [{}, {}],
    "text": "?", "title": None, "type_": FeedbackType.DONE, "until": NOW, "user_id": 7, "value": "knee",
    "zone": UTC,
    "coach_is_told": True, "following": WEEK, "is_planned": True, "listed": True,
    "answers": 180, "plans": 365, "runs": 90,
    "said": WEEK, "shown": WEEK, "why": ["Because."],
}  # fmt: skip

MODULES = [
    languages,
    *(
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(core.__path__, f"{core.__name__}.")
        if found.name.endswith("texts")
    ),
]


def texts_in(name: str, value: object) -> Iterator[tuple[str, Text]]:
    """The texts that a module's value is, or holds."""
    match value:
        case Text():
            yield name, value
        case Noun():
            yield f"{name}.one", value.one
            yield f"{name}.many", value.many
        case Mapping():
            for key, item in value.items():
                yield from texts_in(f"{name}[{key!r}]", item)
        case tuple() | list():
            for place, item in enumerate(value):
                yield from texts_in(f"{name}[{place}]", item)


TEXTS = {
    name: text
    for module in MODULES
    for attribute, value in vars(module).items()
    for name, text in texts_in(f"{module.__name__}.{attribute}", value)
}


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
    """Constants, tables and nouns alike, in every module of texts."""
    silent = [m.__name__ for m in MODULES if not any(name.startswith(f"{m.__name__}.") for name in TEXTS)]
    assert silent == []
    assert "bot.core.answers.texts.LABELS[<FeedbackType.DONE: 'done'>]" in TEXTS
    assert "bot.core.i18n.language.DAYS.many" in TEXTS
    assert "bot.core.people.texts.help_text" in SAYINGS
    assert set(TEXTS) >= SAME


@pytest.mark.parametrize("name", TEXTS)
def test_each_text_is_there_in_every_language(name: str) -> None:
    """None is blank, each takes the same values, and none was left as it is in the other language."""
    text = TEXTS[name]
    assert text.en.strip()
    assert text.es.strip()
    assert placeholders(text.en) == placeholders(text.es)
    assert (text.en == text.es) is (name in SAME)


@pytest.mark.parametrize("name", SAYINGS)
def test_each_function_says_it_in_the_readers_language(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, and English and Spanish differ; a parameter that is new needs a value above."""
    function = SAYINGS[name]
    needed = {
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty and parameter.name != "language"
    }
    assert needed <= VALUES.keys(), "give VALUES something to try these with"
    given = {parameter: VALUES[parameter] for parameter in needed}
    spoken: set[Language] = set()

    def listen(text: Text, language: Language, **values: object) -> str:
        spoken.add(language)
        return say(text, language, **values)

    say = Text.__call__
    monkeypatch.setattr(Text, "__call__", listen)
    english = function(**given, language=Language.EN)
    assert spoken <= {Language.EN}
    assert english != function(**given, language=Language.ES)
