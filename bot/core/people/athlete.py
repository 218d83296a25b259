"""Who trains here: athletes with their zone, hours and pauses. Pure.

An athlete stands in the collection `athletes`, or is just a Telegram user id in ATHLETE_IDS; then the id is
the name, and everything else is as the settings say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.core.shared.tolerant import read_int64
from bot.core.shared.update_order import UpdateStamp
from bot.core.telegram.chats import read_thread_id

_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_USER_ID = re.compile(r"[0-9]{1,19}")
_ATHLETE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours of the day in which nothing is sent; `start` included, `end` not. They may span midnight."""

    start: time
    end: time

    def covers(self, at: time) -> bool:
        """Whether a time of day is quiet."""
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which an athlete is not asked.

    Attributes:
        until: None until somebody ends it.
    """

    since: datetime
    until: datetime | None

    def covers(self, instant: datetime) -> bool:
        """Whether it lies in the pause; the end does not."""
        return self.since <= instant and (self.until is None or instant < self.until)


@dataclass(frozen=True, slots=True)
class ContactHours:
    """When an athlete is written to; times of day are in the athlete's zone.

    Attributes:
        prompt_time: when a planned session is asked about, on its date.
        reminder_time: when the day's sessions are announced; None: never.
        nudge_after_hours: how long after a question it is repeated once; None: never.
    """

    zone: ZoneInfo
    prompt_time: time = time(20)
    reminder_time: time | None = None
    nudge_after_hours: int | None = None
    quiet: QuietHours | None = None


@dataclass(frozen=True, slots=True)
class Athlete:
    """Somebody whose taps count.

    Attributes:
        user_id: the Telegram user; None until an invitation is accepted.
        chat_id, thread_id: where to ask; the topic of a group, if it is in one.
        name: how the coach calls them.
        language: IETF tag; None: as Telegram says.
        pauses: in the order in which they began.
        joined: the update with which they accepted their invitation; None for those who were entered. What
            they sent before that was a stranger's.
    """

    athlete_id: str
    user_id: int | None
    chat_id: int | None
    hours: ContactHours
    name: str | None = None
    language: str | None = None
    pauses: tuple[Pause, ...] = ()
    joined: UpdateStamp | None = None
    thread_id: int | None = None

    def pause_at(self, instant: datetime) -> Pause | None:
        """The pause in which an instant lies."""
        return next((pause for pause in reversed(self.pauses) if pause.covers(instant)), None)

    def quiet_until(self, instant: datetime) -> datetime | None:
        """When the quiet hours end in which an instant lies; None if it lies in none."""
        quiet = self.hours.quiet
        local = instant.astimezone(self.hours.zone)
        if quiet is None or not quiet.covers(local.time()):
            return None
        day = local.date() if local.time() < quiet.end else local.date() + timedelta(days=1)
        # Where the clocks are put back, the quiet hour that comes twice is quiet both times.
        end = datetime.combine(day, quiet.end, self.hours.zone)
        return max(end.astimezone(UTC), end.replace(fold=1).astimezone(UTC))

    def next_prompt_time(self, instant: datetime) -> datetime:
        """The first time at which this athlete is usually asked, at an instant or after it."""
        hours = self.hours
        today = instant.astimezone(hours.zone).date()
        days = (today + timedelta(days=offset) for offset in (0, 1, 2))
        return next(
            at for day in days if (at := local_instant(day, hours.prompt_time, hours.zone)) >= instant
        )


@dataclass(frozen=True, slots=True)
class Roster:
    """All athletes at one moment.

    Attributes:
        left: the private chats of those who were removed, as far as they are known.
        gone: the names of those who were removed.
        forgotten: the names of those who had everything deleted, and have not come back since.
    """

    athletes: tuple[Athlete, ...] = ()
    left: frozenset[int] = frozenset()
    forgotten: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    _by_user: dict[int, Athlete] = field(init=False, repr=False, default_factory=dict)
    _by_id: dict[str, Athlete] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._by_user.update({a.user_id: a for a in self.athletes if a.user_id is not None})
        self._by_id.update({a.athlete_id: a for a in self.athletes})

    def by_user(self, user_id: int | None) -> Athlete | None:
        """The athlete whose taps these are; None for strangers."""
        return None if user_id is None else self._by_user.get(user_id)

    def by_id(self, athlete_id: str | None) -> Athlete | None:
        """The athlete of that name."""
        return None if athlete_id is None else self._by_id.get(athlete_id)

    def in_chat(self, chat_id: int, thread_id: int | None = None) -> Athlete | None:
        """The athlete who is asked in a chat, or of several the one in this topic; None if that is nobody, or
        could be several."""
        found = [a for a in self.athletes if a.chat_id == chat_id]
        if len(found) > 1:
            found = [a for a in found if a.thread_id == thread_id]
        return found[0] if len(found) == 1 else None

    def whose(
        self, athlete_id: str | None, user_id: int | None, chat_id: int, thread_id: int | None
    ) -> Athlete | None:
        """Whose a question is: the athlete's or user's whom it names, else of who is asked in its chat."""
        return self.by_id(athlete_id) or self.by_user(user_id) or self.in_chat(chat_id, thread_id)

    def reachable(self) -> list[Athlete]:
        """Those who can be asked: not who was invited only."""
        return [athlete for athlete in self.athletes if athlete.chat_id is not None]

    def sole(self) -> Athlete | None:
        """The one athlete who is meant when none is named."""
        reachable = self.reachable()
        return reachable[0] if len(reachable) == 1 else None

    def meant(self, athlete_id: str | None) -> Athlete | None:
        """The athlete of that name; where none is named, the sole one.

        Before somebody has a name on the roster, it is their user id.
        """
        if athlete_id is None:
            return self.sole()
        user_id = int(athlete_id) if _USER_ID.fullmatch(athlete_id) else None
        return self.by_id(athlete_id) or self.by_user(user_id)


def read_roster(
    user_ids: Iterable[int], documents: Iterable[Mapping[str, Any]], defaults: ContactHours
) -> Roster:
    """The athletes of ATHLETE_IDS and of the collection.

    A document with the user id of one in ATHLETE_IDS says more about that athlete. `removed` takes an athlete
    out of the collection, not out of ATHLETE_IDS: what the operator sets, wins. Settings in a document that
    cannot be read count as not set; `athlete_flaws` names them.
    """
    athletes, left, forgotten, gone = [], set(), set(), set()
    for document in documents:
        if document.get("forgottenAt") is not None:
            forgotten.add(str(document.get("athleteId")))
        if document.get("state") != "removed":
            athletes.append(read_athlete(document, defaults))
            continue
        gone.add(str(document.get("athleteId")))
        if (chat_id := _chat_id(document.get("chatId"))) is not None and chat_id > 0:
            left.add(chat_id)
    known = {athlete.user_id for athlete in athletes}
    bare = [
        Athlete(str(user_id), user_id, user_id, defaults)
        for user_id in sorted(user_ids)
        if user_id not in known
    ]
    return Roster((*bare, *athletes), frozenset(left), frozenset(forgotten), frozenset(gone))


def read_athlete(document: Mapping[str, Any], defaults: ContactHours) -> Athlete:
    """One document of `athletes`."""
    read, _ = _read_settings(document)
    thread_id = read.pop("thread_id", None)
    user_id = read_int64(document.get("userId"))
    chat_id = _chat_id(document.get("chatId"))
    pauses = document.get("pauses")
    return Athlete(
        athlete_id=str(document.get("athleteId")),
        user_id=user_id,
        chat_id=user_id if chat_id is None else chat_id,
        hours=replace(defaults, **read),
        name=_text(document.get("name")),
        language=_text(document.get("language")),
        pauses=tuple(
            Pause(since, until if isinstance(until := item.get("until"), datetime) else None)
            for item in (pauses if isinstance(pauses, list) else [])
            if isinstance(item, Mapping) and isinstance(since := item.get("since"), datetime)
        ),
        joined=UpdateStamp.read(document.get("joinedBy"), document.get("joinedAt")),
        thread_id=thread_id if chat_id is not None and chat_id < 0 else None,
    )


def athlete_flaws(document: Mapping[str, Any]) -> list[str]:
    """What in a document cannot be read, a line each, with field and cure."""
    return _read_settings(document)[1]


def _read_settings(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    readers = {
        "zone": ("timezone", read_zone),
        "prompt_time": ("promptTime", read_time),
        "reminder_time": ("reminderTime", read_time),
        "nudge_after_hours": ("nudgeAfterHours", read_hours),
        "quiet": ("quietHours", read_quiet),
        "thread_id": ("messageThreadId", read_thread_id),
    }
    read: dict[str, Any] = {}
    flaws = []
    for attribute, (name, reader) in readers.items():
        value = document.get(name)
        if value is None:
            continue
        try:
            read[attribute] = reader(value)
        except ValueError as exc:
            flaws.append(f"{name}: {exc}")
    return read, flaws


def read_zone(value: object) -> ZoneInfo:
    """An IANA time zone.

    Raises:
        ValueError: saying what is expected.
    """
    try:
        return ZoneInfo(str(value).strip())
    except (OSError, ValueError, LookupError) as exc:
        raise ValueError(f"{value!r} is not an IANA time zone; write one such as Europe/Madrid") from exc


def read_time(value: object) -> time:
    """A time of day, `HH:MM`.

    Raises:
        ValueError: saying what is expected.
    """
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a time of day; write one such as 20:00")
    return time(int(match[1]), int(match[2]))


def read_quiet(value: object) -> QuietHours:
    """Quiet hours, `HH:MM-HH:MM`.

    Raises:
        ValueError: saying what is expected.
    """
    start, dash, end = str(value).partition("-")
    try:
        quiet = QuietHours(read_time(start), read_time(end))
    except ValueError:
        dash = ""
    if not dash or quiet.start == quiet.end:
        raise ValueError(f"{value!r} are no quiet hours; write them such as 22:00-07:00")
    return quiet


def read_hours(value: object) -> int:
    """A number of whole hours, 1 to 168.

    Raises:
        ValueError: saying what is expected.
    """
    hours = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(hours, str) and (digits := hours.strip()).isascii() and digits.isdigit():
        hours = int(digits)
    if isinstance(hours, bool) or not isinstance(hours, int) or not 1 <= hours <= 168:
        raise ValueError(f"{value!r} is not a number of hours; write 1 to 168")
    return hours


def check_athlete_id(value: str) -> str:
    """A name for an athlete that fits into session keys, links and command lines.

    Raises:
        ValueError: saying what is expected.
    """
    if _ATHLETE_ID.fullmatch(value) is None:
        raise ValueError(f"{value!r} is not an athlete id; write up to 64 letters, digits, '.', '_' or '-'")
    return value


def local_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant of a time of day on a date, in UTC.

    A time that the clocks skip is as long after the skip's begin as it would have been; of one that comes
    twice it is the first.
    """
    return datetime.combine(day, at, zone).astimezone(UTC)


def _chat_id(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value.strip()):
        value = int(value)
    return read_int64(value)


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
