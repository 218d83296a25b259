"""Reading updates: tolerant beside what is needed, and never raising anything but `UnreadableUpdate`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answers.payloads import Callback
from bot.core.answers.rules import derive_event, named_session
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.commands import Audience, Command
from bot.core.telegram.updates import (
    ChatOpened,
    CommandUpdate,
    Tap,
    TappedMessage,
    TapUpdate,
    UnreadableUpdate,
    is_refused,
    query_id_of,
    read_update,
)

NOW = datetime(2026, 2, 16, 18, 42, 58, tzinfo=UTC)
INT64 = 2**63
LAST_SECOND = 253_402_300_799


def make_update(**query: Any) -> dict[str, Any]:
    """A tap as Telegram sends it, with fields of the query replaced."""
    return {
        "update_id": 5,
        "callback_query": {
            "id": "q1",
            "from": {"id": 7, "is_bot": False, "first_name": "Anna", "username": "anna"},
            "chat_instance": "-1",
            "message": make_message(),
            "data": "session_feedback|r|s|done",
            **query,
        },
    }


def make_membership(**fields: Any) -> dict[str, Any]:
    """That somebody has unblocked the bot, as Telegram sends it."""
    bot = {"id": 1, "is_bot": True, "first_name": "Bot"}
    change = {
        "chat": {"id": 7, "type": "private", "first_name": "Anna"},
        "from": {"id": 7, "is_bot": False, "first_name": "Anna"},
        "date": 1_771_267_378,
        "old_chat_member": {"user": bot, "status": "kicked", "until_date": 0},
        "new_chat_member": {"user": bot, "status": "member"},
    }
    return {"update_id": 5, "my_chat_member": change | fields}


def make_message(**fields: Any) -> dict[str, Any]:
    """The message below which the button stands."""
    return {
        "message_id": 700,
        "date": 1_771_267_378,
        "chat": {"id": 70, "type": "private"},
        "text": "How?",
        "entities": [{"type": "bold", "offset": 0, "length": 3}],
        "reply_markup": {"inline_keyboard": [[{"text": "Done", "callback_data": "x"}]]},
        **fields,
    }


def read_tap(update: object) -> TapUpdate:
    """The tap in an update that has one."""
    result = read_update(update, NOW)
    assert isinstance(result, TapUpdate)
    return result


def test_a_tap() -> None:
    """Everything the bot acts on is read."""
    result = read_tap(make_update())
    assert result.tap == Tap(
        update_id=5,
        query_id="q1",
        user_id=7,
        username="anna",
        chat_id=70,
        message_id=700,
        prompt_at=datetime(2026, 2, 16, 18, 42, 58, tzinfo=UTC),
        data="session_feedback|r|s|done",
        received_at=NOW,
        first_name="Anna",
    )
    assert result.prompted == TappedMessage(
        "How?",
        [{"type": "bold", "offset": 0, "length": 3}],
        [[{"text": "Done", "callback_data": "x"}]],
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"message": None}, {"chat_id": None, "message_id": None, "prompt_at": None}),
        ({"message": "gone"}, {"chat_id": None, "message_id": None, "prompt_at": None}),
        ({"message": make_message(date=0)}, {"prompt_at": None, "chat_id": 70, "message_id": 700}),
        ({"message": make_message(date=-1)}, {"prompt_at": None}),
        ({"message": make_message(date="1771267378")}, {"prompt_at": None}),
        ({"message": make_message(date=1.5)}, {"prompt_at": None}),
        ({"message": make_message(date=True)}, {"prompt_at": None}),
        ({"message": make_message(date=LAST_SECOND + 1)}, {"prompt_at": None}),
        ({"message": make_message(date=10**30)}, {"prompt_at": None}),
        ({"message": make_message(chat={"id": -1_001_234_567_890})}, {"chat_id": -1_001_234_567_890}),
        ({"message": make_message(chat={"id": INT64})}, {"chat_id": None}),
        ({"message": make_message(chat=None)}, {"chat_id": None}),
        ({"message": make_message(chat={})}, {"chat_id": None}),
        ({"message": make_message(message_id=INT64 - 1)}, {"message_id": INT64 - 1}),
        ({"message": make_message(message_id=INT64)}, {"message_id": None}),
        ({"message": make_message(message_id="700")}, {"message_id": None}),
        ({"from": {"id": 7}}, {"username": None}),
        ({"from": {"id": 7, "username": 7}}, {"username": None}),
        ({"from": {"id": 7, "username": "a\ud800b"}}, {"username": "a?b"}),
        ({"from": {"id": 2**40, "username": "x"}}, {"user_id": 2**40}),
        ({"from": {"id": INT64 - 1}}, {"user_id": INT64 - 1}),
        ({"from": {"id": -INT64}}, {"user_id": -INT64}),
        ({"data": None}, {"data": None}),
        ({"data": 7}, {"data": None}),
        ({"data": ""}, {"data": ""}),
        ({"data": "\ud800\x00"}, {"data": "\ud800\x00"}),
    ],
)
def test_what_lies_beside_a_tap_may_be_missing_or_odd(
    query: dict[str, Any], expected: dict[str, Any]
) -> None:
    """No username, no message, no date and no chat: the tap is read all the same."""
    tap = read_tap(make_update(**query)).tap
    assert {name: getattr(tap, name) for name in expected} == expected
    assert tap.query_id == "q1"


@pytest.mark.parametrize(
    "fields",
    [
        {"text": 7, "entities": "bold", "reply_markup": "none"},
        {"text": None, "entities": None, "reply_markup": None},
        {"text": [], "entities": {}, "reply_markup": {"inline_keyboard": {}}},
        {"text": {}, "entities": [1, "x", None], "reply_markup": {}},
    ],
)
def test_an_odd_message_is_not_shown(fields: dict[str, Any]) -> None:
    """Text, entities and keyboard of the wrong kind count as absent."""
    assert read_tap(make_update(message=make_message(**fields))).prompted == TappedMessage(None, [], [])


def test_an_odd_keyboard_keeps_what_can_be_kept() -> None:
    """Rows and buttons of the wrong kind fall away, the others stay in place."""
    markup = {"inline_keyboard": [[{"text": "a"}, 7], "row", [{"text": "b"}]]}
    prompted = read_tap(make_update(message=make_message(reply_markup=markup))).prompted
    assert prompted.keyboard == [[{"text": "a"}], [], [{"text": "b"}]]


@pytest.mark.parametrize(
    ("update", "field", "query_id"),
    [
        (None, "update", None),
        ([], "update", None),
        ("text", "update", None),
        (7, "update", None),
        ({"update_id": 5, "callback_query": None}, "callback_query", None),
        ({"update_id": 5, "callback_query": []}, "callback_query", None),
        (make_update(id=None), "callback_query.id", None),
        (make_update(id=""), "callback_query.id", None),
        (make_update(id=17), "callback_query.id", None),
        (make_update(**{"from": None}), "callback_query.from", "q1"),
        (make_update(**{"from": {}}), "callback_query.from.id", "q1"),
        (make_update(**{"from": {"id": "7"}}), "callback_query.from.id", "q1"),
        (make_update(**{"from": {"id": True}}), "callback_query.from.id", "q1"),
        (make_update(**{"from": {"id": 7.0}}), "callback_query.from.id", "q1"),
        (make_update(**{"from": {"id": INT64}}), "callback_query.from.id", "q1"),
        (make_update(**{"from": {"id": -INT64 - 1}}), "callback_query.from.id", "q1"),
        ({**make_update(), "update_id": None}, "update_id", "q1"),
        ({**make_update(), "update_id": "5"}, "update_id", "q1"),
        ({**make_update(), "update_id": INT64}, "update_id", "q1"),
        ({"callback_query": make_update()["callback_query"]}, "update_id", "q1"),
        ({"update_id": 5, "message": None}, "message", None),
        ({"update_id": 5, "message": []}, "message", None),
        ({"update_id": 5, "message": {}}, "message.chat", None),
        ({"update_id": 5, "message": {"chat": {}}}, "message.chat.id", None),
        ({"update_id": 5, "message": {"chat": {"id": "7"}}}, "message.chat.id", None),
        ({"update_id": 5, "message": {"chat": {"id": INT64}}}, "message.chat.id", None),
        ({"update_id": 5, "message": {"chat": {"id": 7}, "from": {}}}, "message.from.id", None),
        ({"update_id": 5, "my_chat_member": None}, "my_chat_member", None),
        ({"update_id": 5, "my_chat_member": {}}, "my_chat_member.chat", None),
        ({"update_id": 5, "my_chat_member": {"chat": {}}}, "my_chat_member.from", None),
        (make_membership(new_chat_member=None), "my_chat_member.new_chat_member", None),
        (make_membership(chat={"id": "7"}), "my_chat_member.chat.id", None),
        ({"update_id": 5, "edited_message": None}, "edited_message", None),
        ({"update_id": 5, "edited_message": {}}, "edited_message.chat", None),
        ({"update_id": 5, "edited_message": {"chat": {"id": 7}, "from": {}}}, "edited_message.from.id", None),
    ],
)
def test_what_cannot_be_read_names_the_field(update: object, field: str, query_id: str | None) -> None:
    """The error says which field is wrong, and which query can at least be answered."""
    with pytest.raises(UnreadableUpdate) as caught:
        read_update(update, NOW)
    assert str(caught.value).startswith(f"{field}: not a")
    assert query_id_of(update) == query_id


@pytest.mark.parametrize(
    ("member", "is_open"),
    [
        ({"status": "member"}, True),
        ({"status": "administrator"}, True),
        ({"status": "creator"}, True),
        ({"status": "restricted", "is_member": True}, True),
        ({"status": "restricted", "is_member": False}, False),
        ({"status": "restricted"}, False),
        ({"status": "left"}, False),
        ({"status": "kicked", "until_date": 0}, False),
        ({"status": "of the future"}, False),
        ({}, False),
    ],
)
def test_the_bot_is_let_in_or_shut_out(member: dict[str, Any], is_open: bool) -> None:
    """Only the former asks for something: what waits for the chat."""
    opened = ChatOpened(update_id=5, user_id=7, chat_id=7)
    assert read_update(make_membership(new_chat_member=member), NOW) == (opened if is_open else None)


@pytest.mark.parametrize(
    "update",
    [
        {},
        {"update_id": 5},
        {"update_id": 5, "edited_message": {"chat": {"id": 7, "type": "private"}}},
        {
            "update_id": 5,
            "edited_message": {"chat": {"id": 7, "type": "private"}, "from": {"id": 7}, "text": "/start"},
        },
        {"update_id": 5, "poll": None},
        {"update_id": 5, "message": {"chat": {"id": -7, "type": "group"}}},
        {"update_id": 5, "message": {"chat": {"id": -7, "type": "channel"}, "text": "/start"}},
        {
            "update_id": 5,
            "message": {"chat": {"id": 7, "type": "private"}, "from": {"id": 1, "is_bot": True}},
        },
        {"update_id": 5, "message": {"chat": {"id": -7, "type": "group"}, "from": {"id": 1}, "text": "hi"}},
        {"update_id": 5, "message": {"chat": {"id": -7, "type": "group"}, "from": {"id": 1}}},
    ],
)
def test_other_kinds_of_updates_ask_for_nothing(update: object) -> None:
    """What the bot has nothing to do with is no error."""
    assert read_update(update, NOW) is None


@pytest.mark.parametrize(
    ("text", "name", "argument", "addressee"),
    [
        ("/start", "start", "", None),
        ("/START", "start", "", None),
        ("/stats 30", "stats", "30", None),
        ("/stats   30  ", "stats", "30", None),
        ("/week\nlast", "week", "last", None),
        ("/stats@Feedback_Bot 7", "stats", "7", "feedback_bot"),
        ("/help@other", "help", "", "other"),
        ("/help@", "help", "", None),
        ("/", "", "", None),
        (None, "", "", None),
        (7, "", "", None),
    ],
)
def test_commands(text: object, name: str, argument: str, addressee: str | None) -> None:
    """Slash and case fall away, and the bot that is named is known; private messages without words are
    commands without a name."""
    message = {"message_id": 3, "chat": {"id": 7, "type": "private"}, "from": {"id": 8}, "text": text}
    assert read_update({"update_id": 5, "message": message}, NOW) == CommandUpdate(
        5, 8, 7, is_private=True, name=name, argument=argument, addressee=addressee, message_id=3
    )


@pytest.mark.parametrize("name", [*Command, "", "other"])
def test_whose_commands_are_refused(name: str) -> None:
    """A stranger's, and an athlete's that is not for athletes; the coach's chat may ask what all may."""
    asked = CommandUpdate(1, 7, 7, is_private=True, name=name, argument="")
    command = asked.command
    is_for_athletes = command is None or command.is_for(is_athlete=True, is_admin=False)
    assert is_refused(asked, is_athlete=False, is_admin=False)
    assert is_refused(asked, is_athlete=True, is_admin=False) is not is_for_athletes
    assert not is_refused(asked, is_athlete=False, is_admin=True)
    assert not is_refused(asked, is_athlete=True, is_admin=True)
    not_theirs = (Audience.ATHLETES, Audience.ADMINS)
    is_for_coach = command.audience not in not_theirs if command is not None else name == ""
    assert is_refused(asked, is_athlete=False, is_admin=False, is_coach=True) is not is_for_coach


def test_commands_in_groups_are_not_private() -> None:
    """A group's chat id is negative and its commands are marked."""
    message = {"chat": {"id": -(2**40), "type": "supergroup"}, "from": {"id": 8}, "text": "/stats"}
    result = read_update({"update_id": 5, "message": message}, NOW)
    assert result == CommandUpdate(5, 8, -(2**40), is_private=False, name="stats", argument="")


@pytest.mark.parametrize(("marks", "thread"), [({"is_topic_message": True}, 42), ({}, None)])
def test_a_topic_is_told_from_a_thread_of_replies(marks: dict[str, Any], thread: int | None) -> None:
    """Replies in General have a thread, too, in which no message can be sent."""
    where = {"chat": {"id": -(2**40), "type": "supergroup"}, "message_thread_id": 42, **marks}
    written = {"message_id": 3, "from": {"id": 8}, "text": "/help", **where}
    found = read_update({"update_id": 5, "message": written}, NOW)
    assert isinstance(found, CommandUpdate)
    assert found.thread_id == thread
    assert read_tap(make_update(message=make_message(**where))).tap.thread_id == thread


@pytest.mark.parametrize(
    "zone", ["Pacific/Kiritimati", "Asia/Tokyo", "UTC", "America/New_York", "Pacific/Niue"]
)
@pytest.mark.parametrize("date", [1, 60, 86_399, LAST_SECOND - 86_400 * 3, LAST_SECOND - 60, LAST_SECOND])
def test_every_date_that_is_accepted_can_be_told_in_every_zone(date: int, zone: str) -> None:
    """A message from the very first or very last day of the calendar gives a result, not a defect."""
    tap = read_tap(make_update(message=make_message(date=date))).tap
    callback = Callback("r", "s", FeedbackType.DONE)
    derive_event(tap, callback, named_session(tap, callback), zone=ZoneInfo(zone), late_after_days=14)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, INT64, -INT64, LAST_SECOND, LAST_SECOND + 1]),
    st.floats(),
    st.text(st.characters(codec=None, exclude_categories=()), max_size=20),
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
chats = st.fixed_dictionaries({}, optional={"id": json_values, "type": scalars | st.just("private")})
messages = st.fixed_dictionaries(
    {},
    optional={
        "message_id": json_values,
        "date": json_values,
        "chat": chats | json_values,
        "from": chats | json_values,
        "text": json_values | st.just("/start x"),
        "entities": json_values,
        "reply_markup": st.fixed_dictionaries({"inline_keyboard": json_values}) | json_values,
    },
)
queries = st.fixed_dictionaries(
    {"id": st.text(min_size=1, max_size=5) | json_values},
    optional={"from": chats | json_values, "message": messages | json_values, "data": json_values},
)
updates = st.fixed_dictionaries(
    {"update_id": st.integers(0, 10**9) | json_values},
    optional={"callback_query": queries | json_values, "message": messages | json_values},
)


@given(updates | json_values)
def test_any_json_gives_a_result_or_unreadable(update: object) -> None:
    """No update of any kind raises anything else, and what is read fits into 64 bits."""
    try:
        result = read_update(update, NOW)
    except UnreadableUpdate as exc:
        assert ": not a" in str(exc)  # noqa: PT017
        return
    if isinstance(result, TapUpdate):
        tap = result.tap
        for number in (tap.update_id, tap.user_id, tap.chat_id, tap.message_id):
            assert number is None or -INT64 <= number < INT64
        (tap.username or "").encode()


@pytest.mark.parametrize(
    ("data", "is_question"), [("later|r|s", True), ("do|unnote|5", False), ("do|x|5", True)]
)
def test_a_message_that_tells_of_a_note_is_no_question(data: str, *, is_question: bool) -> None:
    """Its time is not that of the question which its other buttons answer."""
    rows = [
        [{"text": "a", "callback_data": "session_feedback|r|s|done"}],
        [{"text": "b", "callback_data": data}],
    ]
    tap = read_tap(make_update(message=make_message(reply_markup={"inline_keyboard": rows}))).tap
    assert (tap.prompt_at is not None) is is_question
