"""What follows from a collection's declaration."""

from __future__ import annotations

from typing import ClassVar

from bot.core.records.declaration import (
    READ_INDEXES,
    Before,
    Collection,
    Expiry,
    Index,
    Personal,
    by,
)
from bot.core.records.models import Instant, Key, Record


class Visit(Record):
    """A document with instants of both kinds."""

    KEY: ClassVar[str] = "visitId"

    visitId: Key  # noqa: N815
    """Tells it."""
    createdAt: Instant  # noqa: N815
    """When it was written."""
    leftAt: Instant | None = None  # noqa: N815
    """When it ended."""


def test_indexes_come_from_key_and_expiry_and_what_else_is_named() -> None:
    """In this order, with directions; an expiry has the days that it is given."""
    visits = Collection(
        "visits",
        model=Visit,
        indexes=(by("place", "-leftAt", sparse=True),),
        expiry=Expiry("leftAt", 7),
    )
    assert visits.declared_indexes(7, per_athlete=False) == [
        Index("visits", (("visitId", 1),), unique=True),
        Index("visits", (("place", 1), ("leftAt", -1)), sparse=True),
        Index("visits", (("leftAt", 1),), expire_after_days=7),
    ]
    assert Collection("bare").declared_indexes(None, per_athlete=False) == []


def test_a_key_for_each_athlete_replaces_the_other_one() -> None:
    """Each of the two takes the other's place, whichever way the setting goes."""
    shared = Collection("visits", model=Visit, key_per_athlete=("athleteId", "visitId"))
    [one] = shared.declared_indexes(None, per_athlete=False)
    [several] = shared.declared_indexes(None, per_athlete=True)
    assert (one.fields, several.fields) == (["visitId"], ["athleteId", "visitId"])
    assert one.replaces is not None
    assert several.replaces is not None
    assert (one.replaces.keys, several.replaces.keys) == (several.keys, one.keys)
    assert Collection("visits", model=Visit).key(per_athlete=True) == ("visitId",)


def test_dates_come_from_the_model() -> None:
    """The expiring one first; without a model, those that are named."""
    assert Collection("visits", model=Visit).dates == ("createdAt", "leftAt")
    leaving = Collection("visits", model=Visit, expiry=Expiry("leftAt", 7))
    assert leaving.dates == ("leftAt", "createdAt")
    assert leaving.date_field == "leftAt"
    assert Collection("notes", own_dates=("at",)).dates == ("at",)
    assert Collection("visits", model=Visit, dated_by="createdAt").date_field == "createdAt"


def test_the_service_may_delete_where_it_erases() -> None:
    """Nowhere else; an entry of the roster is emptied, not deleted."""
    read = Collection("visits", service=READ_INDEXES, is_watched=True)
    assert read.service_access == ("find", "listIndexes", "changeStream")
    erased = Collection("visits", personal=Personal("userId", erased=Before("createdAt")))
    assert "remove" in erased.service_access
    for personal in (Personal("userId"), Personal("userId", erased="athlete"), None):
        assert "remove" not in Collection("visits", personal=personal).service_access
