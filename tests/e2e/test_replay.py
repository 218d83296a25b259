"""A crash between any two things that somebody does changes nothing: fixed pairs of `tests.checker`."""

from __future__ import annotations

import asyncio

import pytest

from tests.checker.__main__ import noon
from tests.checker.pairs import WAYS, check, some_pairs


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory, mongo_url: str) -> dict[str, list[str]]:
    """What ends wrongly, by way and pair; all ways are played at once, since all they do is wait."""
    return asyncio.run(check(some_pairs(), tmp_path_factory.mktemp("pairs"), mongo_url, noon()))


@pytest.mark.parametrize("way", WAYS)
def test_every_pair_ends_as_it_must(wrong: dict[str, list[str]], way: str) -> None:
    """Database, messages and alerts, beside the model, and beside the run in which nothing went wrong."""
    assert {pair: found for pair, found in wrong.items() if pair.startswith(f"{way}:")} == {}
