"""What to write into the outbox, decided without one: due times, slots, and any order of events."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.people.athlete import Athlete, ContactHours, Pause
from bot.core.plans.plan import Plan, current_sessions, read_plan
from bot.core.prompts.planned import (
    PAUSED,
    DesiredPrompt,
    OutboxAction,
    OutboxChange,
    Reconciliation,
    desired_prompts,
    is_paused,
    monday,
)

Document = dict[str, Any]

MADRID = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 2, 17, 8, tzinfo=UTC)  # a Tuesday
ANA = Athlete("ana", 7, 70, ContactHours(MADRID))
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def plan_of(run_id: str, sessions: Mapping[str, Iterable[str]], hours: int = 0) -> Plan:
    """A plan: activities by date, in February 2026 unless it has a month; `hours` tell which is newer."""
    days = [
        {"date": day if "-" in day[3:] else f"2026-02-{day}", "activity": activity}
        for day, activities in sessions.items()
        for activity in activities
    ]
    made = NOW + timedelta(hours=hours)
    return read_plan({"runId": run_id, "activityPlan": {"days": days}, "createdAt": made}, MADRID)


def wished(
    athlete: Athlete, *plans: Plan, now: datetime = NOW, late_after_days: int = 14
) -> list[DesiredPrompt]:
    """What plans ask for."""
    return desired_prompts(athlete, current_sessions(plans), now, late_after_days)


def due(athlete: Athlete, day: str) -> datetime:
    """When a session of that day is due."""
    [desired] = wished(athlete, plan_of("R", {day: ["Run"]}), now=datetime(2026, 1, 1, tzinfo=UTC))
    return desired.due_at


def test_a_session_becomes_a_wish() -> None:
    """Everything that the outbox needs; due at the usual hour in the athlete's zone."""
    [desired] = wished(ANA, plan_of("R1", {"18": ["Run"]}))
    due_at = datetime(2026, 2, 18, 19, tzinfo=UTC)
    assert desired == DesiredPrompt(
        "ana",
        "2026-02-18",
        1,
        {
            "runId": "R1",
            "sessionId": "2026-02-18-run",
            "chatId": "70",
            "messageThreadId": None,
            "athleteId": "ana",
            "userId": 7,
            "date": "2026-02-18",
            "title": "Run",
            "plan": {
                "day": None,
                "activity": "Run",
                "distance_time": None,
                "intensity": None,
                "goal": None,
                "note": None,
            },
            "plannedAt": due_at,
            "notAfter": due_at + timedelta(days=14),
        },
        due_at,
    )
    assert desired.slot(1) == "ana|2026-02-18|1"


@pytest.mark.parametrize(
    ("zone", "prompt_time", "day", "expected"),
    [
        ("Europe/Madrid", time(20), "17", "2026-02-17T19:00Z"),
        ("Europe/Madrid", time(20), "2026-07-17", "2026-07-17T18:00Z"),
        ("Europe/Madrid", time(2, 30), "2026-03-29", "2026-03-29T01:30Z"),  # skipped: 3:30 there
        ("Europe/Madrid", time(2, 30), "2026-10-25", "2026-10-25T00:30Z"),  # twice: the first time
        ("America/Sao_Paulo", time(20), "17", "2026-02-17T23:00Z"),
        ("Pacific/Apia", time(0), "17", "2026-02-16T11:00Z"),
        ("Pacific/Pago_Pago", time(23, 59), "17", "2026-02-18T10:59Z"),
    ],
)
def test_due_times(zone: str, prompt_time: time, day: str, expected: str) -> None:
    """One instant for each date, also where the clocks skip the hour or show it twice."""
    athlete = replace(ANA, hours=ContactHours(ZoneInfo(zone), prompt_time))
    assert due(athlete, day) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("days", [0, 1, 2])
def test_a_prompt_is_worth_sending_as_long_as_answers_count(days: int) -> None:
    """Which is some hours even if answers are late after no day."""
    [desired] = wished(ANA, plan_of("R1", {"18": ["Run"]}), late_after_days=days)
    assert desired.fields["notAfter"] == desired.due_at + timedelta(days=max(1, days))


@pytest.mark.parametrize(
    ("now", "first"),
    [
        ("2026-02-15T22:59:59Z", "2026-02-09"),  # still Sunday in Madrid
        ("2026-02-15T23:00:00Z", "2026-02-16"),
        ("2026-02-22T22:59:59Z", "2026-02-16"),
        ("2026-02-22T23:00:00Z", "2026-02-23"),
    ],
)
def test_weeks_that_are_past(now: str, first: str) -> None:
    """Monday, where the athlete lives, begins a week; earlier days are not asked about, later ones are."""
    instant = datetime.fromisoformat(now)
    assert monday(ANA, instant).isoformat() == first
    plan = plan_of("R1", {f"2026-02-{n:02}": ["Run"] for n in range(8, 27)})
    assert min(desired.day for desired in wished(ANA, plan, now=instant)) == first


@pytest.mark.parametrize(
    ("since", "until", "is_paused"),
    [
        (timedelta(0), None, True),
        (timedelta(0), HOUR, True),
        (SECOND, None, False),
        (-HOUR, SECOND, True),
        (-HOUR, timedelta(0), False),
    ],
)
def test_pauses(since: timedelta, until: timedelta | None, is_paused: bool) -> None:
    """What is due in a pause is: its begin lies in it, its end does not."""
    due_at = due(ANA, "18")
    pause = Pause(due_at + since, None if until is None else due_at + until)
    [desired] = wished(replace(ANA, pauses=(pause,)), plan_of("R1", {"18": ["Run"]}))
    assert desired.is_paused is is_paused


@pytest.mark.parametrize(
    ("reminder", "prompt", "due_at", "not_after"),
    [
        (time(7), time(20), "2026-02-18T06:00Z", "2026-02-18T19:00Z"),
        (time(20), time(7), "2026-02-18T19:00Z", "2026-02-18T23:00Z"),
        (time(7), time(7), "2026-02-18T06:00Z", "2026-02-18T23:00Z"),
    ],
)
def test_reminders(reminder: time, prompt: time, due_at: str, not_after: str) -> None:
    """One for each day with sessions, listing them, worth sending until they are asked about, or midnight."""
    athlete = replace(ANA, hours=ContactHours(MADRID, prompt, reminder))
    *questions, desired = wished(athlete, plan_of("R1", {"18": ["Run", "Lift"], "19": ["Rest"]}))
    assert len(questions) == 2
    assert desired.fields["kind"] == "reminder"
    assert [session["activity"] for session in desired.fields["sessions"]] == ["Run", "Lift"]
    assert desired.slot(desired.number) == "ana|2026-02-18|reminder"
    assert desired.due_at == datetime.fromisoformat(due_at)
    assert desired.fields["notAfter"] == datetime.fromisoformat(not_after)


class Outbox:
    """Documents, changed as MongoDB would: conditionally, with two unique keys."""

    def __init__(self) -> None:
        self.documents: dict[int, Document] = {}
        self.asked: Counter[str] = Counter()
        self._ids = itertools.count()

    def held(self) -> list[Document]:
        """A copy of everything."""
        return [dict(document) for document in self.documents.values()]

    def apply(self, write: OutboxChange, now: datetime) -> None:
        """One write, as `bot.store.prompts.planned` does it."""
        fields = {name: value for name, value in write.fields.items() if value is not None}
        if write.document is None:
            self._store({"_id": next(self._ids), **fields})
            return
        stored = self.documents[write.document["_id"]]
        if (
            any(stored.get(name) != write.document.get(name) for name in ("state", "slot"))
            or stored.get("sentAt") is not None
            or stored.get("unknowns") not in (None, 0)
            or (stored.get("claim") is not None and stored.get("attemptAt", now + SECOND) > now)
        ):
            return
        changed = {**stored, **fields}
        for name in write.fields.keys() - fields:
            changed.pop(name, None)
        if write.action in (OutboxAction.CANCEL, OutboxAction.RELEASE):
            changed["state"] = "cancelled"
        if write.action is OutboxAction.RELEASE:
            del changed["slot"]
        self._store(changed)

    def _store(self, document: Document) -> None:
        for other in self.documents.values():
            if other["_id"] != document["_id"] and (
                other.get("slot", object()) == document.get("slot")
                or all(other[name] == document[name] for name in ("runId", "sessionId", "chatId"))
            ):
                return
        self.documents[document["_id"]] = document

    def send(self, now: datetime) -> None:
        """Everything that is due."""
        for document in self.documents.values():
            if document["state"] == "pending" and document["dueAt"] <= now:
                document.update(state="sent", sentAt=now)
                self.asked[document["slot"]] += 1

    def states(self) -> dict[str, str]:
        """State, and the reason if there is one, by run and session."""
        return {
            f"{d['runId']} {d['sessionId'][8:]}": d["state"] + (f": {d['reason']}" if "reason" in d else "")
            for d in self.documents.values()
        }


def decide(
    held: Iterable[Document], athlete: Athlete, plans: Iterable[Plan], now: datetime = NOW,
    unread: Mapping[str, datetime] | None = None,
) -> list[OutboxChange]:  # fmt: skip
    """All writes for one athlete, in the order in which they are carried out."""
    reconciliation = Reconciliation(held, unread or {}, now)
    current = current_sessions(plans)
    wanted = desired_prompts(athlete, current, now, 14)
    writes: list[OutboxChange] = []
    for day in sorted({desired.day for desired in wanted} | reconciliation.days("ana")):
        if day >= monday(athlete, now).isoformat():
            deciding = {found.isoformat(): plan for found, (plan, _) in current.items()}
            writes += reconciliation.reconcile_day(
                "ana", day, [w for w in wanted if w.day == day], deciding.get(day)
            )
    return sorted(writes, key=lambda write: "slot" in write.fields)


def settle(
    outbox: Outbox, *plans: Plan, athlete: Athlete = ANA, now: datetime = NOW,
    unread: Mapping[str, datetime] | None = None,
) -> None:  # fmt: skip
    """Decide and write until there is nothing to do."""
    for _ in range(5):
        writes = decide(outbox.held(), athlete, plans, now, unread)
        for write in writes:
            outbox.apply(write, now)
        if not writes:
            return
    pytest.fail(f"no end of writes: {writes}")


def test_a_plan_read_again_changes_nothing() -> None:
    """Nor one that only stands in another order."""
    outbox = Outbox()
    settle(outbox, plan_of("R1", {"18": ["Run", "Lift"], "19": ["Swim"]}))
    before = outbox.held()
    for again in ({"18": ["Run", "Lift"], "19": ["Swim"]}, {"19": ["Swim"], "18": ["Lift", "Run"]}):
        assert decide(outbox.held(), ANA, [plan_of("R1", again)]) == []
    assert outbox.held() == before
    assert {d["slot"]: d["title"] for d in before} == {
        "ana|2026-02-18|1": "Run",
        "ana|2026-02-18|2": "Lift",
        "ana|2026-02-19|1": "Swim",
    }


def test_a_newer_plan_replaces_what_is_not_sent() -> None:
    """Sessions of its dates, rest included, and never what was sent."""
    outbox = Outbox()
    old = plan_of("R1", {"16": ["Run"], "18": ["Run"], "19": ["Ride"], "20": ["Swim"]})
    settle(outbox, old)
    outbox.send(NOW)  # Monday's
    new = plan_of("R2", {"16": ["Lift"], "18": ["Run"], "19": ["Rest"], "20": ["Yoga", "Walk"]}, hours=1)
    settle(outbox, old, new)
    assert outbox.states() == {
        "R1 16-run": "sent",
        "R1 18-run": "cancelled: replaced by plan R2",
        "R1 19-ride": "cancelled: a rest day now",
        "R1 20-swim": "cancelled: replaced by plan R2",
        "R2 18-run": "pending",
        "R2 20-yoga": "pending",
        "R2 20-walk": "pending",
    }
    settle(outbox, old)  # the newer one is deleted
    assert outbox.states() == {
        "R1 16-run": "sent",
        "R1 18-run": "pending",
        "R1 19-ride": "pending",
        "R1 20-swim": "pending",
        "R2 18-run": "cancelled: replaced by plan R1",
        "R2 20-yoga": "cancelled: replaced by plan R1",
        "R2 20-walk": "cancelled: replaced by plan R1",
    }


def test_a_plan_that_changes() -> None:
    """The same run with other sessions: what is gone is cancelled, what comes back is asked about again."""
    outbox = Outbox()
    settle(outbox, plan_of("R1", {"18": ["Run", "Lift"]}))
    settle(outbox, plan_of("R1", {"18": ["Lift"]}))
    assert outbox.states() == {"R1 18-run": "cancelled: no longer in plan R1", "R1 18-lift": "pending"}
    settle(outbox, plan_of("R1", {"18": ["Lift", "Swim"]}))
    assert outbox.states() == {
        "R1 18-run": "cancelled: no longer in plan R1",
        "R1 18-lift": "pending",
        "R1 18-swim": "pending",
    }
    settle(outbox, plan_of("R1", {"18": ["Run", "Lift"]}))
    assert outbox.states() == {
        "R1 18-run": "pending",
        "R1 18-lift": "pending",
        "R1 18-swim": "cancelled: no longer in plan R1",
    }
    settle(outbox)
    assert set(outbox.states().values()) == {"cancelled: no longer in plan R1"}


def test_a_session_stays_itself_in_a_newer_order() -> None:
    """Of two sessions one is asked about; turned round, the other still is, and the first is not again."""
    outbox = Outbox()
    settle(outbox, plan_of("R1", {"18": ["Run", "Lift"]}))
    outbox.documents[0].update(state="sent", sentAt=NOW)
    for run in ("R1", "R2"):
        settle(outbox, plan_of(run, {"18": ["Lift", "Run"]}, hours=1))
        open_ = [d["title"] for d in outbox.documents.values() if d["state"] == "pending"]
        assert open_ == ["Lift"]


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "sent", "sentAt": NOW},
        {"state": "pending", "sentAt": NOW},
        {"state": "answered"},
        {"state": "late"},
        {"state": "expired"},
        {"state": "undeliverable"},
        {"unknowns": 1},
        {"claim": "c", "attemptAt": NOW + SECOND},
        {"claim": "c"},
    ],
)
def test_what_may_have_been_sent_is_left_alone(fields: Document) -> None:
    """By a plan without it, a newer plan, a pause, another zone."""
    outbox = Outbox()
    plan = plan_of("R1", {"18": ["Run"]})
    settle(outbox, plan)
    outbox.documents[0].update(fields)
    before = outbox.held()
    settle(outbox)
    settle(outbox, plan, plan_of("R2", {"18": ["Swim"]}, hours=1))
    settle(outbox, plan, athlete=replace(ANA, pauses=(Pause(NOW, None),)))
    settle(outbox, plan, athlete=replace(ANA, hours=ContactHours(ZoneInfo("Asia/Tokyo"))))
    assert outbox.held() == before


@pytest.mark.parametrize(
    "fields", [{}, {"unknowns": 0}, {"attemptAt": NOW + HOUR}, {"claim": "c", "attemptAt": NOW}]
)
def test_what_was_certainly_not_sent_is_replaced(fields: Document) -> None:
    """It waits for another try, or its claim has ended at this very instant."""
    outbox = Outbox()
    settle(outbox, plan_of("R1", {"18": ["Run"]}))
    outbox.documents[0].update(fields)
    settle(outbox, plan_of("R2", {"18": ["Swim"]}))
    assert outbox.states() == {"R1 18-run": "cancelled: replaced by plan R2", "R2 18-swim": "pending"}


def test_details_time_and_zone_are_kept_up_to_date() -> None:
    """In place, in what is not sent; what quiet hours have moved stays moved until the plan moves it."""
    outbox = Outbox()
    plan = plan_of("R1", {"18": ["Run"]})
    settle(outbox, plan)
    moved = datetime(2026, 2, 19, 6, tzinfo=UTC)
    outbox.documents[0]["dueAt"] = moved
    settle(outbox, plan_of("R1", {"18": ["RUN"]}))
    assert (outbox.documents[0]["title"], outbox.documents[0]["dueAt"]) == ("RUN", moved)
    for hours, due_at in (
        (ContactHours(MADRID, time(21)), "2026-02-18T20:00Z"),
        (ContactHours(ZoneInfo("Asia/Tokyo")), "2026-02-18T11:00Z"),
    ):
        settle(outbox, plan, athlete=replace(ANA, hours=hours))
        [document] = outbox.held()
        assert document["dueAt"] == document["plannedAt"] == datetime.fromisoformat(due_at)
        assert document["notAfter"] == document["dueAt"] + timedelta(days=14)


def test_another_topic_is_followed() -> None:
    """Into a topic, another one, and out of it."""
    outbox = Outbox()
    plan = plan_of("R1", {"18": ["Run"]})
    for thread_id in (None, 42, 43, None):
        settle(outbox, plan, athlete=replace(ANA, chat_id=-71, thread_id=thread_id))
        assert [document.get("messageThreadId") for document in outbox.held()] == [thread_id]


def test_another_chat_is_followed_but_not_back_from_where_telegram_moved_it() -> None:
    """The athlete's chat; unless it has become another one by itself."""
    outbox = Outbox()
    plan = plan_of("R1", {"18": ["Run"]})
    settle(outbox, plan)
    settle(outbox, plan, athlete=replace(ANA, chat_id=-71))
    assert [d["chatId"] for d in outbox.held()] == ["-71"]
    outbox.documents[0].update(chatId="-10071", movedFrom="-71")
    settle(outbox, plan, athlete=replace(ANA, chat_id=-71))
    assert [d["chatId"] for d in outbox.held()] == ["-10071"]


def test_a_pause_cancels_and_its_end_revives_what_is_not_due_yet() -> None:
    """The coach sees which sessions fell into it."""
    outbox = Outbox()
    plan = plan_of("R1", {"17": ["Run"], "18": ["Lift"], "19": ["Swim"]})
    pause = Pause(NOW, NOW + timedelta(days=2))
    settle(outbox, plan, athlete=replace(ANA, pauses=(pause,)))
    assert outbox.states() == {
        "R1 17-run": "cancelled: paused",
        "R1 18-lift": "cancelled: paused",
        "R1 19-swim": "pending",
    }
    due_at = due(ANA, "18")
    lifted = replace(ANA, pauses=(replace(pause, until=due_at - SECOND),))
    settle(outbox, plan, athlete=lifted, now=due_at)
    assert outbox.states()["R1 18-lift"] == "cancelled: paused"
    settle(outbox, plan, athlete=lifted, now=due_at - SECOND)
    assert outbox.states() == {
        "R1 17-run": "cancelled: paused",
        "R1 18-lift": "pending",
        "R1 19-swim": "pending",
    }
    settle(outbox, plan, athlete=replace(ANA, pauses=(Pause(NOW, None),)))
    assert set(outbox.states().values()) == {"cancelled: paused"}
    settle(outbox, plan_of("R1", {"17": ["Rest"], "18": ["Lift"], "19": ["Swim"]}), athlete=ANA)
    assert outbox.states() == {
        "R1 17-run": "cancelled: a rest day now",
        "R1 18-lift": "pending",
        "R1 19-swim": "pending",
    }


def test_reminders_follow_the_day() -> None:
    """Its sessions, a pause, a newer plan, and the setting; a day that is over needs none."""
    athlete = replace(ANA, hours=ContactHours(MADRID, reminder_time=time(7)))
    outbox = Outbox()
    settle(outbox, plan_of("R1", {"16": ["Run"], "18": ["Run"]}), athlete=athlete)
    assert list(outbox.states()) == ["R1 16-run", "R1 18-run", "R1 18|reminder"]
    settle(outbox, plan_of("R1", {"16": ["Run"], "18": ["Run", "Lift"]}), athlete=athlete)
    reminder = next(d for d in outbox.held() if d.get("kind") == "reminder")
    assert [session["activity"] for session in reminder["sessions"]] == ["Run", "Lift"]
    plan = plan_of("R1", {"16": ["Run"], "18": ["Run", "Lift"]})
    settle(outbox, plan, athlete=replace(athlete, pauses=(Pause(NOW, due(ANA, "18")),)))
    assert outbox.states()["R1 18|reminder"] == "cancelled: paused"
    settle(outbox, plan, athlete=athlete)
    assert outbox.states()["R1 18|reminder"] == "pending"
    settle(outbox, plan, athlete=ANA)
    assert outbox.states()["R1 18|reminder"] == "cancelled: no reminder is wanted any more"
    settle(outbox, plan_of("R2", {"18": ["Swim"]}), athlete=athlete)
    assert outbox.states()["R2 18|reminder"] == "pending"
    settle(outbox, plan_of("R2", {"18": ["Rest"]}), athlete=athlete)
    assert outbox.states()["R2 18|reminder"] == "cancelled: a rest day now"


def test_a_session_that_was_queued_by_hand_is_not_asked_about_twice() -> None:
    """The very same ids in the same chat: whoever queued it knows why."""
    outbox = Outbox()
    byhand = {"_id": 99, "runId": "R1", "sessionId": "2026-02-18-run", "chatId": "70", "state": "pending"}
    outbox.documents[99] = dict(byhand)
    settle(outbox, plan_of("R1", {"18": ["Run"]}))
    assert outbox.held() == [byhand]


def test_plans_that_cannot_be_read_keep_their_prompts() -> None:
    """A slip in a plan does not cancel what it had planned; a newer plan does, an older one does not."""
    outbox = Outbox()
    settle(outbox, plan_of("R1", {"18": ["Run"]}))
    made = NOW
    settle(outbox, unread={"R1": made})
    settle(outbox, plan_of("R0", {"18": ["Swim"]}, hours=-1), unread={"R1": made})
    assert outbox.states() == {"R1 18-run": "pending"}
    settle(outbox, plan_of("R2", {"18": ["Swim"]}, hours=1), unread={"R1": made})
    assert outbox.states() == {"R1 18-run": "cancelled: replaced by plan R2", "R2 18-swim": "pending"}


def test_who_trains_no_more_is_not_asked() -> None:
    """Nothing of it is lost if it was a slip."""
    outbox = Outbox()
    plan = plan_of("R1", {"18": ["Run"]})
    settle(outbox, plan)
    [write] = Reconciliation(outbox.held(), {}, NOW).drop("ana")
    outbox.apply(write, NOW)
    assert outbox.states() == {"R1 18-run": "cancelled: ana is no athlete any more"}
    settle(outbox, plan)
    assert outbox.states() == {"R1 18-run": "pending"}


def test_an_athlete_under_a_new_name() -> None:
    """The same session in the same chat moves to the new name's slot."""
    outbox = Outbox()
    plan = plan_of("R1", {"18": ["Run"]})
    settle(outbox, plan)
    outbox.documents[0].update(slot="7|2026-02-18|1", athleteId="7")
    for write in Reconciliation(outbox.held(), {}, NOW).drop("7"):
        outbox.apply(write, NOW)
    settle(outbox, plan)
    assert [(d["slot"], d["athleteId"], d["state"]) for d in outbox.held()] == [
        ("ana|2026-02-18|1", "ana", "pending")
    ]


ACTIVITIES = ("Run", "Lift", "Swim", "Rest")
ZONES = ("Europe/Madrid", "Pacific/Apia", "Pacific/Pago_Pago", "Asia/Tokyo")
DAYS = ("16", "17", "18", "22", "23")

plans = st.tuples(
    st.sampled_from(["R1", "R2", "R3"]),
    st.dictionaries(
        st.sampled_from(DAYS), st.lists(st.sampled_from(ACTIVITIES), min_size=1, max_size=3), min_size=1
    ),
    st.integers(0, 3),
)
steps = st.one_of(
    st.tuples(st.just("plan"), plans),
    st.tuples(st.just("delete"), st.sampled_from(["R1", "R2", "R3"])),
    st.tuples(st.just("zone"), st.sampled_from(ZONES)),
    st.tuples(st.just("pause"), st.booleans()),
    st.tuples(st.just("decide"), st.integers(0, 1)),
    st.tuples(st.just("write"), st.tuples(st.integers(0, 1), st.integers(0, 9))),
    st.tuples(st.just("send"), st.none()),
    st.tuples(st.just("pass"), st.integers(1, 40)),
)


@settings(max_examples=300)
@given(st.lists(steps, max_size=40))
def test_whatever_happens_each_slot_is_asked_about_at_most_once(history: list[tuple[str, Any]]) -> None:
    """Plans come, change and go, the athlete moves and pauses, two planners decide on what is outdated by
    the time they write, and are killed in the middle: no slot is asked about twice, nothing that was sent
    is touched, and in the end the outbox is as the plans say."""
    outbox, now, athlete = Outbox(), NOW, ANA
    known: dict[str, Plan] = {}
    decided: list[list[OutboxChange]] = [[], []]
    for step, given_ in history:
        sent = {id_: dict(d) for id_, d in outbox.documents.items() if "sentAt" in d}
        match step:
            case "plan":
                run_id, sessions, hours = given_
                known[run_id] = plan_of(run_id, sessions, hours)
            case "delete":
                known.pop(given_, None)
            case "zone":
                athlete = replace(athlete, hours=ContactHours(ZoneInfo(given_)))
            case "pause":
                athlete = replace(athlete, pauses=(Pause(now, None),) if given_ else ())
            case "decide":
                decided[given_] = decide(outbox.held(), athlete, known.values(), now)
            case "write":
                planner, number = given_
                for write in decided[planner][:number]:
                    outbox.apply(write, now)
                decided[planner] = []
            case "send":
                outbox.send(now)
            case "pass":
                now += timedelta(hours=given_)
        assert all(outbox.documents[id_] == document for id_, document in sent.items())
        assert max(outbox.asked.values(), default=0) <= 1
    settle(outbox, *known.values(), athlete=athlete, now=now)
    settle(outbox, *known.values(), athlete=athlete, now=now)
    check_agreement(outbox, athlete, known.values(), now)


def check_agreement(outbox: Outbox, athlete: Athlete, known: Iterable[Plan], now: datetime) -> None:
    """What is desired has its prompt or a slot that was used up; there is no prompt that is not desired."""
    wanted = {desired.key: desired for desired in desired_prompts(athlete, current_sessions(known), now, 14)}
    slots = {d["slot"] for d in outbox.documents.values() if "slot" in d}
    first = monday(athlete, now).isoformat()
    for document in outbox.documents.values():
        desired = wanted.get((document["runId"], document["sessionId"]))
        if document["state"] == "pending" and document["date"] >= first:
            assert desired is not None
            assert not desired.is_paused
            assert document["plannedAt"] == desired.due_at
    for desired in wanted.values():
        numbers = [
            d["slot"]
            for d in outbox.documents.values()
            if d.get("slot", "").startswith(f"ana|{desired.day}|")
        ]
        assert len(numbers) >= sum(other.day == desired.day for other in wanted.values())
        found = [d for d in outbox.documents.values() if (d["runId"], d["sessionId"]) == desired.key]
        if not found:
            used = [d for d in outbox.documents.values() if d["date"] == desired.day and "sentAt" in d]
            assert used, f"{desired} has no prompt in {slots}"
        elif "sentAt" not in found[0] and desired.is_paused:
            assert (found[0]["state"], found[0].get("reason")) == ("cancelled", PAUSED)
    # Whatever became of them: the mark of a pause is there with its reason, and goes with it.
    for document in outbox.documents.values():
        is_cancelled_for_it = (document["state"], document.get("reason")) == ("cancelled", PAUSED)
        assert document.get("isPaused") is (True if is_cancelled_for_it else None)
        assert is_paused(document) is is_cancelled_for_it


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"state": "cancelled", "isPaused": True}, True),
        ({"state": "cancelled", "isPaused": True, "reason": "on holidays"}, True),
        ({"state": "cancelled", "reason": "paused"}, True),
        ({"state": "cancelled", "reason": " Paused until May"}, True),
        ({"state": "cancelled", "reason": "by hand"}, False),
        ({"state": "cancelled", "isPaused": 1, "reason": 5}, False),
        ({"state": "cancelled"}, False),
        ({"state": "pending", "isPaused": True, "reason": "paused"}, False),
        ({"isPaused": True}, False),
    ],
)
def test_cancelled_for_a_pause(document: Document, expected: bool) -> None:
    """The mark tells; documents without one say so in their reason."""
    assert is_paused(document) is expected


odd = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
fields = {
    "_id": st.integers(),
    "state": odd | st.sampled_from(["pending", "cancelled", "sent"]),
    "athleteId": odd | st.just("ana"),
    "date": odd | st.sampled_from(["2026-02-17", "2026-02-18", "zzz"]),
    "slot": odd | st.sampled_from(["ana|2026-02-18|1", "ana|2026-02-18|2", "ana|2026-02-18|reminder"]),
    "runId": odd | st.just("R1"),
    "sessionId": odd | st.just("2026-02-18-run"),
    "chatId": odd | st.just("70"),
}
others = (
    "unknowns",
    "claim",
    "attemptAt",
    "sentAt",
    "reason",
    "isPaused",
    "kind",
    "plan",
    "plannedAt",
    "movedFrom",
)


@given(st.lists(st.fixed_dictionaries(fields, optional=dict.fromkeys(others, odd)), max_size=5))
def test_an_outbox_in_disorder_is_no_reason_to_stumble(held: list[Document]) -> None:
    """Anybody may have written into it; each decision is one about a document of it, or an insert."""
    for plan in ([], [plan_of("R1", {"18": ["Run", "Swim"]})]):
        for write in decide(held, ANA, plan):
            assert write.document is None or write.document in held
    for name in Reconciliation(held, {}, NOW).athletes():
        list(Reconciliation(held, {}, NOW).drop(name))
