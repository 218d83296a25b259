"""Of several messages with one question one counts."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.i18n.language import Language
from bot.core.prompts.older_copies import OlderCopy, Whereabouts, line, older_copies

ASKED, BELOW, ABOVE = Whereabouts
ANA, GROUP = 7, -1001234567890


def asked(*message_ids: object, **fields: Any) -> dict[str, Any]:
    """A question that was sent so often."""
    return {"messages": [{"messageId": it} for it in message_ids], "state": "sent", "userId": ANA, **fields}


@pytest.mark.parametrize(
    ("document", "chat_id", "expected"),
    [
        (asked(1), ANA, []),
        (asked(1, 5, 9), ANA, [(1, 9, ASKED), (5, 9, ASKED)]),
        (asked(1, 5, state="pending"), ANA, [(1, 5, ASKED)]),
        (asked(1, 5, 9, state="answered", answeredIn=9), ANA, [(1, 9, BELOW), (5, 9, BELOW)]),
        (asked(1, 5, 9, state="answered", answeredIn=5), ANA, [(1, 5, BELOW), (9, 5, ABOVE)]),
        # Below a message of somebody else's, which carried the same buttons.
        (asked(1, 5, state="answered", answeredIn=3), ANA, [(1, 3, BELOW), (5, 3, ABOVE)]),
        # By another program: nobody knows where.
        (asked(1, 5, state="answered"), ANA, [(1, 5, ASKED)]),
        # For whoever is there: others can answer still.
        (asked(1, 5, state="answered", answeredIn=1, userId=None), GROUP, [(1, 5, ASKED)]),
        (asked(1, 5, state="answered", answeredIn=1), GROUP, [(5, 1, ABOVE)]),
        (asked("x", None, 5, 5), ANA, []),
        ({"messages": "odd"}, ANA, []),
        ({"messages": [None, 7]}, ANA, []),
        ({}, ANA, []),
    ],
)
def test_which_counts(
    document: dict[str, Any], chat_id: int, expected: list[tuple[int, int, Whereabouts]]
) -> None:
    """The one with the answer, else the newest."""
    found = sorted(older_copies(document, chat_id), key=lambda copy: copy.message_id)
    assert found == [OlderCopy(*copy) for copy in expected]


def test_the_line_is_a_link_where_there_are_links() -> None:
    """Else words."""
    copy = OlderCopy(1, 42, ASKED)
    assert line(copy, ANA, None, Language.EN) == "⤵️ Asked again below."
    assert line(copy, GROUP, 3, Language.EN) == (
        '<a href="https://t.me/c/1234567890/3/42">⤵️ Asked again below.</a>'
    )
