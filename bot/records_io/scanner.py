"""Looks through a stream of bytes without holding more of it than the record that is being read."""

from __future__ import annotations

import re
from typing import Literal, Protocol

from bot.core.shared.bson_json import MAX_BYTES, MAX_DEPTH

MAX_TEXT = 6 * MAX_BYTES
"""Bytes of one record as text: nothing that MongoDB stores takes more than six times as much in JSON."""

Verdict = Literal["closed", "broken", "dropped", "dropped broken"]
"""How a bracketed value ends; a dropped one was longer than `MAX_TEXT`, and its text is gone."""

_CHUNK = 256 * 1024
_LONGEST_INDENTATION = 256
_COMMA_FIRST = 8  # bytes; how far a record may stand from the beginning of its line, comma and blanks
# Strings end at a line break, where JSON forbids one: an unclosed string costs its line only.
_IN_STRING = re.compile(rb'(?:[^"\\\n]++|\\[^\n])*+')
_UP_TO_BRACKET = re.compile(rb'(?:[^][{}"\n]++|"(?:[^"\\\n]++|\\[^\n])*+")*+')
_SCALAR = re.compile(rb'"(?:[^"\\\n]++|\\[^\n])*+"?|[^],\s]++')
_NO_BLANK = re.compile(rb"[^ \t\r\n]")
_BACKSLASH, _QUOTE, _NEWLINE, _OBJECT, _ARRAY, _COLON = b'\\"\n{[:'
_OPENED_BY = {ord("}"): _OBJECT, ord("]"): _ARRAY}


class ByteSource(Protocol):
    """A binary file or pipe."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes, and none at the end only."""


class Scanner:
    """A position in a stream. Positions are bytes from the start; what lies before `pos` may be forgotten.

    Attributes:
        pos: where it stands; only `advance` and those that say so move it.
        line: the line of `pos`, from 1.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._data = b""
        self._base = 0  # position of the first byte of `_data`
        self._ended = False
        self._line_from = 0  # position where the line of `pos` begins
        self.pos = 0
        self.line = 1

    @property
    def column(self) -> int:
        """Bytes before `pos` on its line."""
        return self.pos - self._line_from

    def advance(self, to: int) -> None:
        """Move on to a position that has been looked at."""
        begin, end = self.pos - self._base, to - self._base
        if breaks := self._data.count(b"\n", begin, end):
            self.line += breaks
            self._line_from = self._base + self._data.rindex(b"\n", begin, end) + 1
        self.pos = to

    def text(self, end: int) -> bytes:
        """From `pos` to a position that has been looked at."""
        return self._data[self.pos - self._base : end - self._base]

    def skip_mark(self, mark: bytes) -> None:
        """Move past these bytes if they come next."""
        while len(self._data) < len(mark) and self._fill():
            pass
        if self.text(self.pos + len(mark)) == mark:
            self._line_from = self.pos = self.pos + len(mark)

    def skip_blanks(self) -> int | None:
        """Move to the next byte that is no blank, and return it; None at the end."""
        while True:
            if found := _NO_BLANK.search(self._data, self.pos - self._base):
                self.advance(self._base + found.start())
                return self._byte(self.pos)
            self.advance(self._end)
            if not self._fill():
                return None

    def line_end(self, begin: int) -> int | None:
        """Where the line of `begin` ends; None if that is more than `MAX_TEXT` from `pos`."""
        while (found := self._data.find(b"\n", begin - self._base)) < 0:
            if self._end - self.pos > MAX_TEXT:
                return None
            if not self._fill():
                return self._end
        end = self._base + found
        return end if end - self.pos <= MAX_TEXT else None

    def skip_line(self) -> None:
        """Move to the end of the line, however far that is."""
        while (found := self._data.find(b"\n", self.pos - self._base)) < 0:
            self.advance(self._end)
            if not self._fill():
                return
        self.advance(self._base + found)

    def scalar_end(self) -> int:
        """Where a value that is neither object nor array ends, or what stands in its place."""
        while True:
            found = _SCALAR.match(self._data, self.pos - self._base)
            end = self._base + found.end() if found else self.pos + 1
            # The last byte may be a backslash whose letter is still to come.
            if end + 1 < self._end or end - self.pos > _CHUNK or not self._fill():
                return end

    def bracketed_end(self) -> tuple[Verdict, int]:
        """Where the object or array at `pos` ends, or where it is seen to be broken.

        A line that opens an object, no deeper indented than this value, where JSON allows none, is taken
        for the next record. `pos` moves only if the value is dropped.
        """
        start, indentation, line_from = self.pos, self.column, self._line_from
        at, open_brackets, in_string = start, bytearray(), False
        doubt: int | None = None  # the first line that may be a record of its own, should this one be broken
        dropped = False
        while True:
            pattern = _IN_STRING if in_string else _UP_TO_BRACKET
            at += len(pattern.match(self._data, at - self._base)[0])  # type: ignore[index] # it may be empty
            sign = self._byte(at)
            if sign is None or (sign == _BACKSLASH and self._byte(at + 1) is None):
                if self._end - start > MAX_TEXT:
                    if doubt is not None:
                        return "broken", doubt
                    dropped = True
                if dropped:
                    self.advance(at)
                if not self._fill():
                    return "dropped broken" if dropped else "broken", doubt or self._end
                continue
            broken_at: int | None = None
            if in_string:
                in_string = False
                broken_at = at if sign != _QUOTE else None
            elif sign == _QUOTE:
                in_string = True
            elif sign == _NEWLINE:
                line_from = at + 1
            elif sign in (_OBJECT, _ARRAY):
                if sign == _OBJECT and start < line_from >= at - indentation - _COMMA_FIRST:
                    match self._object_after_break(start, line_from, at, indentation, open_brackets[-1]):
                        case "nested" if not dropped:
                            doubt = doubt or line_from
                        case "nested" | "next record":
                            broken_at = line_from
                open_brackets.append(sign)
                if len(open_brackets) > MAX_DEPTH and line_from > start:
                    broken_at = broken_at or at
            elif open_brackets.pop() != _OPENED_BY[sign]:
                broken_at = at
            elif not open_brackets:
                return "dropped" if dropped else "closed", at + 1
            if broken_at is not None:
                return "dropped broken" if dropped else "broken", doubt or broken_at
            at += 1

    def skip_to_record(self, indentation: int, *begins: bytes) -> None:
        """Move to the next line that begins with one of these bytes, indented at most so far.

        A comma may stand before it.
        """
        indentation = min(indentation, _LONGEST_INDENTATION)
        reach = indentation + _COMMA_FIRST + 1
        while True:
            if self.column == 0:
                while self._end - self.pos < reach and self._fill():
                    pass
                line = self.text(self.pos + reach)
                head = line.lstrip(b" \t")
                if len(line) - len(head) <= indentation and head.lstrip(b" \t,").startswith(begins):
                    return
            self.skip_line()
            if self._byte(self.pos) is None:
                return
            self.advance(self.pos + 1)

    def _object_after_break(
        self, start: int, line_from: int, at: int, indentation: int, innermost: int
    ) -> Literal["nested", "next record", "no"]:
        """What an object is that a line opens while another value is not closed yet."""
        blanks = self._data[max(0, line_from - self._base) : at - self._base]
        before = blanks.lstrip(b" \t")
        if len(blanks) - len(before) > indentation or before.rstrip(b" \t") not in (b"", b","):
            return "no"
        last = before[:1] or self._last_sign(start, line_from)
        allowed = last == b":" or (innermost == _ARRAY and last in (b"[", b","))
        return "nested" if allowed else "next record"

    def _last_sign(self, start: int, end: int) -> bytes:
        at = end - 1
        while at > start and (self._byte(at) or 0) in b" \t\r\n":
            at -= 1
        return self._data[at - self._base : at - self._base + 1]

    @property
    def _end(self) -> int:
        return self._base + len(self._data)

    def _byte(self, at: int) -> int | None:
        index = at - self._base
        return self._data[index] if index < len(self._data) else None

    def _fill(self) -> bool:
        """Read more and forget what lies before `pos`; False at the end."""
        rest = self._data[self.pos - self._base :]
        # As much again as there is: a long record is not copied for every piece of it.
        wanted, pieces = max(1, len(rest) if len(rest) > _CHUNK else 1), [rest]
        while wanted > 0 and not self._ended:
            piece = self._source.read(max(_CHUNK, wanted))
            self._ended = not piece
            wanted -= len(piece)
            pieces.append(piece)
        self._base, self._data = self.pos, b"".join(pieces)
        return len(self._data) > len(rest)
