"""Facts that stand once: what a change touches, read from the tree.

Each section is about one kind of change: it fails when somebody writes its fact a second time elsewhere.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import bot
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.commands import Command
from bot.core.facts.questions import FIELDS, Detail
from bot.core.health import metrics
from bot.core.health.metrics import METRICS, CallMetric, CountMetric
from bot.core.i18n.language import Language
from bot.core.records.collections import COLLECTIONS
from bot.core.shared.tolerant import fold
from bot.settings import Settings
from tests.support.api import openapi_document

ROOT = Path(bot.__file__).parent


# The late rule: bot/core/facts/answering_window.py.

_LATE_RULE = ROOT / "core/facts/answering_window.py"
_COMPUTES = ast.BinOp | ast.Compare | ast.UnaryOp
_BUILDS = {"timedelta", "min", "max", "range"}


def _names_the_setting(node: ast.AST) -> bool:
    return any(
        (isinstance(it, ast.Name) and it.id.endswith("late_after_days"))
        or (isinstance(it, ast.Attribute) and it.attr.endswith("late_after_days"))
        for it in ast.walk(node)
    )


def _uses_of_days(tree: ast.AST) -> Iterator[int]:
    """Lines that reckon with LATE_AFTER_DAYS themselves, rather than hand it on."""
    for node in ast.walk(tree):
        if isinstance(node, _COMPUTES):
            operands = [it for it in ast.iter_child_nodes(node) if isinstance(it, ast.Name | ast.Attribute)]
            if any(_names_the_setting(operand) for operand in operands):
                yield node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _BUILDS:
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(_names_the_setting(it) for it in values if isinstance(it, ast.Name | ast.Attribute)):
                yield node.lineno


def test_the_late_rule_stands_once() -> None:
    """Whoever wants to know whether an answer counts asks the one module; nobody reckons in days."""
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in ROOT.rglob("*.py")
        if path != _LATE_RULE
        for line in _uses_of_days(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set()
    assert list(_uses_of_days(ast.parse(_LATE_RULE.read_text(encoding="utf-8"))))  # the check can see


# An API operation: its module in bot/api/routes, its models and its example in bot/api/openapi.


async def test_an_operation_is_documented_where_it_is_made() -> None:
    """Each has a name, a summary, an example of what it takes and answers, and every error it may have."""
    document = await openapi_document()
    problem = {"$ref": "#/components/schemas/Problem"}
    names = list[str]()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            names.append(operation["operationId"])
            assert operation["summary"], path
            assert operation["description"], path
            bodies = [operation["requestBody"]] if "requestBody" in operation else []
            errors = {status for status in operation["responses"] if int(status) >= 400}
            assert {"422", "500", "503"} <= errors, path
            for status, response in operation["responses"].items():
                if status in errors:
                    assert response["content"]["application/problem+json"]["schema"] == problem, path
                else:
                    bodies.append(response)
            for content in (content for body in bodies for content in body["content"].values()):
                assert content.get("examples") or content.get("example"), path
    assert len(names) == len(set(names)) > 10


def test_an_operation_stands_in_a_module_of_its_router() -> None:
    """The application includes every module of routes; nothing else declares an operation."""
    tree = ast.parse((ROOT / "api/application.py").read_text(encoding="utf-8"))
    included = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "bot.api.routes"
        for alias in node.names
    }
    modules = {path.stem for path in ROOT.glob("api/routes/*.py")} - {"__init__", "webhook"}  # no operation
    assert included == modules
    declaring = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if "operation_id=" in path.read_text(encoding="utf-8")
    }
    assert declaring == {f"api/routes/{name}.py" for name in modules}


# A language: bot/core/i18n, with a file of texts for each.

_I18N = ROOT / "core/i18n"
# English whatever the athlete reads: as it is stored, and as programs read it.
_STORED_WEEKDAYS = ROOT / "core/answers/rules.py"


def _is_language(node: ast.AST | None) -> bool:
    """Whether this names one language: `Language.ES`."""
    return isinstance(node, ast.Attribute) and ast.unparse(node.value).rpartition(".")[2] == "Language"


def _decisions_by_language(tree: ast.AST) -> Iterator[int]:
    """Lines that compare with a language, match one, or hold something for each."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare():
                is_decision = any(map(_is_language, (node.left, *node.comparators)))
            case ast.MatchValue():
                is_decision = _is_language(node.value)
            case ast.Dict():
                is_decision = any(map(_is_language, node.keys))
            case ast.Subscript(slice=ast.Tuple(elts=[key, *_])):
                is_decision = ast.unparse(key) == "Language"  # Mapping[Language, ...]
            case _:
                continue
        if is_decision:
            yield node.lineno if not isinstance(node, ast.MatchValue) else node.value.lineno


@cache
def _names_in_calendars() -> frozenset[str]:
    """What weekdays and months are called, in any language."""
    calendars = [it for language in Language for it in (language.locale.days, language.locale.months)]
    return frozenset(fold(str(name)) for it in calendars for name in it["format"]["wide"].values())


def _lists_of_names(tree: ast.AST) -> Iterator[int]:
    """Lines with three names of weekdays or months side by side, in any language."""
    names = _names_in_calendars()
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
            items = (*node.keys, *node.values) if isinstance(node, ast.Dict) else tuple(node.elts)
            pairs = (it for it in items if isinstance(it, ast.Tuple | ast.List | ast.Call))
            within = (item for pair in pairs for item in ast.iter_child_nodes(pair))
            texts = [it.value for it in (*items, *within) if isinstance(it, ast.Constant)]
            if sum(isinstance(text, str) and fold(text) in names for text in texts) >= 3:
                yield node.lineno


def test_a_language_stands_once() -> None:
    """All that depends on the language is in its file; nobody else asks which one it is."""
    trees = {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in ROOT.rglob("*.py")
        if not path.is_relative_to(_I18N)
    }
    assert {path: [*_decisions_by_language(tree)] for path, tree in trees.items()} == {it: [] for it in trees}
    assert {path for path, tree in trees.items() if any(_lists_of_names(tree))} == {_STORED_WEEKDAYS}
    code = """
{Language.EN: 1}
x: Mapping[Language, str]
a = 1 if language is i18n.Language.ES else 2
match language:
    case Language.ES:
        pass
"""
    assert list(_decisions_by_language(ast.parse(code))) == [2, 3, 4, 6]  # the checks can see
    code = """
a = ("Montag", ("monday", "lunes"), ("martes", 2), 3)
b = {"enero": 1, "febrero": 2, "marzo": 3}
c = [Text("May", "mayo"), Text("June", "junio")]
d = [{"day": "Monday"}, {"day": "Tuesday"}, {"day": "Wednesday"}]
"""
    assert list(_lists_of_names(ast.parse(code))) == [2, 3, 4]


def test_each_language_is_a_file() -> None:
    """Named after it, beside what all of them share."""
    shared = {"__init__", "catalog", "formats", "language"}
    assert {path.stem for path in _I18N.glob("*.py")} == shared | {language.value for language in Language}


def test_another_language_needs_its_file_and_one_line(house: Path) -> None:
    """Everything else follows: who asks for it by name, menus, dates, numbers, plans that name its days.

    It is Esperanto, into which nobody will translate this.
    """
    i18n = house / "bot/core/i18n"
    texts = (i18n / "en.py").read_text(encoding="utf-8")
    for english, other in (('locale="en"', 'locale="eo"'), ("Your week, with your answers", "Via semajno")):
        assert texts.count(english) == 1
        texts = texts.replace(english, other)
    (i18n / "eo.py").write_text(texts, encoding="utf-8")
    _insert(i18n / "language.py", "en, es, pt", "eo, ")
    _insert(i18n / "language.py", '    ES = "es"', '    EO = "eo", eo.TEXTS, "internacia"\n')
    code = """
from datetime import UTC, date
from bot.core.facts.commands import Command
from bot.core.i18n import formats
from bot.core.i18n.language import Language, chosen_language, read_language
from bot.core.people.menu import menus
from bot.core.people.texts import language_usage, present_language
from bot.core.plans.plan import read_plan
new = Language("eo")
assert {chosen_language(name) for name in ("eo", "Esperanto", "INTERNACIA")} == {new}
assert {chosen_language(name) for name in ("angla", "English", "inglés")} == {Language.EN}
assert read_language("eo-XX") is new
assert ("week", "Via semajno") in menus({1}, (), lambda _: None)[1, "eo"]
assert formats.day_and_month(date(2026, 6, 1), new) == "1 Junio"
assert formats.decimal(7.5, 1, new) == "7,5"
assert "English, Esperanto, " in language_usage(Language.EN)
assert "en inglés" in (usage := language_usage(Language.ES)) and "en esperanto" in usage
assert "/language eo" in present_language(Language.ES)
days = [{"day": "ĵaŭdo", "activity": "Kuro"}]
plan = {"runId": "r", "weekStart": "2026-02-16", "activityPlan": {"days": days}}
[session] = read_plan(plan, UTC).sessions
assert session.date == date(2026, 2, 19)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=house, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


# An answer type and a follow-up question: bot/core/facts/{answer_types,questions}.py, and the texts.

_DECLARATIONS = {ROOT / "core/facts/answer_types.py", ROOT / "core/facts/questions.py"}
_EXAMPLES = {ROOT / "api/openapi/examples.py"}  # of documents, as others write them
_ACTED = {ROOT / "demo.py"}  # what a scripted athlete answers


def _named_members(tree: ast.AST, enum: type[StrEnum]) -> Iterator[int]:
    """Lines that name a member (`FeedbackType.PAIN`), or have a name for each (`A, B = FeedbackType`)."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name):
                is_named = name in enum.__members__ and (
                    ast.unparse(node.value).rpartition(".")[2] == enum.__name__
                )
            case ast.Assign(targets=[ast.Tuple()]):
                is_named = ast.unparse(node.value).rpartition(".")[2] == enum.__name__
            case _:
                continue
        if is_named:
            yield node.lineno


def _texts(nodes: Iterable[ast.AST | None]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _written_values(tree: ast.AST, values: Collection[str], *, in_prose: bool = False) -> Iterator[int]:
    """Lines with two of some values side by side, or that compare with one of them.

    Args:
        in_prose: whether two within one text count, too: `(done + hard) / asked`.
    """
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        least = 2
        match node:
            case ast.Tuple() | ast.List() | ast.Set():
                found = [*_texts(node.elts)]
            case ast.Dict():
                found = [*_texts(node.keys)]
            case ast.Call():
                found = [keyword.arg for keyword in node.keywords if keyword.arg is not None]
            case ast.ClassDef():
                fields = [it for it in node.body if isinstance(it, ast.Assign | ast.AnnAssign)]
                names = [it.target for it in fields if isinstance(it, ast.AnnAssign)]
                found = [*_texts(it.value for it in fields), *map(ast.unparse, names)]
            case ast.Compare():
                found, least = [*_texts((node.left, *node.comparators))], 1
            case ast.MatchValue():
                found, least = [*_texts((node.value,))], 1
            case ast.Constant(value=str(text)) if in_prose and id(node) not in docstrings:
                found = re.findall(r"\w+", text)
            case _:
                continue
        if len({text for text in found if text in values}) >= least:
            yield node.value.lineno if isinstance(node, ast.MatchValue) else node.lineno


def _trees(without: Collection[Path]) -> dict[Path, ast.AST]:
    paths = (path for path in ROOT.rglob("*.py") if path not in without and not path.is_relative_to(_I18N))
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def test_an_answer_type_stands_once() -> None:
    """Nobody else names one, lists them or compares with one: what follows from it, its declaration says."""
    values = {type_.value for type_ in FeedbackType}
    trees = _trees(_DECLARATIONS | _EXAMPLES | _ACTED)
    found = {
        path.relative_to(ROOT).as_posix(): lines
        for path, tree in trees.items()
        if (lines := [*_named_members(tree, FeedbackType), *_written_values(tree, values, in_prose=True)])
    }
    assert found == {}
    code = """
a = type_ is facts.FeedbackType.PAIN
DONE, SKIPPED, HARD, PAIN = FeedbackType
b = ("done", "hard")
c = {"done": 1, "skipped": 2}
d = Literal["done", "skipped", "hard", "pain"]
e = type_ == "done"
match type_:
    case "pain":
        pass
f = f"(done + hard) / {asked}"
g = dict(done=1, hard=2)
class State(StrEnum):
    DONE = "done"
    PAIN = "pain"
h = {"type": "done"}
"""
    tree = ast.parse(code)
    assert sorted(_named_members(tree, FeedbackType)) == [2, 3]
    written = sorted({*_written_values(tree, values, in_prose=True)})
    assert written == [4, 5, 6, 7, 9, 11, 12, 13]  # the checks can see


def test_a_question_stands_once() -> None:
    """Nobody else names one, or lists what they are called in payloads and documents."""
    values = {detail.value for detail in Detail} | set(FIELDS) | {str(it.facts.part) for it in Detail}
    trees = _trees(_DECLARATIONS | _EXAMPLES)
    # A load is RPE times minutes; pain and completion are about these questions alone.
    meant = {ROOT / "core/summary/sessions.py", ROOT / "core/facts/completion.py"}
    naming = {path for path, tree in trees.items() if any(_named_members(tree, Detail))}
    assert {path for path in naming if path.parent.name != "pain"} == meant
    written = {
        path: [*_written_values(tree, values)] for path, tree in trees.items() if path.parent.name != "pain"
    }
    assert {path.relative_to(ROOT).as_posix(): lines for path, lines in written.items() if lines} == {}
    code = """
a = ("rpe", "pain", "reason")
b = {"rpe": details.rpe, "reason": details.reason}
class Record:
    rpe: int
    reason: str
c = asked[Detail.REASON]
"""
    tree = ast.parse(code)
    assert list(_named_members(tree, Detail)) == [7]
    assert sorted({*_written_values(tree, values)}) == [2, 3, 4]  # the checks can see


def test_each_question_is_documented_for_coaches() -> None:
    """After which answers it comes, the field that carries it, and its setting."""
    coach = (ROOT.parent / "docs/coach.md").read_text(encoding="utf-8")
    for detail in Detail:
        facts = detail.facts
        rows = [
            line
            for line in coach.splitlines()
            if line.startswith("|") and f"`{facts.setting.upper()}`" in line
        ]
        after = {type_ for type_ in FeedbackType if detail in type_.facts.asks}
        [row] = [row for row in rows if set(row.strip("| ").split(" | ")[0].split(", ")) == after]
        assert f"`{facts.field.name}`" in row
        assert facts.part is None or f'"{facts.part}"' in row


_PARTIAL = """    PARTIAL = (
        "partial",
        AnswerFacts(
            sign="🌗",
            meaning="the athlete did a part of the session",
            is_done=False,
            asks=(Detail.REASON,),
            colour="#b07cc6",
            is_warning=True,
        ),
    )
"""
_SLEEP = """    SLEEP = (
        "sleep",
        QuestionFacts(
            field=AnswerField(name="sleep", description="Sleep.", meaning="how well it was slept"),
            choices=(1, 2, 3, 4, 5),
            choices_per_row=5,
            setting="ask_sleep",
        ),
    )
"""
_TEXTS = {
    Language.EN: (
        'AnswerTypeTexts(label="Partly", name="partly", help="you did a part of it", said="did a third")',
        'QuestionTexts(question="How did you sleep?", line="Sleep: {what}", scale={1: "badly", 5: "well"})',
    ),
    Language.ES: (
        'AnswerTypeTexts(label="A medias", name="a medias", help="hiciste una parte", said="hice un tercio")',
        'QuestionTexts(question="¿Qué tal dormiste?", line="Sueño: {what}", scale={1: "mal", 5: "bien"})',
    ),
}


def _insert(path: Path, before: str, text: str) -> None:
    """Put lines into a file, in front of others."""
    code = path.read_text(encoding="utf-8")
    assert code.count(before) == 1, f"{path.name} has not the one {before!r}"
    path.write_text(code.replace(before, text + before), encoding="utf-8")


def _places(house: Path, kind: str, value: str) -> dict[str, Any]:
    """Where a declaration shows, see `tests.support.declared`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.declared", kind, value],
        env={**os.environ, "PYTHONPATH": str(ROOT.parent)},
        cwd=house, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    places: dict[str, Any] = json.loads(done.stdout)
    return places


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder with a copy of `bot`."""
    shutil.copytree(ROOT, tmp_path / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_fifth_answer_type_needs_a_declaration_and_its_texts(house: Path) -> None:
    """Everything else follows: buttons, payloads, records, summary, figures, picture and the API."""
    core = house / "bot/core"
    _insert(core / "facts/answer_types.py", "    PAIN = (\n", _PARTIAL)
    for language in Language:
        text, _ = _TEXTS.get(language, _TEXTS[Language.EN])
        case = "        case FeedbackType.PAIN:\n"
        added = f"        case FeedbackType.PARTIAL:\n            return {text}\n"
        _insert(core / f"i18n/{language}.py", case, added)
    places = _places(house, "answer", "partial")
    for place in ("help", "/week", "/stats"):
        for said, word in zip(places.pop(place), ("partly", "a medias"), strict=False):
            assert word in said.lower(), place
    assert [place for place, shown in places.items() if "partial" not in json.dumps(shown)] == []


def test_a_fifth_question_needs_a_declaration_and_its_texts(house: Path) -> None:
    """Everything else follows: what asks it, payloads, messages, setting, records, store and summary."""
    core = house / "bot/core"
    _insert(core / "facts/questions.py", "    REASON = (\n", _SLEEP)
    _insert(core / "facts/answer_types.py", "Detail.REASON, ", "Detail.SLEEP, ")
    for language in Language:
        _, text = _TEXTS.get(language, _TEXTS[Language.EN])
        case = "        case Detail.REASON:\n"
        _insert(
            core / f"i18n/{language}.py", case, f"        case Detail.SLEEP:\n            return {text}\n"
        )
    places = _places(house, "question", "sleep")
    for place, words in (("messages", ("sleep?", "dormiste?")), ("/week", ("sleep: 5", "sueño: 5"))):
        for said, word in zip(places.pop(place), words, strict=False):
            assert word in said.lower(), place
    assert [place for place, shown in places.items() if "sleep" not in json.dumps(shown)] == []


# A chat command: bot/core/facts/commands.py, its handler in bot/services/chat, and its texts.

_HANDLE_COMMANDS = ("core/telegram", "core/people/menu.py", "services/chat", "services/processing")


def test_a_command_is_named_once() -> None:
    """What handles commands speaks of `Command`; no name of one stands there as a text."""
    paths = [path for name in _HANDLE_COMMANDS for path in (ROOT / name, *(ROOT / name).rglob("*.py"))]
    found = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value}"
        for path in paths
        if path.is_file()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in set(Command)
    }
    assert found == set()


def test_a_command_is_handled_once() -> None:
    """Each in one class of commands, which `ChatCommands` puts together (see its tests)."""
    named = Counter(
        node.attr
        for path in (ROOT / "services").rglob("*_commands.py")
        for handlers in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(handlers, ast.FunctionDef) and handlers.name == "handlers"
        for node in ast.walk(handlers)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Command"
    )
    assert named == Counter(list(Command.__members__))


# What /week and the weekly summary show: how it reads, what is put together, and when it comes unasked.


def test_a_week_is_found_by_its_name() -> None:
    """Each question has one module that answers it, and only the message's has texts of weeks."""
    assert {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*week*.py")} == {
        "core/summary/week_message.py",
        "core/summary/weekly_schedule.py",
        "services/prompts/weekly_summary.py",
        "services/reports/week_report.py",
    }
    speakers = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if ".texts.week" in path.read_text(encoding="utf-8")
    }
    assert speakers == {"core/summary/week_message.py"}


# A setting: bot/settings.py; config/env.example and the tables of the docs name each.


def _rows(text: str) -> set[str]:
    """The variables in the first column of a document's tables."""
    cells = (line.split("|")[1] for line in text.splitlines() if line.startswith("|"))
    return {name for cell in cells for name in re.findall(r"`([A-Z][A-Z_]+)`", cell)}


def test_each_setting_is_in_the_example_and_in_the_tables() -> None:
    """And nothing that is no setting."""
    settings = {name.upper() for name in Settings.model_fields}
    house = ROOT.parent
    example = (house / "config/env.example").read_text(encoding="utf-8")
    assert Counter(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)) == Counter(settings)
    reference, collections = (house / "docs" / name for name in ("reference.md", "collections.md"))
    in_reference = _rows(reference.read_text(encoding="utf-8"))
    in_collections = _rows(collections.read_text(encoding="utf-8")) & settings
    assert (in_reference | in_collections, in_reference & in_collections) == (settings, set())


# A collection and an index: bot/core/records/{collections,declaration}.py, and the models.

_COLLECTIONS = ROOT / "core/records/collections.py"
# Those that make indexes: by declaration, and in a collection made for the try.
_MAKE_INDEXES = {ROOT / "store/mongodb/indexes.py", ROOT / "store/probes.py"}
_BUILD_INDEXES = {ROOT / "core/records/declaration.py", ROOT / "store/mongodb/indexes.py"}
_DATABASES = {"db", "_db", "database"}
_TAKE_NAMES = {"get_collection", "Collection", "create_collection"}


def _collection_names(tree: ast.AST, names: Collection[str]) -> Iterator[int]:
    """Lines that name a collection: anywhere if its name is no English word, else where it is looked up."""
    places: list[ast.AST] = []
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if "_" in text:
                places.append(node)
            case ast.Subscript(value=owner) if ast.unparse(owner).rpartition(".")[2] in _DATABASES:
                places.append(node.slice)
            case ast.Call(args=[first, *_]) if ast.unparse(node.func).rpartition(".")[2] in _TAKE_NAMES:
                places.append(first)
            case ast.Assign(targets=[ast.Name(id=name)]) if name.isupper():
                places.append(node.value)
            case ast.Attribute(value=owner, attr=name) if name in names:
                if ast.unparse(owner).rpartition(".")[2] in _DATABASES:
                    yield node.lineno
    found = {id(node): node for node in places if isinstance(node, ast.Constant) and node.value in names}
    yield from (node.lineno for node in found.values())


def test_a_collection_is_named_once() -> None:
    """Everybody else takes its name from the declaration."""
    names = {collection.name for collection in COLLECTIONS}
    found = {
        path.relative_to(ROOT).as_posix(): lines
        for path, tree in _trees({_COLLECTIONS}).items()
        if (lines := [*_collection_names(tree, names)])
    }
    assert found == {}
    declared = [*_collection_names(ast.parse(_COLLECTIONS.read_text(encoding="utf-8")), names)]
    assert len(declared) == len(names)
    code = """
COLLECTION = "taps"
a = self._db["users"].find()
b = ("run_events", "createdAt")
c = db.plan_snapshots.find_one()
d = db.get_collection("leases")
e = {"taps": 5}
f = roster.athletes
"""
    assert sorted(_collection_names(ast.parse(code), names)) == [2, 3, 4, 5, 6]  # the check can see


def _calls(tree: ast.AST, names: Collection[str]) -> bool:
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in names
        for node in ast.walk(tree)
    )


def test_an_index_is_declared_with_its_collection() -> None:
    """Nobody else declares one, and only `bootstrap` makes them."""
    trees = _trees(())
    assert {path for path, tree in trees.items() if _calls(tree, {"Index"})} == _BUILD_INDEXES
    making = {"create_index", "create_indexes", "drop_index"}
    assert {path for path, tree in trees.items() if _calls(tree, making)} == _MAKE_INDEXES


_MODEL = '''class CoachNote(Record):
    """What a coach notes about an athlete."""

    KEY: ClassVar[str] = "noteId"
    EXAMPLES: ClassVar[tuple[Mapping[str, Any], ...]] = ({"noteId": "n-1", "athleteId": "ana"},)

    noteId: Key
    """Tells it."""
    athleteId: Identity | None = None
    """Whom it is about."""
    text: str | None = None
    """The note."""
    createdAt: Instant | None = None
    """When it was written; later writes keep it."""
    updatedAt: Instant | None = None
    """When it was last written."""


'''
_COLLECTION = """COACH_NOTES = Collection(
    "coach_notes",
    model=CoachNote,
    indexes=(by("athleteId", "-createdAt"),),
    expiry=Expiry("createdAt", 400, least=30, reason="plans look back that far"),
    service=READ_INDEXES,
    coach=WRITE,
    reader=True,
    personal=Personal(athlete=("athleteId",), erased=Before("createdAt")),
)
"""


def test_a_sixth_collection_needs_a_model_and_a_declaration(house: Path) -> None:
    """Everything else follows: indexes, scripts, setting, dates, roles, commands, API, /mydata, /forgetme."""
    records = house / "bot/core/records"
    _insert(records / "models.py", "class WeeklyMetrics(Record):\n", _MODEL)
    _insert(records / "collections.py", "RUN_ARTIFACTS = Collection(\n", _COLLECTION)
    _insert(records / "collections.py", "    FeedbackRecord,\n", "    CoachNote,\n")
    _insert(records / "collections.py", "RUN_ARTIFACTS),\n", "COACH_NOTES, ")
    places = _places(house, "collection", "coach_notes")
    assert places.pop("setting") == 400
    assert places.pop("refused") == (
        "RETAIN_COACH_NOTES_DAYS: 29 days are too few; use 30 or more: plans look back that far"
    )
    assert places.pop("indexes") == ["noteId_1", "athleteId_1_createdAt_-1", "createdAt_1"]
    assert places.pop("dates") == ["createdAt", "updatedAt"]
    assert places.pop("merge") == ["createdAt", "updatedAt"]
    assert places.pop("lane") == "n-1"
    assert "remove" in places["roles"]["feedbackBot"]
    assert places.pop("roles").keys() == {
        "feedbackBot", "feedbackCoach", "feedbackReader", "feedbackSetup"
    }  # fmt: skip
    assert places.pop("found by") == {"athleteId": {"$in": ["ana", "7", 7]}}
    assert places.pop("examples") == ["one", "array"]
    assert [place for place, shown in places.items() if "coach_notes" not in json.dumps(shown)] == []


_PING = "        case Command.PING:\n            return CommandTexts(menu={!r}, help={!r})\n"
_PINGS = (
    ("core/facts/commands.py", "    STATS = ", '    PING = "ping", Audience.ATHLETES, Place.PRIVATE\n'),
    ("core/i18n/en.py", "        case Command.STATS:\n", _PING.format("Awake?", "says that I am awake")),
    ("core/i18n/es.py", "        case Command.STATS:\n", _PING.format("¿Despierto?", "dice que estoy")),
    ("core/i18n/pt.py", "        case Command.STATS:\n", _PING.format("Acordado?", "diz que estou")),
    ("services/chat/info_commands.py", "Command.STATS: ", "Command.PING: self._help, "),
)
_SHOW_PING = """
import json
from bot.core.facts.commands import Command
from bot.core.i18n.language import Language
from bot.core.people.menu import menus
from bot.core.people.texts import help_text
from bot.core.telegram.updates import CommandUpdate, is_refused
from bot.services.chat.info_commands import InfoCommands

ping = CommandUpdate(1, 7, 7, True, "ping", "")
found = menus({7}, (), lambda _: None)
print(json.dumps({
    "menus": [dict(found[who, app]).get("ping") for who in (7, None) for app in ("", "es")],
    "help": ["/ping says that I am awake" in help_text(Language.EN, admin=False),
             "/ping dice que estoy" in help_text(Language.ES, admin=False)],
    "refused": [is_refused(ping, is_athlete=it, is_admin=False) for it in (True, False)],
    "change": ping.is_change,
    "handled": ping.command in InfoCommands(None, None).handlers(),
}))
"""


def test_a_command_needs_a_declaration_a_handler_and_its_texts(house: Path) -> None:
    """Everything else follows: menus, /help, who is refused, and that it need not wait for its turn."""
    for name, before, added in _PINGS:
        _insert(house / "bot" / name, before, added)
    done = subprocess.run(
        [sys.executable, "-c", _SHOW_PING], cwd=house, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "menus": ["Awake?", "¿Despierto?", None, None],
        "help": [True, True],
        "refused": [False, True],
        "change": False,
        "handled": True,
    }


# Back-off and periodic work: bot/core/shared/backoff.py and bot/services/periodic.py.

# The store stands below the skeleton, and its loops end by themselves; the sandbox is a program of its own.
_OTHER_LOOPS = {
    "store/embedded/primary.py",
    "store/embedded/server.py",
    "store/mongodb/transactions.py",
}


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2].lstrip("_")


def _endless_loops(tree: ast.AST) -> Iterator[int]:
    """Lines where something is done again and again, with a sleep between."""
    for node in ast.walk(tree):
        if isinstance(node, ast.While) and isinstance(node.test, ast.Constant):
            calls = [it for it in ast.walk(node) if isinstance(it, ast.Call)]
            if any(_name(call) == "sleep" for call in calls):
                yield node.lineno


def _delays(tree: ast.AST) -> Iterator[int]:
    """Lines that reckon how long to wait after a failure: a bound over something that grows, or chance."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        products = [it for it in ast.walk(node) if isinstance(it, ast.BinOp)]
        grows = any(isinstance(it.op, ast.Mult | ast.Pow) for it in products)
        times = [it for it in ast.walk(node) if isinstance(it, ast.Name | ast.Attribute)]
        is_delay = any(
            re.search("delay|longest|backoff|yield", ast.unparse(it), re.IGNORECASE) for it in times
        )
        if (_name(node) == "min" and grows and is_delay) or ast.unparse(node.func) == "random.uniform":
            yield node.lineno


def _where(find: Callable[[ast.AST], Iterator[int]]) -> set[str]:
    """The modules outside the sandbox in which something is found."""
    modules = (path for path in ROOT.rglob("*.py") if ROOT / "sandbox" not in path.parents)
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in modules}
    return {str(path.relative_to(ROOT)) for path, tree in trees.items() if any(find(tree))}


def test_periodic_work_has_one_skeleton() -> None:
    """Whoever does something again and again hands a step to it, with an interval and a policy."""
    assert _where(_endless_loops) - _OTHER_LOOPS == {"services/periodic.py"}


def test_back_off_is_reckoned_once() -> None:
    """A use names its own policy, and does not reckon how a delay grows, or by which chance it is shorter."""
    assert _where(_delays) == {"core/shared/backoff.py"}


# A metric: bot/core/health/metrics.py, and where it is counted.


def test_a_metric_is_declared_once() -> None:
    """What Prometheus is shown is built of the declarations, and each of them is counted by somebody."""
    declared = {name for name, value in vars(metrics).items() if isinstance(value, CountMetric | CallMetric)}
    assert len(declared) == len(METRICS)  # none is forgotten
    used: set[str] = set()
    for path in ROOT.rglob("*.py"):
        if path != ROOT / "core/health/metrics.py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            used |= {it.id for it in ast.walk(tree) if isinstance(it, ast.Name)}
    assert declared <= used
    tree = ast.parse((ROOT / "metrics.py").read_text(encoding="utf-8"))
    counters = [it for it in ast.walk(tree) if isinstance(it, ast.Call) and _name(it) == "Counter"]
    assert len(counters) == 1
