"""Records are told apart whatever the layout, however the bytes come, and whatever is broken beside them."""

from __future__ import annotations

import io
import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core.records.collections import parse
from bot.core.shared.bson_json import MAX_BYTES, BadValue, decode, skim
from bot.records_io import reading
from bot.records_io.reading import Element, ReadingFlaw, read_elements
from tests.unit.core.shared.test_bson_json import DOCUMENTS, VALUES


class Pieces(io.BytesIO):
    """A pipe that gives its bytes in pieces of any size."""

    def __init__(self, data: bytes, seed: int) -> None:
        super().__init__(data)
        self._rng = random.Random(seed)

    def read(self, _size: int | None = -1, /) -> bytes:
        """Some bytes, the first few one by one."""
        size = 1 if self.tell() < 8 else self._rng.randint(1, 40)
        return super().read(size)


def read(data: bytes | str, seed: int | None = None) -> list[tuple[str, Any]]:
    """Place and value of everything in an input; flaws with their problem."""
    raw = data.encode() if isinstance(data, str) else data
    source = io.BytesIO(raw) if seed is None else Pieces(raw, seed)
    return [
        (str(found.place), found.value if isinstance(found, Element) else found.problem)
        for found in read_elements(source)
    ]


def outcomes(data: str | bytes) -> list[str]:
    """What a reader of weeks makes of an input: the week, or the flaw as a line."""
    lines = []
    for element in read_elements(io.BytesIO(data.encode() if isinstance(data, str) else data)):
        if isinstance(element, ReadingFlaw):
            lines.append(str(element))
            continue
        try:
            lines.append(parse("weekly_metrics", element.value).to_update_fields()["weekStart"])
        except BadValue as error:
            lines.append(f"{element.place}: {error}")
    return lines


def week(number: int, **more: object) -> str:
    """A small document."""
    return json.dumps({"weekStart": f"2026-01-{number:02}", **more})


LAYOUTS: dict[str, Callable[[list[Any]], str]] = {
    "lines": lambda values: "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values),
    "no final newline": lambda values: "\n".join(map(json.dumps, values)),
    "crlf and blank lines": lambda values: "\r\n \r\n".join(map(json.dumps, values)),
    "array": json.dumps,
    "array without blanks": lambda values: json.dumps(values, separators=(",", ":")),
    "pretty array": lambda values: json.dumps(values, indent=2),
    "array, indent 0": lambda values: json.dumps(values, indent=0),
    "array, tabs": lambda values: json.dumps(values, indent="\t") + "\n",
    "array of lines": lambda values: "[" + ",\n".join(map(json.dumps, values)) + "]\n",
    "array with commas first": lambda values: "[ " + "\n, ".join(map(json.dumps, values)) + "\n]",
    "pretty objects": lambda values: "\n".join(json.dumps(value, indent=2) for value in values),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=40)
@given(values=st.lists(DOCUMENTS, max_size=5), seed=st.integers(0, 99), mark=st.booleans())
@example(values=[{"a": [{"b": 1}, {"c": '}]{[\\"'}]}, {"d": {"e": {}}}], seed=1, mark=True)
def test_every_layout_is_read(layout: str, values: list[Any], seed: int, mark: bool) -> None:
    """Whatever the layout and the size of the pieces, the records are those that were written."""
    text = ("\ufeff" if mark else "") + LAYOUTS[layout](values)
    assert [value for _, value in read(text, seed)] == values


@given(values=st.lists(VALUES, min_size=1, max_size=5), seed=st.integers(0, 99))
def test_elements_of_any_type_are_told_apart(values: list[Any], seed: int) -> None:
    """An array may hold what is no record: it is for others to refuse it."""
    for text in (json.dumps(values), json.dumps(values, indent=2)):
        assert [value for _, value in read(text, seed)] == values


@given(data=st.binary(max_size=200) | st.text(alphabet='{}[]",:\\ \n1a', max_size=60).map(str.encode))
def test_any_bytes_are_read_to_the_end(data: bytes) -> None:
    """There is always an end, and pieces of other sizes give the same records."""
    found = [
        [
            (str(e.place), repr(e.value) if isinstance(e, Element) else e.problem)
            for e in read_elements(source)
        ]
        for source in (io.BytesIO(data), Pieces(data, 1), Pieces(data, 2))
    ]
    assert found[0] == found[1] == found[2]


GOOD = [week(number, note="x{[") for number in range(1, 8)]
BROKEN = (
    '{"weekStart": "2026-02-01", "no',
    '{"weekStart": "2026-02-01"',
    '{"weekStart": "2026-02-01", "x": [',
    '{"weekStart": "2026-02-01", "x": [1, ',
    '{"weekStart": "2026-02-01", "x": ',
    '{"weekStart": "2026-02-01", "x": {"y": 1}',
    '{"weekStart": "2026-02-01", "x": [1}',
    '{"weekStart": "2026-02-01"}}',
    '{"weekStart": "2026-02-01"} {"weekStart": "2026-02-02"}',
    'art": "2026-02-01"}',
    "]",
    "}",
    "[",
    "null",
    '"text',
    "not JSON at all",
    "{",
)


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_broken_line_costs_itself_only(broken: str, place: int) -> None:
    """Its neighbours are read, and it is named by its line."""
    lines = [*GOOD[:place], broken, *GOOD[place:]]
    if place == 0 and broken == "[":
        return  # then it is an array
    found = outcomes("\n".join(lines) + "\n")
    assert len(found) == len(lines)
    assert [line for line in found if line.startswith("2026")] == [f"2026-01-0{n}" for n in range(1, 8)]
    assert found[place].startswith(f"line {place + 1}: ")


@given(lines=st.lists(st.sampled_from([*BROKEN, *GOOD]), max_size=12).filter(lambda x: x[:1] != ["["]))
def test_many_broken_lines_cost_no_good_one(lines: list[str]) -> None:
    """Each good line is read, in order, but one in which a broken one goes on by the rules of JSON."""
    expected = [json.loads(line)["weekStart"] for line in lines if line in GOOD]
    found = [line for line in outcomes("\n".join(lines)) if line.startswith("2026-01")]
    if not any(line.endswith(("[", "[1, ", ": ", "{")) for line in lines):
        assert found == expected


@pytest.mark.parametrize("layout", ["pretty array", "array of lines", "pretty objects", "array, tabs"])
@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize(
    ("old", "new"),
    [('"B"', '"B'), ('"B"', "B"), ('"B"', '"B"]'), ('"B"', '{"B"'), ('"B"', ""), ('"B"', '["B"')],
)
def test_a_broken_element_costs_itself_only(layout: str, place: int, old: str, new: str) -> None:
    """In a laid out array, or between pretty-printed objects, the others are read."""
    values = [
        {"weekStart": f"2026-01-0{n}", "a": [{"x": {"y": "B" if n == place + 1 else "-"}}, 2], "b": {"c": []}}
        for n in range(1, 6)
    ]
    found = outcomes(LAYOUTS[layout](values).replace(old, new))
    good = [f"2026-01-0{n}" for n in range(1, 6) if n != place + 1]
    assert [line for line in found if line.startswith("2026")] == good
    assert any("not JSON at " in line for line in found)
    assert len(found) <= 6


@pytest.mark.parametrize("begin", ["[\n", ""])
def test_parts_of_a_broken_object_are_no_records(begin: str) -> None:
    """Where no indentation tells them from the next record, nothing more is read, and that is said."""
    separator = ",\n" if begin else "\n"
    values = [{"weekStart": f"2026-01-0{n}", "a": [{"weekStart": f"2026-02-0{n}"}]} for n in range(1, 4)]
    objects = [json.dumps(value, indent=0) for value in values]
    objects[1] = objects[1].replace('"2026-01-02"', '"2026-01-02')
    found = outcomes(begin + separator.join(objects) + ("\n]" if begin else ""))
    assert found[0] == "2026-01-01"
    assert "not JSON at line" in found[1]
    assert len(found) == 3
    assert "not read" in found[2] or "never closed" in found[2]


@pytest.mark.parametrize(
    "broken",
    [
        '{\n"a": bad\n}',
        '{\n"a": [\n{\n"weekStart": "2026-02-01"\n}\n{\n"weekStart": "2026-02-02"\n}\n],\n"b": "}\\""\n}',
        '{\r\n"a": "{",\r\n\r\n"b": {}}\r\n',
    ],
)
@pytest.mark.parametrize("seed", [None, 1])
def test_a_broken_object_without_indentation_costs_itself_only(broken: str, seed: int | None) -> None:
    """It ends where its brackets say so; what is within it is no record."""
    broken = broken.replace(": {}", ": {} {}")
    found = read(f'{{\n"c": 1\n}}\n{broken}\n{{\n"c": 2\n}}\n{{"c": 3}}\n', seed)
    assert [value for _, value in found if isinstance(value, dict)] == [{"c": 1}, {"c": 2}, {"c": 3}]
    assert found[1][0] == "line 4"
    assert "not JSON at line" in found[1][1]
    assert len(found) == 4


@pytest.mark.parametrize(
    "broken",
    [
        '{\n"a": bad", "b": [\n{"weekStart": "2026-02-01"},\n{"weekStart": "2026-02-02"}\n]\n}',
        '{\n"a": [{"b": bad}]},\n{"weekStart": "2026-02-01"}\n]\n}',
        '{\n"a":\n{"weekStart": "2026-02-01"},\n{"weekStart": "2026-02-02"}\n]\n}',
        '{\n"a": {\n"b": 1,\n}',
        '{\n"a": "b\\"\n}',
    ],
)
def test_where_brackets_are_not_in_order_nothing_more_is_read(broken: str) -> None:
    """A part of the broken object would be taken for a record."""
    found = read(f'{{"c": 1}}\n{broken}\n{{"c": 2}}\n')
    assert found[0] == ("line 1", {"c": 1})
    assert [place for place, _ in found[1:]] == ["line 2", "line 2"]
    assert "not read" in found[2][1]


BLOCKS = {
    "arrays": '{"a":[\n' + "1," * 500 + "\n",
    "objects": '{"a":\n',
    "pretty": '{\n "a": [\n' + "1," * 500 + "\n",
}


@pytest.mark.parametrize("name", BLOCKS)
def test_work_grows_with_the_input_only(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many broken lines open an object in which the rest may go on, little is decoded twice."""
    monkeypatch.setattr(reading, "_CHUNK", 256)
    done = 0

    def counted(decoder: Callable[[str, int], tuple[Any, int]]) -> Callable[..., tuple[Any, int]]:
        def count(text: str, begin: int = 0) -> tuple[Any, int]:
            nonlocal done
            try:
                value, end = decoder(text, begin)
            except json.JSONDecodeError as error:
                done += error.pos - begin
                raise
            except BadValue:
                done += len(text) - begin
                raise
            done += end - begin
            return value, end

        return count

    monkeypatch.setattr(reading, "decode", counted(decode))
    monkeypatch.setattr(reading, "skim", counted(skim))
    for blocks in (20, 80, 320, 1280):
        done, data = 0, BLOCKS[name] * blocks + GOOD[0] + "\n"
        found = read(data)
        assert found[-1] == (f"line {data.count(chr(10))}", json.loads(GOOD[0]))
        assert blocks < len(found)
        assert done < 20 * len(data)


UNTERMINATED = "Unterminated string starting at"
NO_NAME = "Expecting property name enclosed in double quotes"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \r\n\n \t", []),
        ("\ufeff", []),
        ("[]", []),
        (" [ \n ] \n", []),
        (f"[{week(1)},]", ["2026-01-01", "line 1: a comma with no element after it; remove it"]),
        (f"[,{week(1)}]", ["line 1: a comma with no element before it; remove it", "2026-01-01"]),
        (
            f"[{week(1)}\n{week(2)}]",
            ["2026-01-01", "line 2, element 2: the comma before it is missing", "2026-01-02"],
        ),
        (
            f"[{week(1)}]\n{week(2)}",
            ["2026-01-01", "line 2: what follows the end of the array is not read; give one array, or lines"],
        ),
        (
            f"\n[{week(1)},",
            ["2026-01-01", "line 2: the array is never closed; is the input complete? What it lacks is lost"],
        ),
        (
            f'[{week(1)}, {{"weekSt',
            [
                "2026-01-01",
                f"line 1, element 2: not JSON at column 32 ({UNTERMINATED}); is it complete?",
                "line 1: the array is never closed; is the input complete? What it lacks is lost",
            ],
        ),
        (
            f"[{week(1)}, 5, {week(2)}]",
            [
                "2026-01-01",
                "line 1, element 2: a document must be an object, not a number",
                "2026-01-02",
            ],
        ),
        (
            f"[{week(1)}, {{}}, {week(2)}]",
            ["2026-01-01", "line 1, element 2: weekStart: is missing", "2026-01-02"],
        ),
        (
            '{\n "weekStart": "2026-01-01",\n "x": tru\n}\n' + week(2),
            [
                "line 1: not JSON at line 3, column 7 (Expecting value); is it complete?",
                "2026-01-02",
            ],
        ),
        (
            '{"a": [\n{',
            [
                "line 1: not JSON at column 8 (Expecting value); is it complete?",
                f"line 2: not JSON at column 2 ({NO_NAME}); is it complete?",
            ],
        ),
        (
            week(1) + "\n" + week(2, runCount=-1),
            ["2026-01-01", "line 2: runCount: must not be negative"],
        ),
    ],
)
def test_flaws_are_named_by_line(text: str, expected: list[str]) -> None:
    """The message says where and what; what can be read is read."""
    assert outcomes(text) == expected


def test_other_encodings_are_refused_with_the_cure() -> None:
    """UTF-16, as some editors save it, and Latin-1."""
    assert all("save the text as UTF-8" in line for line in outcomes(week(1).encode("utf-16")))
    latin = (week(1) + "\n").encode() + '{"weekStart": "Jänner"}\n'.encode("latin-1") + week(2).encode()
    assert outcomes(latin)[1] == "line 2: not UTF-8 at byte 17; save the text as UTF-8"
    assert outcomes(latin)[::2] == ["2026-01-01", "2026-01-02"]


LONG = "x" * 5000


@pytest.mark.parametrize(
    "text",
    [
        f'{GOOD[0]}\n{{"a": "{LONG}"}}\n{GOOD[1]}\n',
        f'{GOOD[0]}\n{{"a": "{LONG}\n{GOOD[1]}\n',
        f"{GOOD[0]}\n{LONG}\n{GOOD[1]}",
        f'[\n{GOOD[0]},\n{{"a": "{LONG}\n,{GOOD[1]}]',
        f'{GOOD[0]}\n{{\n "a": "{LONG}",\n "b": [\n  {{}}\n ]\n}}\n{GOOD[1]}\n',
        f'{GOOD[0]}\n{{\n "a": "{LONG}",\n "b": [\n  {{\n}}\n{GOOD[1]}\n',
        f'[\n {GOOD[0]},\n {{\n "a": "{LONG}" ]\n }},\n {GOOD[1]}\n]',
    ],
)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_record_that_is_too_long_costs_itself_only(
    text: str, seed: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named by its line, and its text is not kept."""
    monkeypatch.setattr(reading, "MAX_TEXT", 1000)
    monkeypatch.setattr(reading, "_CHUNK", 256)
    found = read(text, seed)
    assert [value for _, value in (found[0], found[-1])] == [json.loads(line) for line in GOOD[:2]]
    assert len(found) == 3
    assert "longer than" in found[1][1]


@pytest.mark.parametrize("element", [f'{{"a": "{LONG}", "b": [{{"c": "\\""}}]}}', f"[[{'1, ' * 2000} 5]]"])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_in_an_array_on_one_line_nothing_is_read_after_what_is_too_long(
    element: str, seed: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing tells where the next element begins; both are said."""
    monkeypatch.setattr(reading, "MAX_TEXT", 1000)
    monkeypatch.setattr(reading, "_CHUNK", 256)
    first, *others = read(f"[{GOOD[0]}, {element}, {GOOD[1]}]", seed)
    assert first == ("line 1, element 1", json.loads(GOOD[0]))
    assert [(place, flaw.split(";")[0].split(" bytes")[0]) for place, flaw in others] == [
        ("line 1, element 2", f"longer than {6 * MAX_BYTES:,}"),
        ("line 1", "the array is never closed"),
    ]


class Endless(io.RawIOBase):
    """A gigabyte would be too slow; but it is far more than is ever held."""

    def __init__(self, head: bytes, body: bytes, times: int) -> None:
        super().__init__()
        self._pieces = iter([head, *[body] * times])

    def read(self, _size: int = -1, /) -> bytes:
        """The next piece."""
        return next(self._pieces, b"")


def _endless() -> Iterator[tuple[str, Endless]]:
    document = week(1, note="x" * 200).encode()
    yield "lines", Endless(b"", (document + b"\n") * 100, 200)
    yield "one line", Endless(b"[" + document, (b"," + document) * 100, 200)
    yield "one string", Endless(b'[{"a": "', b"x" * 20_000, 400)
    yield "one number", Endless(b"[1", b"1" * 20_000, 400)
    yield "one array", Endless(b"[[", b"[1]," * 5000, 30)
    yield "blank", Endless(b"[", b" \n" * 10_000, 400)
    yield "garbage", Endless(b"garbage", b"garbage" * 3000, 400)


def _peak(source: Endless) -> int:
    """The most bytes that are held while everything is read."""
    tracemalloc.start()
    try:
        for _ in read_elements(source):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [name for name, _ in _endless()])
def test_memory_does_not_grow_with_the_input(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Megabytes of anything are read in about one."""
    monkeypatch.setattr(reading, "MAX_TEXT", 100_000)
    peak = _peak(dict(_endless())[name])
    # Of arrays in an array the brackets are kept, to find the end.
    assert peak < (3_000_000 if name == "one array" else 2_000_000)


@pytest.mark.parametrize("begin", ["", "["])
def test_other_characters_than_ascii_take_no_more_memory(begin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One emoji does not make every character of a long text four bytes."""
    monkeypatch.setattr(reading, "MAX_TEXT", 2_000_000)
    peaks = [
        _peak(Endless(f'{begin}{{"a": "{sign}'.encode(), b"x" * 20_000, 400)) for sign in ("-", "\U0001f600")
    ]
    assert peaks[1] < 1.2 * peaks[0], peaks


FENCED = {
    "fence alone": "```json\n{}\n```",
    "without a name, no end of line": "```\n{}```",
    "tildes": "~~~ json\n{}\n~~~\n",
    "on one line": "```json {} ```",
    "longer fence": "````json\n{}\n````",
    "text round it": 'Here is the week (as "JSON"):\n\n```json\n{}\n```\n\nTell me if you want another one!',
    "after a colon": "Sure: ```json\n{}\n```",
    "never closed": "```json\n{}\n",
    "indented": "  ```json\n  {}\n  ```",
    "carriage returns": "Here:\r\n```json\r\n{}\r\n```\r\n",
    "another fence without JSON": "```json\n{}\n```\nRun\n```sh\nfeedback-bot write\n```\n",
}


@pytest.mark.parametrize(
    ("layout", "records"),
    [(layout, records) for layout in FENCED for records in ([1] if "one line" in layout else [1, 3])],
)
def test_a_markdown_fence_is_taken_off(layout: str, records: int) -> None:
    """What language models write round JSON is no part of it, and that it was taken off is said once."""
    documents = [week(n, note="a ``` and a ~~~ in a text: é") for n in range(1, records + 1)]
    for inside in ("\n".join(documents), f"[{', '.join(documents)}]"):
        text = FENCED[layout].replace("{}", inside)
        for source in (io.BytesIO(text.encode()), Pieces(text.encode(), 3)):
            found = list(read_elements(source))
            assert [it.value for it in found if isinstance(it, Element)] == [json.loads(d) for d in documents]
            readings = [it.reading for it in found if isinstance(it, Element)]
            assert readings == ["took off the text round its JSON", *[None] * (records - 1)]


def test_lines_keep_their_numbers_in_a_fence() -> None:
    """What is wrong is told by the line of the input."""
    text = f"Here:\n\n```json\n{week(1)}\n{{oops\n{week(2)}\n```\n"
    places = [str(found.place) for found in read_elements(io.BytesIO(text.encode()))]
    assert places == ["line 4", "line 5", "line 6"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"```json\n{week(1)}\n```\nor\n```json\n{week(2)}\n```", "more than one part"),
        (f"Hello\n{week(1)}\n```json\n{week(2)}\n```", "more than one part"),
        (f"```json\n{week(1)}\n```\n{week(2)}\n", "more than one part"),
        ("```\nweekStart: 2026-01-05\n```", "none in its fences"),
        (f"{week(1)}\n```\n", "a Markdown fence"),
        (f"[{week(1)}]\n```\n", "a Markdown fence"),
    ],
)
def test_fences_that_leave_a_choice_are_named(text: str, problem: str) -> None:
    """Where more than one reading is possible nothing is guessed, and the fence is named."""
    flaws = [it.problem for it in read_elements(io.BytesIO(text.encode())) if isinstance(it, ReadingFlaw)]
    assert len(flaws) == 1
    assert problem in flaws[0]
