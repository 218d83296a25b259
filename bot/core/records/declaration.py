"""How a collection of the database is declared: its documents, key, indexes and expiry, who may use it, and
whose data are in it. `bot.core.records.collections` declares them all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

from bot.core.records.models import Record

_DAY = 86_400  # seconds

Access: TypeAlias = tuple[str, ...]
"""MongoDB's actions that a user may carry out on a collection."""

NONE: Access = ()
READ: Access = ("find",)
# Whoever writes first makes sure that the keys are unique.
READ_INDEXES: Access = (*READ, "listIndexes")
ADD: Access = (*READ_INDEXES, "insert")
WRITE: Access = (*ADD, "update")


@dataclass(frozen=True, slots=True)
class Index:
    """One index that the product needs.

    Attributes:
        keys: fields with their direction, 1 or -1, in order.
        unique: at most one document for each combination of keys.
        expire_after_days: MongoDB deletes a document this many days after the date in the (only) key.
        sparse: documents without any of the fields are left out.
        replaces: the index that guards the same documents under the other setting; dropped when found.
    """

    collection: str
    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    expire_after_days: int | None = None
    sparse: bool = False
    replaces: Index | None = None

    @property
    def fields(self) -> list[str]:
        """The fields of the keys, in order."""
        return [field for field, _ in self.keys]

    @property
    def name(self) -> str:
        """The name MongoDB itself would give: `status_1_createdAt_-1`."""
        return "_".join(f"{field}_{direction}" for field, direction in self.keys)

    def options(self) -> dict[str, Any]:
        """The options of `createIndex` other than the name, fit for JSON."""
        # Named outright: a collection's own collation might else ignore case in keys.
        options: dict[str, Any] = {"collation": {"locale": "simple"}}
        if self.unique:
            options["unique"] = True
        if self.expire_after_days is not None:
            options["expireAfterSeconds"] = self.expire_after_days * _DAY
        if self.sparse:
            options["sparse"] = True
        return options


@dataclass(frozen=True, slots=True)
class IndexKeys:
    """An index of a collection beside those of its key and its expiry; see `by`."""

    fields: tuple[str, ...]
    unique: bool
    sparse: bool


def by(*fields: str, unique: bool = False, sparse: bool = False) -> IndexKeys:
    """An index on `fields`, in order; `-` before a field's name has it descend."""
    return IndexKeys(fields, unique, sparse)


@dataclass(frozen=True, slots=True)
class Expiry:
    """MongoDB deletes a document so long after the date in one of its fields.

    Attributes:
        days: the default, if operators may change it, else what holds; not used with `like`.
        least: the fewest days that `RETAIN_<COLLECTION>_DAYS` may say; None: there is no such setting.
        reason: why not fewer.
        like: the collection with whose documents these go.
    """

    field: str
    days: int = 0
    least: int | None = None
    reason: str = ""
    like: str | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """/forgetme deletes the documents that are from before it.

    Attributes:
        at: the field with their time.
        update_id: the field with the Telegram update that made them, if one did.
        is_edited: a document from after it may hold words from before it, which go, too
            (`bot.store.personal_data`).
    """

    at: str
    update_id: str | None = None
    is_edited: bool = False


Erased: TypeAlias = Before | Literal["athlete", "user", "prompts"]
"""How /forgetme deletes: by time, or by a function that is made for the collection: `AthleteStore` keeps the
place in the roster without what is personal, `UserStore.forget` knows the question that is confirmed,
`PersonalStore.forget_prompts` the answers that coach alerts are about."""


@dataclass(frozen=True, slots=True)
class Personal:
    """Documents about one athlete: /mydata discloses them.

    Attributes:
        user: the field with the Telegram user's id.
        athlete: fields of which any has the athlete's name.
        found_by: the function of `bot.store.personal_data` that finds them, where that is more than a field.
        shows_id: whether their `_id` says something.
        erased: how /forgetme deletes them; None: they remain, being the coach's records.
    """

    user: str | None = None
    athlete: tuple[str, ...] = ()
    found_by: Literal["answers", "prompts"] | None = None
    shows_id: bool = False
    erased: Erased | None = None


@dataclass(frozen=True)
class Collection:
    """One collection of the database.

    Attributes:
        name: in MongoDB, in the commands and in the API.
        model: what `write`, `export` and the API take and give; None for what the bot keeps for itself.
        own_key: without a model, the fields that name a document; none: its `_id` does.
        key_per_athlete: the key instead, where METRICS_PER_ATHLETE is set.
        dated_by: the field by which documents are selected and ordered; "": that of the expiry.
        own_dates: without a model, the instants that are checked and converted to BSON dates.
        service, coach: what the bot, and a coach workflow, may do with it. To delete is added where /forgetme
            deletes.
        is_watched: the bot waits for changes in it.
        reader: whether dashboards may read it.
        in_backup: whether `backup` takes it; not what is made anew, or is about what runs now.
        personal: None where nothing says whose a document is.
    """

    name: str
    model: type[Record] | None = None
    own_key: tuple[str, ...] = ()
    key_per_athlete: tuple[str, ...] | None = None
    indexes: tuple[IndexKeys, ...] = ()
    expiry: Expiry | None = None
    dated_by: str = ""
    own_dates: tuple[str, ...] = ()
    service: Access = WRITE
    coach: Access = NONE
    is_watched: bool = False
    reader: bool = False
    in_backup: bool = True
    personal: Personal | None = None

    @cached_property
    def dates(self) -> tuple[str, ...]:
        """The fields that hold instants, that of the expiry first."""
        fields = self.own_dates if self.model is None else _instants(self.model)
        expiring = self.expiry.field if self.expiry else None
        return tuple(sorted(fields, key=lambda field: field != expiring))

    @property
    def date_field(self) -> str:
        """The field by which documents are selected and ordered: one of `dates`, or a day (`YYYY-MM-DD`)."""
        return self.dated_by or (self.expiry.field if self.expiry else "")

    @property
    def keeps_created(self) -> bool:
        """Whether `createdAt` stays as it was first written, and `updatedAt` moves."""
        return self.model is not None and "updatedAt" in self.model.model_fields

    @property
    def service_access(self) -> Access:
        """All that the bot may do with it."""
        deletes = self.personal is not None and self.personal.erased not in (None, "athlete")
        changes = ("changeStream",) if self.is_watched else ()
        return (*self.service, *changes, *(("remove",) if deletes else ()))

    def key(self, *, per_athlete: bool = False) -> tuple[str, ...]:
        """The fields that name a document; empty if its `_id` does.

        Args:
            per_athlete: METRICS_PER_ATHLETE.
        """
        if per_athlete and self.key_per_athlete is not None:
            return self.key_per_athlete
        return self.own_key if self.model is None else (self.model.KEY,)

    def declared_indexes(self, expire_after_days: int | None, *, per_athlete: bool) -> list[Index]:
        """Its indexes: that of the key, the further ones, that of the expiry.

        Args:
            expire_after_days: None where documents are kept for ever.
            per_athlete: METRICS_PER_ATHLETE.
        """
        indexes = []
        if key := self.key(per_athlete=per_athlete):
            index = self._index(by(*key, unique=True))
            if self.key_per_athlete is not None:
                other = self.key(per_athlete=not per_athlete)
                index = replace(index, replaces=self._index(by(*other, unique=True)))
            indexes.append(index)
        indexes += map(self._index, self.indexes)
        if self.expiry is not None:
            expiring = ((self.expiry.field, 1),)
            indexes.append(Index(self.name, expiring, expire_after_days=expire_after_days))
        return indexes

    def _index(self, keys: IndexKeys) -> Index:
        directed = tuple(
            (field.removeprefix("-"), -1 if field.startswith("-") else 1) for field in keys.fields
        )
        return Index(self.name, directed, unique=keys.unique, sparse=keys.sparse)


def _instants(model: type[Record]) -> list[str]:
    return [name for name, field in model.model_fields.items() if _holds_instant(field.annotation)]


def _holds_instant(annotation: object) -> bool:
    return annotation is datetime or any(map(_holds_instant, get_args(annotation)))
