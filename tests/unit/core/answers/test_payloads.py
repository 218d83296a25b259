"""The callback payload: every rule of the contract, and no input that makes it raise."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answers.payloads import (
    Callback,
    Later,
    format_callback,
    format_later,
    make_reference,
    needs_reference,
    parse_payload,
)
from bot.core.facts.answer_types import FeedbackType
from bot.core.telegram.callback_data import MAX_CALLBACK_BYTES

DONE, SKIPPED = FeedbackType.DONE, FeedbackType.SKIPPED
HARD, PAIN = FeedbackType.HARD, FeedbackType.PAIN


def parse_callback(data: object) -> Callback | None:
    """The answer that callback data is, if it is one."""
    payload = parse_payload(data)
    return payload if isinstance(payload, Callback) else None


def parse_later(data: object) -> Later | None:
    """The wish to be asked later that callback data is, if it is one."""
    payload = parse_payload(data)
    return payload if isinstance(payload, Later) else None


REFERENCE = "~" + "A" * 20

# Any text that Python can hold, lone surrogates and NUL included.
any_text = st.text(st.characters(codec=None, exclude_categories=()))
ids = st.one_of(any_text, st.text("ab|~ \u00e9\U0001f3c3", max_size=40), st.just(REFERENCE), st.just("~"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("session_feedback|r|s|done", Callback("r", "s", DONE)),
        ("session_feedback|r|s|skipped", Callback("r", "s", SKIPPED)),
        ("session_feedback|r|s|hard", Callback("r", "s", HARD)),
        ("session_feedback|r|s|pain", Callback("r", "s", PAIN)),
        ("session_feedback|r|s|  DoNe\t", Callback("r", "s", DONE)),
        ("session_feedback|r|s|PAIN|", Callback("r", "s", PAIN)),
        ("session_feedback|2026-02-16T18:42:58.123Z-a1b2c3|tue-1|done", None),
        ("session_feedback| r | s |done", Callback(" r ", " s ", DONE)),
        ("session_feedback|r\x00|s|done", Callback("r\x00", "s", DONE)),
        ("session_feedback|läuft|🏃|done", Callback("läuft", "🏃", DONE)),
    ],
)
def test_four_parts(data: str, expected: Callback | None) -> None:
    """Ids come as they are, the type trimmed and in any case."""
    if expected is None:
        expected = Callback("2026-02-16T18:42:58.123Z-a1b2c3", "tue-1", DONE)
    assert parse_callback(data) == expected


@pytest.mark.parametrize(
    ("encoded", "note"),
    [
        ("", None),
        ("   ", None),
        ("%20%0A", None),
        ("knee", "knee"),
        ("  knee  ", "knee"),
        ("my%20knee", "my knee"),
        ("a|b||c|", "a|b||c|"),
        ("%7C", "|"),
        ("+", "+"),
        ("it's%20fine", "it's fine"),
        ("%C3%A9", "é"),
        ("%c3%a9", "é"),
        ("é%C3%A9", "éé"),
        ("%F0%9F%8F%83", "🏃"),
        ("%2525", "%25"),
        ("%", "%"),
        ("100%", "100%"),
        ("100% sure%20", "100% sure%20"),
        ("%zz%20", "%zz%20"),
        ("%2", "%2"),
        ("%FF", "%FF"),
        ("ok%20%C3", "ok%20%C3"),
        ("%ED%A0%80", "%ED%A0%80"),
        (" %FF ", "%FF"),
        ("%00", "\x00"),
        ("a\ud800b", "a\ufffdb"),
        ("x" * 5000, "x" * 5000),
    ],
)
@pytest.mark.parametrize("form", ["session_feedback|r|s|hard|", "feedback|r|hard|"])
def test_notes(form: str, encoded: str, note: str | None) -> None:
    """A note is all behind the last bar, percent-decoded if it is valid UTF-8, trimmed, empty means none."""
    callback = parse_callback(form + encoded)
    assert callback is not None
    assert callback.note == note
    assert callback.type is HARD


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("feedback|r|done", Callback("r", None, DONE)),
        ("feedback|r|Hard |note", Callback("r", None, HARD, "note")),
        ("feedback|r|pain|a|b", Callback("r", None, PAIN, "a|b")),
        ("session_feedback|r||done", Callback("r", None, DONE)),
        ("session_feedback|r|  |done|n", Callback("r", None, DONE, "n")),
    ],
)
def test_the_session_may_be_unnamed(data: str, expected: Callback) -> None:
    """The older form, and an empty sessionId, mean the session of the message."""
    assert parse_callback(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"session_feedback|r|s|done",
        7,
        ["session_feedback|r|s|done"],
        "",
        "|",
        "|||",
        "done",
        "feedback",
        "feedback|",
        "feedback|r",
        "feedback|r|",
        "feedback|r|s|done",
        "feedback||done",
        "feedback|  |done",
        "session_feedback",
        "session_feedback|r",
        "session_feedback|r|s",
        "session_feedback|r|done",
        "session_feedback|r|s|",
        "session_feedback|r|s|great",
        "session_feedback|r|s|done!",
        "session_feedback||s|done",
        "session_feedback| \t|s|done",
        "session_feedback|||done",
        "Session_feedback|r|s|done",
        " session_feedback|r|s|done",
        "legacy_feedback|r|s|done",
        "session_feedback|\ud800|s|done",
        "session_feedback|r|\udfff|done",
        "session_feedback;r;s;done",
    ],
)
def test_everything_else_is_not_understood(data: object) -> None:
    """Other forms, other types, empty run ids and what is no text give nothing."""
    assert parse_payload(data) is None


@given(
    st.one_of(
        any_text,
        any_text.map("session_feedback|".__add__),
        st.lists(any_text, max_size=6).map(lambda parts: "|".join(["session_feedback", *parts])),
        any_text.map("session_feedback|r|s|done|".__add__),
        any_text.map("feedback|r|done|".__add__),
        st.none() | st.binary() | st.integers() | st.floats() | st.lists(st.integers()),
    )
)
def test_reading_never_raises(data: object) -> None:
    """Whatever comes in, the result is a callback that UTF-8 can carry, or nothing."""
    callback = parse_callback(data)
    if callback is not None:
        assert callback.run_id.strip()
        for text in (callback.run_id, callback.session_id or "", callback.note or ""):
            text.encode()


def test_reading_something_huge() -> None:
    """Megabytes of bars and percent signs are read like anything else."""
    callback = parse_callback("session_feedback|r|s|done|" + "|%41%" * 300_000)
    assert callback is not None
    assert callback.note == "|%41%" * 300_000
    assert parse_callback("|" * 1_000_000) is None


@given(st.text())
def test_an_encoded_note_comes_back_trimmed(note: str) -> None:
    """Any text that a workflow percent-encodes is read as it was."""
    callback = parse_callback("session_feedback|r|s|done|" + quote(note, safe=""))
    assert callback is not None
    assert callback.note == (note.strip() or None)


@given(ids, ids, st.sampled_from(FeedbackType))
def test_round_trip_for_any_ids(run_id: str, session_id: str, type_: FeedbackType) -> None:
    """A button's data fits, and gives back the ids themselves or the one reference that stands for them."""
    data = format_callback(run_id, session_id, type_)
    assert 1 <= len(data.encode()) <= MAX_CALLBACK_BYTES
    callback = parse_callback(data)
    assert callback is not None
    assert callback.type is type_
    assert callback.note is None
    assert callback.is_reference == needs_reference(run_id, session_id)
    if callback.is_reference:
        assert callback.run_id == make_reference(run_id, session_id)
    else:
        assert (callback.run_id, callback.session_id) == (run_id, session_id)


@given(ids, ids, ids, ids)
def test_references_are_equal_for_equal_ids_only(
    run_a: str, session_a: str, run_b: str, session_b: str
) -> None:
    """The same ids have the same reference, others another."""
    same = (run_a, session_a) == (run_b, session_b)
    assert (make_reference(run_a, session_a) == make_reference(run_b, session_b)) is same


def test_ids_that_join_alike_have_different_references() -> None:
    """What is equal once put together is still two sessions."""
    assert make_reference("a-b", "c") != make_reference("a", "b-c")
    assert make_reference("a|b", "c") != make_reference("a", "b|c")
    assert make_reference("", "ab") != make_reference("ab", "")


@pytest.mark.parametrize(
    ("run_id", "session_id", "referenced"),
    [
        ("r" * 31, "s" * 7, False),
        ("r" * 31, "s" * 8, True),
        ("r" * 37, "s", False),
        ("r" * 38, "s", True),
        ("r", "s" * 37, False),
        ("r", "s" * 38, True),
        ("é" * 18, "ss", False),
        ("é" * 18, "sss", True),
        ("🏃" * 9, "ss", False),
        ("🏃" * 9, "sss", True),
        ("4b1f7a52-9d8e-4c6b-a1b2-0c1d2e3f4a5b", "s1", False),
        ("4b1f7a52-9d8e-4c6b-a1b2-0c1d2e3f4a5b", "s12", True),
        ("r" * 100_000, "s", True),
    ],
)
def test_the_boundary_of_64_bytes(run_id: str, session_id: str, referenced: bool) -> None:
    """Two ids of 38 bytes together travel plainly, of 39 bytes as a reference, on all four buttons alike."""
    data = [format_callback(run_id, session_id, type_) for type_ in FeedbackType]
    assert [needs_reference(run_id, session_id)] * 4 == [referenced] * 4
    assert all((callback := parse_callback(d)) and callback.is_reference is referenced for d in data)
    if not referenced and len((run_id + session_id).encode()) == 38:
        assert max(len(d.encode()) for d in data) == MAX_CALLBACK_BYTES


@pytest.mark.parametrize(
    ("run_id", "session_id"),
    [
        ("", "s"),
        ("r", ""),
        ("  ", "s"),
        ("r", " \t"),
        ("a|b", "s"),
        ("r", "|"),
        ("r", "s|done|"),
        ("r|s", "hard"),
        ("\ud800", "s"),
        (REFERENCE, "~"),
        ("~" + "_-9z" * 5, "~"),
    ],
)
def test_ids_that_the_plain_form_would_change_are_referenced(run_id: str, session_id: str) -> None:
    """Bars, blank ids, half characters, and ids that look like a reference themselves."""
    assert needs_reference(run_id, session_id)
    data = format_callback(run_id, session_id, SKIPPED)
    callback = parse_callback(data)
    assert callback is not None
    assert callback.is_reference
    assert callback.run_id == make_reference(run_id, session_id) != run_id


@pytest.mark.parametrize(
    ("run_id", "session_id"),
    [
        (" r", "s "),
        (" r ", " s "),
        ("r\n", "\ts"),
        ("~", "~"),
        (REFERENCE, "s"),
        (REFERENCE + "A", "~"),
        ("a%7Cb", "%"),
    ],
)
def test_ids_that_the_plain_form_carries_unchanged(run_id: str, session_id: str) -> None:
    """Spaces around ids are part of them, percent signs are not decoded, a tilde alone is no reference."""
    callback = parse_callback(format_callback(run_id, session_id, PAIN))
    assert callback == Callback(run_id, session_id, PAIN)
    assert not callback.is_reference


@pytest.mark.parametrize(
    ("run_id", "session_id", "expected"),
    [
        (REFERENCE, "~", True),
        ("~" + "a" * 19, "~", False),
        ("~" + "a" * 21, "~", False),
        ("~" + "é" * 20, "~", False),
        (REFERENCE + "\n", "~", False),
        (REFERENCE, "~ ", False),
        (REFERENCE, None, False),
    ],
)
def test_what_a_reference_looks_like(run_id: str, session_id: str | None, expected: bool) -> None:
    """Exactly a tilde and 20 characters, with a tilde in the session's place."""
    assert Callback(run_id, session_id, DONE).is_reference is expected


@given(ids, ids)
def test_the_wish_for_later_round_trip_for_any_ids(run_id: str, session_id: str) -> None:
    """1 to 64 bytes; the plain form gives the ids back, a reference stands where those of answers do."""
    data = format_later(run_id, session_id)
    assert 1 <= len(data.encode()) <= MAX_CALLBACK_BYTES
    assert parse_callback(data) is None
    later = parse_later(data)
    assert later is not None
    if needs_reference(run_id, session_id):
        assert later.is_reference
        assert later.run_id == make_reference(run_id, session_id)
    else:
        assert not later.is_reference
        assert later == Later(run_id, session_id)


@pytest.mark.parametrize(
    "data",
    [None, 7, b"later|r|s", "", "later", "later|r", "later|r|", "later||s", "later| |s", "later|r| ",
     "later|r|s|x", "Later|r|s", "session_feedback|r|s|done", "later|r|\ud800", "later|\ufffd|s"],
)  # fmt: skip
def test_no_wish_for_later(data: object) -> None:
    """Anything else is none."""
    assert parse_later(data) is None


@given(any_text)
def test_reading_a_wish_for_later_never_raises(text: str) -> None:
    """Whatever comes in."""
    for data in (text, f"later|{text}", f"later|{text}|{text}"):
        later = parse_later(data)
        assert later is None or (later.run_id.strip() and later.session_id.strip())
