"""Bytes -> the JSON values in them, one at a time, each with its place; memory does not grow with the input.

What the input is follows from its first character that is no blank (a byte order mark is skipped):

- `[`: one JSON array, in any layout.
- anything else: one value a line (NDJSON). A line that opens an object and does not close it goes on in the
  next lines, so that pretty-printed objects, one or several, are read too.

A broken value costs no other one. After a broken line, reading goes on with the next line; in an array, and
after an object that was pretty-printed with a line of its own for `{`, with the next line that opens an
object no deeper indented than the broken one. Where an array stands on one line, or a broken object on lines
that are not indented, nothing tells where the next one begins: what follows is not read, and that is said.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, Self

from bot.core.shared.bson_json import MAX_BYTES, BadValue, decode, skim

MAX_TEXT = 6 * MAX_BYTES
"""Characters of one value: nothing that MongoDB stores takes more than six times as many bytes in JSON."""

_CHUNK = 256 * 1024  # bytes
_LONGEST_INDENTATION = 256
_COMMA_FIRST = 8  # characters; how far a value may stand from the beginning of its line, comma and blanks
_LONGEST_WORD = len("-Infinity") + 1  # of what the decoder reads as a whole, strings aside
_NO_BLANK = re.compile(r"[^ \t\r\n]")
_UNFINISHED = "Unterminated string"
_TOO_LONG = f"longer than {MAX_TEXT:,} bytes, which no document in MongoDB can be; split it"


class ByteSource(Protocol):
    """A binary file or pipe."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes, and none at the end only."""


@dataclass(frozen=True, slots=True)
class InputPlace:
    """Where a value stands in its input.

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

    place: InputPlace
    problem: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Element:
    """One value of the input.

    Attributes:
        value: as `bot.core.shared.bson_json.decode` returns it, still to be checked.
        size: characters of its text.
    """

    place: InputPlace
    value: Any
    size: int


def read_elements(source: ByteSource) -> Iterator[Element | ReadingFlaw]:
    """Everything in the input, in order; nothing if it is empty. Raises what `source` raises."""
    text = _Window(source)
    text.skip_mark()
    return _elements_of_array(text) if text.skip_blanks() == "[" else _lines(text)


def _lines(text: _Window) -> Iterator[Element | ReadingFlaw]:
    while text.skip_blanks() is not None:
        place, length = InputPlace(text.line), text.line_length()
        if length is None:
            yield ReadingFlaw(place, _TOO_LONG)
            text.skip_line()
            continue
        line = text.peek(length)
        try:
            value, end = _decode_from_line(text, line)
        except _Broken as broken:
            yield ReadingFlaw(place, broken.problem)
            if line.rstrip() == "{":
                if not text.skip_to_record("{"):
                    problem = "what follows it is not read: no indentation tells where the next object begins"
                    yield ReadingFlaw(place, f"{problem}; mend it first, or give one object a line")
                continue
        else:
            if end != length:
                length = text.line_length(end) or end
            if end != length and (rest := _NO_BLANK.search(text.peek(length), end)):
                yield ReadingFlaw(place, text.not_json("Extra data", rest.start()))
            else:
                yield Element(place, value, length)
        text.advance(length)


def _decode_from_line(text: _Window, line: str) -> tuple[Any, int]:
    """The value that begins with a line, which may go on in the next ones, and its length."""
    try:
        return text.decode_line(line)
    except _Broken as alone:
        if not line.startswith("{"):
            raise
        try:
            return text.decode()
        except _Broken as spread:
            # A line is to blame for what it says itself, not for what comes after it.
            raise (spread if line.rstrip() == "{" else alone) from None


def _elements_of_array(text: _Window) -> Iterator[Element | ReadingFlaw]:
    opening, number, before = InputPlace(text.line), 0, "bracket"
    text.advance(1)
    while (sign := text.skip_blanks()) not in (None, "]"):
        if sign == ",":
            if before in ("bracket", "comma"):
                yield ReadingFlaw(InputPlace(text.line), "a comma with no element before it; remove it")
            before = "comma"
            text.advance(1)
            continue
        number += 1
        place = InputPlace(text.line, number)
        if before == "element":
            yield ReadingFlaw(place, "the comma before it is missing")
        try:
            value, length = text.decode()
        except _Broken as broken:
            yield ReadingFlaw(place, broken.problem)
            before = "broken"
            text.skip_to_record("{", "]")
        else:
            yield Element(place, value, length)
            before = "element"
            text.advance(length)
    if sign is None:
        problem = "the array is never closed; is the input complete? What it lacks is lost"
        yield ReadingFlaw(opening, problem)
        return
    if before == "comma":
        yield ReadingFlaw(InputPlace(text.line), "a comma with no element after it; remove it")
    text.advance(1)
    if text.skip_blanks() is not None:
        problem = "what follows the end of the array is not read; give one array, or lines"
        yield ReadingFlaw(InputPlace(text.line), problem)


class _Broken(Exception):
    """The text at the position is no usable value; the problem says why."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(slots=True)
class _Attempt:
    """The result of decoding at a position.

    Attributes:
        length: characters up to where it stopped.
        is_final: it would have ended like this too if the text went on.
    """

    length: int
    is_final: bool
    value: Any = None
    error: str | None = None

    @classmethod
    def of(cls, decoder: Callable[[str, int], tuple[Any, int]], text: str, begin: int = 0) -> Self:
        """Try to decode.

        Raises:
            _Broken: the value is nested too deeply.
        """
        try:
            value, end = decoder(text, begin)
        except json.JSONDecodeError as exc:
            is_final = not exc.msg.startswith(_UNFINISHED) and len(text) - exc.pos > _LONGEST_WORD
            return cls(exc.pos - begin, is_final, error=exc.msg)
        except BadValue as exc:
            raise _Broken(exc.problem) from None
        return cls(end - begin, text[end - 1] in '}]"' or len(text) - end > _LONGEST_WORD, value)


def _check_encoding(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        place = len(text[: error.start].encode()) + 1
        raise _Broken(f"not UTF-8 at byte {place}; save the text as UTF-8") from None


class _Window:
    """A position in a text that is read as needed. What lies before the position is forgotten.

    Lengths and offsets are characters from the position on. Bytes that are no UTF-8 are kept as lone
    surrogates, of which a text in UTF-8 has none.

    Attributes:
        line, column: of the position, from 1 and from 0.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._text = ""
        self._at = 0
        self._ended = False
        self.line = 1
        self.column = 0

    def advance(self, length: int) -> None:
        """Move on over text that has been looked at."""
        end = self._at + length
        if breaks := self._text.count("\n", self._at, end):
            self.line += breaks
            self.column = end - self._text.rindex("\n", self._at, end) - 1
        else:
            self.column += length
        self._at = end

    def peek(self, length: int) -> str:
        """The text of this length that has been looked at."""
        return self._text[self._at : self._at + length]

    def skip_mark(self) -> None:
        """Move past a byte order mark."""
        while not self._text and self._fill():
            pass
        self._at = len(self._text[:1]) if self._text.startswith("\ufeff") else 0

    def skip_blanks(self) -> str | None:
        """Move to the next character that is no blank, and return it; None at the end."""
        while True:
            if found := _NO_BLANK.search(self._text, self._at):
                self.advance(found.start() - self._at)
                return found[0]
            self.advance(self._held)
            if not self._fill():
                return None

    def line_length(self, begin: int = 0) -> int | None:
        """How far the line that `begin` is on ends; None if that is more than `MAX_TEXT`."""
        while (found := self._text.find("\n", self._at + begin)) < 0:
            if self._held > MAX_TEXT or not self._fill():
                found = self._at + self._held
                break
        return found - self._at if found - self._at <= MAX_TEXT else None

    def skip_line(self) -> None:
        """Move to the end of the line, however far that is."""
        while (found := self._text.find("\n", self._at)) < 0:
            self.advance(self._held)
            if not self._fill():
                return
        self.advance(found - self._at)

    def skip_to_record(self, *begins: str) -> bool:
        """Move to the next line that begins with one of these, no deeper indented than the position.

        A comma may stand before it. Where an object is spread over lines that are not indented at all, its
        parts look like the next one: then the rest is passed over.

        Returns:
            Whether the layout tells where the next one begins.
        """
        indentation = min(self.column, _LONGEST_INDENTATION)
        reach = indentation + _COMMA_FIRST + 1
        # So its fields begin in the next line.
        is_spread = self.peek(self.line_length() or 0).rstrip() == "{"
        while True:
            self.skip_line()
            if not self._held:
                return True
            self.advance(1)
            while self._held < reach and self._fill():
                pass
            line = self.peek(reach)
            head = line.lstrip(" \t")
            if is_spread and line.startswith('"'):
                while self._fill():
                    self.advance(self._held)
                self.advance(self._held)
                return False
            is_spread = False
            if len(line) - len(head) <= indentation and head.lstrip(" \t,").startswith(begins):
                return True

    def decode(self) -> tuple[Any, int]:
        """The value that begins here, however many lines it takes, and its length.

        Raises:
            _Broken: there is none, or it is too long.
        """
        found = first = _Attempt.of(decode, self._text, self._at)
        is_final = found.is_final
        while not is_final and self._held <= MAX_TEXT:
            if self._fill():
                # Its end is found before it is decoded: what a broken value swallows may be much.
                found = _Attempt.of(skim, self._text, self._at)
                is_final = found.is_final
            else:
                is_final = True
        if found.length > MAX_TEXT or not is_final:
            raise _Broken(_TOO_LONG)
        _check_encoding(self.peek(found.length + 1 if found.error else found.length))
        if found.error is not None:
            raise _Broken(self.not_json(found.error, found.length))
        return (found if found is first else _Attempt.of(decode, self._text, self._at)).value, found.length

    def decode_line(self, line: str) -> tuple[Any, int]:
        """The value at the beginning of a line that begins here, and its length.

        Raises:
            _Broken: there is none.
        """
        try:
            value, end = decode(line)
        except json.JSONDecodeError as exc:
            _check_encoding(line)
            raise _Broken(self.not_json(exc.msg, exc.pos)) from None
        except BadValue as exc:
            raise _Broken(exc.problem) from None
        _check_encoding(line)
        return value, end

    def not_json(self, problem: str, offset: int) -> str:
        """The sentence about something that the decoder met so far from here."""
        before = self.peek(offset)
        where = (
            f"line {self.line + before.count(chr(10))}, column {offset - before.rindex(chr(10))}"
            if "\n" in before
            else f"column {self.column + offset + 1}"
        )
        return f"not JSON at {where} ({problem}); is it complete?"

    @property
    def _held(self) -> int:
        return len(self._text) - self._at

    def _fill(self) -> bool:
        """Read more and forget what lies before the position; False at the end."""
        rest = self._text[self._at :]
        # As much again as there is: a long value is not copied, and decoded, for every piece of it.
        wanted, pieces = max(1, len(rest) if len(rest) > _CHUNK else 1), [rest]
        while wanted > 0 and not self._ended:
            piece = self._source.read(max(_CHUNK, wanted))
            self._ended = not piece
            pieces.append(self._decoder.decode(piece, self._ended))
            wanted -= len(pieces[-1])
        self._text, self._at = "".join(pieces), 0
        return len(self._text) > len(rest)
