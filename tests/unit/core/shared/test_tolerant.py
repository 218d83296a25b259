"""Values that anybody may have written."""

from __future__ import annotations

import pytest

from bot.core.shared.tolerant import is_invisible, is_partly_unfilled, is_unfilled, read_int64, read_whole


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7), (-7, -7), (0, 0), (7.0, 7), (2**70, 2**70), (7.5, None), (True, None), (False, None),
        (float("nan"), None), (float("inf"), None), ("7", None), (None, None), ([7], None),
    ],
)  # fmt: skip
def test_whole_numbers(value: object, number: int | None) -> None:
    """Doubles that are whole count; text and truth values do not."""
    assert read_whole(value) == number
    assert type(read_whole(value)) is (int if number is not None else type(None))


@pytest.mark.parametrize(
    ("value", "number"),
    [(2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)), (2**63, None), (7.0, None), (True, None), ("7", None)],
)
def test_numbers_that_can_be_stored(value: object, number: int | None) -> None:
    """Those of 64 bits."""
    assert read_int64(value) == number


@pytest.mark.parametrize(
    "text", ["", " \n", "\u200b", "\u200c\u200d\ufeff\u2060", "\u00ad", "\u3164\u2800", "\ufe0f"]
)
def test_what_cannot_be_seen(text: str) -> None:
    """Spaces, and characters that take none."""
    assert is_invisible(text)


@pytest.mark.parametrize("text", ["a", "-", "🏃", "\u200bx\u200b", "走", "🏃\u200d♂\ufe0f"])
def test_what_can_be_seen(text: str) -> None:
    """One character is enough."""
    assert not is_invisible(text)


@pytest.mark.parametrize(
    "text",
    [
        "undefined", "Undefined", " null\n", "NULL", "NaN", "nan", "[object Object]", "[OBJECT object]",
        "NaN km", "undefined min", "null - null", "undefined/undefined",
        "[object Object],[object Object]", "\u200bnull",
        "{{ $json.activity }}", "={{ $json.runId }}", "{{a}} km", "${activity}", "...", " \u2026 ", ".",
        "{{ $json.day }} - {{ $json.what }}",
    ],
)  # fmt: skip
def test_texts_of_missing_values(text: str) -> None:
    """As programs write them, in whatever case, also several and with a unit."""
    assert is_unfilled(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        "nullable",
        "Nan's run",
        "undefined run",
        "8 km",
        "undefined-1",
        "{easy}",
        "$5",
        "Run {{x}}",
    ],
)
def test_texts_of_values(text: str) -> None:
    """Something else stands there."""
    assert not is_unfilled(text)


@pytest.mark.parametrize(
    ("text", "is_partly"),
    [
        ("Run undefined km", True), ("Undefined pace", True), ("Tempo NaN min", True), ("(null) easy", True),
        ("[object Object] run", True), ("nan km", True),
        ("Nan's run", False), ("Visit nan", False), ("NULL hypothesis", False), ("nullable", False),
        ("undefinedly", False), ("None", False), ("8 km", False), ("", False),
    ],
)  # fmt: skip
def test_missing_values_as_words(text: str, is_partly: bool) -> None:
    """Beside other words as programs write them; real words stay."""
    assert is_partly_unfilled(text) is is_partly
