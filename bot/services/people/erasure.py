"""/forgetme, once it is confirmed: everything personal from before is deleted, whoever stores it, and when.

First the person leaves the roster, or is paused for ever. Then comes a tombstone: from then on nothing from
before is stored any more. Both are done at once, in the order of updates; the rest may take its time, and is
deleted beside everybody's taps. Each step may be done again: a crash on the way leaves the tap in the
journal, and the tombstone says to every service that something is left to do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeAlias

from bot.core.people.athlete import Athlete
from bot.core.people.tombstone import DataSubject
from bot.core.shared.backoff import constant
from bot.core.shared.clock import Clock
from bot.core.shared.errors import JournalError, StorageError, StorageRejected, StorageUnavailable
from bot.core.shared.update_order import UpdateStamp
from bot.services.people.deletion import Deletion
from bot.services.people.language_cache import LanguageCache
from bot.services.people.roster_cache import RosterCache
from bot.services.periodic import FaultLog, repeat
from bot.store.inbox.journal import Journal
from bot.store.people.tombstones import TombstoneStore
from bot.store.people.users import UserStore

log = logging.getLogger(__name__)

CONFIRM_WITHIN = timedelta(minutes=10)
"""The button counts for so long after its message was sent."""

_PENDING = timedelta(hours=1)
"""A question that was made longer ago is not the one that is confirmed: it was sent within that time."""
_LOOK_EVERY = 30.0
_ABANDONED_AFTER = timedelta(minutes=1)
_BACKOFF = constant(1.0)

_Done: TypeAlias = Callable[[], Awaitable[Any]]


class Erasure:
    """Deletes what is stored about somebody."""

    def __init__(
        self,
        deletion: Deletion,
        tombstones: TombstoneStore,
        users: UserStore,
        journal: Journal,
        roster: RosterCache,
        languages: LanguageCache,
        clock: Clock,
    ) -> None:
        self._deletion = deletion
        self._tombstones = tombstones
        self._users = users
        self._journal = journal
        self._roster = roster
        self._languages = languages
        self._clock = clock
        self._begun: asyncio.Queue[tuple[DataSubject, UpdateStamp, _Done]] = asyncio.Queue()
        self._unfinished: set[int] = set()
        self._faults = FaultLog(
            log,
            waits="a deletion that an athlete asked for goes on later",
            fails="deleting fails",
            again="deletions are carried out again",
            severe=(StorageRejected,),
        )
        self._look_faults = FaultLog(
            log,
            waits="looking for deletions to go on with",
            fails="looking for deletions fails",
            again="deletions are looked for again",
            expected=(StorageError, JournalError),
            level=logging.INFO,
        )

    def is_listed(self, user_id: int) -> bool:
        """Whether somebody stands in ATHLETE_IDS, where only the operator can take them out."""
        return user_id in self._roster.user_ids

    async def keep(self, user_id: int, at: UpdateStamp) -> None:
        """Somebody does not want it after all: what they were asked before cannot be confirmed any more.

        Raises:
            StorageError: doing it again is harmless.
        """
        await self._users.keep(user_id, at)

    async def is_asked(self, user_id: int, since: UpdateStamp | None, at: UpdateStamp) -> bool:
        """Whether somebody was asked whether to delete everything, before this confirmation of it.

        Args:
            since: the last deletion, if there was one.
        """
        asked = await self._users.asked(user_id)
        return any(
            at.is_after(wish) and at.at - wish.at <= _PENDING and (since is None or wish.is_after(since))
            for wish in asked
        )

    async def begin(
        self, user_id: int, athlete: Athlete | None, at: UpdateStamp, message_id: int | None = None
    ) -> DataSubject:
        """Take somebody off the roster, and have nothing stored any more that came before.

        Args:
            athlete: None for somebody who is not on the roster (any more).
            at: the confirmation.
            message_id: of the question that it answers.

        Raises:
            StorageError: doing it again is harmless.
        """
        person = DataSubject.of(user_id, athlete)
        is_listed = self.is_listed(user_id)
        await self._deletion.begin(person, at, is_listed=is_listed, message_id=message_id)
        self._languages.forget(user_id)
        await self._roster.refresh()
        return person

    def put(self, person: DataSubject, at: UpdateStamp, done: _Done) -> None:
        """Delete the rest soon; `done` is called when nothing is left, and again as long as it fails."""
        self._unfinished.add(person.user_id)
        self._begun.put_nowait((person, at, done))

    def is_under_way(self, user_id: int | None) -> bool:
        """Whether the rest about somebody is still to be deleted here."""
        return user_id in self._unfinished

    async def finish(self, person: DataSubject, at: UpdateStamp) -> None:
        """Delete the rest.

        Raises:
            StorageError: some of it may be deleted; doing it again is harmless.
        """
        await self._deletion.forget(person, at)
        try:
            await self._journal.forget_user(person.user_id, at.at)
        except JournalError as exc:  # it is as much a store, and comes back
            raise StorageUnavailable(str(exc)) from exc
        await self._tombstones.close(person.user_id, at)

    async def purge(self, person: DataSubject, at: UpdateStamp) -> None:
        """Delete what is stored of somebody's answers and questions from before.

        Raises:
            StorageError: doing it again is harmless.
        """
        await self._deletion.purge(person, at)

    async def run(self) -> None:
        """Until cancelled, delete what was put here, and what ended services have left."""
        await repeat(self._delete_next, 0.0, self._look_faults)

    async def _delete_next(self) -> float | None:
        """Returns how long to wait after a failure."""
        try:
            async with asyncio.timeout(_LOOK_EVERY):
                person, at, done = await self._begun.get()
        except TimeoutError:
            await self._look()
            return None
        if await self._try(person, at, done):
            self._unfinished.discard(person.user_id)
            return None
        self._begun.put_nowait((person, at, done))  # behind the others
        return _BACKOFF.delay(1)

    async def _try(self, person: DataSubject, at: UpdateStamp, done: _Done | None = None) -> bool:
        """Whether it is done, and told."""
        try:
            await self.finish(person, at)
            if done is not None:
                await done()
        except Exception as exc:  # noqa: BLE001  # what is stored is anybody's: it must not end the service
            self._faults.met(exc)
            return False
        self._faults.over()
        return True

    async def _look(self) -> None:
        """Go on where a service was ended; and forget who was forgotten at another one."""
        for person, at in await self._tombstones.open(self._clock() - _ABANDONED_AFTER):
            if await self._try(person, at):
                log.info("a deletion is carried out that another run had begun")
        senders = await self._journal.senders_of_dead_letters()
        for user_id, tombstone in (await self._tombstones.of(senders)).items():
            await self._journal.forget_user(user_id, tombstone.at.at)
