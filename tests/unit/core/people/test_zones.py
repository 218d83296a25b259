"""The zone that somebody means."""

from __future__ import annotations

import re

import pytest

from bot.core.people.zones import find_zone

KNOWN = {
    "America/Argentina/Buenos_Aires", "America/Buenos_Aires", "America/New_York", "America/Sao_Paulo",
    "Asia/Tokyo", "Etc/GMT+1", "Etc/UTC", "Europe/Madrid", "UTC",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Madrid", "Europe/Madrid"),
        (" madrid ", "Europe/Madrid"),
        ("new york", "America/New_York"),
        ("São Paulo", "America/Sao_Paulo"),
        ("utc", "UTC"),
        ("etc/utc", "Etc/UTC"),
    ],
)
def test_a_zone_or_a_city(text: str, zone: str) -> None:
    """In any case, with accents or without."""
    assert find_zone(text, KNOWN) == zone


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("madird", "'madird' is not a time zone; do you mean Europe/Madrid?"),
        ("Mars", "'Mars' is not a time zone; write one such as Europe/Madrid"),
        ("", "'' is not a time zone; write one such as Europe/Madrid"),
        ("GMT+1", "'GMT+1' is not a time zone; write one such as Europe/Madrid"),  # it is west there
        (
            "buenos aires",
            (
                "several places have that name; write one of America/Argentina/Buenos_Aires,"
                " America/Buenos_Aires"
            ),
        ),
    ],
)
def test_what_is_none(text: str, said: str) -> None:
    """What it says helps."""
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        find_zone(text, KNOWN)
