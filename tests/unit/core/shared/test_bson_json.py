"""What MongoDB cannot store is refused by name; everything else comes through unchanged."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.shared.bson_json import MAX_BYTES, MAX_DEPTH, BadValue, check, dumps, loads, to_json

INTEGERS = st.integers(-(2**63), 2**63 - 1)
NAMES = st.text(max_size=5).filter(lambda name: not name.startswith("$") and "\x00" not in name)
LEAVES = (
    st.none()
    | st.booleans()
    | INTEGERS
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=6)
INSTANTS = st.datetimes(timezones=st.just(UTC)).filter(lambda at: 1 < at.year < 9999)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.binary(max_size=3)
    | st.datetimes()
    | st.datetimes(timezones=st.timezones())
    | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(st.characters(), max_size=3) | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=8,
)


def nested(levels: int) -> Any:
    """An array of so many levels."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def unfolding(levels: int) -> Any:
    """A small value that holds itself twice at every level."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value, value]
    return value


def endless() -> Any:
    """A value that holds itself."""
    value: list[Any] = []
    value.append(value)
    return value


def outcome(call: Callable[[], object]) -> BadValue | None:
    """The refusal that a call ends with, if it does."""
    try:
        call()
    except BadValue as error:
        return error
    return None


def refusal(call: Callable[[], object]) -> BadValue:
    """The refusal that a call ends with."""
    with pytest.raises(BadValue) as caught:
        call()
    assert str(caught.value) == ": ".join(filter(None, (caught.value.path, caught.value.problem)))
    return caught.value


@given(VALUES)
def test_valid_json_is_read_like_the_standard_library_reads_it(value: Any) -> None:
    """Nothing valid is refused or changed, whether text or bytes."""
    text = json.dumps(value, ensure_ascii=False)
    assert repr(loads(text)) == repr(json.loads(text)) == repr(loads(text.encode()))
    check(value)


@given(st.text(st.characters()) | st.binary() | st.text(alphabet='{}[]",:0\\ud8e9$.aNI- '))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    """There is no third outcome than a value or a `BadValue`."""
    error = outcome(lambda: loads(text))
    assert error is None or str(error).isprintable()


@given(ANYTHING)
def test_any_value_is_allowed_or_refused(value: object) -> None:
    """What `check` allows, BSON can encode and JSON can say; the rest is a `BadValue`."""
    error = outcome(lambda: check({"value": value}))
    if error is None:
        bson.encode({"value": value})
        assert loads(dumps({"value": value})) == to_json({"value": value})
    else:
        assert error.path.startswith("value")


@pytest.mark.parametrize(
    ("text", "path", "problem"),
    [
        ('{"a": 1, "errors": [0, {"code": 1, "code": 2}]}', "errors[1].code", "more than once"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "a.b", "more than once"),
        ('{"a": [NaN]}', "a[0]", "NaN"),
        ('{"a": -Infinity}', "a", "Infinity"),
        ('{"a": 1e999}', "a", "Infinity"),
        ('{"a": 9223372036854775808}', "a", "64 bits"),
        ('{"a": -9223372036854775809}', "a", "64 bits"),
        ('{"a": ' + "9" * 5000 + "}", "a", "64 bits"),
        ('{"a": ["\\ud800"]}', "a[0]", "surrogate"),
        ('{"a": {"\\udc00x": 1}}', 'a["\\udc00x"]', "surrogate"),
        ('{"a": {"b\\u0000": 1}}', 'a["b\\u0000"]', "NUL"),
        ('{"a": [{"$set": 1}]}', 'a[0]["$set"]', "start with $"),
        ('{"$where": 1}', '["$where"]', "start with $"),
        ("[" * 100_000, "", "deeper than 100"),
        ("[" * 101 + "]" * 101, "[0]" * 100, "deeper than 100"),
        ('{"a": 1', "", "line 1, column 8"),
        ("", "", "line 1, column 1"),
        ('{"a": 1}\n{', "", "line 2, column 1"),
        (b'{"a": "\xff"}', "", "not UTF-8 at byte 8"),
        ('{"a": "\n"}', "", "not JSON"),
        ("{'a': 1}", "", "not JSON"),
    ],
)
def test_bad_json_is_refused_by_field(text: str | bytes, path: str, problem: str) -> None:
    """The refusal names the way to the field and what is wrong."""
    error = refusal(lambda: loads(text))
    assert error.path == path
    assert problem in error.problem


@pytest.mark.parametrize(
    "text",
    [
        '{"a.b": 1, "": 2, "a$": 3}',
        '{"a": [9223372036854775807, -9223372036854775808]}',
        '{"a": "\\u0000 \\ud83d\\ude00"}',
        "[" * MAX_DEPTH + "]" * MAX_DEPTH,
        "5",
    ],
)
def test_what_mongodb_can_store_is_read(text: str) -> None:
    """Dots, empty names, NUL in text, the outermost integers and the last level are all allowed."""
    assert loads(text) == json.loads(text)


def test_a_byte_order_mark_is_skipped() -> None:
    """Windows tools put one before the first line."""
    assert loads("\ufeff{}") == loads(b"\xef\xbb\xbf{}") == {}


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    [
        ({"a": [(1,)]}, "a[0]", "a Python tuple cannot be stored"),
        ({"a": date(2026, 2, 16)}, "a", "YYYY-MM-DD"),
        ({"a": datetime(2026, 2, 16)}, "a", "no offset"),  # noqa: DTZ001
        ({"a": datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))}, "a", "years 1 to 9999"),
        ({"a": {1: 2}}, "a[1]", "a field name must be text"),
        ({"a": {None: 2}}, "a[?]", "a field name must be text"),
        ({"a": b"x"}, "a", "a Python bytes"),
        ({"a": 2**63}, "a", "64 bits"),
        (endless(), "[0]" * 100, "deeper"),
        (nested(MAX_DEPTH + 1), "[0]" * 100, "deeper"),
    ],
)
def test_bad_python_values_are_refused_by_field(value: object, path: str, problem: str) -> None:
    """Python callers get the same refusals, for what JSON cannot hold as well."""
    error = refusal(lambda: check(value))
    assert error.path == path
    assert problem in error.problem


@given(DOCUMENTS, INSTANTS)
def test_the_size_is_that_of_bson(document: dict[str, Any], instant: datetime) -> None:
    """The limit is compared with the very number of bytes that MongoDB sees."""
    document = {**document, "at": instant}
    size = len(bson.encode(document))
    text = json.dumps({**document, "at": "x" * 3})
    loads(text, max_bytes=size)
    assert "larger than" in refusal(lambda: loads(text, max_bytes=size - 1)).problem


def test_a_document_may_have_sixteen_megabytes_and_no_byte_more() -> None:
    """The last byte that MongoDB takes is the last that is allowed."""
    fits = {"a": "x" * (MAX_BYTES - len(bson.encode({"a": ""})))}
    check(fits)
    too_big = {"a": fits["a"] + "x"}
    assert refusal(lambda: check(too_big)).path == ""
    assert loads(json.dumps(too_big), max_bytes=None) == too_big


def test_a_small_value_that_unfolds_to_something_huge_is_refused_soon() -> None:
    """Two references a level are 2**99 arrays."""
    assert "larger than" in refusal(lambda: check(unfolding(MAX_DEPTH))).problem


@given(DOCUMENTS)
def test_a_document_is_one_line_that_reads_back(document: dict[str, Any]) -> None:
    """However lines are split, a document stays on one; and it comes back the same."""
    line = dumps(document)
    assert line.splitlines() == [line]
    assert repr(loads(line)) == repr(dict(sorted(document.items())))
    assert dumps(dict(reversed(document.items()))) == line


@pytest.mark.parametrize("beside", ["", "é", "🏃\u200d♀️"])
def test_a_document_says_nothing_to_a_terminal(beside: str) -> None:
    """Controls, the ones beyond ASCII too, are escaped in names and values, and read back."""
    document = {
        f"a{chr(code)}{beside}": f"{beside}{chr(code)}[2J" for code in (*range(1, 32), *range(0x80, 0xA0))
    }
    line = dumps(document)
    assert not [c for c in line if unicodedata.category(c) == "Cc"]
    assert loads(line) == document


def test_instants_are_utc_with_milliseconds() -> None:
    """At any level, from any zone; letters stay readable."""
    at = datetime(2026, 2, 16, 19, 42, 58, 123_999, tzinfo=timezone(timedelta(hours=1)))
    assert dumps({"b": "ñ", "a": [at]}) == '{"a":["2026-02-16T18:42:58.123Z"],"b":"ñ"}'


@pytest.mark.parametrize("value", [float("nan"), datetime(2026, 2, 16), {1, 2}, endless()])  # noqa: DTZ001
def test_what_json_cannot_say_is_named(value: object) -> None:
    """A stored document that cannot be shown is refused with the field's name."""
    assert refusal(lambda: dumps({"deep": [value]})).path.startswith("deep[0]")
