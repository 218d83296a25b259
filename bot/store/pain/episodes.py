"""The collection `pain_episodes`: what athletes' words about pain come to, see `bot.core.pain.episodes`.

`{userId, episodeId, athleteId, pain, before, since, openedBy, toldAt, closedAt, askedAt, updateId,
updatedAt}`, made anew of answers and reports whenever one of these changes, but for `askedAt`: when the
athlete was asked last how it is by now. `updateId` and `updatedAt` are those of what was said last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from pymongo import DeleteMany, UpdateOne

from bot.core.facts.answer_types import FeedbackType
from bot.core.facts.questions import Detail
from bot.core.pain.episodes import LAPSES_AFTER, Episode, episodes, open_episodes
from bot.core.pain.stored import PAIN, OpenPain, details_of, read_episode, word_of_answer, word_of_report
from bot.core.records.collections import FEEDBACK_EVENTS, PAIN_EPISODES, PAIN_REPORTS
from bot.core.shared.errors import StorageUnavailable
from bot.store.mongodb.client import Database, Document, storage_errors, write_all
from bot.store.mongodb.indexes import hold_keys_if_possible

COLLECTION = PAIN_EPISODES.name

_TRIES = 3
_HURT = [type_.value for type_ in FeedbackType if type_.facts.alerts_coach]


class PainEpisodeStore:
    """Writes and reads of `pain_episodes`. All methods raise `StorageUnavailable`, `StorageRejected`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._episodes = db[COLLECTION]

    async def settle(self, user_id: int, athlete_id: str | None) -> list[Episode]:
        """Make somebody's episodes of all that they have said, now that it is stored; returns them."""
        told = await self.told(user_id)
        await hold_keys_if_possible(self._db, COLLECTION)
        is_stored = False
        for _ in range(_TRIES):
            is_stored = await self._put(user_id, athlete_id, told)
            # Of several who do this at once, the last one to write may have read before the others' words.
            before, told = told, await self.told(user_id)
            if is_stored and told == before:
                break
        if not is_stored:
            raise StorageUnavailable("MongoDB keeps reporting a duplicate episode of pain")
        return told  # who keeps on talking has them made anew with each word

    async def _put(self, user_id: int, athlete_id: str | None, told: Sequence[Episode]) -> bool:
        """Store these, and no others; returns whether all are: another worker may just put the same."""
        requests: list[UpdateOne | DeleteMany] = []
        names: Counter[str] = Counter()
        kept: list[str] = []
        for episode in told:
            names[episode.name] += 1
            number = names[episode.name]
            kept.append(episode.name if number == 1 else f"{episode.name}-{number}")
            key = {"userId": user_id, "episodeId": kept[-1]}
            requests.append(UpdateOne(key, {"$set": _document(episode, athlete_id)}, upsert=True))
        requests.append(DeleteMany({"userId": user_id, "episodeId": {"$nin": kept}}))
        return not await write_all(self._episodes, requests)

    async def open_of(self, user_ids: Collection[int], now: datetime) -> list[OpenPain]:
        """The episodes of some people that may still go on: for each of them the worst first."""
        query = {
            "userId": {"$in": list(user_ids)},
            "closedAt": None,
            "toldAt": {"$gt": now - LAPSES_AFTER},
        }
        with storage_errors():
            found = [read_episode(it) for it in await self._episodes.find(query).to_list()]
        by_episode = {id(it.episode): it for it in found if it is not None}
        ordered = open_episodes((it.episode for it in by_episode.values()), now)
        return [by_episode[id(episode)] for episode in ordered]

    async def asked(self, user_id: int, at: datetime) -> None:
        """Somebody was asked how their pain is by now."""
        with storage_errors():
            await self._episodes.update_many({"userId": user_id, "closedAt": None}, {"$max": {"askedAt": at}})

    async def newest_answer(self, user_id: int, place: str, since: datetime) -> Document | None:
        """The answer about a session that tells of pain at a place, and was given or changed last, from then
        on."""
        where = Detail.PLACE.facts.path
        said_at = f"saidAt.{Detail.PLACE.value}.at"
        query = {"userId": user_id, where: place, said_at: {"$gte": since}}
        with storage_errors():
            return await self._db[FEEDBACK_EVENTS.name].find_one(query, sort=[(said_at, -1)])

    async def told(self, user_id: int) -> list[Episode]:
        """All of somebody's episodes, as what they have said tells."""
        whose = {"userId": {"$in": [user_id, str(user_id)]}}
        hurts = {**whose, "$or": [{"type": {"$in": _HURT}}, {PAIN: {"$ne": None}}]}
        with storage_errors():
            answers = await self._db[FEEDBACK_EVENTS.name].find(hurts, _READ).to_list()
            reports = await self._db[PAIN_REPORTS.name].find({"userId": user_id}).to_list()
        words = [*map(word_of_answer, answers), *map(word_of_report, reports)]
        return episodes(word for word in words if word is not None)


_READ = dict.fromkeys(("type", "response", PAIN, "saidAt", "receivedAt", "updateId"), True)


def _document(episode: Episode, athlete_id: str | None) -> Document:
    return {
        **({} if athlete_id is None else {"athleteId": athlete_id}),
        **({PAIN: {}} | details_of(episode).to_document()),
        "before": episode.before,
        "since": episode.since,
        "openedBy": episode.opened_by,
        "toldAt": episode.told_at,
        "closedAt": episode.closed_at,
        "updateId": episode.told_by,
        "updatedAt": episode.told_at,
    }
