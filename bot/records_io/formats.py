"""Stored documents -> text: NDJSON, a JSON array, or CSV for spreadsheets.

NDJSON and JSON can be written back as the same documents. CSV is for people and goes out only: its columns
are the fields of the collection in their documented order, and after them `otherFields` with all unknown
fields as one JSON object. In a cell

- nothing stands for a field that is absent or null, and "" for empty text;
- objects and arrays are JSON; instants are ISO 8601 in UTC; numbers are plain, truth values true or false;
- text that a spreadsheet might take for a formula (it starts with = + - @, also in full width, with NUL, a
  tab or a line break) has an apostrophe before it.

Quoting is that of RFC 4180, and also of cells with a semicolon, which separates cells in some countries.
Lines end in CR LF, the encoding is UTF-8 without a byte order mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from bot.core.records.collections import MODELS
from bot.core.shared.bson_json import dumps
from bot.core.shared.clock import iso_utc

OTHER_FIELDS = "otherFields"
"""The last column of CSV."""

_FORMULA = re.compile(r"[=+\-@\uff1d\uff0b\uff0d\uff20\0\t\r\n]")
_QUOTED = re.compile(r'[",;\r\n]')


class Ndjson:
    """One document a line.

    Attributes:
        head, tail: what stands before the first document and after the last one.
    """

    head = ""
    tail = ""

    def __init__(self, collection: str) -> None:
        self.collection = collection

    def encode(self, document: dict[str, Any], *, first: bool) -> str:  # noqa: ARG002 # others need to know
        """The text of one document, with what separates it from the one before.

        Raises:
            BadValue: it holds something that JSON cannot say.
        """
        return f"{dumps(document)}\n"


class JsonArray(Ndjson):
    """One array, one document a line."""

    head = "["
    tail = "\n]\n"

    def encode(self, document: dict[str, Any], *, first: bool) -> str:
        """As in `Ndjson`."""
        return f"{'' if first else ','}\n{dumps(document)}"


class Csv(Ndjson):
    """One document a row, under a header."""

    def __init__(self, collection: str) -> None:
        super().__init__(collection)
        self._columns = tuple(MODELS[collection].model_fields)
        self.head = _row([*self._columns, OTHER_FIELDS])

    def encode(self, document: dict[str, Any], *, first: bool) -> str:  # noqa: ARG002
        """As in `Ndjson`."""
        cells = [_cell(name, document.get(name)) for name in self._columns]
        other = {name: value for name, value in document.items() if name not in self._columns}
        return _row([*cells, dumps(other) if other else None])


FORMATS: Mapping[str, type[Ndjson]] = MappingProxyType({"ndjson": Ndjson, "json": JsonArray, "csv": Csv})
"""Each format by its name."""


def _cell(name: str, value: object) -> str | None:
    match value:
        case None:
            return None
        case str():
            return f"'{value}" if _FORMULA.match(value) else value
        case datetime():
            return iso_utc(value)
        case _:
            # As a field of a document, so that an error names it.
            return dumps({name: value})[len(name) + 4 : -1]


def _row(cells: list[str | None]) -> str:
    return ",".join(map(_quoted, cells)) + "\r\n"


def _quoted(cell: str | None) -> str:
    if cell is None:
        return ""
    return '"' + cell.replace('"', '""') + '"' if not cell or _QUOTED.search(cell) else cell
