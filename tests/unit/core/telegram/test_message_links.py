"""Links to messages."""

from __future__ import annotations

import pytest

from bot.core.telegram.message_links import message_link


@pytest.mark.parametrize(
    ("chat_id", "thread_id", "link"),
    [
        (-1001234567890, None, "https://t.me/c/1234567890/42"),
        (-1001234567890, 7, "https://t.me/c/1234567890/7/42"),
        (-1000000000001, None, "https://t.me/c/1/42"),
        (-1000000000000, None, None),
        (-500, None, None),  # a basic group
        (777, None, None),
    ],
)
def test_links(chat_id: int, thread_id: int | None, link: str | None) -> None:
    """Supergroups have them, and nothing else."""
    assert message_link(chat_id, 42, thread_id) == link
