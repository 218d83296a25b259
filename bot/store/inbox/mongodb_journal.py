"""The journal in MongoDB, of all services of a bot together (see `bot.store.inbox.journal`).

For machines whose disks do not last. The collection is `inbox`. An entry is `{_id, bot, seq, updateId,
receivedAt, isTap, raw, state, answered, attempts, error, unconfirmed, finishedAt}`: `raw` is the update as
JSON until it is processed, `unconfirmed` its digest until Telegram was told. A bot's head is `{_id, last,
facts, probes}`: the number given out last, and the facts.

A position belongs to whoever puts an entry there first, since `_id` (bot and position) is unique. Who finds
one taken looks for the end anew. So whoever sees an entry sees those before it, too, however many services
put entries in at once; and that takes no transaction, which one that is killed would leave open. What is
processed keeps its position for a day, much longer than anybody believes to know the end: else one who was
stalled could put an entry where the others have been already. Should an entry come to stand behind them all
the same (a primary was lost while two put entries in), `look` finds it.

Writes wait for a majority and its journals; what is given out to be processed cannot be rolled back any more.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from pymongo.errors import BulkWriteError, DuplicateKeyError
from pymongo.read_concern import ReadConcern

from bot.core.i18n.language import Language
from bot.core.inbox.journal_loss import JournalLoss, JournalNumbers, missing
from bot.core.inbox.journal_loss_texts import lacks
from bot.core.records.collections import INBOX
from bot.core.shared.backoff import Backoff
from bot.core.shared.clock import Clock, from_ms, system_clock, to_ms
from bot.core.shared.errors import JournalError, StorageError
from bot.core.shared.tolerant import read_int64
from bot.core.telegram.updates import sender_of, without_sender
from bot.store.inbox import journal
from bot.store.inbox.journal import (
    DEAD,
    DONE,
    LAST_POLL_FACT,
    NO_ID,
    PENDING,
    STATE_NAMES,
    Entry,
    JournalState,
    JournalTaps,
    encode,
    encode_text,
    facts_of_loss,
    is_tap,
    update_id_of,
)
from bot.store.inbox.journal_register import JournalRegisterStore
from bot.store.mongodb.client import (
    DUPLICATE_KEY,
    Collection,
    Database,
    Document,
    ping,
    storage_errors,
    within,
)

log = logging.getLogger(__name__)

COLLECTION = INBOX.name
PLACE = f"MongoDB (collection {COLLECTION})"
"""Where it is, for a message."""

_T = TypeVar("_T")

_SOON, _AT_LAST, _PING = 5.0, 30.0, 2.0
"""Seconds: to keep a batch; to keep it on a server that has failed and answers again; for that answer."""
_GLANCE = 1.0
"""Seconds for a look at what is mostly in memory, too."""
_END_IS_KNOWN = 10.0
"""Seconds after which the end of the journal is looked for anew."""
_TRIES = 50
_BACKOFF = Backoff(0.005, 0.2, jitter=0.8)
_IN_MEMORY = 10_000  # entries
_CHUNK = 1_000  # entries in one command
_LARGEST = 8 * 2**20  # characters; MongoDB takes documents of 16 MiB


@dataclass(frozen=True, slots=True)
class _New:
    """An update on its way in; `digest` is of one that is not confirmed."""

    update: Any
    raw: str
    received_at: datetime
    digest: str | None
    answered: bool = False
    attempts: int = 0

    @classmethod
    def of(cls, update: object, received_at: datetime, *, is_confirmed: bool) -> _New:
        raw = encode(update).decode()
        if len(raw) > _LARGEST:
            raw = encode_text(update, raw).decode()
        digest = None if is_confirmed else hashlib.sha256(raw.encode()).hexdigest()
        return cls(update, raw, from_ms(to_ms(received_at)), digest)

    @property
    def known_by(self) -> tuple[int | None, str | None]:
        """By which its redelivery is recognised. Another update under a known id: the ids began anew."""
        return update_id_of(self.update), self.digest

    def document(self, bot: str, seq: int) -> Document:
        update_id = update_id_of(self.update)
        document: Document = {
            "_id": _id(bot, seq),
            "bot": bot,
            "seq": seq,
            "updateId": update_id,
            "receivedAt": self.received_at,
            "isTap": is_tap(self.update),
            "raw": self.raw,
            "state": PENDING,
            "answered": self.answered,
            "attempts": self.attempts,
        }
        if self.digest is not None:
            document["unconfirmed"] = self.digest
        if update_id is None:
            document |= {"state": DEAD, "error": NO_ID}
        return document


class MongoJournal:
    """The journal of a bot. See `Journal` for what its methods do.

    Nothing is sent before the first operation, and MongoDB may be away at any time.

    Args:
        bot: whose.
        clock: of a service, which puts in and processes. None: it is opened beside the services.
        leads: whether this service is the one that processes.
        monotonic: seconds; passed in by tests.
    """

    def __init__(
        self,
        db: Database,
        bot: str,
        clock: Clock | None = None,
        leads: Callable[[], bool] = lambda: True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._bot = bot
        self._serves = clock is not None
        self._clock = clock or system_clock
        self._leads = leads
        self._monotonic = monotonic
        self._inbox = db[COLLECTION]
        self._certain = db.get_collection(COLLECTION, read_concern=ReadConcern("majority"))
        self._opened: JournalNumbers | None = None
        self._opening = asyncio.Lock()
        self._numbers = JournalNumbers()
        self._end: tuple[int, float] | None = None  # the last position, and when it was found
        self._lost_up_to = 0
        self._has_failed = False
        self._fresh: dict[int, Entry | None] = {}  # put in here, not given out; None: a dead letter
        self._in_hand: dict[int, Entry | None] = {}  # given out, not finished; None: not kept in memory
        self._missed: list[Entry] = []
        self._suspect: int | None = None  # a position
        self._seen = 0  # up to here all was given out
        self._newest = 0  # the last position that was seen to be taken; the head may not say so yet

    @property
    def is_shared(self) -> bool:
        """It is."""
        return True

    async def open(self) -> None:
        """Nothing is needed."""

    async def close(self) -> None:
        """Whoever has opened the database closes it."""

    @property
    def identity(self) -> int:
        """The same for all services of the bot, whatever becomes of the collection."""
        if not self._serves:
            return 0
        return identity_of(self._bot)

    @property
    def numbers(self) -> JournalNumbers:
        """As this service knows; the one that processes looks twice a second."""
        return self._numbers

    async def opened_with(self) -> JournalNumbers:
        """See `Journal`."""
        async with self._errors():
            return await self._ready()

    async def _ready(self) -> JournalNumbers:
        """Make the head, if there is none; note what is missing of what is known elsewhere. Once."""
        async with self._opening:
            if self._opened is None:
                known = await JournalRegisterStore(self._db).of_bot(self._bot)
                mine = [it.numbers for it in known if it.identity == f"{self.identity:x}"]
                await self._find_lost(mine[0] if mine else JournalNumbers())
                self._opened = await self._look()
            return self._opened

    async def _find_lost(self, known: JournalNumbers) -> bool:
        """Whether the journal is shorter than it is known to have been.

        Then the numbers go on above that, and what is missing is noted. A head is made if there is none.
        """
        for _ in _tries():
            head = await self._inbox.find_one({"_id": self._bot}, {"last": True}) or {}
            last = head.get("last")
            if last is not None and last >= known.last:
                return False
            loss = missing(known, last or 0)
            facts = {} if loss is None else facts_of_loss(loss, self._clock())
            update = {"$set": {"last": known.last, **_facts(facts)}}
            try:
                found = {"_id": self._bot, "last": last}
                done = await self._inbox.update_one(found, update, upsert=last is None)
            except DuplicateKeyError:  # somebody else has made it
                continue
            if done.matched_count or done.upserted_id is not None:
                if loss is not None:
                    self._tell_lost(loss)
                return known.last > (last or 0)
        return False

    def _tell_lost(self, loss: JournalLoss) -> None:
        log.error(
            "the journal in MongoDB lacks %s: the collection %s was dropped, emptied, or put back from an"
            " older copy. What of that was received and not yet stored may be lost; what is unanswered is"
            " asked again, once",
            *(lacks(loss, Language.EN), COLLECTION),
        )

    # What comes in

    async def append(
        self, updates: Sequence[object], *, polled_at: datetime, facts: Mapping[str, int] | None = None
    ) -> int:
        """See `Journal`."""
        batch = [_New.of(update, polled_at, is_confirmed=False) for update in updates]
        remembered = {LAST_POLL_FACT: to_ms(polled_at), **(facts or {})}
        return await self._keep(lambda: self._append(batch, remembered))

    async def receive(self, updates: Sequence[object], *, received_at: datetime) -> None:
        """See `Journal`."""
        batch = [_New.of(update, received_at, is_confirmed=True) for update in updates]
        await self._keep(lambda: self._receive(batch))

    async def adopt(self, entries: Sequence[Entry]) -> None:
        """See `Journal`."""
        batch = [
            replace(
                _New.of(entry.update, entry.received_at, is_confirmed=True),
                answered=entry.answered,
                attempts=entry.attempts,
            )
            for entry in entries
        ]
        await self._keep(lambda: self._receive(batch))

    async def _keep(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Write what may then be confirmed.

        Who waits for it must learn soon that it fails; but a server that is slow must not be given up again
        and again.
        """
        async with self._errors():
            try:
                if self._has_failed:
                    with within(_PING):
                        await ping(self._db)
                with within(_AT_LAST if self._has_failed else _SOON):
                    await self._ready()
                    result = await work()
            except BaseException:
                self._has_failed = True
                self._end = None
                raise
            self._has_failed = False
            return result

    async def _append(self, batch: Sequence[_New], facts: Mapping[str, int]) -> int:
        wanted = {new.known_by: new for new in batch}
        added = 0
        for tries in _tries():
            known, gone = await self._unconfirmed(wanted)
            new = [it for key, it in wanted.items() if key not in known]
            done = await self._put(new)
            added += done
            if done == len(new):
                break
            await asyncio.sleep(_BACKOFF.delay(tries))
        await self._note_end(facts)
        for chunk in _chunks(gone):
            await self._inbox.update_many({"_id": {"$in": chunk}}, {"$unset": {"unconfirmed": ""}})
        return added

    async def _unconfirmed(
        self, wanted: Mapping[tuple[int | None, str | None], _New]
    ) -> tuple[set[tuple[int | None, str | None]], list[str]]:
        """What of a batch was put in before, by this service or one that polled before it; and the `_id`s of
        what is not in the batch any more. What has no id is never confirmed, and stays known."""
        known, gone = set(), []
        query = {"unconfirmed": {"$exists": True}, "bot": self._bot}
        # What a primary alone has may be taken back: then it is put in once more rather than confirmed.
        async for it in self._certain.find(query, {"updateId": True, "unconfirmed": True}):
            if (key := (it["updateId"], it["unconfirmed"])) in wanted:
                known.add(key)
            elif it["updateId"] is not None:
                gone.append(it["_id"])
        return known, gone

    async def _receive(self, batch: Sequence[_New]) -> None:
        left = batch
        for tries in _tries():
            left = left[await self._put(left) :]
            if not left:
                break
            await asyncio.sleep(_BACKOFF.delay(tries))
        await self._note_end({})

    async def _put(self, batch: Sequence[_New]) -> int:
        """Put updates at the end in their order, up to the first position that is taken; returns how many."""
        if not batch:
            return 0
        first = await self._find_end() + 1
        documents = [new.document(self._bot, seq) for seq, new in enumerate(batch, first)]
        try:
            await self._inbox.insert_many(documents)
            done = len(documents)
        except BulkWriteError as exc:
            errors = exc.details["writeErrors"]
            if exc.details.get("writeConcernErrors") or any(it["code"] != DUPLICATE_KEY for it in errors):
                raise
            done = int(errors[0]["index"])
        self._newest = max(self._newest, first + done - 1)
        self._end = (self._newest, self._monotonic()) if done == len(documents) else None
        for document in documents[:done]:
            if len(self._fresh) < _IN_MEMORY:
                self._fresh[document["seq"]] = _entry(document) if document["state"] == PENDING else None
        if any(document["state"] == DEAD for document in documents[:done]):
            await self._drop_old_dead_letters()
        return done

    async def _find_end(self) -> int:
        """The last position that was ever taken."""
        now = self._monotonic()
        if self._end is None or now - self._end[1] >= _END_IS_KNOWN:
            head = await self._inbox.find_one({"_id": self._bot}, {"last": True}) or {}
            last = max(int(head.get("last") or 0), self._numbers.last, await self._find_newest(self._inbox))
            self._end = last, now
        # What was seen here may be gone from there, and still be in hand: nothing else gets its position.
        return max(self._end[0], self._newest, self._seen)

    async def _find_newest(self, inbox: Collection) -> int:
        newest = await inbox.find_one({"bot": self._bot}, {"seq": True}, sort=[("seq", -1)])
        return 0 if newest is None else int(newest["seq"])

    async def _note_end(self, facts: Mapping[str, int]) -> None:
        """Note in the head how far it is, and facts; `JournalError` if it is not what it was before."""
        last = max(self._newest, self._numbers.last)
        await self._change_head({"$max": {"last": last}, **({"$set": _facts(facts)} if facts else {})})
        self._numbers = replace(self._numbers, last=max(last, self._numbers.last))

    async def _change_head(self, update: Document) -> None:
        known = self._numbers
        query = {"_id": self._bot, "last": {"$gte": known.last}}
        if (await self._inbox.update_one(query, update)).matched_count:
            return
        self._end = None
        if await self._find_lost(known):
            self._lost_up_to = known.last
        raise JournalError(
            f"the journal in MongoDB has lost what it held (collection {COLLECTION}), and is begun anew. What"
            " came just now is not confirmed to Telegram, and comes again"
        )

    # What is processed

    async def pending(self, *, after: int, limit: int) -> list[Entry]:
        """See `Journal`."""
        if self._serves and not self._leads():
            self._fresh.clear()
            self._missed.clear()
            return []
        found, self._missed = self._missed, []
        if not found:
            found = self._take_fresh(after, limit)
        if not found:
            async with self._errors():
                last = max(self._newest, self._numbers.last)
                query = {"bot": self._bot, "state": PENDING, "seq": {"$gt": after}}
                documents = await self._certain.find(query, sort=[("seq", 1)], limit=limit).to_list()
            found = [_entry(document) for document in documents]
            reached = last if len(found) < limit else 0
            self._seen = max([self._seen, reached, *(entry.seq for entry in found)])
            self._fresh = {seq: entry for seq, entry in self._fresh.items() if seq > self._seen}
        for entry in found:
            is_small = len(self._in_hand) < _IN_MEMORY
            self._in_hand[entry.seq] = entry if is_small else None
        return found

    def _take_fresh(self, after: int, limit: int) -> list[Entry]:
        """What stands next, as far as it was put in here: it need not be read."""
        found: list[Entry] = []
        while len(found) < limit and after + 1 in self._fresh:
            after += 1
            if (entry := self._fresh.pop(after)) is not None:
                found.append(entry)
        self._seen = max(self._seen, after if found else 0)
        return found

    async def entries(self, seqs: Sequence[int]) -> list[Entry]:
        """See `Journal`."""
        query = {"_id": {"$in": self._ids(seqs)}, "state": PENDING}
        async with self._errors():
            return [_entry(it) async for it in self._certain.find(query, sort=[("seq", 1)])]

    async def unanswered(self, *, after: int, before: datetime, limit: int) -> list[Entry]:
        """See `Journal`; while MongoDB is away, what this service has in memory."""
        query = {
            "bot": self._bot,
            "state": PENDING,
            "seq": {"$gt": after},
            "isTap": True,
            "answered": False,
            "receivedAt": {"$lt": before},
        }
        try:
            async with self._errors():
                with within(_GLANCE):
                    found = await self._certain.find(query, sort=[("seq", 1)], limit=limit).to_list()
            return [_entry(document) for document in found]
        except JournalError:
            here = {**self._in_hand, **self._fresh}
            return [
                entry
                for seq, entry in sorted(here.items())
                if entry is not None
                and (seq > after and entry.received_at < before)
                and (is_tap(entry.update) and not entry.answered)
            ][:limit]

    async def mark_answered(self, seqs: Iterable[int]) -> None:
        """See `Journal`."""
        seqs = list(seqs)
        await self._update(seqs, {"$set": {"answered": True}})
        for kept in (self._in_hand, self._fresh):
            for seq in seqs:
                if (entry := kept.get(seq)) is not None:
                    kept[seq] = replace(entry, answered=True)

    async def finish(self, seqs: Iterable[int]) -> None:
        """See `Journal`. What is left names nobody: it keeps the position, and lets a redelivery be known."""
        seqs = list(seqs)
        forget = {"$unset": {"raw": "", "error": ""}, "$currentDate": {"finishedAt": True}}
        await self._update(seqs, {"$set": {"state": DONE}, **forget})
        for seq in seqs:
            self._put_down(seq)

    async def failed(self, seq: int, error: str, *, give_up: bool) -> None:
        """See `Journal`."""
        state = DEAD if give_up else PENDING
        change = {"$inc": {"attempts": 1}, "$set": {"error": error, "state": state}}
        # Another service may have finished it: of that nothing is left to be tried.
        await self._update([seq], change, {"state": PENDING})
        self._fresh.pop(seq, None)  # it is read anew
        if give_up:
            self._put_down(seq)
            async with self._errors():
                await self._drop_old_dead_letters()

    def _put_down(self, seq: int) -> None:
        self._in_hand.pop(seq, None)
        if seq in self._fresh:
            self._fresh[seq] = None

    async def _update(self, seqs: Iterable[int], update: Document, query: Document | None = None) -> None:
        async with self._errors():
            for chunk in _chunks(self._ids(seqs)):
                await self._inbox.update_many({"_id": {"$in": chunk}, **(query or {})}, update)

    async def _drop_old_dead_letters(self) -> None:
        query = {"bot": self._bot, "state": DEAD}
        most = journal.MAX_DEAD_LETTERS
        first = await self._inbox.find_one(query, {"seq": True}, sort=[("seq", -1)], skip=most)
        if first is not None:
            await self._inbox.delete_many({**query, "seq": {"$lte": first["seq"]}})

    async def look(self, on_new: Callable[[], None]) -> None:
        """See `Journal`; notice, too, if entries are gone."""
        if not self._leads():
            return
        async with self._errors():
            with within(_PING):
                await self._ready()
                await self._look()
                self._newest = max(self._newest, await self._find_newest(self._certain))
                if self._missed or max(self._newest, self._numbers.last) > self._seen:
                    on_new()

    async def _look(self) -> JournalNumbers:
        """How far it is by what no primary takes back; note if it is less far than it was."""
        known = self._numbers
        head = await self._certain.find_one({"_id": self._bot}, {"last": True})
        waiting = {"bot": self._bot, "state": PENDING}
        first = await self._certain.find_one(waiting, sort=[("seq", 1)])
        last = int((head or {}).get("last") or 0)
        if last < known.last and await self._find_lost(known):
            self._lost_up_to = known.last
            self._end = None
        last = max(last, known.last, self._numbers.last)
        if first is not None:
            self._suspect_missed(_entry(first))
        # Never above the head's number, which may not have come so far yet: by that a loss is noticed.
        done = last if first is None else min(first["seq"] - 1, last)
        self._numbers = JournalNumbers(last, done)
        return self._numbers

    def _suspect_missed(self, entry: Entry) -> None:
        """An entry that was not given out, although later ones were. It may have been finished just now."""
        is_missed = entry.seq <= self._seen and entry.seq not in self._in_hand
        if is_missed and self._suspect == entry.seq:
            log.warning("an entry has come to stand at %d in the journal, which was passed by", entry.seq)
            self._missed = [entry]
        self._suspect = entry.seq if is_missed else None

    # Facts

    async def facts(self) -> dict[str, int]:
        """See `Journal`."""
        async with self._errors():
            with within(_SOON):  # who polls asks for them first
                if self._serves:
                    await self._ready()
                head = await self._inbox.find_one({"_id": self._bot}, {"facts": True}) or {}
        return {name: int(value) for name, value in (head.get("facts") or {}).items()}

    async def remember(self, facts: Mapping[str, int]) -> None:
        """See `Journal`."""
        async with self._errors():
            await self._ready()
            await self._change_head({"$set": _facts(facts)})

    async def forget(self, name: str, value: int) -> None:
        """See `Journal`."""
        async with self._errors():
            field = f"facts.{name}"
            await self._inbox.update_one({"_id": self._bot, field: value}, {"$unset": {field: ""}})

    async def check_writable(self) -> None:
        """See `Journal`."""
        async with self._errors():
            await self._ready()
            await self._change_head({"$inc": {"probes": 1}})

    async def is_kept(self, first: int | None = None) -> bool:
        """See `Journal`: it was given out only when a majority had it."""
        return first is None or first > self._lost_up_to

    async def note_loss(self, loss: JournalLoss) -> None:
        """See `Journal`."""
        async with self._errors():
            await self._ready()
            facts = facts_of_loss(loss, self._clock())
            await self._change_head({"$max": {"last": loss.last}, "$set": _facts(facts)})
            self._numbers = replace(self._numbers, last=max(loss.last, self._numbers.last))
            self._end = None
        self._tell_lost(loss)

    async def reach(self) -> int:
        """The number of its last entry."""
        async with self._errors():
            head = await self._inbox.find_one({"_id": self._bot}, {"last": True}) or {}
        return int(head.get("last") or 0)

    # For people

    async def state(self) -> JournalState:
        """See `Journal`."""
        pending, dead = ({"bot": self._bot, "state": state} for state in (PENDING, DEAD))
        async with self._errors():
            number = await self._inbox.count_documents(pending)
            tap = await self._inbox.find_one(
                {**pending, "isTap": True}, {"receivedAt": True}, sort=[("seq", 1)]
            )
            letters = await self._inbox.find(dead, {"isTap": True, "receivedAt": True}).to_list()
        return JournalState(
            number,
            len(letters),
            sum(letter.get("isTap") is True for letter in letters),
            None if tap is None else _received_at(tap),
            min(map(_received_at, letters), default=None),
        )

    async def damage(self) -> str | None:
        """MongoDB sees to that itself."""
        return None

    async def taps(self, limit: int) -> JournalTaps:
        """See `Journal`."""
        pending = {"bot": self._bot, "state": PENDING, "isTap": True}
        dead = {"bot": self._bot, "state": DEAD}
        async with self._errors():
            found = await self._inbox.find(pending, sort=[("seq", 1)], limit=limit).to_list()
            number = await self._inbox.count_documents(pending)
            letters = await self._inbox.count_documents(dead)
            dead_taps = await self._inbox.find({**dead, "isTap": True}, sort=[("seq", 1)]).to_list()
        return JournalTaps(
            tuple(map(_entry, found)),
            max(0, number - len(found)),
            tuple(map(_entry, dead_taps)),
            letters,
        )

    async def of_user(self, user_id: int) -> list[dict[str, Any]]:
        """See `Journal`."""
        return [
            {"receivedAt": it["receivedAt"], "state": STATE_NAMES[it["state"]], "update": update}
            async for it, update in self._of_user(user_id, {})
        ]

    async def senders_of_dead_letters(self) -> set[int]:
        """See `Journal`."""
        async with self._errors():
            dead = await self._inbox.find({"bot": self._bot, "state": DEAD}, {"raw": True}).to_list()
        return {sender for it in dead if (sender := sender_of(_update_of(it))) is not None}

    async def forget_user(self, user_id: int, until: datetime) -> None:
        """See `Journal`."""
        is_confirmed = {"$or": [{"unconfirmed": {"$exists": False}}, {"updateId": None}]}
        dead = {"state": DEAD, "receivedAt": {"$lte": until}, **is_confirmed}
        async for it, update in self._of_user(user_id, dead):
            blank = {"$set": {"raw": encode(without_sender(update)).decode()}, "$unset": {"error": ""}}
            async with self._errors():
                await self._inbox.update_one({"_id": it["_id"]}, blank)

    async def _of_user(self, user_id: int, query: Document) -> AsyncIterator[tuple[Document, Any]]:
        may_be = {"bot": self._bot, "raw": {"$regex": str(user_id)}, **query}
        async with self._errors():
            found = await self._inbox.find(may_be, sort=[("seq", 1)]).to_list()
        for it in found:
            if sender_of(update := _update_of(it)) == user_id:
                yield it, update

    async def compact(self) -> None:
        """MongoDB uses the space anew, and deletes what is left of finished entries after a day."""

    def _ids(self, seqs: Iterable[int]) -> list[str]:
        return [_id(self._bot, seq) for seq in seqs]

    @asynccontextmanager
    async def _errors(self) -> AsyncIterator[None]:
        try:
            with storage_errors():
                yield
        except StorageError as exc:
            raise JournalError(
                f"the journal in MongoDB cannot be written or read ({exc}). Nothing is confirmed to Telegram"
                " meanwhile"
            ) from exc


def identity_of(bot: str) -> int:
    """By which the journal of a bot in MongoDB is known."""
    return int.from_bytes(hashlib.sha256(f"inbox of {bot}".encode()).digest()[:6])


def _id(bot: str, seq: int) -> str:
    return f"{bot}:{seq}"


def _entry(document: Document) -> Entry:
    return Entry(
        document["seq"],
        _received_at(document),
        _update_of(document),
        document.get("answered") is True,
        read_int64(document.get("attempts")) or 0,
    )


def _received_at(document: Document) -> datetime:
    received_at = document.get("receivedAt")
    return received_at if isinstance(received_at, datetime) else from_ms(0)


def _update_of(document: Document) -> Any:
    """The update of an entry; None, which becomes a dead letter, if somebody else has meddled with it."""
    try:
        return json.loads(document["raw"])
    except (LookupError, TypeError, ValueError):
        return None


def _facts(facts: Mapping[str, int]) -> Document:
    return {f"facts.{name}": value for name, value in facts.items()}


def _tries() -> Iterator[int]:
    yield from range(1, _TRIES + 1)
    raise JournalError(
        "too many services put updates into the journal in MongoDB at once; nothing is confirmed"
    )


def _chunks(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
