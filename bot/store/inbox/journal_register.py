"""The collection `journals`: how far the journal of each service is, by which a lost one is noticed.

`{_id, bot, host, path, last, done, isClosed, firstSeenAt, seenAt, goneAt}`: the journal's identity, whose it
is and where, the number of its last entry, up to which nothing waits, whether its service was stopped in
order after it said so, when it said so first and last, and when the loss was told. By MongoDB's clock. Of the
entries themselves nothing is known here.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.core.inbox.journal_loss import JournalNumbers, KnownJournal
from bot.core.records.collections import JOURNALS
from bot.store.mongodb.client import Database, Document, Instant, server_time, storage_errors

COLLECTION = JOURNALS.name


class JournalRegisterStore:
    """Writes and reads of `journals`. All methods raise `StorageUnavailable`, `StorageRejected`.

    Args:
        now: passed in by tests.
    """

    def __init__(self, db: Database, now: Instant = server_time) -> None:
        self._journals = db[COLLECTION]
        self._now = now

    async def of_bot(self, bot: str) -> list[KnownJournal]:
        """The journals of a bot's services; nothing is written."""
        with storage_errors():
            found = await self._journals.aggregate([{"$match": {"bot": bot}}, {"$set": {"at": self._now()}}])
            return [_read(document) for document in await found.to_list()]

    async def note(self, bot: str, journal: KnownJournal) -> None:
        """A journal is so far."""
        values = {
            "bot": {"$literal": bot},
            "host": {"$literal": journal.host},
            "path": {"$literal": journal.path},
            "last": journal.numbers.last,
            "done": journal.numbers.done,
            "isClosed": journal.is_closed,
            "firstSeenAt": {"$ifNull": ["$firstSeenAt", self._now()]},
            "seenAt": self._now(),
        }
        update: list[Document] = [{"$set": values}, {"$unset": "goneAt"}]
        with storage_errors():
            await self._journals.update_one({"_id": journal.identity}, update, upsert=True)

    async def gone(self, identities: Iterable[str]) -> None:
        """The loss of these journals is told."""
        with storage_errors():
            await self._journals.update_many(
                {"_id": {"$in": list(identities)}}, [{"$set": {"goneAt": self._now()}}]
            )


def _read(document: Document) -> KnownJournal:
    return KnownJournal(
        *(str(document["_id"]), str(document.get("host")), str(document.get("path"))),
        JournalNumbers(int(document.get("last") or 0), int(document.get("done") or 0)),
        document["at"] - document["seenAt"],
        document["at"] - document.get("firstSeenAt", document["seenAt"]),
        is_closed=document.get("isClosed") is True,
        is_gone="goneAt" in document,
    )
