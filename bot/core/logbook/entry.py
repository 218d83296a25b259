"""A session that no plan has, as an athlete logs it: in words, or by buttons step by step. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.core.answers.event import FeedbackEvent, LoggedSession
from bot.core.answers.rules import WEEKDAYS, session_key
from bot.core.facts.answer_types import LOGGED
from bot.core.shared.formatting import MAX_NOTE, clip
from bot.core.telegram.action_payloads import Action, format_action
from bot.core.telegram.callback_data import MAX_CALLBACK_BYTES

MINUTES = (20, 30, 45, 60, 75, 90, 120, 150)
"""What the buttons offer."""
SESSION_ID = "log"
MAX_MINUTES = 24 * 60

_MAX_WHAT = 60
_UNKNOWN = "-"
_HARDEST = 10
_RUN_ID = re.compile(r"log-[0-9]{4}-[0-9]{2}-[0-9]{2}-[mu][0-9]+")
_HOURS = (
    r"(?P<hours>[0-9]{1,2})(?:[.,](?P<part>[0-9]))?\s*(?:h|hrs?|hours?|horas?)"
    r"(?:\s*(?P<more>[0-9]{1,2})\s*(?:min\w*|')?)?"
)
_MINUTES = r"(?P<minutes>[0-9]{1,3})\s*(?:min\w*|['′])"
_DURATION = re.compile(rf"(?<![\w.,:])(?:{_HOURS}|{_MINUTES})(?!\w)", re.IGNORECASE)
_RPE = re.compile(r"(?:^|\s)(?:rpe\s*)?(?P<rpe>[0-9]{1,2})(?:\s*/\s*10)?\s*$", re.IGNORECASE)
_EDGES = " \t,;:.-–·"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What was said of a session.

    Attributes:
        what: empty: that is not said yet.
        minutes, rpe: None: not said.
        note: what stood in further lines; None: nothing.
    """

    what: str
    minutes: int | None = None
    rpe: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class LogStep:
    """A tap of those that log a session step by step.

    Attributes:
        what: a kind, or the athlete's words.
        minutes: None: they are not said (yet).
        is_last: whether the session is to be stored.
    """

    what: str
    minutes: int | None = None
    is_last: bool = False


def read_entry(text: str) -> LogEntry:
    """What stands behind /log, such as `45 min easy run 4`: how long, what, and how hard, from 0 to 10.

    A number at the end is taken for how hard it was only where the minutes are named by their unit. What is
    not plain counts as not said. Further lines are a note.
    """
    first, _, rest = text.strip().partition("\n")
    note = clip(rest.strip(), MAX_NOTE) or None
    durations = list(_DURATION.finditer(first))
    if len(durations) != 1:
        return LogEntry(_what(first), note=note)
    [found] = durations
    minutes = _minutes_of(found)
    before, after = first[: found.start()], first[found.end() :]
    rpe = None
    if (hard := _RPE.search(after or before)) is not None and int(hard["rpe"]) <= _HARDEST:
        rpe = int(hard["rpe"])
        before, after = (before, after[: hard.start()]) if after else (before[: hard.start()], "")
    return LogEntry(_what(f"{before} {after}"), minutes, rpe, note)


def format_step(step: LogStep) -> str | None:
    """The argument of a button; None where the words are too long for one."""
    parts = [step.what]
    if step.is_last:
        parts.append(_UNKNOWN if step.minutes is None else str(step.minutes))
    argument = "|".join(parts)
    return argument if len(argument.encode()) <= MAX_CALLBACK_BYTES - len(format_action(Action.LOG)) else None


def read_step(argument: str) -> LogStep | None:
    """The tap that an argument stands for; None if it is none."""
    what, bar, minutes = argument.partition("|")
    if not what.strip() or len(what) > _MAX_WHAT:
        return None
    if not bar:
        return LogStep(what)
    if minutes == _UNKNOWN:
        return LogStep(what, is_last=True)
    if not (minutes.isascii() and minutes.isdigit() and len(minutes) <= 4):
        return None
    number = int(minutes)
    return LogStep(what, number, is_last=True) if 1 <= number <= MAX_MINUTES else None


def is_logged(run_id: str) -> bool:
    """Whether the sessions of a run are those that athletes log."""
    return _RUN_ID.fullmatch(run_id) is not None


def logged_event(
    entry: LogEntry,
    *,
    user_id: int,
    username: str | None,
    chat_id: int,
    message_id: int | None,
    update_id: int,
    at: datetime,
    zone: tzinfo,
    is_by_buttons: bool,
) -> FeedbackEvent:
    """The answer to store: done, on the day on which it is said, in a run of its own.

    The run is named after the message with the buttons, or the update with the words: so what is carried out
    again is stored once.
    """
    day = at.astimezone(zone).date()
    name = f"m{message_id}" if is_by_buttons else f"u{update_id}"
    run_id = f"log-{day.isoformat()}-{name}"
    weekday = WEEKDAYS[day.weekday()]
    return FeedbackEvent(
        session_key=session_key(run_id, SESSION_ID, user_id),
        session_ref=f"{run_id}-{SESSION_ID}",
        run_id=run_id,
        session_id=SESSION_ID,
        type=LOGGED,
        response=LOGGED,
        note=entry.note,
        session_date=day.isoformat(),
        date=day.isoformat(),
        session_day=weekday,
        day=weekday,
        chat_id=str(chat_id),
        message_id=message_id,
        user_id=user_id,
        username=username,
        timestamp=at,
        received_at=at,
        prompt_sent_at=at,
        prompt_age_days=0,
        is_late_response=False,
        update_id=update_id,
        logged=LoggedSession(what=entry.what, minutes=entry.minutes, rpe=entry.rpe),
    )


def _minutes_of(found: re.Match[str]) -> int | None:
    if found["minutes"] is not None:
        minutes = int(found["minutes"])
    else:
        minutes = int(found["hours"]) * 60 + int(found["part"] or 0) * 6 + int(found["more"] or 0)
    return minutes if 1 <= minutes <= MAX_MINUTES else None


def _what(text: str) -> str:
    """Words on one line; empty if there is no letter in them. Bars part payloads."""
    words = " ".join(text.replace("|", " ").split()).strip(_EDGES)
    return clip(words, _MAX_WHAT) if any(character.isalpha() for character in words) else ""
