"""The language in which somebody is written to: their own choice, else the coach's, else Telegram's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from bot.core.i18n.language import Language, language_of, read_language
from bot.core.people.athlete import Athlete, Roster
from bot.core.shared.update_order import UpdateStamp
from bot.services.people.roster_cache import RosterCache
from bot.services.periodic import FaultLog, repeat
from bot.store.people.tombstones import TombstoneStore
from bot.store.people.users import BotUser, UserStore

log = logging.getLogger(__name__)

_INTERVAL = 5.0


class LanguageCache:
    """The languages of athletes and admins, in memory.

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
        self._observed: dict[int, tuple[str, UpdateStamp]] = {}
        self._reading = asyncio.Lock()
        self._faults = FaultLog(
            log,
            waits="languages cannot be read",
            fails="reading languages fails",
            again="languages are read again",
            level=logging.INFO,
            defect_level=logging.WARNING,
        )

    def of(self, user_id: int | None, tag: str | None = None) -> Language:
        """Somebody's language; the default for whom we know none.

        Args:
            tag: the IETF tag that came with what they have just sent.
        """
        return self._decide(user_id, self._roster.athlete(user_id), tag)

    def of_athlete(self, athlete: Athlete | None) -> Language:
        """An athlete's language."""
        return self._decide(None if athlete is None else athlete.user_id, athlete, None)

    def of_chat(self, chat_id: int) -> Language:
        """The language of all who are asked in a chat; the default if they have several, or are none."""
        roster = self._roster.roster or Roster()
        languages = {self.of_athlete(it) for it in roster.athletes if it.chat_id == chat_id}
        return languages.pop() if len(languages) == 1 else self.of_athlete(None)

    def chosen(self, user_id: int) -> Language | None:
        """The language that they, or else the coach, chose; None: whatever Telegram says."""
        athlete = self._roster.athlete(user_id)
        chosen = read_language(self._users.get(user_id, BotUser()).language)
        return chosen or read_language(None if athlete is None else athlete.language)

    def observe(self, user_id: int | None, tag: str | None, stamp: UpdateStamp) -> None:
        """Note the tag that came with an update; of known people it is stored by the next refresh."""
        if user_id is None or not tag:
            return
        is_known = user_id in self._admins or self._roster.athlete(user_id) is not None
        if is_known and tag != self._telegram_tag(user_id):
            self._observed[user_id] = tag, stamp

    def _telegram_tag(self, user_id: int) -> str | None:
        observed = self._observed.get(user_id)
        return self._users.get(user_id, BotUser()).telegram_language if observed is None else observed[0]

    async def choose(self, user_id: int, language: Language | None, stamp: UpdateStamp) -> None:
        """Write in this language from now on; None: in whatever Telegram says. A newer choice stays.

        Args:
            stamp: of the update in which they asked for it.

        Raises:
            StorageError: doing it again is harmless.
        """
        await self._store.choose(user_id, None if language is None else language.value, stamp)
        await self._read()

    def forget(self, user_id: int) -> None:
        """Somebody's data are deleted."""
        self._users.pop(user_id, None)
        self._observed.pop(user_id, None)

    async def refresh(self) -> None:
        """Store the observed tags, and read what other services have stored.

        Raises:
            StorageError: MongoDB is away or refuses; the tags are kept for the next time.
        """
        observed = dict(self._observed)
        gone = await self._deleted(observed)
        await self._store.save_tags({user_id: it for user_id, it in observed.items() if user_id not in gone})
        for user_id, at in (await self._deleted(observed)).items():
            await self._store.forget(user_id, at)
        await self._read()
        for user_id, it in observed.items():
            if self._observed.get(user_id) == it:
                del self._observed[user_id]

    async def _deleted(self, observed: Mapping[int, tuple[str, UpdateStamp]]) -> dict[int, UpdateStamp]:
        """When people had everything deleted, for those who did so after their tag was observed."""
        tombstones = await self._tombstones.of(observed)
        return {user_id: it.at for user_id, it in tombstones.items() if it.covers(observed[user_id][1])}

    async def run(self) -> None:
        """Refresh every five seconds until cancelled."""
        await repeat(self.refresh, _INTERVAL, self._faults)

    async def _read(self) -> None:
        async with self._reading:  # or an older reading could end up in the place of a newer one
            self._users = await self._store.all()

    def _decide(self, user_id: int | None, athlete: Athlete | None, tag: str | None) -> Language:
        user = BotUser() if user_id is None else self._users.get(user_id, BotUser())
        telegram = tag or (None if user_id is None else self._telegram_tag(user_id))
        return language_of(user.language, None if athlete is None else athlete.language, telegram)
