"""Who has written to a bot that knows nobody yet. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.shared.formatting import count
from bot.core.shared.printable import one_line
from bot.core.telegram.updates import CommandUpdate, NoteUpdate, UnreadableUpdate, read_instant, read_update

_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who has written to the bot in a private chat.

    Attributes:
        name: how they call themselves, which may be anything.
        username: which nobody else has, without `@`; None: they have none.
        language_code: the IETF tag that Telegram gives for them.
        written_at: when they wrote last; None: Telegram does not say.
    """

    user_id: int
    name: str
    username: str | None
    language_code: str | None
    written_at: datetime | None

    def described(self, now: datetime) -> str:
        """Who it is, on one line of a terminal: `Ana (@ana_runs), id 123, wrote just now`."""
        name = self.name if len(self.name) <= _LONGEST_NAME else f"{self.name[:_LONGEST_NAME]}..."
        username = f" (@{self.username})" if self.username else ""
        when = "" if self.written_at is None else f" {_ago(now - self.written_at)}"
        return one_line(f"{name or 'Somebody without a name'}{username}, id {self.user_id}, wrote{when}")


def read_newcomers(updates: Iterable[object], now: datetime) -> Sequence[Newcomer]:
    """Everybody who wrote to the bot itself, once each, whoever wrote last first."""
    found: dict[int, Newcomer] = {}
    for update in updates:
        try:
            read = read_update(update, now)
        except UnreadableUpdate:
            continue
        message = update.get("message") if isinstance(update, dict) else None
        if message is None or not isinstance(read, CommandUpdate | NoteUpdate) or not read.is_private:
            continue
        sender = message["from"]
        names = (sender.get("first_name"), sender.get("last_name"))
        username = sender.get("username")
        found.pop(read.user_id, None)
        found[read.user_id] = Newcomer(
            read.user_id,
            " ".join(name.strip() for name in names if isinstance(name, str) and name.strip()),
            username if isinstance(username, str) and username else None,
            read.language_code,
            read_instant(message.get("date")),
        )
    return list(reversed(found.values()))


def _ago(passed: timedelta) -> str:
    minutes = max(0, round(passed.total_seconds() / 60))
    if minutes < 2:
        return "just now"
    if minutes < 120:
        return f"{minutes} minutes ago"
    return f"{count(minutes // 60, 'hour')} ago"
