"""In which language to write to whom: what they chose, else what the coach says, else what Telegram says."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from bot.core.clock import Clock
from bot.core.errors import StorageError
from bot.core.language import Language, language_of, read_language
from bot.core.roster import Athlete
from bot.flows.roster import RosterKeeper
from bot.logs import Recurring, describe_defect
from bot.store.users import User, UserStore

log = logging.getLogger(__name__)

_INTERVAL = 5.0


class Languages:
    """Knows the languages of athletes and admins, in memory.

    Args:
        admins: ADMIN_IDS.
    """

    def __init__(self, users: UserStore, roster: RosterKeeper, admins: frozenset[int], clock: Clock) -> None:
        self._store = users
        self._roster = roster
        self._admins = admins
        self._clock = clock
        self._users: dict[int, User] = {}
        self._heard: dict[int, str] = {}
        self._reading = asyncio.Lock()
        self._trouble = Recurring(log)

    def of(self, user_id: int | None, heard: str | None = None) -> Language:
        """Somebody's language; English for whom we know none.

        Args:
            heard: the IETF tag that came with what they have just sent.
        """
        return self._decide(user_id, self._roster.athlete(user_id), heard)

    def of_athlete(self, athlete: Athlete | None) -> Language:
        """An athlete's language."""
        return self._decide(None if athlete is None else athlete.user_id, athlete, None)

    def settled(self, user_id: int) -> Language | None:
        """The language that they, or else the coach, chose; None: whatever Telegram says."""
        athlete = self._roster.athlete(user_id)
        chosen = read_language(self._users.get(user_id, User()).language)
        return chosen or read_language(None if athlete is None else athlete.language)

    def hear(self, user_id: int | None, tag: str | None) -> None:
        """What Telegram says; it is stored soon, if that is somebody known."""
        if user_id is None or not tag:
            return
        is_known = user_id in self._admins or self._roster.athlete(user_id) is not None
        if is_known and tag != self._heard.get(user_id, self._users.get(user_id, User()).telegram_language):
            self._heard[user_id] = tag

    async def choose(self, user_id: int, language: Language | None, now: datetime) -> None:
        """Write in this language from now on; None: in whatever Telegram says. A newer choice stays.

        Args:
            now: when they asked for it.

        Raises:
            StorageError: doing it again is harmless.
        """
        await self._store.choose(user_id, None if language is None else language.value, now)
        await self._read()

    def forget(self, user_id: int) -> None:
        """Somebody's data are deleted."""
        self._users.pop(user_id, None)
        self._heard.pop(user_id, None)

    async def refresh(self) -> None:
        """Store what was heard, and read what others have stored.

        Raises:
            StorageError.
        """
        heard = dict(self._heard)
        await self._store.speak(heard, self._clock())
        await self._read()
        for user_id, tag in heard.items():
            if self._heard.get(user_id) == tag:
                del self._heard[user_id]

    async def run(self) -> None:
        """Refresh every five seconds until cancelled."""
        while True:
            try:
                await self.refresh()
                self._trouble.over("languages are read again")
            except StorageError as exc:
                self._trouble.met(f"languages cannot be read: {exc}", logging.INFO)
            except Exception as exc:  # noqa: BLE001  # not worth the service
                self._trouble.met(f"reading languages fails unexpectedly: {describe_defect(exc)}")
            await asyncio.sleep(_INTERVAL)

    async def _read(self) -> None:
        async with self._reading:  # or an older reading could end up in the place of a newer one
            self._users = await self._store.all()

    def _decide(self, user_id: int | None, athlete: Athlete | None, heard: str | None) -> Language:
        user = User() if user_id is None else self._users.get(user_id, User())
        said = heard or (None if user_id is None else self._heard.get(user_id)) or user.telegram_language
        return language_of(user.language, None if athlete is None else athlete.language, said)
