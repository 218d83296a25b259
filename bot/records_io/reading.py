"""Bytes -> the records in them, one at a time, each with its place; memory does not grow with the input.

What the input is follows from its first character that is no blank (a byte order mark is skipped):

- `[`: one JSON array, in any layout.
- anything else: one record a line (NDJSON). A line that opens an object and does not close it goes on in
  the next lines, so that pretty-printed objects, one or several, are read too.

A broken record costs no other one. After a broken line, reading goes on with the next line; in an array, and
after an object that was pretty-printed with a line of its own for `{`, with the next line that opens an
object no deeper indented than the broken one. Only in an array that stands on one line may it be impossible
to tell where the next element begins; then the array counts as never closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bot.core.shared.bson_json import BadValue
from bot.records_io.scanner import MAX_TEXT, ByteSource, Scanner

_BOM = b"\xef\xbb\xbf"
_OBJECT, _ARRAY, _ARRAY_END, _COMMA = b"{[],"
_NOT_JSON = re.compile(r"not JSON at line ([0-9]+), column ([0-9]+)")
_TOO_LONG = f"longer than {MAX_TEXT:,} bytes, which no document in MongoDB can be; split it"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands in its input.

    Attributes:
        line: on which it begins, from 1.
        number: which element of the array it is, from 1; None in an input of lines.
    """

    line: int
    number: int | None = None

    def __str__(self) -> str:
        return f"line {self.line}" if self.number is None else f"line {self.line}, element {self.number}"


@dataclass(frozen=True, slots=True)
class ReadingFlaw:
    """Something in the input that cannot be used; the problem is a sentence that names field and cure."""

    place: Place
    problem: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Element:
    """One record as it came, JSON most likely.

    Attributes:
        column: bytes before it on its line.
        raw: its text.
    """

    place: Place
    column: int
    raw: bytes

    def flaw(self, error: BadValue) -> ReadingFlaw:
        """What is wrong with it; lines and columns are those of the input."""

        def absolute(found: re.Match[str]) -> str:
            line, column = int(found[1]), int(found[2])
            if line == 1:  # that of the place
                return f"not JSON at column {column + self.column}"
            return f"not JSON at line {self.place.line + line - 1}, column {column}"

        problem = _NOT_JSON.sub(absolute, error.problem) if not error.path else str(error)
        return ReadingFlaw(self.place, problem)


def read_elements(source: ByteSource) -> Iterator[Element | ReadingFlaw]:
    """Everything in the input, in order; nothing if it is empty. Raises what `source` raises."""
    scanner = Scanner(source)
    scanner.skip_mark(_BOM)
    return _elements_of_array(scanner) if scanner.skip_blanks() == _ARRAY else _lines(scanner)


def _lines(scanner: Scanner) -> Iterator[Element | ReadingFlaw]:
    while (first := scanner.skip_blanks()) is not None:
        place, column = Place(scanner.line), scanner.column
        end = scanner.line_end(scanner.pos)
        if end is None:
            yield ReadingFlaw(place, _TOO_LONG)
            scanner.skip_line()
            continue
        line = scanner.text(end)
        if first == _OBJECT and not _looks_closed(line):
            yield _spread(scanner, line)
        else:
            yield Element(place, column, line)
            scanner.advance(end)


def _looks_closed(line: bytes) -> bool:
    """Whether an object seems to end on its line; much quicker than to look, and right but for odd texts."""
    return (
        line.rstrip().endswith(b"}")
        and line.count(b"{") == line.count(b"}")
        and line.count(b"[") == line.count(b"]")
    )


def _spread(scanner: Scanner, first_line: bytes) -> Element | ReadingFlaw:
    """An object over several lines, or a line that is broken."""
    place, column, start = Place(scanner.line), scanner.column, scanner.pos
    verdict, end = scanner.bracketed_end()
    if verdict == "closed" and (line_end := scanner.line_end(end)) is not None:
        end = line_end
    elif verdict == "broken" and first_line.rstrip() != b"{":
        end = start + len(first_line)
    element = Element(place, column, scanner.text(end))
    scanner.advance(end)
    if verdict == "dropped":
        scanner.skip_line()
    elif end != start + len(first_line) and "broken" in verdict:
        scanner.skip_to_record(column, b"{")
    return ReadingFlaw(place, _TOO_LONG) if "dropped" in verdict else element


def _elements_of_array(scanner: Scanner) -> Iterator[Element | ReadingFlaw]:
    opening, number = Place(scanner.line), 0
    before: Literal["bracket", "comma", "element", "broken"] = "bracket"
    scanner.advance(scanner.pos + 1)
    while (sign := scanner.skip_blanks()) not in (None, _ARRAY_END):
        if sign == _COMMA:
            if before in ("bracket", "comma"):
                yield ReadingFlaw(Place(scanner.line), "a comma with no element before it; remove it")
            before = "comma"
            scanner.advance(scanner.pos + 1)
            continue
        number += 1
        place = Place(scanner.line, number)
        if before == "element":
            yield ReadingFlaw(place, "the comma before it is missing")
        before = "element"
        column = scanner.column
        verdict, end = (
            scanner.bracketed_end() if sign in (_OBJECT, _ARRAY) else ("closed", scanner.scalar_end())
        )
        yield (
            ReadingFlaw(place, _TOO_LONG)
            if "dropped" in verdict
            else Element(place, column, scanner.text(end))
        )
        scanner.advance(end)
        if "broken" in verdict:
            before = "broken"
            scanner.skip_to_record(column, b"{", b"]")
    if sign is None:
        problem = "the array is never closed; is the input complete? What it lacks is lost"
        yield ReadingFlaw(opening, problem)
        return
    if before == "comma":
        yield ReadingFlaw(Place(scanner.line), "a comma with no element after it; remove it")
    scanner.advance(scanner.pos + 1)
    if scanner.skip_blanks() is not None:
        problem = "what follows the end of the array is not read; give one array, or lines"
        yield ReadingFlaw(Place(scanner.line), problem)
