"""How `athlete list` shows the roster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.core.people.athlete import Athlete, Pause, athlete_flaws
from bot.core.shared import formatting as texts
from bot.core.shared.clock import iso_utc
from bot.core.telegram.chats import ChatTopic
from bot.store.mongodb.client import Document


@dataclass(frozen=True, slots=True)
class ListedAthlete:
    """An athlete at an instant, with their document; empty for somebody whom only ATHLETE_IDS lists."""

    athlete: Athlete
    document: Document
    now: datetime

    @property
    def is_removed(self) -> bool:
        """Whether they are on the roster no more."""
        return self.document.get("state") == "removed"

    @property
    def flaws(self) -> Sequence[str]:
        """What in the document cannot be read."""
        return [] if self.is_removed else athlete_flaws(self.document)

    @property
    def _state(self) -> str:
        if self.is_removed:
            return "removed"
        if self.athlete.user_id is None:
            return "invited"
        return "active" if self._pause is None else "paused"

    @property
    def _pause(self) -> Pause | None:
        return self.athlete.pause_at(self.now)

    @property
    def _invited_until(self) -> datetime | None:
        invite = self.document.get("invite")
        until = invite.get("expiresAt") if isinstance(invite, Mapping) else None
        return until if self._state == "invited" and isinstance(until, datetime) else None

    def to_row(self) -> list[str]:
        """A line of the table, see `table`."""
        athlete, hours = self.athlete, self.athlete.hours
        state, until = self._state, self._invited_until
        if state == "invited":
            state += f" until {texts.utc(until)}" if until and until > self.now else ", expired"
        elif state == "paused" and self._pause and self._pause.until:
            state += f" until {self._pause.until.astimezone(hours.zone):%Y-%m-%d %H:%M}"
        asked = [f"ask {hours.prompt_time:%H:%M}"]
        asked += [f"remind {hours.reminder_time:%H:%M}"] if hours.reminder_time else []
        asked += [f"nudge after {hours.nudge_after_hours} h"] if hours.nudge_after_hours else []
        asked += [f"quiet {hours.quiet}"] if hours.quiet else []
        if athlete.chat_id not in (None, athlete.user_id):
            asked.append(f"in chat {ChatTopic(athlete.chat_id, athlete.thread_id)}")
        user = "-" if athlete.user_id is None else str(athlete.user_id)
        return [athlete.athlete_id, athlete.name or "-", state, user, hours.zone.key, ", ".join(asked)]

    def to_json(self) -> dict[str, Any]:
        """Everything, with the settings that hold; instants as ISO 8601 in UTC."""
        athlete, hours = self.athlete, self.athlete.hours
        pause = self._pause if self._state == "paused" else None
        return {
            "athleteId": athlete.athlete_id,
            "name": athlete.name,
            "state": self._state,
            "pausedSince": None if pause is None else iso_utc(pause.since),
            "pausedUntil": None if pause is None or pause.until is None else iso_utc(pause.until),
            "invitedUntil": None if self._invited_until is None else iso_utc(self._invited_until),
            "userId": athlete.user_id,
            "chatId": None if athlete.chat_id is None else str(athlete.chat_id),
            "messageThreadId": athlete.thread_id,
            "language": athlete.language,
            "timezone": hours.zone.key,
            "promptTime": f"{hours.prompt_time:%H:%M}",
            "reminderTime": None if hours.reminder_time is None else f"{hours.reminder_time:%H:%M}",
            "nudgeAfterHours": hours.nudge_after_hours,
            "quietHours": None if hours.quiet is None else str(hours.quiet),
        }


def table(people: Sequence[ListedAthlete]) -> list[str]:
    """Aligned columns below their names."""
    names = ["ID", "NAME", "STATE", "USER", "ZONE", "HOURS"]
    return aligned([names, *(person.to_row() for person in people)])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their columns one below the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
