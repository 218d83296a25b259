"""Reading messages that may be notes: replies to the bot's messages, their edits, and what is no text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.telegram.updates import CommandUpdate, NoteUpdate, UnreadableUpdate, is_refused, read_update

NOW = datetime(2026, 2, 16, 18, 42, 58, tzinfo=UTC)
BOT = {"id": 1, "is_bot": True, "first_name": "Bot"}
QUESTION: dict[str, Any] = {
    "message_id": 700,
    "date": int(NOW.timestamp()) - 60,
    "from": BOT,
    "chat": {"id": 7, "type": "private"},
    "text": "How?",
    "reply_markup": {
        "inline_keyboard": [
            [{"text": "a", "callback_data": "session_feedback|r|s|done"}, {"text": "b", "url": "https://x"}],
            [{"text": "c", "callback_data": "later|r|s"}],
        ]
    },
}


def message(**fields: Any) -> dict[str, Any]:
    """A reply to the question in a private chat, with fields replaced; None takes one away."""
    whole = {
        "message_id": 701,
        "from": {"id": 7, "is_bot": False, "first_name": "Anna", "language_code": "es"},
        "chat": {"id": 7, "type": "private"},
        "text": "left knee",
        "reply_to_message": QUESTION,
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not None}


def read(kind: str = "message", **fields: Any) -> object:
    """What a message, or an edit of one, asks for."""
    return read_update({"update_id": 5, kind: message(**fields)}, NOW)


def note(**fields: Any) -> NoteUpdate:
    """The note in a message that is one."""
    found = read(**fields)
    assert isinstance(found, NoteUpdate)
    return found


def test_a_reply() -> None:
    """Everything that tells whose it is and what it is about."""
    assert read() == NoteUpdate(
        update_id=5,
        user_id=7,
        chat_id=7,
        is_private=True,
        message_id=701,
        text="left knee",
        replied_to=700,
        payloads=("session_feedback|r|s|done", "later|r|s"),
        is_edit=False,
        language_code="es",
        asked_at=NOW - timedelta(seconds=60),
        replied_by=1,
        sender_name="Anna",
    )


def test_the_question_as_it_looked() -> None:
    """It comes with the reply; what is no reply has none."""
    quoted = note().quoted
    assert quoted is not None
    assert (quoted.text, quoted.entities, quoted.keyboard[1][0]["text"]) == ("How?", [], "c")
    assert note(reply_to_message=None).quoted is None


def test_when_it_was_written() -> None:
    """Also of an edit: Telegram says so."""
    at = NOW - timedelta(hours=2)
    edited = read("edited_message", date=int(at.timestamp()), edit_date=int(NOW.timestamp()))
    assert isinstance(edited, NoteUpdate)
    assert edited.written_at == at == note(date=int(at.timestamp())).written_at
    assert note().written_at is None


def test_an_edited_reply() -> None:
    """The same, known as an edit, whether it is a reply or not; other edits are nobody's business."""
    found = read("edited_message", text="right knee")
    assert isinstance(found, NoteUpdate)
    assert (found.text, found.is_edit, found.message_id) == ("right knee", True, 701)
    found = read("edited_message", text="right knee", reply_to_message=None)
    assert isinstance(found, NoteUpdate)
    assert (found.text, found.is_edit, found.replied_to) == ("right knee", True, None)
    group = {"id": -5, "type": "group"}
    assert read("edited_message", reply_to_message=None, chat=group) is None
    assert read("edited_message", text="/pause") is None


def test_a_command_in_reply_is_a_command() -> None:
    """A slash is not written into notes."""
    found = read(text="/pause 3")
    assert isinstance(found, CommandUpdate)
    assert (found.name, found.argument) == ("pause", "3")


def test_a_reply_to_a_person_is_none() -> None:
    """Only the bot asks questions; in a private chat it is like any other words, in a group nothing."""
    for sender in ({"id": 8, "is_bot": False}, {}, None):
        question = {**QUESTION, "from": sender}
        assert note(reply_to_message=question).replied_to is None
        group = {"id": -5, "type": "group"}
        assert read(reply_to_message=question, chat=group) is None


def test_a_reply_in_a_group() -> None:
    """It is a note, too, and known not to be private."""
    found = note(chat={"id": -5, "type": "supergroup"})
    assert (found.chat_id, found.is_private, found.replied_to) == (-5, False, 700)


KINDS = (
    "animation", "audio", "contact", "dice", "document", "location", "photo", "poll", "sticker", "video",
    "video_note", "voice",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_caption_is_a_note(kind: str) -> None:
    """As text is: below whatever it stands, in a group as well, and when it is edited."""
    fields: dict[str, Any] = {"text": None, kind: {"file_id": "x"}, "caption": "/left \ud83e knee"}
    group = {"id": -5, "type": "group"}
    for found in (note(**fields), note(**fields, chat=group), note(**fields, media_group_id="77")):
        assert (found.text, bool(found.attachments), found.replied_to) == ("/left ? knee", True, 700)
    assert [note(**fields).album, note(**fields, media_group_id="77").album] == [None, "77"]
    edited = read("edited_message", **fields)
    assert isinstance(edited, NoteUpdate)
    assert (edited.text, edited.is_edit) == ("/left ? knee", True)
    assert note().attachments == ()


@pytest.mark.parametrize("text", ["hello", " /start"])
def test_plain_words(text: str) -> None:
    """In a private chat they may be a note without being a reply; in a group they are nothing."""
    found = note(text=text, reply_to_message=None)
    assert (found.text, found.replied_to, found.payloads, found.asked_at) == (text, None, (), None)
    assert read(text=text, reply_to_message=None, chat={"id": -5, "type": "group"}) is None


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_text(kind: str) -> None:
    """It is known as such in a private chat, reply or not; in a group only as a reply."""
    fields: dict[str, Any] = {"text": None, kind: {"file_id": "x"}, "caption": None}
    assert note(**fields).text is None
    assert note(**fields, reply_to_message=None).replied_to is None
    group = {"id": -5, "type": "group"}
    assert note(**fields, chat=group).text is None
    assert read(**fields, chat=group, reply_to_message=None) is None


@pytest.mark.parametrize(("sender", "chat"), [(1_087_968_824, -5), (136_817_688, -(2**40))])
def test_what_nobody_can_be_named_for(sender: int, chat: int) -> None:
    """Written as the group, by an anonymous admin, or as a channel: notes are known as such, and all else
    is nothing."""
    stand_in = {"id": sender, "is_bot": True, "first_name": "Group"}
    where: dict[str, Any] = {
        "chat": {"id": -5, "type": "supergroup"},
        "sender_chat": {"id": chat},
        "from": stand_in,
    }
    found = note(**where)
    assert (found.is_anonymous, found.user_id, found.text) == (True, sender, "left knee")
    assert is_refused(found, is_athlete=False, is_admin=False)
    assert read(**where, text="/start") is None
    assert read(**where, reply_to_message=None) is None
    assert read(**{**where, "from": {**stand_in, "id": 5}}) is None
    assert not note().is_anonymous


def test_what_is_written_in_a_topic_is_no_reply() -> None:
    """Telegram has it reply to the message that the topic was opened, which may have been the bot's."""
    opened = {**QUESTION, "text": None, "forum_topic_created": {"name": "Ana", "icon_color": 1}}
    where: dict[str, Any] = {
        "chat": {"id": -5, "type": "supergroup"},
        "message_thread_id": 700,
        "is_topic_message": True,
    }
    assert read(**where, reply_to_message=opened) is None
    assert note(**where).thread_id == 700


def test_a_live_location_is_not_explained_again_and_again() -> None:
    """It is edited every few seconds; nothing is said to these edits."""
    assert read("edited_message", text=None, location={"latitude": 1.0}, reply_to_message=None) is None


def test_somebody_who_joins_a_chat_is_no_note() -> None:
    """Service messages have neither text nor file."""
    found = read(text=None, reply_to_message=None, new_chat_title="x")
    assert isinstance(found, CommandUpdate)
    assert found.name == ""


def test_halves_of_characters_are_replaced() -> None:
    """What neither UTF-8 nor BSON can carry does not get into a note."""
    assert note(text="knee \ud83e").text == "knee ?"


@pytest.mark.parametrize(
    "question",
    [
        {"from": BOT}, {"from": BOT, "message_id": "700"}, {"from": BOT, "message_id": 2**70},
        {"from": {"is_bot": 1}, "message_id": 700}, "text", 5, [],
    ],
)  # fmt: skip
def test_questions_that_cannot_be_read(question: object) -> None:
    """Then it is no reply, and nothing is raised."""
    assert note(reply_to_message=question).replied_to is None


@pytest.mark.parametrize("markup", [None, 5, {}, {"inline_keyboard": 7}, {"inline_keyboard": [7, [8, {}]]}])
def test_buttons_that_cannot_be_read(markup: object) -> None:
    """The reply stands, without payloads."""
    assert note(reply_to_message={**QUESTION, "reply_markup": markup}).payloads == ()


@pytest.mark.parametrize("fields", [{"message_id": "x"}, {"from": {"id": "7"}}, {"chat": 5}])
def test_without_ids_it_is_unreadable(fields: dict[str, Any]) -> None:
    """And the field is named."""
    with pytest.raises(UnreadableUpdate, match="message"):
        read(**fields)


def test_who_may_write_notes() -> None:
    """Athletes, and admins who are told that they are none; nobody else."""
    found = note()
    assert is_refused(found, is_athlete=False, is_admin=False)
    assert not is_refused(found, is_athlete=True, is_admin=False)
    assert not is_refused(found, is_athlete=False, is_admin=True)
    assert not is_refused(found, is_athlete=False, is_admin=False, is_coach=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


@given(
    st.sampled_from(["message", "edited_message"]),
    st.dictionaries(
        st.sampled_from(["text", "reply_to_message", "chat", "from", "message_id", "voice"]), JSON
    ),
)
def test_nothing_but_unreadable_is_raised(kind: str, fields: dict[str, Any]) -> None:
    """Whatever stands in a message."""
    try:
        found = read(kind, **fields)
    except UnreadableUpdate:
        return
    assert found is None or isinstance(found, CommandUpdate | NoteUpdate)
