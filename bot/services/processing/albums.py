"""Albums: their messages come one by one, and are one note, which is answered once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from bot.core.inbox.albums import MOST_PARTS, join
from bot.core.telegram.action_payloads import Action, parse_action
from bot.core.telegram.updates import CommandUpdate, NoteUpdate, Tap, TapUpdate
from bot.services.inbox.acknowledgements import Acknowledgements
from bot.store.inbox.journal import Entry

ReadEntry: TypeAlias = tuple[Entry, TapUpdate | CommandUpdate | NoteUpdate]

RECHECK = 0.25
"""How often, in seconds, it is looked whether an album is whole."""
_QUIET = 1.5  # so long after the last part none is expected any more
_REMEMBERED = 60.0  # for what comes later still: not for long, since it is what people wrote

_Key: TypeAlias = tuple[int, str]


@dataclass(slots=True)
class _Album:
    """What has come of an album; `since` is when the last part did."""

    since: float
    entries: list[Entry] = field(default_factory=list)
    parts: dict[int, NoteUpdate] = field(default_factory=dict)

    def is_of(self, user_id: int) -> bool:
        """Whether somebody has sent it."""
        return any(part.user_id == user_id for part in self.parts.values())


class Albums:
    """Holds the parts of albums back until they are whole. The journal has them meanwhile."""

    def __init__(
        self, acknowledgements: Acknowledgements, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._acknowledgements = acknowledgements
        self._monotonic = monotonic
        self._open: dict[_Key, _Album] = {}
        self._known: dict[_Key, _Album] = {}

    @property
    def are_open(self) -> bool:
        """Whether some are held back."""
        return bool(self._open)

    def gather(self, updates: Iterable[ReadEntry]) -> list[ReadEntry]:
        """What is to be processed now: everything but parts of albums, and the albums that are whole.

        An album's other entries are finished, or given up, with the one under which it is handed on. Where
        somebody confirms /forgetme theirs are whole: what comes later must not write their words again.
        """
        ready: list[ReadEntry] = []
        self._forget()
        for entry, update in updates:
            if isinstance(update, TapUpdate):
                ready += [*self._end_before(update.tap), (entry, update)]
            elif not isinstance(update, NoteUpdate) or update.album is None:
                ready.append((entry, update))
            elif (album := self._known.get((update.chat_id, update.album))) is not None:
                ready += self._afterwards(entry, update, album.parts)
            elif update.is_edit and (update.chat_id, update.album) not in self._open:
                ready.append((entry, update))
            else:
                self._hold(entry, update, update.album)
        return ready + [self._close(key) for key in list(self._open) if self._is_whole(self._open[key])]

    def _hold(self, entry: Entry, part: NoteUpdate, name: str) -> None:
        now = self._monotonic()
        album = self._open.setdefault((part.chat_id, name), _Album(now))
        album.since = now
        album.entries.append(entry)
        album.parts[part.message_id] = replace(part, is_edit=False)

    def _is_whole(self, album: _Album) -> bool:
        return len(album.parts) >= MOST_PARTS or self._monotonic() - album.since >= _QUIET

    def _close(self, key: _Key) -> ReadEntry:
        album = self._known[key] = self._open.pop(key)
        *others, last = album.entries
        self._acknowledgements.tie(last.seq, [entry.seq for entry in others])
        return last, join(album.parts.values())

    def _end_before(self, tap: Tap) -> list[ReadEntry]:
        """The albums that end with a tap; of these nothing is remembered."""
        action = parse_action(tap.data)
        if action is None or action.action is not Action.FORGET or tap.user_id is None:
            return []
        ended = [self._close(key) for key, album in list(self._open.items()) if album.is_of(tap.user_id)]
        self._known = {key: album for key, album in self._known.items() if not album.is_of(tap.user_id)}
        return ended

    def _forget(self) -> None:
        old = self._monotonic() - _REMEMBERED
        for key in [key for key, album in self._known.items() if album.since < old]:
            del self._known[key]

    def _afterwards(
        self, entry: Entry, part: NoteUpdate, parts: dict[int, NoteUpdate]
    ) -> Iterable[ReadEntry]:
        """A part that comes late, or is edited: the album anew, if that changes it."""
        before = join(parts.values())
        parts[part.message_id] = replace(part, is_edit=False)
        after = join(parts.values())
        if (after.text, after.attachments) == (before.text, before.attachments):
            self._acknowledgements.finished(entry.seq)
        else:
            yield entry, replace(after, is_edit=part.is_edit)
