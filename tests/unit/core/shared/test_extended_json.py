"""MongoDB's Extended JSON is read as what it stands for, and refused by name where it stands for nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId, json_util
from hypothesis import given
from hypothesis import strategies as st

from bot.core.shared.bson_json import BadValue, loads
from bot.core.shared.clock import iso_utc

MODES = {
    "canonical": json_util.CANONICAL_JSON_OPTIONS,
    "relaxed": json_util.RELAXED_JSON_OPTIONS,
    "legacy": json_util.LEGACY_JSON_OPTIONS,
}
INSTANTS = st.datetimes(
    datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)  # noqa: DTZ001  # the zone is given
).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31 - 1)
    | st.integers(-(2**63), 2**63 - 1).map(Int64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9)
    | INSTANTS
    | st.binary(min_size=12, max_size=12).map(ObjectId)
)
NAMES = st.text(max_size=5).filter(lambda name: not name.startswith("$") and "\x00" not in name)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)


def plain(value: Any) -> Any:
    """A stored value as JSON of this bot has it."""
    match value:
        case datetime():
            return iso_utc(value)
        case ObjectId():
            return str(value)
        case dict():
            return {name: plain(item) for name, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case _:
            return value


@pytest.mark.parametrize("mode", MODES)
@given(document=st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_drivers_write_is_read(mode: str, document: dict[str, Any]) -> None:
    """In each form of Extended JSON the values are those that were stored."""
    assert loads(json_util.dumps(document, json_options=MODES[mode])) == plain(document)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"$date": "2026-11-29T06:00:00.000Z"}', "2026-11-29T06:00:00.000Z"),
        ('{"$date": "2026-11-29T06:00:00Z"}', "2026-11-29T06:00:00.000Z"),
        ('{"$date": "2026-11-29T07:00:00.000+0100"}', "2026-11-29T06:00:00.000Z"),  # of an old mongoexport
        ('{"$date": {"$numberLong": "1795932000000"}}', "2026-11-29T06:00:00.000Z"),
        ('{"$date": {"$numberLong": "-1"}}', "1969-12-31T23:59:59.999Z"),
        ('{"$date": 1795932000000}', "2026-11-29T06:00:00.000Z"),
        ('{"$oid": "65F0AA0000000000000000AA"}', "65f0aa0000000000000000aa"),
        ('{"$numberInt": "-7"}', -7),
        ('{"$numberInt": 7}', 7),
        ('{"$numberLong": "9223372036854775807"}', 2**63 - 1),
        ('{"$numberDouble": "42"}', 42.0),
        ('{"$numberDouble": "-1.5E+3"}', -1500.0),
        ('{"$numberDecimal": "42.50"}', 42.5),
        ('{"$numberDecimal": "1E+3"}', 1000),
        ('{"$numberDecimal": "0.1"}', 0.1),
        ('{"$undefined": true}', None),
        ('{"$date": "2026-11-29T06:00:00Z", "plain": 1}', None),
    ],
)
def test_each_form(text: str, value: object) -> None:
    """Each form by itself; an object with more in it is none."""
    if '"plain"' in text:
        with pytest.raises(BadValue, match="names that start with"):
            loads(f'{{"x": {text}}}')
    else:
        assert loads(f'{{"x": [{text}]}}') == {"x": [value]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"$date": "x"}', "ISO 8601"),
        ('{"$date": "2026-11-29"}', "ISO 8601"),
        ('{"$date": "2026-11-29T06:00:00"}', "with Z or an offset"),
        ('{"$date": true}', "ISO 8601"),
        ('{"$date": null}', "ISO 8601"),
        ('{"$date": {"$numberLong": "soon"}}', r"\$numberLong must hold"),
        ('{"$date": {"$numberLong": "9223372036854775807"}}', "years 1 to 9999"),
        ('{"$date": "0001-01-01T00:00:00+05:00"}', "years 1 to 9999"),
        ('{"$oid": "65f0"}', "24 hexadecimal digits"),
        ('{"$oid": 65}', "24 hexadecimal digits"),
        ('{"$numberInt": "2147483648"}', "32 bits"),
        ('{"$numberInt": "1.5"}', "whole number"),
        ('{"$numberLong": "9223372036854775808"}', "64 bits"),
        ('{"$numberLong": true}', "whole number"),
        ('{"$numberDouble": "NaN"}', "no number that JSON knows"),
        ('{"$numberDouble": "-Infinity"}', "no number that JSON knows"),
        ('{"$numberDouble": "1e999"}', "larger than any number"),
        ('{"$numberDouble": "fast"}', "must hold a number"),
        ('{"$numberDecimal": "NaN"}', "no number that JSON knows"),
        ('{"$numberDecimal": "0.1234567890123456789"}', "more digits"),
        ('{"$numberDecimal": {}}', "must hold a number"),
        ('{"$undefined": 1}', "send null"),
        ('{"$regularExpression": {"pattern": "x", "options": ""}}', "names that start with"),
        ('{"$binary": {"base64": "AA==", "subType": "00"}}', "names that start with"),
        ('{"$where": "1"}', "names that start with"),
        ('{"$date": "2026-11-29T06:00:00Z", "$date": "2026-11-29T06:00:00Z"}', "more than once"),
    ],
)
def test_what_stands_for_nothing_is_named(text: str, problem: str) -> None:
    """The error has the way to the field, what must stand there, and no value of the document."""
    with pytest.raises(BadValue, match=problem) as refused:
        loads(f'{{"days": [1, {{"createdAt": {text}}}]}}')
    assert refused.value.path.startswith("days[1].createdAt")


def test_a_decimal_of_pymongo() -> None:
    """The decimals that the driver writes are numbers."""
    stored = {"km": Decimal128("12.5"), "count": Decimal128("3")}
    assert loads(json.dumps(json.loads(json_util.dumps(stored)))) == {"km": 12.5, "count": 3}


def test_the_whole_range_of_dates() -> None:
    """Milliseconds are exact at both ends of what Python holds."""
    for at in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)):
        ms = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        assert loads(f'{{"$date": {{"$numberLong": "{ms}"}}}}') == iso_utc(at)
