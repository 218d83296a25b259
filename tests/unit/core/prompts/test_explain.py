"""Where a prompt stands, in one sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.people.athlete import Athlete, ContactHours, Roster
from bot.core.prompts.explain import explain, is_answered_by, state_at, state_of
from bot.core.prompts.prompt import PromptState

NOW = datetime(2026, 2, 17, 19, tzinfo=UTC)
AT = "2026-02-17T19:00:00.000Z"
LATER = "2026-02-17T20:00:00.000Z"
BECAUSE = "because the bot was away and may have missed the answer"
UNBLOCKED = "It is asked as soon as they unblock the bot, or when it is queued once more."
HOUR = timedelta(hours=1)
MS = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "Will be asked as soon as it can be sent."),
        ({"state": "pending", "dueAt": NOW}, "Will be asked as soon as it can be sent."),
        ({"state": "pending", "dueAt": NOW + HOUR}, f"Will be asked at {LATER}."),
        ({"state": "pending", "dueAt": "soon"}, "Will be asked as soon as it can be sent."),
        (
            {"state": "pending", "dueAt": NOW, "reason": "no connection", "attemptAt": NOW + HOUR},
            f"Due, and tried in vain: no connection. The next try is at {LATER}.",
        ),
        (
            {"state": "pending", "dueAt": NOW, "reason": "no connection", "attemptAt": NOW},
            "Will be asked as soon as it can be sent.",
        ),
        (
            {"state": "pending", "sentAt": NOW, "askedAgainAt": NOW},
            f"Asked at {AT}, and asked again as soon as it can be sent, {BECAUSE}.",
        ),
        (
            {"state": "pending", "sentAt": NOW, "again": "later", "dueAt": NOW + HOUR},
            f"Asked at {AT}, and asked again at {LATER}, because the athlete wished to be asked later.",
        ),
        (
            {"state": "pending", "sentAt": NOW, "again": "nudge"},
            f"Asked at {AT}, and asked again as soon as it can be sent, because nobody has answered.",
        ),
        (
            {"state": "sent", "sentAt": NOW},
            f"Asked at {AT}, and not answered yet. An answer counts before 2026-03-04T19:00:00.000Z.",
        ),
        ({"state": "sent"}, "Asked, and not answered yet."),
        ({"state": "sent", "sentAt": datetime.max.replace(tzinfo=UTC)}, None),
        ({"state": "answered"}, "Answered; the answer stands in feedback_events."),
        (
            {"state": "answered", "answeredAt": NOW},
            f"Answered at {AT}; the answer stands in feedback_events.",
        ),
        (
            {"state": "late", "sentAt": NOW, "reason": "x"},
            f"Asked at {AT}. The answer came more than 14 days later and does not count.",
        ),
        (
            {"state": "expired", "sentAt": NOW},
            f"Asked at {AT}, and not answered in time: an answer does not count any more.",
        ),
        (
            {"state": "expired", "reason": "it was not sent by then"},
            "Not asked, and it is too late to ask now: it was not sent by then.",
        ),
        (
            {"state": "undeliverable", "reason": "message is too long"},
            "Could not be sent, and is not tried again: message is too long.",
        ),
        (
            {"state": "undeliverable", "reason": "bot was blocked by the user"},
            f"Could not be sent: bot was blocked by the user. {UNBLOCKED}",
        ),
        (
            {"state": "undeliverable", "reason": "bot was blocked by the user", "notAfter": NOW},
            "Could not be sent, and it is too late to ask now: bot was blocked by the user.",
        ),
        (
            {"state": "undeliverable", "reason": "bot was blocked by the user", "sentAt": NOW},
            f"Asked at {AT}, and could not be sent again: bot was blocked by the user. {UNBLOCKED}",
        ),
        ({"state": "undeliverable"}, "Could not be sent, and is not tried again."),
        ({"state": "cancelled", "reason": "paused"}, "Not asked, and not to be: paused."),
        ({"state": "strange"}, "Will be asked as soon as it can be sent."),
    ],
)
def test_sentences(document: dict[str, Any], sentence: str | None) -> None:
    """Each state, with what comes next."""
    said = explain(document, now=NOW, late_after_days=14)
    assert said.startswith("Asked at 9999") if sentence is None else said == sentence


def test_the_next_try_is_at_its_instant() -> None:
    """From then on it is just due."""
    document = {"state": "pending", "reason": "x", "attemptAt": NOW}
    assert "tried in vain" in explain(document, now=NOW - MS, late_after_days=0)
    assert "tried in vain" not in explain(document, now=NOW, late_after_days=0)


FIELDS = ("state", "reason", "sentAt", "dueAt", "answeredAt", "attemptAt", "again")
VALUES = (
    st.none() | st.text(max_size=5) | st.integers() | st.sampled_from([*PromptState, "later"])
    | st.datetimes(timezones=st.just(UTC)) | st.lists(st.none(), max_size=1)
)  # fmt: skip


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, VALUES)), st.integers(0, 3650))
def test_any_document_is_explained(document: dict[str, Any], days: int) -> None:
    """Anybody may have written it."""
    assert explain(document, now=NOW, late_after_days=days).endswith(".")
    assert state_of(document) in PromptState


@pytest.mark.parametrize(
    ("question", "answer", "is_one"),
    [
        ({"userId": 7, "chatId": "-5"}, {"userId": 7, "chatId": "7"}, True),
        ({"userId": 7, "chatId": "-5"}, {"userId": 8, "chatId": "-5"}, False),
        ({"athleteId": "ana", "chatId": "-5"}, {"userId": 7}, True),
        ({"athleteId": "ana", "chatId": "-5"}, {"userId": 8}, False),
        ({"chatId": 7}, {"userId": "7"}, True),
        ({"chatId": 7}, {"userId": 8}, False),
        ({"chatId": -5}, {"userId": 8}, True),
        ({"userId": 7, "chatId": "-5"}, {"userId": None}, True),
        ({"userId": 7, "sessionId": 5}, {"userId": 7, "sessionId": "5"}, True),
        ({"userId": 7}, {"userId": 7, "sessionId": "another"}, False),
        ({"userId": 7}, {"userId": 7, "runId": "another"}, False),
    ],
)
def test_whose_answer_it_is(question: dict[str, Any], answer: dict[str, Any], is_one: bool) -> None:
    """In whichever chat it was given; of somebody else only where anybody may answer."""
    key = {"runId": "r", "sessionId": "s"}
    roster = Roster((Athlete("ana", 7, -5, ContactHours(ZoneInfo("UTC"))),))
    assert is_answered_by(key | question, key | answer, roster) is is_one


@pytest.mark.parametrize("state", [None, "pending", "sent", "undeliverable"])
def test_what_cannot_be_answered_any_more_has_expired(state: str | None) -> None:
    """Whether or not somebody has noted that."""
    edge = NOW - timedelta(days=15)
    assert state_at({"state": state, "sentAt": edge}, NOW, 14) is PromptState.EXPIRED
    assert state_at({"state": state, "sentAt": edge + MS}, NOW, 14) is PromptState(state or "pending")
