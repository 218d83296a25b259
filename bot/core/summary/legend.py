"""The meaning of a summary's words, figures and nulls, and which way is better; in English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.core.facts.answer_types import BY_COMPLETION, KNOWN_DONE, FeedbackType
from bot.core.facts.completion import Completion
from bot.core.facts.questions import FIELDS, Detail
from bot.core.pain.follow_up import OPEN_PAIN_NULLS
from bot.core.summary.sessions import SessionState

COMPLETED_ALL = "completedAll"
COMPLETED: Mapping[str, Completion] = {
    COMPLETED_ALL: Completion.ALL,
    "completedPart": Completion.PART,
    "completedNo": Completion.NONE,
}
"""The counts of what athletes say where their answer does not tell whether the session was done."""
_UNTOLD = ", ".join(type_ for type_ in BY_COMPLETION if type_.facts.is_done is None)
DONE = " + ".join((*KNOWN_DONE, COMPLETED_ALL))
"""The answers that count as done, as they are added up."""
WARNINGS = tuple(type_ for type_ in BY_COMPLETION if type_.facts.is_warning)
"""The answers that are counted in a row."""
_ANSWERED = " + ".join(BY_COMPLETION)
_NOT_DONE = ", ".join(
    type_ if type_.facts.is_done is not None else f"{type_} without {COMPLETED_ALL}"
    for type_ in BY_COMPLETION
    if type_ not in KNOWN_DONE
)

STATES: Mapping[FeedbackType | SessionState, str] = {
    **{type_: type_.facts.meaning for type_ in BY_COMPLETION},
    SessionState.OPEN: "asked, and an answer would still count",
    SessionState.UNANSWERED: (
        "asked, and an answer would not count any more: whether it was done is not known"
    ),
    SessionState.LATE: "asked, and the answer came when it did not count any more, so it was not stored",
    SessionState.UNKNOWN: "asked and answered, or perhaps so, but what was answered is not known any more",
    SessionState.PAUSED: "not asked because the athlete paused (holidays, illness): not the same as skipped",
    SessionState.UNDELIVERED: "the question could not be delivered, so the athlete never saw it",
    SessionState.NOT_ASKED: "its time is over, and it was not asked about: whether it was done is not known",
    SessionState.NOT_DUE: "still to come",
}

COUNTS: Mapping[str, str] = {
    "planned": "sessions in the plan (rest days are none)",
    "unplanned": "sessions asked about or answered that are in no plan",
    "asked": f"planned or unplanned, and asked about: {_ANSWERED} + noAnswer + unknown",
    **{type_.value: type_.facts.meaning for type_ in BY_COMPLETION},
    COMPLETED_ALL: f"those of {_UNTOLD} that were done as a whole, as the athlete said",
    "completedPart": f"those of {_UNTOLD} that were done in part",
    "completedNo": f"those of {_UNTOLD} that were not done",
    "noAnswer": "asked, and without an answer that counts",
    "stillOpen": "those of noAnswer that can still be answered",
    "unknown": "asked, and nobody can tell any more what was answered",
    "paused": "not asked because the athlete paused: not the same as skipped",
    "notAsked": "its time is over and it was not asked about, or the question could not be delivered",
    "notDue": "still to come",
}
"""planned + unplanned = asked + paused + notAsked + notDue."""

SCALES: tuple[Mapping[str, Any], ...] = (
    {
        "name": "adherence",
        "meaning": f"({DONE}) / asked: the least share of the asked sessions that was done. In asked and"
        f" not in done are {_NOT_DONE}, no answer and unknown",
        "range": [0, 1],
        "better": "higher",
    },
    {
        "name": "responseRate",
        "meaning": f"({_ANSWERED}) / asked: how many questions were answered. It says nothing about how the"
        " training went",
        "range": [0, 1],
        "better": "higher",
    },
    *(
        {
            "name": f"runs.{type_}",
            "meaning": (
                f"answered sessions in a row, across weeks, with the answer {type_}: current is up to the"
                " last answer, longest is within the five weeks. Sessions without a known answer are left out"
                if type_ is WARNINGS[0]
                else f"the same with the answer {type_}"
            ),
            "unit": "sessions",
            "range": [0, None],
            "better": "lower",
        }
        for type_ in WARNINGS
    ),
    {
        "name": "delayHours",
        "meaning": "from the first question to the answer. It says nothing about how the training went",
        "unit": "hours",
        "range": [0, None],
        "better": "neither",
    },
)


EXTRA_SCALES: Mapping[str, Mapping[str, Any]] = {
    **{
        facts.field.name: {
            "name": facts.field.name,
            "meaning": facts.field.meaning,
            "range": list(facts.scale),
            "better": facts.field.better,
        }
        for facts in (detail.facts for detail in Detail)
        if facts.scale is not None
    },
    **{
        name: {
            "name": name,
            "meaning": field.meaning,
            "range": [choice for detail in details for choice in detail.facts.choices],
            "better": field.better,
        }
        for name, details in FIELDS.items()
        if (field := details[0].facts.field).meaning is not None
        and all(detail.facts.scale is None for detail in details)
    },
    "sessionLoad": {
        "name": "sessionLoad",
        "meaning": "rpe x plannedMinutes, in arbitrary units. Not known where these are not",
        "range": [0, None],
        "better": "neither",
    },
}
"""Scales that are shown where there are such values."""

NULLS: Mapping[str, str] = {
    "adherence": "not known; the week's `why` says why",
    "responseRate": "not known; the week's `why` says why",
    "why": "there is nothing to explain",
    "medianDelayHours": "of no answer of the week it is known how long it took",
    "current": "no session of the five weeks has a known answer",
    "longest": "no session of the five weeks has a known answer",
    "planned": "what was planned is not on record",
    "plannedMinutes": "the plan says no minutes, or none that are surely understood",
    "plannedMinutesFrom": "the planned minutes are not known",
    "answer": "no known answer; the state says more",
    "note": "the athlete wrote nothing",
    "delayHours": "no known answer, or not known when it was asked or answered",
    "askedBy": "not asked about",
    "askedAt": "not asked about, or not known when",
    "answeredAt": "no known answer, or not known when",
    "name": "the athlete's name is not on record",
    "until": "the pause has no end yet",
    **OPEN_PAIN_NULLS,
    "range": "no upper limit",
}
"""The meaning of null, by field."""
