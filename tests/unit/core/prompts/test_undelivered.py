"""What a prompt that did not arrive waits for, until when, and which chats are known to be closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.core.people.athlete import Athlete, ContactHours, Roster
from bot.core.prompts.prompt import PromptState
from bot.core.prompts.undelivered import (
    OPENS,
    ClosedChat,
    closed_chats,
    is_worth_sending,
    name_of,
    once_open,
    refuses,
    waits_for,
)
from bot.core.telegram.refusals import Refusal

NOW = datetime(2026, 2, 16, 20, tzinfo=UTC)
DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)
BLOCKED = "Forbidden: bot was blocked by the user"


def refused(**fields: Any) -> dict[str, Any]:
    """A question of this evening that was refused an hour later."""
    known = {"state": "undeliverable", "reason": BLOCKED, "chatId": "7", "dueAt": NOW, "updatedAt": NOW}
    return known | {"runId": "r", "sessionId": "s"} | fields


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({}, Refusal.BLOCKED),
        ({"reason": "Chat not found"}, Refusal.NOT_STARTED),
        ({"reason": "Chat not found", "chatId": "-100"}, Refusal.REMOVED),
        ({"reason": "Chat not found", "chatId": -100}, Refusal.REMOVED),
        ({"reason": "Topic_closed"}, Refusal.TOPIC),
        ({"kind": "session"}, Refusal.BLOCKED),
        ({"kind": "reminder"}, Refusal.BLOCKED),
        ({"kind": "notice"}, None),
        ({"kind": "alert"}, None),
        ({"reason": "Forbidden: user is deactivated"}, None),
        ({"reason": "defect: KeyError"}, None),
        ({"reason": None}, None),
        ({"reason": 5}, None),
        *(({"state": state.value}, None) for state in PromptState if state != PromptState.UNDELIVERABLE),
        ({"state": None}, None),
    ],
)
def test_what_it_waits_for(fields: dict[str, Any], refusal: Refusal | None) -> None:
    """Only what is undeliverable, for a reason that somebody can end."""
    assert waits_for(refused(**fields)) is refusal


def test_there_are_words_for_each_refusal_that_may_end() -> None:
    """So that whoever asks learns what to do."""
    assert set(OPENS) == {refusal for refusal in Refusal if refusal.may_end}


@pytest.mark.parametrize(
    ("fields", "last"),
    [
        ({"notAfter": NOW + 3 * DAY}, NOW + 3 * DAY),
        ({}, NOW + 14 * DAY),
        ({"sentAt": NOW - 2 * DAY, "notAfter": NOW - DAY}, NOW + 13 * DAY),
        ({"sentAt": NOW - 2 * DAY}, NOW + 13 * DAY),
    ],
)
def test_until_when_it_can_be_answered(fields: dict[str, Any], last: datetime) -> None:
    """To the millisecond: by its own end, as a planned one, or as long as what was asked counts."""
    assert is_worth_sending(refused(**fields), last - MILLISECOND, 14)
    assert not is_worth_sending(refused(**fields), last, 14)


@pytest.mark.parametrize("kind", ["reminder", "weekly", "notice", "nonsense"])
def test_only_questions_are_worth_it(kind: str) -> None:
    """Nobody who comes back after a week wants the reminders of that week."""
    assert not is_worth_sending(refused(kind=kind, notAfter=NOW + DAY), NOW, 14)


@pytest.mark.parametrize("fields", [{"dueAt": None}, {"dueAt": "2026-02-16"}, {"notAfter": "soon"}])
def test_times_that_are_none_keep_nothing_back(fields: dict[str, Any]) -> None:
    """Whoever sends it looks at them, and says what is wrong."""
    assert is_worth_sending(refused(**fields), NOW, 14)
    assert is_worth_sending(refused(dueAt=datetime.max.replace(tzinfo=UTC)), NOW, 14)


@pytest.mark.parametrize(
    ("fields", "heard", "state"),
    [
        ({}, NOW, PromptState.PENDING),
        ({}, NOW - MILLISECOND, None),
        ({"updatedAt": None}, NOW - DAY, PromptState.PENDING),
        ({"notAfter": NOW + DAY}, NOW + DAY, PromptState.EXPIRED),
        ({"kind": "weekly"}, NOW, PromptState.EXPIRED),
        ({"reason": "message is too long"}, NOW, None),
        ({"state": "sent"}, NOW, None),
    ],
)
def test_what_becomes_of_it(fields: dict[str, Any], heard: datetime, state: PromptState | None) -> None:
    """An old update, processed once more, does not revive what was refused since."""
    assert once_open(refused(**fields), heard, 14) is state


def test_whose_chat_it_is() -> None:
    """By the name on the roster, else the id, else the chat."""
    hours = ContactHours(ZoneInfo("UTC"))
    roster = Roster((Athlete("ana", 7, -100, hours, "Ana"), Athlete("8", 8, 8, hours)))

    def name(chat_id: int, athlete_id: str | None = None, user_id: int | None = None) -> str:
        chat = ClosedChat(chat_id, Refusal.BLOCKED, BLOCKED, athlete_id, user_id, waiting=1, is_told=False)
        assert f"chat {chat_id} ({BLOCKED})" in refuses(chat)
        return name_of(chat, roster)

    assert name(5, athlete_id="ana") == name(5, user_id=7) == name(-100) == "Ana (ana)"
    assert (name(8), name(9)) == ("8", "chat 9")


def test_closed_chats() -> None:
    """By the last refusal of each; what can no longer come is not counted, and still tells of it."""
    documents = [
        refused(reason="Chat not found", refusalToldAt=NOW),
        refused(athleteId="ana", userId=7),
        refused(kind="reminder", athleteId="ana", userId=7),
        refused(chatId=-5, reason="bot was kicked from the group chat", refusalToldAt=NOW),
        refused(chatId="-5", reason="bot was kicked from the group chat"),
        refused(chatId="nonsense"),
        refused(chatId="8", state="sent"),
        refused(chatId="9", dueAt=NOW - 20 * DAY),
    ]
    kicked = "bot was kicked from the group chat"
    sent = {-5: NOW - DAY, 10: NOW}
    documents.append(refused(chatId="10"))
    assert closed_chats(documents, sent, NOW, 14) == [
        ClosedChat(7, Refusal.BLOCKED, BLOCKED, "ana", 7, waiting=2, is_told=False),
        ClosedChat(-5, Refusal.REMOVED, kicked, None, None, waiting=2, is_told=True),
        ClosedChat(9, Refusal.BLOCKED, BLOCKED, None, None, waiting=0, is_told=False),
    ]
