"""In which language to write to whom: what they chose, else what the coach says, else what Telegram says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from bot.core.i18n.language import Language, language_of, read_language
from bot.core.people.athlete import Athlete
from bot.core.shared.update_order import UpdateStamp
from bot.services.people.roster_cache import RosterCache
from bot.services.periodic import FaultLog, repeat
from bot.store.people.tombstones import TombstoneStore
from bot.store.people.users import BotUser, UserStore

log = logging.getLogger(__name__)

_INTERVAL = 5.0


class LanguageCache:
    """Knows the languages of athletes and admins, in memory.

    Args:
        admins: ADMIN_IDS.
    """

    def __init__(
        self, users: UserStore, roster: RosterCache, admins: frozenset[int], tombstones: TombstoneStore
    ) -> None:
        self._store = users
        self._roster = roster
        self._admins = admins
        self._tombstones = tombstones
        self._users: dict[int, BotUser] = {}
        self._heard: dict[int, tuple[str, UpdateStamp]] = {}
        self._reading = asyncio.Lock()
        self._faults = FaultLog(
            log,
            waits="languages cannot be read",
            fails="reading languages fails",
            again="languages are read again",
            level=logging.INFO,
            defect_level=logging.WARNING,
        )

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
        chosen = read_language(self._users.get(user_id, BotUser()).language)
        return chosen or read_language(None if athlete is None else athlete.language)

    def hear(self, user_id: int | None, tag: str | None, stamp: UpdateStamp) -> None:
        """What Telegram says in an update; it is stored soon, if that is somebody known."""
        if user_id is None or not tag:
            return
        is_known = user_id in self._admins or self._roster.athlete(user_id) is not None
        if is_known and tag != self._last_heard(user_id):
            self._heard[user_id] = tag, stamp

    def _last_heard(self, user_id: int) -> str | None:
        heard = self._heard.get(user_id)
        return self._users.get(user_id, BotUser()).telegram_language if heard is None else heard[0]

    async def choose(self, user_id: int, language: Language | None, wish: UpdateStamp) -> None:
        """Write in this language from now on; None: in whatever Telegram says. A newer choice stays.

        Args:
            wish: the update in which they asked for it.

        Raises:
            StorageError: doing it again is harmless.
        """
        await self._store.choose(user_id, None if language is None else language.value, wish)
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
        gone = await self._deleted(heard)
        await self._store.speak({user_id: what for user_id, what in heard.items() if user_id not in gone})
        for user_id, at in (await self._deleted(heard)).items():
            await self._store.forget(user_id, at)
        await self._read()
        for user_id, what in heard.items():
            if self._heard.get(user_id) == what:
                del self._heard[user_id]

    async def _deleted(self, heard: Mapping[int, tuple[str, UpdateStamp]]) -> dict[int, UpdateStamp]:
        """Who had everything deleted after this was heard, and when."""
        tombstones = await self._tombstones.of(heard)
        return {user_id: it.at for user_id, it in tombstones.items() if it.covers(heard[user_id][1])}

    async def run(self) -> None:
        """Refresh every five seconds until cancelled."""
        await repeat(self.refresh, _INTERVAL, self._faults)

    async def _read(self) -> None:
        async with self._reading:  # or an older reading could end up in the place of a newer one
            self._users = await self._store.all()

    def _decide(self, user_id: int | None, athlete: Athlete | None, heard: str | None) -> Language:
        user = BotUser() if user_id is None else self._users.get(user_id, BotUser())
        said = heard or (None if user_id is None else self._last_heard(user_id))
        return language_of(user.language, None if athlete is None else athlete.language, said)
