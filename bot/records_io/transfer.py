"""A stream of records into a store, and documents out as a stream."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections import Counter
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import IO, Any, TypeAlias, TypeVar

from bot.core.records.collections import KEYS, MODELS
from bot.core.records.incoming import unpack
from bot.core.records.models import FeedbackRecord, Record
from bot.core.records.retention import Overdue
from bot.core.shared.bson_json import BadValue
from bot.core.shared.errors import BotError
from bot.records_io.formats import FORMATS
from bot.records_io.reading import ByteSource, Element, InputPlace, ReadingFlaw, read_elements
from bot.store.records.atomic_writer import AtomicWriter
from bot.store.records.upserts import Refused, Written
from bot.store.records.writer import RecordStore
from bot.tasks import heeding_cancellation

T = TypeVar("T")

_BATCH = 2000  # records
# MongoDB carries out what comes over one connection one by one; what it decides for each record takes longer
# than all we do about it.
_LANES = 2
_BATCH_TEXT = 16 * 1024 * 1024  # characters
_SHOWN = 60


@dataclass(slots=True)
class TransferCounts:
    """How far a stream has come. Every record, and every other flaw of the input, counts once.

    Attributes:
        written: new or changed in the store; after a check only: fit to be written.
        unchanged: the store had it like that already.
        readings: how records were read that are not written as documented, with how often.
        overdue: counts what is written, or fit to be, and MongoDB deletes at once.
    """

    written: int = 0
    unchanged: int = 0
    refused: int = 0
    readings: Counter[str] = field(default_factory=Counter)
    overdue: Overdue | None = None

    def __str__(self) -> str:
        return f"{self.written:,} written, {self.unchanged:,} unchanged, {self.refused:,} refused"

    @property
    def total(self) -> int:
        """All of them."""
        return self.written + self.unchanged + self.refused

    def see(self, record: Record) -> None:
        """Look whether a record lasts."""
        if self.overdue is not None:
            self.overdue.see(record)


def ignore(_: object) -> None:
    """Do nothing."""


Admit: TypeAlias = Callable[[Sequence[tuple[InputPlace, Record]]], Awaitable[Mapping[int, str]]]
"""Looks at records before they are written: why it refuses some of them, by their numbers."""


async def admit_stream(
    source: ByteSource,
    collection: str,
    tally: TransferCounts,
    admit: Admit,
    *,
    report: Callable[[ReadingFlaw], None],
    progress: Callable[[TransferCounts], None] = ignore,
) -> None:
    """As `check_stream`, with a further look at each record."""
    async for batch in _ahead(_batches(source, collection)):
        _refuse([*batch.flaws, *await _held_back(batch, admit)], tally, report)
        _count_good(batch, tally)
        progress(tally)


def check_stream(
    source: ByteSource,
    collection: str,
    tally: TransferCounts,
    *,
    report: Callable[[ReadingFlaw], None],
    progress: Callable[[TransferCounts], None] = ignore,
) -> None:
    """Validate every record; nothing is written.

    Args:
        source: see `bot.records_io.reading`.
        collection: whose documents these are.
        tally: counted up; `written` counts what could be written.
        report: told of each record that is refused.
        progress: told after each batch.
    """
    for batch in _batches(source, collection):
        _refuse(batch.flaws, tally, report)
        _count_good(batch, tally)
        progress(tally)


async def write_stream(
    source: ByteSource,
    collection: str,
    store: RecordStore,
    tally: TransferCounts,
    *,
    report: Callable[[ReadingFlaw], None],
    progress: Callable[[TransferCounts], None] = ignore,
    admit: Admit | None = None,
) -> None:
    """Validate records and write the good ones, some at a time; the next are read meanwhile.

    Records of one document take effect in their order.

    Args:
        source: see `bot.records_io.reading`; it is read in another thread.
        tally: counted up as the work goes on, so that it tells how far it came when it fails.
        report: told of each record that is refused.
        progress: told after each batch.
        admit: looks at each batch before it is written.

    Raises:
        BotError: the store failed. What is counted as written stays, and up to a batch more; to write
            all again is harmless.
    """
    async for batch in _ahead(_batches(source, collection)):
        tally.readings += batch.readings
        _refuse([*batch.flaws, *await _held_back(batch, admit)], tally, report)
        for index, result in await _write_batch(store, collection, batch):
            if isinstance(result, Refused):
                _refuse([ReadingFlaw(batch.places[index], str(result))], tally, report)
            elif result.outcome == "unchanged":
                tally.unchanged += 1
            else:
                tally.written += 1
                tally.see(batch.records[index])
        progress(tally)


async def write_all_or_nothing(
    source: IO[bytes],
    collection: str,
    store: RecordStore,
    tally: TransferCounts,
    *,
    report: Callable[[ReadingFlaw], None],
    progress: Callable[[TransferCounts], None] = ignore,
    admit: Admit | None = None,
) -> None:
    """Validate every record, then write them in one transaction, unless one is refused.

    A pipe is kept in a temporary file meanwhile.

    Args:
        source: see `bot.records_io.reading`; it is read twice, and once more for `admit`.
        collection: whose documents these are.
        store: writes to it.
        tally: counted up at the end; after a refusal it has nothing but what was refused.
        report: told of each record that is refused.
        progress: told after each batch of each reading.
        admit: looks at all records before any is written.

    Raises:
        BotError: the store failed, or the input changed between the readings.
    """
    with tempfile.TemporaryFile() as spool:
        checked = TransferCounts(overdue=tally.overdue)
        again: IO[bytes] = source if source.seekable() else spool
        begin = again.tell()
        first = source if again is source else _Tee(source, spool)
        await _in_thread(lambda: check_stream(first, collection, checked, report=report, progress=progress))
        tally.readings += checked.readings
        if not checked.refused and admit is not None:
            again.seek(begin)
            checked = TransferCounts()
            await admit_stream(again, collection, checked, admit, report=report)
        if checked.refused:
            tally.refused += checked.refused
            return

        async def work(writer: AtomicWriter) -> TransferCounts:
            again.seek(begin)
            done = TransferCounts()
            async with aclosing(_ahead(_batches(again, collection), to_the_end=True)) as batches:
                async for batch in batches:
                    await _write_atomically(writer, collection, batch, done)
                    progress(done)
            if done.total != checked.total:
                raise BotError("the input changed while it was read; nothing is written")
            return done

        try:
            done = await store.all_or_nothing(work)
        except _NotAllError as error:
            _refuse(error.flaws, tally, report)
        else:
            tally.written += done.written
            tally.unchanged += done.unchanged


async def export_stream(
    batches: AsyncIterator[Sequence[dict[str, Any]]],
    collection: str,
    file_format: str,
    write: Callable[[bytes], object],
    tally: TransferCounts,
    *,
    report: Callable[[str], None],
    progress: Callable[[TransferCounts], None] = ignore,
) -> None:
    """Write documents out as they come; one that the format cannot say is reported and left out.

    Args:
        batches: documents without `_id`.
        file_format: one of `bot.records_io.formats.FORMATS`.
        write: takes UTF-8. Its errors escape.
        tally: counted up.
        report: told which document is left out and why, in one line.
        progress: told after each batch.
    """
    encoder = FORMATS[file_format](collection)
    write(encoder.head.encode())
    async for batch in batches:
        pieces = []
        for document in batch:
            try:
                pieces.append(encoder.encode(document, first=tally.written == 0))
            except BadValue as error:
                tally.refused += 1
                report(f"{_name(collection, document)}: {error}")
            else:
                tally.written += 1
        write("".join(pieces).encode())
        progress(tally)
    write(encoder.tail.encode())


@dataclass(slots=True)
class _Batch:
    records: list[Record] = field(default_factory=list)
    places: list[InputPlace] = field(default_factory=list)
    flaws: list[ReadingFlaw] = field(default_factory=list)
    readings: Counter[str] = field(default_factory=Counter)
    size: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.records) + len(self.flaws) >= _BATCH or self.size >= _BATCH_TEXT


def _batches(source: ByteSource, collection: str) -> Iterator[_Batch]:
    batch, model = _Batch(), MODELS[collection]
    for element in read_elements(source):
        if isinstance(element, Element):
            documents, readings = unpack(element.value, model)
            batch.readings.update(readings if element.reading is None else [element.reading, *readings])
            batch.size += element.size
            for document in documents:
                try:
                    batch.records.append(model.of(document))
                except BadValue as error:
                    batch.flaws.append(ReadingFlaw(element.place, str(error)))
                else:
                    batch.places.append(element.place)
        else:
            batch.flaws.append(element)
        if batch.is_full:
            yield batch
            batch = _Batch()
    yield batch


async def _write_batch(
    store: RecordStore, collection: str, batch: _Batch
) -> list[tuple[int, Written | Refused]]:
    """Write a batch over several connections; what belongs to one document or session goes over one.

    Returns:
        The places in the batch, with what became of the records there.
    """
    lanes: list[list[int]] = [[] for _ in range(_LANES)]
    for index, record in enumerate(batch.records):
        lanes[hash(_document_group(record)) % _LANES].append(index)
    used = [lane for lane in lanes if lane]
    replies = await asyncio.gather(
        *(store.write(collection, [batch.records[index] for index in lane]) for lane in used),
        return_exceptions=True,
    )
    results: dict[int, Written | Refused] = {}
    for lane, reply in zip(used, replies, strict=True):
        if isinstance(reply, BaseException):
            raise reply
        results |= zip(lane, reply, strict=True)
    return sorted(results.items(), key=lambda result: result[0])


class _NotAllError(Exception):
    """Some records of a transaction are refused."""

    def __init__(self, flaws: Sequence[ReadingFlaw]) -> None:
        super().__init__()
        self.flaws = flaws


async def _write_atomically(
    writer: AtomicWriter, collection: str, batch: _Batch, tally: TransferCounts
) -> None:
    outcomes = await writer.write(collection, batch.records)
    refused = [ReadingFlaw(batch.places[index], str(why)) for index, why in outcomes.refused.items()]
    if flaws := [*batch.flaws, *refused]:
        raise _NotAllError(flaws)
    tally.written += outcomes.inserted + outcomes.changed
    tally.unchanged += outcomes.unchanged


async def _held_back(batch: _Batch, admit: Admit | None) -> list[ReadingFlaw]:
    """Take out of a batch what is not admitted."""
    if admit is None:
        return []
    records = list(zip(batch.places, batch.records, strict=True))
    refused = await admit(records)
    batch.places = [place for index, (place, _) in enumerate(records) if index not in refused]
    batch.records = [record for index, (_, record) in enumerate(records) if index not in refused]
    return [ReadingFlaw(records[index][0], why) for index, why in refused.items()]


def _count_good(batch: _Batch, tally: TransferCounts) -> None:
    """Count what could be written."""
    tally.written += len(batch.records)
    tally.readings += batch.readings
    for record in batch.records:
        tally.see(record)


def _refuse(
    flaws: Iterable[ReadingFlaw], tally: TransferCounts, report: Callable[[ReadingFlaw], None]
) -> None:
    for flaw in flaws:
        tally.refused += 1
        report(flaw)


class _Tee:
    """Reads from one file and keeps what it read in another."""

    def __init__(self, source: ByteSource, copy: IO[bytes]) -> None:
        self._source = source
        self._copy = copy

    def read(self, size: int, /) -> bytes:
        piece = self._source.read(size)
        self._copy.write(piece)
        return piece


async def _ahead(items: Iterator[T], *, to_the_end: bool = False) -> AsyncGenerator[T, None]:
    """The items, each made while the one before is in use.

    Args:
        to_the_end: stopping early waits for the item in the making, so that no more is read.
    """
    following = _in_thread(lambda: next(items, None))
    try:
        while (item := await following) is not None:
            following = _in_thread(lambda: next(items, None))
            with heeding_cancellation():
                yield item
    finally:
        if to_the_end:
            await asyncio.gather(following, return_exceptions=True)
        following.cancel()


def _in_thread(call: Callable[[], T]) -> asyncio.Future[T]:
    """Call in a daemon thread: the process may end while it waits for a pipe."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type] # None only where T allows it
        else:
            future.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = call()
        except BaseException as exc:  # noqa: BLE001 # it is raised where the result is awaited
            error = exc
        with suppress(RuntimeError):  # the loop is closed, with all that waited
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _document_group(record: Record) -> str:
    """Equal for records that may end up in one document."""
    # An answer's key may be taken by another session's; its run is its own.
    return record.runId if isinstance(record, FeedbackRecord) else str(getattr(record, record.KEY))


def _name(collection: str, document: dict[str, Any]) -> str:
    key = KEYS[collection]
    return f"{key} {str(document.get(key))[:_SHOWN]!r}"
