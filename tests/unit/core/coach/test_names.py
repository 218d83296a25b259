"""Whom a name means, and how athletes are called."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from bot.core.coach.names import find, label, link
from bot.core.people.athlete import Athlete, ContactHours, Roster

HOURS = ContactHours(ZoneInfo("UTC"))


def athlete(athlete_id: str, name: str | None, user_id: int = 1) -> Athlete:
    """An athlete of that name."""
    return Athlete(athlete_id, user_id, user_id, HOURS, name)


ANA, JOSE, OTHER = athlete("ana-g", "Ana García"), athlete("jose", "José"), athlete("ana-p", "Ana Pérez")
ROSTER = Roster((ANA, JOSE, OTHER, athlete("7", None)))


@pytest.mark.parametrize(
    ("words", "expected", "rest"),
    [
        ("jose how is it?", ["jose"], "how is it?"),
        ("JOSÉ\nhow is it?\nand you?", ["jose"], "how is it?\nand you?"),
        ("ana garcia rest today", ["ana-g"], "rest today"),
        ("garcia rest", ["ana-g"], "rest"),
        ("ana rest", ["ana-g", "ana-p"], "rest"),
        ("ana-p rest", ["ana-p"], "rest"),
        ("@jose hi", ["jose"], "hi"),
        ("7 hi", ["7"], "hi"),
        ("an", ["ana-g", "ana-p"], ""),
        ("zoe hi", [], "hi"),
        ("", [], ""),
    ],
)
def test_find(words: str, expected: list[str], rest: str) -> None:
    """In whichever case, with accents or without; the rest keeps its lines."""
    found = find(words, ROSTER)
    assert [it.athlete_id for it in found.athletes] == expected
    assert found.rest == rest


def test_labels_are_told_apart() -> None:
    """The id stands behind a name that several have."""
    twins = Roster((athlete("a", "Ana"), athlete("b", "ana"), athlete("c", None)))
    assert [label(it, twins) for it in twins.athletes] == ["Ana (a)", "ana (b)", "c"]


def test_link() -> None:
    """It cannot be broken by a name."""
    assert link("<Ana>", 7) == '<b><a href="tg://user?id=7">&lt;Ana&gt;</a></b>'
    assert link("Ana", None) == "<b>Ana</b>"
