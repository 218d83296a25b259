"""Every document comes out of each format whole; spreadsheets are given nothing to carry out."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.shared.bson_json import dumps
from bot.records_io.formats import FORMATS, Csv, Ndjson
from tests.unit.core.shared.test_bson_json import DOCUMENTS, VALUES

COLUMNS = st.sampled_from(["runId", "status", "attempt", "errors", "createdAt", "runEvent"])
ROWS = st.dictionaries(COLUMNS, VALUES | st.just(datetime(2026, 2, 16, tzinfo=UTC)), max_size=6)


def text(encoder: Ndjson, documents: list[dict[str, Any]]) -> str:
    """A whole file."""
    parts = [encoder.encode(document, first=index == 0) for index, document in enumerate(documents)]
    return encoder.head + "".join(parts) + encoder.tail


@given(st.lists(DOCUMENTS, max_size=4))
def test_json_and_ndjson_hold_the_same(documents: list[dict[str, Any]]) -> None:
    """One document a line, and as an array the same documents."""
    as_lines = text(FORMATS["ndjson"]("run_events"), documents)
    assert [json.loads(line) for line in as_lines.splitlines()] == documents
    assert json.loads(text(FORMATS["json"]("run_events"), documents)) == documents


@given(st.lists(st.builds(lambda a, b: a | b, DOCUMENTS, ROWS), max_size=4))
def test_csv_is_read_back_by_any_reader(documents: list[dict[str, Any]]) -> None:
    """As many rows and cells as it should have, and no cell that starts a formula."""
    encoder = Csv("run_events")
    header, *rows = csv.reader(io.StringIO(text(encoder, documents), newline=""), strict=True)
    for row, document in zip(rows, documents, strict=True):
        for name, cell in zip(header, row, strict=True):
            value = document.get(name)
            if isinstance(value, str):
                assert cell in (value, f"'{value}")
                assert not cell.startswith(tuple("=+-@＝＋－＠\0\t\r\n"))
            elif isinstance(value, int | float | dict | list):
                assert json.loads(cell) == value
            elif name != "otherFields" and value is None:
                assert cell == ""
        others = {name: value for name, value in document.items() if name not in header[:-1]}
        assert row[-1] == (dumps(others) if others else "")


def test_csv_begins_with_its_header() -> None:
    """Not with a byte order mark, which readers other than Excel take for a part of the first name."""
    assert Csv("run_events").head.startswith("runId,")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("", '""'),
        ("a", "a"),
        ("a,b", '"a,b"'),
        ('say "x"', '"say ""x"""'),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", '"\'\rx"'),
        ("\0=1+1", "'\0=1+1"),
        ("＝1+1", "'＝1+1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠x", "'＠x"),
        ("x;=1+1;y", '"x;=1+1;y"'),
        (-1, "-1"),
        (-1.5, "-1.5"),
        (True, "true"),
        ({"=": 1}, '"{""="":1}"'),
        (datetime(2026, 2, 16, tzinfo=UTC), "2026-02-16T00:00:00.000Z"),
    ],
)
def test_cells(value: object, cell: str) -> None:
    """Null, empty text, quotes, formulas, numbers, instants."""
    assert Csv("run_events").encode({"runId": value}, first=True).split(",null")[0].startswith(f"{cell},")
