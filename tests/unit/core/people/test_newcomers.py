"""Who has written to a bot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.core.people.newcomers import read_newcomers

NOW = datetime(2026, 2, 16, 18, 42, tzinfo=UTC)


def message(user_id: int, minutes_ago: float = 0, **sender: Any) -> dict[str, Any]:
    """A message in a private chat."""
    return {
        "update_id": 1,
        "message": {
            "message_id": 1,
            "date": int((NOW - timedelta(minutes=minutes_ago)).timestamp()),
            "chat": {"id": user_id, "type": "private"},
            "from": {"id": user_id, "is_bot": False, **sender},
            "text": "/start",
        },
    }


def test_everybody_once_and_the_last_first() -> None:
    """Whoever wrote again counts as they wrote last."""
    updates = [message(1, 9, first_name="A"), message(2, 5, first_name="B"), message(1, 1, first_name="C")]
    assert [(it.user_id, it.name) for it in read_newcomers(updates, NOW)] == [(1, "C"), (2, "B")]


@pytest.mark.parametrize(
    ("sender", "minutes", "said"),
    [
        ({"first_name": "Ana", "last_name": "R", "username": "ar"}, 0, "Ana R (@ar), id 7, wrote just now"),
        ({"first_name": "Ana\nid 8"}, 5, "Ana\\nid 8, id 7, wrote 5 minutes ago"),
        ({}, 300, "Somebody without a name, id 7, wrote 5 hours ago"),
        ({"first_name": "A" * 50}, 61, f"{'A' * 40}..., id 7, wrote 61 minutes ago"),
        ({"first_name": 5, "username": []}, -5, "Somebody without a name, id 7, wrote just now"),
    ],
)  # fmt: skip
def test_how_they_are_shown(sender: dict[str, Any], minutes: float, said: str) -> None:
    """On one line, whatever they call themselves."""
    (person,) = read_newcomers([message(7, minutes, **sender)], NOW)
    assert person.described(NOW) == said


def test_what_is_nobody() -> None:
    """Groups, bots, taps, edits, and what cannot be read."""
    group = message(1)
    group["message"]["chat"] = {"id": -5, "type": "group"}
    edited = message(1)
    edited["edited_message"] = edited.pop("message")
    odd: list[object] = [group, edited, message(1, is_bot=True), {}, None, 5, {"message": 3}]
    odd += [{"update_id": 1, "message": {"from": 5, "chat": {"id": 1, "type": "private"}}}]
    assert read_newcomers(odd, NOW) == []
