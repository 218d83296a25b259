"""The bootstrap that makes a database agree with the indexes that its collections declare.

`plan` decides from what `listIndexes` says, without I/O; `bootstrap` carries the decisions out. The only
index that it removes is one that a declared index `replaces`, once that one stands.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import pymongo
from pymongo.errors import OperationFailure

from bot.core.health.mongodb_checks import IndexState
from bot.core.records.collections import COLLECTIONS
from bot.core.records.declaration import Index
from bot.core.records.retention import DEFAULT_RETENTION, Retention
from bot.core.shared.errors import StorageRejected
from bot.core.shared.formatting import count
from bot.store.mongodb.client import (
    DUPLICATE_KEY,
    NO_TIMEOUT,
    OTHER_CASE,
    Database,
    Document,
    storage_errors,
)

_DAY = 86_400  # seconds
_ATTEMPTS = 3  # the second one sees what a bootstrap running beside us has done
_SHOWN = 10  # documents named in a message
_UNAUTHORIZED = 13
_AUTHENTICATION_FAILED = (18, 8000)  # the latter on Atlas
_CANNOT_CONVERT_TO_UNIQUE = 359
_INDEX_NOT_FOUND = 27
_UNSUPPORTED_BY_COLLMOD = (72, 40415)  # InvalidOptions, unknown field


def declare(
    retention: Retention = DEFAULT_RETENTION, *, metrics_per_athlete: bool = False
) -> tuple[Index, ...]:
    """All indexes of the database.

    Args:
        metrics_per_athlete: `weekly_metrics` holds one document for each athlete and week, not for each week.
    """
    return tuple(
        index
        for collection in COLLECTIONS
        for index in collection.declared_indexes(
            None if collection.expiry is None else retention[collection], per_athlete=metrics_per_athlete
        )
    )


INDEXES = declare()


def describe_retention(indexes: Iterable[Index]) -> list[str]:
    """What expires, when and by which field: one line for each collection, in order."""
    lines: dict[str, str] = {}
    for index in indexes:
        if index.expire_after_days is not None:
            when = f"{count(index.expire_after_days, 'day')} after {index.fields[0]}"
            lines[index.collection] = f"documents are deleted {when}"
        lines.setdefault(index.collection, "documents are never deleted")
    return [f"{collection}: {line}" for collection, line in lines.items()]


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """No index has these keys yet."""

    name: str


@dataclass(frozen=True, slots=True)
class KeepIndex:
    """An index, whatever its name, is as wanted."""

    name: str


@dataclass(frozen=True, slots=True)
class ChangeIndex:
    """The index `name` can become the wanted one in place.

    Attributes:
        make_unique: it is not unique yet.
        expire_after_seconds: the new expiry; None leaves it alone.
        summary: what changes, for people.
    """

    name: str
    make_unique: bool
    expire_after_seconds: int | None
    summary: str


@dataclass(frozen=True, slots=True)
class RefuseIndex:
    """The index `name` has the keys, but only its owner may decide to drop it."""

    name: str
    reason: str


Action: TypeAlias = CreateIndex | KeepIndex | ChangeIndex | RefuseIndex


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What `bootstrap` did about one index.

    Attributes:
        index: the declared one; or an index found that deletes documents and that nobody declared.
        name: the index's name in this database, which may differ from `index.name`.
        detail: what was changed, or why it failed and what to do; else empty.
    """

    index: Index
    name: str
    outcome: Literal["created", "kept", "changed", "failed"]
    detail: str = ""

    def __str__(self) -> str:
        line = f"{self.index.collection}.{self.name}: {self.outcome}"
        return f"{line} ({self.detail})" if self.detail else line


def plan(existing: Sequence[Mapping[str, Any]], wanted: Index) -> Action:
    """Decide what to do about `wanted`, given the collection's `listIndexes` documents."""
    candidates = [
        _judge(document, wanted) for document in existing if tuple(document["key"].items()) == wanted.keys
    ]
    if not candidates:
        return CreateIndex(_free_name(existing, wanted))
    # MongoDB allows several indexes on the same keys: one good one is enough.
    return min(candidates, key=lambda action: (KeepIndex, ChangeIndex, RefuseIndex).index(type(action)))


def _judge(document: Mapping[str, Any], wanted: Index) -> KeepIndex | ChangeIndex | RefuseIndex:
    name: str = document["name"]
    unique, sparse = bool(document.get("unique")), bool(document.get("sparse"))
    seconds: float | None = document.get("expireAfterSeconds")
    target: int | None = wanted.options().get("expireAfterSeconds")

    faults = [option for option in ("partialFilterExpression", "collation") if option in document]
    if sparse != wanted.sparse:
        faults.append("sparse" if sparse else "not sparse")
    if unique and not wanted.unique:
        faults.append("unique")
    if seconds is not None and target is None:
        faults.append(f"deletes documents after {_duration(seconds)}")
    if faults:
        return RefuseIndex(
            name, f"exists with other options: {', '.join(faults)}; {_cure(wanted.collection, name)}"
        )

    changes = []
    if make_unique := wanted.unique and not unique:
        changes.append("made unique")
    if expiry_differs := target is not None and seconds != target:
        changes.append(f"expires after {_duration(seconds)} -> {_duration(target)}")
    if changes:
        return ChangeIndex(name, make_unique, target if expiry_differs else None, ", ".join(changes))
    return KeepIndex(name)


def _free_name(existing: Iterable[Mapping[str, Any]], wanted: Index) -> str:
    taken = {document["name"] for document in existing}
    numbered = (f"{wanted.name}_{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([wanted.name], numbered) if name not in taken)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    return f"{seconds // _DAY:g} d" if seconds % _DAY == 0 else f"{seconds:g} s"


def _cure(collection: str, name: str) -> str:
    command = f"db.getCollection({json.dumps(collection)}).dropIndex({json.dumps(name)})"
    return f"in mongosh: {command}, then run bootstrap again"


async def bootstrap(db: Database, indexes: Iterable[Index] = INDEXES) -> list[IndexReport]:
    """Create or repair `indexes`; may be run any number of times, also at once.

    An index that cannot be made is reported as failed, and the others go on.

    Args:
        indexes: all that their collections need: any other index there that deletes documents is a failure.

    Returns:
        A report for each of `indexes`, in their order, and one for each index that deletes undeclared.

    Raises:
        StorageUnavailable: MongoDB did not answer; what was done so far stays.
        StorageRejected: the user lacks the rights.
    """
    with storage_errors(), pymongo.timeout(NO_TIMEOUT):  # building an index takes as long as it takes
        reports = [await _ensure(db, index) for index in indexes]
        for collection in dict.fromkeys(report.index.collection for report in reports):
            # Not on a view, about which each of its indexes has complained already.
            with suppress(OperationFailure):
                reports += undeclared_expiries(collection, await _list(db, collection), reports)
    return reports


async def examine(db: Database, indexes: Sequence[Index] = INDEXES) -> list[IndexState]:
    """What `bootstrap` would do, or fail to: the indexes that are not as declared. Nothing is changed.

    Raises:
        StorageError.
    """
    states: list[IndexState] = []
    with storage_errors():
        listed = {
            name: await _list(db, name) for name in dict.fromkeys(index.collection for index in indexes)
        }
        kept: list[IndexReport] = []
        for index in indexes:
            existing = listed[index.collection]
            action = plan(existing, index)
            kept.append(IndexReport(index, action.name, "kept"))
            name, is_missing = f"{index.collection}.{action.name}", isinstance(action, CreateIndex)
            match action:
                case RefuseIndex(_, reason):
                    states.append(IndexState(name, is_missing, obstacle=reason))
                case KeepIndex() if not (replaced := _replaced(existing, index)):
                    continue
                case KeepIndex():
                    detail = f"{', '.join(replaced)} is still there, which it replaces"
                    states.append(IndexState(name, is_missing, detail))
                case CreateIndex() | ChangeIndex():
                    detail = action.summary if isinstance(action, ChangeIndex) else ""
                    unique = index.unique and (isinstance(action, CreateIndex) or action.make_unique)
                    duplicates = await _find_duplicates(db, index) if unique else []
                    obstacle = _describe(duplicates, index) if duplicates else ""
                    states.append(IndexState(name, is_missing, detail, obstacle))
    for collection, existing in listed.items():
        strays = undeclared_expiries(collection, existing, kept)
        states += [
            IndexState(f"{collection}.{stray.name}", is_missing=False, obstacle=stray.detail)
            for stray in strays
        ]
    return states


async def missing(db: Database, indexes: Iterable[Index]) -> list[Index]:
    """Those that are not there; nothing is read but the lists of indexes.

    Raises:
        StorageError.
    """
    listed: dict[str, Sequence[Mapping[str, Any]]] = {}
    found = []
    with storage_errors():
        for index in indexes:
            if index.collection not in listed:
                listed[index.collection] = await _list(db, index.collection)
            if isinstance(plan(listed[index.collection], index), CreateIndex):
                found.append(index)
    return found


async def hold_keys(db: Database, collection: str) -> None:
    """Make sure of a collection's unique indexes, right before something is inserted that may be there.

    Whoever drops a collection drops its indexes, too, and the next insert makes it anew without them.

    Raises:
        StorageError: one of them cannot be had; the message says why.
    """
    keys = [index for index in INDEXES if index.collection == collection and index.unique]
    if not await missing(db, keys):
        return
    for report in await bootstrap(db, keys):
        if report.index in keys and report.outcome == "failed":
            raise StorageRejected(f"index {report}")


async def hold_keys_if_possible(db: Database, collection: str) -> None:
    """The same for what must be written all the same: where they cannot be had, `run` and `doctor` say so.

    Raises:
        StorageUnavailable.
    """
    with suppress(StorageRejected):
        await hold_keys(db, collection)


async def make_keys(db: Database, indexes: Iterable[Index]) -> None:
    """Make sure of the unique ones among `indexes`, for writers: without them a key could be written twice.

    Nothing else is changed: what deletes or moves documents is for `bootstrap`, which says so.

    Raises:
        StorageError: one of them cannot be had; the message says why.
    """
    for index in indexes:
        if not index.unique:
            continue
        with storage_errors():
            existing = await _list(db, index.collection)
        if index.replaces and isinstance(plan(existing, index), CreateIndex) and _replaced(existing, index):
            raise StorageRejected(
                f"{index.collection} is kept by {', '.join(index.replaces.fields)} here, and the settings"
                f" say by {', '.join(index.fields)}: set METRICS_PER_ATHLETE as it was for `bootstrap`, or"
                " run `bootstrap` to change over"
            )
        report, *_ = await bootstrap(db, [replace(index, replaces=None)])
        if report.outcome == "failed":
            raise StorageRejected(f"index {report}")


async def _list(db: Database, collection: str) -> Sequence[Mapping[str, Any]]:
    return await (await db[collection].list_indexes()).to_list()


def undeclared_expiries(
    collection: str, existing: Iterable[Mapping[str, Any]], reports: Iterable[IndexReport]
) -> list[IndexReport]:
    """Failures for the `existing` indexes that delete what the declaration keeps.

    Args:
        existing: the collection's `listIndexes` documents.
        reports: what was done about the declared indexes; indexes named there are not reported again.
    """
    own = [report for report in reports if report.index.collection == collection]
    declared = {
        report.index.fields[0]: report.index.expire_after_days * _DAY
        for report in own
        if report.index.expire_after_days is not None
    }
    found = []
    for document in existing:
        name, seconds = document["name"], document.get("expireAfterSeconds")
        if seconds is None or name in {report.name for report in own}:
            continue
        stray = Index(collection, tuple(document["key"].items()))
        if not seconds >= declared.get(stray.fields[0], math.inf):  # not `<`: NaN deletes too
            reason = f"not declared, and deletes documents {_duration(seconds)} after {stray.fields[0]}"
            found.append(IndexReport(stray, name, "failed", f"{reason}; {_cure(collection, name)}"))
    return found


async def _ensure(db: Database, index: Index) -> IndexReport:
    action: Action = CreateIndex(index.name)
    report: IndexReport | None = None
    reason = "somebody else keeps changing it; run bootstrap again"
    for _ in range(_ATTEMPTS):
        try:
            existing = await _list(db, index.collection)
            action = plan(existing, index)
            replaced = _replaced(existing, index)
            if replaced and (lacking := await _find_lacking(db, index)):
                return IndexReport(index, action.name, "failed", lacking)
            match action:
                case KeepIndex(name):
                    report = report or IndexReport(index, name, "kept")
                case RefuseIndex(name, refusal):
                    return IndexReport(index, name, "failed", refusal)
                case CreateIndex(name):
                    await _create(db, index, name)
                    report = IndexReport(index, name, "created")
                case ChangeIndex():
                    name = await _change(db, index, action, _free_name(existing, index))
                    report = IndexReport(index, name, "changed", action.summary)
            if not replaced:
                return report
            # It may be listed while another bootstrap still builds it: this waits until it is ready.
            await _create(db, index, report.name)
            for old in replaced:
                await _drop(db, index.collection, old)
            # The next round sees whether a bootstrap with the other setting has dropped ours meanwhile.
            report = replace(
                report,
                outcome="created" if report.outcome == "created" else "changed",
                detail=f"dropped {', '.join(replaced)}, which it replaces",
            )
        except OperationFailure as exc:
            if exc.code == _UNAUTHORIZED:
                raise StorageRejected(
                    f"MongoDB refuses this user the indexes of {index.collection}:"
                    f" grant it the roles readWrite and dbAdmin on the database {db.name!r}, or run bootstrap"
                    " with a user that may (docs/scaling.md)"
                ) from None
            if exc.code in (*_AUTHENTICATION_FAILED, OTHER_CASE):
                raise  # it would be the same with each index
            reason = str((exc.details or {}).get("errmsg", exc))
            if exc.code in (DUPLICATE_KEY, _CANNOT_CONVERT_TO_UNIQUE) and (
                duplicates := await _find_duplicates(db, index)
            ):
                reason = _describe(duplicates, index)
                break
            if isinstance(action, ChangeIndex):
                reason += f"; {_cure(index.collection, action.name)}"
    return IndexReport(index, action.name, "failed", reason)


def _replaced(existing: Iterable[Mapping[str, Any]], index: Index) -> list[str]:
    """The names of the indexes that `index` replaces; other ones on the same keys are somebody else's."""
    old = index.replaces
    if old is None:
        return []
    return [
        document["name"]
        for document in existing
        if tuple(document["key"].items()) == old.keys and isinstance(_judge(document, old), KeepIndex)
    ]


async def _find_lacking(db: Database, index: Index) -> str:
    """Name the documents that `index` could not tell apart as the one it replaces does; empty if none."""
    told_by = index.replaces.fields if index.replaces else []
    for field in index.fields:
        if field in told_by:
            continue
        cursor = db[index.collection].find({field: None}, dict.fromkeys(told_by, True) | {"_id": False})
        if documents := await cursor.limit(_SHOWN + 1).to_list():
            shown = _shorten([json.dumps(document, default=str) for document in documents])
            command = (
                f"db.getCollection({json.dumps(index.collection)})"
                f'.updateMany({{{field}: null}}, {{$set: {{{field}: "..."}}}})'
            )
            return (
                f"documents without {field}: {shown}; fill it in, in mongosh: {command},"
                " then run bootstrap again"
            )
    return ""


async def _drop(db: Database, collection: str, name: str) -> None:
    try:
        await db[collection].drop_index(name)
    except OperationFailure as exc:
        if exc.code != _INDEX_NOT_FOUND:  # another bootstrap was faster
            raise


async def _create(db: Database, index: Index, name: str) -> None:
    await db[index.collection].create_index(list(index.keys), name=name, **index.options())


async def _change(db: Database, index: Index, change: ChangeIndex, spare_name: str) -> str:
    """Carry out `change` and return the name of the index after it."""

    async def modify(**options: object) -> None:
        await db.command("collMod", index.collection, index={"name": change.name, **options})

    if change.make_unique:
        if await _find_duplicates(db, index):  # else `prepareUnique` would trouble the writers for nothing
            raise OperationFailure("duplicate keys", code=DUPLICATE_KEY)
        try:
            await modify(prepareUnique=True)
        except OperationFailure as exc:
            if exc.code not in _UNSUPPORTED_BY_COLLMOD:
                raise
            # Before MongoDB 6.0: the new one first, so that there is an index on these keys at any time.
            await _create(db, index, spare_name)
            await _drop(db, index.collection, change.name)
            return spare_name
        try:
            await modify(unique=True)
        except OperationFailure:
            await modify(prepareUnique=False)
            raise
    if change.expire_after_seconds is not None:
        await modify(expireAfterSeconds=change.expire_after_seconds)
    return change.name


async def _find_duplicates(db: Database, index: Index) -> list[Document]:
    """Groups `{_id: [key values], count}` of documents that share all keys, the largest first, cut off."""
    present: list[Document] = [{field: {"$exists": True}} for field in index.fields]
    pipeline: list[Document] = [
        {"$match": {"$or": present} if index.sparse else {}},
        {"$group": {"_id": [f"${field}" for field in index.fields], "count": {"$sum": 1}}},
        {"$match": {"count": {"$gt": 1}}},
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": _SHOWN + 1},
    ]
    cursor = await db[index.collection].aggregate(pipeline, allowDiskUse=True, collation={"locale": "simple"})
    return await cursor.to_list()


def _describe(duplicates: Sequence[Document], index: Index) -> str:
    keys = [dict(zip(index.fields, group["_id"], strict=True)) for group in duplicates]
    shown = _shorten(
        [
            f"{json.dumps(key, default=str)} x{group['count']}"
            for key, group in zip(keys, duplicates, strict=True)
        ]
    )
    # Only a shorter key than the replaced one's can have become ambiguous by the setting.
    several = index.replaces is not None and len(index.replaces.keys) > len(index.keys)
    cure = (
        "keep one document of each, or set METRICS_PER_ATHLETE=true"
        if several
        else "keep one document of each"
    )
    return f"duplicate keys: {shown}; {cure}, then run bootstrap again"


def _shorten(items: Sequence[str]) -> str:
    return ", ".join([*items[:_SHOWN], *(["and more"] if len(items) > _SHOWN else [])])
