"""Outbox documents and what follows a failed try: tables, exactly on the boundaries."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.prompts.prompt import (
    AskAgainReason,
    InvalidPrompt,
    Moved,
    Prompt,
    PromptKind,
    Retry,
    Undeliverable,
    after_failure,
    check_id,
    parse_chat_id,
    read_due_at,
    read_prompt,
)
from bot.core.shared.clock import from_ms, iso_utc, parse_instant, to_ms
from bot.core.shared.errors import (
    TelegramChatMigrated,
    TelegramConflict,
    TelegramError,
    TelegramNotSent,
    TelegramRateLimited,
    TelegramRejected,
    TelegramUnauthorized,
    TelegramUnknown,
)

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
INT64 = 2**63


def make_document(**fields: Any) -> dict[str, Any]:
    """The least that a workflow inserts, as a claim returns it."""
    return {"_id": 1, "claim": "c", "attempts": 1, "runId": "r", "sessionId": "s", "chatId": 70, **fields}


def make_prompt(attempts: int = 1, unknowns: int = 0) -> Prompt:
    """A claimed prompt."""
    return Prompt(1, "c", "r", "s", 70, None, None, attempts, unknowns)


def test_the_least_document() -> None:
    """Nothing but the three ids is needed."""
    assert read_prompt(make_document()) == Prompt(1, "c", "r", "s", 70, None, None, 1, 0)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"runId": 5, "sessionId": 6}, {"run_id": "5", "session_id": "6"}),
        ({"runId": 1_771_267_378_123.0}, {"run_id": "1771267378123"}),
        ({"runId": " r ", "sessionId": "a|b"}, {"run_id": " r ", "session_id": "a|b"}),
        ({"runId": "r" * 5000}, {"run_id": "r" * 5000}),
        ({"chatId": "70"}, {"chat_id": 70}),
        ({"chatId": " -10070 "}, {"chat_id": -10070}),
        ({"chatId": 70.0}, {"chat_id": 70}),
        ({"messageThreadId": 42.0}, {"thread_id": 42}),
        ({"messageThreadId": "42"}, {"thread_id": 42}),
        ({"messageThreadId": 1}, {"thread_id": None}),
        ({"messageThreadId": None}, {"thread_id": None}),
        ({"title": "  Easy  ", "note": "\n"}, {"title": "Easy", "note": None}),
        ({"title": 10, "note": None}, {"title": "10", "note": None}),
        ({"attempts": 4, "unknowns": 2}, {"attempts": 4, "unknowns": 2}),
        ({"attempts": 4.0}, {"attempts": 4}),
        ({"unknowns": None}, {"unknowns": 0}),
        ({"unknowns": "many"}, {"unknowns": 0}),
        ({"unknowns": float("nan")}, {"unknowns": 0}),
        ({"unknowns": -3}, {"unknowns": 0}),
        ({"askedAgainAt": NOW}, {"again": AskAgainReason.ABSENCE}),
        ({"askedAgainAt": NOW, "again": "nudge"}, {"again": AskAgainReason.NUDGE}),
        ({"again": "tomorrow"}, {"again": None}),
        ({"sentAt": NOW}, {"was_sent": True}),
        ({"sentAt": None}, {"was_sent": False}),
        ({"kind": None}, {"kind": PromptKind.SESSION}),
        ({"kind": "reminder"}, {"kind": PromptKind.REMINDER}),
        ({"athleteId": " ana ", "userId": 7.0}, {"athlete_id": "ana", "user_id": 7}),
        ({"userId": "123456"}, {"user_id": 123_456}),
        ({"date": "2026-02-16"}, {"day": date(2026, 2, 16)}),
        ({"date": "monday"}, {"day": None}),
        ({"date": NOW}, {"day": None}),
        ({"plan": {"activity": "Run"}}, {"plan": {"activity": "Run"}}),
        ({"plan": "Run", "sessions": "Run"}, {"plan": None, "sessions": ()}),
        ({"sessions": [{}, 7]}, {"sessions": ({},)}),
        ({"mine": {"own": "field"}}, {"run_id": "r"}),
    ],
)
def test_what_a_workflow_may_write(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """Numbers and texts are both ids, extra fields do no harm, odd counters count as none."""
    prompt = read_prompt(make_document(**fields))
    assert {name: getattr(prompt, name) for name in expected} == expected


@pytest.mark.parametrize("field", ["runId", "sessionId"])
@pytest.mark.parametrize(
    "value", [None, "", "  ", True, 1.5, float("nan"), float("inf"), [], {}, b"r", "\ud800", NOW]
)
def test_ids_that_name_nothing(field: str, value: object) -> None:
    """The message names the field and says what to do."""
    with pytest.raises(InvalidPrompt, match=rf"^{field}: .*(give|write)"):
        read_prompt(make_document(**{field: value}))


@pytest.mark.parametrize("value", [0, -7, 1.5, True, "seven", [], INT64])
def test_a_user_that_is_none(value: object) -> None:
    """Who may answer must be known: what names nobody is refused, not taken for anybody."""
    with pytest.raises(InvalidPrompt, match=r"^userId: .*give"):
        read_prompt(make_document(userId=value))


def test_an_unknown_kind() -> None:
    """Nobody knows what to send."""
    with pytest.raises(InvalidPrompt, match=r"^kind: "):
        read_prompt(make_document(kind="poem"))


@pytest.mark.parametrize("field", ["runId", "sessionId", "chatId"])
def test_missing_ids(field: str) -> None:
    """A document without one of the three is named as such."""
    document = make_document()
    del document[field]
    with pytest.raises(InvalidPrompt, match=f"^{field}: "):
        read_prompt(document)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (-1_001_234_567_890, -1_001_234_567_890),
        ("123456", 123_456),
        ("-100123", -100_123),
        (" 7\n", 7),
        ("007", 7),
        ("7\x1f", 7),
        (7.0, 7),
        (-1.001e12, -1_001_000_000_000),
        (INT64 - 1, INT64 - 1),
        (-INT64, -INT64),
        (str(INT64 - 1), INT64 - 1),
        (str(-INT64), -INT64),
    ],
)
def test_chat_ids(value: object, expected: int) -> None:
    """Numbers, texts and whole doubles; groups are negative."""
    assert parse_chat_id(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, "0", "-0", 0.0, 1.5, float("nan"), float("inf"), -float("inf"), 1e300, INT64,
        -INT64 - 1, str(INT64), str(-INT64 - 1), "", " ", "-", "--1", "+1", "1 2", "1_0", "1.0", "@name",
        "١٢", "²", "9" * 5000, "-" + "9" * 5000, [], {}, b"1", "0x10",
    ],
)  # fmt: skip
def test_what_is_no_chat_id(value: object) -> None:
    """The message shows what one looks like."""
    with pytest.raises(InvalidPrompt, match=r"^chatId: .* such as 123456"):
        parse_chat_id(value)


@given(st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.booleans(), st.lists(st.integers())))
def test_chat_ids_of_any_kind(value: object) -> None:
    """Whatever is given, it is a 64-bit number other than zero, or refused."""
    try:
        chat_id = parse_chat_id(value)
    except InvalidPrompt:
        return
    assert chat_id != 0
    assert -INT64 <= chat_id < INT64


@pytest.mark.parametrize("value", ["", " ", "\t\n", "\ud800", "a\udfff"])
def test_check_id_names_its_field(value: str) -> None:
    """The field is what the caller calls it."""
    with pytest.raises(InvalidPrompt, match=r"^--run-id: "):
        check_id(value, "--run-id")
    assert check_id(" kept as it is ", "--run-id") == " kept as it is "


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (NOW, NOW),
        ("2026-02-16T20:00:00Z", datetime(2026, 2, 16, 20, tzinfo=UTC)),
        ("2026-02-16T20:00:00.123Z", datetime(2026, 2, 16, 20, 0, 0, 123_000, tzinfo=UTC)),
        ("2026-02-16T20:00:00+05:30", datetime(2026, 2, 16, 14, 30, tzinfo=UTC)),
        ("2026-02-16T20:00", datetime(2026, 2, 16, 19, tzinfo=UTC)),
        ("2026-07-16T20:00", datetime(2026, 7, 16, 18, tzinfo=UTC)),
        (" 2026-02-16 20:00 ", datetime(2026, 2, 16, 19, tzinfo=UTC)),
        ("2026-02-16", datetime(2026, 2, 15, 23, tzinfo=UTC)),
    ],
)
def test_when_a_prompt_is_due(value: object, expected: datetime | None) -> None:
    """A date, or an ISO text that without an offset is taken in the configured zone, in UTC afterwards."""
    due_at = read_due_at(make_document(dueAt=value), ZoneInfo("Europe/Madrid"))
    assert due_at == expected
    if isinstance(value, str):
        assert due_at is not None
        assert due_at.utcoffset() == timedelta(0)


def test_no_due_time_is_none() -> None:
    """Without the field the prompt is due at once."""
    assert read_due_at(make_document(), UTC) is None


@pytest.mark.parametrize(
    "value", ["", "soon", "tomorrow", "2026-13-01", "2026-02-30T10:00", "2026-02-16T25:00", 7.5, [], {}, True]
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_what_is_no_due_time(value: object, zone: str) -> None:
    """The message shows how to write one."""
    with pytest.raises(InvalidPrompt, match=r"^dueAt: not a date; write one such as"):
        read_due_at(make_document(dueAt=value), ZoneInfo(zone))


@pytest.mark.parametrize("value", ["0001-01-01T00:00", "9999-12-31T23:00-05:00", "0001-01-01T00:00+14:00"])
def test_due_times_beyond_the_calendar(value: str) -> None:
    """What UTC cannot express is refused like any other bad date."""
    with pytest.raises(InvalidPrompt, match=r"^dueAt: "):
        read_due_at(make_document(dueAt=value), ZoneInfo("Asia/Tokyo"))


@pytest.mark.parametrize(
    ("error", "prompt", "expected"),
    [
        (TelegramChatMigrated("moved", -100), make_prompt(), Moved(-100)),
        (TelegramRejected("bot was blocked"), make_prompt(), Undeliverable("bot was blocked")),
        (
            TelegramRateLimited("wait", 7.5),
            make_prompt(5),
            Retry(NOW + timedelta(seconds=7.5), "wait", hold=True),
        ),
        (TelegramRateLimited("wait", 0), make_prompt(), Retry(NOW, "wait", hold=True)),
        (TelegramUnauthorized("token"), make_prompt(9), Retry(NOW + timedelta(seconds=60), "token")),
        *(
            (TelegramNotSent("down"), make_prompt(attempts), Retry(NOW + timedelta(seconds=s), "down"))
            for attempts, s in ((1, 2), (2, 4), (3, 8), (5, 32), (6, 60), (7, 60), (10**6, 60))
        ),
        *(
            (error, make_prompt(3, unknowns), Retry(NOW + delay, "lost", unknown=True))
            for error in (TelegramUnknown("lost"), TelegramConflict("lost"), TelegramError("lost"))
            for unknowns, delay in (
                (0, timedelta(seconds=20)),
                (1, timedelta(minutes=5)),
                (2, timedelta(minutes=30)),
                (3, timedelta(hours=2)),
                (4, timedelta(hours=2)),
                (10**6, timedelta(hours=2)),
            )
        ),
    ],
)
def test_what_follows_a_failure(
    error: TelegramError, prompt: Prompt, expected: Retry | Undeliverable | Moved
) -> None:
    """Never, elsewhere, or later; a lost reply is flagged and each further copy waits longer."""
    assert after_failure(prompt, error, NOW) == expected


@given(st.integers(-(10**13), 10**14))
def test_instants_keep_their_milliseconds(ms: int) -> None:
    """Milliseconds to an instant and back is the same number."""
    assert to_ms(from_ms(ms)) == ms


def test_instants_are_shown_in_utc() -> None:
    """With milliseconds and Z, whatever their zone."""
    madrid = NOW.astimezone(ZoneInfo("Europe/Madrid"))
    assert iso_utc(madrid) == iso_utc(NOW) == "2026-02-16T18:42:58.123Z"
    assert iso_utc(NOW.replace(microsecond=0)) == "2026-02-16T18:42:58.000Z"
    assert parse_instant(iso_utc(NOW), ZoneInfo("Asia/Tokyo")) == NOW
