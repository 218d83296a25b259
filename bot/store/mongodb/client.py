"""One way to connect, one way to fail.

Writes are acknowledged by a majority and journaled, whatever the connection string says: `w:1` loses
acknowledged writes when a server is killed.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import pymongo
from bson.errors import BSONError
from pymongo import (
    AsyncMongoClient,
    DeleteMany,
    DeleteOne,
    InsertOne,
    ReadPreference,
    ReplaceOne,
    UpdateMany,
    UpdateOne,
)
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    InvalidName,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
)
from pymongo.uri_parser import parse_uri

from bot.core.shared.errors import ConfigError, StorageDenied, StorageRejected, StorageUnavailable
from bot.store.mongodb.command_metrics import OnWrite, WriteListener
from bot.store.mongodb.foreign import REGISTRY
from bot.tasks import heeding_cancellation

Document = dict[str, Any]
Database = AsyncDatabase[Document]
Collection = AsyncCollection[Document]

WriteRequest = UpdateOne | UpdateMany | ReplaceOne[Document] | InsertOne[Document] | DeleteOne | DeleteMany

Instant = Callable[[], object]
"""Makes the expression for the present instant in an update."""

DUPLICATE_KEY = 11000

# Milliseconds. An operation that takes longer counts as an outage; bulk readers ask for more time themselves.
OPERATION_TIMEOUT = 10_000
_SELECTION_TIMEOUT = 2_000
_CONNECTIONS = 100  # as the driver itself has it

NO_TIMEOUT = 0
"""For `pymongo.timeout`: as long as it takes. (None would mean the client's own limit again.)"""

# At most one @, and before it a user, and perhaps a password, without what must be escaped.
_ENCODED = r"(?:[^@/?#\[\]:%]|%[0-9A-Fa-f]{2})+"
_WELL_ENCODED = re.compile(rf"[^/@]*//(?:{_ENCODED}(?::{_ENCODED})?@)?[^@]*")

_AUTHENTICATION_FAILED = 18
# Unauthorized, and Atlas's own, which is both.
_DENIED = frozenset({13, 8000})
# The rest of the server's sentence quotes the command, with what athletes wrote.
_DENIED_COMMAND = re.compile(r'to execute command \{ ([A-Za-z]+): (?:"([\w.]+)")?')
# Why no server is found, by what the driver says of those that it has tried.
_UNREACHED = (
    (
        re.compile(r'for replica set name "([^"]*)"'),
        "no server there is in a replica set named {0}; correct replicaSet in MONGO_URL, or leave it out",
    ),
    (
        re.compile(r"replica set named '([^']*)' but this node belongs to a set named '([^']*)'"),
        "its replica set is named {1}, not {0}; correct replicaSet in MONGO_URL, or leave it out",
    ),
    (
        re.compile(r"certificate verify failed: ([^(]*[^( ])"),
        "its certificate is not trusted ({0}); name the authority that signed it in MONGO_URL, as tlsCAFile=",
    ),
    (
        re.compile(r"SSL handshake failed|\[SSL"),
        "no TLS comes about; if the server has none, take tls (or ssl) out of MONGO_URL, or say tls=false",
    ),
    (
        # Whichever is noticed first.
        re.compile(r"connection (is already )?closed|Connection reset by peer"),
        "it closes the connection at once; if it wants TLS, add tls=true to MONGO_URL",
    ),
)
OTHER_CASE = 13297
"""MongoDB's error code: there is a database whose name differs in upper and lower case only."""
_OTHER_NAME = re.compile(r"already have: \[([^\]]*)\]")
_TRANSIENT_LABELS = ("RetryableWriteError", "TransientTransactionError")


def connect(
    url: str,
    db_name: str | None,
    default_db: str,
    on_write: OnWrite | None = None,
    *,
    selection_timeout: int = _SELECTION_TIMEOUT,
    connections: int = _CONNECTIONS,
) -> Database:
    """A database handle; nothing is sent before the first operation.

    Args:
        url: MongoDB connection string.
        db_name: database; None takes the one in `url`, else `default_db`.
        on_write: is told how long each write took.
        selection_timeout: milliseconds to look for a server that takes the operation.
        connections: how many at once to one server; further operations wait for a free one.

    Raises:
        ConfigError: `url` cannot be understood.
    """
    try:
        defaults: dict[str, Any] = {
            "timeoutMS": OPERATION_TIMEOUT,
            "serverSelectionTimeoutMS": selection_timeout,
            "maxPoolSize": connections,
        }
        options = url.lower().partition("?")[2]
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # PyMongo only warns of options it cannot read
            client: AsyncMongoClient[Document] = AsyncMongoClient(
                url,
                w="majority",
                journal=True,
                tz_aware=True,
                # Other writers may have stored what Python cannot hold: better an odd value than none, and
                # one that is written back as it was.
                datetime_conversion="DATETIME_AUTO",
                unicode_decode_error_handler="replace",
                type_registry=REGISTRY,
                appname="feedback-bot",
                event_listeners=[] if on_write is None else [WriteListener(on_write)],
                **{name: value for name, value in defaults.items() if f"{name.lower()}=" not in options},
            )
        name = db_name or client.get_default_database(default_db).name
        # What decides is read where it was written, whatever the connection string prefers.
        return client.get_database(name, read_preference=ReadPreference.PRIMARY)
    except (InvalidURI, ConfigurationError, InvalidName, ValueError, OSError, UserWarning) as exc:
        # The driver's text may quote a part of a password that was not escaped.
        is_encoded = _WELL_ENCODED.fullmatch(url) is not None
        reason = _reason(url, exc) if is_encoded else "percent-encode special characters in user and password"
        raise ConfigError(f"MONGO_URL: not a usable connection string ({reason})") from None


def _reason(url: str, exc: Exception) -> str:
    """The driver's, with the name of the option where it leaves that out; its hint is about passwords."""
    text = str(exc).partition(" Hint:")[0]
    if text.startswith("Unknown option"):
        for option in re.split("[&;]", url.partition("?")[2]):
            try:
                parse_uri(f"mongodb://host/?{option}")
            except ConfigurationError as unknown:
                if not str(unknown).startswith("Unknown option"):
                    continue
                proposal = str(unknown).partition(". ")[2].partition(" or maybe")[0]
                return f"there is no option {option.partition('=')[0]}. {proposal}".rstrip(". ")
    return text


def within(seconds: float) -> AbstractContextManager[object]:
    """What is done with MongoDB inside counts as an outage if all of it together takes longer."""
    return pymongo.timeout(seconds)


async def ping(db: Database) -> None:
    """Make sure that MongoDB answers, and has somebody who takes writes.

    Raises:
        StorageError.
    """
    with storage_errors():
        await db.command("ping")


class _PartlyRefusedError(StorageRejected):
    def __init__(self, write_errors: list[WriteError], inserted: set[int]) -> None:
        super().__init__(write_errors[0].problem)
        self.write_errors = write_errors
        self.inserted = inserted


@contextmanager
def storage_errors() -> Iterator[None]:
    """Translate the driver's errors. Its messages may quote documents, so they are not passed on.

    Raises:
        StorageUnavailable: no connection, no primary, no majority, no reply in time, or no usable server.
        StorageDenied: this user has not the right.
        StorageRejected: MongoDB refused the command for another reason.
    """
    try:
        with heeding_cancellation():
            yield
    except (ConnectionFailure, ExecutionTimeout, WriteConcernError, WaitQueueTimeoutError) as exc:
        raise StorageUnavailable(f"MongoDB does not answer{_unreached(exc)}") from None
    except BulkWriteError as exc:
        if exc.details.get("writeConcernErrors"):
            raise StorageUnavailable("MongoDB could not reach a majority") from None
        raise _PartlyRefusedError(
            [
                WriteError(
                    error["index"], error["code"], refusal(error["code"], error.get("errmsg"), "write")
                )
                for error in exc.details["writeErrors"]
            ],
            {upsert["index"] for upsert in exc.details["upserted"]},
        ) from None
    except OperationFailure as exc:
        if exc.code == _AUTHENTICATION_FAILED:
            raise StorageRejected(
                f"MongoDB refuses user or password (code {exc.code}); correct them in MONGO_URL, where"
                " authSource names the database that keeps the user"
            ) from None
        if exc.code in _DENIED:
            raise StorageDenied(
                f"MongoDB denies access{_denied_command(exc)} (code {exc.code}); give the user of MONGO_URL a"
                " role that allows it (docs/scaling.md), or readWrite on the bot's database"
            ) from None
        if any(exc.has_error_label(label) for label in _TRANSIENT_LABELS):
            raise StorageUnavailable(f"MongoDB is between primaries (code {exc.code})") from None
        raise StorageRejected(refusal(exc.code, (exc.details or {}).get("errmsg"))) from None
    except BSONError as exc:
        raise StorageRejected(f"a document cannot be read or written ({type(exc).__name__})") from None
    except ConfigurationError as exc:
        # Of an address that cannot be looked up, or a server that is too old or not ready.
        raise StorageUnavailable(f"MongoDB cannot be used: {str(exc).rstrip('.')}") from None
    except PyMongoError as exc:
        if exc.timeout:
            raise StorageUnavailable(f"MongoDB does not answer ({type(exc).__name__})") from None
        raise StorageRejected(f"MongoDB's driver refuses the call ({type(exc).__name__})") from None


def server_time() -> object:
    """The clock of MongoDB, which is one for all services."""
    return "$$NOW"


def refusal(code: int | None, message: object, what: str = "command") -> str:
    """Why MongoDB refuses something, in a sentence that quotes no document.

    Args:
        message: the server's.
        what: what it refuses.
    """
    if code == OTHER_CASE and (other := _OTHER_NAME.search(str(message))):
        return (
            f"there is a database named {other[1]} already, and MongoDB allows no other whose name differs in"
            " upper and lower case only; correct MONGO_DB, or the name in MONGO_URL"
        )
    return f"MongoDB refuses the {what} (code {code})"


def _unreached(exc: Exception) -> str:
    """Why there is no answer, as far as the driver knows, to follow on that sentence."""
    if isinstance(exc, ServerSelectionTimeoutError):
        for pattern, words in _UNREACHED:
            if found := pattern.search(str(exc)):
                return f": {words.format(*found.groups())}"
    return f" ({type(exc).__name__})"


def _denied_command(exc: OperationFailure) -> str:
    """Such as ` to insert on taps`; empty if the server does not say."""
    found = _DENIED_COMMAND.search(str((exc.details or {}).get("errmsg", "")))
    if found is None:
        return ""
    command, collection = found.groups()
    return f" to {command} on {collection}" if collection else f" to {command}"


@dataclass(frozen=True, slots=True)
class WriteError:
    """MongoDB refused one operation of a bulk write.

    Attributes:
        index: position of the operation.
        code: MongoDB's error code.
        problem: what it means, for a message.
    """

    index: int
    code: int
    problem: str


async def bulk_upsert(collection: Collection, requests: Sequence[WriteRequest]) -> list[WriteError]:
    """Send writes together, in no order; returns those that were refused one by one.

    Raises:
        StorageError: any of them may be unwritten; sending all again is harmless.
    """
    try:
        with storage_errors():
            await collection.bulk_write(requests, ordered=False)
    except _PartlyRefusedError as exc:
        return exc.write_errors
    return []


async def insert_new(collection: Collection, requests: Sequence[UpdateOne]) -> set[int]:
    """Send upserts together, in no order.

    Returns:
        The places of those that have made a new document; of the others nobody knows what they did.

    Raises:
        StorageError: as `bulk_upsert`.
    """
    if not requests:
        return set()
    try:
        with storage_errors():
            result = await collection.bulk_write(requests, ordered=False)
    except _PartlyRefusedError as exc:
        return exc.inserted
    return set(result.upserted_ids or ())


async def write_all(collection: Collection, requests: Sequence[WriteRequest]) -> list[int]:
    """Send writes together, in no order, if there are any.

    Returns:
        The places of those that met a duplicate key: somebody else has just written the same.

    Raises:
        StorageUnavailable: any of them may be unwritten; sending all again is harmless.
        StorageRejected: MongoDB refuses one of them for another reason; the others may be written.
    """
    errors = await bulk_upsert(collection, requests) if requests else []
    for error in errors:
        if error.code != DUPLICATE_KEY:
            raise StorageRejected(error.problem)
    return [error.index for error in errors]
