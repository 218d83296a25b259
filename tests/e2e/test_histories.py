"""Random lives end as a plain model says, whatever happens: fixed seeds of `tests.checker`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from tests.checker.__main__ import noon
from tests.checker.histories import TROUBLES, Example, Wrong, live, make_example

SEEDS = (1, 2, 3, 10)


def _all_troubles() -> list[Example]:
    """A few seeds between which every trouble comes, and one with a webhook."""
    return [*map(make_example, SEEDS), make_example(11, is_pushed=True)]


def test_every_trouble_comes() -> None:
    """Between them the examples leave none out."""
    assert {trouble for example in _all_troubles() for trouble in example.troubles} >= TROUBLES.keys()


async def test_every_life_ends_as_it_must(tmp_path: Path, mongo_url: str) -> None:
    """Twenty people each, side by side."""
    examples = _all_troubles()
    ends = await asyncio.gather(
        *(live(example, tmp_path / str(n), mongo_url, noon()) for n, example in enumerate(examples))
    )
    assert [_told(e, it) for e, found in zip(examples, ends, strict=True) for it in found] == []


def _told(example: Example, wrong: Wrong) -> str:
    return "\n".join([f"seed {example.seed}", wrong.life.told(example.troubles), *wrong.found])


def test_an_example_is_always_the_same() -> None:
    """So is what is made shorter."""
    example = make_example(1)
    assert example == make_example(1)
    lives = list(example.lives[0].shorter())
    assert all(len(life) < len(example.lives[0]) for life in lives)
    assert replace(example, lives=tuple(lives)).troubles == example.troubles
