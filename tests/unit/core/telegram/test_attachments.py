"""What comes with a message."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.facts.attachment_kinds import ATTACHMENT_KINDS
from bot.core.telegram.attachments import Attachment, read_attachments, sent_along


@pytest.mark.parametrize("kind", ATTACHMENT_KINDS)
def test_each_kind(kind: str) -> None:
    """By Telegram's id of the file; what is no file has none."""
    assert sent_along({kind: {"file_id": "x"}}, 5) == (Attachment(ATTACHMENT_KINDS[kind], "x", 5),)
    assert sent_along({kind: {}}, 5) == (Attachment(ATTACHMENT_KINDS[kind], None, 5),)


def test_the_largest_size_of_a_photo() -> None:
    """Telegram sends the smaller ones first."""
    assert sent_along({"photo": [{"file_id": "s"}, {"file_id": "l"}]}, 5) == (Attachment("photo", "l", 5),)
    assert sent_along({"photo": []}, 5) == (Attachment("photo", None, 5),)


def test_an_animation_is_no_second_document() -> None:
    """Telegram sends both fields."""
    both = {"animation": {"file_id": "x"}, "document": {"file_id": "x"}}
    assert sent_along(both, 5) == (Attachment("animation", "x", 5),)


@pytest.mark.parametrize("odd", [{"file_id": 7}, {"file_id": "é"}, {"file_id": "x" * 600}, "x", None, 7])
def test_what_is_no_id(odd: Any) -> None:
    """It is kept without; nothing is raised."""
    assert sent_along({"voice": odd}, 5) == (Attachment("voice", None, 5),)


def test_as_it_is_stored() -> None:
    """And read again; what others have written there is left out."""
    attachments = (Attachment("voice", "x", 5), Attachment("location", None, 6))
    assert read_attachments([it.to_document() for it in attachments]) == attachments
    assert read_attachments(["?", {}, {"kind": "voice"}, {"kind": "x", "messageId": 1}]) == ()
    assert read_attachments("?") == ()
