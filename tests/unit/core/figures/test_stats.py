"""The figures of `/stats`: what they add up to, in words and as a picture."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.api.openapi import examples
from bot.core.answers.rules import Outcome
from bot.core.facts.answer_types import FeedbackType
from bot.core.figures import texts as stats_texts
from bot.core.figures.adherence import Adherence
from bot.core.figures.chart import MAX_DAYS, chart_of
from bot.core.figures.histogram import bucket
from bot.core.figures.responses import AskedAt, Responses
from bot.core.figures.stats import CountedFigures, Stats, Tally, is_certain, is_feedback, sum_up
from bot.core.i18n.formats import exact_percent
from bot.core.i18n.language import Language
from bot.core.people.athlete import ContactHours, Roster, read_roster
from bot.core.prompts.prompt import PromptState
from bot.core.telegram.updates import Tap

NOW = datetime(2026, 2, 18, 18, 42, 58, 123_000, tzinfo=UTC)  # a Wednesday
TODAY = date(2026, 2, 18)
NOTHING = CountedFigures(
    zone="Europe/Madrid",
    prompts=dict.fromkeys(PromptState, 0),
    waiting_taps=0,
    waiting_feedback=0,
    is_estimate=False,
    dead_taps=0,
    dead_letters=0,
    oldest_pending=None,
    last_poll=None,
    last_write=None,
)


def make_stats(
    days: int = 30,
    tallies: list[Tally] | None = None,
    unanswered: dict[date, int] | None = None,
    known_from: date = date.min,
    unanswered_by_hour: dict[int, int] | None = None,
    **found: Any,
) -> Stats:
    """Figures up to `NOW`; a quiet time unless said otherwise."""
    first = TODAY - timedelta(days=days - 1)
    return sum_up(
        first,
        datetime(first.year, first.month, first.day, tzinfo=ZoneInfo("Europe/Madrid")),
        NOW,
        TODAY,
        tallies=tallies or [],
        unanswered=unanswered or {},
        unanswered_by_hour=unanswered_by_hour or {},
        known_from=known_from,
        found=replace(NOTHING, **found),
    )


def day_tally(day: date, session: date | None = None, **answers: int) -> Tally:
    """Answers of a day, each with its tap, about sessions of that day or another."""
    number = sum(answers.values())
    return Tally(day, {"written": number}, answers, {(session or day).isoformat(): answers}, [number])


def test_what_hurt_and_was_done_is_done() -> None:
    """Pain counts for adherence where the athlete said that all was done, on the session's day."""
    tally = replace(day_tally(TODAY, pain=3), completed={TODAY.isoformat(): 2})
    stats = make_stats(7, [tally], {TODAY: 1})
    assert (stats.sessions.known_done, stats.sessions.adherence) == (2, 2 / 4)
    assert stats.to_json()["sessions"]["completedAll"] == 2
    assert [week.known_done for week in stats.weeks.values()] == [0, 2]


@pytest.mark.parametrize(
    ("written", "waiting", "dead", "rate"),
    [(0, 0, 0, None), (1, 0, 0, 1.0), (9, 1, 0, 0.9), (9, 0, 1, 0.9), (0, 1, 0, 0.0), (2, 1, 1, 0.5)],
)
def test_the_success_rate_is_written_over_received(
    written: int, waiting: int, dead: int, rate: float | None
) -> None:
    """Taps that wait and dead ones count as received; late, refused and other taps as nothing."""
    taps: dict[str, int] = {**dict.fromkeys(Outcome, 7), Outcome.WRITTEN: written}
    stats = make_stats(
        tallies=[Tally(TODAY, taps)], waiting_feedback=waiting, waiting_taps=50, dead_taps=dead
    )
    assert stats.feedback_event_write_success_rate == rate
    assert stats.to_json()["feedback_event_write_success_rate"] == rate


def test_weeks_are_whole_and_days_are_those_asked_for() -> None:
    """What was received before the first day counts for its week's adherence alone."""
    monday = date(2026, 2, 16)
    tallies = [
        day_tally(monday, done=3, pain=1),
        day_tally(date(2026, 2, 17), hard=1),
        day_tally(TODAY, session=date(2026, 2, 17), skipped=1),
    ]
    stats = make_stats(2, tallies, {monday: 2, date(2026, 2, 17): 1, TODAY: 3})
    assert stats.answers == {"done": 0, "skipped": 1, "hard": 1, "pain": 0}
    assert list(stats.by_day) == [date(2026, 2, 17), TODAY]
    assert stats.by_day[TODAY] == {"done": 0, "skipped": 1, "hard": 0, "pain": 0}
    assert stats.taps[Outcome.WRITTEN] == 2
    [(start, week)] = stats.weeks.items()
    assert (start, week.asked, week.answered) == (monday, 12, 6)
    assert week.adherence == 4 / 12
    assert week.response_rate == 6 / 12
    assert (stats.sessions.asked, stats.sessions.answered, stats.sessions.adherence) == (6, 2, 1 / 6)


def test_rates_of_days_whose_answers_have_expired_are_not_known() -> None:
    """From the first day on of which all answers are stored, they are."""
    monday = date(2026, 2, 16)
    tallies = [day_tally(monday, done=1)]
    assert make_stats(3, tallies, known_from=monday).weeks[monday].adherence == 1
    week = make_stats(3, tallies, known_from=monday + timedelta(days=1)).weeks[monday]
    assert (week.adherence, week.response_rate, week.asked) == (None, None, 1)
    assert Adherence(dict.fromkeys(FeedbackType, 0), 0).adherence is None


def test_days_that_are_not_kept_any_more_are_not_shown_as_quiet_ones() -> None:
    """Null in JSON, a line in the text, no bar in the picture; a window that is kept says nothing of it."""
    known_from = date(2026, 2, 10)
    stats = make_stats(30, [day_tally(known_from, done=1), day_tally(TODAY, pain=2)], known_from=known_from)
    by_day = {day.pop("date"): day for day in stats.to_json()["answersByDay"]}
    assert stats.to_json()["knownFrom"] == "2026-02-10"
    assert len(by_day) == 30
    assert by_day["2026-02-09"] == dict.fromkeys(FeedbackType)
    assert by_day["2026-02-10"] == {"done": 1, "skipped": 0, "hard": 0, "pain": 0}
    english, spanish = (stats_texts.stats(stats, language) for language in (Language.EN, Language.ES))
    assert "\nKept since 10 Feb: earlier days are not counted.\n" in english
    assert "\nGuardado desde el 10 feb: los días anteriores no se cuentan.\n" in spanish
    chart = chart_of(stats, Language.EN)
    assert chart["bars"][0]["numbers"] == [1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert [week["label"] for week in chart["weeks"]] == ["16 Feb"]
    whole = make_stats(9, known_from=known_from)
    assert "Kept since" not in stats_texts.stats(whole, Language.EN)
    assert whole.to_json()["answersByDay"][0]["done"] == 0
    # A window of one day in a week that is not known: there is a picture all the same.
    assert [
        week["adherence"] for week in chart_of(make_stats(1, known_from=TODAY), Language.EN)["weeks"]
    ] == [None]


def test_an_estimate_is_said_to_be_one() -> None:
    """In JSON and in the text, which else give exact numbers."""
    waiting: dict[str, Any] = {"waiting_taps": 9_000, "waiting_feedback": 6_000}
    stats = make_stats(tallies=[day_tally(TODAY, done=2_000)], **waiting, is_estimate=True)
    assert stats.to_json()["waitingFeedbackIsEstimate"] is True
    assert "Written: 25.00 % (2,000 of ≈ 8,000)" in stats_texts.stats(stats, Language.EN)
    assert make_stats(**waiting).to_json()["waitingFeedbackIsEstimate"] is False


def test_the_json_names_everything() -> None:
    """Each outcome, type and state; instants in ISO 8601; what is not there is null."""
    figures = json.loads(json.dumps(make_stats(7, last_poll=NOW).to_json()))
    assert set(figures["taps"]) == set(Outcome)
    assert set(figures["answers"]) == set(FeedbackType)
    assert set(figures["prompts"]) == set(PromptState)
    assert figures["lastPoll"] == figures["until"] == "2026-02-18T18:42:58.123Z"
    assert figures["since"] == "2026-02-11T23:00:00.000Z"
    assert figures["oldestPending"] is None
    assert figures["timeToAnswer"] == {"answers": 0, "medianSeconds": None, "p90Seconds": None}
    assert len(figures["answersByDay"]) == 7
    assert [week["weekStart"] for week in figures["weeks"]] == ["2026-02-09", "2026-02-16"]


PROMPT_AT = NOW - timedelta(hours=5)
HOURS = ContactHours(ZoneInfo("UTC"))
ROSTER: Roster = read_roster({7}, [], HOURS)


@pytest.mark.parametrize(
    ("fields", "expected", "certain"),
    [
        ({}, True, True),
        ({"user_id": 8, "chat_id": 8}, False, True),
        ({"data": "later|r|s"}, False, True),
        ({"data": "whatever"}, False, True),
        ({"data": None}, False, True),
        ({"prompt_at": NOW - timedelta(days=15) + timedelta(milliseconds=1)}, True, True),
        ({"prompt_at": NOW - timedelta(days=15)}, False, True),
        ({"prompt_at": None}, True, False),
        ({"data": "session_feedback|~aaaaaaaaaaaaaaaaaaaa|~|done"}, True, False),
        ({"chat_id": -5}, True, False),
    ],
)
def test_which_waiting_taps_are_feedback(fields: dict[str, Any], expected: bool, certain: bool) -> None:
    """An athlete's answer that is not late; what only the database knows is taken for one."""
    given: dict[str, Any] = {
        "update_id": 1, "query_id": "q", "user_id": 7, "username": None, "chat_id": 7, "message_id": 1,
        "prompt_at": PROMPT_AT, "data": "session_feedback|r|s|done", "received_at": NOW, **fields,
    }  # fmt: skip
    assert is_feedback(Tap(**given), ROSTER, 14) is expected
    assert is_certain(Tap(**given)) is certain


def test_how_athletes_answer() -> None:
    """By the hour at which was asked, how soon, and with how many notes, in these days and week by week."""
    monday, last_week = TODAY - timedelta(days=2), TODAY - timedelta(days=3)
    days = [
        # Ten at once, five within the hour, three after more than a day.
        Tally(
            TODAY, delays=histogram([60] * 10 + [1_800] * 5 + [100_000] * 3),
            hours={"07": 3, "19": 12}, notes={TODAY.isoformat(): 2, last_week.isoformat(): 1},
        ),
        Tally(monday, hours={"19": 3}, notes={monday.isoformat(): 4}),
        Tally(TODAY - timedelta(days=8), hours={"23": 9}, notes={"2026-02-10": 5}),
    ]  # fmt: skip
    stats = make_stats(7, days, unanswered_by_hour={7: 1, 12: 2})
    assert stats.responses.by_hour == {7: AskedAt(4, 3), 12: AskedAt(2, 0), 19: AskedAt(15, 15)}
    assert stats.responses.soon == pytest.approx(10 / 15)
    assert stats.responses.notes == 7
    assert stats.notes == {monday - timedelta(days=7): 6, monday: 6}
    shown = json.loads(json.dumps(stats.to_json()))
    assert shown["responses"]["byHour"][0] == {"hour": 7, "asked": 4, "answered": 3, "responseRate": 0.75}
    assert [week["notes"] for week in shown["weeks"]] == [6, 6]
    text = stats_texts.stats(replace(stats, sessions=replace(stats.sessions, asked=21)), Language.EN)
    assert "Answered, by the hour of asking: 7 h 75 % · 12 h 0 % · 19 h 100 %" in text
    assert "Notes: 7 (by week: 6 · 6)" in text


def test_without_answers_nothing_is_said_of_them() -> None:
    """No share of nothing."""
    assert make_stats().responses == Responses({}, None, 0)


def histogram(delays: list[int]) -> list[int]:
    """Delays, in seconds, by bucket."""
    counts = Counter(map(bucket, delays))
    return [counts[number] for number in range(max(counts) + 1)]


def busy(days: int = 365) -> Stats:
    """Large numbers everywhere."""
    rng = random.Random(1)
    first = TODAY - timedelta(days=days + 6)
    tallies = []
    for number in range(days + 7):
        day = first + timedelta(days=number)
        types = {type_.value: rng.randrange(90_000, 100_000) for type_ in FeedbackType}
        taps: dict[str, int] = dict.fromkeys((outcome.value for outcome in Outcome), 99_999)
        hours = {f"{hour:02}": 99_999 for hour in range(24)}
        notes = {day.isoformat(): 99_999}
        tallies.append(Tally(day, taps, types, {day.isoformat(): types}, [0] * 300 + [1] * 400, hours, notes))
    return make_stats(
        days,
        tallies,
        {TODAY: 9_999_999},
        prompts=dict.fromkeys(PromptState, 99_999_999),
        waiting_taps=9_999_999,
        waiting_feedback=9_999_999,
        dead_taps=1_000,
        dead_letters=1_000,
        oldest_pending=NOW - timedelta(days=40),
        last_poll=NOW - timedelta(days=40),
        last_write=NOW - timedelta(days=40),
    )


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    "stats",
    [
        make_stats(),
        make_stats(1),
        busy(),
        replace(busy(365), known_from=TODAY, is_estimate=True),
        examples.stats(),
    ],
)
def test_the_text_fits_below_a_picture(stats: Stats, language: Language) -> None:
    """Telegram counts UTF-16 units; a line that tells why there is no picture fits, too."""
    text = stats_texts.stats(stats, language)
    for whole in (
        text,
        *(stats_texts.without_picture(text, language, is_missing_extra=missing) for missing in (True, False)),
    ):
        assert len(whole.encode("utf-16-le")) // 2 <= stats_texts.MAX_CAPTION
    assert "{" not in text


def test_every_outcome_and_state_has_words() -> None:
    """What did not happen is left out, what did is not; in both languages."""
    for language in Language:
        quiet, loud = stats_texts.stats(make_stats(), language), stats_texts.stats(busy(), language)
        assert len(loud.splitlines()) >= len(quiet.splitlines())
        texts = language.texts.figures
        outcomes = {it: stats_texts._outcome(it, texts.outcomes) for it in Outcome}
        states = {it: stats_texts._state(it, texts.prompts) for it in PromptState}
        types = {it: stats_texts.type_name(it, language) for it in FeedbackType}
        for text in (*outcomes.values(), *states.values(), *types.values()):
            assert text is None or text in loud
        silent = {outcome for outcome, text in outcomes.items() if text is None}
        assert silent == {*stats_texts._BESIDES, Outcome.WRITTEN}
        assert len(set(states.values())) == len(PromptState)
        assert len(set(types.values())) == len(FeedbackType)


def test_the_text_says_first_what_matters_most() -> None:
    """The rate stands on top; trouble comes right behind it; a clean record is said to be one."""
    good = stats_texts.stats(make_stats(tallies=[day_tally(TODAY, done=4)]), Language.EN)
    assert good.splitlines()[2] == "✅ Written: 100 % (4 of 4)"
    assert "Adherence 100 %, answered 100 % of 4" in good
    waiting: dict[str, Any] = {
        "waiting_taps": 2,
        "waiting_feedback": 1,
        "oldest_pending": NOW - timedelta(minutes=5),
    }
    bad = stats_texts.stats(make_stats(tallies=[day_tally(TODAY, done=4)], **waiting), Language.ES)
    assert bad.splitlines()[2] == "⚠️ Guardado: 80,00 % (4 de 5)"
    assert bad.splitlines()[3] == "⏳ En espera: 2, desde 19:37"


@pytest.mark.parametrize(
    ("rate", "shown"), [(1.0, "100 %"), (0.99999, "99.99 %"), (0.5, "50.00 %"), (0.0, "0.00 %")]
)
def test_less_than_all_is_never_shown_as_all(rate: float, shown: str) -> None:
    """However close it is."""
    assert exact_percent(rate, Language.EN) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (45, "45 s"),
        (89.9, "90 s"),
        (90, "1.5 min"),
        (1_500, "25 min"),
        (9_000, "2.5 h"),
        (259_200, "3 d"),
    ],
)
def test_durations_are_short(seconds: float, shown: str) -> None:
    """In the unit that suits them."""
    assert stats_texts.duration(seconds, Language.EN) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [(999, "999"), (1_000, "1k"), (5_920, "5.9k"), (27_418, "27k"), (999_600, "1M")]
)
def test_large_numbers_are_short_in_the_picture(number: int, shown: str) -> None:
    """There is little room beside the colours."""
    assert stats_texts.compact(number, Language.EN) == shown


@pytest.mark.parametrize("days", [1, 7, 30, MAX_DAYS, MAX_DAYS + 1, 365])
def test_the_chart_has_a_bar_for_each_day_or_week(days: int) -> None:
    """As many numbers as ticks, few enough words, and nothing that JSON cannot say."""
    chart = json.loads(json.dumps(chart_of(busy(days), Language.ES), allow_nan=False))
    expected = days if days <= MAX_DAYS else len(busy(days).weeks)
    assert {len(bar["numbers"]) for bar in chart["bars"]} == {len(chart["ticks"])} == {expected}
    assert 1 <= sum(tick is not None for tick in chart["ticks"]) <= 7
    assert [bar["type"] for bar in chart["bars"]] == ["done", "hard", "skipped", "pain"]
    total = sum(sum(bar["numbers"]) for bar in chart["bars"])
    assert total == sum(busy(days).answers.values())
    assert 1 <= len(chart["weeks"]) <= 26
