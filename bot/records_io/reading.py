"""Bytes -> the JSON values in them, one at a time, each with its place; memory does not grow with the input.

What the input is follows from its first character that is no blank (a byte order mark is skipped):

- `[`: one JSON array, in any layout.
- anything else: one value a line (NDJSON). A line that opens an object and does not close it goes on in the
  next lines, so that pretty-printed objects, one or several, are read too.
- text in which one Markdown fence (``` or ~~~) has JSON in it, as language models answer: that JSON.

A broken value costs no other one. After a broken line, reading goes on with the next line; in an array, and
after an object that was pretty-printed with a line of its own for `{`, with the next line that opens an
object no deeper indented than the broken one. A broken object on lines that are not indented ends where its
brackets say so, if they and its quotes are in order. Where they are not, or where an array stands on one
line, nothing tells where the next one begins: what follows is not read, and that is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

from bot.core.shared.bson_json import FENCES, MAX_BYTES, MAX_DEPTH, BadValue, decode, skim
from bot.core.shared.tolerant import fenced_json

MAX_TEXT = 6 * MAX_BYTES
"""Bytes of one value as text: nothing that MongoDB stores takes more than six times as many in JSON."""

_CHUNK = 256 * 1024  # bytes
_LONGEST_INDENTATION = 256
_COMMA_FIRST = 8  # bytes; how far a value may stand from the beginning of its line, comma and blanks
_LONGEST_WORD = len("-Infinity") + 1  # of what the decoder reads as a whole, strings aside
_BLANKS = " \t\r\n"
_NO_BLANK = re.compile(r"[^ \t\r\n]")
_MARK = "\xef\xbb\xbf"  # byte order mark
_CONTINUATION = bytes(range(0x80, 0xC0))  # the bytes of a character in UTF-8 but its first
_STRING = r'"(?:[^"\\\n]++|\\[^\n])*+"'  # JSON allows no line break in one
_SIGN = re.compile(_STRING + r'|["{}\[\]]')  # a quote alone is of a string that is not closed on its line
_BRACE = re.compile(_STRING + r"|[{}]")
_REST_OF_CHARACTER = re.compile("[\x80-\xbf]{0,3}")
_OPENED_BY = {"}": "{", "]": "["}
_FENCE = re.compile(r'^[^`~{\["\n]*(?:```|~~~)', re.MULTILINE)
_FENCE_LINE = "a Markdown fence, which is no JSON; remove the line"
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
        size: bytes of its text.
        reading: how it was found where that is not as documented; of the first value of the input only.
    """

    place: InputPlace
    value: Any
    size: int
    reading: str | None = None


def read_elements(source: ByteSource) -> Iterator[Element | ReadingFlaw]:
    """Everything in the input, in order; nothing if it is empty. Raises what `source` raises."""
    text = _Window(source)
    text.skip_mark()
    reading = None
    if text.skip_blanks() not in ("[", "{", None):
        try:
            reading = text.take_fence_off()
        except _Broken as broken:
            yield ReadingFlaw(InputPlace(text.line), broken.problem)
            return
    elements = _elements_of_array(text) if text.skip_blanks() == "[" else _lines(text)
    if reading is not None and (first := next(elements, None)) is not None:
        yield replace(first, reading=reading) if isinstance(first, Element) else first
    yield from elements


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
            yield ReadingFlaw(place, _FENCE_LINE if line.startswith(FENCES) else broken.problem)
            if line.rstrip(_BLANKS) == "{":
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
            return text.decode_once()
        except _Broken as spread:
            # A line is to blame for what it says itself, not for what comes after it.
            raise (spread if line.rstrip(_BLANKS) == "{" else alone) from None


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
        if text.peek(len(FENCES[0])) in FENCES:
            problem = _FENCE_LINE
        yield ReadingFlaw(InputPlace(text.line), problem)


class _Broken(Exception):
    """The text at the position is no usable value.

    Attributes:
        problem: why.
        length: from the position to where JSON does not allow the text; None if that is not the reason.
    """

    def __init__(self, problem: str, length: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.length = length


@dataclass(slots=True)
class _Attempt:
    """The result of decoding at a position.

    Attributes:
        length: bytes up to where it stopped.
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


def _utf8(text: str) -> str:
    """The characters of a text that has a byte in each.

    Raises:
        _Broken: it is no UTF-8.
    """
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeDecodeError as error:
        raise _Broken(f"not UTF-8 at byte {error.start + 1}; save the text as UTF-8") from None


def _characters(text: str, begin: int, end: int) -> int:
    """How many characters the bytes of this part of a text are."""
    count = 0
    for at in range(begin, end, _CHUNK):
        piece = text[at : min(at + _CHUNK, end)]
        count += len(piece if piece.isascii() else piece.encode("latin-1").translate(None, _CONTINUATION))
    return count


class _Window:
    """A position in a text that is read as needed. What lies before the position is forgotten.

    Each of its characters is one byte of the input (Latin-1), which is all that brackets and quotes need:
    UTF-8 as characters would take up to four times the memory. Only what makes up a value is decoded.

    Lengths and offsets are bytes from the position on.

    Attributes:
        line, column: of the position, from 1 and from 0; the column in characters.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._text = ""
        self._at = 0
        self._ended = False
        self._before = 0  # bytes before `_text`
        self._unusable: dict[int, str] = {}  # where objects begin that are known to be broken, and why
        self.line = 1
        self.column = 0

    def advance(self, length: int) -> None:
        """Move on over text that has been looked at."""
        end = self._at + length
        if breaks := self._text.count("\n", self._at, end):
            self.line += breaks
            self.column = _characters(self._text, self._text.rindex("\n", self._at, end) + 1, end)
        else:
            self.column += _characters(self._text, self._at, end)
        self._at = end

    def peek(self, length: int) -> str:
        """The text of this length that has been looked at."""
        return self._text[self._at : self._at + length]

    def skip_mark(self) -> None:
        """Move past a byte order mark."""
        while len(self._text) < len(_MARK) and self._fill():
            pass
        self._at = len(_MARK) if self._text.startswith(_MARK) else 0

    def take_fence_off(self) -> str | None:
        """Leave of the text only what stands in its Markdown fence; lines keep their numbers.

        Returns:
            What was done, in words; None if there is no fence within the first part of the text.

        Raises:
            _Broken: there is not just one with JSON in it, or the text is too long to tell.
        """
        while self._held < _CHUNK and self._fill():
            pass
        if _FENCE.search(self.peek(_CHUNK)) is None:
            return None
        while self._held <= MAX_TEXT and self._fill():
            pass
        problem = "Markdown round JSON"
        if self._held > MAX_TEXT:
            raise _Broken(f"{problem}, longer than {MAX_TEXT:,} bytes; give the JSON in it alone")
        fenced = fenced_json(self._text[self._at :])
        if len(fenced) != 1:
            found = "with more than one part that may be" if fenced else "with none in its fences that is"
            raise _Broken(f"{problem}, {found} the JSON; give one part alone")
        [self._text], self._at = fenced, 0
        return "took off the text round its JSON"

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
        parts look like the next one: then the next one begins behind its closing bracket. If brackets and
        quotes are not in order up to there, the rest is passed over.

        Returns:
            Whether the layout tells where the next one begins.
        """
        indentation = min(self.column, _LONGEST_INDENTATION)
        reach = indentation + _COMMA_FIRST + 1
        # So its fields begin in the next line.
        is_spread = self.peek(self.line_length() or 0).rstrip(_BLANKS) == "{"
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
                if self._skip_fields() and self.skip_blanks() in (None, *begins):
                    return True
                self.advance(self._held)
                while self._fill():
                    self.advance(self._held)
                return False
            is_spread = False
            if len(line) - len(head) <= indentation and head.lstrip(" \t,").startswith(begins):
                return True

    def _skip_fields(self) -> bool:
        """Move from the second line of an object behind the bracket that closes it.

        Returns:
            Whether brackets and quotes are in order up to there, and its line ends there.
        """
        opened = ["{"]
        while self._held or self._fill():
            if (length := self.line_length()) is None:
                return False
            line = self.peek(length)
            for found in _SIGN.finditer(line):
                sign = found[0]
                if sign in "{[":
                    opened.append(sign)
                elif sign in "}]":
                    if opened.pop() != _OPENED_BY[sign]:
                        return False
                    if not opened:
                        self.advance(found.end())
                        return not _NO_BLANK.search(line, found.end())
                elif sign == '"':
                    return False
            self.skip_line()
            self.advance(min(1, self._held))
        return False

    def decode_once(self) -> tuple[Any, int]:
        """The same as `decode`, but of objects within one that is broken, none is read to its end twice.

        Raises:
            _Broken: as `decode`; or this is part of an object that was broken, and the reason holds for it.
        """
        position = self._before + self._at
        if problem := self._unusable.get(position):
            raise _Broken(problem)
        try:
            return self.decode()
        except _Broken as broken:
            # No line begins within a string. So the objects that are open where JSON does not allow the text
            # are broken by it like the first one; and those that hold too many others are too deep.
            opened: list[int] = []
            end = len(self._text) if broken.length is None else self._at + broken.length
            for found in _BRACE.finditer(self._text, self._at, end):
                if found[0] == "{":
                    opened.append(self._before + found.start())
                elif found[0] == "}":
                    opened.pop()
                if not opened or (broken.length is None and len(opened) > 3 * MAX_DEPTH):
                    break
            unusable = opened if broken.length is not None else opened[:-MAX_DEPTH]
            self._unusable = {at: why for at, why in self._unusable.items() if at > position}
            # Of what begins on that very line the problem is said in other words.
            last_line = self._before + self._text.rfind("\n", self._at, end)
            self._unusable |= dict.fromkeys((at for at in unusable if at < last_line), broken.problem)
            raise

    def decode(self) -> tuple[Any, int]:
        """The value that begins here, however many lines it takes, and its length.

        Raises:
            _Broken: there is none, or it is too long.
        """
        # Its end is found before it is decoded if there is much text: a broken value may swallow all of it.
        decoder = decode if self._held <= 2 * _CHUNK else skim
        found = _Attempt.of(decoder, self._text, self._at)
        is_final = found.is_final
        while not is_final and self._held <= MAX_TEXT:
            if self._fill():
                decoder = skim
                found = _Attempt.of(decoder, self._text, self._at)
                is_final = found.is_final
            else:
                is_final = True
        if found.length > MAX_TEXT or not is_final:
            raise _Broken(_TOO_LONG)
        if found.error is not None:
            rest = _REST_OF_CHARACTER.match(self._text, self._at + found.length + 1)
            _utf8(self._text[self._at : rest.end()] if rest else self.peek(found.length))
            raise _Broken(self.not_json(found.error, found.length), found.length)
        text = self.peek(found.length)
        if decoder is decode and text.isascii():
            return found.value, found.length
        return _Attempt.of(decode, _utf8(text)).value, found.length

    def decode_line(self, line: str) -> tuple[Any, int]:
        """The value at the beginning of a line that begins here, and its length.

        Raises:
            _Broken: there is none.
        """
        text = _utf8(line)
        try:
            value, end = decode(text)
        except json.JSONDecodeError as exc:
            raise _Broken(self.not_json(exc.msg, len(text[: exc.pos].encode()))) from None
        except BadValue as exc:
            raise _Broken(exc.problem) from None
        return value, end if text is line else len(text[:end].encode())

    def not_json(self, problem: str, offset: int) -> str:
        """The sentence about something that the decoder met so far from here."""
        before = self.peek(offset)
        where = (
            f"line {self.line + before.count(chr(10))}, "
            f"column {_characters(before, before.rindex(chr(10)), offset)}"
            if "\n" in before
            else f"column {self.column + _characters(before, 0, len(before)) + 1}"
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
            pieces.append(piece.decode("latin-1"))
            wanted -= len(piece)
        self._before += self._at
        self._text, self._at = "".join(pieces), 0
        return len(self._text) > len(rest)
