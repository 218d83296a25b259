"""What taps come to, by tables: who, what, where, when, and what is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.core.answers.details import Details
from bot.core.answers.event import AnswerAddition, StoredAnswer
from bot.core.answers.payloads import DetailTap, format_again, format_callback, format_detail, format_later
from bot.core.answers.rules import Cause, NotWritten, Outcome, TappedSession
from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.notes.lines import NoteLine, Notes
from bot.core.people.athlete import Athlete, ContactHours, Pause, QuietHours
from bot.core.people.tombstone import Tombstone
from bot.core.prompts.prompt import LaterResult
from bot.core.shared.update_order import UpdateStamp
from bot.core.taps.judge import (
    ERASED,
    REFUSED_LATER,
    AnswerWrite,
    DetailSaved,
    DetailWrite,
    Lack,
    LaterOffer,
    Postponed,
    PromptFacts,
    TapFacts,
    TapRules,
    judge,
    judge_detail,
    place_of,
    read_payload,
)
from bot.core.taps.later import later_choices
from bot.core.telegram.action_payloads import Action, ActionTap, format_action
from bot.core.telegram.updates import Tap

NOW = datetime(2026, 2, 16, 18, 42, 58, 123_000, tzinfo=UTC)
DAY = timedelta(days=1)
ANA, GROUP, COACH = 7, -100_500, -500
ZONE = ZoneInfo("Europe/Madrid")
ATHLETE = Athlete("ana", ANA, ANA, ContactHours(ZONE))
RULES = TapRules(14, COACH)
DONE = format_callback("r", "s", FeedbackType.DONE)
REFERENCE = format_callback("r" * 40, "s" * 40, FeedbackType.DONE)
LATER = format_later("r", "s")
TONIGHT = format_later("r", "s", datetime(2026, 2, 16, 21, tzinfo=UTC))
RPE = format_detail(("r", "s"), Detail.RPE, 7)
STRANGER = NotWritten(Outcome.REFUSED)


def facts(data: str | None = DONE, *, prompt: PromptFacts | None = None, **fields: Any) -> TapFacts:
    """What is known about an athlete's tap; each test says what matters to it."""
    known = {"athlete": ATHLETE, "is_sender_known": True, "stored": None, "tombstone": None}
    known |= {name: fields.pop(name) for name in tuple(fields) if name in known}
    tap = Tap(
        update_id=10,
        query_id="q10",
        user_id=ANA,
        username=None,
        chat_id=ANA,
        message_id=700,
        prompt_at=NOW - DAY,
        data=data,
        received_at=NOW,
    )
    tap = replace(tap, **fields)
    return TapFacts(tap, read_payload(tap), prompt=prompt, **known)  # type: ignore[arg-type]


def decide(data: str | None = DONE, **known: Any) -> Any:
    """What a tap comes to, when all is looked up."""
    return judge(facts(data, **({"prompt": PromptFacts(None)} | known)), RULES).decision


LINE = NoteLine(NOW - DAY, "a reply", 5, UpdateStamp(2, NOW - DAY), ANA)


def answer(type_: FeedbackType = FeedbackType.DONE, **fields: Any) -> StoredAnswer:
    """A stored answer."""
    known: dict[str, Any] = {"note": None, "received_at": NOW - DAY, "update_id": 1, "details": Details()}
    return StoredAnswer("r-s-7", type_, **(known | fields))


@pytest.mark.parametrize(
    ("data", "known", "lack"),
    [
        (DONE, {}, None),
        # What becomes of these depends on what came before them.
        (RPE, {}, Lack.PROMPT),
        (LATER, {}, Lack.PROMPT),
        (RPE, {"prompt": PromptFacts(None)}, None),
        (LATER, {"prompt": PromptFacts(None)}, None),
        (DONE, {"athlete": None, "is_sender_known": False}, Lack.SENDER),
        # An athlete now, who was perhaps none when they tapped.
        (DONE, {"is_sender_known": False}, Lack.SENDER),
        (DONE, {"athlete": None}, None),
        (format_action(Action.FORGET), {"athlete": None, "is_sender_known": False}, Lack.SENDER),
        (format_action(Action.SEEN, "x"), {"athlete": None, "is_sender_known": False}, None),
        (REFERENCE, {}, Lack.PROMPT),
        (REFERENCE, {"is_sender_known": False}, Lack.SENDER),
        (REFERENCE, {"prompt": PromptFacts(None)}, None),
        (DONE, {"chat_id": GROUP}, Lack.PROMPT),
        (LATER, {"chat_id": GROUP}, Lack.PROMPT),
        (RPE, {"chat_id": GROUP}, Lack.PROMPT),
        (DONE, {"chat_id": None}, None),
        (DONE, {"prompt_at": None}, Lack.PROMPT),
        ("nonsense", {"chat_id": GROUP, "prompt_at": None}, None),
    ],
)
def test_what_has_to_be_looked_up(data: str, known: dict[str, Any], lack: Lack | None) -> None:
    """Of an athlete's answer in a private chat, below a message that Telegram still shows: nothing."""
    it = facts(data, **known)
    assert it.lack is lack
    assert (judge(it, RULES).decision is lack) == (lack is not None)


@pytest.mark.parametrize(
    ("data", "known", "expected"),
    [
        (DONE, {"athlete": None}, STRANGER),
        ("nonsense", {"athlete": None}, STRANGER),
        ("nonsense", {}, NotWritten(Outcome.INVALID)),
        (None, {}, NotWritten(Outcome.INVALID)),
        (DONE, {"prompt_at": NOW - 15 * DAY}, NotWritten(Outcome.LATE, 15)),
        (DONE, {"prompt_at": None, "prompt": PromptFacts(None)}, NotWritten(Outcome.LATE)),
        (REFERENCE, {"prompt": PromptFacts(None)}, NotWritten(Outcome.UNKNOWN)),
        (
            DONE,
            {"chat_id": GROUP, "prompt": PromptFacts(None, owner=8)},
            NotWritten(Outcome.REFUSED, cause=Cause.FOREIGN),
        ),
        # Whose it is comes before how old it is.
        (
            DONE,
            {"chat_id": GROUP, "prompt_at": NOW - 15 * DAY, "prompt": PromptFacts(None, owner=8)},
            NotWritten(Outcome.REFUSED, cause=Cause.FOREIGN),
        ),
        *(
            (
                data,
                {"athlete": replace(ATHLETE, pauses=(Pause(NOW - DAY, None),))},
                NotWritten(Outcome.REFUSED, cause=Cause.PAUSED),
            )
            for data in (LATER, TONIGHT)
        ),
    ],
)
def test_what_is_not_written(data: str | None, known: dict[str, Any], expected: NotWritten) -> None:
    """Each for its own reason."""
    assert decide(data, **known) == expected


@pytest.mark.parametrize("data", [DONE, RPE, LATER, REFERENCE, "nonsense", format_action(Action.SEEN, "x")])
@pytest.mark.parametrize("is_sender_known", [True, False])
def test_what_came_before_a_deletion_is_refused(data: str, is_sender_known: bool) -> None:
    """Whatever it is, and nothing has to be looked up; what came after it counts."""
    covering = Tombstone(UpdateStamp(11, NOW + timedelta(seconds=1)))
    assert decide(data, tombstone=covering, is_sender_known=is_sender_known) is ERASED
    earlier = Tombstone(UpdateStamp(9, NOW - timedelta(seconds=1)))
    assert decide(data, tombstone=earlier) is not ERASED


@pytest.mark.parametrize(
    ("data", "known", "session"),
    [
        (DONE, {}, ("r", "s")),
        (DONE, {"prompt_at": None, "prompt": PromptFacts(None, sent_at=NOW - DAY)}, ("r", "s")),
        (REFERENCE, {"prompt": PromptFacts(("true", "ids"))}, ("true", "ids")),
        (DONE, {"chat_id": GROUP, "prompt": PromptFacts(None, owner=ANA)}, ("r", "s")),
        (DONE, {"chat_id": GROUP, "prompt": PromptFacts(None)}, ("r", "s")),
        ("feedback|r|done", {}, ("r", "legacy-700")),
    ],
)
def test_answers_are_written(data: str, known: dict[str, Any], session: tuple[str, str]) -> None:
    """About the session that is meant, and as old as the question is."""
    it = facts(data, **known)
    write = judge(it, RULES).decision
    assert isinstance(write, AnswerWrite)
    assert write.event.identity == (*session, ANA)
    assert write.event.prompt_age_days == 1
    assert it.session == TappedSession(*session, NOW - DAY)


def test_the_day_is_the_athlete_s() -> None:
    """A question at 23:30 UTC is of the next day in Madrid."""
    write = decide(prompt_at=datetime(2026, 2, 15, 23, 30, tzinfo=UTC))
    assert write.event.session_date == "2026-02-16"


@pytest.mark.parametrize(
    ("stored", "is_news", "is_replaced"),
    [
        (None, True, False),
        (answer(FeedbackType.PAIN), True, True),
        (answer(), False, False),
        (answer(note="a note"), True, True),
        (answer(note="a reply", notes=Notes((LINE,))), False, False),
        # This very tap, stored before a crash.
        (answer(update_id=10, received_at=NOW), True, False),
        # A later tap stands: it is told of, and stays.
        (answer(FeedbackType.PAIN, update_id=11, received_at=NOW + DAY), True, False),
        # Others may have left out the update id, or the time.
        (answer(FeedbackType.PAIN, update_id=None), True, True),
        (answer(FeedbackType.PAIN, update_id=None, received_at=NOW + DAY), True, False),
        (answer(FeedbackType.PAIN, update_id=None, received_at=None), True, True),
    ],
)
def test_news_and_history(stored: StoredAnswer | None, is_news: bool, is_replaced: bool) -> None:
    """Whether an answer says something else, and whether it changes what stands."""
    write = decide(stored=stored)
    assert (write.is_news, write.replaces is not None) == (is_news, is_replaced)


@pytest.mark.parametrize(
    ("data", "value"), [(RPE, 7), (format_detail(("r", "s"), Detail.RPE, None), None),
                        (format_again(("r", "s"), Detail.RPE), None)],
)  # fmt: skip
def test_details_are_written(data: str, value: int | None) -> None:
    """A question that is left out, or asked again, writes nothing."""
    write = decide(data)
    assert isinstance(write, DetailWrite)
    assert write.session == ("r", "s", ANA)
    expected = None if value is None else AnswerAddition(write.session, Detail.RPE, value, 10, NOW)
    assert write.addition == expected


@pytest.mark.parametrize(
    ("rpe", "said", "is_replaced"),
    [(None, {}, False), (7, {}, False), (3, {}, True), (3, {"rpe": UpdateStamp(11, NOW)}, False)],
)
def test_the_history_of_details(rpe: int | None, said: dict[str, UpdateStamp], is_replaced: bool) -> None:
    """Another value replaces one that was said before it."""
    stored = answer(details=Details({} if rpe is None else {Detail.RPE: rpe}), said=said)
    assert (decide(RPE, stored=stored).replaces == stored) == is_replaced


def test_later_offers_times() -> None:
    """As many as can be kept; never in the place of an answer, and none after which no answer would count."""
    offered = later_choices(ATHLETE, NOW)
    assert decide(LATER) == LaterOffer(offered, ZONE)
    assert decide(LATER, stored=answer()) == NotWritten(Outcome.REFUSED, cause=Cause.ANSWERED)
    for choice in offered:  # the same question, which is answered for 14 days and the 15th
        last = {"prompt_at": choice.at - 14 * DAY}
        assert decide(LATER, **last).choices[-1] == choice
        just_too_old = {"prompt_at": choice.at - 14 * DAY - timedelta(milliseconds=1)}
        expected = REFUSED_LATER[LaterResult.TOO_LATE]
        left = decide(LATER, **just_too_old)
        assert left == expected if choice is offered[0] else choice not in left.choices


def test_the_time_that_is_chosen() -> None:
    """To the minute that was shown; not in a pause, nor in quiet hours that have begun since."""
    at = datetime(2026, 2, 16, 21, tzinfo=UTC)
    assert decide(TONIGHT) == Postponed(at, ZONE)
    assert decide(TONIGHT, stored=answer()) == Postponed(at, ZONE)  # the outbox tells whether it is answered
    ends = NOW + 5 * DAY
    paused = replace(ATHLETE, pauses=(Pause(NOW - DAY, ends),))
    assert decide(TONIGHT, athlete=paused) == Postponed(ATHLETE.next_prompt_time(ends), ZONE)
    quiet = replace(ATHLETE, hours=replace(ATHLETE.hours, quiet=QuietHours(time(22), time(7))))
    assert decide(TONIGHT, athlete=quiet) == Postponed(datetime(2026, 2, 17, 6, tzinfo=UTC), ZONE)


@pytest.mark.parametrize(
    ("received_at", "is_kept"),
    [
        (datetime(2026, 2, 16, 20, 59, 59, 999_000, tzinfo=UTC), True),
        (datetime(2026, 2, 16, 21, tzinfo=UTC), False),  # it is over: which one, then?
        (datetime(2026, 2, 16, 21, tzinfo=UTC) - 367 * DAY, True),
        (datetime(2026, 2, 16, 21, tzinfo=UTC) - 367 * DAY - timedelta(milliseconds=1), False),
    ],
)
def test_a_time_that_is_none_of_ours(received_at: datetime, is_kept: bool) -> None:
    """It is asked anew."""
    decision = decide(TONIGHT, received_at=received_at, prompt_at=received_at)
    assert isinstance(decision, Postponed if is_kept else LaterOffer)


def test_later_that_is_not_granted() -> None:
    """Everything but a grant has its refusal."""
    assert set(REFUSED_LATER) == set(LaterResult) - {LaterResult.POSTPONED, LaterResult.ANSWERED_SINCE}


@pytest.mark.parametrize(
    ("action", "chat", "coach", "is_allowed"),
    [
        (Action.SEEN, COACH, COACH, True),
        (Action.SEEN, GROUP, COACH, True),  # a group may go by another id by now
        (Action.SEEN, ANA, COACH, False),
        (Action.SEEN, 99, 99, True),
        (Action.SEEN, GROUP, 99, False),
        (Action.SEEN, COACH, None, False),
        (Action.SEEN, None, COACH, False),
        (Action.FORGET, ANA, COACH, True),
        (Action.KEEP, ANA, None, True),
        (Action.FORGET, GROUP, COACH, False),
        (Action.KEEP, None, COACH, False),
    ],
)
@pytest.mark.parametrize("athlete", [ATHLETE, None])
def test_buttons_that_are_no_answers(
    action: Action, chat: int | None, coach: int | None, is_allowed: bool, athlete: Athlete | None
) -> None:
    """Alerts are seen in the coach's chat, deletions are confirmed in private, by whomever it is."""
    it = facts(format_action(action, "x"), chat_id=chat, athlete=athlete)
    expected = ActionTap(action, "x") if is_allowed else STRANGER
    assert judge(it, TapRules(14, coach)).decision == expected
    assert it.session is None


@pytest.mark.parametrize(
    ("stands", "value", "expected"),
    [
        (None, 7, Cause.NO_ANSWER),
        (replace(answer(), type=None), 7, Cause.NO_ANSWER),
        (answer(FeedbackType.SKIPPED), 7, Cause.OTHER_ANSWER),
        (answer(), 7, Cause.OTHER_ANSWER),  # it was given to an earlier answer, and is gone with it
        (answer(), None, None),
        (answer(details=Details({Detail.RPE: 7})), 7, None),
        (answer(details=Details({Detail.RPE: 3})), 7, None),  # a later one stands
    ],
)
def test_what_becomes_of_a_detail(
    stands: StoredAnswer | None, value: int | None, expected: Cause | None
) -> None:
    """It is one of the answer that stands, or of none; then the message shows what stands."""
    result = judge_detail(DetailTap("r", "s", Detail.RPE, value), stands)
    if expected is None:
        assert stands is not None
        assert result == DetailSaved(FeedbackType.DONE, stands)
    else:
        assert isinstance(result, NotWritten)
        assert (result.outcome, result.cause) == (Outcome.DETAIL, expected)
        assert result.stands == (stands if expected is Cause.OTHER_ANSWER else None)


def test_where_a_session_was_asked_about() -> None:
    """Where that is known."""
    assert place_of(facts()) == ("r", "s", ANA)
    assert place_of(facts(chat_id=None)) is None
    assert place_of(facts(REFERENCE)) is None
