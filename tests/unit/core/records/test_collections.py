"""The declarations of all collections, as a whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.core.records.collections import COLLECTIONS, KEYS, MODELS, WRITTEN, parse
from bot.core.records.declaration import Collection

PAGE = Path(__file__).parents[4] / "docs/collections.md"
NAMES = {collection.name for collection in COLLECTIONS}


def test_each_has_a_name_of_its_own() -> None:
    """Otherwise one would take the other's place without a word."""
    assert len(NAMES) == len(COLLECTIONS)


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda it: it.name)
def test_it_is_consistent(collection: Collection) -> None:
    """What it names is there."""
    expiry = collection.expiry
    if expiry is not None:
        assert (expiry.like is None) == (expiry.days > 0)
        assert expiry.like is None or expiry.like in NAMES
        assert (expiry.least is None) == (expiry.reason == "")
    if collection.model is None:
        assert collection.key_per_athlete is None
    else:
        fields = collection.model.model_fields
        assert collection.own_key == collection.own_dates == ()
        assert collection.date_field in fields
        assert expiry is None or expiry.field in collection.dates
        assert set(collection.key(per_athlete=True)) <= fields.keys()
    personal = collection.personal
    if personal is not None:
        ways = (personal.user is not None or bool(personal.athlete), personal.found_by is not None)
        assert sum(ways) == 1


@pytest.mark.parametrize("name", MODELS)
def test_examples_are_taken(name: str) -> None:
    """Each is a document as it may be given; together they have several fields of the model."""
    model = MODELS[name]
    for example in model.EXAMPLES:
        assert isinstance(parse(name, dict(example)), model)
        assert KEYS[name] in example or KEYS[name] == "sessionKey"  # that one is filled in
        assert example.keys() <= model.model_fields.keys()
    assert WRITTEN[name].model is model


@pytest.mark.parametrize("collection", WRITTEN.values(), ids=lambda it: it.name)
def test_descriptions_say_what_is_declared(collection: Collection) -> None:
    """The model's, which `schema` prints, and the row of the page: name, key and how long it is kept."""
    name, model, expiry = collection.name, collection.model, collection.expiry
    assert model is not None
    described = " ".join(str(model.model_json_schema()["description"]).split())
    assert f"(collection `{name}`, one for each `{model.KEY}`" in described
    kept = re.findall(r"\bkept (\d+) days", described, re.IGNORECASE)
    assert kept == ([] if expiry is None else [str(expiry.days)])
    deleted = "never" if expiry is None else f"{expiry.days} days after `{expiry.field}`"
    row = rf"^\| `{name}` \| `{model.KEY}` \| .* \| {re.escape(deleted)} \|$"
    assert re.search(row, PAGE.read_text(encoding="utf-8"), re.MULTILINE)
