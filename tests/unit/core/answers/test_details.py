"""What is said besides an answer: payloads that fit, questions in their order, anybody's documents."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answers.details import (
    Details,
    asides,
    next_question,
    open_words,
    question_after,
    read_details,
    senseless_after,
)
from bot.core.answers.payloads import (
    REFERENCE_SESSION,
    Callback,
    DetailTap,
    Later,
    detail_ids,
    format_again,
    format_callback,
    format_detail,
    make_reference,
    needs_reference,
    parse_payload,
)
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail

DONE, SKIPPED = FeedbackType.DONE, FeedbackType.SKIPPED
HARD, PAIN = FeedbackType.HARD, FeedbackType.PAIN
ALL = frozenset(Detail)
ALL_SAID = Details(
    {
        Detail.RPE: 7,
        Detail.PLACE: "knee",
        Detail.SIDE: "left",
        Detail.PAIN: 3,
        Detail.COMPLETED: "part",
        Detail.REASON: "ill",
    }
)
BUTTONS = [detail for detail in Detail if not detail.facts.is_written]
IDS = st.text(min_size=1, max_size=70)


def parse_detail(data: object) -> DetailTap | None:
    """The detail that callback data is, if it is one."""
    payload = parse_payload(data)
    return payload if isinstance(payload, DetailTap) else None


@given(IDS, IDS)
def test_payloads_fit_and_come_back_for_any_ids(run_id: str, session_id: str) -> None:
    """Where a session's answers fit, its details do too, in 64 bytes, and are read as what they were."""
    ids = detail_ids(run_id, session_id, by_reference=needs_reference(run_id, session_id))
    assert ids is not None
    is_reference = needs_reference(run_id, session_id)
    assert ids == (
        (make_reference(run_id, session_id), REFERENCE_SESSION) if is_reference else (run_id, session_id)
    )
    for detail in Detail:
        for value in (*detail.facts.choices, None):
            data = format_detail(ids, detail, value)
            assert 1 <= len(data.encode()) <= 64
            tap = parse_detail(data)
            assert tap == DetailTap(*ids, detail, value)
            assert tap.is_reference == is_reference
        again = format_again(ids, detail)
        assert len(again.encode()) <= 64
        assert parse_detail(again) == DetailTap(*ids, detail, None, ask_again=True)


def test_no_room_for_ids_that_came_in_a_shorter_payload() -> None:
    """Ids of older buttons that no detail has room for, or that could not be told apart."""
    long_id = "r" * 50
    assert parse_payload(f"feedback|{long_id}|done") is not None
    assert detail_ids(long_id, "legacy-7000000000", by_reference=False) is None
    assert detail_ids("r|s", "t", by_reference=False) is None
    assert detail_ids(make_reference("r", "s"), REFERENCE_SESSION, by_reference=False) is None


@given(st.one_of(st.none(), st.integers(), st.binary(), st.text(), st.lists(st.text())))
def test_reading_a_payload_is_total(data: object) -> None:
    """Whatever stands there, nothing is raised."""
    assert parse_detail(data) is None or isinstance(data, str)


@given(st.sampled_from(list(Detail)), st.lists(st.text("|-?7 r\ud800\ufffd"), min_size=0, max_size=5))
def test_what_is_read_has_ids(detail: Detail, parts: list[str]) -> None:
    """A payload without ids, or with damaged ones, or with further bars, is none."""
    tap = parse_detail("|".join((detail, *parts)))
    if tap is not None:
        assert tap.run_id.strip()
        assert tap.session_id.strip()
        assert "\ud800" not in tap.run_id + tap.session_id
        assert "|".join((tap.detail, tap.run_id, tap.session_id)) == "|".join((detail, *parts[:2]))


@pytest.mark.parametrize(
    "data",
    [
        "rpe|r|s|11", "rpe|r|s|-1", "rpe|r|s|07", "rpe|r|s|7.0", "rpe|r|s|knee", "rpe|r|s|", "rpe|r|s",
        "rpe|r|s|7|8", "rpe||s|7", "rpe|r| |7", "RPE|r|s|7", "pain|r|s|knee", "where|r|s|7", "where|r|s|Knee",
        "reason|r|s|no time", "reason|r|s|none", "effort|r|s|7", "",
    ],
)  # fmt: skip
def test_payloads_that_are_none(data: str) -> None:
    """Values outside of the scale, of another question, or written differently are not taken."""
    assert parse_detail(data) is None


def test_no_payload_is_two_things() -> None:
    """No detail is an answer or a wish to be asked later, and the other way round."""
    ids = detail_ids("r", "s", by_reference=False)
    assert ids is not None
    for detail in Detail:
        assert not isinstance(parse_payload(format_detail(ids, detail, None)), Callback | Later)
    for type_ in FeedbackType:
        assert parse_detail(format_callback("r", "s", type_)) is None


def test_values_with_spaces_travel_without() -> None:
    """`no time` is stored with its space, which a payload need not carry."""
    ids = detail_ids("r", "s", by_reference=False)
    assert ids is not None
    assert format_detail(ids, Detail.REASON, "no time") == "reason|r|s|no_time"
    tap = parse_detail("reason|r|s|no_time")
    assert tap is not None
    assert tap.value == "no time"


def test_what_is_asked_after_each_answer() -> None:
    """Effort after done and hard, the reason after skipped; after pain where, side, level, how much of the
    session was done, and how hard that was."""
    assert {type_: next_question(type_, Details(), ALL) for type_ in FeedbackType} == {
        DONE: Detail.RPE,
        HARD: Detail.RPE,
        PAIN: Detail.PLACE,
        SKIPPED: Detail.REASON,
    }
    assert next_question(PAIN, Details({Detail.PLACE: "knee"}), ALL) is Detail.SIDE
    assert next_question(PAIN, Details({Detail.PLACE: "back"}), ALL) is Detail.PAIN
    assert next_question(PAIN, Details({Detail.PLACE: "other"}), ALL) is Detail.PAIN
    assert next_question(PAIN, Details({Detail.PAIN: 0}), ALL) is Detail.PLACE
    hurts: dict[Detail, int | str] = {Detail.PLACE: "back", Detail.PAIN: 5}
    assert next_question(PAIN, Details(hurts), ALL) is Detail.COMPLETED
    for completed, question in (("all", Detail.RPE), ("part", Detail.RPE), ("no", None)):
        assert next_question(PAIN, Details({**hurts, Detail.COMPLETED: completed}), ALL) is question
    said = Details({**hurts, Detail.COMPLETED: "part", Detail.RPE: 3})
    assert next_question(PAIN, said, ALL) is None
    assert next_question(PAIN, Details(hurts), ALL - {Detail.COMPLETED}) is None  # nor how hard it was
    for type_, said in ((DONE, Details({Detail.RPE: 0})), (SKIPPED, Details({Detail.REASON: "ill"}))):
        assert next_question(type_, said, ALL) is None


def test_where_in_words_waits_beside_the_buttons() -> None:
    """Of another place than those on the buttons; no row of buttons waits for it."""
    other = Details({Detail.PLACE: "other"})
    assert open_words(PAIN, other) is Detail.WORDS
    assert next_question(PAIN, other, ALL) is Detail.PAIN
    assert open_words(PAIN, Details({**other.said, Detail.WORDS: "the sole"})) is None
    assert {open_words(type_, ALL_SAID) for type_ in FeedbackType} == {None}
    assert open_words(DONE, other) is None


@pytest.mark.parametrize(
    ("detail", "value", "gone"),
    [
        (Detail.PLACE, "back", {Detail.SIDE, Detail.WORDS}),
        (Detail.PLACE, "knee", {Detail.WORDS}),
        (Detail.PLACE, "other", {Detail.SIDE}),
        (Detail.COMPLETED, "no", {Detail.RPE}),
        (Detail.COMPLETED, "part", set()),
        (Detail.SIDE, "both", set()),
    ],
)
def test_what_makes_no_sense_any_more(detail: Detail, value: str, gone: set[Detail]) -> None:
    """A back has no side, only another place has words, and what was not done was not hard."""
    assert set(senseless_after(detail, value)) == gone


@pytest.mark.parametrize("type_", FeedbackType)
@pytest.mark.parametrize("asked", [frozenset[Detail](), *(ALL - {detail} for detail in Detail)])
def test_nothing_is_asked_that_is_switched_off(type_: FeedbackType, asked: frozenset[Detail]) -> None:
    """Neither as the first question nor behind another one."""
    assert next_question(type_, Details(), asked) in {None, *asked}
    for detail in BUTTONS:
        tap = DetailTap("r", "s", detail, detail.facts.choices[0])
        assert question_after(tap, type_, asked, Details()) in {None, *asked}
    assert set(asides(type_, asked)) <= asked


@pytest.mark.parametrize(("type_", "detail"), list(product(FeedbackType, BUTTONS)))
def test_what_comes_after_a_question(type_: FeedbackType, detail: Detail) -> None:
    """After pain the next one, told or not; nothing after the others; itself where asked again. What stands
    beside a question leaves it there."""
    following = {Detail.PLACE: Detail.PAIN, Detail.SIDE: Detail.PAIN, Detail.PAIN: Detail.COMPLETED}
    follows = following.get(detail) if type_ is PAIN else None
    if detail.facts.is_aside:
        follows = next_question(type_, Details(), ALL)
    for value in (detail.facts.choices[0], None):
        assert question_after(DetailTap("r", "s", detail, value), type_, ALL, Details()) is follows
    again = DetailTap("r", "s", detail, None, ask_again=True)
    assert question_after(again, type_, frozenset(), Details()) is detail


def test_what_stands_beside_a_question() -> None:
    """It was shortened: how hard it was is asked still. It is moved: why it was skipped is said with that."""
    assert {type_: asides(type_, ALL) for type_ in FeedbackType} == {
        DONE: (Detail.CHANGE,),
        HARD: (Detail.CHANGE,),
        SKIPPED: (Detail.MOVED,),
        PAIN: (),
    }
    shortened, moved = Details({Detail.CHANGE: "shortened"}), Details({Detail.MOVED: "moved"})
    tap = DetailTap("r", "s", Detail.CHANGE, "shortened")
    assert question_after(tap, DONE, ALL, shortened) is Detail.RPE
    both = Details({Detail.CHANGE: "shortened", Detail.RPE: 4})
    assert question_after(tap, DONE, ALL, both) is None
    assert question_after(DetailTap("r", "s", Detail.MOVED, "moved"), SKIPPED, ALL, moved) is None
    assert next_question(SKIPPED, moved, ALL) is None
    assert shortened.to_document() == {"change": "shortened"}
    assert moved.to_document() == {"change": "moved"}


def test_what_is_changed_is_asked_with_what_belongs_to_it() -> None:
    """Another place asks side and level again; what was said of the session is not asked twice."""
    said: dict[Detail, int | str] = {
        Detail.PLACE: "knee",
        Detail.SIDE: "left",
        Detail.PAIN: 4,
        Detail.COMPLETED: "all",
    }

    def after(detail: Detail, value: int | str, **more: int) -> Detail | None:
        stands = Details(said | {detail: value} | {Detail(name): it for name, it in more.items()})
        return question_after(DetailTap("r", "s", detail, value), PAIN, ALL, stands)

    assert after(Detail.PLACE, "hip") is Detail.SIDE
    assert after(Detail.PLACE, "back") is Detail.PAIN
    assert after(Detail.SIDE, "both") is Detail.PAIN
    assert after(Detail.PAIN, 5) is Detail.RPE
    assert after(Detail.PAIN, 5, rpe=7) is None
    assert after(Detail.COMPLETED, "no") is None
    assert after(Detail.COMPLETED, "part", rpe=7) is None


@pytest.mark.parametrize(
    ("document", "details"),
    [
        ({}, Details()),
        ({"change": "moved"}, Details({Detail.MOVED: "moved"})),
        ({"change": "swapped"}, Details({Detail.CHANGE: "swapped"})),
        ({"change": ["moved"]}, Details()),
        (
            {
                "rpe": 7,
                "pain": {"where": "knee", "side": "left", "level": 3},
                "completed": "part",
                "reason": "ill",
            },
            ALL_SAID,
        ),
        (
            {"pain": {"where": "other", "words": " the sole "}},
            Details({Detail.PLACE: "other", Detail.WORDS: "the sole"}),
        ),
        ({"pain": {"side": "up", "words": "  "}, "completed": "half"}, Details()),
        ({"pain": {"words": "x" * 300}}, Details({Detail.WORDS: "x" * 200})),
        ({"rpe": 7.0, "pain": 3.0}, Details({Detail.RPE: 7, Detail.PAIN: 3})),
        ({"pain": 3}, Details({Detail.PAIN: 3})),
        ({"pain": {"where": "knee"}}, Details({Detail.PLACE: "knee"})),
        ({"pain": {"level": 0}}, Details({Detail.PAIN: 0})),
        ({"pain": "knee", "rpe": "7", "reason": 5}, Details()),
        ({"rpe": 7.5, "pain": {"where": "soul", "level": 11}, "reason": "bored"}, Details()),
        ({"rpe": True, "pain": {"where": ["knee"], "level": False}, "reason": {"a": 1}}, Details()),
        ({"rpe": -1, "pain": [1], "reason": None}, Details()),
        ({"rpe": 2**70, "pain": float("inf")}, Details()),
        ({"rpe": float("nan")}, Details()),
    ],
)
def test_documents_of_anybody(document: dict[str, Any], details: Details) -> None:
    """Doubles are taken for numbers; what is outside of the scale, or of another type, was not said."""
    assert read_details(document) == details


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda it: st.lists(it, max_size=2) | st.dictionaries(st.text(max_size=5), it, max_size=2),
    max_leaves=4,
)


@given(st.fixed_dictionaries({}, optional={"rpe": VALUES, "pain": VALUES, "reason": VALUES}))
def test_reading_a_document_is_total(document: dict[str, Any]) -> None:
    """Whatever stands there, what is read is one of the choices, and is read back from its own document."""
    details = read_details(document)
    assert read_details(details.to_document()) == details
    assert all(details.value(detail) in (None, *detail.facts.choices) for detail in BUTTONS)
