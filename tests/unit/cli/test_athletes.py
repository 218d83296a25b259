"""`athlete add`: what its options say, and what is refused with option and cure."""

from __future__ import annotations

import pytest

from bot.cli.athletes import _changes, _read_options, _with_listed_user
from bot.core.shared.errors import ConfigError
from bot.settings import Settings


def test_options_become_fields() -> None:
    """In one form, however they are written; what is not given is no field, `default` takes one away."""
    assert _read_options(
        {
            "user_id": str(2**63 - 1),
            "chat_id": "-100123",
            "name": " José 🏃 ",
            "language": "pt-BR",
            "timezone": "Europe/Madrid",
            "prompt_time": "7:05",
            "reminder_time": "default",
            "nudge_after_hours": "168",
            "quiet_hours": "22:00-7:00",
        }
    ) == {
        "userId": 2**63 - 1,
        "chatId": "-100123",
        "messageThreadId": None,
        "name": "José 🏃",
        "language": "pt-BR",
        "timezone": "Europe/Madrid",
        "promptTime": "07:05",
        "reminderTime": None,
        "nudgeAfterHours": 168,
        "quietHours": "22:00-07:00",
    }
    assert _read_options({"name": None, "timezone": None}) == {}


@pytest.mark.parametrize(
    ("option", "text", "cure"),
    [
        ("user_id", "me", "123456"),
        ("user_id", "-7", "123456"),
        ("user_id", "0", "123456"),
        ("user_id", "٧", "123456"),
        ("user_id", str(2**63), "123456"),
        ("chat_id", "@ana", "-100123456"),
        ("chat_id", "0", "-100123456"),
        ("chat_id", "-100123:General", "the number in its link, such as 42"),
        ("chat_id", "123:42", "leave the topic out"),
        ("name", " ", "1 to 100 characters"),
        ("name", "x" * 101, "1 to 100 characters"),
        ("name", "Ana\nRuiz", "in one line"),
        ("name", "\udc80", "in one line"),
        ("language", "?", "pt-BR"),
        ("timezone", "Mars", "Europe/Madrid"),
        ("timezone", "", "Europe/Madrid"),
        ("prompt_time", "8pm", "20:00"),
        ("reminder_time", "25:00", "20:00"),
        ("nudge_after_hours", "0", "1 to 168"),
        ("quiet_hours", "22-7", "22:00-07:00"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_cure(option: str, text: str, cure: str) -> None:
    """As a wrong call, so that nothing is written."""
    with pytest.raises(ConfigError) as caught:
        _read_options({option: text})
    assert str(caught.value).startswith(f"--{option.replace('_', '-')}: ")
    assert cure in str(caught.value)
    assert caught.value.exit_status == 2


def test_an_id_that_athlete_ids_lists_is_that_user() -> None:
    """No invitation is needed, and nobody else can have it."""
    settings = Settings.model_construct(athlete_ids=frozenset({99}))
    assert _with_listed_user(settings, "99", {"name": "Ana"}) == {"userId": 99, "name": "Ana"}
    assert _with_listed_user(settings, "99", {"userId": 99}) == {"userId": 99}
    assert _with_listed_user(settings, "ana", {"userId": 99}) == {"userId": 99}
    assert _with_listed_user(settings, "98", {}) == {}
    with pytest.raises(ConfigError, match=r"^--user-id: .* choose another ID"):
        _with_listed_user(settings, "99", {"userId": 7})


def test_only_what_differs_is_changed() -> None:
    """Another user means another chat, unless one is given, and the end of an invitation."""
    before = {"userId": 7, "chatId": "-1", "timezone": "UTC", "invite": {"hash": "h"}, "state": "active"}
    assert _changes(before, {"userId": 7, "timezone": "UTC", "promptTime": None}) == {}
    assert _changes(before, {"timezone": None, "name": "Ana"}) == {"timezone": None, "name": "Ana"}
    assert _changes(before, {"userId": 8}) == {"userId": 8, "chatId": None, "invite": None}
    assert _changes(before, {"userId": 8, "chatId": "-1"}) == {"userId": 8, "invite": None}
    assert _changes({"state": "removed"}, {"userId": 8}) == {"userId": 8, "state": "active"}
